/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/crd/rules.h"
#include "lib/api/cel_libs.h"
#include "lib/base/hmap.h"

#define CRD_COST_MAX 100000000u /* of all rules of a schema, by estimate */
#define RULE_COST_MAX 10000000u
#define MESSAGE_MAX 5120u

struct rule {
	struct cel_program *test, *message_expr;
	const char *text, *message, *reason, *field_path;
	bool uses_old, optional_old;
};
struct crd_rules {
	struct rule *v;
	size_t n;
};

static void free_program(void *p)
{
	cel_program_free(p);
}

static void own_program(struct crd_schema_set *set, struct cel_program *p)
{
	*ARRAY_PUSH(set->undo, set->n_undo, set->cap_undo) = free_program;
	set->undo_arg = xrealloc(set->undo_arg, set->cap_undo * sizeof(*set->undo_arg));
	set->undo_arg[set->n_undo - 1] = p;
}

static const char *text(struct crd_schema_set *set, struct jv v)
{
	CLEANUP(buf_done) struct buf tmp = BUF_INIT;

	return jv_type(v) == JV_STRING ? arena_strdup(&set->arena, str_trim(jv_str(v, &tmp)))
				       : NULL;
}

/* Compile one; NULL program and err on mistakes. */
static bool compile(struct crd_schema_set *set, const struct cel_type *self, struct jv json,
		    struct rule *r, struct err *err, const char **ret_member)
{
	struct cel_type old = {.kind = CEL_OPTIONAL, .a = self};
	struct cel_var vars[] = {{"self", self}, {"oldSelf", self}};
	struct cel_env env = {vars, 2, api_cel_libs};
	struct cel_type *kept;
	const char *expr;

	r->text = text(set, jv_get(json, "rule"));
	r->message = text(set, jv_get(json, "message"));
	r->reason = text(set, jv_get(json, "reason"));
	r->field_path = text(set, jv_get(json, "fieldPath"));
	r->optional_old = jv_bool(jv_get(json, "optionalOldSelf"), false);
	if (r->optional_old) {
		kept = ARENA_NEW(&set->arena, struct cel_type);
		*kept = old;
		vars[1].type = kept;
	}
	*ret_member = "rule";
	if (!r->text || cel_compile(&env, str_of(r->text), &r->test, err) < 0)
		return false;
	own_program(set, r->test);
	r->uses_old = cel_program_uses(r->test, 1);
	expr = text(set, jv_get(json, "messageExpression"));
	*ret_member = "messageExpression";
	if (!expr || !*expr)
		return true;
	if (cel_compile(&env, str_of(expr), &r->message_expr, err) < 0)
		return false;
	own_program(set, r->message_expr);
	return true;
}

/* ---- types ---- */

#define REQUEST_MAX 3145728u

/* The shortest JSON text a value can have. */
static uint64_t min_size(const struct crd_schema *s)
{
	uint64_t n = 2;

	switch ((enum crd_type)s->type) {
	case CRD_OBJECT:
		for (uint32_t i = 0; i < s->n_required; i++) {
			const struct crd_schema *m = crd_schema_prop(s, s->required[i]);

			n += s->required[i].len + 3 + (m ? min_size(m) : 1);
		}
		return n;
	case CRD_STRING:
	case CRD_ARRAY:
		return 2;
	case CRD_BOOLEAN:
		return 4;
	default:
		return 1;
	}
}

static uint64_t bound(const struct crd_schema *s, enum crd_bound bit, int64_t v, uint64_t otherwise)
{
	return s->limits && s->limits->set & bit && v >= 0 ? MAX((uint64_t)v, (uint64_t)1)
							   : otherwise;
}

static struct cel_type *make(struct crd_schema_set *set, enum cel_kind kind)
{
	struct cel_type *t = ARENA_NEW(&set->arena, struct cel_type);

	t->kind = (uint8_t)kind;
	return t;
}

