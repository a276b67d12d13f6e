/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/client/fake_private.h"
#include "lib/json/jsonc.h"
#include "lib/json/jv.h"

static void record_free(void *p)
{
	struct fake_record *rec = p;

	free(rec->path);
	free(rec->bytes);
	free(rec);
}

void fake_store_done(struct fake_api *f)
{
	for (size_t i = 0; i < f->n_log; i++)
		free(f->log[i].bytes);
	free(f->log);
	hmap_free_full(f->records, record_free);
}

void fake_answer_error(struct fake_call *call, int status, const char *reason, const char *text)
{
	call->status = status;
	buf_clear(&call->body);
	buf_addf(&call->body,
		 "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\","
		 "\"message\":\"%s\",\"reason\":\"%s\",\"code\":%d}",
		 text, reason, status);
}

bool fake_path_covers(const struct fake_path *p, const struct fake_record *rec)
{
	return str_eq(p->gv, rec->at.gv) && str_eq(p->plural, rec->at.plural) &&
	       (!p->ns.len || str_eq(p->ns, rec->at.ns)) &&
	       (!p->name.len || str_eq(p->name, rec->at.name));
}

static void object_path(const struct fake_path *p, struct str name, struct buf *out)
{
	buf_addstr(out, p->gv);
	if (p->ns.len)
		buf_addf(out, "/namespaces/%.*s", STR_ARG(p->ns));
	buf_addf(out, "/%.*s/%.*s", STR_ARG(p->plural), STR_ARG(name));
}

static void log_event(struct fake_api *f, enum transport_event type, const struct fake_record *rec)
{
	*ARRAY_PUSH(f->log, f->n_log, f->cap_log) =
		(struct fake_event){f->rv, type, rec, xstrdup(rec->bytes)};
	fake_wake_watches(f);
}

/* Writes obj (borrowed) as the new state of path. */
static struct fake_record *commit(struct fake_api *f, const char *path, struct json_object *obj)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT;
	struct json_object *meta = jsonc_ensure(obj, "metadata");
	struct fake_record *rec = hmap_get(f->records, str_of(path));
	bool was = rec && rec->bytes;
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, ++f->rv);
	jsonc_set_str(meta, "resourceVersion", str_of(text));
	jsonc_write(obj, &out);
	if (!rec) {
		rec = NEW(struct fake_record);
		rec->path = xstrdup(path);
		fake_path_parse(str_of(rec->path), &rec->at);
		hmap_put(f->records, str_of(path), rec);
	}
	free(rec->bytes);
	rec->bytes = buf_take(&out);
	rec->rv = f->rv;
	log_event(f, was ? TRANSPORT_MODIFIED : TRANSPORT_ADDED, rec);
	return rec;
}

static void remove_record(struct fake_api *f, struct fake_record *rec)
{
	CLEANUP_JSON struct json_object *obj = NULL;
	CLEANUP(buf_done) struct buf out = BUF_INIT;
	char text[24];

	jsonc_parse(str_of(rec->bytes), NULL, &obj, NULL);
	snprintf(text, sizeof(text), "%" PRIu64, ++f->rv);
	jsonc_set_str(jsonc_ensure(obj, "metadata"), "resourceVersion", str_of(text));
	jsonc_write(obj, &out);
	free(rec->bytes);
	rec->bytes = buf_take(&out);
	log_event(f, TRANSPORT_DELETED, rec);
	free(rec->bytes);
	rec->bytes = NULL;
}

