/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/api.h"
#include "lib/api/index.h"
#include "lib/api/validate/rules.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"
#include "master/apiserver/gate.h"
#include "master/apiserver/verbs.h"
#include "master/apiserver/write.h"

/*
 * pods/NAME/binding: a pod gets its node. It is what the scheduler does with every pod, so the
 * usual case never becomes a tree: the node and the condition are set into the stored bytes.
 */
struct binding {
	struct write w;
	struct json_object *body; /* NULL: it was read in place */
	char *node, *uid; /* uid NULL: whichever */
};

static void binding_free(struct write *w)
{
	struct binding *b = container_of(w, struct binding, w);

	json_object_put(b->body);
	free(b->node);
	free(b->uid);
	free(b);
}

static void binding_done(struct write *w, enum write_action action, struct str value,
			 const struct store_obj *o)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	api_status_success(NULL, &b);
	respond_json(w->r, 201, &b);
}

static bool binding_retry(struct write *w, int err)
{
	return true;
}

/* Why the pod may not be bound; NULL: it may. */
static char *why_not(const struct binding *b, struct str uid, bool deleting, struct str bound)
{
	if (b->uid && !str_eqs(uid, b->uid))
		return xstrdup("Precondition failed: UID in precondition does not match");
	if (deleting)
		return xasprintf("pod %s is being deleted, cannot be assigned to a host",
				 b->w.name);
	if (bound.len)
		return xasprintf("pod %s is already assigned to node \"%.*s\"", b->w.name,
				 STR_ARG(bound));
	return NULL;
}

/* ---- on the tree ---- */

static void set_scheduled(struct write *w, struct json_object *pod)
{
	struct json_object *status = jsonc_ensure(pod, "status"), *c = NULL;
	struct json_object *list = jsonc_get(status, "conditions");
	char time[TIME_LEN + 1];

	if (!json_object_is_type(list, json_type_array)) {
		list = json_object_new_array();
		jsonc_set(status, "conditions", list);
	}
	for (size_t i = 0; !c && i < json_object_array_length(list); i++) {
		c = json_object_array_get_idx(list, i);
		if (!str_eqs(jsonc_path_str(c, "type"), "PodScheduled"))
			c = NULL;
	}
	if (!c) {
		c = json_object_new_object();
		json_object_array_add(list, c);
	}
	time_format(server_now_ns(w->srv), time);
	jsonc_set_str(c, "type", STR("PodScheduled"));
	jsonc_set_str(c, "status", STR("True"));
	jsonc_set_str(c, "lastTransitionTime", str_of(time));
	json_object_object_del(c, "reason");
	json_object_object_del(c, "message");
	json_object_object_del(status, "nominatedNodeName"); /* it has come true, or another did */
}

static void add_annotations(struct json_object *pod, struct json_object *notes)
{
	struct json_object *to = jsonc_ensure(jsonc_ensure(pod, "metadata"), "annotations");

	json_object_object_foreach(notes, key, val)
	{
		jsonc_set(to, key, json_object_get(val));
	}
}

static int binding_make(struct write *w, struct json_object *cur, struct json_object **ret,
			struct err *err)
{
	struct binding *b = container_of(w, struct binding, w);
	struct json_object *notes = jsonc_path(b->body, "metadata.annotations");
	CLEANUP_FREE char *why = NULL;
	CLEANUP_JSON struct json_object *obj = NULL;

	if (!cur)
		return api_err_not_found(err, w->kind, str_of(w->name));
	if (b->body)
		validate_binding(b->body, err);
	if (err->n_fields)
		return api_err_invalid(err, w->kind, str_of(w->name));
	why = why_not(b, jsonc_path_str(cur, "metadata.uid"),
		      jsonc_path(cur, "metadata.deletionTimestamp"),
		      jsonc_path_str(cur, "spec.nodeName"));
	if (why)
		return api_err_conflict(err, w->kind, str_of(w->name), why);
	obj = jsonc_clone(cur);
	api_set_str(obj, "spec.nodeName", str_of(b->node));
	if (notes)
		add_annotations(obj, notes);
	set_scheduled(w, obj);
	*ret = TAKE(obj);
	return WRITE_PUT;
}

/* ---- in the bytes ---- */

/* Where a member or an element is added: before the closing bracket; NULL: there is none yet. */
struct gap {
	const char *at;
	bool first;
};

static struct gap gap_of(struct jv v)
{
	struct str raw = jv_raw(v);

	return (struct gap){raw.p + raw.len - 1, jv_len(v) == 0};
}

static bool has_condition(struct jv conditions)
{
	jv_for_each (c, conditions)
		if (jv_eqs(jv_get(c.value, "type"), "PodScheduled"))
			return true;
	return false;
}

static void add_until(struct buf *out, const char **from, const char *to)
{
	buf_add(out, *from, (size_t)(to - *from));
	*from = to;
}

