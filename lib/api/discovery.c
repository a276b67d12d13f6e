/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/discovery.h"

enum api_discovery_form api_discovery_accept(struct str accept)
{
	struct str part;

	while (str_split(&accept, ',', &part)) {
		CLEANUP_FREE char *p = str_dup(str_trim(part));

		if (!p || strncmp(p, "application/json", 16) != 0)
			continue;
		if (!strstr(p, "as=APIGroupDiscoveryList"))
			return API_DISCOVERY_PLAN;
		if (!strstr(p, "g=apidiscovery.k8s.io"))
			continue;
		if (strstr(p, "v=v2beta1"))
			return API_DISCOVERY_V2BETA1;
		if (strstr(p, "v=v2"))
			return API_DISCOVERY_V2;
	}
	return API_DISCOVERY_PLAN;
}

const char *api_discovery_content_type(enum api_discovery_form form)
{
	switch (form) {
	case API_DISCOVERY_V2:
		return "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
	case API_DISCOVERY_V2BETA1:
		return "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
	case API_DISCOVERY_PLAN:
		break;
	}
	return "application/json";
}

/* Is the i-th kind the first served one of its group (or of its group and version)? */
static bool first_of(const struct api_kinds *ks, size_t i, bool with_version)
{
	const struct api_kind *k = api_kinds_at(ks, i), *o;

	if (!k->plural)
		return false;
	for (size_t j = 0; j < i; j++) {
		o = api_kinds_at(ks, j);
		if (o->plural && strcmp(o->group, k->group) == 0 &&
		    (!with_version || strcmp(o->version, k->version) == 0))
			return false;
	}
	return true;
}

static void write_strings(struct jw *w, const char *key, const char *const *list)
{
	jw_key(w, key);
	jw_begin_array(w);
	for (; list && *list; list++)
		jw_str(w, str_of(*list));
	jw_end_array(w);
}

static void write_verbs(struct jw *w, unsigned verbs)
{
	/* Kubernetes sorts them. */
	static const enum api_verb order[] = {
		API_VERB_CREATE, API_VERB_DELETE, API_VERB_DELETECOLLECTION, API_VERB_GET,
		API_VERB_LIST,   API_VERB_PATCH,  API_VERB_UPDATE,           API_VERB_WATCH};

	jw_key(w, "verbs");
	jw_begin_array(w);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (verbs & order[i])
			jw_str(w, str_of(api_verb_name(order[i])));
	jw_end_array(w);
}

static void gv_member(struct jw *w, const char *key, const char *group, const char *version)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	buf_addf(&b, "%s%s%s", group, *group ? "/" : "", version);
	jw_member_str(w, key, buf_str(&b));
}

/* ---- aggregated ---- */

static void response_kind(struct jw *w, const char *group, const char *version, const char *kind)
{
	jw_key(w, "responseKind");
	jw_begin_object(w);
	jw_member_str(w, "group", str_of(group));
	jw_member_str(w, "version", str_of(version));
	jw_member_str(w, "kind", str_of(kind));
	jw_end_object(w);
}

static void aggregated_sub(struct jw *w, const struct api_kind *k, const struct api_subresource *s)
{
	jw_begin_object(w);
	jw_member_str(w, "subresource", str_of(s->name));
	response_kind(w, s->kind ? s->group : k->group, s->kind ? s->version : k->version,
		      s->kind ? s->kind : k->kind);
	write_verbs(w, s->verbs);
	jw_end_object(w);
}

static void aggregated_resource(struct jw *w, const struct api_kind *k)
{
	jw_begin_object(w);
	jw_member_str(w, "resource", str_of(k->plural));
	response_kind(w, k->group, k->version, k->kind);
	jw_member_str(w, "scope", api_kind_namespaced(k) ? STR("Namespaced") : STR("Cluster"));
	jw_member_str(w, "singularResource", str_of(k->singular));
	write_verbs(w, k->verbs);
	if (k->short_names)
		write_strings(w, "shortNames", k->short_names);
	if (k->categories)
		write_strings(w, "categories", k->categories);
	if (k->n_subresources) {
		jw_key(w, "subresources");
		jw_begin_array(w);
		for (size_t i = 0; i < k->n_subresources; i++)
			aggregated_sub(w, k, &k->subresources[i]);
		jw_end_array(w);
	}
	jw_end_object(w);
}

