/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/device_claims.h"
#include "master/controllers/controller.h"
#include "master/controllers/util.h"

/*
 * Claims to devices (k8s pkg/controller/resourceclaim): made from the templates that pods name, and
 * given back when nobody uses them any more. The scheduler allocates.
 *
 *	pod:ns/name	a claim a template, then its name in status.resourceClaimStatuses
 *	claim:ns/name	reservedFor without pods that are done; of the last one: no allocation
 *			and no finalizer; a generated claim goes when its pod is done
 */
#define POD_KEY "pod:"
#define CLAIM_KEY "claim:"
#define GONE_MAX 2000

struct claims {
	struct hmap *gone; /* uids of pods that are known not to be there any more */
	struct hmap *freed; /* claim -> its revision (text) when we took the allocation away */
	struct hmap *waiting; /* pods whose template is not there */
	bool told; /* of the sync under way: an Event said what is wrong */
};

static struct informer *pods_in(struct ctl *c)
{
	return informers_get(c->informers, &client_pods);
}
static struct informer *claims_in(struct ctl *c)
{
	return informers_get(c->informers, &client_resourceclaims);
}
static struct informer *templates_in(struct ctl *c)
{
	return informers_get(c->informers, &client_resourceclaimtemplates);
}

static void enqueue(struct ctl *c, const char *prefix, struct str ns, struct str name)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;

	buf_adds(&key, prefix);
	object_key(ns, name, &key);
	ctl_enqueue(c, buf_str(&key));
}

/* None of its containers runs, and none ever will. */
static bool is_done(const struct object *pod)
{
	return pod_ended(pod) ||
	       (object_deleting(pod) && !jv_text(jv_get(object_spec(pod), "nodeName")).len);
}

/* ---- pods ---- */

static void on_created(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct ctl *c = user;
	struct object *pod = informer_get_in(pods_in(c), str_of(op->ns), str_of(op->user_text));

	if (pod && e->errnum)
		recorder_event_for(c->events, &client_pods, pod, EVENT_WARNING,
				   "FailedResourceClaimCreation",
				   "PodResourceClaim: create ResourceClaim : %s", err_text(e));
}

/* "pod-claim-", both shortened alike where that is too long for a name. */
static void generate_name(struct str pod, struct str entry, struct buf *out)
{
	const size_t max = 57;
	size_t len = pod.len + entry.len + 2;

	if (len > max)
		buf_addf(out, "%.*s-%.*s", (int)(pod.len * max / len), pod.p,
			 (int)(entry.len * max / len), entry.p);
	else
		buf_addf(out, "%.*s-%.*s-", STR_ARG(pod), STR_ARG(entry));
}

static void write_claim_meta(struct jw *w, const struct object *pod, struct str entry,
			     struct jv template)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT;
	struct jv labels = jv_get(jv_get(template, "metadata"), "labels");

	generate_name(pod->name, entry, &name);
	jw_begin_object(w);
	jw_member_str(w, "generateName", buf_str(&name));
	jw_member_str(w, "namespace", pod->ns);
	if (jv_exists(labels))
		jw_member_raw(w, "labels", jv_raw(labels));
	jw_key(w, "annotations");
	jw_begin_object(w);
	jv_for_each_member (a, jv_get(jv_get(template, "metadata"), "annotations"))
		if (!str_eqs(a.key, POD_CLAIM_NOTE)) {
			jw_keyn(w, a.key);
			jw_raw(w, jv_raw(a.value));
		}
	jw_member_str(w, POD_CLAIM_NOTE, entry);
	jw_end_object(w);
	jw_key(w, "ownerReferences");
	jw_begin_array(w);
	write_controller_ref(w, &client_pods, pod);
	jw_end_array(w);
	jw_end_object(w);
}

static void add_create(struct ctl *c, struct plan *p, const struct object *pod, struct str entry,
		       struct jv template)
{
	struct plan_op *op = plan_add(p, "POST", &client_resourceclaims, pod->ns, STR_NULL, NULL);
	struct jw w = jw_start(&op->body);

	op->result = on_created;
	op->user = c;
	op->user_text = str_dup(pod->name);
	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("resource.k8s.io/v1"));
	jw_member_str(&w, "kind", STR("ResourceClaim"));
	jw_key(&w, "metadata");
	write_claim_meta(&w, pod, entry, template);
	jw_member_raw(&w, "spec", jv_raw(jv_get(template, "spec")));
	jw_end_object(&w);
}