static int by_path(const void *a, const void *b)
{
	const struct fake_record *const *x = a, *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

static struct fake_record **collect(struct fake_api *f, const struct fake_path *p, size_t *ret_n)
{
	struct fake_record **v = NULL;
	size_t n = 0, cap = 0;

	hmap_for_each (e, f->records) {
		struct fake_record *rec = e->value;

		if (rec->bytes && fake_path_covers(p, rec))
			*ARRAY_PUSH(v, n, cap) = rec;
	}
	if (n)
		qsort(v, n, sizeof(*v), by_path);
	*ret_n = n;
	return v;
}

static void handle_list(struct fake_call *call)
{
	struct fake_api *f = call->f;
	struct buf *out = &call->body;
	uint64_t limit = 0, skip = 0;
	size_t n;
	CLEANUP_FREE struct fake_record **v = collect(f, &call->path, &n);

	str_to_u64(fake_query(&call->path, "limit"), &limit);
	str_to_u64(fake_query(&call->path, "continue"), &skip);
	buf_addf(out, "{\"kind\":\"List\",\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\"",
		 f->rv);
	if (limit && skip + limit < n)
		buf_addf(out, ",\"continue\":\"%" PRIu64 "\"", skip + limit);
	buf_adds(out, "},\"items\":[");
	for (size_t i = skip; i < n && (!limit || i < skip + limit); i++)
		buf_addf(out, "%s%s", i > skip ? "," : "", v[i]->bytes);
	buf_adds(out, "]}");
	call->status = 200;
}

static void reply(struct fake_call *call, int status, const struct fake_record *rec)
{
	call->status = status;
	buf_clear(&call->body);
	buf_adds(&call->body, rec->bytes);
}

static void stamp_new(struct fake_api *f, const struct fake_path *p, struct json_object *obj)
{
	struct json_object *meta = jsonc_ensure(obj, "metadata");
	char time[TIME_LEN + 1], text[64];
	struct str prefix = jsonc_path_str(obj, "metadata.generateName");

	if (!jsonc_path_str(obj, "metadata.name").len && prefix.len) {
		CLEANUP_FREE char *name = xasprintf("%.*s%05" PRIu64, STR_ARG(prefix), ++f->names);

		jsonc_set_str(meta, "name", str_of(name));
	}
	if (p->ns.len)
		jsonc_set_str(meta, "namespace", p->ns);
	if (!jsonc_path_str(obj, "metadata.uid").len) {
		snprintf(text, sizeof(text), "uid-%05" PRIu64, ++f->uids);
		jsonc_set_str(meta, "uid", str_of(text));
	}
	if (!jsonc_path_str(obj, "metadata.creationTimestamp").len) {
		time_format(clock_real_ns(f->timers->clock), time);
		jsonc_set_str(meta, "creationTimestamp", str_of(time));
	}
	if (!jsonc_path(obj, "metadata.generation"))
		jsonc_set(meta, "generation", json_object_new_int64(1));
}

static void handle_bind(struct fake_call *call, struct fake_record *rec, struct json_object *body)
{
	CLEANUP_JSON struct json_object *obj = NULL;
	struct json_object *spec;

	jsonc_parse(str_of(rec->bytes), NULL, &obj, NULL);
	spec = jsonc_ensure(obj, "spec");
	if (jsonc_path_str(obj, "spec.nodeName").len) {
		fake_answer_error(call, 409, "Conflict", "pod is already assigned to a node");
		return;
	}
	jsonc_set_str(spec, "nodeName", jsonc_path_str(body, "target.name"));
	commit(call->f, rec->path, obj);
	call->status = 201;
	buf_adds(&call->body, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Success\"}");
}

static struct fake_record *find(struct fake_call *call)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	struct fake_record *rec;

	object_path(&call->path, call->path.name, &path);
	rec = hmap_get(call->f->records, buf_str(&path));
	if (rec && rec->bytes)
		return rec;
	fake_answer_error(call, 404, "NotFound", "not found");
	return NULL;
}

static void handle_create(struct fake_call *call, struct json_object *body)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	struct fake_record *rec;

	if (str_eqs(call->path.sub, "binding")) {
		rec = find(call);
		if (rec)
			handle_bind(call, rec, body);
		return;
	}
	stamp_new(call->f, &call->path, body);
	object_path(&call->path, jsonc_path_str(body, "metadata.name"), &path);
	rec = hmap_get(call->f->records, buf_str(&path));
	if (rec && rec->bytes) {
		fake_answer_error(call, 409, "AlreadyExists", "already exists");
		return;
	}
	reply(call, 201, commit(call->f, path.p, body));
}

