/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/deployment.h"
#include "lib/json/jsonc.h"

/* Annotations of a Deployment that are not handed down to its sets. */
static const char *const kept_back[] = {
	"kubectl.kubernetes.io/last-applied-configuration",
	DEPLOY_REVISION,
	DEPLOY_REVISION_HISTORY,
	DEPLOY_DESIRED,
	DEPLOY_MAX,
	"deprecated.deployment.rollback.to",
};

int64_t deploy_total(const struct deploy_step *s, bool of_spec)
{
	int64_t n = 0;

	for (size_t i = 0; i < s->n_sets; i++)
		n += of_spec ? s->sets[i].spec_replicas : s->sets[i].replicas;
	if (s->new_set)
		n += of_spec ? s->new_set->spec_replicas : s->new_set->replicas;
	return n;
}

int64_t deploy_available(const struct deploy_step *s)
{
	int64_t n = s->new_set ? s->new_set->available : 0;

	for (size_t i = 0; i < s->n_sets; i++)
		n += s->sets[i].available;
	return n;
}

/* Finding */

static struct json_object *template_of(struct jv spec)
{
	struct json_object *t = NULL, *labels;

	if (jsonc_parse(jv_raw(jv_get(spec, "template")), NULL, &t, NULL) < 0 || !t)
		return NULL;
	labels = jsonc_path(t, "metadata.labels");
	if (labels)
		json_object_object_del(labels, DEPLOY_HASH_LABEL);
	return t;
}

static struct deploy_set describe(struct object *o)
{
	struct jv v = jv_of(o->bytes);
	struct deploy_set s = {.o = o, .spec = jv_get(v, "spec"), .status = jv_get(v, "status")};

	s.spec_replicas = s.was_replicas = jv_i64(jv_get(s.spec, "replicas"), 1);
	s.replicas = jv_i64(jv_get(s.status, "replicas"), 0);
	s.ready = jv_i64(jv_get(s.status, "readyReplicas"), 0);
	s.available = jv_i64(jv_get(s.status, "availableReplicas"), 0);
	str_to_i64(object_annotation(o, DEPLOY_REVISION), &s.revision);
	return s;
}

static int by_age(const void *a, const void *b)
{
	const struct deploy_set *x = a, *y = b;
	int64_t tx = object_created_ns(x->o), ty = object_created_ns(y->o);

	return tx != ty ? (tx < ty ? -1 : 1) : str_cmp(x->o->name, y->o->name);
}

void deploy_find_sets(struct deploy_step *s)
{
	CLEANUP_JSON struct json_object *want = template_of(s->spec);
	struct label_selector sel = {0};
	size_t n, kept = 0;

	if (label_selector_from_object(jv_get(s->spec, "selector"), &sel, NULL) < 0)
		return;
	n = claim(s->p, &client_deployments, s->d, &sel, &client_replicasets,
		  informers_get(s->c->informers, &client_replicasets), &s->claimed);
	label_selector_done(&sel);
	for (size_t i = 0; i < n; i++)
		*ARRAY_PUSH(s->sets, s->n_sets, s->cap_sets) = describe(s->claimed[i]);
	if (s->n_sets)
		qsort(s->sets, s->n_sets, sizeof(*s->sets), by_age);
	/* The oldest set with this template is the new one; a rollback finds an old set so. */
	for (size_t i = 0; i < s->n_sets; i++) {
		CLEANUP_JSON struct json_object *have = NULL;

		if (!s->new_set)
			have = template_of(s->sets[i].spec);
		if (have && jsonc_equal(have, want)) {
			s->new_store = s->sets[i];
			s->new_set = &s->new_store;
			s->new_name = str_dup(s->new_store.o->name);
			continue;
		}
		s->sets[kept++] = s->sets[i];
	}
	s->n_sets = kept;
}

/* Scaling */

static void on_scaled(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct ctl *c = user;
	struct informer *in = informers_get(c->informers, &client_deployments);
	struct str text = str_of(op->user_text), name = STR_NULL;
	struct object *d;

	if (e->errnum || !str_split(&text, '\n', &name))
		return;
	d = informer_get_in(in, str_of(op->ns), name);
	if (d)
		recorder_event_for(c->events, &client_deployments, d, EVENT_NORMAL,
				   "ScalingReplicaSet", "%.*s", STR_ARG(text));
}

