/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/accept.h"

struct range {
	struct str as, group, version;
};

static struct range parse_params(struct str params)
{
	struct range r = {STR_NULL, STR_NULL, STR_NULL};
	struct str p;

	while (params.p && str_split(&params, ';', &p)) {
		ssize_t eq;

		p = str_trim(p);
		eq = str_chr(p, '=');
		if (eq < 0)
			continue;
		if (str_starts(p, STR("as=")))
			r.as = str_skip(p, 3);
		else if (str_starts(p, STR("g=")))
			r.group = str_skip(p, 2);
		else if (str_starts(p, STR("v=")))
			r.version = str_skip(p, 2);
	}
	return r;
}

static bool parse_as(const struct range *r, struct accept *ret)
{
	if (str_is_null(r->as)) {
		ret->form = ACCEPT_OBJECT;
		return true;
	}
	if (!str_eqs(r->group, "meta.k8s.io"))
		return false;
	if (str_eqs(r->version, "v1"))
		ret->version = "v1";
	else if (str_eqs(r->version, "v1beta1"))
		ret->version = "v1beta1";
	else
		return false;
	if (str_eqs(r->as, "Table"))
		ret->form = ACCEPT_TABLE;
	else if (str_starts(r->as, STR("PartialObjectMetadata")))
		ret->form = ACCEPT_PARTIAL;
	else
		return false;
	return true;
}

/* JSON in its several names; *ret_yaml for YAML. */
static bool media_type(struct str type, bool *ret_yaml)
{
	*ret_yaml = str_eq_nocase(type, STR("application/yaml"));
	return *ret_yaml || str_eq_nocase(type, STR("application/json")) ||
	       str_eq(type, STR("*/*")) || str_eq(type, STR("application/*"));
}

struct accept accept_parse(struct str header)
{
	struct accept a = {ACCEPT_OBJECT, false, "v1"};
	struct str range, type;

	if (!str_trim(header).len)
		return a;
	while (str_split(&header, ',', &range)) {
		struct str params = range;
		struct range r;

		str_split(&params, ';', &type);
		r = parse_params(params);
		if (media_type(str_trim(type), &a.yaml) && parse_as(&r, &a))
			return a;
	}
	return (struct accept){ACCEPT_NONE, false, "v1"};
}
