/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/metrics.h"
#include "lib/base/hmap.h"
#include "master/apiserver/flow.h"
#include "master/apiserver/server.h"

#include <sys/resource.h>

static const double bounds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
				0.1,    0.25,  0.5,    1,     2.5,  5,     10};

/* Custom resources come and go, their series stay: one beyond this many counts with nobody's. */
#define SERIES_MAX 4096u

struct series {
	uint64_t count; /* requests, for counters and histograms alike */
	uint64_t buckets[ARRAY_SIZE(bounds)];
	double sum_s;
};

struct metrics {
	struct hmap *totals; /* `verb="GET",resource="pods",code="200"` -> series */
	struct hmap *times; /* `verb="GET",resource="pods"` -> series */
};

struct metrics *metrics_new(void)
{
	struct metrics *m = NEW(struct metrics);

	m->totals = hmap_new();
	m->times = hmap_new();
	return m;
}

struct metrics *metrics_free(struct metrics *m)
{
	if (!m)
		return NULL;
	hmap_free_full(m->totals, free);
	hmap_free_full(m->times, free);
	free(m);
	return NULL;
}

static struct series *series_of(struct hmap *map, struct str labels)
{
	struct series *s = hmap_get(map, labels);

	if (!s && hmap_len(map) >= SERIES_MAX) {
		labels = STR("verb=\"\",resource=\"\",subresource=\"\",code=\"\"");
		s = hmap_get(map, labels);
	}
	if (!s) {
		s = NEW(struct series);
		hmap_put(map, labels, s);
	}
	return s;
}

void metrics_request(struct metrics *m, const struct request *r)
{
	double took = (double)(clock_mono_ns(r->srv->clock) - r->began_ns) / 1e9;
	char labels[320];
	struct series *s;
	int n;

	/* Only names we serve become labels: what a client makes up must not grow the table. */
	n = snprintf(labels, sizeof(labels), "verb=\"%s\",resource=\"%s\",subresource=\"%s\"",
		     r->info.verb ? r->info.verb : "", r->kind ? r->kind->plural : "",
		     r->sub ? r->sub->name : "");
	if (!r->long_running) {
		s = series_of(m->times, str_n(labels, (size_t)n));
		s->count++;
		s->sum_s += took;
		for (size_t i = 0; i < ARRAY_SIZE(bounds); i++)
			s->buckets[i] += took <= bounds[i];
	}
	n += snprintf(labels + n, sizeof(labels) - (size_t)n, ",code=\"%d\"", r->status);
	series_of(m->totals, str_n(labels, (size_t)n))->count++;
}

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void value(struct buf *out, const char *name, const char *type, const char *help, double v)
{
	head(out, name, type, help);
	buf_addf(out, "%s %.15g\n", name, v);
}

static void write_requests(const struct metrics *m, struct buf *out)
{
	head(out, "apiserver_request_total", "counter", "Requests answered.");
	hmap_for_each (e, m->totals)
		buf_addf(out, "apiserver_request_total{%.*s} %" PRIu64 "\n", STR_ARG(e->key),
			 ((struct series *)e->value)->count);
	head(out, "apiserver_request_duration_seconds", "histogram",
	     "Time from the request's headers to the end of its answer.");
	hmap_for_each (e, m->times) {
		const struct series *s = e->value;

		for (size_t i = 0; i < ARRAY_SIZE(bounds); i++)
			buf_addf(
				out,
				"apiserver_request_duration_seconds_bucket{%.*s,le=\"%g\"} %" PRIu64
				"\n",
				STR_ARG(e->key), bounds[i], s->buckets[i]);
		buf_addf(out,
			 "apiserver_request_duration_seconds_bucket{%.*s,le=\"+Inf\"} %" PRIu64
			 "\napiserver_request_duration_seconds_sum{%.*s} %.9g\n"
			 "apiserver_request_duration_seconds_count{%.*s} %" PRIu64 "\n",
			 STR_ARG(e->key), s->count, STR_ARG(e->key), s->sum_s, STR_ARG(e->key),
			 s->count);
	}
}