static const struct cel_type *string_type(struct crd_schema_set *set, const struct crd_schema *s)
{
	struct cel_type *t;
	uint64_t longest = 0;

	switch ((enum crd_format)s->format) {
	case CRD_F_DATETIME:
	case CRD_F_DATE:
		return &cel_t_time;
	case CRD_F_DURATION:
		return &cel_t_duration;
	default:
		break;
	}
	t = make(set, s->format == CRD_F_BYTE ? CEL_BYTES : CEL_STRING);
	for (size_t i = 0; s->limits && i < list_len(s->limits->enums); i++)
		longest = MAX(longest, jsonc_str(list_at(s->limits->enums, i)).len);
	/* A character has up to four bytes. */
	t->max = longest ? longest
			 : bound(s, CRD_MAX_LEN, s->limits ? s->limits->max_len * 4 : 0,
				 REQUEST_MAX);
	return t;
}

static void add_field(struct crd_schema_set *set, struct cel_field *f, size_t *n, struct str name,
		      const struct cel_type *type)
{
	CLEANUP(buf_done) struct buf shown = BUF_INIT;

	if (!api_cel_escape(name, &shown))
		return;
	f[*n] = (struct cel_field){name, arena_str(&set->arena, buf_str(&shown)), type};
	++*n;
}

static const struct cel_type *metadata_type(struct crd_schema_set *set)
{
	static const struct cel_field fields[] = {
		{{"name", 4}, {"name", 4}, &cel_t_string},
		{{"generateName", 12}, {"generateName", 12}, &cel_t_string}};
	struct cel_type *t = make(set, CEL_OBJECT);

	t->fields = fields;
	t->n_fields = ARRAY_SIZE(fields);
	return t;
}

static const struct cel_type *object_type(struct crd_schema_set *set, struct crd_schema *s,
					  bool own)
{
	struct cel_type *t = make(set, CEL_OBJECT);
	struct cel_field *f = ARENA_ARRAY(&set->arena, struct cel_field, s->n_props + 3);

	t->fields = f;
	for (uint32_t i = 0; i < s->n_props; i++) {
		struct str name = s->props[i].name;

		if (own && (str_eqs(name, "apiVersion") || str_eqs(name, "kind") ||
			    str_eqs(name, "metadata")))
			continue;
		add_field(set, f, &t->n_fields, name, crd_cel_type(set, s->props[i].schema, false));
	}
	if (own) {
		add_field(set, f, &t->n_fields, STR("apiVersion"), &cel_t_string);
		add_field(set, f, &t->n_fields, STR("kind"), &cel_t_string);
		add_field(set, f, &t->n_fields, STR("metadata"), metadata_type(set));
	}
	return t;
}

static const struct cel_type *make_type(struct crd_schema_set *set, struct crd_schema *s, bool root)
{
	struct cel_type *t;

	if (s->int_or_string)
		return &cel_t_dyn;
	switch ((enum crd_type)s->type) {
	case CRD_OBJECT:
		if ((s->additional || s->additional_any) && !s->n_props) {
			t = make(set, CEL_MAP);
			t->a = &cel_t_string;
			t->b = s->additional ? crd_cel_type(set, s->additional, false) : &cel_t_dyn;
			t->max = bound(s, CRD_MAX_PROPS, s->limits ? s->limits->max_props : 0,
				       REQUEST_MAX /
					       (s->additional ? min_size(s->additional) + 4 : 5));
			return t;
		}
		return object_type(set, s, root || s->embedded);
	case CRD_ARRAY:
		t = make(set, CEL_LIST);
		t->a = s->items ? crd_cel_type(set, s->items, false) : &cel_t_dyn;
		t->list = s->list == API_SET       ? CEL_LIST_SET
			  : s->list == API_LISTMAP ? CEL_LIST_KEYED
						   : CEL_LIST_PLAIN;
		t->keys = s->keys;
		t->n_keys = s->n_keys;
		t->max = bound(s, CRD_MAX_ITEMS, s->limits ? s->limits->max_items : 0,
			       REQUEST_MAX / (s->items ? min_size(s->items) + 1 : 2));
		return t;
	case CRD_STRING:
		return string_type(set, s);
	case CRD_INTEGER:
		return &cel_t_int;
	case CRD_NUMBER:
		return &cel_t_double;
	case CRD_BOOLEAN:
		return &cel_t_bool;
	case CRD_NONE:
	case CRD_TYPE_MAX:
		break;
	}
	return &cel_t_dyn;
}

