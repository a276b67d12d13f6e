/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/policy_types.h"
#include "lib/api/cel_libs.h"
#include "lib/api/cel_types.h"
#include "master/apiserver/cel_authorizer.h"
#include "master/apiserver/policy_compile.h"

#define KINDS_MAX 10
#define VARIABLES_MAX 200

struct checked {
	const struct apiserver *s;
	struct json_object *spec;
	struct arena arena;
	const struct api_kind *kinds[KINDS_MAX];
	size_t n_kinds;
	const struct cel_type *params; /* NULL: there are none */
	const struct cel_type *ns, *request;
	/* Of the kind at hand. */
	const struct cel_type *object;
	struct cel_type variables;
	struct cel_field fields[VARIABLES_MAX];
};

/* ---- which kinds ---- */

static bool is_wild(struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (str_chr(jsonc_str(json_object_array_get_idx(list, i)), '*') >= 0)
			return true;
	return false;
}

static bool has(struct json_object *list, const char *text)
{
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (str_eqs(jsonc_str(json_object_array_get_idx(list, i)), text))
			return true;
	return false;
}

static int kind_cmp(const void *a, const void *b)
{
	const struct api_kind *x = *(const struct api_kind *const *)a;
	const struct api_kind *y = *(const struct api_kind *const *)b;
	int c = strcmp(x->group, y->group);

	if (!c)
		c = strcmp(x->version, y->version);
	return c ? c : strcmp(x->kind, y->kind);
}

static void add_kind(struct checked *c, const struct api_kind *k)
{
	for (size_t i = 0; i < c->n_kinds; i++)
		if (c->kinds[i] == k)
			return;
	if (c->n_kinds < KINDS_MAX)
		c->kinds[c->n_kinds++] = k;
}

/* Kinds that rules name in full; what has an asterisk says nothing about types. */
static void find_kinds(struct checked *c)
{
	struct json_object *rules = jsonc_path(c->spec, "matchConstraints.resourceRules");
	const struct api_kind *k;

	for (size_t i = 0; rules && i < json_object_array_length(rules); i++) {
		struct json_object *r = json_object_array_get_idx(rules, i);
		struct json_object *groups = jsonc_get(r, "apiGroups");
		struct json_object *versions = jsonc_get(r, "apiVersions");
		struct json_object *resources = jsonc_get(r, "resources");

		if (!groups || !versions || !resources || is_wild(groups) || is_wild(versions))
			continue;
		for (size_t j = 0; (k = api_kinds_at(server_kinds(c->s), j)); j++)
			if (k->plural && has(groups, k->group) && has(versions, k->version) &&
			    has(resources, k->plural))
				add_kind(c, k);
	}
	qsort(c->kinds, c->n_kinds, sizeof(c->kinds[0]), kind_cmp);
}

static const struct cel_type *params_type(struct checked *c)
{
	struct str group, version, kind = jsonc_path_str(c->spec, "paramKind.kind");
	const struct api_kind *k;

	api_version_split(jsonc_path_str(c->spec, "paramKind.apiVersion"), &group, &version);
	for (size_t j = 0; kind.len && (k = api_kinds_at(server_kinds(c->s), j)); j++)
		if (k->plural && str_eqs(group, k->group) && str_eqs(version, k->version) &&
		    str_eqs(kind, k->kind))
			return api_cel_type(k, &c->arena);
	return NULL;
}

/* ---- types that are always there ---- */

#define FIELD(text, t)                                                \
	{                                                             \
		{text, sizeof(text) - 1}, {text, sizeof(text) - 1}, t \
	}
#define OBJECT(name_, fields_)                                            \
	{                                                                 \
		.kind = CEL_OBJECT, .name = (name_), .fields = (fields_), \
		.n_fields = ARRAY_SIZE(fields_)                           \
	}

static const struct cel_type list_string = {.kind = CEL_LIST, .a = &cel_t_string};
static const struct cel_type map_lists = {.kind = CEL_MAP, .a = &cel_t_string, .b = &list_string};
static const struct cel_field gvk_fields[] = {FIELD("group", &cel_t_string),
					      FIELD("version", &cel_t_string),
					      FIELD("kind", &cel_t_string)};
static const struct cel_field gvr_fields[] = {FIELD("group", &cel_t_string),
					      FIELD("version", &cel_t_string),
					      FIELD("resource", &cel_t_string)};
static const struct cel_field user_fields[] = {
	FIELD("username", &cel_t_string), FIELD("uid", &cel_t_string),
	FIELD("groups", &list_string), FIELD("extra", &map_lists)};
static const struct cel_type gvk = OBJECT("kubernetes.GroupVersionKind", gvk_fields),
			     gvr = OBJECT("kubernetes.GroupVersionResource", gvr_fields),
			     user = OBJECT("kubernetes.UserInfo", user_fields);