static size_t voters(const struct store *store)
{
	struct store_member v[STORE_MEMBERS_MAX];
	size_t n = store_members(store, v, ARRAY_SIZE(v)), count = 0;

	for (size_t i = 0; i < n; i++)
		count += v[i].role == STORE_VOTER;
	return count;
}

static void write_store(const struct apiserver *s, struct buf *out)
{
	struct store_stats st;
	uint64_t by;

	store_stats(s->store, &st);
	value(out, "knarr_store_revision", "counter", "Revision of the last change.",
	      (double)st.rev);
	value(out, "knarr_store_objects", "gauge", "Objects stored.", (double)st.objects);
	value(out, "knarr_store_bytes", "gauge", "Bytes of keys, values and index.",
	      (double)st.bytes);
	value(out, "knarr_store_txns_total", "counter", "Transactions applied.", (double)st.txns);
	value(out, "knarr_store_txns_failed_total", "counter", "Transactions decided against.",
	      (double)st.txns_failed);
	value(out, "knarr_store_log_syncs_total", "counter", "fdatasync calls of the log.",
	      (double)st.log_syncs);
	value(out, "knarr_store_log_bytes_total", "counter", "Bytes written to the log.",
	      (double)st.log_bytes);
	value(out, "knarr_store_snapshots_total", "counter", "Snapshots taken.",
	      (double)st.snapshots);
	value(out, "knarr_store_watches", "gauge", "Watches open.", (double)st.watches);
	value(out, "knarr_store_events_delivered_total", "counter", "Events given to watches.",
	      (double)st.events_delivered);
	value(out, "knarr_store_watches_stale_total", "counter",
	      "Watches ended because they fell behind.", (double)st.watches_stale);
	value(out, "knarr_store_leads", "gauge", "1 where this master leads.",
	      store_role(s->store) == STORE_LEADER);
	value(out, "knarr_store_voters", "gauge", "Masters that vote.", (double)voters(s->store));
	value(out, "knarr_store_raft_term", "counter", "Elections, in a way.",
	      (double)st.raft_term);
	value(out, "knarr_store_raft_index", "counter", "The last log entry applied.",
	      (double)st.raft_index);
	value(out, "knarr_store_installs_total", "counter",
	      "Snapshots taken over from a leader, being far behind.", (double)st.installs);
	value(out, "knarr_store_refused", "gauge",
	      "1 while others want nothing of this master: it has lost its disk, or is of another "
	      "cluster.",
	      store_refused(s->store, &by) != STORE_WELCOME);
	value(out, "knarr_store_disk_full", "gauge", "1 while writes are refused.", st.disk_full);
}

static void write_process(const struct apiserver *s, struct buf *out)
{
	unsigned long pages = 0;
	struct rusage ru;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f) {
		if (fscanf(f, "%*s %lu", &pages) != 1)
			pages = 0;
		fclose(f);
	}
	getrusage(RUSAGE_SELF, &ru);
	value(out, "process_resident_memory_bytes", "gauge", "Resident memory.",
	      (double)pages * (double)sysconf(_SC_PAGESIZE));
	value(out, "process_cpu_seconds_total", "counter", "CPU time used.",
	      (double)ru.ru_utime.tv_sec + (double)ru.ru_stime.tv_sec +
		      (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6);
	value(out, "process_uptime_seconds", "gauge", "Time since the start.",
	      (double)(clock_mono_ns(s->clock) - s->started_ns) / 1e9);
}

void metrics_write(const struct apiserver *s, struct buf *out)
{
	write_requests(s->metrics, out);
	value(out, "apiserver_current_inflight_requests", "gauge", "Requests not over yet.",
	      (double)s->n_requests);
	flow_metrics(s->flow, out);
	write_store(s, out);
	write_process(s, out);
}
