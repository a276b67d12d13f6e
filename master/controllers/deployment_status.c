/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/deployment.h"

/* How far a rollout is: counts and the conditions Available, Progressing, ReplicaFailure
 * (k8s pkg/controller/deployment/progress.go). */

struct counts {
	int64_t replicas, updated, ready, available, unavailable, generation;
};

struct cond {
	const char *type;
	const char *status, *reason; /* NULL type: not there */
	char *message;
	struct str raw; /* as it stands in the object, when unchanged */
	bool refreshed; /* lastUpdateTime moves even if nothing else does */
};

enum { AVAILABLE, PROGRESSING, FAILURE, N_CONDS };
static const char *const cond_types[N_CONDS] = {"Available", "Progressing", "ReplicaFailure"};

static struct counts count(struct deploy_step *s)
{
	struct counts n = {.replicas = deploy_total(s, false), .available = deploy_available(s)};

	for (size_t i = 0; i < s->n_sets; i++)
		n.ready += s->sets[i].ready;
	if (s->new_set) {
		n.updated = s->new_set->replicas;
		n.ready += s->new_set->ready;
	}
	n.unavailable = MAX(deploy_total(s, true) - n.available, (int64_t)0);
	n.generation = jv_i64(jv_get(object_meta(s->d), "generation"), 0);
	return n;
}

static bool complete(const struct deploy_step *s, const struct counts *n)
{
	return n->updated == s->replicas && n->replicas == s->replicas &&
	       n->available == s->replicas;
}

bool deploy_complete(struct deploy_step *s)
{
	struct counts n = count(s);

	return complete(s, &n);
}

static int64_t was(const struct deploy_step *s, const char *name)
{
	return jv_i64(jv_get(s->status, name), 0);
}

static bool moved_on(const struct deploy_step *s, const struct counts *n)
{
	return n->updated > was(s, "updatedReplicas") ||
	       n->replicas - n->updated < was(s, "replicas") - was(s, "updatedReplicas") ||
	       n->ready > was(s, "readyReplicas") || n->available > was(s, "availableReplicas");
}

static struct jv current(const struct deploy_step *s, int which)
{
	return condition_get(jv_of(s->d->bytes), cond_types[which]);
}

/* Time until the deadline in ns; negative: it has passed. */
static int64_t time_left(const struct deploy_step *s, int64_t deadline_s)
{
	int64_t since_ns = time_ns(jv_get(current(s, PROGRESSING), "lastUpdateTime"));

	return since_ns + deadline_s * (int64_t)NSEC_PER_SEC - client_real_ns(s->c->client);
}

static bool timed_out(const struct deploy_step *s, int64_t deadline_s)
{
	struct jv reason = jv_get(current(s, PROGRESSING), "reason");

	if (!jv_exists(reason) || jv_eqs(reason, "NewReplicaSetAvailable"))
		return false;
	if (jv_eqs(reason, "ProgressDeadlineExceeded"))
		return true;
	return time_left(s, deadline_s) < 0;
}

static void set_cond(struct cond *c, const struct deploy_step *s, int which, const char *status,
		     const char *reason, char *take_message)
{
	struct jv now = current(s, which);

	/* The same status and reason: the condition stays as it is, message included. */
	if (jv_eqs(jv_get(now, "status"), status) && jv_eqs(jv_get(now, "reason"), reason) &&
	    !c->refreshed) {
		free(take_message);
		return;
	}
	free(c->message);
	*c = (struct cond){cond_types[which], status, reason, take_message, STR_NULL, false};
}

static char *about_set(const struct deploy_step *s, const char *does)
{
	if (s->new_name)
		return xasprintf("ReplicaSet \"%s\" %s.", s->new_name, does);
	return xasprintf("Deployment \"%.*s\" %s.", STR_ARG(s->d->name), does);
}

static void set_paused(struct deploy_step *s, struct cond *c)
{
	struct jv reason = jv_get(current(s, PROGRESSING), "reason");

	if (jv_eqs(reason, "ProgressDeadlineExceeded"))
		return;
	if (s->paused)
		set_cond(c, s, PROGRESSING, "Unknown", "DeploymentPaused",
			 xstrdup("Deployment is paused"));
	else if (jv_eqs(reason, "DeploymentPaused"))
		set_cond(c, s, PROGRESSING, "Unknown", "DeploymentResumed",
			 xstrdup("Deployment is resumed"));
}

static void set_progressing(struct deploy_step *s, struct cond *c, const struct counts *n)
{
	struct jv deadline = jv_get(s->spec, "progressDeadlineSeconds");
	int64_t deadline_s = jv_i64(deadline, INT32_MAX), left_ns;
	struct jv reason = jv_get(current(s, PROGRESSING), "reason");

	if (!jv_exists(deadline) || deadline_s == INT32_MAX) {
		*c = (struct cond){0};
		return;
	}
	if (s->paused || jv_eqs(reason, "DeploymentPaused")) {
		set_paused(s, c);
		return;
	}
	if (s->progress_reason) {
		bool made = !strcmp(s->progress_reason, "NewReplicaSetCreated");

		set_cond(c, s, PROGRESSING, "True", s->progress_reason,
			 xasprintf("%s new replica set \"%s\"", made ? "Created" : "Found",
				   s->new_name));
		plan_again_in(s->p, (uint64_t)(deadline_s + 1) * NSEC_PER_SEC);
		return;
	}
	if (n->replicas == n->updated && jv_eqs(reason, "NewReplicaSetAvailable"))
		return;
	if (complete(s, n)) {
		set_cond(c, s, PROGRESSING, "True", "NewReplicaSetAvailable",
			 about_set(s, "has successfully progressed"));
		return;
	}
	if (moved_on(s, n)) {
		c->refreshed = true;
		set_cond(c, s, PROGRESSING, "True", "ReplicaSetUpdated",
			 about_set(s, "is progressing"));
	} else if (timed_out(s, deadline_s)) {
		set_cond(c, s, PROGRESSING, "False", "ProgressDeadlineExceeded",
			 about_set(s, "has timed out progressing"));
		return;
	}
	left_ns = moved_on(s, n) ? deadline_s * (int64_t)NSEC_PER_SEC : time_left(s, deadline_s);
	plan_again_in(s->p, (uint64_t)MAX(left_ns, (int64_t)0) + NSEC_PER_SEC);
}