static void aggregated_version(const struct api_kinds *ks, struct jw *w, const char *group,
			       const char *version)
{
	const struct api_kind *k;

	jw_begin_object(w);
	jw_member_str(w, "version", str_of(version));
	jw_key(w, "resources");
	jw_begin_array(w);
	for (size_t i = 0; (k = api_kinds_at(ks, i)); i++)
		if (k->plural && strcmp(k->group, group) == 0 && strcmp(k->version, version) == 0)
			aggregated_resource(w, k);
	jw_end_array(w);
	jw_member_str(w, "freshness", STR("Current"));
	jw_end_object(w);
}

static void aggregated_group(const struct api_kinds *ks, struct jw *w, const char *group)
{
	const struct api_kind *k;

	jw_begin_object(w);
	jw_key(w, "metadata");
	jw_begin_object(w);
	if (*group)
		jw_member_str(w, "name", str_of(group));
	jw_key(w, "creationTimestamp");
	jw_null(w);
	jw_end_object(w);
	jw_key(w, "versions");
	jw_begin_array(w);
	for (size_t i = 0; (k = api_kinds_at(ks, i)); i++)
		if (strcmp(k->group, group) == 0 && first_of(ks, i, true))
			aggregated_version(ks, w, group, k->version);
	jw_end_array(w);
	jw_end_object(w);
}

static void aggregated(const struct api_kinds *ks, enum api_discovery_form form, bool core,
		       struct buf *out)
{
	struct jw w = jw_start(out);
	const struct api_kind *k;

	jw_begin_object(&w);
	jw_member_str(&w, "kind", STR("APIGroupDiscoveryList"));
	jw_member_str(&w, "apiVersion",
		      form == API_DISCOVERY_V2 ? STR("apidiscovery.k8s.io/v2")
					       : STR("apidiscovery.k8s.io/v2beta1"));
	jw_member_raw(&w, "metadata", STR("{}"));
	jw_key(&w, "items");
	jw_begin_array(&w);
	for (size_t i = 0; (k = api_kinds_at(ks, i)); i++)
		if (first_of(ks, i, false) && core == !*k->group)
			aggregated_group(ks, &w, k->group);
	jw_end_array(&w);
	jw_end_object(&w);
}

/* ---- plain ---- */

static void plain_group(const struct api_kinds *ks, struct jw *w, const char *group,
			bool standalone)
{
	const struct api_kind *k;
	const char *preferred = NULL;

	jw_begin_object(w);
	if (standalone) {
		jw_member_str(w, "kind", STR("APIGroup"));
		jw_member_str(w, "apiVersion", STR("v1"));
	}
	jw_member_str(w, "name", str_of(group));
	jw_key(w, "versions");
	jw_begin_array(w);
	for (size_t i = 0; (k = api_kinds_at(ks, i)); i++) {
		if (strcmp(k->group, group) != 0 || !first_of(ks, i, true))
			continue;
		preferred = preferred ? preferred : k->version;
		jw_begin_object(w);
		gv_member(w, "groupVersion", group, k->version);
		jw_member_str(w, "version", str_of(k->version));
		jw_end_object(w);
	}
	jw_end_array(w);
	jw_key(w, "preferredVersion");
	jw_begin_object(w);
	gv_member(w, "groupVersion", group, preferred ? preferred : "v1");
	jw_member_str(w, "version", str_of(preferred ? preferred : "v1"));
	jw_end_object(w);
	jw_end_object(w);
}

