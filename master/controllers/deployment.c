/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/deployment.h"

/*
 * Deployment: replaces the pods of one ReplicaSet by those of another, step by step
 * (k8s pkg/controller/deployment: sync.go, rolling.go, recreate.go).
 *
 *	paused or resized --> scale all sets in proportion
 *	Recreate          --> old sets to 0, wait for their pods' end, new set to full
 *	RollingUpdate     --> new set up as maxSurge allows, old sets down as maxUnavailable allows
 */

static struct informer *deployments(struct ctl *c)
{
	return informers_get(c->informers, &client_deployments);
}
static struct informer *sets_in(struct ctl *c)
{
	return informers_get(c->informers, &client_replicasets);
}
static struct informer *pods_in(struct ctl *c)
{
	return informers_get(c->informers, &client_pods);
}

/* Both zero would never move: Kubernetes then takes one pod away. */
static void read_strategy(struct deploy_step *s)
{
	struct jv strategy = jv_get(s->spec, "strategy"),
		  rolling = jv_get(strategy, "rollingUpdate");

	s->recreate = jv_eqs(jv_get(strategy, "type"), "Recreate");
	s->max_surge = s->max_unavailable = 0;
	if (s->recreate)
		return;
	s->max_surge = int_or_percent(jv_get(rolling, "maxSurge"), s->replicas, true,
				      (s->replicas * 25 + 99) / 100);
	s->max_unavailable = int_or_percent(jv_get(rolling, "maxUnavailable"), s->replicas, false,
					    s->replicas * 25 / 100);
	if (!s->max_surge && !s->max_unavailable)
		s->max_unavailable = 1;
	s->max_unavailable = MIN(s->max_unavailable, s->replicas);
}

/* Rolling update */

static bool grow_new(struct deploy_step *s)
{
	struct deploy_set *n = s->new_set;
	int64_t room;

	if (n->spec_replicas == s->replicas)
		return false;
	if (n->spec_replicas > s->replicas)
		return deploy_scale(s, n, s->replicas);
	room = s->replicas + s->max_surge - deploy_total(s, true);
	if (room <= 0)
		return false;
	return deploy_scale(s, n, n->spec_replicas + MIN(room, s->replicas - n->spec_replicas));
}

/* Pods of old sets that never became available can go without anybody missing them. */
static int64_t drop_unhealthy(struct deploy_step *s, int64_t max)
{
	int64_t dropped = 0;

	for (size_t i = 0; i < s->n_sets && dropped < max; i++) {
		struct deploy_set *set = &s->sets[i];
		int64_t unhealthy = set->spec_replicas - set->available, n;

		if (!set->spec_replicas || unhealthy <= 0)
			continue;
		n = MIN(max - dropped, unhealthy);
		deploy_scale(s, set, set->spec_replicas - n);
		dropped += n;
	}
	return dropped;
}

/*
 * Available pods that stay: what a set has been told to lose serves no more, though its status,
 * which comes later, still counts it.
 */
static int64_t staying(const struct deploy_step *s)
{
	int64_t n = MIN(s->new_set->spec_replicas, s->new_set->available);

	for (size_t i = 0; i < s->n_sets; i++)
		n += MIN(s->sets[i].spec_replicas, s->sets[i].available);
	return n;
}

static void shrink_old(struct deploy_step *s)
{
	int64_t old = 0, min_available = s->replicas - s->max_unavailable, unavailable, spare;

	for (size_t i = 0; i < s->n_sets; i++)
		old += s->sets[i].spec_replicas;
	if (!old)
		return;
	unavailable = s->new_set->spec_replicas - s->new_set->available;
	spare = deploy_total(s, true) - min_available - MAX(unavailable, (int64_t)0);
	if (spare <= 0)
		return;
	drop_unhealthy(s, spare);
	spare = staying(s) - min_available;
	for (size_t i = 0; i < s->n_sets && spare > 0; i++) {
		struct deploy_set *set = &s->sets[i];
		/* What drop_unhealthy left here is available; those pods are counted in `spare`. */
		int64_t n = MIN(set->spec_replicas, spare);

		if (n <= 0)
			continue;
		deploy_scale(s, set, set->spec_replicas - n);
		spare -= n;
	}
}

static void roll(struct deploy_step *s)
{
	deploy_ensure_new_set(s);
	/* A change of the new set shows in its status first; the next step goes on from there. */
	if (!s->new_set || grow_new(s))
		return;
	shrink_old(s);
}

/* Recreate */