/* Made before for this entry of this pod, but not yet named in its status. */
static struct object *find_made(struct ctl *c, const struct object *pod, struct str entry)
{
	struct object_set own = informer_lookup(
		informer_index(claims_in(c), informer_by_controller), object_uid(pod));

	for (size_t i = 0; i < own.n; i++)
		if (str_eq(object_annotation(own.v[i], POD_CLAIM_NOTE), entry))
			return own.v[i];
	return NULL;
}

/* The claim of an entry that a template is for; NULL: it is being made, or can't be. */
static struct object *see_to_entry(struct ctl *c, struct plan *p, const struct object *pod,
				   struct jv entry)
{
	struct claims *s = c->state;
	struct str name = jv_text(jv_get(entry, "name"));
	struct str of = jv_text(jv_get(entry, "resourceClaimTemplateName"));
	struct object *claim = find_made(c, pod, name), *template;

	if (claim)
		return claim;
	template = informer_get_in(templates_in(c), pod->ns, of);
	if (!template) {
		hmap_put(s->waiting, pod->key, s);
		recorder_event_for(c->events, &client_pods, pod, EVENT_WARNING,
				   "FailedResourceClaimCreation",
				   "PodResourceClaim %.*s: resource claim template \"%.*s\": "
				   "resourceclaimtemplate.resource.k8s.io \"%.*s\" not found",
				   STR_ARG(name), STR_ARG(of), STR_ARG(of));
		return NULL;
	}
	add_create(c, p, pod, name, object_spec(template));
	return NULL;
}