static void add_event(struct deploy_step *s, struct plan_op *op, const char *set_name, int64_t from,
		      int64_t to)
{
	op->result = on_scaled;
	op->user = s->c;
	free(op->user_text);
	op->user_text =
		xasprintf("%.*s\nScaled %s replica set %s from %" PRId64 " to %" PRId64,
			  STR_ARG(s->d->name), to > from ? "up" : "down", set_name, from, to);
}

static void write_sizes(struct deploy_step *s, struct jw *w)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, s->replicas);
	jw_member_str(w, DEPLOY_DESIRED, str_of(text));
	snprintf(text, sizeof(text), "%" PRId64, s->replicas + s->max_surge);
	jw_member_str(w, DEPLOY_MAX, str_of(text));
}

/* The operation of this plan that scales the set already, or a new one. */
static struct plan_op *scale_op(struct deploy_step *s, const struct deploy_set *set)
{
	for (size_t i = 0; i < s->p->n; i++) {
		struct plan_op *op = &s->p->ops[i];

		if (op->result == on_scaled && op->name && str_eqs(set->o->name, op->name)) {
			buf_clear(&op->body);
			return op;
		}
	}
	return plan_add(s->p, "PATCH", &client_replicasets, set->o->ns, set->o->name, NULL);
}

bool deploy_scale(struct deploy_step *s, struct deploy_set *set, int64_t replicas)
{
	CLEANUP_FREE char *name = NULL;
	struct plan_op *op;
	struct jw w;

	if (set->spec_replicas == replicas || !set->o)
		return false;
	name = str_dup(set->o->name);
	op = scale_op(s, set);
	w = jw_start(&op->body);
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_key(&w, "annotations");
	jw_begin_object(&w);
	write_sizes(s, &w);
	jw_end_object(&w);
	jw_end_object(&w);
	jw_key(&w, "spec");
	jw_begin_object(&w);
	jw_member_i64(&w, "replicas", replicas);
	jw_end_object(&w);
	jw_end_object(&w);
	add_event(s, op, name, set->was_replicas, replicas);
	set->spec_replicas = replicas;
	return true;
}

bool deploy_is_scaling(struct deploy_step *s)
{
	for (size_t i = 0; i <= s->n_sets; i++) {
		struct deploy_set *set = i < s->n_sets ? &s->sets[i] : s->new_set;
		int64_t desired;

		if (!set || !set->spec_replicas ||
		    str_to_i64(object_annotation(set->o, DEPLOY_DESIRED), &desired) < 0)
			continue;
		if (desired != s->replicas)
			return true;
	}
	return false;
}

/* The one set with replicas, or the new one when none has any; NULL: several have. */
static struct deploy_set *only_active(struct deploy_step *s)
{
	struct deploy_set *active = NULL;
	size_t n = 0;

	for (size_t i = 0; i < s->n_sets; i++) {
		if (!s->sets[i].spec_replicas)
			continue;
		active = &s->sets[i];
		n++;
	}
	if (s->new_set && s->new_set->spec_replicas) {
		active = s->new_set;
		n++;
	}
	if (n == 0)
		return s->new_set ? s->new_set : s->n_sets ? &s->sets[s->n_sets - 1] : NULL;
	return n == 1 ? active : NULL;
}

/* A set's part of a change of size, rounded, and never beyond what is left of the change. */
static int64_t proportion(struct deploy_step *s, const struct deploy_set *set, int64_t to_add,
			  int64_t added)
{
	int64_t old_max = 0, new_max = s->replicas + s->max_surge, fraction, left = to_add - added;
	double exact;

	if (!set->spec_replicas || !left)
		return 0;
	if (str_to_i64(object_annotation(set->o, DEPLOY_MAX), &old_max) < 0 || old_max <= 0)
		old_max = (int64_t)jv_i64(jv_get(s->status, "replicas"), s->replicas);
	if (old_max <= 0)
		return 0;
	exact = (double)(set->spec_replicas * new_max) / (double)old_max;
	fraction = (int64_t)(exact + 0.5) - set->spec_replicas;
	return to_add > 0 ? MIN(fraction, left) : MAX(fraction, left);
}

