/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/sha.h>

#include "lib/api/volumes.h"
#include "lib/base/codec.h"
#include "master/controllers/controller.h"
#include "master/controllers/util.h"

/*
 * Volumes of drivers that want attaching (CSIDriver attachRequired): a VolumeAttachment for each
 * node that runs a pod with the volume, taken away when none is left and the node says that it has
 * the volume in use no more (k8s pkg/controller/volume/attachdetach). What it asks for is done by
 * the driver's external-attacher, whose finalizer keeps the object until the volume is detached.
 *
 * Keys: "v/NAME", a PersistentVolume; "n/NAME", a node, whose status.volumesAttached is kept.
 */
#define FORCE_NS (360 * NSEC_PER_SEC) /* a node that isn't ready had so long to unmount */

static const struct client_kind attachments_kind = {"storage.k8s.io", "v1", "volumeattachments",
						    "VolumeAttachment", false};
static const struct client_kind drivers_kind = {"storage.k8s.io", "v1", "csidrivers", "CSIDriver",
						false};

struct attachdetach {
	struct informer_index *by_volume, *by_node; /* of VolumeAttachments */
	struct hmap *since; /* VolumeAttachment -> when it was wanted no more (struct since) */
};

struct since {
	uint64_t at_ns;
};

#define INFORMER(name, kind)                                 \
	static struct informer *name##_in(struct ctl *c)     \
	{                                                    \
		return informers_get(c->informers, &(kind)); \
	}
INFORMER(pods, client_pods)
INFORMER(claims, client_pvcs)
INFORMER(volumes, client_pvs)
INFORMER(nodes, client_nodes)
INFORMER(attachments, attachments_kind)
INFORMER(drivers, drivers_kind)

static struct str index_volume(const struct object *o)
{
	return jv_text(jv_path(object_spec(o), "source.persistentVolumeName"));
}
static struct str index_node(const struct object *o)
{
	return jv_text(jv_get(object_spec(o), "nodeName"));
}

static void enqueue(struct ctl *c, char type, struct str name)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;

	if (!name.len)
		return;
	buf_addc(&key, type);
	buf_addc(&key, '/');
	buf_addstr(&key, name);
	ctl_enqueue(c, buf_str(&key));
}

static struct jv csi_of(const struct object *volume)
{
	return jv_get(object_spec(volume), "csi");
}

static bool wants_attaching(struct ctl *c, const struct object *volume)
{
	struct object *d = informer_get(drivers_in(c), jv_text(jv_get(csi_of(volume), "driver")));

	return !d || jv_bool(jv_get(object_spec(d), "attachRequired"), true);
}

/* csi_attacher.go getAttachmentName */
static void attachment_name(const struct object *volume, struct str node, struct buf *out)
{
	CLEANUP(buf_done) struct buf all = BUF_INIT, scratch = BUF_INIT;
	unsigned char sum[SHA256_DIGEST_LENGTH];

	buf_addstr(&all, jv_str(jv_get(csi_of(volume), "volumeHandle"), &scratch));
	buf_addstr(&all, jv_text(jv_get(csi_of(volume), "driver")));
	buf_addstr(&all, node);
	SHA256((const unsigned char *)all.p, all.len, sum);
	buf_adds(out, "csi-");
	hex_encode(str_n(sum, sizeof(sum)), out);
}

/* "kubernetes.io/csi/DRIVER^HANDLE", as Nodes name it. */
static void unique_name(const struct object *volume, struct buf *out)
{
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;

	buf_addf(out, "kubernetes.io/csi/%.*s^",
		 STR_ARG(jv_text(jv_get(csi_of(volume), "driver"))));
	buf_addstr(out, jv_str(jv_get(csi_of(volume), "volumeHandle"), &scratch));
}

/* ---- who uses it ---- */

/* On a node, and not over: also while it is being deleted. */
static bool holds(struct object *pod)
{
	return object_node(pod).len && !pod_ended(pod);
}

