/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/util.h"
#include "lib/json/jsonc.h"

int64_t time_ns(struct jv v)
{
	int64_t ns;

	return time_parse(jv_text(v), &ns) < 0 ? 0 : ns;
}

int64_t object_created_ns(const struct object *o)
{
	return time_ns(jv_get(object_meta(o), "creationTimestamp"));
}

struct str object_annotation(const struct object *o, const char *name)
{
	return jv_text(jv_get(jv_get(object_meta(o), "annotations"), name));
}

struct jv condition_get(struct jv obj, const char *type)
{
	jv_for_each (c, jv_path(obj, "status.conditions"))
		if (jv_eqs(jv_get(c.value, "type"), type))
			return c.value;
	return JV_NONE;
}

bool condition_true(struct jv obj, const char *type)
{
	return jv_eqs(jv_get(condition_get(obj, type), "status"), "True");
}

bool node_out_of_service(const struct object *node)
{
	jv_for_each (t, jv_get(object_spec(node), "taints"))
		if (jv_eqs(jv_get(t.value, "key"), "node.kubernetes.io/out-of-service"))
			return true;
	return false;
}

bool pod_ended(const struct object *pod)
{
	struct jv phase = jv_get(object_status(pod), "phase");

	return jv_eqs(phase, "Succeeded") || jv_eqs(phase, "Failed");
}

bool pod_active(const struct object *pod)
{
	return !object_deleting(pod) && !pod_ended(pod);
}

bool pod_ready(struct jv pod)
{
	return condition_true(pod, "Ready");
}

bool pod_available(struct jv pod, int64_t min_ready_s, int64_t now_ns, uint64_t *ret_wait_ns)
{
	struct jv ready = condition_get(pod, "Ready");
	int64_t since_ns, due_ns;

	if (!jv_eqs(jv_get(ready, "status"), "True"))
		return false;
	if (min_ready_s <= 0)
		return true;
	since_ns = time_ns(jv_get(ready, "lastTransitionTime"));
	if (!since_ns)
		return false;
	due_ns = since_ns + min_ready_s * (int64_t)NSEC_PER_SEC;
	if (now_ns >= due_ns)
		return true;
	/* Not longer, however far the node's clock or ours is off: it may be set meanwhile. */
	if (ret_wait_ns)
		*ret_wait_ns =
			MIN((uint64_t)(due_ns - now_ns), (uint64_t)min_ready_s * NSEC_PER_SEC);
	return false;
}

void write_controller_ref(struct jw *w, const struct client_kind *kind, const struct object *owner)
{
	CLEANUP(buf_done) struct buf api_version = BUF_INIT;

	client_kind_api_version(kind, &api_version);
	jw_begin_object(w);
	jw_member_str(w, "apiVersion", buf_str(&api_version));
	jw_member_str(w, "kind", str_of(kind->kind));
	jw_member_str(w, "name", owner->name);
	jw_member_str(w, "uid", object_uid(owner));
	jw_member_bool(w, "controller", true);
	jw_member_bool(w, "blockOwnerDeletion", true);
	jw_end_object(w);
}

struct str index_orphans(const struct object *o)
{
	return informer_by_controller(o).len ? STR_NULL : o->ns;
}

/* Patch of metadata.ownerReferences: without `owner`, or with it behind the others. */
struct jw plan_owners(struct plan *p, const struct client_kind *kind, const struct object *o)
{
	struct plan_op *op = plan_add(p, "PATCH", kind, o->ns, o->name, NULL);
	struct jw w = jw_start(&op->body);

	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "uid", object_uid(o));
	jw_member_str(&w, "resourceVersion", jv_text(jv_get(object_meta(o), "resourceVersion")));
	jw_key(&w, "ownerReferences");
	jw_begin_array(&w);
	return w;
}

static void patch_owners(struct plan *p, const struct client_kind *kind, const struct object *o,
			 const struct client_kind *owner_kind, const struct object *owner,
			 bool adopt)
{
	struct jw w = plan_owners(p, kind, o);

	jv_for_each (ref, object_owners(o))
		if (!str_eq(jv_text(jv_get(ref.value, "uid")), object_uid(owner)))
			jw_raw(&w, jv_raw(ref.value));
	if (adopt)
		write_controller_ref(&w, owner_kind, owner);
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

size_t claim_named(struct plan *p, const struct client_kind *owner_kind, const struct object *owner,
		   const struct label_selector *sel, const struct client_kind *kind,
		   struct informer *in,
		   bool (*fits)(const struct object *o, const struct object *owner),
		   struct object ***ret)
{
	struct object_set owned =
		informer_lookup(informer_index(in, informer_by_controller), object_uid(owner));
	struct object_set orphans = informer_lookup(informer_index(in, index_orphans), owner->ns);
	bool deleting = object_deleting(owner);
	struct object **v = NULL;
	size_t n = 0, cap = 0;

	for (size_t i = 0; i < owned.n; i++) {
		struct object *o = owned.v[i];

		if (!str_eq(o->ns, owner->ns))
			continue;
		if ((!fits || fits(o, owner)) &&
		    label_selector_match(sel, jv_get(object_meta(o), "labels")))
			*ARRAY_PUSH(v, n, cap) = o;
		else if (!deleting && !object_deleting(o))
			patch_owners(p, kind, o, owner_kind, owner, false);
	}
	for (size_t i = 0; !deleting && i < orphans.n; i++) {
		struct object *o = orphans.v[i];

		if (object_deleting(o) || pod_ended(o) || (fits && !fits(o, owner)) ||
		    !label_selector_match(sel, jv_get(object_meta(o), "labels")))
			continue;
		patch_owners(p, kind, o, owner_kind, owner, true);
		*ARRAY_PUSH(v, n, cap) = o;
	}
	*ret = v;
	return n;
}

size_t claim(struct plan *p, const struct client_kind *owner_kind, const struct object *owner,
	     const struct label_selector *sel, const struct client_kind *kind, struct informer *in,
	     struct object ***ret)
{
	return claim_named(p, owner_kind, owner, sel, kind, in, NULL, ret);
}

void hash_name(struct str bytes, int64_t salt, char ret[16])
{
	static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
	uint64_t h = 0xcbf29ce484222325ull ^ (uint64_t)salt;

	for (size_t i = 0; i < bytes.len; i++)
		h = (h ^ (unsigned char)bytes.p[i]) * 0x100000001b3ull;
	for (size_t i = 0; i < 10; i++) {
		ret[i] = alphabet[h % (sizeof(alphabet) - 1)];
		h /= sizeof(alphabet) - 1;
	}
	ret[10] = 0;
}

int64_t int_or_percent(struct jv v, int64_t total, bool up, int64_t otherwise)
{
	struct str s;
	int64_t n;

	if (jv_type(v) == JV_NUMBER)
		return jv_i64(v, otherwise);
	s = jv_text(v);
	if (!str_ends(s, STR("%")) || str_to_i64(str_n(s.p, s.len - 1), &n) < 0)
		return otherwise;
	return (n * total + (up ? 99 : 0)) / 100;
}

bool json_same(struct str a, struct str b)
{
	CLEANUP_JSON struct json_object *x = NULL, *y = NULL;

	if (str_eq(a, b))
		return true;
	if (!a.len || !b.len || jsonc_parse(a, NULL, &x, NULL) < 0 ||
	    jsonc_parse(b, NULL, &y, NULL) < 0)
		return false;
	return jsonc_equal(x, y);
}
