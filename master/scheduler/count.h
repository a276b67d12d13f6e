/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SCHEDULER_COUNT_H
#define KNARR_SCHEDULER_COUNT_H
#include "lib/api/labels.h"
#include "master/scheduler/cache.h"
/*
 * Counts of pods by zone, node or any other label of nodes, kept while pods come and go, so that
 * no decision ever walks over pods.
 *
 *	match	which pods: namespaces and a label selector
 *	set	pods that fulfil matches (or carry a term), counted by node
 *	topo	the values of one node label, numbered: domains
 *	elig	nodes that count for a constraint (its pod's selector, tolerations, labels)
 *	tally	a set by the domains of a topo, over the nodes of an elig
 *	term	an (anti-)affinity term that pods carry, with the tally of its carriers: how the
 *		pods that are there feel about one that comes
 *
 * All are shared by their text and counted references. Classes know the sets that count their pods
 * and the terms that match them, so placing a pod costs as many additions as there are of these.
 */
struct sched_match {
	struct label_selector sel;
	char **ns;
	size_t n_ns, cap_ns;
	bool any_ns; /* every namespace */
	bool by_label; /* and those whose labels fulfil ns_sel */
	struct label_selector ns_sel;
};
/* In addition to sel.reqs: key in (value), or not in. */
void sched_selector_add(struct label_selector *s, struct str key, struct str value, bool in);
void sched_match_done(struct sched_match *m);
bool sched_match_class(const struct sched_match *m, const struct sched_class *cl);

#define SCHED_NO_DOMAIN UINT32_MAX
struct sched_topo {
	struct list node;
	char *key;
	struct hmap *values; /* value -> domain + 1 */
	struct sched_domain {
		char *value;
		uint32_t nodes; /* with this label; 0: free */
	} * domains;
	uint32_t n_domains, cap_domains, *spare;
	size_t n_spare, cap_spare;
	uint32_t *of; /* domain by node slot */
	uint32_t refs;
};

struct sched_set {
	struct list node;
	char *key;
	struct sched_match *matches; /* all must hold */
	size_t n_matches;
	struct sched_pod_term *carried; /* instead of matches: the pods with this term */
	bool live; /* pods being deleted don't count */
	uint32_t *on; /* pods by node slot */
	struct sched_tally **tallies;
	size_t n_tallies, cap_tallies;
	uint32_t refs;
};

struct sched_elig {
	struct list node;
	char *key, *text;
	struct sched_spec spec; /* points into text */
	bool affinity, taints;
	struct str *labels; /* keys which a node must have; in text */
	size_t n_labels;
	uint64_t *bits;
	uint32_t refs;
};

struct sched_tally {
	struct list node;
	struct sched_set *set;
	struct sched_topo *topo;
	struct sched_elig *elig; /* NULL: all nodes */
	uint32_t *n; /* pods by domain */
	uint32_t *nodes; /* by domain; 0: the domain is not there */
	uint32_t cap, n_domains;
	uint64_t total;
	uint32_t min, at_min; /* at_min 0: min is not known */
	uint32_t refs;
};

enum sched_term_kind { TERM_AFFINITY, TERM_ANTI, TERM_PREFER, TERM_AVOID };
struct sched_pod_term {
	struct list node;
	char *key;
	enum sched_term_kind kind;
	int32_t weight; /* of the preferred kinds */
	struct sched_match match;
	struct sched_tally *carriers;
	uint32_t refs;
};

struct sched_counts {
	struct list topos, sets, eligs, tallies, terms;
	struct hmap *topo_by, *set_by, *elig_by, *term_by;
	struct sched_set **wide_sets; /* not of one namespace alone */
	struct sched_pod_term **wide_terms;
	size_t n_wide_sets, cap_wide_sets, n_wide_terms, cap_wide_terms;
};
struct sched_counts *sched_counts_new(void);
void sched_counts_free(struct sched_counts *k);

/*
 * Each gives a reference. What is passed in by pointer is taken, `key` (the text that tells it from
 * others) is borrowed.
 */
struct sched_set *sched_set_get(struct sched_cache *c, struct str key, struct sched_match *matches,
				size_t n, bool live);
void sched_set_unref(struct sched_cache *c, struct sched_set *s);
struct sched_elig *sched_elig_get(struct sched_cache *c, const struct sched_class *cl,
				  bool affinity, bool taints, struct str labels /* "a\nb\n" */);
void sched_elig_unref(struct sched_cache *c, struct sched_elig *e);
struct sched_tally *sched_tally_get(struct sched_cache *c, struct sched_set *s, struct str topo_key,
				    struct sched_elig *e);
struct sched_tally *sched_tally_unref(struct sched_cache *c, struct sched_tally *t);
struct sched_pod_term *sched_pod_term_get(struct sched_cache *c, struct str key,
					  enum sched_term_kind kind, int32_t weight,
					  struct str topo_key, struct sched_match *match);
void sched_pod_term_unref(struct sched_cache *c, struct sched_pod_term *t);

/* Fewest pods in a domain that is there; 0 when there is none. */
uint32_t sched_tally_min(struct sched_tally *t);
static inline uint32_t sched_tally_domain(const struct sched_tally *t, const struct sched_node *n)
{
	return t->topo->of[n->slot];
}
/* Pods in the domain of n; 0 when it has none. */
static inline uint32_t sched_tally_at(const struct sched_tally *t, const struct sched_node *n)
{
	uint32_t d = t->topo->of[n->slot];

	return d == SCHED_NO_DOMAIN ? 0 : t->n[d];
}

/* The cache's calls: a pod came to or left (sign) a node; a node's labels and taints are about to
 * change or vanish (leave), or have changed or come (enter); there are more slots. */
void sched_count_pod(struct sched_cache *c, const struct sched_pod *p, const struct sched_node *n,
		     int sign);
void sched_count_leave(struct sched_cache *c, const struct sched_node *n);
void sched_count_enter(struct sched_cache *c, const struct sched_node *n);
void sched_count_grow(struct sched_cache *c, uint32_t old_cap);
/* A class is new, or its namespace has other labels (its pods must not be counted meanwhile). */
void sched_count_class(struct sched_cache *c, struct sched_class *cl);
#endif