static bool old_pods_run(struct deploy_step *s)
{
	struct informer_index *by_owner = informer_index(pods_in(s->c), informer_by_controller);

	for (size_t i = 0; i < s->n_sets; i++) {
		struct object_set pods = informer_lookup(by_owner, object_uid(s->sets[i].o));

		for (size_t k = 0; k < pods.n; k++)
			if (!pod_ended(pods.v[k]))
				return true;
	}
	return false;
}

static void recreate(struct deploy_step *s)
{
	bool scaled = false;

	for (size_t i = 0; i < s->n_sets; i++)
		scaled |= s->sets[i].spec_replicas && deploy_scale(s, &s->sets[i], 0);
	if (scaled || old_pods_run(s))
		return;
	deploy_ensure_new_set(s);
	if (s->new_set)
		deploy_scale(s, s->new_set, s->replicas);
}

static void step(struct deploy_step *s)
{
	if (object_deleting(s->d)) {
		deploy_update_status(s);
		return;
	}
	if (s->paused || deploy_is_scaling(s)) {
		deploy_scale_all(s);
		if (s->paused && deploy_total(s, false) == 0)
			deploy_clean_up(s);
	} else {
		if (s->recreate)
			recreate(s);
		else
			roll(s);
		if (deploy_complete(s))
			deploy_clean_up(s);
	}
	deploy_update_status(s);
}

static void reconcile(struct ctl *c, struct str key, struct plan *p)
{
	struct deploy_step s = {.c = c, .p = p, .d = informer_get(deployments(c), key)};
	struct jv d;

	if (!s.d)
		return;
	d = jv_of(s.d->bytes);
	s.spec = jv_get(d, "spec");
	s.status = jv_get(d, "status");
	s.replicas = jv_i64(jv_get(s.spec, "replicas"), 1);
	s.min_ready_s = jv_i64(jv_get(s.spec, "minReadySeconds"), 0);
	s.paused = jv_bool(jv_get(s.spec, "paused"), false);
	buf_init(&s.annotations);
	read_strategy(&s);
	deploy_find_sets(&s);
	step(&s);
	buf_done(&s.annotations);
	free(s.new_name);
	free(s.sets);
	free(s.claimed);
}

/* Events */

static void set_one(void *user, struct object *set)
{
	struct ctl *c = user;
	struct object_set all;

	if (informer_by_controller(set).len) {
		ctl_enqueue_owner(c, set, "Deployment");
		return;
	}
	all = informer_lookup(informer_index(deployments(c), informer_by_ns), set->ns);
	for (size_t i = 0; i < all.n; i++) {
		struct label_selector sel = {0};

		if (label_selector_from_object(jv_get(object_spec(all.v[i]), "selector"), &sel,
					       NULL) == 0 &&
		    label_selector_match(&sel, jv_get(object_meta(set), "labels")))
			ctl_enqueue(c, all.v[i]->key);
		label_selector_done(&sel);
	}
}
static void set_two(void *user, struct object *old, struct object *set)
{
	if (!str_eq(informer_by_controller(old), informer_by_controller(set)))
		ctl_enqueue_owner(user, old, "Deployment");
	set_one(user, set);
}
static void set_gone(void *user, struct object *set)
{
	ctl_enqueue_owner(user, set, "Deployment");
}
static const struct informer_handler on_set = {set_one, set_two, set_gone, NULL};

/* Recreate waits for the last pod of the old sets. */
static void pod_gone(void *user, struct object *pod)
{
	struct ctl *c = user;

	jv_for_each (ref, object_owners(pod)) {
		struct object *set;

		if (!jv_eqs(jv_get(ref.value, "kind"), "ReplicaSet"))
			continue;
		set = informer_get_in(sets_in(c), pod->ns, jv_text(jv_get(ref.value, "name")));
		if (set)
			ctl_enqueue_owner(c, set, "Deployment");
	}
}
static const struct informer_handler on_pod = {NULL, NULL, pod_gone, NULL};

static bool init(struct ctl *c)
{
	informer_index(sets_in(c), informer_by_controller);
	informer_index(sets_in(c), index_orphans);
	informer_index(deployments(c), informer_by_ns);
	informer_index(pods_in(c), informer_by_controller);
	ctl_handle(c, deployments(c), &ctl_enqueue_self);
	ctl_handle(c, sets_in(c), &on_set);
	ctl_handle(c, pods_in(c), &on_pod);
	return true;
}

const struct controller deployment_controller = {
	.name = "deployment",
	.component = "deployment-controller",
	.parallel = 16,
	.init = init,
	.sync = reconcile,
};
