/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/accept.h"

struct range {
	struct str as, group, version, known;
};

static struct range parse_params(struct str params)
{
	struct range r = {STR_NULL, STR_NULL, STR_NULL, STR_NULL};
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
		else if (str_starts(p, STR("known=")))
			r.known = str_skip(p, 6);
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

/* q=0.8 is 800; 1000 without one. */
static unsigned quality(struct str params)
{
	unsigned q = 0, digit = 1000;
	struct str p;

	while (params.p && str_split(&params, ';', &p)) {
		p = str_trim(p);
		if (!str_starts(p, STR("q=")))
			continue;
		p = str_skip(p, 2);
		for (size_t i = 0; i < p.len && digit; i++) {
			if (p.p[i] == '.')
				continue;
			if (p.p[i] < '0' || p.p[i] > '9')
				break;
			q += (unsigned)(p.p[i] - '0') * digit;
			digit /= 10;
		}
		return q > 1000 ? 1000 : q;
	}
	return 1000;
}

/* How exact a range is: 2 for a type by name, 0 for any; -1: it cannot be given. */
static int media_type(struct str type, struct accept *ret)
{
	ret->yaml = str_eq_nocase(type, STR("application/yaml"));
	ret->pb = str_eq_nocase(type, STR("application/vnd.kubernetes.protobuf"));
	if (ret->yaml || ret->pb || str_eq_nocase(type, STR("application/json")))
		return 2;
	if (str_eq(type, STR("application/*")))
		return 1;
	return str_eq(type, STR("*/*")) ? 0 : -1;
}

struct accept accept_parse(struct str header, bool has_pb)
{
	struct accept best = {.form = ACCEPT_NONE, .version = "v1"}, json = best;
	unsigned best_rank = 0;
	struct str range, type;

	if (!str_trim(header).len)
		return (struct accept){.form = ACCEPT_OBJECT, .version = "v1"};
	while (str_split(&header, ',', &range)) {
		struct accept a = {.form = ACCEPT_OBJECT, .version = "v1"};
		struct str params = range;
		struct range r;
		unsigned q, rank;
		int exact;

		str_split(&params, ';', &type);
		r = parse_params(params);
		exact = media_type(str_trim(type), &a);
		q = quality(params);
		if (exact < 0 || !q || !parse_as(&r, &a) ||
		    (a.pb && a.form != ACCEPT_PARTIAL && (a.form == ACCEPT_TABLE || !has_pb)))
			continue;
		rank = q * 4 + (unsigned)exact;
		if (!a.pb && !a.yaml && json.form == ACCEPT_NONE)
			json = a;
		if (rank > best_rank) {
			best = a;
			best_rank = rank;
		}
	}
	best.json_too = best.pb && json.form == best.form;
	return best;
}

bool accept_node_routes(struct str header, struct str *ret_known)
{
	struct str range, type;

	while (str_split(&header, ',', &range)) {
		struct str params = range;
		struct range r;

		str_split(&params, ';', &type);
		r = parse_params(params);
		if (!str_eqs(r.as, "NodeRoutes") || !str_eqs(r.group, "knarr.io") ||
		    !str_eqs(r.version, "v1"))
			continue;
		if (ret_known)
			*ret_known = r.known;
		return true;
	}
	return false;
}