static int by_size(const void *a, const void *b)
{
	const struct deploy_set *x = *(struct deploy_set *const *)a;
	const struct deploy_set *y = *(struct deploy_set *const *)b;

	return x->spec_replicas != y->spec_replicas ? (x->spec_replicas > y->spec_replicas ? -1 : 1)
						    : 0;
}

/* A set that keeps its size still says which size of the Deployment it belongs to. */
static void note_size(struct deploy_step *s, const struct deploy_set *set)
{
	int64_t desired = -1;
	struct plan_op *op;
	struct jw w;

	str_to_i64(object_annotation(set->o, DEPLOY_DESIRED), &desired);
	if (desired == s->replicas)
		return;
	op = plan_add(s->p, "PATCH", &client_replicasets, set->o->ns, set->o->name, NULL);
	w = jw_start(&op->body);
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_key(&w, "annotations");
	jw_begin_object(&w);
	write_sizes(s, &w);
	jw_end_object(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

static void scale_in_proportion(struct deploy_step *s)
{
	CLEANUP_FREE struct deploy_set **v = xcalloc(s->n_sets + 1, sizeof(*v));
	CLEANUP_FREE int64_t *size = xcalloc(s->n_sets + 1, sizeof(*size));
	int64_t allowed = s->replicas > 0 ? s->replicas + s->max_surge : 0, added = 0;
	int64_t to_add = allowed - deploy_total(s, true);
	size_t n = 0;

	if (s->new_set && s->new_set->spec_replicas)
		v[n++] = s->new_set;
	for (size_t i = 0; i < s->n_sets; i++)
		if (s->sets[i].spec_replicas)
			v[n++] = &s->sets[i];
	qsort(v, n, sizeof(struct deploy_set *), by_size);
	for (size_t i = 0; i < n; i++) {
		int64_t part = proportion(s, v[i], to_add, added);

		size[i] = v[i]->spec_replicas + part;
		added += part;
	}
	if (n) /* the largest takes what rounding left */
		size[0] = MAX(size[0] + to_add - added, (int64_t)0);
	for (size_t i = 0; i < n; i++)
		if (!deploy_scale(s, v[i], size[i]))
			note_size(s, v[i]);
}

void deploy_scale_all(struct deploy_step *s)
{
	struct deploy_set *one = only_active(s);

	if (one) {
		if (!deploy_scale(s, one, s->replicas) && one->spec_replicas)
			note_size(s, one);
		return;
	}
	if (s->new_set && s->new_set->spec_replicas == s->replicas &&
	    s->new_set->replicas == s->replicas && s->new_set->available == s->replicas) {
		for (size_t i = 0; i < s->n_sets; i++)
			deploy_scale(s, &s->sets[i], 0);
		return;
	}
	if (!s->recreate)
		scale_in_proportion(s);
}

/* The new set */

static bool is_kept_back(struct str key)
{
	for (size_t i = 0; i < ARRAY_SIZE(kept_back); i++)
		if (str_eqs(key, kept_back[i]))
			return true;
	return false;
}

static int64_t next_revision(const struct deploy_step *s)
{
	int64_t max = 0;

	for (size_t i = 0; i < s->n_sets; i++)
		max = MAX(max, s->sets[i].revision);
	return max + 1;
}

static void note_revision(struct deploy_step *s, int64_t revision)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, revision);
	if (!str_eqs(object_annotation(s->d, DEPLOY_REVISION), text))
		buf_addf(&s->annotations, "\"%s\":\"%s\"", DEPLOY_REVISION, text);
}

static void write_handed_down(struct deploy_step *s, struct jw *w)
{
	jv_for_each_member (m, jv_get(object_meta(s->d), "annotations")) {
		if (is_kept_back(m.key))
			continue;
		jw_keyn(w, m.key);
		jw_raw(w, jv_raw(m.value));
	}
}

