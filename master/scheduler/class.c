/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/class.h"
#include "lib/client/informer.h"
#include "master/scheduler/wants.h"

/* The text of a pod by which its class is found. */
struct draft {
	struct buf *key;
	size_t at[PIECE_MAX + 1];
	struct sched_demand demand;
};

static void begin_piece(struct draft *d, enum sched_piece p)
{
	buf_addc(d->key, '\x1f');
	d->at[p] = d->key->len;
}

static void add_piece(struct draft *d, enum sched_piece p, struct str text)
{
	begin_piece(d, p);
	buf_addstr(d->key, text);
}

static bool binds_to_nodes(struct str source)
{
	static const char *const names[] = {
		"persistentVolumeClaim", "ephemeral", "gcePersistentDisk",
		"awsElasticBlockStore",  "rbd",       "iscsi"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eqs(source, names[i]))
			return true;
	return false;
}

/* Names of volumes are left out, where they matter not: those of tokens differ from pod to pod. */
static void add_volumes(struct draft *d, struct jv volumes)
{
	begin_piece(d, PIECE_VOLUMES);
	jv_for_each (v, volumes)
		jv_for_each_member (m, v.value)
			if (binds_to_nodes(m.key))
				buf_addf(d->key, "%.*s\n", STR_ARG(jv_raw(v.value)));
}

static void add_number(struct draft *d, int64_t v)
{
	buf_add(d->key, &v, sizeof(v));
}

static void add_demand(struct draft *d, const struct jv spec[POD_MEMBERS])
{
	const struct sched_resources *r = &d->demand.requests;

	begin_piece(d, PIECE_IMAGES);
	sched_demand_parse(&d->demand, spec, d->key);
	begin_piece(d, PIECE_DEMAND);
	add_number(d, r->cpu_milli);
	add_number(d, r->mem_bytes);
	add_number(d, r->disk_bytes);
	add_number(d, d->demand.cpu_nonzero);
	add_number(d, d->demand.mem_nonzero);
	for (size_t i = 0; i < r->n_extended; i++) {
		buf_adds(d->key, r->extended[i].name);
		add_number(d, r->extended[i].value);
	}
	for (size_t i = 0; i < d->demand.n_ports; i++) {
		const struct sched_port *p = &d->demand.ports[i];

		buf_addf(d->key, "%s:%c%u", p->ip, p->protocol, p->port);
	}
}

static void write_draft(struct draft *d, const struct object *pod, struct str labels,
			const struct jv spec[POD_MEMBERS])
{
	buf_clear(d->key);
	add_piece(d, PIECE_NS, pod->ns);
	add_piece(d, PIECE_OWNER, informer_by_controller(pod));
	add_piece(d, PIECE_LABELS, labels);
	add_piece(d, PIECE_SELECTOR, jv_raw(spec[POD_SELECTOR]));
	add_piece(d, PIECE_AFFINITY, jv_raw(spec[POD_AFFINITY]));
	add_piece(d, PIECE_TOLERATIONS, jv_raw(spec[POD_TOLERATIONS]));
	add_piece(d, PIECE_SPREAD, jv_raw(spec[POD_SPREAD]));
	add_volumes(d, spec[POD_VOLUMES]);
	add_piece(d, PIECE_CLAIMS, jv_raw(spec[POD_CLAIMS]));
	add_piece(d, PIECE_SCHEDULER, jv_text(spec[POD_SCHEDULER]));
	add_demand(d, spec);
	d->at[PIECE_MAX] = d->key->len + 1;
}

static void carry(struct sched_cache *c, struct sched_class *cl, struct jv term,
		  enum sched_term_kind kind, int32_t weight)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct sched_match m;

	sched_affinity_match(cl, term, &m, &key);
	*ARRAY_PUSH(cl->carried, cl->n_carried, cl->cap_carried) = sched_pod_term_get(
		c, buf_str(&key), kind, weight, jv_text(jv_get(term, "topologyKey")), &m);
}

