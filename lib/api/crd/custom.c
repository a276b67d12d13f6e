/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/crd/custom.h"
#include "lib/base/codec.h"
#include "lib/api/crd/rules.h"
#include "lib/api/jsonpath.h"
#include "lib/api/kinds/kinds.h"
#include "lib/api/kinds/types.h"
#include "lib/base/hmap.h"

#include <ctype.h>

struct api_custom {
	struct custom_def *def;
	struct crd_schema_set *schema; /* when first needed */
	size_t version; /* which of spec.versions */
	const char *warning;
	struct hmap *converted; /* by value_key: struct str, allocated with its text */
	size_t converted_bytes;
	bool summed;
	uint32_t crc; /* of the schema's text */
};

struct custom_version {
	struct api_kind kind;
	struct api_custom custom;
};

struct custom_def {
	unsigned refs;
	uint64_t rev;
	bool webhook, terminating;
	const struct custom_source *from;
	void *owner;
	struct arena arena;
	struct custom_version *v;
	size_t n;
};

/* Of which kinds a body may have anything besides. */
static const struct api_field root_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and so on."},
};

/* Its name is the group's words backwards: com.example.stable.v1.CronTab. */
static const struct api_type *root_type(struct custom_def *d, const struct api_kind *k)
{
	struct api_type *t = ARENA_NEW(&d->arena, struct api_type);
	struct str rest = str_of(k->group);
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	while (rest.len) {
		ssize_t dot = str_rchr(rest, '.');

		buf_addstr(&b, str_skip(rest, (size_t)(dot + 1)));
		buf_addc(&b, '.');
		rest.len = dot < 0 ? 0 : (size_t)dot;
	}
	buf_addf(&b, "%s.%s", k->version, k->kind);
	*t = (struct api_type){.name = arena_strdup(&d->arena, buf_str(&b)),
			       .fields = root_fields,
			       .n_fields = ARRAY_SIZE(root_fields),
			       .flags = API_PRESERVE};
	return t;
}

static const char *text(struct custom_def *d, struct jv v)
{
	CLEANUP(buf_done) struct buf tmp = BUF_INIT;

	return jv_exists(v) ? arena_strdup(&d->arena, jv_str(v, &tmp)) : NULL;
}

static const char *const *texts(struct custom_def *d, struct jv list)
{
	size_t n = jv_len(list), i = 0;
	const char **v;

	if (!n)
		return NULL;
	v = ARENA_ARRAY(&d->arena, const char *, n + 1);
	jv_for_each (it, list)
		v[i++] = text(d, it.value);
	return v;
}

/* ".spec.replicas" -> "spec.replicas" */
static const char *dotted(struct custom_def *d, struct jv path)
{
	const char *p = text(d, path);

	return p && *p == '.' ? p + 1 : p;
}

static void make_columns(struct custom_def *d, struct custom_version *v, struct jv version)
{
	static const struct api_column name = COLUMN_NAME, age = COLUMN_AGE;
	struct jv list = jv_get(version, "additionalPrinterColumns");
	size_t n = jv_len(list), i = 1;
	struct api_column *c = ARENA_ARRAY(&d->arena, struct api_column, n + 2);
	const struct jsonpath **paths = ARENA_ARRAY(&d->arena, const struct jsonpath *, n + 2);

	c[0] = name;
	jv_for_each (it, list) {
		struct jsonpath *path = NULL;
		CLEANUP(buf_done) struct buf tmp = BUF_INIT;
		struct str source = jv_str(jv_get(it.value, "jsonPath"), &tmp);

		if (jsonpath_parse(source, &d->arena, &path, NULL) < 0)
			continue;
		c[i].name = text(d, jv_get(it.value, "name"));
		c[i].type = text(d, jv_get(it.value, "type"));
		c[i].format = text(d, jv_get(it.value, "format"));
		c[i].help = text(d, jv_get(it.value, "description"));
		c[i].help = c[i].help ? c[i].help : "";
		c[i].priority = (int)jv_i64(jv_get(it.value, "priority"), 0);
		paths[i] = path;
		i++;
	}
	if (i == 1)
		c[i++] = age;
	v->kind.columns = c;
	v->kind.column_paths = paths;
	v->kind.n_columns = i;
}

