/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kind.h"
#include "lib/api/kinds/kinds.h"

const char *api_verb_name(enum api_verb v)
{
	static const char *const names[] = {"create", "get",   "list",   "watch",
					    "update", "patch", "delete", "deletecollection"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (v == (enum api_verb)(1u << i))
			return names[i];
	return NULL;
}

const struct api_kind *api_kind_at(size_t i)
{
	return i < api_builtin_n ? api_builtin_kinds[i] : NULL;
}

const struct api_kind *api_kinds_at(const struct api_kinds *s, size_t i)
{
	if (i < api_builtin_n)
		return api_builtin_kinds[i];
	i -= api_builtin_n;
	return s && i < s->n_extra ? s->extra[i] : NULL;
}

const struct api_kind *api_kinds_find(const struct api_kinds *s, struct str group,
				      struct str version, struct str plural)
{
	const struct api_kind *k;

	for (size_t i = 0; (k = api_kinds_at(s, i)); i++)
		if (k->plural && str_eqs(plural, k->plural) && str_eqs(group, k->group) &&
		    str_eqs(version, k->version))
			return k;
	return NULL;
}

const struct api_kind *api_kind_find(struct str group, struct str version, struct str plural)
{
	const struct api_kind *k;

	for (size_t i = 0; (k = api_kind_at(i)); i++)
		if (k->plural && str_eqs(plural, k->plural) && str_eqs(group, k->group) &&
		    str_eqs(version, k->version))
			return k;
	return NULL;
}

const struct api_kind *api_kind_by_gvk(struct str group, struct str version, struct str kind)
{
	const struct api_kind *k;

	for (size_t i = 0; (k = api_kind_at(i)); i++)
		if (str_eqs(kind, k->kind) && str_eqs(group, k->group) &&
		    str_eqs(version, k->version))
			return k;
	return NULL;
}

const struct api_kind *api_kind_any_version(struct str group, struct str plural)
{
	const struct api_kind *k;

	for (size_t i = 0; (k = api_kind_at(i)); i++)
		if (k->plural && str_eqs(plural, k->plural) && str_eqs(group, k->group))
			return k;
	return NULL;
}

void api_kind_api_version(const struct api_kind *k, struct buf *out)
{
	if (*k->group)
		buf_addf(out, "%s/", k->group);
	buf_adds(out, k->version);
}

void api_version_split(struct str api_version, struct str *ret_group, struct str *ret_version)
{
	ssize_t slash = str_chr(api_version, '/');

	*ret_group = slash < 0 ? STR("") : str_n(api_version.p, (size_t)slash);
	*ret_version = str_skip(api_version, (size_t)(slash + 1));
}

const struct api_subresource *api_subresource_find(const struct api_kind *k, struct str name)
{
	for (size_t i = 0; i < k->n_subresources; i++)
		if (str_eqs(name, k->subresources[i].name))
			return &k->subresources[i];
	return NULL;
}

void api_kind_qualified(const struct api_kind *k, struct buf *out)
{
	buf_adds(out, k->plural ? k->plural : k->kind);
	if (*k->group)
		buf_addf(out, ".%s", k->group);
}
