/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_ADMISSION_VERSION_H
#define KNARR_ADMISSION_VERSION_H
#include "master/apiserver/conversion.h"
#include "master/apiserver/webhooks.h"
#include "master/apiserver/write.h"
/*
 * matchPolicy Equivalent: a webhook or policy whose rule names another served version of the
 * resource sees the object in that one, and what it changes is converted back.
 *
 * What is converted within Knarr is at hand at once. Where the definition has a webhook for that,
 * it has to be asked first, and admission is made of steps that don't wait. So a step that lacks a
 * form says which (w->lack), undoes what it did, and is run again when the form is there:
 *
 *	step --lacks nothing--> goes on
 *	  ^ '--w->lack.to--> admission_lack_fill
 *	  '---------------------'
 *
 * As the same bytes are asked for each time and answers are kept (custom_converted), each run gets
 * further than the one before.
 */

/* In which version a webhook or policy that matches wants to see it, if it can; or NULL. */
const struct api_kind *admission_version(struct write *w, const struct webhook *h,
					 const struct webhook_attrs *a);
/* A copy of what is seen in that version; NULL: there is nothing, or it cannot be had (w->lack). */
struct json_object *admission_in_version(struct write *w, const struct api_kind *as,
					 struct json_object *obj);
/* Back: `take` becomes a tree of the request's version, or it is lost and NULL as above. */
struct json_object *admission_from_version(struct write *w, const struct api_kind *as,
					   struct json_object *take);
/* Are object and old object to be had in that version? False: see w->lack. */
bool admission_version_at_hand(struct write *w, const struct api_kind *as);
/*
 * The form that is lacking. cb is called when it is there (NULL), or with why it can't be had: then
 * w->lack.fault is that, too, and the same version is not asked for again in this write.
 */
void admission_lack_fill(struct write *w, conversion_cb *cb, void *user);
void admission_lack_done(struct write *w);
#endif
