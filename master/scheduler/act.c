/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/scheduler_private.h"
#include "lib/json/jw.h"

/*
 * Bindings go out at once, many at a time. Events and conditions are noted and told when there is
 * nothing to bind, or when they have waited long enough.
 */
#define SAY_EVERY_NS (5 * NSEC_PER_MSEC)
#define SAY_LATEST_NS (1 * NSEC_PER_SEC)
#define SAY_BATCH 32 /* at a time; while there is much to bind, one */
#define NOTES_MAX 50000 /* more are forgotten, oldest first */

/* A binding under way. */
struct bind {
	struct list node;
	struct scheduler *s;
	struct client_call *call;
	struct object *pod;
	char *node_name;
};

/* An event, and with `condition` what the pod's status is to say. */
struct note {
	struct list node;
	struct object *pod;
	const char *type, *reason;
	char *text;
	bool condition;
	char *nominated; /* NULL: left as it is */
	uint64_t since_ns;
};

/* A victim's end under way: first the condition, then the deletion. */
struct eviction {
	struct list node;
	struct scheduler *s;
	struct client_call *call;
	struct object *victim;
	char *by_uid, *on_node;
	bool deleting;
};

static struct str uid_of(const struct object *o)
{
	return jv_text(jv_get(object_meta(o), "uid"));
}

/* Events come from the profile that the pod names; what is said of others, from the first. */
static struct recorder *recorder_of(struct scheduler *s, const struct object *pod)
{
	const struct sched_profile *p =
		scheduler_profile(s, jv_text(jv_get(object_spec(pod), "schedulerName")));

	return s->events[p ? p - s->config->profiles : 0];
}

/* Notes */

static void note_free(struct scheduler *s, struct note *n)
{
	list_remove(&n->node);
	s->n_notes--;
	object_unref(n->pod);
	free(n->text);
	free(n->nominated);
	free(n);
}

static struct note *note(struct scheduler *s, struct object *pod, const char *type,
			 const char *reason, char *take_text)
{
	struct note *n = NEW(struct note);

	if (s->n_notes >= NOTES_MAX)
		note_free(s, list_first(&s->notes, struct note, node));
	*n = (struct note){.pod = object_ref(pod),
			   .type = type,
			   .reason = reason,
			   .text = take_text,
			   .since_ns = client_now_ns(s->c)};
	list_append(&s->notes, &n->node);
	s->n_notes++;
	if (!timer_armed(&s->say))
		timers_arm_in(client_timers(s->c), &s->say, SAY_EVERY_NS);
	return n;
}

static bool says_already(const struct object *pod, struct str why, struct str *ret_since)
{
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;

	jv_for_each (c, jv_get(object_status(pod), "conditions")) {
		if (!jv_eqs(jv_get(c.value, "type"), "PodScheduled") ||
		    !jv_eqs(jv_get(c.value, "status"), "False"))
			continue;
		*ret_since = jv_text(jv_get(c.value, "lastTransitionTime"));
		return jv_eqs(jv_get(c.value, "reason"), "Unschedulable") &&
		       str_eq(jv_str(jv_get(c.value, "message"), &scratch), why);
	}
	return false;
}

static void patch_status(struct scheduler *s, const struct object *pod, struct str body,
			 client_fn *done, void *user, struct client_call **ret_call)
{
	struct client_call *call =
		client_do(s->c,
			  &(struct client_req){.method = "PATCH",
					       .kind = &client_pods,
					       .ns = pod->ns,
					       .name = pod->name,
					       .sub = "status",
					       .content_type = CLIENT_STRATEGIC_PATCH,
					       .body = body},
			  done, user);

	if (ret_call)
		*ret_call = call;
}

static void write_condition(struct jw *w, const char *type, const char *status, const char *reason,
			    struct str message, struct str since)
{
	jw_begin_object(w);
	jw_member_str(w, "type", str_of(type));
	jw_member_str(w, "status", str_of(status));
	jw_member_str(w, "reason", str_of(reason));
	jw_member_str(w, "message", message);
	jw_key(w, "lastProbeTime");
	jw_null(w);
	jw_member_str(w, "lastTransitionTime", since);
	jw_end_object(w);
}