static void update_new_set(struct deploy_step *s)
{
	struct deploy_set *n = s->new_set;
	int64_t revision = MAX(n->revision, next_revision(s));
	CLEANUP(buf_done) struct buf history = BUF_INIT;
	bool differs = revision != n->revision, ready_differs;
	struct plan_op *op;
	char text[24];
	struct jw w;

	jv_for_each_member (m, jv_get(object_meta(s->d), "annotations"))
		if (!is_kept_back(m.key) &&
		    !str_eq(jv_raw(m.value),
			    jv_raw(jv_getn(jv_get(object_meta(n->o), "annotations"), m.key))))
			differs = true;
	ready_differs = jv_i64(jv_get(n->spec, "minReadySeconds"), 0) != s->min_ready_s;
	note_revision(s, revision);
	if (!differs && !ready_differs)
		return;
	snprintf(text, sizeof(text), "%" PRId64, revision);
	op = plan_add(s->p, "PATCH", &client_replicasets, n->o->ns, n->o->name, NULL);
	w = jw_start(&op->body);
	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_key(&w, "annotations");
	jw_begin_object(&w);
	write_handed_down(s, &w);
	jw_member_str(&w, DEPLOY_REVISION, str_of(text));
	if (revision != n->revision && n->revision) {
		struct str had = object_annotation(n->o, DEPLOY_REVISION_HISTORY);

		buf_addf(&history, "%.*s%s%" PRId64, STR_ARG(had), had.len ? "," : "", n->revision);
		jw_member_str(&w, DEPLOY_REVISION_HISTORY, buf_str(&history));
	}
	jw_end_object(&w);
	jw_end_object(&w);
	if (ready_differs) {
		jw_key(&w, "spec");
		jw_begin_object(&w);
		jw_member_i64(&w, "minReadySeconds", s->min_ready_s);
		jw_end_object(&w);
	}
	jw_end_object(&w);
	if (!jv_exists(condition_get(jv_of(s->d->bytes), "Progressing")))
		s->progress_reason = "FoundNewReplicaSet";
}

/* The map of labels in `labels` with the hash added. */
static void write_labels(struct jw *w, struct jv labels, const char *hash)
{
	jw_begin_object(w);
	jv_for_each_member (m, labels) {
		if (str_eqs(m.key, DEPLOY_HASH_LABEL))
			continue;
		jw_keyn(w, m.key);
		jw_raw(w, jv_raw(m.value));
	}
	jw_member_str(w, DEPLOY_HASH_LABEL, str_of(hash));
	jw_end_object(w);
}

static void write_template(struct deploy_step *s, struct jw *w, const char *hash)
{
	struct jv template = jv_get(s->spec, "template"), meta = jv_get(template, "metadata");

	jw_begin_object(w);
	jw_key(w, "metadata");
	jw_begin_object(w);
	jw_key(w, "labels");
	write_labels(w, jv_get(meta, "labels"), hash);
	jv_for_each_member (m, meta) {
		if (str_eqs(m.key, "labels"))
			continue;
		jw_keyn(w, m.key);
		jw_raw(w, jv_raw(m.value));
	}
	jw_end_object(w);
	jw_member_raw(w, "spec", jv_raw(jv_get(template, "spec")));
	jw_end_object(w);
}

static void write_selector(struct deploy_step *s, struct jw *w, const char *hash)
{
	struct jv sel = jv_get(s->spec, "selector");

	jw_begin_object(w);
	jw_key(w, "matchLabels");
	write_labels(w, jv_get(sel, "matchLabels"), hash);
	if (jv_exists(jv_get(sel, "matchExpressions")))
		jw_member_raw(w, "matchExpressions", jv_raw(jv_get(sel, "matchExpressions")));
	jw_end_object(w);
}

static void on_set_made(void *user, struct plan_op *op, const struct err *e, struct str body)
{
	struct ctl *c = user;
	struct str text = str_of(op->user_text), name;
	struct object *d;

	if (!e->errnum) {
		on_scaled(user, op, e, body);
		return;
	}
	str_split(&text, '\n', &name);
	d = informer_get_in(informers_get(c->informers, &client_deployments), str_of(op->ns), name);
	if (d && e->errnum != EEXIST)
		recorder_event_for(c->events, &client_deployments, d, EVENT_WARNING,
				   "ReplicaSetCreateError", "Failed to create new replica set: %s",
				   err_text(e));
}