static void set_failure(struct deploy_step *s, struct cond *c)
{
	struct deploy_set *set = s->new_set;
	struct jv f = JV_NONE;

	for (size_t i = 0; i <= s->n_sets && !jv_exists(f); i++) {
		if (set && set->o)
			f = condition_get(jv_of(set->o->bytes), "ReplicaFailure");
		set = i < s->n_sets ? &s->sets[i] : NULL;
	}
	if (!jv_exists(f))
		*c = (struct cond){0};
	else
		set_cond(c, s, FAILURE, "True", "FailedCreate", jv_strdup(jv_get(f, "message")));
}

static void write_cond(struct deploy_step *s, struct jw *w, const struct cond *c, int which)
{
	struct jv old = current(s, which);
	char now[TIME_LEN + 1];

	if (c->raw.len) {
		jw_raw(w, c->raw);
		return;
	}
	time_format(client_real_ns(s->c->client), now);
	jw_begin_object(w);
	jw_member_str(w, "type", str_of(c->type));
	jw_member_str(w, "status", str_of(c->status));
	jw_member_str(w, "lastUpdateTime", str_of(now));
	jw_member_str(w, "lastTransitionTime",
		      jv_eqs(jv_get(old, "status"), c->status)
			      ? jv_text(jv_get(old, "lastTransitionTime"))
			      : str_of(now));
	jw_member_str(w, "reason", str_of(c->reason));
	jw_member_str(w, "message", str_of(c->message ? c->message : ""));
	jw_end_object(w);
}

static bool same_counts(const struct deploy_step *s, const struct counts *n)
{
	return n->replicas == was(s, "replicas") && n->updated == was(s, "updatedReplicas") &&
	       n->ready == was(s, "readyReplicas") && n->available == was(s, "availableReplicas") &&
	       n->unavailable == was(s, "unavailableReplicas") &&
	       n->generation == was(s, "observedGeneration") && !s->collision;
}

static void write_count(struct jw *w, const char *name, int64_t n)
{
	jw_key(w, name);
	if (n)
		jw_i64(w, n);
	else
		jw_null(w);
}

static void write_status(struct deploy_step *s, struct jw *w, const struct counts *n,
			 const struct cond *conds)
{
	jw_begin_object(w);
	jw_key(w, "status");
	jw_begin_object(w);
	jw_member_i64(w, "observedGeneration", n->generation);
	write_count(w, "replicas", n->replicas);
	write_count(w, "updatedReplicas", n->updated);
	write_count(w, "readyReplicas", n->ready);
	write_count(w, "availableReplicas", n->available);
	write_count(w, "unavailableReplicas", n->unavailable);
	if (s->collision)
		jw_member_i64(w, "collisionCount", was(s, "collisionCount") + 1);
	jw_key(w, "conditions");
	jw_begin_array(w);
	for (int i = 0; i < N_CONDS; i++)
		if (conds[i].type)
			write_cond(s, w, &conds[i], i);
	jw_end_array(w);
	jw_end_object(w);
	jw_end_object(w);
}

/* The Deployment's own annotations are no part of its status: a patch of their own. */
static void patch_annotations(struct deploy_step *s)
{
	struct plan_op *op;

	if (!s->annotations.len)
		return;
	op = plan_add(s->p, "PATCH", &client_deployments, s->d->ns, s->d->name, NULL);
	op->flags = PLAN_OK_ABSENT;
	buf_addf(&op->body, "{\"metadata\":{\"annotations\":{%s}}}", s->annotations.p);
}

void deploy_update_status(struct deploy_step *s)
{
	struct counts n = count(s);
	struct cond conds[N_CONDS] = {{0}};
	bool differs = !same_counts(s, &n), enough;
	struct plan_op *op;
	struct jw w;

	for (int i = 0; i < N_CONDS; i++)
		if (jv_exists(current(s, i)))
			conds[i] =
				(struct cond){.type = cond_types[i], .raw = jv_raw(current(s, i))};
	enough = n.available >= s->replicas - s->max_unavailable;
	set_cond(&conds[AVAILABLE], s, AVAILABLE, enough ? "True" : "False",
		 enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
		 xstrdup(enough ? "Deployment has minimum availability."
				: "Deployment does not have minimum availability."));
	set_progressing(s, &conds[PROGRESSING], &n);
	set_failure(s, &conds[FAILURE]);
	for (int i = 0; i < N_CONDS; i++)
		differs |= !!conds[i].type != jv_exists(current(s, i)) ||
			   (conds[i].type && !conds[i].raw.len);
	patch_annotations(s);
	if (differs) {
		op = plan_add(s->p, "PATCH", &client_deployments, s->d->ns, s->d->name, "status");
		op->flags = PLAN_OK_ABSENT;
		w = jw_start(&op->body);
		write_status(s, &w, &n, conds);
	}
	for (int i = 0; i < N_CONDS; i++)
		free(conds[i].message);
}
