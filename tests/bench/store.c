/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/clock.h"
#include "lib/sys/file.h"
#include "master/store/store.h"

#include <malloc.h>
#include <sys/wait.h>
#include <uv.h>
/*
 * Durable puts per second with 1, 16 and 64 clients in a closed loop, beside a loop of writes and
 * fdatasync on the same disk; memory and restart time with 50,000 objects of 4.9 KB.
 *
 *	store [DIR [SECONDS]]		JSON lines
 */
#define VALUE 1024u
#define BIG_OBJECTS 50000u
#define BIG_VALUE 4900u

static double seconds = 2;
static char dir[200];

static double now_s(void)
{
	return (double)clock_mono_ns(&clock_system) / 1e9;
}

static void line(const char *name, double value, const char *unit, const char *peer,
		 double peer_value)
{
	printf("{\"name\":\"%s\",\"value\":%.4g,\"unit\":\"%s\"", name, value, unit);
	if (peer)
		printf(",\"peer\":\"%s\",\"peer_value\":%.4g,\"ratio\":%.3g", peer, peer_value,
		       value / peer_value);
	else
		printf(",\"peer\":null,\"peer_value\":null,\"ratio\":null");
	printf("}\n");
	fflush(stdout);
}

/* The disk's own pace: 1 KB into blocks that are written already, one sync each. */
static double sync_loop(void)
{
	CLEANUP_FREE char *path = xasprintf("%s/sync-loop", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	static char block[1 << 20];
	double start, end;
	unsigned n = 0;

	for (int i = 0; i < 16; i++)
		if (pwrite(fd, block, sizeof(block), (off_t)i * (off_t)sizeof(block)) < 0)
			return 0;
	fsync(fd);
	start = now_s();
	end = start + seconds / 2;
	while (now_s() < end) {
		if (pwrite(fd, block, VALUE, (off_t)n * VALUE % (15 << 20)) < 0 ||
		    fdatasync(fd) < 0)
			return 0;
		n++;
	}
	end = now_s();
	close(fd);
	unlink(path);
	return n / (end - start);
}

struct client {
	struct bench *b;
	unsigned n, id;
	double asked;
};

struct bench {
	uv_loop_t loop;
	struct store *s;
	struct client clients[64];
	char value[BIG_VALUE + 1];
	double until;
	unsigned done, running, keys;
	size_t value_len;
	float *latency;
};

static void open_store(struct bench *b)
{
	struct store_conf conf = {.dir = dir, .loop = &b->loop};
	struct err err = ERR_INIT;

	uv_loop_init(&b->loop);
	if (store_open(&conf, &b->s, &err) < 0) {
		fprintf(stderr, "bench: %s\n", err_text(&err));
		exit(1);
	}
}

static void close_store(struct bench *b)
{
	store_close(b->s);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	uv_loop_close(&b->loop);
}

static void ask(struct client *c);

static void answered(void *user, const struct store_result *r)
{
	struct client *c = user;
	double now = now_s();

	if (r->err) {
		fprintf(stderr, "bench: put: %s\n", strerror(-r->err));
		exit(1);
	}
	if (c->b->latency && c->b->done < 4000000)
		c->b->latency[c->b->done] = (float)(now - c->asked);
	c->b->done++;
	if (now < c->b->until)
		ask(c);
	else
		c->b->running--;
}

static void ask(struct client *c)
{
	struct store_op op = {.type = STORE_PUT, .expect = STORE_ANY, .rv_at = 20};
	char key[64];
	int r;

	snprintf(key, sizeof(key), "/core/pods/ns-%u/pod-%u", c->id, c->n++ % 1000);
	op.key = str_of(key);
	op.value = str_n(c->b->value, VALUE);
	c->asked = now_s();
	r = store_txn(c->b->s, &op, 1, answered, c);
	if (r < 0) {
		fprintf(stderr, "bench: store_txn: %s\n", strerror(-r));
		exit(1);
	}
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

static void puts_with(struct bench *b, unsigned clients)
{
	CLEANUP_FREE char *name = xasprintf("store_puts_%u_clients", clients);
	CLEANUP_FREE char *p99 = xasprintf("store_puts_%u_clients_p99", clients);
	double peer = sync_loop(), start = now_s();

	b->done = 0;
	b->running = clients;
	b->until = start + seconds;
	for (unsigned i = 0; i < clients; i++) {
		b->clients[i] = (struct client){.b = b, .id = i};
		ask(&b->clients[i]);
	}
	while (b->running)
		uv_run(&b->loop, UV_RUN_ONCE);
	line(name, b->done / (now_s() - start), "1/s", "fdatasync loop", (peer + sync_loop()) / 2);
	qsort(b->latency, b->done, sizeof(float), by_value);
	line(p99, b->latency[(size_t)(b->done * 0.99)] * 1000, "ms", NULL, 0);
}

static double rss_mib(void)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	unsigned long size = 0, rss = 0;

	if (file_read(AT_FDCWD, "/proc/self/statm", 4096, &b) == 0)
		(void)!sscanf(b.p, "%lu %lu", &size, &rss);
	return (double)rss * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static void filled(void *user, const struct store_result *r)
{
	struct bench *b = user;

	if (!r->err)
		b->done++;
	b->running--;
}

#define WATCHERS 5000u

static void saw(void *user, const struct store_event *ev, int err)
{
	struct bench *b = user;

	(void)err;
	b->done += ev != NULL;
}

static void one_put(struct bench *b, const char *key)
{
	struct store_op op = {.type = STORE_PUT, .expect = STORE_ANY, .rv_at = 20};

	op.key = str_of(key);
	op.value = str_n(b->value, VALUE);
	b->running = 1;
	store_txn(b->s, &op, 1, filled, b);
	while (b->running)
		uv_run(&b->loop, UV_RUN_ONCE);
}

/* What 5,000 watches cost: an event that all get, and one that none of them gets. */
static void watches(struct bench *b)
{
	static struct store_watch *w[WATCHERS];
	struct store_watch_spec spec = {.prefix = STR("/core/nodes/"), .from_rev = store_rev(b->s)};
	struct store_stats st;
	double start;

	for (unsigned i = 0; i < WATCHERS; i++)
		if (store_watch(b->s, &spec, saw, b, &w[i]) < 0)
			exit(1);
	one_put(b, "/core/pods/d/none"); /* all have caught up when it is back, or soon after */
	for (int i = 0; i < 1000; i++)
		uv_run(&b->loop, UV_RUN_NOWAIT);
	one_put(b, "/core/nodes//n1");
	b->done = 0;
	start = now_s();
	one_put(b, "/core/nodes//n1");
	for (;;) {
		store_stats(b->s, &st);
		if (st.events_delivered >= 2 * WATCHERS)
			break;
		uv_run(&b->loop, UV_RUN_NOWAIT);
	}
	line("store_event_to_5000_watches", (now_s() - start) * 1000, "ms", NULL, 0);
	for (unsigned i = 0; i < WATCHERS; i++)
		store_unwatch(w[i]);
}

static void fill(struct bench *b)
{
	b->done = b->running = 0;
	for (unsigned i = 0; i < BIG_OBJECTS;) {
		struct store_op op = {.type = STORE_PUT, .expect = STORE_ANY, .rv_at = 20};
		char key[64];

		snprintf(key, sizeof(key), "/core/pods/ns-%u/big-%u", i % 50, i);
		op.key = str_of(key);
		op.value = str_n(b->value, BIG_VALUE);
		if (b->running < 256 && store_txn(b->s, &op, 1, filled, b) == 0) {
			b->running++;
			i++;
		} else {
			uv_run(&b->loop, UV_RUN_ONCE);
		}
	}
	while (b->running)
		uv_run(&b->loop, UV_RUN_ONCE);
}

/* Restart in a process of its own, so that its memory is that of a fresh start. */
static void restart(struct bench *b)
{
	pid_t pid = fork();

	if (pid == 0) {
		double start = now_s(), took, base = rss_mib();
		struct store_stats st;

		open_store(b);
		took = now_s() - start;
		store_stats(b->s, &st);
		line("store_restart_50000", took, "s", NULL, 0);
		line("store_memory_50000", rss_mib() - base, "MiB", "bytes of the objects",
		     (double)st.bytes / (1 << 20));
		if (st.objects < BIG_OBJECTS)
			fprintf(stderr, "bench: only %" PRIu64 " objects\n", st.objects);
		close_store(b);
		exit(0);
	}
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	static struct bench b;
	static const unsigned clients[] = {1, 16, 64};

	snprintf(dir, sizeof(dir), "%s/knarr-bench-store-XXXXXX", argc > 1 ? argv[1] : "/var/tmp");
	if (!mkdtemp(dir))
		return 1;
	if (argc > 2)
		seconds = strtod(argv[2], NULL);
	memset(b.value, 'x', BIG_VALUE);
	b.latency = xcalloc(4000000, sizeof(float));
	open_store(&b);
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		puts_with(&b, clients[i]);
	free(TAKE(b.latency));
	watches(&b);
	fill(&b);
	close_store(&b);
	malloc_trim(0);
	restart(&b);
	dir_remove_tree(AT_FDCWD, dir);
	return 0;
}