/* The whole list, with the names of claims that it did not have yet. */
static void write_names(struct plan *p, const struct object *pod, struct object **claims)
{
	struct plan_op *op = plan_add(p, "PATCH", &client_pods, pod->ns, pod->name, "status");
	struct jw w = jw_start(&op->body);
	size_t i = 0;

	op->content_type = CLIENT_STRATEGIC_PATCH;
	op->flags = PLAN_OK_ABSENT;
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "uid", object_uid(pod));
	jw_end_object(&w);
	jw_key(&w, "status");
	jw_begin_object(&w);
	jw_key(&w, "resourceClaimStatuses");
	jw_begin_array(&w);
	jv_for_each (e, jv_get(object_spec(pod), "resourceClaims")) {
		struct object *claim = claims[i++];
		struct str name = jv_text(jv_get(e.value, "name"));
		struct jv was = pod_claim_status(jv_of(pod->bytes), name);

		if (!claim && !jv_exists(was))
			continue;
		jw_begin_object(&w);
		jw_member_str(&w, "name", name);
		if (claim)
			jw_member_str(&w, "resourceClaimName", claim->name);
		else if (jv_exists(jv_get(was, "resourceClaimName")))
			jw_member_raw(&w, "resourceClaimName",
				      jv_raw(jv_get(was, "resourceClaimName")));
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

/* Bound by somebody who went around the scheduler: what is allocated is reserved for it here. */
static void reserve(struct ctl *c, struct plan *p, const struct object *pod)
{
	jv_for_each (e, jv_get(object_spec(pod), "resourceClaims")) {
		struct pod_claim pc = pod_claim(jv_of(pod->bytes), e.value);
		struct object *claim =
			pc.name.len ? informer_get_in(claims_in(c), pod->ns, pc.name) : NULL;
		struct plan_op *op;
		struct jw w;

		if (!claim || !jv_exists(jv_get(object_status(claim), "allocation")) ||
		    claim_reserved_for(jv_of(claim->bytes), object_uid(pod)) ||
		    (pc.generated && !claim_is_for(jv_of(claim->bytes), object_uid(pod))))
			continue;
		op = plan_add(p, "PATCH", &client_resourceclaims, pod->ns, claim->name, "status");
		op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
		w = jw_start(&op->body);
		claim_write_reserve(&w, jv_of(claim->bytes), pod->name, object_uid(pod), STR_NULL);
	}
}

static void sync_pod(struct ctl *c, struct str key, struct plan *p)
{
	struct object *pod = informer_get(pods_in(c), key);
	struct claims *s = c->state;
	CLEANUP_FREE struct object **claims = NULL;
	struct jv entries;
	bool fresh = false;
	size_t i = 0;

	hmap_del(s->waiting, key);
	if (!pod || object_deleting(pod) || pod_ended(pod))
		return;
	entries = jv_get(object_spec(pod), "resourceClaims");
	claims = xcalloc(jv_len(entries) + 1, sizeof(struct object *));
	jv_for_each (e, entries) {
		struct pod_claim pc = pod_claim(jv_of(pod->bytes), e.value);
		struct object *claim =
			pc.name.len ? informer_get_in(claims_in(c), pod->ns, pc.name) : NULL;
		size_t at = i++;

		/* It should be there, but may have been taken away: made again. */
		if (!pc.generated || pc.none ||
		    (claim && claim_is_for(jv_of(claim->bytes), object_uid(pod))))
			continue;
		claims[at] = see_to_entry(c, p, pod, e.value);
		fresh |= claims[at] != NULL;
	}
	if (fresh)
		write_names(p, pod, claims);
	if (jv_text(jv_get(object_spec(pod), "nodeName")).len)
		reserve(c, p, pod);
}

/* ---- claims ---- */

static void forget_gone(struct claims *s)
{
	hmap_free(s->gone);
	s->gone = hmap_new();
}

static void note_gone(struct claims *s, struct str uid)
{
	if (hmap_len(s->gone) >= GONE_MAX) /* the API is asked again, that is all */
		forget_gone(s);
	hmap_put(s->gone, uid, s);
}

static void on_asked(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct ctl *c = user;
	struct str rest = str_of(op->user_text), uid, claim;

	if (!str_split(&rest, ' ', &uid) || !str_split(&rest, ' ', &claim))
		return;
	if (e->errnum ? e->errnum != ENOENT
		      : str_eq(jv_text(jv_path(jv_of(body), "metadata.uid")), uid))
		return;
	note_gone(c->state, uid);
	enqueue(c, CLAIM_KEY, str_of(op->ns), claim);
}

/* Whether who it is reserved for may still use it. Unknown pods are asked for. */
static bool is_valid(struct ctl *c, struct plan *p, const struct object *claim, struct jv ref)
{
	struct claims *s = c->state;
	struct str uid = jv_text(jv_get(ref, "uid")), name = jv_text(jv_get(ref, "name"));
	struct plan_op *op;
	struct object *pod;

	if (jv_text(jv_get(ref, "apiGroup")).len || !jv_eqs(jv_get(ref, "resource"), "pods"))
		return true; /* not ours to judge */
	if (hmap_get(s->gone, uid))
		return false;
	pod = informer_get_in(pods_in(c), claim->ns, name);
	if (pod)
		return str_eq(object_uid(pod), uid) && !is_done(pod);
	op = plan_add(p, "GET", &client_pods, claim->ns, name, NULL);
	op->flags = PLAN_OK_ABSENT;
	op->result = on_asked;
	op->user = c;
	op->user_text = xasprintf("%.*s %.*s", STR_ARG(uid), STR_ARG(claim->name));
	return true;
}

static void on_freed(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct ctl *c = user;
	struct claims *s = c->state;
	struct str rv = jv_text(jv_path(jv_of(body), "metadata.resourceVersion"));

	if (!e->errnum && rv.len)
		free(hmap_put(s->freed, str_of(op->user_text), str_dup(rv)));
}

static void begin_patch(struct jw *w, const struct object *claim)
{
	jw_begin_object(w);
	jw_key(w, "metadata");
	jw_begin_object(w);
	jw_member_str(w, "uid", object_uid(claim));
	jw_member_str(w, "resourceVersion", jv_text(jv_get(object_meta(claim), "resourceVersion")));
}

/* On what was looked at: an allocation or a new user since then must not be lost. */
static void write_status(struct ctl *c, struct plan *p, const struct object *claim,
			 const struct jv *valid, size_t n, bool free_devices)
{
	struct plan_op *op =
		plan_add(p, "PATCH", &client_resourceclaims, claim->ns, claim->name, "status");
	struct jw w = jw_start(&op->body);

	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	if (free_devices) {
		op->result = on_freed;
		op->user = c;
		op->user_text = str_dup(claim->key);
	}
	begin_patch(&w, claim);
	jw_end_object(&w);
	jw_key(&w, "status");
	jw_begin_object(&w);
	if (free_devices) {
		jw_key(&w, "allocation");
		jw_null(&w);
		jw_key(&w, "devices");
		jw_null(&w);
	}
	jw_key(&w, "reservedFor");
	if (n) {
		jw_begin_array(&w);
		for (size_t i = 0; i < n; i++)
			jw_raw(&w, jv_raw(valid[i]));
		jw_end_array(&w);
	} else {
		jw_null(&w);
	}
	jw_end_object(&w);
	jw_end_object(&w);
}

static void drop_finalizer(struct plan *p, const struct object *claim)
{
	struct plan_op *op =
		plan_add(p, "PATCH", &client_resourceclaims, claim->ns, claim->name, NULL);
	struct jw w = jw_start(&op->body);

	op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
	begin_patch(&w, claim);
	jw_key(&w, "finalizers");
	jw_begin_array(&w);
	jv_for_each (f, jv_get(object_meta(claim), "finalizers"))
		if (!jv_eqs(f.value, CLAIM_DEVICE_FINALIZER))
			jw_raw(&w, jv_raw(f.value));
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

/* Nobody else has touched it since we took its allocation away. */
static bool is_freed(struct claims *s, const struct object *claim)
{
	CLEANUP_FREE char *rv = hmap_del(s->freed, claim->key);
	CLEANUP_FREE char *now = xasprintf("%" PRIu64, claim->rv);

	if (!rv || !strcmp(rv, now))
		return rv != NULL;
	/* The answer may be ahead of the cache. */
	if (strtoull(rv, NULL, 10) > claim->rv)
		hmap_put(s->freed, claim->key, TAKE(rv));
	return false;
}

/* Made for a pod that is done, or not that pod any more: the pod itself may stay for long. */
static void drop_generated(struct ctl *c, struct plan *p, const struct object *claim)
{
	jv_for_each (ref, object_owners(claim)) {
		struct object *pod;
		struct plan_op *op;
		struct jw w;

		if (!jv_bool(jv_get(ref.value, "controller"), false) ||
		    !jv_eqs(jv_get(ref.value, "kind"), "Pod") ||
		    !jv_eqs(jv_get(ref.value, "apiVersion"), "v1"))
			continue;
		pod = informer_get_in(pods_in(c), claim->ns, jv_text(jv_get(ref.value, "name")));
		if (!pod ||
		    (str_eq(object_uid(pod), jv_text(jv_get(ref.value, "uid"))) && !is_done(pod)))
			continue;
		op = plan_add(p, "DELETE", &client_resourceclaims, claim->ns, claim->name, NULL);
		op->flags = PLAN_OK_ABSENT | PLAN_OK_CONFLICT;
		w = jw_start(&op->body);
		jw_begin_object(&w);
		jw_key(&w, "preconditions");
		jw_begin_object(&w);
		jw_member_str(&w, "uid", object_uid(claim));
		jw_end_object(&w);
		jw_end_object(&w);
	}
}

static void sync_claim(struct ctl *c, struct str key, struct plan *p)
{
	struct object *claim = informer_get(claims_in(c), key);
	struct claims *s = c->state;
	CLEANUP_FREE struct jv *valid = NULL;
	struct jv refs, status;
	size_t n = 0, was;
	bool held, allocated;

	if (!claim) {
		free(hmap_del(s->freed, key));
		return;
	}
	status = object_status(claim);
	refs = jv_get(status, "reservedFor");
	was = jv_len(refs);
	held = claim_held(jv_of(claim->bytes));
	allocated = jv_exists(jv_get(status, "allocation"));
	valid = xcalloc(was + 1, sizeof(*valid));
	jv_for_each (ref, refs)
		if (is_valid(c, p, claim, ref.value))
			valid[n++] = ref.value;
	if (n < was)
		write_status(c, p, claim, valid, n, !n && held);
	else if (n || !held)
		; /* used, or nothing to take away */
	else if (allocated && object_deleting(claim))
		write_status(c, p, claim, NULL, 0, true);
	else if (!allocated && (object_deleting(claim) || is_freed(s, claim)))
		drop_finalizer(p, claim);
	if (!n && !object_deleting(claim))
		drop_generated(c, p, claim);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	if (str_starts(key, STR(POD_KEY)))
		sync_pod(c, str_skip(key, sizeof(POD_KEY) - 1), p);
	else
		sync_claim(c, str_skip(key, sizeof(CLAIM_KEY) - 1), p);
}

/* ---- events ---- */

/* Those it names, and those that were made for it. */
static void enqueue_claims(struct ctl *c, const struct object *pod)
{
	struct object_set own = informer_lookup(
		informer_index(claims_in(c), informer_by_controller), object_uid(pod));

	for (size_t i = 0; i < own.n; i++)
		enqueue(c, CLAIM_KEY, pod->ns, own.v[i]->name);
	jv_for_each (e, jv_get(object_spec(pod), "resourceClaims")) {
		struct pod_claim pc = pod_claim(jv_of(pod->bytes), e.value);

		if (pc.name.len)
			enqueue(c, CLAIM_KEY, pod->ns, pc.name);
	}
}

static bool names_claims(const struct object *pod)
{
	return jv_exists(jv_get(object_spec(pod), "resourceClaims"));
}

static void pod_here(void *user, struct object *pod)
{
	if (!names_claims(pod))
		return;
	if (is_done(pod))
		enqueue_claims(user, pod);
	else if (!object_deleting(pod))
		enqueue(user, POD_KEY, pod->ns, pod->name);
}
/* What it names never changes; what it has, where it runs and whether it ended does. */
static void pod_changed(void *user, struct object *old, struct object *pod)
{
	if (!names_claims(pod))
		return;
	if (is_done(pod) != is_done(old) || !str_eq(object_uid(old), object_uid(pod)) ||
	    !str_eq(jv_text(jv_get(object_spec(old), "nodeName")),
		    jv_text(jv_get(object_spec(pod), "nodeName"))) ||
	    !str_eq(jv_raw(jv_get(object_status(old), "resourceClaimStatuses")),
		    jv_raw(jv_get(object_status(pod), "resourceClaimStatuses"))))
		pod_here(user, pod);
	if (!str_eq(object_uid(old), object_uid(pod)))
		enqueue_claims(user, old);
}
static void pod_gone(void *user, struct object *pod)
{
	struct ctl *c = user;

	if (!names_claims(pod))
		return;
	note_gone(c->state, object_uid(pod));
	enqueue_claims(c, pod);
}
static const struct informer_handler on_pods = {pod_here, pod_changed, pod_gone, NULL};

static void claim_here(void *user, struct object *claim)
{
	struct ctl *c = user;

	enqueue(c, CLAIM_KEY, claim->ns, claim->name);
	jv_for_each (ref, object_owners(claim))
		if (jv_bool(jv_get(ref.value, "controller"), false) &&
		    jv_eqs(jv_get(ref.value, "kind"), "Pod"))
			enqueue(c, POD_KEY, claim->ns, jv_text(jv_get(ref.value, "name")));
}
static void claim_changed(void *user, struct object *old, struct object *claim)
{
	struct ctl *c = user;

	enqueue(c, CLAIM_KEY, claim->ns, claim->name);
}
static const struct informer_handler on_claims = {claim_here, claim_changed, claim_here, NULL};

static void template_here(void *user, struct object *template)
{
	struct ctl *c = user;
	struct claims *s = c->state;

	hmap_for_each (it, s->waiting) {
		struct str ns, name;

		object_key_split(it->key, &ns, &name);
		if (str_eq(ns, template->ns))
			enqueue(c, POD_KEY, ns, name);
	}
}
static const struct informer_handler on_templates = {template_here, NULL, NULL, NULL};

static bool init(struct ctl *c)
{
	struct claims *s = NEW(struct claims);

	c->state = s;
	s->gone = hmap_new();
	s->freed = hmap_new();
	s->waiting = hmap_new();
	informer_index(claims_in(c), informer_by_controller);
	ctl_handle(c, pods_in(c), &on_pods);
	ctl_handle(c, claims_in(c), &on_claims);
	ctl_handle(c, templates_in(c), &on_templates);
	return true;
}

static void done(struct ctl *c)
{
	struct claims *s = c->state;

	hmap_free(s->gone);
	hmap_free_full(s->freed, free);
	hmap_free(s->waiting);
	free(s);
}

const struct controller resourceclaim_controller = {
	.name = "resourceclaim",
	.component = "resource_claim",
	.init = init,
	.sync = reconcile,
	.done = done,
};
