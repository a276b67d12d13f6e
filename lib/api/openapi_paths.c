/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/openapi_parts.h"

/* What one operation is: a verb on a collection, an object or a subresource. */
struct oa_op {
	const struct api_kind *k;
	const struct api_subresource *sub;
	bool all_namespaces;
	enum api_verb verb;
};

static const struct {
	enum api_verb verb;
	const char *method, *action, *word;
	bool on_object;
} verbs[] = {
	{API_VERB_LIST, "get", "list", "list", false},
	{API_VERB_CREATE, "post", "post", "create", false},
	{API_VERB_DELETECOLLECTION, "delete", "deletecollection", "deleteCollection", false},
	{API_VERB_GET, "get", "get", "read", true},
	{API_VERB_UPDATE, "put", "put", "replace", true},
	{API_VERB_PATCH, "patch", "patch", "patch", true},
	{API_VERB_DELETE, "delete", "delete", "delete", true},
};

struct param {
	const char *name, *type, *help;
	unsigned verbs;
};

#define WRITES (API_VERB_CREATE | API_VERB_UPDATE | API_VERB_PATCH)
#define LISTS (API_VERB_LIST | API_VERB_DELETECOLLECTION)
static const struct param params[] = {
	{"pretty", "string", "Indent the answer when \"true\".", API_VERB_ALL},
	{"dryRun", "string", "\"All\": do everything but store.",
	 WRITES | API_VERB_DELETE | API_VERB_DELETECOLLECTION},
	{"fieldManager", "string", "Who makes the change.", WRITES},
	{"fieldValidation", "string", "Ignore, Warn or Strict: unknown and duplicate fields.",
	 WRITES},
	{"force", "boolean", "Apply: take fields from other managers.", API_VERB_PATCH},
	{"gracePeriodSeconds", "integer", "Seconds until the object is gone.",
	 API_VERB_DELETE | API_VERB_DELETECOLLECTION},
	{"propagationPolicy", "string", "Orphan, Background or Foreground.",
	 API_VERB_DELETE | API_VERB_DELETECOLLECTION},
	{"labelSelector", "string", "Labels the objects must have.", LISTS},
	{"fieldSelector", "string", "Fields the objects must have.", LISTS},
	{"limit", "integer", "At most so many objects in one answer.", LISTS},
	{"continue", "string", "Where the answer before stopped.", LISTS},
	{"resourceVersion", "string", "Not older than this.", LISTS},
	{"resourceVersionMatch", "string", "How resourceVersion is meant.", LISTS},
	{"timeoutSeconds", "integer", "End the request after so long.", LISTS},
	{"watch", "boolean", "Go on with changes.", API_VERB_LIST},
	{"allowWatchBookmarks", "boolean", "Send BOOKMARK events.", API_VERB_LIST},
	{"sendInitialEvents", "boolean", "Begin a watch with what there is.", LISTS},
};

static void write_param(struct jw *w, enum oa_version v, const char *name, const char *in,
			const char *type, const char *help)
{
	jw_begin_object(w);
	jw_member_str(w, "name", str_of(name));
	jw_member_str(w, "in", str_of(in));
	jw_member_str(w, "description", str_of(help));
	if (strcmp(in, "path") == 0)
		jw_member_bool(w, "required", true);
	if (v == OA_V3) {
		jw_key(w, "schema");
		jw_begin_object(w);
	}
	jw_member_str(w, "type", str_of(type));
	jw_member_bool(w, "uniqueItems", true);
	if (v == OA_V3)
		jw_end_object(w);
	jw_end_object(w);
}

static const char *body_name(const struct oa_op *op)
{
	const struct api_subresource *s = op->sub;
	const struct api_kind *b;

	if (op->verb == API_VERB_PATCH)
		return OA_META "Patch";
	if (op->verb == API_VERB_DELETE || op->verb == API_VERB_DELETECOLLECTION)
		return OA_META "DeleteOptions";
	if (!(op->verb & WRITES))
		return NULL;
	if (!s || !s->kind)
		return op->k->type->name;
	b = api_kind_by_gvk(str_of(s->group), str_of(s->version), str_of(s->kind));
	return b ? b->type->name : NULL;
}