/* Status condition PodScheduled=False and the nomination, unless it says so already. */
static void tell_unschedulable(struct scheduler *s, const struct object *pod, struct str why,
			       const char *nominated)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	struct jv was = jv_get(object_status(pod), "nominatedNodeName");
	char now[TIME_LEN + 1];
	struct str since;
	struct jw w = jw_start(&body);
	bool same;

	time_format(client_real_ns(s->c), now);
	since = str_of(now);
	same = says_already(pod, why, &since);
	if (nominated && str_eq(jv_text(was), str_of(nominated)))
		nominated = NULL;
	if (same && !nominated)
		return;
	jw_begin_object(&w);
	jw_key(&w, "status");
	jw_begin_object(&w);
	if (nominated) {
		jw_key(&w, "nominatedNodeName");
		if (*nominated)
			jw_str(&w, str_of(nominated));
		else
			jw_null(&w);
	}
	jw_key(&w, "conditions");
	jw_begin_array(&w);
	write_condition(&w, "PodScheduled", "False", "Unschedulable", why, since);
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
	patch_status(s, pod, buf_str(&body), NULL, NULL, NULL);
}

static void say_one(struct scheduler *s, struct note *n)
{
	struct sched_pod *p = n->condition ? sched_cache_find(&s->cache, n->pod->key) : NULL;

	recorder_event_for(recorder_of(s, n->pod), &client_pods, n->pod, n->type, n->reason, "%s",
			   n->text);
	if (p && p->state == SCHED_PENDING && !p->deleting)
		tell_unschedulable(s, p->obj, str_of(n->text), p->nominated ? NULL : n->nominated);
	note_free(s, n);
}

static void say(struct timer *t)
{
	struct scheduler *s = container_of(t, struct scheduler, say);
	struct note *first = list_first(&s->notes, struct note, node);
	bool busy = s->queue.n_active || s->n_binds;

	if (!first)
		return;
	if (busy && client_now_ns(s->c) - first->since_ns < SAY_LATEST_NS) {
		timers_arm_in(client_timers(s->c), t, SAY_EVERY_NS);
		return;
	}
	for (int i = 0; i < (busy ? 1 : SAY_BATCH) && first; i++) {
		say_one(s, first);
		first = list_first(&s->notes, struct note, node);
	}
	if (first)
		timers_arm_in(client_timers(s->c), t, busy ? SAY_EVERY_NS : 0);
}

void act_unschedulable(struct scheduler *s, struct sched_pod *p, struct str why,
		       struct str nominated)
{
	struct note *n = note(s, p->obj, EVENT_WARNING, "FailedScheduling", str_dup(why));

	n->condition = true;
	n->nominated = nominated.p ? xstrndup(nominated.p, nominated.len) : NULL;
}

void act_event(struct scheduler *s, struct object *pod, const char *reason, const char *why)
{
	note(s, pod, EVENT_WARNING, reason, xstrdup(why));
}

/* Bindings */

static void bind_free(struct bind *b)
{
	list_remove(&b->node);
	b->s->n_binds--;
	object_unref(b->pod);
	free(b->node_name);
	free(b);
}

static void on_bound(void *user, const struct err *e, struct str body)
{
	struct bind *b = user;
	struct scheduler *s = b->s;
	struct sched_pod *p = sched_cache_find(&s->cache, b->pod->key);

	if (p && !str_eq(uid_of(p->obj), uid_of(b->pod)))
		p = NULL; /* another one of the same name by now */
	if (!e->errnum) {
		s->stats.bound++;
		note(s, b->pod, EVENT_NORMAL, "Scheduled",
		     xasprintf("Successfully assigned %.*s/%.*s to %s", STR_ARG(b->pod->ns),
			       STR_ARG(b->pod->name), b->node_name));
	} else if (p && p->state == SCHED_ASSUMED && e->errnum != ENOENT) {
		s->stats.failed++;
		note(s, b->pod, EVENT_WARNING, "FailedScheduling",
		     xasprintf("binding rejected: %s", err_text(e)));
		sched_cache_forget(&s->cache, p);
		sched_queue_add(&s->queue, p);
		sched_queue_backoff(&s->queue, p);
		devices_unreserve(s, b->pod);
	}
	bind_free(b);
	scheduler_ready(s);
}

void act_bind(struct scheduler *s, struct sched_pod *p, struct sched_node *n)
{
	struct bind *b = NEW(struct bind);
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	struct jw w = jw_start(&body);

	b->s = s;
	b->pod = object_ref(p->obj);
	b->node_name = str_dup(n->name);
	list_append(&s->binds, &b->node);
	s->n_binds++;
	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("v1"));
	jw_member_str(&w, "kind", STR("Binding"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "name", p->obj->name);
	jw_member_str(&w, "namespace", p->obj->ns);
	jw_member_str(&w, "uid", uid_of(p->obj));
	jw_end_object(&w);
	jw_key(&w, "target");
	jw_begin_object(&w);
	jw_member_str(&w, "kind", STR("Node"));
	jw_member_str(&w, "name", n->name);
	jw_end_object(&w);
	jw_end_object(&w);
	b->call = client_do(s->c,
			    &(struct client_req){.method = "POST",
						 .kind = &client_pods,
						 .ns = p->obj->ns,
						 .name = p->obj->name,
						 .sub = "binding",
						 .body = buf_str(&body)},
			    on_bound, b);
}

