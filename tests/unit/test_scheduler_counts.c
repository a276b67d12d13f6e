/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/scheduler/framework.h"
#include "tests/unit/test.h"
/*
 * What the scheduler counts as things come and go, against a count from nothing after every step of
 * a random history: nodes that change labels and taints or vanish, pods that come, are placed, are
 * deleted, change labels, namespaces that change labels.
 */

static uint64_t seed;
static uint64_t below(uint64_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % n;
}

static struct sched_cache c;
static struct sched_framework fw;
static struct sched_profile profile;
static struct buf b;

static struct object *object(void)
{
	return object_new(blob_copy(buf_str(&b)));
}

static void node(int i)
{
	struct object *o;

	buf_clear(&b);
	buf_addf(&b,
		 "{\"metadata\":{\"name\":\"n%d\",\"labels\":{\"h\":\"n%d\"%s%c%s}},\"spec\":{"
		 "\"unschedulable\":%s,\"taints\":[%s]},\"status\":{\"allocatable\":{\"cpu\":\"8\","
		 "\"memory\":\"8Gi\",\"pods\":\"%d\"}}}",
		 i, i, below(5) ? ",\"zone\":\"" : ",\"other\":\"", (char)('a' + below(3)), "\"",
		 below(6) ? "false" : "true",
		 below(4) ? "" : "{\"key\":\"k\",\"effect\":\"NoSchedule\"}", 5 + (int)below(9));
	o = object();
	sched_cache_node(&c, o);
	object_unref(o);
}

static void namespace(int i)
{
	struct object *o;

	buf_clear(&b);
	buf_addf(&b, "{\"metadata\":{\"name\":\"x%d\",\"labels\":{\"team\":\"%d\"}}}", i,
		 (int)below(2));
	o = object();
	sched_cache_namespace(&c, o->name, o);
	object_unref(o);
}