/* NULL: plain text (logs, streams). */
static void answer_name(const struct oa_op *op, struct buf *out)
{
	const struct api_subresource *s = op->sub;
	const struct api_kind *b = NULL;

	if (op->verb == API_VERB_LIST)
		oa_list_name(op->k, out);
	else if (op->verb == API_VERB_DELETE || op->verb == API_VERB_DELETECOLLECTION)
		buf_adds(out, OA_META "Status");
	else if (!s || (!s->kind && strcmp(s->name, "log") != 0))
		buf_adds(out, op->k->type->name);
	else if (s->kind &&
		 (b = api_kind_by_gvk(str_of(s->group), str_of(s->version), str_of(s->kind))))
		buf_adds(out, b->type->name);
}

static void media(struct jw *w, enum oa_version v, const char *type, const char *schema)
{
	jw_key(w, type);
	jw_begin_object(w);
	jw_key(w, "schema");
	oa_ref(w, v, schema);
	jw_end_object(w);
}

static const char *const patch_types[] = {
	"application/json-patch+json", "application/merge-patch+json",
	"application/strategic-merge-patch+json", "application/apply-patch+yaml"};

/* Custom resources have no strategic merge. */
static bool takes_patch(const struct api_kind *k, size_t i)
{
	return !k->custom || !strstr(patch_types[i], "strategic");
}

static void write_body_v3(struct jw *w, const struct oa_op *op, const char *schema)
{
	jw_key(w, "requestBody");
	jw_begin_object(w);
	jw_key(w, "content");
	jw_begin_object(w);
	for (size_t i = 0; op->verb == API_VERB_PATCH && i < ARRAY_SIZE(patch_types); i++)
		if (takes_patch(op->k, i))
			media(w, OA_V3, patch_types[i], schema);
	if (op->verb != API_VERB_PATCH)
		media(w, OA_V3, "*/*", schema);
	jw_end_object(w);
	jw_end_object(w);
}

static void write_params(struct jw *w, enum oa_version v, const struct oa_op *op, bool object)
{
	const char *body = body_name(op);

	jw_key(w, "parameters");
	jw_begin_array(w);
	if (v == OA_V2 && body) {
		jw_begin_object(w);
		jw_member_str(w, "name", STR("body"));
		jw_member_str(w, "in", STR("body"));
		jw_member_bool(w, "required", true);
		jw_key(w, "schema");
		oa_ref(w, v, body);
		jw_end_object(w);
	}
	if (object)
		write_param(w, v, "name", "path", "string", "Name of the object.");
	if (api_kind_namespaced(op->k) && !op->all_namespaces)
		write_param(w, v, "namespace", "path", "string", "Namespace of the object.");
	for (size_t i = 0; i < ARRAY_SIZE(params); i++)
		if (params[i].verbs & op->verb)
			write_param(w, v, params[i].name, "query", params[i].type, params[i].help);
	jw_end_array(w);
	if (v == OA_V3 && body)
		write_body_v3(w, op, body);
}

static void write_responses(struct jw *w, enum oa_version v, const struct oa_op *op)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT;

	answer_name(op, &name);
	jw_key(w, "responses");
	jw_begin_object(w);
	jw_key(w, op->verb == API_VERB_CREATE ? "201" : "200");
	jw_begin_object(w);
	jw_member_str(w, "description", STR("OK"));
	if (name.len && v == OA_V3) {
		jw_key(w, "content");
		jw_begin_object(w);
		media(w, v, "application/json", name.p);
		jw_end_object(w);
	} else if (name.len) {
		jw_key(w, "schema");
		oa_ref(w, v, name.p);
	}
	jw_end_object(w);
	jw_end_object(w);
}

