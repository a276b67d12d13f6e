/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_ACCEPT_H
#define KNARR_APISERVER_ACCEPT_H
#include "lib/base/str.h"
/*
 * In which form an object is wanted: of the media ranges of an Accept header the one with the
 * highest q that can be given (RFC 9110 12.5.1; of equals the more exact one, then the first).
 * "as=Table" and "as=PartialObjectMetadata[List]" choose a view. JSON and YAML are always spoken,
 * protobuf where the kind has numbers (metadata always has); a Table has none.
 */
enum accept_form {
	ACCEPT_OBJECT,
	ACCEPT_TABLE,
	ACCEPT_PARTIAL,
	ACCEPT_NONE, /* nothing of it can be given: 406 */
};

struct accept {
	enum accept_form form;
	bool yaml, pb;
	bool json_too; /* with `pb`: the same in JSON would be right as well */
	const char *version; /* of meta.k8s.io: "v1" or "v1beta1" */
};

struct accept accept_parse(struct str header, bool has_pb);
/*
 * The view of node_routes.h is among what is wanted; then its "known=" is *ret_known, STR_NULL
 * without one. ret_known may be NULL.
 */
bool accept_node_routes(struct str header, struct str *ret_known);
#endif