#define SEL "\"labelSelector\":{\"matchLabels\":{\"app\":\"a\"}}"
static const char *const wishes[] = {
	"",
	"\"topologySpreadConstraints\":[{\"maxSkew\":1,\"topologyKey\":\"zone\","
	"\"whenUnsatisfiable\":"
	"\"DoNotSchedule\"," SEL "},{\"maxSkew\":2,\"topologyKey\":\"h\",\"whenUnsatisfiable\":"
	"\"ScheduleAnyway\"," SEL ",\"nodeTaintsPolicy\":\"Honor\"}],",
	"\"nodeSelector\":{\"zone\":\"a\"},\"topologySpreadConstraints\":[{\"maxSkew\":2,"
	"\"topologyKey\":\"h\",\"whenUnsatisfiable\":\"DoNotSchedule\"," SEL
	",\"matchLabelKeys\":[\"rev\"]}],",
	"\"affinity\":{\"podAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":[{" SEL
	",\"topologyKey\":\"zone\",\"namespaceSelector\":{\"matchLabels\":{\"team\":\"1\"}}}]}},",
	"\"affinity\":{\"podAntiAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":["
	"{" SEL ",\"topologyKey\":\"h\",\"namespaces\":[\"x0\",\"x1\"]}],"
	"\"preferredDuringSchedulingIgnoredDuringExecution\":[{\"weight\":3,\"podAffinityTerm\":"
	"{" SEL ",\"topologyKey\":\"zone\",\"mismatchLabelKeys\":[\"rev\"]}}]}},",
};

static void pod(int i, const char *on, bool deleting)
{
	struct object *o;

	buf_clear(&b);
	buf_addf(&b,
		 "{\"metadata\":{\"name\":\"p%d\",\"namespace\":\"x%d\",\"labels\":{\"app\":\"%c\","
		 "\"rev\":\"%d\"}%s},\"spec\":{%s\"priority\":%d,\"containers\":[{\"resources\":{"
		 "\"requests\":{\"cpu\":\"%dm\",\"e/x\":\"0\"}}}]%s%s%s}}",
		 i, i % 3, below(3) ? 'a' : 'b', (int)below(2),
		 deleting ? ",\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"" : "",
		 wishes[below(ARRAY_SIZE(wishes))], (int)below(3), 100 * (int)below(9),
		 on ? ",\"nodeName\":\"" : "", on ? on : "", on ? "\"" : "");
	o = object();
	sched_cache_pod(&c, o, NULL);
	object_unref(o);
}

static bool in_set(const struct sched_set *s, const struct sched_class *cl)
{
	size_t n = 0;

	if (s->carried) {
		for (size_t i = 0; i < cl->n_carried; i++)
			n += cl->carried[i] == s->carried;
		return n > 0;
	}
	for (size_t i = 0; i < s->n_matches; i++)
		n += sched_match_class(&s->matches[i], cl);
	return n == s->n_matches;
}

static bool eligible(const struct sched_elig *e, const struct sched_node *n)
{
	for (size_t i = 0; e && i < e->n_labels; i++)
		if (str_is_null(sched_node_label(n, e->labels[i])))
			return false;
	return !e || ((!e->affinity || sched_spec_selects(&e->spec, n)) &&
		      (!e->taints || sched_tolerates_node(&e->spec, n)));
}

static void check_tally(struct sched_tally *t)
{
	uint32_t *pods = xcalloc(t->topo->n_domains + 1, sizeof(*pods));
	uint32_t *nodes = xcalloc(t->topo->n_domains + 1, sizeof(*nodes));
	uint32_t domains = 0, min = UINT32_MAX;
	uint64_t total = 0;

	for (size_t i = 0; i < c.n_nodes; i++) {
		struct sched_node *n = c.nodes[i];
		struct str value = sched_node_label(n, str_of(t->topo->key));
		uint32_t d = t->topo->of[n->slot];

		assert_int_equal(str_is_null(value), d == SCHED_NO_DOMAIN);
		if (str_is_null(value))
			continue;
		assert_true(str_eqs(value, t->topo->domains[d].value));
		if (!eligible(t->elig, n))
			continue;
		nodes[d]++;
		list_for_each (it, &n->pods) {
			struct sched_pod *p = list_entry(it, struct sched_pod, on_node);

			if (!in_set(t->set, p->class) || (t->set->live && p->deleting))
				continue;
			pods[d]++;
			total++;
		}
	}
	for (uint32_t d = 0; d < t->topo->n_domains; d++) {
		assert_int_equal(nodes[d], t->nodes[d]);
		assert_int_equal(pods[d], t->n[d]);
		domains += nodes[d] > 0;
		if (nodes[d])
			min = MIN(min, pods[d]);
	}
	assert_int_equal(total, t->total);
	assert_int_equal(domains, t->n_domains);
	assert_int_equal(sched_tally_min(t), domains ? min : 0);
	free(pods);
	free(nodes);
}

static void check_node(const struct sched_node *n)
{
	int64_t cpu = 0;
	size_t pods = 0;

	list_for_each (it, &n->pods) {
		cpu += list_entry(it, struct sched_pod, on_node)->class->demand.requests.cpu_milli;
		pods++;
	}
	assert_int_equal(cpu, n->used.cpu_milli);
	assert_int_equal(pods, n->n_pods);
}

static void check_met(const struct sched_class *cl)
{
	size_t n = 0;

	list_for_each (it, &c.counts->terms)
		n += sched_match_class(&list_entry(it, struct sched_pod_term, node)->match, cl);
	assert_int_equal(n, cl->n_met);
}

static void check(void)
{
	list_for_each (it, &c.counts->tallies)
		check_tally(list_entry(it, struct sched_tally, node));
	for (size_t i = 0; i < c.n_nodes; i++)
		check_node(c.nodes[i]);
	hmap_for_each (e, c.classes)
		check_met(e->value);
}

/* A decision, and what the fast way said must be what the slow one says. */
static void decide(struct sched_pod *p)
{
	struct sched_node *n = sched_decide(&fw, &c, &profile, p);

	for (size_t i = 0; i < c.n_nodes; i++) {
		bool fits = sched_fits(&fw.cy, c.nodes[i]);

		fw.cy.explain = true; /* all filters anew, nothing remembered */
		assert_int_equal(fits, sched_fits(&fw.cy, c.nodes[i]));
		fw.cy.explain = false;
		if (!n && !p->nominated)
			assert_false(fits);
	}
	if (!n)
		return;
	assert_true(sched_fits(&fw.cy, n));
	if (below(4))
		sched_cache_assume(&c, p, n);
	else
		sched_cache_nominate(&c, p, n);
}

static struct sched_pod *find(int i)
{
	char key[32];

	snprintf(key, sizeof(key), "x%d/p%d", i % 3, i);
	return sched_cache_find(&c, str_of(key));
}

static void step(void)
{
	int i = (int)below(60);
	struct sched_pod *p = find(i);
	char name[32];

	snprintf(name, sizeof(name), "n%d", (int)below(12));
	switch (below(12)) {
	case 0:
		node((int)below(12));
		break;
	case 1:
		if (!below(3))
			sched_cache_node_gone(&c, str_of(name));
		break;
	case 2:
		namespace
		((int)below(3));
		break;
	case 3:
		if (p)
			sched_cache_pod_gone(&c, p->obj->key);
		break;
	case 4:
		if (p && p->state != SCHED_PENDING)
			pod(i, p->node ? p->node->own_name : name, true);
		break;
	case 5:
		if (!p)
			pod(i, name, false); /* bound by somebody else */
		break;
	case 6:
		if (p)
			sched_cache_forget(&c, p);
		break;
	default:
		if (!p)
			pod(i, NULL, false);
		else if (p->state == SCHED_PENDING)
			decide(p);
	}
}

static void history(uint64_t with, int steps)
{
	seed = with;
	sched_cache_init(&c);
	sched_profile_default(&profile, "default-scheduler");
	fw.random = with + 1;
	for (int i = 0; i < 8; i++)
		node(i);
	for (int i = 0; i < steps; i++) {
		step();
		check();
	}
	sched_framework_done(&fw);
	sched_cache_done(&c);
	sched_profile_done(&profile);
}

static void test_histories(void **state)
{
	b = BUF_INIT;
	for (uint64_t s = 1; s <= 20; s++)
		history(s, 400);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_histories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