/* "rbac.authorization.k8s.io" -> "RbacAuthorization", "" -> "Core", "v1" -> "V1" */
static void camel(const char *s, struct buf *out)
{
	bool up = true;

	if (!*s)
		s = "core";
	for (; *s && strcmp(s, ".k8s.io") != 0; s++) {
		if (*s == '.' || *s == '-') {
			up = true;
			continue;
		}
		buf_addc(out, up && *s >= 'a' && *s <= 'z' ? (char)(*s - 32) : *s);
		up = false;
	}
}

static void operation_id(const struct oa_op *op, size_t row, struct buf *out)
{
	buf_adds(out, verbs[row].word);
	camel(op->k->group, out);
	camel(op->k->version, out);
	if (verbs[row].verb == API_VERB_DELETECOLLECTION)
		buf_adds(out, "Collection");
	if (api_kind_namespaced(op->k) && !op->all_namespaces)
		buf_adds(out, "Namespaced");
	buf_adds(out, op->k->kind);
	if (op->sub)
		camel(op->sub->name, out);
	if (op->all_namespaces)
		buf_adds(out, "ForAllNamespaces");
}

static void write_operation(struct jw *w, enum oa_version v, const struct oa_op *op, size_t row,
			    bool object)
{
	CLEANUP(buf_done) struct buf id = BUF_INIT;
	bool other = op->sub && op->sub->kind;

	operation_id(op, row, &id);
	jw_key(w, verbs[row].method);
	jw_begin_object(w);
	jw_member_str(w, "operationId", buf_str(&id));
	if (v == OA_V2) {
		jw_key(w, "consumes");
		jw_begin_array(w);
		for (size_t i = 0; op->verb == API_VERB_PATCH && i < ARRAY_SIZE(patch_types); i++)
			if (takes_patch(op->k, i))
				jw_str(w, str_of(patch_types[i]));
		if (op->verb != API_VERB_PATCH)
			jw_str(w, STR("*/*"));
		jw_end_array(w);
		jw_member_raw(w, "produces", STR("[\"application/json\",\"application/yaml\"]"));
	}
	write_params(w, v, op, object);
	write_responses(w, v, op);
	jw_member_str(w, "x-kubernetes-action",
		      str_of(op->sub && op->verb == API_VERB_CREATE ? "post" : verbs[row].action));
	oa_gvk(w, other ? op->sub->group : op->k->group, other ? op->sub->version : op->k->version,
	       other ? op->sub->kind : op->k->kind, false);
	jw_end_object(w);
}

static void write_path(struct jw *w, enum oa_version v, const struct api_kind *k,
		       const struct api_subresource *sub, bool object, bool all)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	unsigned has = sub ? sub->verbs : k->verbs;
	bool any = false;

	buf_addf(&path, "%s%s%s/%s", *k->group ? "/apis/" : "/api", k->group, "", k->version);
	if (api_kind_namespaced(k) && !all)
		buf_adds(&path, "/namespaces/{namespace}");
	buf_addf(&path, "/%s", k->plural);
	if (object)
		buf_adds(&path, "/{name}");
	if (sub)
		buf_addf(&path, "/%s", sub->name);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		struct oa_op op = {k, sub, all, verbs[i].verb};

		if (!(has & verbs[i].verb) || (!sub && verbs[i].on_object != object) ||
		    (all && verbs[i].verb != API_VERB_LIST))
			continue;
		if (!any) {
			jw_key(w, path.p);
			jw_begin_object(w);
			any = true;
		}
		write_operation(w, v, &op, i, object);
	}
	if (any)
		jw_end_object(w);
}

void oa_paths(const struct api_kinds *ks, struct jw *w, enum oa_version v, const char *group,
	      const char *version)
{
	const struct api_kind *k;

	for (size_t i = 0; (k = api_kinds_at(ks, i)); i++) {
		if (!k->plural || !oa_wants(k, group, version))
			continue;
		if (api_kind_namespaced(k))
			write_path(w, v, k, NULL, false, true);
		write_path(w, v, k, NULL, false, false);
		write_path(w, v, k, NULL, true, false);
		for (size_t s = 0; s < k->n_subresources; s++)
			write_path(w, v, k, &k->subresources[s], true, false);
	}
}
