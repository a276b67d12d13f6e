/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_ADMISSION_WEBHOOK_H
#define KNARR_ADMISSION_WEBHOOK_H
#include "master/apiserver/write.h"
/*
 * Admission by servers outside (admission.k8s.io/v1 AdmissionReview, or v1beta1
 * for those that name it first). Mutating webhooks are asked
 * one after the other in the order of their configurations' names, each sees what those before it
 * made of the object; those with reinvocationPolicy IfNeeded are asked once more when the object
 * was changed after them. Validating webhooks are asked all at once, the first refusal counts.
 *
 * Mutating policies (policies.h) speak before the mutating webhooks; once anything was changed, the
 * built-in plugins, then those policies and webhooks that wish so are asked a second time.
 *
 * `then` is called with NULL when all agree (at once when nobody is to be asked), or with the
 * refusal. w->obj may be another tree afterwards.
 */
typedef void (*admission_webhooks_cb)(struct write *w, const struct err *refusal);
void admission_webhooks(struct write *w, bool mutating, admission_webhooks_cb then);
#endif