const struct cel_type *crd_cel_type(struct crd_schema_set *set, struct crd_schema *s, bool root)
{
	if (!s->cel) {
		s->cel = make_type(set, s, root);
		if (s->nullable) {
			struct cel_type *t = make(set, CEL_DYN);

			*t = *s->cel;
			t->nullable = true;
			s->cel = t;
		}
	}
	return s->cel;
}

/* ---- checking a definition ---- */

struct checking {
	struct crd_schema_set *set;
	uint64_t total; /* cost of all rules together */
};

static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t v;

	return __builtin_mul_overflow(a, b, &v) ? UINT64_MAX : v;
}

static void factor(char out[40], uint64_t cost, uint64_t max)
{
	double f = (double)cost / (double)max;

	if (f > 100)
		snprintf(out, 40, "more than 100x");
	else
		snprintf(out, 40, "%.1fx", f);
}

static void invalid_rule(const struct place *p, struct jv rule, const char *why)
{
	place_report(p, "FieldValueInvalid", "Invalid value: %.*s: %s", STR_ARG(jv_raw(rule)), why);
}

static void check_cost(struct checking *c, const struct place *p, const struct rule *r,
		       uint64_t cardinality)
{
	uint64_t cost = times(cel_program_cost(r->test), cardinality);
	char by[40];

	if (__builtin_add_overflow(c->total, cost, &c->total))
		c->total = UINT64_MAX;
	if (cost <= RULE_COST_MAX)
		return;
	factor(by, cost, RULE_COST_MAX);
	place_report(
		PLACE(p, "rule"), "FieldValueForbidden",
		"Forbidden: estimated rule cost exceeds budget by factor of %s (try simplifying "
		"the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, "
		"and strings are declared)",
		by);
}

/* The schema below s that a fieldPath (".a.b", "['x']") leads to; NULL. */
static const struct crd_schema *follow(const struct crd_schema *s, const char *path,
				       struct buf *shown)
{
	while (s && *path) {
		CLEANUP(buf_done) struct buf name = BUF_INIT;

		if (*path == '.') {
			size_t n = strcspn(++path, ".[");

			buf_add(&name, path, n);
			path += n;
		} else if (path[0] == '[' && path[1] == '\'') {
			const char *end = strstr(path + 2, "']");

			if (!end)
				return NULL;
			buf_add(&name, path + 2, (size_t)(end - path - 2));
			path = end + 2;
		} else {
			return NULL;
		}
		if (shown)
			buf_addf(shown, "%s%s", shown->len ? "." : "", name.p);
		s = name.len ? crd_schema_member(s, buf_str(&name)) : NULL;
	}
	return s;
}