static int binding_splice(struct write *w, struct buf *meta, struct err *err)
{
	static const struct str top[] = {{"metadata", 8}, {"spec", 4}, {"status", 6}};
	static const struct str in_meta[] = {{"uid", 3}, {"deletionTimestamp", 17}};
	static const struct str in_status[] = {{"conditions", 10}, {"nominatedNodeName", 17}};
	struct binding *b = container_of(w, struct binding, w);
	struct str value = w->cur_obj->value;
	const char *from = value.p, *rv = value.p + w->cur_obj->rv_at;
	struct jv part[3], m[2], s[2];
	struct gap spec, conditions;
	char time[TIME_LEN + 1];
	char *why;

	if (b->body || w->cur_obj->rv_at >= value.len)
		return 0;
	jv_members(jv_of(value), top, 3, part);
	jv_members(part[0], in_meta, 2, m);
	jv_members(part[2], in_status, 2, s);
	if (jv_type(part[1]) != JV_OBJECT || jv_type(part[2]) != JV_OBJECT || jv_exists(s[1]) ||
	    part[1].p < rv || part[2].p < part[1].p || has_condition(s[0]))
		return 0;
	why = why_not(b, jv_text(m[0]), jv_exists(m[1]), jv_text(jv_get(part[1], "nodeName")));
	if (why) {
		int r = api_err_conflict(err, w->kind, str_of(w->name), why);

		free(why);
		return r;
	}
	spec = gap_of(part[1]);
	conditions = gap_of(jv_type(s[0]) == JV_ARRAY ? s[0] : part[2]);
	buf_reserve(&w->value, value.len + 256);
	add_until(&w->value, &from, rv);
	w->rv_at = w->value.len;
	while (*from >= '0' && *from <= '9')
		from++;
	add_until(&w->value, &from, spec.at);
	buf_adds(&w->value, spec.first ? "\"nodeName\":" : ",\"nodeName\":");
	json_quote(str_of(b->node), &w->value);
	add_until(&w->value, &from, conditions.at);
	time_format(server_now_ns(w->srv), time);
	buf_adds(&w->value, conditions.first ? "" : ",");
	buf_adds(&w->value, jv_type(s[0]) == JV_ARRAY ? "" : "\"conditions\":[");
	buf_adds(&w->value,
		 "{\"type\":\"PodScheduled\",\"status\":\"True\",\"lastTransitionTime\":\"");
	buf_adds(&w->value, time);
	buf_adds(&w->value, jv_type(s[0]) == JV_ARRAY ? "\"}" : "\"}]");
	add_until(&w->value, &from, value.p + value.len);
	api_index_with_field(w->cur_obj->meta, "spec.nodeName", str_of(b->node), meta);
	return 1;
}

static const struct write_ops ops = {.make = binding_make,
				     .splice = binding_splice,
				     .done = binding_done,
				     .retry = binding_retry,
				     .free = binding_free};

/* The usual body: JSON with nothing but what the scheduler sends. */
static bool read_in_place(struct request *r, struct binding *b)
{
	struct jv body = jv_of(r->body), meta, target;
	struct str node;

	if (r->query_text.len || !str_starts(r->content_type, STR("application/json")) ||
	    json_scan(r->body, NULL, NULL) < 0 || !jv_eqs(jv_get(body, "kind"), "Binding") ||
	    !jv_eqs(jv_get(body, "apiVersion"), "v1"))
		return false;
	meta = jv_get(body, "metadata");
	target = jv_get(body, "target");
	node = jv_text(jv_get(target, "name"));
	if (jv_exists(jv_get(meta, "annotations")) || !node.len || memchr(node.p, '\\', node.len) ||
	    (jv_exists(jv_get(target, "kind")) && !jv_eqs(jv_get(target, "kind"), "Node")))
		return false;
	b->node = str_dup(node);
	node = jv_text(jv_get(meta, "uid"));
	b->uid = node.len ? str_dup(node) : NULL;
	return true;
}

static const struct api_kind *binding_kind(void)
{
	return api_kind_by_gvk(STR(""), STR("v1"), STR("Binding"));
}

static void take_body(struct binding *b, struct json_object *body)
{
	struct str uid;

	b->body = body;
	b->node = str_dup(jsonc_path_str(b->body, "target.name"));
	uid = jsonc_path_str(b->body, "metadata.uid");
	b->uid = uid.len ? str_dup(uid) : NULL;
}

static int decode(struct request *r, struct json_object **ret, struct err *e)
{
	int err = write_strictness(r, e);

	if (err < 0)
		return err;
	return api_decode(binding_kind(), r->content_type, r->body, API_IGNORE, ret, &r->warnings,
			  e);
}

static void bind_it(struct request *r, struct binding *b)
{
	write_init(&b->w, r, &ops);
	write_start(&b->w);
}

static void admitted(void *user, struct json_object *obj, bool edited, const struct err *refusal)
{
	struct request *r = user;
	struct binding *b;

	if (refusal && !r->gone)
		respond_err(r, refusal);
	if (!refusal) {
		b = NEW(struct binding);
		take_body(b, json_object_get(obj));
		bind_it(r, b);
	}
	request_unref(r);
}

void sub_binding(struct request *r)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	struct json_object *body = NULL;
	bool open = gate_is_open(r);
	struct binding *b = NEW(struct binding);

	if (open && read_in_place(r, b)) {
		bind_it(r, b);
		return;
	}
	if (decode(r, &body, &e) < 0) {
		respond_err(r, &e);
		free(b);
	} else if (open) {
		take_body(b, body);
		bind_it(r, b);
	} else {
		free(b);
		gate_pass(r, GATE_CREATE, binding_kind(), body, admitted, request_ref(r));
	}
}
