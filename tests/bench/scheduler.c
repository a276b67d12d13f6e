/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "master/scheduler/framework.h"
/*
 * Decisions a second: pods placed one after the other on many nodes, each decision with all filters
 * and scores, counted on its node before the next one (as the scheduler assumes them). Nothing of
 * the API is in it. The peer is the mark of DESIGN.md.
 */
#define MARK 10000.0

static struct object *object_from(struct buf *b)
{
	return object_new(blob_copy(buf_str(b)));
}

static void add_nodes(struct sched_cache *c, int n)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	for (int i = 0; i < n; i++) {
		struct object *o;

		buf_clear(&b);
		buf_addf(&b,
			 "{\"metadata\":{\"name\":\"node-%d\",\"labels\":{\"kubernetes.io/"
			 "hostname\":"
			 "\"node-%d\",\"zone\":\"%d\",\"kubernetes.io/"
			 "os\":\"linux\",\"disk\":\"%s\"}},\"spec\":{"
			 "\"taints\":[%s]},\"status\":{\"allocatable\":{\"cpu\":\"32\",\"memory\":"
			 "\"128Gi\",\"ephemeral-storage\":\"200Gi\",\"pods\":\"110\"}}}",
			 i, i, i % 3, i % 2 ? "ssd" : "hdd",
			 i % 10 ? "" : "{\"key\":\"gpu\",\"effect\":\"NoSchedule\"}");
		o = object_from(&b);
		sched_cache_node(c, o);
		object_unref(o);
	}
}

/* What pods ask for beside resources: PLAIN nothing. */
enum wish { PLAIN, SELECTOR, SPREAD, APART };
static const char *const wishes[] = {
	[PLAIN] = "",
	[SELECTOR] = "\"nodeSelector\":{\"disk\":\"ssd\",\"kubernetes.io/os\":\"linux\"},",
	[SPREAD] = "\"topologySpreadConstraints\":[{\"maxSkew\":1,\"topologyKey\":\"zone\","
		   "\"whenUnsatisfiable\":\"DoNotSchedule\",\"labelSelector\":{\"matchLabels\":{"
		   "\"app\":\"%d\"}}},{\"maxSkew\":1,\"topologyKey\":\"kubernetes.io/hostname\","
		   "\"whenUnsatisfiable\":\"ScheduleAnyway\",\"labelSelector\":{\"matchLabels\":{"
		   "\"app\":\"%d\"}}}],",
	[APART] =
		"\"affinity\":{\"podAntiAffinity\":{"
		"\"requiredDuringSchedulingIgnoredDuringExecution\":[{\"topologyKey\":"
		"\"kubernetes.io/hostname\",\"labelSelector\":{\"matchLabels\":{\"app\":\"%d\"}}}],"
		"\"preferredDuringSchedulingIgnoredDuringExecution\":[{\"weight\":10,"
		"\"podAffinityTerm\":{\"topologyKey\":\"zone\",\"labelSelector\":{\"matchLabels\":{"
		"\"app\":\"%d\"}}}}]}},",
};

/* Each %d of a wish is the application's number. */
static void add_wish(struct buf *b, const char *wish, int app)
{
	for (; *wish; wish++) {
		if (wish[0] == '%' && wish[1] == 'd') {
			buf_addu64(b, (uint64_t)app);
			wish++;
		} else {
			buf_addc(b, *wish);
		}
	}
}

static struct sched_pod *add_pod(struct sched_cache *c, int i, int owner, enum wish wish)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct sched_pod *p;
	struct object *o;

	buf_addf(&b,
		 "{\"metadata\":{\"name\":\"pod-%d\",\"namespace\":\"x\",\"labels\":{\"app\":\"%"
		 "d\"},"
		 "\"ownerReferences\":[{\"controller\":true,\"uid\":\"rs-%d\"}]},\"spec\":{",
		 i, owner, owner);
	add_wish(&b, wishes[wish], owner);
	buf_adds(&b,
		 "\"containers\":[{\"name\":\"c\",\"resources\":{\"requests\":{\"cpu\":\"250m\","
		 "\"memory\":\"512Mi\"}}}],\"tolerations\":[{\"key\":\"node.kubernetes.io/"
		 "not-ready\","
		 "\"operator\":\"Exists\",\"effect\":\"NoExecute\",\"tolerationSeconds\":300}]}}");
	o = object_from(&b);
	p = sched_cache_pod(c, o, NULL);
	object_unref(o);
	return p;
}

static void measure(const char *name, int n_nodes, int n_pods, enum wish wish)
{
	struct sched_framework fw = {0};
	struct sched_profile profile;
	struct sched_cache c;
	struct sched_pod **pods = xcalloc((size_t)n_pods, sizeof(struct sched_pod *));
	uint64_t start_ns, ns;
	int placed = 0;
	double rate;

	sched_cache_init(&c);
	sched_profile_default(&profile, "default-scheduler");
	add_nodes(&c, n_nodes);
	for (int i = 0; i < n_pods; i++)
		pods[i] = add_pod(&c, i, i / 50, wish);
	start_ns = clock_mono_ns(&clock_system);
	for (int i = 0; i < n_pods; i++) {
		struct sched_node *n = sched_decide(&fw, &c, &profile, pods[i]);

		if (!n)
			continue;
		sched_cache_assume(&c, pods[i], n);
		placed++;
	}
	ns = clock_mono_ns(&clock_system) - start_ns;
	rate = placed / ((double)ns / (double)NSEC_PER_SEC);
	printf("{\"name\":\"scheduler: %s\",\"value\":%.0f,\"unit\":\"pods/s\",\"peer\":\"mark\","
	       "\"peer_value\":%.0f,\"ratio\":%.2f}\n",
	       name, rate, MARK, rate / MARK);
	sched_framework_done(&fw);
	sched_cache_done(&c);
	sched_profile_done(&profile);
	free(pods);
}

int main(void)
{
	measure("1,000 nodes, 30,000 pods", 1000, 30000, PLAIN);
	measure("1,000 nodes, 30,000 pods with node selectors", 1000, 30000, SELECTOR);
	measure("5,000 nodes, 30,000 pods", 5000, 30000, PLAIN);
	measure("5,000 nodes, 30,000 pods spread over zones and nodes", 5000, 30000, SPREAD);
	measure("5,000 nodes, 30,000 pods with anti-affinity", 5000, 30000, APART);
	return 0;
}