static void write_new_set(struct deploy_step *s, struct buf *out, const char *name,
			  const char *hash, int64_t replicas, int64_t revision)
{
	char text[24];
	struct jw w = jw_start(out);

	snprintf(text, sizeof(text), "%" PRId64, revision);
	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("apps/v1"));
	jw_member_str(&w, "kind", STR("ReplicaSet"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "name", str_of(name));
	jw_member_str(&w, "namespace", s->d->ns);
	jw_key(&w, "labels");
	write_labels(&w, jv_path(s->spec, "template.metadata.labels"), hash);
	jw_key(&w, "annotations");
	jw_begin_object(&w);
	write_handed_down(s, &w);
	jw_member_str(&w, DEPLOY_REVISION, str_of(text));
	write_sizes(s, &w);
	jw_end_object(&w);
	jw_key(&w, "ownerReferences");
	jw_begin_array(&w);
	write_controller_ref(&w, &client_deployments, s->d);
	jw_end_array(&w);
	jw_end_object(&w);
	jw_key(&w, "spec");
	jw_begin_object(&w);
	jw_member_i64(&w, "replicas", replicas);
	if (s->min_ready_s)
		jw_member_i64(&w, "minReadySeconds", s->min_ready_s);
	jw_key(&w, "selector");
	write_selector(s, &w, hash);
	jw_key(&w, "template");
	write_template(s, &w, hash);
	jw_end_object(&w);
	jw_end_object(&w);
}

void deploy_ensure_new_set(struct deploy_step *s)
{
	struct informer *in = informers_get(s->c->informers, &client_replicasets);
	int64_t collisions = jv_i64(jv_get(s->status, "collisionCount"), 0), room, replicas;
	struct object *taken;
	struct plan_op *op;
	char hash[16];

	if (s->new_set) {
		update_new_set(s);
		return;
	}
	hash_name(jv_raw(jv_get(s->spec, "template")), collisions, hash);
	s->new_name = xasprintf("%.*s-%s", STR_ARG(s->d->name), hash);
	taken = informer_get_in(in, s->d->ns, str_of(s->new_name));
	if (taken) {
		/* Another object has the name: the next step hashes with a new salt. */
		s->collision = true;
		return;
	}
	room = s->recreate ? s->replicas : s->replicas + s->max_surge - deploy_total(s, true);
	replicas = MAX(MIN(s->replicas, room), (int64_t)0);
	op = plan_add(s->p, "POST", &client_replicasets, s->d->ns, STR_NULL, NULL);
	write_new_set(s, &op->body, s->new_name, hash, replicas, next_revision(s));
	add_event(s, op, s->new_name, 0, replicas);
	op->result = on_set_made;
	note_revision(s, next_revision(s));
	s->progress_reason = "NewReplicaSetCreated";
}

/* Old revisions */

static int by_revision(const void *a, const void *b)
{
	const struct deploy_set *x = a, *y = b;

	return x->revision != y->revision ? (x->revision < y->revision ? -1 : 1) : by_age(a, b);
}

void deploy_clean_up(struct deploy_step *s)
{
	int64_t limit = jv_i64(jv_get(s->spec, "revisionHistoryLimit"), 10), surplus;
	CLEANUP_FREE struct deploy_set *v = NULL;
	size_t n = 0;

	v = xcalloc(s->n_sets + 1, sizeof(*v));
	for (size_t i = 0; i < s->n_sets; i++)
		if (!object_deleting(s->sets[i].o))
			v[n++] = s->sets[i];
	surplus = (int64_t)n - limit;
	qsort(v, n, sizeof(*v), by_revision);
	for (size_t i = 0; i < n && (int64_t)i < surplus; i++) {
		struct plan_op *op;

		if (v[i].replicas || v[i].spec_replicas ||
		    jv_i64(jv_get(object_meta(v[i].o), "generation"), 0) >
			    jv_i64(jv_get(v[i].status, "observedGeneration"), 0))
			continue;
		op = plan_add(s->p, "DELETE", &client_replicasets, v[i].o->ns, v[i].o->name, NULL);
		op->flags = PLAN_OK_ABSENT;
	}
}