static void make_subresources(struct custom_def *d, struct custom_version *v, struct jv version)
{
	static const struct api_subresource status = SUB_STATUS, scale = SUB_SCALE;
	struct jv subs = jv_get(version, "subresources");
	struct jv sc = jv_get(subs, "scale");
	struct api_subresource *s = ARENA_ARRAY(&d->arena, struct api_subresource, 2);
	size_t n = 0;

	v->kind.subresources = s;
	if (jv_exists(jv_get(subs, "status"))) {
		s[n++] = status;
		v->kind.flags |= API_K_STATUS;
	}
	if (jv_exists(sc)) {
		struct api_scale_paths *p = ARENA_NEW(&d->arena, struct api_scale_paths);

		p->spec_replicas = dotted(d, jv_get(sc, "specReplicasPath"));
		p->status_replicas = dotted(d, jv_get(sc, "statusReplicasPath"));
		p->selector = dotted(d, jv_get(sc, "labelSelectorPath"));
		v->kind.scale = p;
		s[n++] = scale;
	}
	v->kind.n_subresources = n;
}

static void make_selectable(struct custom_def *d, struct custom_version *v, struct jv version)
{
	struct jv list = jv_get(version, "selectableFields");
	const char **paths = ARENA_ARRAY(&d->arena, const char *, jv_len(list) + 1);
	size_t n = 0;

	jv_for_each (it, list)
		paths[n++] = dotted(d, jv_get(it.value, "jsonPath"));
	v->kind.selectable = n ? paths : NULL;
}

static void make_kind(struct custom_def *d, struct jv crd, struct custom_version *v,
		      struct jv version)
{
	struct jv names = jv_path(crd, "status.acceptedNames");

	v->kind = (struct api_kind){
		.group = text(d, jv_path(crd, "spec.group")),
		.version = text(d, jv_get(version, "name")),
		.kind = text(d, jv_get(names, "kind")),
		.plural = text(d, jv_get(names, "plural")),
		.singular = text(d, jv_get(names, "singular")),
		.short_names = texts(d, jv_get(names, "shortNames")),
		.categories = texts(d, jv_get(names, "categories")),
		.list_kind = text(d, jv_get(names, "listKind")),
		.verbs = API_VERB_ALL,
		.flags = API_K_GENERATION |
			 (jv_eqs(jv_path(crd, "spec.scope"), "Namespaced") ? API_K_NAMESPACED : 0),
		.custom = &v->custom,
	};
	v->kind.type = root_type(d, &v->kind);
	v->custom.def = d;
	if (jv_bool(jv_get(version, "deprecated"), false)) {
		CLEANUP(buf_done) struct buf w = BUF_INIT;

		v->custom.warning = text(d, jv_get(version, "deprecationWarning"));
		buf_addf(&w, "%s/%s %s is deprecated", v->kind.group, v->kind.version,
			 v->kind.kind);
		if (!v->custom.warning)
			v->custom.warning = arena_strdup(&d->arena, buf_str(&w));
	}
	make_columns(d, v, version);
	make_subresources(d, v, version);
	make_selectable(d, v, version);
}

struct custom_def *custom_def_new(struct str json, uint64_t rev, const struct custom_source *from,
				  void *owner)
{
	struct custom_def *d = NEW(struct custom_def);
	struct jv crd = jv_of(json), versions = jv_path(crd, "spec.versions");
	const struct api_kind *storage = NULL;
	size_t at = 0;

	*d = (struct custom_def){.refs = 1, .rev = rev, .from = from, .owner = owner};
	d->webhook = jv_eqs(jv_path(crd, "spec.conversion.strategy"), "Webhook");
	d->terminating = jv_exists(jv_path(crd, "metadata.deletionTimestamp"));
	/* The stored version comes last if it isn't served: keys and bytes are its. */
	d->v = ARENA_ARRAY(&d->arena, struct custom_version, jv_len(versions) + 1);
	jv_for_each (it, versions) {
		struct custom_version *v = &d->v[d->n];
		size_t i = at++;

		if (!jv_bool(jv_get(it.value, "served"), false))
			continue;
		v->custom.version = i;
		make_kind(d, crd, v, it.value);
		if (jv_bool(jv_get(it.value, "storage"), false))
			storage = &v->kind;
		d->n++;
	}
	at = 0;
	jv_for_each (it, versions) {
		size_t i = at++;

		if (storage || !jv_bool(jv_get(it.value, "storage"), false))
			continue;
		d->v[d->n].custom.version = i;
		make_kind(d, crd, &d->v[d->n], it.value);
		storage = &d->v[d->n].kind;
	}
	for (size_t i = 0; i < d->n; i++)
		if (&d->v[i].kind != storage)
			d->v[i].kind.storage = storage;
	return d;
}