/* Preemption */

static void eviction_free(struct eviction *ev)
{
	list_remove(&ev->node);
	object_unref(ev->victim);
	free(ev->by_uid);
	free(ev->on_node);
	free(ev);
}

static void on_evicted(void *user, const struct err *e, struct str body)
{
	struct eviction *ev = user;
	struct scheduler *s = ev->s;
	struct sched_pod *p = sched_cache_find(&s->cache, ev->victim->key);

	if (!e->errnum && !ev->deleting) { /* the condition stands */
		CLEANUP_FREE char *options = xasprintf("{\"preconditions\":{\"uid\":\"%.*s\"}}",
						       STR_ARG(uid_of(ev->victim)));

		ev->deleting = true;
		ev->call = client_delete(s->c, &client_pods, ev->victim->ns, ev->victim->name,
					 str_of(options), on_evicted, ev);
		return;
	}
	if (!e->errnum)
		recorder_event_for(recorder_of(s, ev->victim), &client_pods, ev->victim,
				   EVENT_NORMAL, "Preempted", "Preempted by pod %s on node %s",
				   ev->by_uid, ev->on_node);
	else if (p && e->errnum != ENOENT)
		p->preempted = false; /* the preemptor will look again */
	eviction_free(ev);
}

static void evict(struct scheduler *s, struct sched_pod *victim, const struct object *by,
		  const struct sched_node *n)
{
	const struct sched_profile *profile =
		scheduler_profile(s, jv_text(jv_get(object_spec(by), "schedulerName")));
	const char *by_name = profile ? profile->name : "default-scheduler";
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	CLEANUP_FREE char *why = NULL;
	struct eviction *ev = NEW(struct eviction);
	char now[TIME_LEN + 1];
	struct jw w = jw_start(&body);

	victim->preempted = true;
	ev->s = s;
	ev->victim = object_ref(victim->obj);
	ev->by_uid = str_dup(uid_of(by));
	ev->on_node = str_dup(n->name);
	list_append(&s->evictions, &ev->node);
	time_format(client_real_ns(s->c), now);
	why = xasprintf("%s: preempting to accommodate a higher priority pod", by_name);
	jw_begin_object(&w);
	jw_key(&w, "status");
	jw_begin_object(&w);
	jw_key(&w, "conditions");
	jw_begin_array(&w);
	write_condition(&w, "DisruptionTarget", "True", "PreemptionByScheduler", str_of(why),
			str_of(now));
	jw_end_array(&w);
	jw_end_object(&w);
	jw_end_object(&w);
	patch_status(s, victim->obj, buf_str(&body), on_evicted, ev, &ev->call);
}

/* Those of lower priority who had hopes for this node look elsewhere. */
static void drop_lower(struct scheduler *s, const struct sched_pod *p, struct sched_node *n)
{
	list_for_each_safe (it, &n->nominated) {
		struct sched_pod *other = list_entry(it, struct sched_pod, in_nominated);

		if (other == p || other->priority >= p->priority)
			continue;
		sched_cache_nominate(&s->cache, other, NULL);
		patch_status(s, other->obj, STR("{\"status\":{\"nominatedNodeName\":null}}"), NULL,
			     NULL, NULL);
	}
}

void act_preempt(struct scheduler *s, struct sched_pod *p, const struct sched_victims *v,
		 struct str why)
{
	CLEANUP_FREE char *name = str_dup(v->node->name);

	sched_cache_nominate(&s->cache, p, v->node);
	note(s, p->obj, EVENT_WARNING, "FailedScheduling", str_dup(why));
	tell_unschedulable(s, p->obj, why, name);
	for (size_t i = 0; i < v->n; i++)
		if (!v->v[i]->preempted && !v->v[i]->deleting)
			evict(s, v->v[i], p->obj, v->node);
	drop_lower(s, p, v->node);
}

void act_init(struct scheduler *s)
{
	list_init(&s->binds);
	list_init(&s->evictions);
	list_init(&s->notes);
	s->say.fire = say;
}

void act_done(struct scheduler *s)
{
	timers_disarm(client_timers(s->c), &s->say);
	list_for_each_safe (it, &s->binds) {
		struct bind *b = list_entry(it, struct bind, node);

		client_cancel(s->c, b->call);
		bind_free(b);
	}
	list_for_each_safe (it, &s->evictions) {
		struct eviction *ev = list_entry(it, struct eviction, node);

		client_cancel(s->c, ev->call);
		eviction_free(ev);
	}
	list_for_each_safe (it, &s->notes)
		note_free(s, list_entry(it, struct note, node));
}
