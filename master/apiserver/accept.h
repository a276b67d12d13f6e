/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_ACCEPT_H
#define KNARR_APISERVER_ACCEPT_H
#include "lib/base/str.h"
/*
 * In which form an object is wanted: the first media range of an Accept header that can be given.
 * JSON is always spoken; "as=Table" and "as=PartialObjectMetadata[List]" choose a view of it.
 */
enum accept_form {
	ACCEPT_OBJECT,
	ACCEPT_TABLE,
	ACCEPT_PARTIAL,
	ACCEPT_NONE, /* nothing of it can be given: 406 */
};

struct accept {
	enum accept_form form;
	bool yaml;
	const char *version; /* of meta.k8s.io: "v1" or "v1beta1" */
};

struct accept accept_parse(struct str header);
#endif