static void check_words(const struct place *p, struct jv json, const struct crd_schema *s)
{
	static const char *const reasons[] = {"FieldValueDuplicate", "FieldValueForbidden",
					      "FieldValueInvalid", "FieldValueRequired", NULL};
	CLEANUP(buf_done) struct buf rule = BUF_INIT, msg = BUF_INIT, tmp = BUF_INIT;
	struct jv message = jv_get(json, "message"), reason = jv_get(json, "reason");
	struct jv path = jv_get(json, "fieldPath");
	struct str r = jv_str(jv_get(json, "rule"), &rule), m = jv_str(message, &msg);
	bool known = false;

	if (!str_trim(r).len)
		place_required(PLACE(p, "rule"), "rule is not specified");
	if (m.len && !str_trim(m).len)
		place_invalid_str(PLACE(p, "message"), m, "message must be non-empty if specified");
	if (m.len && str_chr(str_trim(m), '\n') >= 0)
		place_invalid_str(PLACE(p, "message"), m, "message must not contain line breaks");
	if (!m.len && str_chr(str_trim(r), '\n') >= 0)
		place_required(PLACE(p, "message"),
			       "message must be specified if rule contains line breaks");
	if (m.len > 2048)
		place_too_long(PLACE(p, "message"), 2048);
	for (size_t i = 0; reasons[i]; i++)
		known |= jv_eqs(reason, reasons[i]);
	if (jv_exists(reason) && !known)
		place_unsupported(PLACE(p, "reason"), jv_text(reason), reasons);
	if (jv_exists(path)) {
		CLEANUP_FREE char *t = jv_strdup(path);

		if (!t || !*t || !follow(s, t, NULL))
			place_invalid_str(PLACE(p, "fieldPath"), jv_str(path, &tmp),
					  "fieldPath must be a valid path");
	}
}

static void check_rule(struct checking *c, const struct place *p, struct crd_schema *s,
		       struct jv json, bool root, bool correlatable, uint64_t cardinality)
{
	struct err e = ERR_INIT;
	struct rule r = {0};
	const char *member;
	size_t before = place_mistakes(p);

	check_words(p, json, s);
	if (place_mistakes(p) != before)
		return;
	if (!compile(c->set, crd_cel_type(c->set, s, root), json, &r, &e, &member)) {
		CLEANUP_FREE char *why = xasprintf("compilation failed: %s", err_text(&e));

		invalid_rule(PLACE(p, member), json, why);
	} else if (cel_program_type(r.test)->kind != CEL_BOOL &&
		   cel_program_type(r.test)->kind != CEL_DYN) {
		invalid_rule(PLACE(p, "rule"), json, "cel expression must evaluate to a bool");
	} else if (r.message_expr && cel_program_type(r.message_expr)->kind != CEL_STRING &&
		   cel_program_type(r.message_expr)->kind != CEL_DYN) {
		invalid_rule(PLACE(p, "messageExpression"), json,
			     "messageExpression must evaluate to a string");
	} else if (r.uses_old && !correlatable) {
		invalid_rule(PLACE(p, "rule"), json,
			     "oldSelf cannot be used on the uncorrelatable portion of the schema");
	} else if (r.optional_old && !r.uses_old) {
		place_report(
			PLACE(p, "optionalOldSelf"), "FieldValueInvalid",
			"Invalid value: true: option optionalOldSelf is set, but the rule does "
			"not use oldSelf");
	} else {
		check_cost(c, p, &r, cardinality);
	}
	err_done(&e);
}

static void check_schema(struct checking *c, const struct place *p, struct crd_schema *s, bool root,
			 bool correlatable, uint64_t cardinality)
{
	size_t i = 0;

	if (!s->has_rules)
		return;
	jv_for_each (it, s->rules_json)
		check_rule(c, PLACE_AT(PLACE(p, "x-kubernetes-validations"), i++), s, it.value,
			   root, correlatable, cardinality);
	for (uint32_t k = 0; k < s->n_props; k++)
		check_schema(c, PLACE_KEY(PLACE(p, "properties"), s->props[k].name.p),
			     s->props[k].schema, false, correlatable, cardinality);
	if (s->items)
		check_schema(c, PLACE(p, "items"), s->items, false,
			     correlatable && s->list == API_LISTMAP,
			     times(cardinality, crd_cel_type(c->set, s, root)->max));
	if (s->additional)
		check_schema(
			c, PLACE(p, "additionalProperties"), s->additional, false, correlatable,
			times(cardinality, MAX(crd_cel_type(c->set, s, root)->max, (uint64_t)1)));
}