/* RFC 7386, as far as tests need it. */
static void merge(struct json_object *dst, struct json_object *patch)
{
	json_object_object_foreach(patch, key, value)
	{
		struct json_object *have = NULL;

		if (!value) {
			json_object_object_del(dst, key);
		} else if (json_object_is_type(value, json_type_object)) {
			json_object_object_get_ex(dst, key, &have);
			if (!json_object_is_type(have, json_type_object)) {
				have = json_object_new_object();
				jsonc_set(dst, key, have);
			}
			merge(have, value);
		} else {
			jsonc_set(dst, key, jsonc_clone(value));
		}
	}
}

static bool has_finalizers(struct json_object *obj)
{
	struct json_object *a = jsonc_path(obj, "metadata.finalizers");
	struct json_object *ns = jsonc_path(obj, "spec.finalizers"); /* of a Namespace */

	return (a && json_object_array_length(a)) || (ns && json_object_array_length(ns));
}

/* A spec that differs raises metadata.generation, as the API server does. */
static void count_generation(struct json_object *old, struct json_object *obj)
{
	struct json_object *g = jsonc_path(old, "metadata.generation");
	int64_t n = jsonc_i64(g, 1);

	if (!jsonc_equal(jsonc_get(old, "spec"), jsonc_get(obj, "spec")))
		n++;
	jsonc_set(jsonc_ensure(obj, "metadata"), "generation", json_object_new_int64(n));
}

static void handle_write(struct fake_call *call, struct json_object *body, bool patch)
{
	CLEANUP_JSON struct json_object *old = NULL, *obj = NULL;
	struct fake_record *rec = find(call);
	struct str rv = jsonc_path_str(body, "metadata.resourceVersion");
	uint64_t want = 0;

	if (!rec)
		return;
	if (rv.len && str_to_u64(rv, &want) == 0 && want != rec->rv) {
		fake_answer_error(call, 409, "Conflict", "the object has been modified");
		return;
	}
	jsonc_parse(str_of(rec->bytes), NULL, &old, NULL);
	obj = jsonc_clone(patch ? old : body);
	if (patch)
		merge(obj, body);
	if (str_eqs(call->path.sub, "status")) {
		struct json_object *status = jsonc_clone(jsonc_get(obj, "status"));

		json_object_put(obj);
		obj = jsonc_clone(old);
		jsonc_set(obj, "status", status);
	}
	count_generation(old, obj);
	if (!jsonc_equal(old, obj))
		rec = commit(call->f, rec->path, obj);
	reply(call, 200, rec);
	/* A pod on a node goes when its agent says so. */
	if (jsonc_path(obj, "metadata.deletionTimestamp") && !has_finalizers(obj) &&
	    !(str_eqs(call->path.plural, "pods") && jsonc_path_str(obj, "spec.nodeName").len))
		remove_record(call->f, rec);
}

static void handle_delete(struct fake_call *call, struct json_object *body);

static void handle_delete_collection(struct fake_call *call, struct json_object *body)
{
	struct fake_path all = call->path;
	size_t n;
	CLEANUP_FREE struct fake_record **v = collect(call->f, &all, &n);

	for (size_t i = 0; i < n; i++) {
		call->path = v[i]->at;
		handle_delete(call, body);
	}
	call->path = all;
	call->status = 200;
	buf_clear(&call->body);
	buf_adds(&call->body, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Success\"}");
}

