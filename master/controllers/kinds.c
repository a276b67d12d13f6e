/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/kinds.h"
#include "lib/api/kind.h"

static struct client_kind *all;
static size_t n_all, cap_all;

static bool wanted(const struct api_kind *k)
{
	const uint16_t needs = API_VERB_LIST | API_VERB_WATCH | API_VERB_DELETE;

	return k->plural && !k->storage && !(k->flags & API_K_VIRTUAL) &&
	       (k->verbs & needs) == needs && strcmp(k->kind, "Event") != 0;
}

const struct client_kind *kinds_all(size_t *ret_n)
{
	bool done = n_all > 0;
	const struct api_kind *k;

	for (size_t i = 0; !done && (k = api_kind_at(i)); i++)
		if (wanted(k))
			*ARRAY_PUSH(all, n_all, cap_all) = (struct client_kind){
				k->group, k->version, k->plural, k->kind, api_kind_namespaced(k)};
	*ret_n = n_all;
	return all;
}

const struct client_kind *kinds_find(struct str api_version, struct str kind)
{
	struct str group, version;
	size_t n;
	const struct client_kind *v = kinds_all(&n);

	api_version_split(api_version, &group, &version);
	for (size_t i = 0; i < n; i++)
		if (str_eqs(group, v[i].group) && str_eqs(kind, v[i].kind))
			return &v[i];
	return NULL;
}