void crd_rules_check(const struct place *p, struct json_object *schema, struct json_object *old)
{
	CLEANUP(crd_schema_freep) struct crd_schema_set *set = NULL;
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct checking c = {0};
	char by[40];

	jsonc_write(schema, &b);
	if (!memmem(b.p, b.len, "x-kubernetes-validations", 24))
		return;
	set = crd_schema_new(jv_of(buf_str(&b)));
	c.set = set;
	check_schema(&c, p, set->root, true, true, 1);
	if (c.total <= CRD_COST_MAX)
		return;
	factor(by, c.total, CRD_COST_MAX);
	place_report(
		p, "FieldValueForbidden",
		"Forbidden: x-kubernetes-validations estimated rule cost total for entire "
		"OpenAPIv3 schema exceeds budget by factor of %s (try simplifying the rule, or "
		"adding maxItems, maxProperties, and maxLength where arrays, maps, and strings "
		"are declared)",
		by);
}

/* ---- evaluating ---- */

static void prepare(struct crd_schema_set *set, struct crd_schema *s, bool root)
{
	size_t n = jv_exists(s->rules_json) ? jv_len(s->rules_json) : 0;

	if (!s->has_rules)
		return;
	if (n) {
		s->rules = ARENA_NEW(&set->arena, struct crd_rules);
		s->rules->v = ARENA_ARRAY(&set->arena, struct rule, n);
		jv_for_each (it, s->rules_json) {
			struct rule *r = &s->rules->v[s->rules->n];
			const char *member;

			if (compile(set, crd_cel_type(set, s, root), it.value, r, NULL, &member))
				s->rules->n++;
		}
	}
	for (uint32_t i = 0; i < s->n_props; i++)
		prepare(set, s->props[i].schema, false);
	if (s->items)
		prepare(set, s->items, false);
	if (s->additional)
		prepare(set, s->additional, false);
}

struct running {
	struct crd_schema_set *set;
	struct arena arena;
	uint64_t budget; /* left */
	bool over;
};

static struct cel_val evaluate(struct running *x, const struct cel_program *p,
			       const struct cel_val *vars)
{
	struct cel_run r = {.arena = &x->arena,
			    .cost_max = MIN(x->budget, (uint64_t)API_CEL_CALL_BUDGET)};
	struct cel_val v = cel_eval(p, vars, &r);

	x->budget -= MIN(x->budget, r.cost);
	if (r.over)
		x->over = true;
	return v;
}

static const char *type_word(const struct crd_schema *s)
{
	return s->int_or_string ? "integer or string" : crd_type_name((enum crd_type)s->type);
}

static void fail(const struct rule *r, const struct crd_schema *s, const struct place *p,
		 const char *message)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	bool below = r->field_path && follow(s, r->field_path, &path);
	const struct place *at = below ? PLACE(p, path.p) : p;

	if (r->reason && !strcmp(r->reason, "FieldValueForbidden"))
		place_forbidden(at, message);
	else if (r->reason && !strcmp(r->reason, "FieldValueRequired"))
		place_required(at, message);
	else if (r->reason && !strcmp(r->reason, "FieldValueDuplicate"))
		place_duplicate(at, str_of(type_word(s)));
	else
		place_report(at, "FieldValueInvalid", "Invalid value: \"%s\": %s", type_word(s),
			     message);
}

static void report_failure(struct running *x, const struct rule *r, const struct crd_schema *s,
			   const struct cel_val *vars, const struct place *p)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (r->message_expr) {
		struct cel_val m = evaluate(x, r->message_expr, vars);
		struct str t = m.kind == CEL_STRING ? str_trim(m.s) : STR("");

		if (t.len && t.len <= MESSAGE_MAX && str_chr(t, '\n') < 0)
			buf_addstr(&b, t);
		x->over = false;
	}
	if (!b.len && r->message && *r->message)
		buf_adds(&b, r->message);
	if (!b.len)
		buf_addf(&b, "failed rule: %s", r->text);
	fail(r, s, p, b.p);
}