void custom_def_ref(struct custom_def *d)
{
	d->refs++;
}

void custom_def_unref(struct custom_def *d)
{
	if (!d || --d->refs)
		return;
	for (size_t i = 0; d->v && i < d->n + 1; i++) {
		crd_schema_free(d->v[i].custom.schema);
		hmap_free_full(d->v[i].custom.converted, free);
	}
	arena_done(&d->arena);
	d->from->release(d->owner);
	free(d);
}

size_t custom_def_len(const struct custom_def *d)
{
	return d->n;
}

const struct api_kind *custom_def_kind(const struct custom_def *d, size_t i)
{
	return i < d->n ? &d->v[i].kind : NULL;
}

struct custom_def *custom_def_of(const struct api_kind *k)
{
	return k && k->custom ? k->custom->def : NULL;
}

struct str custom_def_json(const struct custom_def *d, struct buf *scratch)
{
	return d->from->read(d->owner, scratch);
}

bool custom_def_is_terminating(const struct custom_def *d)
{
	return d->terminating;
}

uint32_t custom_openapi_crc(const struct api_kind *k)
{
	struct api_custom *c = k->custom;
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;
	struct str json;

	if (c->summed)
		return c->crc;
	json = jv_raw(custom_openapi(k, &scratch));
	c->crc = crc32c(0, json.p, json.len);
	c->summed = true;
	return c->crc;
}

struct jv custom_openapi(const struct api_kind *k, struct buf *scratch)
{
	size_t at = 0;

	if (!k->custom)
		return JV_NONE;
	jv_for_each (it, jv_path(jv_of(custom_def_json(k->custom->def, scratch)), "spec.versions"))
		if (at++ == k->custom->version)
			return jv_path(it.value, "schema.openAPIV3Schema");
	return JV_NONE;
}

const char *custom_warning(const struct api_kind *k)
{
	return k->custom ? k->custom->warning : NULL;
}

struct crd_schema_set *custom_schema(const struct api_kind *k)
{
	if (!k->custom)
		return NULL;
	if (!k->custom->schema) {
		CLEANUP(buf_done) struct buf scratch = BUF_INIT;

		k->custom->schema = crd_schema_new(custom_openapi(k, &scratch));
	}
	return k->custom->schema;
}

const struct api_type *custom_type(const struct api_kind *k)
{
	return k->custom ? crd_schema_type(custom_schema(k)) : k->type;
}

/* ---- reading ---- */

/* Canonical bytes begin with {"apiVersion":"GROUP/VERSION". */
static bool has_version(const struct api_kind *k, struct str value)
{
	struct jv v = jv_get(jv_of(value), "apiVersion");
	struct str text_ = jv_text(v);
	size_t n = strlen(k->group);

	return text_.len == n + 1 + strlen(k->version) && str_starts(text_, str_of(k->group)) &&
	       str_eqs(str_skip(text_, n + 1), k->version);
}

bool custom_is_fresh(const struct api_kind *k, struct str value, uint64_t rev)
{
	if (!k->custom)
		return true;
	return rev > k->custom->def->rev && has_version(k, value);
}

/* ---- what a webhook made of values ---- */

#define CONVERTED_MAX (8u << 20)

struct converted {
	size_t len;
	char text[];
};

static void value_key(struct str value, struct buf *out)
{
	struct jv meta = jv_get(jv_of(value), "metadata");

	buf_addf(out, "%.*s/%.*s/%zu/%016" PRIx64, STR_ARG(jv_text(jv_get(meta, "uid"))),
		 STR_ARG(jv_text(jv_get(meta, "resourceVersion"))), value.len, str_hash(value));
}