/* The pods that use a volume; the array is to be freed. */
static size_t users(struct ctl *c, const struct object *volume, struct object ***ret)
{
	struct jv ref = jv_get(object_spec(volume), "claimRef");
	struct str ns = jv_text(jv_get(ref, "namespace")), name = jv_text(jv_get(ref, "name"));
	struct object *claim = informer_get_in(claims_in(c), ns, name);
	struct object_set pods = informer_lookup(informer_index(pods_in(c), informer_by_ns), ns);
	size_t n = 0, cap = 0;

	*ret = NULL;
	if (!claim || !str_eq(jv_text(jv_get(object_spec(claim), "volumeName")), volume->name) ||
	    !wants_attaching(c, volume))
		return 0;
	for (size_t i = 0; i < pods.n; i++)
		if (holds(pods.v[i]) && pod_names_claim(jv_of(pods.v[i]->bytes), name))
			*ARRAY_PUSH(*ret, n, cap) = pods.v[i];
	return n;
}

static bool used_on(struct object **pods, size_t n, struct str node)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(object_node(pods[i]), node))
			return true;
	return false;
}

/* ---- attach ---- */

/* util.IsMultiAttachAllowed */
static bool many_nodes(const struct object *volume)
{
	struct jv modes = jv_get(object_spec(volume), "accessModes");

	jv_for_each (it, modes)
		if (jv_eqs(it.value, "ReadWriteMany") || jv_eqs(it.value, "ReadOnlyMany"))
			return true;
	return jv_len(modes) == 0;
}

