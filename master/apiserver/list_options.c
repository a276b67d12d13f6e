/* SPDX-License-Identifier: Apache-2.0 */
/* Options of lists and watches that don't go together (apimachinery's ValidateListOptions). */
#include "lib/api/status.h"
#include "master/apiserver/read.h"

#define MATCH "resourceVersionMatch"

static const struct api_kind list_options = {.group = "meta.k8s.io", .kind = "ListOptions"};

static void forbidden(struct err *err, const char *field, const char *why)
{
	err_field(err, field, "FieldValueForbidden", "Forbidden: %s", why);
}

static void unsupported(struct err *err, struct str match, const char *supported)
{
	err_field(err, MATCH, "FieldValueNotSupported",
		  "Unsupported value: \"%.*s\": supported values: %s", STR_ARG(match), supported);
}

static void check_watch(struct str match, bool initial, struct err *err)
{
	bool not_older = str_eqs(match, "NotOlderThan");

	if (initial && !not_older)
		forbidden(err, MATCH,
			  "sendInitialEvents requires setting resourceVersionMatch to "
			  "NotOlderThan");
	if (match.len && !initial)
		forbidden(err, MATCH,
			  "resourceVersionMatch is forbidden for watch unless sendInitialEvents is "
			  "provided");
	if (match.len && !not_older)
		unsupported(err, match, "\"NotOlderThan\"");
}

static void check_list(struct str match, struct str rv, struct err *err)
{
	if (match.len && !rv.len)
		forbidden(err, MATCH,
			  "resourceVersionMatch is forbidden unless resourceVersion is provided");
	if (match.len && !str_eqs(match, "Exact") && !str_eqs(match, "NotOlderThan"))
		unsupported(err, match, "\"Exact\", \"NotOlderThan\", \"\"");
	if (str_eqs(match, "Exact") && str_eqs(rv, "0"))
		forbidden(err, MATCH,
			  "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
}

int read_check_options(struct request *r, bool watch, struct err *err)
{
	struct str match = query_get(&r->query, MATCH);
	bool initial = !str_is_null(query_get(&r->query, "sendInitialEvents"));

	if (watch)
		check_watch(match, initial, err);
	else
		check_list(match, query_get(&r->query, "resourceVersion"), err);
	if (match.len && query_get(&r->query, "continue").len)
		forbidden(err, MATCH,
			  "resourceVersionMatch is forbidden when continue is provided");
	if (!watch && initial)
		forbidden(err, "sendInitialEvents", "sendInitialEvents is forbidden for list");
	return err->n_fields ? api_err_invalid(err, &list_options, STR("")) : 0;
}