static void handle_delete(struct fake_call *call, struct json_object *body)
{
	CLEANUP_JSON struct json_object *obj = NULL;
	struct fake_record *rec = find(call);
	struct str want = jsonc_path_str(body, "preconditions.uid"), policy;
	char time[TIME_LEN + 1];
	struct json_object *fin;

	if (!rec)
		return;
	jsonc_parse(str_of(rec->bytes), NULL, &obj, NULL);
	if (want.len && !str_eq(want, jsonc_path_str(obj, "metadata.uid"))) {
		fake_answer_error(call, 409, "Conflict", "uid differs");
		return;
	}
	policy = jsonc_path_str(body, "propagationPolicy");
	fin = str_eqs(policy, "Foreground") ? json_object_new_string("foregroundDeletion")
	      : str_eqs(policy, "Orphan")   ? json_object_new_string("orphan")
					    : NULL;
	if (fin) {
		struct json_object *meta = jsonc_ensure(obj, "metadata");

		if (!jsonc_get(meta, "finalizers"))
			jsonc_set(meta, "finalizers", json_object_new_array());
		json_object_array_add(jsonc_get(meta, "finalizers"), fin);
	}
	if (has_finalizers(obj)) {
		time_format(clock_real_ns(call->f->timers->clock), time);
		jsonc_set_str(jsonc_ensure(obj, "metadata"), "deletionTimestamp", str_of(time));
		rec = commit(call->f, rec->path, obj);
		reply(call, 200, rec);
		return;
	}
	reply(call, 200, rec);
	remove_record(call->f, rec);
}

void fake_handle(struct fake_call *call)
{
	CLEANUP_JSON struct json_object *body = NULL;
	CLEANUP(buf_done) struct buf in = call->in;
	const char *m = call->req.method;
	struct fake_record *rec;

	call->in = BUF_INIT;
	if (in.len && jsonc_parse(buf_str(&in), NULL, &body, NULL) < 0) {
		fake_answer_error(call, 400, "BadRequest", "body is not JSON");
		return;
	}
	if (!strcmp(m, "GET") && !call->path.name.len)
		handle_list(call);
	else if (!strcmp(m, "GET") && (rec = find(call)))
		reply(call, 200, rec);
	else if (!strcmp(m, "POST"))
		handle_create(call, body);
	else if (!strcmp(m, "PUT") || !strcmp(m, "PATCH"))
		handle_write(call, body, *m == 'P' && m[1] == 'A');
	else if (!strcmp(m, "DELETE") && !call->path.name.len)
		handle_delete_collection(call, body);
	else if (!strcmp(m, "DELETE"))
		handle_delete(call, body);
}

/* For tests */

void fake_api_put(struct fake_api *f, const char *path, const char *json)
{
	CLEANUP_JSON struct json_object *obj = NULL;
	struct fake_record *rec = hmap_get(f->records, str_of(path));
	struct err e = ERR_INIT;
	struct fake_path p;

	if (jsonc_parse(str_of(json), NULL, &obj, &e) < 0) {
		fprintf(stderr, "fake_api_put %s: %s\n", path, err_text(&e));
		abort();
	}
	fake_path_parse(str_of(path), &p);
	jsonc_set_str(jsonc_ensure(obj, "metadata"), "name", p.name);
	if (rec && rec->bytes) {
		CLEANUP_JSON struct json_object *old = NULL;

		jsonc_parse(str_of(rec->bytes), NULL, &old, NULL);
		jsonc_set_str(jsonc_ensure(obj, "metadata"), "uid",
			      jsonc_path_str(old, "metadata.uid"));
		jsonc_set_str(jsonc_ensure(obj, "metadata"), "creationTimestamp",
			      jsonc_path_str(old, "metadata.creationTimestamp"));
		count_generation(old, obj);
	}
	stamp_new(f, &p, obj);
	commit(f, path, obj);
}

struct str fake_api_get(struct fake_api *f, const char *path)
{
	struct fake_record *rec = hmap_get(f->records, str_of(path));

	return rec && rec->bytes ? str_of(rec->bytes) : STR_NULL;
}

void fake_api_delete(struct fake_api *f, const char *path)
{
	struct fake_record *rec = hmap_get(f->records, str_of(path));

	if (rec && rec->bytes)
		remove_record(f, rec);
}

size_t fake_api_count(struct fake_api *f, const char *path)
{
	struct fake_path p;
	size_t n;

	fake_path_parse(str_of(path), &p);
	free(collect(f, &p, &n));
	return n;
}

struct str fake_api_nth(struct fake_api *f, const char *path, size_t i)
{
	struct fake_path p;
	size_t n;
	CLEANUP_FREE struct fake_record **v = NULL;

	fake_path_parse(str_of(path), &p);
	v = collect(f, &p, &n);
	return i < n ? str_of(v[i]->bytes) : STR_NULL;
}
