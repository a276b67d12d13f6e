/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_LABELS_H
#define KNARR_API_LABELS_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/json/jv.h"
/*
 * Label selectors: the text form of `labelSelector=` ("a=b,c in (x,y),!d,e>3"; grammar of
 * k8s.io/apimachinery/pkg/labels) and LabelSelector objects, compiled into one list of
 * requirements which all must hold.
 */
enum label_op {
	LABEL_IN,
	LABEL_NOT_IN, /* also true when the key is absent */
	LABEL_EXISTS,
	LABEL_NOT_EXISTS,
	LABEL_GT,
	LABEL_LT,
};

struct label_req {
	char *key;
	enum label_op op;
	char **values;
	size_t n_values;
	int64_t number; /* for GT and LT */
};

struct label_selector {
	struct label_req *reqs;
	size_t n, cap;
	bool nothing; /* matches no object (a null LabelSelector) */
};

void label_selector_done(struct label_selector *s);
/* "" matches everything. -EINVAL with Kubernetes' text ("unable to parse requirement: ..."). */
int label_selector_parse(struct str text, struct label_selector *ret, struct err *err);
/* A metav1.LabelSelector; an absent one matches nothing, {} everything. */
int label_selector_from_object(struct jv obj, struct label_selector *ret, struct err *err);
/* A plain map {"app":"x"} (ReplicationController, Service); absent or empty: nothing. */
int label_selector_from_map(struct jv obj, struct label_selector *ret, struct err *err);
static inline bool label_selector_is_everything(const struct label_selector *s)
{
	return !s->nothing && !s->n;
}
/* get(user, key) gives the value, or STR_NULL when the label is absent. */
bool label_selector_match_fn(const struct label_selector *s,
			     struct str (*get)(void *user, struct str key), void *user);
/* labels: a JSON object of strings, or nothing. */
bool label_selector_match(const struct label_selector *s, struct jv labels);
/* Canonical text, as Scale's status.selector has it: "app=x,tier in (a,b)". */
void label_selector_format(const struct label_selector *s, struct buf *out);

/* Rules of names (apimachinery util/validation): NULL when right, else what is wrong. */
const char *label_check_key(struct str key);
const char *label_check_value(struct str value);
#endif
