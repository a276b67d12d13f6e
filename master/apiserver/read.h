/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_READ_H
#define KNARR_APISERVER_READ_H
#include "lib/api/fields.h"
#include "lib/api/index.h"
#include "lib/api/labels.h"
#include "master/apiserver/respond.h"
#include "master/apiserver/server.h"
/* What get, list, watch and deletecollection have in common. */

/* Run fn(r) once everything acknowledged before now can be read; maybe at once. Uses r->work. */
void read_consistent(struct request *r, void (*fn)(struct request *r));

/*
 * resourceVersion= of the query: 0 when absent, 1 with *ret set, or an error (400, or 504 for one
 * that has not been reached yet).
 */
int read_check_rv(struct request *r, uint64_t *ret, struct err *err);

/* The error for a revision that has not been reached. */
int read_rv_too_large(struct request *r, uint64_t rev, struct err *err);

/* The combinations of resourceVersionMatch, sendInitialEvents and continue that Kubernetes refuses:
 * -EINVAL with 422. */
int read_check_options(struct request *r, bool watch, struct err *err);

/* labelSelector=, fieldSelector= and the namespace, ready to be asked of each object. */
struct read_filter {
	struct label_selector labels;
	struct field_selector fields;
	bool any; /* nothing to ask */
	const struct api_kind *kind; /* of custom resources with selectable fields, or NULL */
};
int read_filter_parse(struct request *r, struct read_filter *ret, struct err *err);
void read_filter_done(struct read_filter *f);
bool read_filter_match(const struct read_filter *f, const struct store_obj *o);

/* limit= and timeoutSeconds= as whole numbers; `absent` when not given. -EINVAL with 400. */
int read_number(struct request *r, const char *name, uint64_t absent, uint64_t *ret,
		struct err *err);
/* Namespace and name out of a store key. */
void read_key_split(struct str key, struct str *ret_ns, struct str *ret_name);
#endif