static const struct converted *find_converted(const struct api_kind *k, struct str value)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;

	if (!k->custom->converted)
		return NULL;
	value_key(value, &key);
	return hmap_get(k->custom->converted, buf_str(&key));
}

bool custom_has_webhook(const struct api_kind *k)
{
	return k->custom && k->custom->def->webhook;
}

bool custom_wants_webhook(const struct api_kind *k, struct str value)
{
	return custom_has_webhook(k) && !has_version(k, value) && !find_converted(k, value);
}

void custom_converted(const struct api_kind *k, struct str value, struct str converted)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct converted *c = xmalloc(sizeof(*c) + converted.len);

	c->len = converted.len;
	memcpy(c->text, converted.p, converted.len);
	if (!k->custom->converted)
		k->custom->converted = hmap_new();
	value_key(value, &key);
	free(hmap_put(k->custom->converted, buf_str(&key), c));
	k->custom->converted_bytes += converted.len;
}

void custom_trim_converted(const struct api_kind *k)
{
	if (k->custom->converted_bytes <= CONVERTED_MAX)
		return;
	hmap_free_full(k->custom->converted, free);
	k->custom->converted = NULL;
	k->custom->converted_bytes = 0;
}

void custom_read_tree(const struct api_kind *k, struct json_object *obj)
{
	CLEANUP(buf_done) struct buf v = BUF_INIT;
	const struct crd_schema *s = custom_schema(k)->root;

	api_kind_api_version(k, &v);
	jsonc_set_str(obj, "apiVersion", buf_str(&v));
	crd_prune(s, obj, NULL, NULL);
	if (s->has_defaults)
		crd_default(s, obj);
}

void custom_read(const struct api_kind *k, struct jv stored, struct buf *out)
{
	CLEANUP_JSON struct json_object *obj = NULL;

	if (custom_has_webhook(k) && !has_version(k, jv_raw(stored))) {
		const struct converted *c = find_converted(k, jv_raw(stored));

		if (c) {
			buf_add(out, c->text, c->len);
			return;
		}
	}
	if (jsonc_parse(jv_raw(stored), &json_stored_limits, &obj, NULL) < 0) {
		buf_addstr(out, jv_raw(stored));
		return;
	}
	custom_read_tree(k, obj);
	jsonc_write(obj, out);
}

/* ---- checking ---- */

void custom_validate(const struct api_kind *k, struct json_object *obj, struct json_object *old,
		     const struct place *root)
{
	struct crd_schema_set *set = custom_schema(k);

	crd_check(set->root, obj, old, root);
	crd_rules_run(set, obj, old, root);
}

bool custom_condition(struct jv crd, const char *type)
{
	jv_for_each (it, jv_path(crd, "status.conditions"))
		if (jv_eqs(jv_get(it.value, "type"), type))
			return jv_eqs(jv_get(it.value, "status"), "True");
	return false;
}

/* "v2beta1" -> {2, 1 (beta), 1}; false: not of that form. */
static bool version_parts(const char *v, long *major, int *stage, long *minor)
{
	char *end;

	if (*v++ != 'v' || !isdigit((unsigned char)*v))
		return false;
	*major = strtol(v, &end, 10);
	*stage = 2;
	*minor = 0;
	if (!*end)
		return true;
	if (!strncmp(end, "beta", 4))
		*stage = 1, end += 4;
	else if (!strncmp(end, "alpha", 5))
		*stage = 0, end += 5;
	else
		return false;
	if (!isdigit((unsigned char)*end))
		return false;
	*minor = strtol(end, &end, 10);
	return !*end;
}

int custom_version_cmp(const char *a, const char *b)
{
	long ma, mb, na, nb;
	int sa, sb;
	bool ka = version_parts(a, &ma, &sa, &na), kb = version_parts(b, &mb, &sb, &nb);

	if (ka != kb)
		return ka ? -1 : 1;
	if (!ka)
		return strcmp(a, b);
	if (sa != sb)
		return sb - sa;
	if (ma != mb)
		return ma > mb ? -1 : 1;
	return na == nb ? 0 : na > nb ? -1 : 1;
}