void api_discovery_core(const struct api_kinds *ks, enum api_discovery_form form,
			const char *server_address, struct buf *out)
{
	struct jw w;

	if (form != API_DISCOVERY_PLAN) {
		aggregated(ks, form, true, out);
		return;
	}
	w = jw_start(out);
	jw_begin_object(&w);
	jw_member_str(&w, "kind", STR("APIVersions"));
	jw_key(&w, "versions");
	jw_begin_array(&w);
	jw_str(&w, STR("v1"));
	jw_end_array(&w);
	jw_key(&w, "serverAddressByClientCIDRs");
	jw_begin_array(&w);
	jw_begin_object(&w);
	jw_member_str(&w, "clientCIDR", STR("0.0.0.0/0"));
	jw_member_str(&w, "serverAddress", str_of(server_address));
	jw_end_object(&w);
	jw_end_array(&w);
	jw_end_object(&w);
}

void api_discovery_groups(const struct api_kinds *ks, enum api_discovery_form form, struct buf *out)
{
	const struct api_kind *k;
	struct jw w;

	if (form != API_DISCOVERY_PLAN) {
		aggregated(ks, form, false, out);
		return;
	}
	w = jw_start(out);
	jw_begin_object(&w);
	jw_member_str(&w, "kind", STR("APIGroupList"));
	jw_member_str(&w, "apiVersion", STR("v1"));
	jw_key(&w, "groups");
	jw_begin_array(&w);
	for (size_t i = 0; (k = api_kinds_at(ks, i)); i++)
		if (*k->group && first_of(ks, i, false))
			plain_group(ks, &w, k->group, false);
	jw_end_array(&w);
	jw_end_object(&w);
}

int api_discovery_group(const struct api_kinds *ks, struct str group, struct buf *out)
{
	const struct api_kind *k;

	for (size_t i = 0; (k = api_kinds_at(ks, i)); i++) {
		if (k->plural && group.len && str_eqs(group, k->group)) {
			struct jw w = jw_start(out);

			plain_group(ks, &w, k->group, true);
			return 0;
		}
	}
	return -ENOENT;
}

static void plain_resource(struct jw *w, const struct api_kind *k, const struct api_subresource *s)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT;

	buf_addf(&name, "%s%s%s", k->plural, s ? "/" : "", s ? s->name : "");
	jw_begin_object(w);
	jw_member_str(w, "name", buf_str(&name));
	jw_member_str(w, "singularName", s ? STR("") : str_of(k->singular));
	jw_member_bool(w, "namespaced", api_kind_namespaced(k));
	if (s && s->kind && strcmp(s->group, k->group) != 0) {
		jw_member_str(w, "group", str_of(s->group));
		jw_member_str(w, "version", str_of(s->version));
	}
	jw_member_str(w, "kind", str_of(s && s->kind ? s->kind : k->kind));
	write_verbs(w, s ? s->verbs : k->verbs);
	if (!s && k->short_names)
		write_strings(w, "shortNames", k->short_names);
	if (!s && k->categories)
		write_strings(w, "categories", k->categories);
	jw_end_object(w);
}

int api_discovery_resources(const struct api_kinds *ks, struct str group, struct str version,
			    struct buf *out)
{
	const struct api_kind *k;
	bool found = false;
	struct jw w;

	for (size_t i = 0; (k = api_kinds_at(ks, i)); i++) {
		if (!k->plural || !str_eqs(group, k->group) || !str_eqs(version, k->version))
			continue;
		if (!found) {
			found = true;
			w = jw_start(out);
			jw_begin_object(&w);
			jw_member_str(&w, "kind", STR("APIResourceList"));
			jw_member_str(&w, "apiVersion", STR("v1"));
			gv_member(&w, "groupVersion", k->group, k->version);
			jw_key(&w, "resources");
			jw_begin_array(&w);
		}
		plain_resource(&w, k, NULL);
		for (size_t s = 0; s < k->n_subresources; s++)
			plain_resource(&w, k, &k->subresources[s]);
	}
	if (!found)
		return -ENOENT;
	jw_end_array(&w);
	jw_end_object(&w);
	return 0;
}
