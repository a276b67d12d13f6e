/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_CONVERSION_H
#define KNARR_APISERVER_CONVERSION_H
#include "lib/api/crd/custom.h"
#include "master/apiserver/request.h"
/*
 * Custom resources whose versions a webhook converts (apiextensions.k8s.io/v1 ConversionReview).
 *
 * Reading is synchronous everywhere but here: what an answer will need is asked of the webhook
 * first, and kept with the kind (custom_converted); then the answer is made as if nothing were
 * special. Objects go in groups of bounded size, one group after the other. Of what comes back only
 * labels and annotations of the metadata count.
 */
/* NULL: all is there now; else 500 with why. Never from within conversion_ensure. */
typedef void conversion_cb(void *user, const struct err *e);
/*
 * Values (stored or served bytes, copied) shall be readable in k's version. False: they are, and cb
 * is not called.
 */
bool conversion_ensure(struct apiserver *s, const struct api_kind *k, const struct str *values,
		       size_t n, conversion_cb *cb, void *user);
/*
 * The same for a request that is about to answer with these objects: true, it waits; `again` is
 * run when they are there, or the failure is answered.
 */
bool conversion_wait(struct request *r, const struct store_obj *const *objs, size_t n,
		     void (*again)(struct request *r));
#endif