static const struct cel_field request_fields[] = {
	FIELD("kind", &gvk),
	FIELD("resource", &gvr),
	FIELD("subResource", &cel_t_string),
	FIELD("requestKind", &gvk),
	FIELD("requestResource", &gvr),
	FIELD("requestSubResource", &cel_t_string),
	FIELD("name", &cel_t_string),
	{{"namespace", 9}, {"namespace", 9}, &cel_t_string},
	FIELD("operation", &cel_t_string),
	FIELD("userInfo", &user),
	FIELD("dryRun", &cel_t_bool),
	FIELD("options", &cel_t_dyn)};
static const struct cel_type request_type = OBJECT("kubernetes.AdmissionRequest", request_fields);
static const struct cel_type authorizer = {.kind = CEL_HOST,
					   .name = "kubernetes.authorization.Authorizer"};

/* ---- expressions ---- */

static int compile(struct checked *c, const char *text, struct cel_program **ret, struct err *err)
{
	const struct cel_var vars[] = {{"object", c->object},       {"oldObject", c->object},
				       {"request", c->request},     {"namespaceObject", c->ns},
				       {"authorizer", &authorizer}, {"variables", &c->variables},
				       {"params", c->params}};
	const struct cel_lib *libs[API_CEL_LIBS + 2] = {NULL};
	struct cel_env env = {vars, ARRAY_SIZE(vars) - (c->params ? 0 : 1), libs};
	size_t n = 0;

	for (; n < API_CEL_LIBS && api_cel_libs[n]; n++)
		libs[n] = api_cel_libs[n];
	libs[n] = &cel_lib_authorizer;
	return cel_compile(&env, str_of(text), ret, err);
}

/* Types of the variables, each may name those before it. Programs live as long as their types. */
static void add_variables(struct checked *c, struct cel_program **programs)
{
	struct json_object *list = jsonc_get(c->spec, "variables");

	c->variables = (struct cel_type){
		.kind = CEL_OBJECT, .name = "kubernetes.variables", .fields = c->fields};
	for (size_t i = 0;
	     list && i < json_object_array_length(list) && c->variables.n_fields < VARIABLES_MAX;
	     i++) {
		struct json_object *v = json_object_array_get_idx(list, i);
		struct str name = jsonc_path_str(v, "name");
		CLEANUP_FREE char *text = str_dup(jsonc_path_str(v, "expression"));
		const struct cel_type *t = &cel_t_dyn;

		if (text && compile(c, text, &programs[i], NULL) == 0)
			t = cel_program_type(programs[i]);
		c->fields[c->variables.n_fields++] = (struct cel_field){name, name, t};
	}
}

static void check_one(struct checked *c, const struct api_kind *k, const char *text,
		      struct buf *out)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	CLEANUP(cel_program_freep) struct cel_program *p = NULL;
	struct cel_program *programs[VARIABLES_MAX] = {NULL};

	c->object = api_cel_type(k, &c->arena);
	add_variables(c, programs);
	if (compile(c, text, &p, &e) < 0)
		buf_addf(out, "%s%s/%s, Kind=%s: %s\n", out->len ? "\n" : "", k->group, k->version,
			 k->kind, err_text(&e));
	for (size_t i = 0; i < VARIABLES_MAX; i++)
		cel_program_free(programs[i]);
}

static void check_expression(struct checked *c, struct json_object *v, const char *member,
			     size_t at, struct json_object *warnings)
{
	CLEANUP_FREE char *text = str_dup(jsonc_path_str(v, member));
	CLEANUP_FREE char *where = xasprintf("spec.validations[%zu].%s", at, member);
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct json_object *w;

	for (size_t i = 0; text && *text && i < c->n_kinds; i++)
		check_one(c, c->kinds[i], text, &b);
	if (!b.len)
		return;
	w = json_object_new_object();
	jsonc_set_str(w, "fieldRef", str_of(where));
	jsonc_set_str(w, "warning", buf_str(&b));
	json_object_array_add(warnings, w);
}

void policy_types_check(const struct apiserver *s, struct json_object *policy)
{
	int64_t generation = jsonc_i64(jsonc_path(policy, "metadata.generation"), 0);
	struct json_object *spec = jsonc_get(policy, "spec");
	struct json_object *list = jsonc_get(spec, "validations");
	struct json_object *warnings, *status = jsonc_ensure(policy, "status"), *checking;
	struct checked *c;

	if (generation <= jsonc_i64(jsonc_get(status, "observedGeneration"), 0))
		return;
	warnings = json_object_new_array();
	c = NEW(struct checked);
	c->s = s;
	c->spec = spec;
	c->request = &request_type;
	find_kinds(c);
	c->params = params_type(c);
	c->ns = api_cel_type(server_kind("", "v1", "namespaces"), &c->arena);
	for (size_t i = 0; c->n_kinds && list && i < json_object_array_length(list); i++) {
		check_expression(c, json_object_array_get_idx(list, i), "expression", i, warnings);
		check_expression(c, json_object_array_get_idx(list, i), "messageExpression", i,
				 warnings);
	}
	arena_done(&c->arena);
	free(c);
	checking = json_object_new_object();
	if (json_object_array_length(warnings))
		jsonc_set(checking, "expressionWarnings", warnings);
	else
		json_object_put(warnings);
	jsonc_set(status, "observedGeneration", json_object_new_int64(generation));
	jsonc_set(status, "typeChecking", checking);
}