static void carry_all(struct sched_cache *c, struct sched_class *cl, struct jv affinity,
		      enum sched_term_kind required, enum sched_term_kind preferred)
{
	jv_for_each (t, jv_get(affinity, "requiredDuringSchedulingIgnoredDuringExecution"))
		carry(c, cl, t.value, required, 0);
	jv_for_each (t, jv_get(affinity, "preferredDuringSchedulingIgnoredDuringExecution"))
		carry(c, cl, jv_get(t.value, "podAffinityTerm"), preferred,
		      (int32_t)jv_i64(jv_get(t.value, "weight"), 0));
}

/* Kubernetes' form: a tag is always there. */
static void class_images(struct sched_class *cl)
{
	struct str rest = cl->pieces[PIECE_IMAGES], one;

	while (str_split(&rest, '\n', &one)) {
		if (!one.len)
			continue;
		*ARRAY_PUSH(cl->images, cl->n_images, cl->cap_images) =
			str_rchr(one, ':') <= str_rchr(one, '/')
				? xasprintf("%.*s:latest", STR_ARG(one))
				: str_dup(one);
	}
}

static struct jv piece(const struct sched_class *cl, enum sched_piece p)
{
	return cl->pieces[p].len ? jv_of(cl->pieces[p]) : JV_NONE;
}

static struct sched_class *class_new(struct sched_cache *c, struct draft *d)
{
	struct sched_class *cl = NEW(struct sched_class);
	struct jv affinity;

	cl->key = xmemdup(d->key->p, d->key->len);
	cl->key_len = d->key->len;
	for (int i = 0; i < PIECE_MAX; i++)
		cl->pieces[i] = str_n(cl->key + d->at[i], d->at[i + 1] - 1 - d->at[i]);
	cl->demand = d->demand;
	cl->labels = piece(cl, PIECE_LABELS);
	affinity = piece(cl, PIECE_AFFINITY);
	sched_spec_parse(&cl->spec, piece(cl, PIECE_SELECTOR), jv_get(affinity, "nodeAffinity"),
			 piece(cl, PIECE_TOLERATIONS));
	class_images(cl);
	cl->ns = sched_cache_ns(c, cl->pieces[PIECE_NS]);
	list_init(&cl->pods);
	carry_all(c, cl, jv_get(affinity, "podAffinity"), TERM_AFFINITY, TERM_PREFER);
	carry_all(c, cl, jv_get(affinity, "podAntiAffinity"), TERM_ANTI, TERM_AVOID);
	sched_count_class(c, cl);
	list_append(&cl->ns->classes, &cl->in_ns);
	hmap_put(c->classes, buf_str(d->key), cl);
	return cl;
}

struct sched_class *sched_class_of(struct sched_cache *c, const struct object *pod,
				   struct str labels, const struct jv spec[POD_MEMBERS])
{
	struct draft d = {.key = &c->scratch};
	struct sched_class *cl;

	write_draft(&d, pod, labels, spec);
	cl = hmap_get(c->classes, buf_str(d.key));
	if (!cl)
		return class_new(c, &d);
	sched_demand_done(&d.demand);
	return cl;
}

void sched_class_add(struct sched_cache *c, struct sched_class *cl, struct sched_pod *p)
{
	p->class = cl;
	cl->n_pods++;
	list_append(&cl->pods, &p->in_class);
}

static void class_free(struct sched_cache *c, struct sched_class *cl)
{
	list_remove(&cl->in_ns);
	hmap_del(c->classes, str_n(cl->key, cl->key_len));
	sched_wants_free(c, cl);
	for (size_t i = 0; i < cl->n_carried; i++)
		sched_pod_term_unref(c, cl->carried[i]);
	sched_spec_done(&cl->spec);
	sched_demand_done(&cl->demand);
	for (size_t i = 0; i < cl->n_images; i++)
		free(cl->images[i]);
	free(cl->images);
	free(cl->carried);
	free(cl->sets);
	free(cl->met);
	free(cl->key);
	free(cl);
}

void sched_class_remove(struct sched_cache *c, struct sched_pod *p)
{
	struct sched_class *cl = TAKE(p->class);

	list_remove(&p->in_class);
	if (!--cl->n_pods)
		class_free(c, cl);
}