static void plan_attach(struct plan *p, const struct object *volume, struct str node)
{
	struct plan_op *op = plan_add(p, "POST", &attachments_kind, STR_NULL, STR_NULL, NULL);
	CLEANUP(buf_done) struct buf name = BUF_INIT;
	struct jw w = jw_start(&op->body);

	attachment_name(volume, node, &name);
	op->flags = PLAN_OK_EXISTS;
	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("storage.k8s.io/v1"));
	jw_member_str(&w, "kind", STR("VolumeAttachment"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "name", buf_str(&name));
	jw_end_object(&w);
	jw_key(&w, "spec");
	jw_begin_object(&w);
	jw_member_str(&w, "attacher", jv_text(jv_get(csi_of(volume), "driver")));
	jw_member_str(&w, "nodeName", node);
	jw_key(&w, "source");
	jw_begin_object(&w);
	jw_member_str(&w, "persistentVolumeName", volume->name);
	jw_end_object(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

/* Attached elsewhere, and it may be on one node only: who has it there? */
static void tell_multi_attach(struct ctl *c, const struct object *volume, const struct object *pod,
			      struct str other, struct object **pods, size_t n)
{
	CLEANUP(buf_done) struct buf names = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		if (str_eq(object_node(pods[i]), other) && str_eq(pods[i]->ns, pod->ns))
			buf_addf(&names, "%s%.*s", names.len ? ", " : "", STR_ARG(pods[i]->name));
	if (names.len)
		recorder_event_for(c->events, &client_pods, pod, EVENT_WARNING,
				   "FailedAttachVolume",
				   "Multi-Attach error for volume \"%.*s\" Volume is already used "
				   "by pod(s) %s",
				   STR_ARG(volume->name), names.p);
	else
		recorder_event_for(c->events, &client_pods, pod, EVENT_WARNING,
				   "FailedAttachVolume",
				   "Multi-Attach error for volume \"%.*s\" Volume is already "
				   "exclusively attached to one node and can't be attached to "
				   "another",
				   STR_ARG(volume->name));
}

/* A node that the volume is to be on first: it is attached, or the first pod's is. */
static void attach(struct ctl *c, struct plan *p, const struct object *volume, struct object **pods,
		   size_t n)
{
	struct attachdetach *s = c->state;
	struct object_set have = informer_lookup(s->by_volume, volume->name);
	struct str taken = have.n ? index_node(have.v[0]) : STR_NULL;
	bool many = many_nodes(volume);

	for (size_t i = 0; i < n; i++) {
		struct str node = object_node(pods[i]);
		bool there = used_on(pods, i, node); /* looked at already */

		for (size_t k = 0; k < have.n; k++)
			there = there || str_eq(index_node(have.v[k]), node);
		if (there)
			continue;
		if (!many && taken.len && !str_eq(taken, node)) {
			tell_multi_attach(c, volume, pods[i], taken, pods, n);
			continue;
		}
		if (!informer_get(nodes_in(c), node))
			continue;
		taken = node;
		plan_attach(p, volume, node);
	}
}

/* ---- detach ---- */

static bool in_use(const struct object *node, const struct object *volume)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT;

	unique_name(volume, &name);
	jv_for_each (it, jv_get(object_status(node), "volumesInUse")) {
		CLEANUP(buf_done) struct buf scratch = BUF_INIT;

		if (str_eq(jv_str(it.value, &scratch), buf_str(&name)))
			return true;
	}
	return false;
}

/* May it be detached? Else p is told when to look again. */
static bool released(struct ctl *c, struct plan *p, const struct object *volume,
		     const struct object *va)
{
	struct attachdetach *s = c->state;
	struct object *node = informer_get(nodes_in(c), index_node(va));
	struct since *since = hmap_get(s->since, va->name);
	uint64_t now = client_now_ns(c->client);

	if (!node || node_out_of_service(node) || !volume || !in_use(node, volume))
		return true;
	if (!since) {
		since = NEW(struct since);
		since->at_ns = now;
		hmap_put(s->since, va->name, since);
	}
	if (condition_true(jv_of(node->bytes), "Ready"))
		return false; /* it unmounts, and tells */
	if (now - since->at_ns >= FORCE_NS)
		return true;
	plan_again_in(p, FORCE_NS - (now - since->at_ns));
	return false;
}

static void detach(struct ctl *c, struct plan *p, const struct object *volume, struct str name,
		   struct object **pods, size_t n)
{
	struct attachdetach *s = c->state;
	struct object_set have = informer_lookup(s->by_volume, name);

	for (size_t i = 0; i < have.n; i++) {
		struct object *va = have.v[i];
		struct plan_op *op;

		if (used_on(pods, n, index_node(va))) {
			free(hmap_del(s->since, va->name));
			continue;
		}
		if (object_deleting(va) || !released(c, p, volume, va))
			continue;
		op = plan_add(p, "DELETE", &attachments_kind, STR_NULL, va->name, NULL);
		op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
		buf_addf(&op->body, "{\"preconditions\":{\"uid\":\"%.*s\"}}",
			 STR_ARG(object_uid(va)));
	}
}

static void sync_volume(struct ctl *c, struct str name, struct plan *p)
{
	struct object *volume = informer_get(volumes_in(c), name);
	CLEANUP_FREE struct object **pods = NULL;
	size_t n = 0;

	if (volume && !jv_exists(csi_of(volume)))
		return;
	if (volume)
		n = users(c, volume, &pods);
	detach(c, p, volume, name, pods, n);
	if (volume)
		attach(c, p, volume, pods, n);
}

/* ---- what nodes are told ---- */

static void attached_json(struct ctl *c, struct str node, struct buf *out)
{
	struct attachdetach *s = c->state;
	struct object_set have = informer_lookup(s->by_node, node);
	struct jw w = jw_start(out);

	jw_begin_array(&w);
	for (size_t i = 0; i < have.n; i++) {
		struct object *va = have.v[i], *volume;
		CLEANUP(buf_done) struct buf name = BUF_INIT;

		volume = informer_get(volumes_in(c), index_volume(va));
		if (!volume || object_deleting(va) || !jv_exists(csi_of(volume)) ||
		    !jv_bool(jv_get(object_status(va), "attached"), false))
			continue;
		unique_name(volume, &name);
		jw_begin_object(&w);
		jw_member_str(&w, "name", buf_str(&name));
		jw_member_str(&w, "devicePath", STR(""));
		jw_end_object(&w);
	}
	jw_end_array(&w);
}

static bool lists(struct jv all, struct str name)
{
	jv_for_each (it, all)
		if (str_eq(jv_raw(jv_get(it.value, "name")), name))
			return true;
	return false;
}

/* The same volumes, in whatever order. */
static bool same_list(struct jv a, struct jv b)
{
	if (jv_len(a) != jv_len(b))
		return false;
	jv_for_each (it, a)
		if (!lists(b, jv_raw(jv_get(it.value, "name"))))
			return false;
	return true;
}

static void sync_node(struct ctl *c, struct str name, struct plan *p)
{
	struct object *node = informer_get(nodes_in(c), name);
	CLEANUP(buf_done) struct buf list = BUF_INIT;
	struct plan_op *op;

	if (!node)
		return;
	attached_json(c, name, &list);
	if (same_list(jv_of(buf_str(&list)), jv_get(object_status(node), "volumesAttached")))
		return;
	op = plan_add(p, "PATCH", &client_nodes, STR_NULL, name, "status");
	op->content_type = CLIENT_MERGE_PATCH;
	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	buf_addf(&op->body, "{\"status\":{\"volumesAttached\":%s}}", list.p);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	if (str_starts(key, STR("n/")))
		sync_node(c, str_skip(key, 2), p);
	else
		sync_volume(c, str_skip(key, 2), p);
}

/* ---- what changes ---- */

static void pod_one(void *user, struct object *pod)
{
	struct ctl *c = user;

	if (!object_node(pod).len)
		return;
	jv_for_each (v, jv_get(object_spec(pod), "volumes")) {
		CLEANUP(buf_done) struct buf name = BUF_INIT;
		struct jv direct = jv_path(v.value, "persistentVolumeClaim.claimName");
		struct object *claim;

		if (jv_exists(jv_get(v.value, "ephemeral")))
			ephemeral_claim_name(pod->name, v.value, &name);
		else
			buf_addstr(&name, jv_text(direct));
		claim = name.len ? informer_get_in(claims_in(c), pod->ns, buf_str(&name)) : NULL;
		if (claim)
			enqueue(c, 'v', jv_text(jv_get(object_spec(claim), "volumeName")));
	}
}
static void pod_two(void *user, struct object *old, struct object *pod)
{
	if (holds(old) != holds(pod))
		pod_one(user, pod);
}
static const struct informer_handler on_pod = {pod_one, pod_two, pod_one, NULL};

static void claim_one(void *user, struct object *claim)
{
	enqueue(user, 'v', jv_text(jv_get(object_spec(claim), "volumeName")));
}
static void claim_two(void *user, struct object *old, struct object *claim)
{
	if (!str_eq(jv_text(jv_get(object_spec(old), "volumeName")),
		    jv_text(jv_get(object_spec(claim), "volumeName"))))
		claim_one(user, claim);
}
static const struct informer_handler on_claim = {claim_one, claim_two, NULL, NULL};

static void volume_one(void *user, struct object *volume)
{
	if (jv_exists(csi_of(volume)))
		enqueue(user, 'v', volume->name);
}
static void volume_two(void *user, struct object *old, struct object *volume)
{
	volume_one(user, volume);
}
static const struct informer_handler on_volume = {volume_one, volume_two, volume_one, NULL};

static void attachment_one(void *user, struct object *va)
{
	enqueue(user, 'v', index_volume(va));
	enqueue(user, 'n', index_node(va));
}

/* The pods that wait for it are told how it went. */
static void tell(struct ctl *c, const struct object *va, const char *type, const char *reason,
		 const char *how, struct str why)
{
	struct object *volume = informer_get(volumes_in(c), index_volume(va));
	CLEANUP_FREE struct object **pods = NULL;
	size_t n = volume ? users(c, volume, &pods) : 0;

	for (size_t i = 0; i < n; i++)
		if (str_eq(object_node(pods[i]), index_node(va)))
			recorder_event_for(c->events, &client_pods, pods[i], type, reason,
					   "AttachVolume.Attach %s for volume \"%.*s\" %s%.*s", how,
					   STR_ARG(volume->name), why.len ? ": " : "",
					   STR_ARG(why));
}

static void attachment_two(void *user, struct object *old, struct object *va)
{
	struct jv was = object_status(old), is = object_status(va);
	struct jv error = jv_path(is, "attachError.message");
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;

	attachment_one(user, va);
	if (jv_bool(jv_get(is, "attached"), false)) {
		if (!jv_bool(jv_get(was, "attached"), false))
			tell(user, va, EVENT_NORMAL, "SuccessfulAttachVolume", "succeeded",
			     STR_NULL);
	} else if (jv_exists(error) &&
		   !str_eq(jv_raw(error), jv_raw(jv_path(was, "attachError.message")))) {
		tell(user, va, EVENT_WARNING, "FailedAttachVolume", "failed",
		     jv_str(error, &scratch));
	}
}
static void attachment_gone(void *user, struct object *va)
{
	struct ctl *c = user;
	struct attachdetach *s = c->state;

	free(hmap_del(s->since, va->name));
	attachment_one(c, va);
}
static const struct informer_handler on_attachment = {attachment_one, attachment_two,
						      attachment_gone, NULL};

static void node_one(void *user, struct object *node)
{
	struct ctl *c = user;
	struct attachdetach *s = c->state;
	struct object_set have = informer_lookup(s->by_node, node->name);

	enqueue(c, 'n', node->name);
	for (size_t i = 0; i < have.n; i++)
		enqueue(c, 'v', index_volume(have.v[i]));
}
static struct str part(const struct object *o, bool spec, const char *name)
{
	return jv_raw(jv_get(spec ? object_spec(o) : object_status(o), name));
}
static void node_two(void *user, struct object *old, struct object *node)
{
	if (!str_eq(part(old, false, "volumesInUse"), part(node, false, "volumesInUse")) ||
	    !str_eq(part(old, false, "volumesAttached"), part(node, false, "volumesAttached")) ||
	    !str_eq(part(old, true, "taints"), part(node, true, "taints")) ||
	    condition_true(jv_of(old->bytes), "Ready") !=
		    condition_true(jv_of(node->bytes), "Ready"))
		node_one(user, node);
}
/* Pods may have been bound to it before it was seen. */
static void node_here(void *user, struct object *node)
{
	struct ctl *c = user;
	struct object_set pods =
		informer_lookup(informer_index(pods_in(c), informer_by_node), node->name);

	node_one(user, node);
	for (size_t i = 0; i < pods.n; i++)
		pod_one(user, pods.v[i]);
}
static const struct informer_handler on_node = {node_here, node_two, node_one, NULL};

static void driver_one(void *user, struct object *driver)
{
	struct ctl *c = user;

	informer_for_each(volume,
			  volumes_in(c)) if (str_eq(jv_text(jv_get(csi_of(volume), "driver")),
						    driver->name)) enqueue(c, 'v', volume->name);
}
static void driver_two(void *user, struct object *old, struct object *driver)
{
	driver_one(user, driver);
}
static const struct informer_handler on_driver = {driver_one, driver_two, driver_one, NULL};

static bool init(struct ctl *c)
{
	struct attachdetach *s = NEW(struct attachdetach);

	c->state = s;
	s->since = hmap_new();
	s->by_volume = informer_index(attachments_in(c), index_volume);
	s->by_node = informer_index(attachments_in(c), index_node);
	informer_index(pods_in(c), informer_by_ns);
	informer_index(pods_in(c), informer_by_node);
	ctl_handle(c, drivers_in(c), &on_driver);
	ctl_handle(c, volumes_in(c), &on_volume);
	ctl_handle(c, claims_in(c), &on_claim);
	ctl_handle(c, nodes_in(c), &on_node);
	ctl_handle(c, attachments_in(c), &on_attachment);
	ctl_handle(c, pods_in(c), &on_pod);
	return true;
}

static void done(struct ctl *c)
{
	struct attachdetach *s = c->state;

	hmap_free_full(s->since, free);
	free(s);
}

const struct controller attachdetach_controller = {
	.name = "attachdetach",
	.component = "attachdetach-controller",
	.init = init,
	.sync = reconcile,
	.done = done,
};