static void report_error(const struct rule *r, const struct crd_schema *s, const struct cel_val *v,
			 const struct place *p)
{
	CLEANUP_FREE char *why = NULL;

	if (str_eqs(v->s, "no such overload"))
		why = xasprintf(
			"call arguments did not match a supported operator, function or macro "
			"signature for rule: %s",
			r->message ? r->message : r->text);
	else
		why = xasprintf("%.*s evaluating rule: %s", STR_ARG(v->s),
				r->message ? r->message : r->text);
	fail(r, s, p, why);
}

static void run_rules(struct running *x, struct crd_schema *s, struct json_object *v,
		      struct json_object *old, const struct place *p)
{
	bool same = old && jsonc_equal(v, old);
	struct cel_run r = {.arena = &x->arena};
	struct cel_val vars[2];

	for (size_t i = 0; i < s->rules->n && !x->over; i++) {
		const struct rule *rule = &s->rules->v[i];
		struct cel_val got;

		if (rule->uses_old ? !old && !rule->optional_old : same)
			continue;
		vars[0] = cel_of_json(&r, v, s->cel);
		vars[1] = old ? cel_of_json(&r, old, s->cel) : CEL_VAL_NULL;
		if (rule->optional_old)
			vars[1] = old ? cel_some(&r, vars[1])
				      : (struct cel_val){.kind = CEL_OPTIONAL};
		got = evaluate(x, rule->test, vars);
		if (x->over)
			fail(rule, s, p,
			     x->budget
				     ? "validation failed due to running out of cost budget for a "
				       "rule"
				     : "validation failed due to running out of cost budget, no "
				       "further validation rules will be run");
		else if (got.kind == CEL_ERR)
			report_error(rule, s, &got, p);
		else if (got.kind != CEL_BOOL || !got.b)
			report_failure(x, rule, s, vars, p);
		arena_reset(&x->arena);
	}
}

static void walk(struct running *x, struct crd_schema *s, struct json_object *v,
		 struct json_object *old, const struct place *p)
{
	if (!s || !s->has_rules || !v || x->over)
		return;
	if (s->rules)
		run_rules(x, s, v, old, p);
	if (json_object_is_type(v, json_type_array) && s->items) {
		CLEANUP(hmap_freep)
		struct hmap *was = s->list == API_LISTMAP && old ? crd_list_index(s, old) : NULL;

		for (size_t i = 0; i < list_len(v); i++)
			walk(x, s->items, list_at(v, i), crd_list_find(s, was, list_at(v, i)),
			     PLACE_AT(p, i));
	}
	map_for_each(it, v) walk(x, (struct crd_schema *)crd_schema_member(s, str_of(map_key(it))),
				 map_value(it), jsonc_get(old, map_key(it)), PLACE(p, map_key(it)));
}

/* Rules rely on what the schema says of types and sizes. */
static bool blocked(const struct place *root)
{
	static const char *const blocking[] = {"FieldValueRequired", "FieldValueTooLong",
					       "FieldValueTooMany", "FieldValueTypeInvalid",
					       "FieldValueNotSupported"};
	const struct err *e = root->err;

	for (size_t i = 0; i < e->n_fields; i++)
		for (size_t k = 0; k < ARRAY_SIZE(blocking); k++)
			if (!strcmp(e->fields[i].reason, blocking[k]))
				return true;
	return false;
}

void crd_rules_run(struct crd_schema_set *set, struct json_object *obj, struct json_object *old,
		   const struct place *root)
{
	struct running x = {.set = set, .budget = API_CEL_OBJECT_BUDGET};

	if (!set->root->has_rules)
		return;
	if (blocked(root)) {
		place_report(
			root, "FieldValueInvalid",
			"Invalid value: null: some validation rules were not checked because the "
			"object was invalid; correct the existing errors to complete validation");
		return;
	}
	if (!set->prepared) {
		prepare(set, set->root, true);
		set->prepared = true;
	}
	walk(&x, set->root, obj, old, root);
	arena_done(&x.arena);
}
