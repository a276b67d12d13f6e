/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/sim/sim.h"

#include "lib/base/log.h"

#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/time.h>

#define EPOCH_NS (1767225600ll * (int64_t)NSEC_PER_SEC) /* 2026-01-01 */
#define QUIET_MAX 20000u /* turns of one process at one instant */

struct world world;

/* ---- chance ---- */

static uint64_t splitmix(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint64_t rnd(void)
{
	return splitmix(&world.rng);
}

uint64_t below(uint64_t n)
{
	return n ? rnd() % n : 0;
}

bool chance(unsigned per_1000)
{
	return below(1000) < per_1000;
}

/* ---- what the code under test asks of the system ---- */

static uint64_t mono_of(const struct proc *p)
{
	return world.now_ns + (p ? p->mono_base_ns : 0);
}

static int64_t real_of(const struct proc *p)
{
	return EPOCH_NS + (int64_t)world.now_ns + (p ? p->skew_ns : 0);
}

/* libuv's and libc's callers end here, too: the program's symbols come first. */
int clock_gettime(clockid_t id, struct timespec *ts)
{
	uint64_t ns;

	if (!world.started || id == CLOCK_PROCESS_CPUTIME_ID || id == CLOCK_THREAD_CPUTIME_ID)
		return (int)syscall(SYS_clock_gettime, id, ts);
	ns = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE ? (uint64_t)real_of(world.cur)
								 : mono_of(world.cur);
	*ts = (struct timespec){(time_t)(ns / NSEC_PER_SEC), (long)(ns % NSEC_PER_SEC)};
	return 0;
}

time_t time(time_t *ret)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (ret)
		*ret = ts.tv_sec;
	return ts.tv_sec;
}

int gettimeofday(struct timeval *tv, void *tz)
{
	struct timespec ts;

	(void)tz;
	clock_gettime(CLOCK_REALTIME, &ts);
	*tv = (struct timeval){ts.tv_sec, ts.tv_nsec / 1000};
	return 0;
}

ssize_t getrandom(void *p, size_t len, unsigned flags)
{
	(void)flags;
	for (size_t i = 0; i < len; i++)
		((unsigned char *)p)[i] = (unsigned char)splitmix(&world.entropy);
	return (ssize_t)len;
}

/* Something for a loop came from a thread of the same process. */
int __real_uv_async_send(uv_async_t *a);
int __wrap_uv_async_send(uv_async_t *a);
int __wrap_uv_async_send(uv_async_t *a)
{
	container_of(a->loop, struct proc, loop)->poked = true;
	return __real_uv_async_send(a);
}

/* ---- processes ---- */

static uint64_t proc_mono(void *user)
{
	return mono_of(user);
}

static int64_t proc_real(void *user)
{
	return real_of(user);
}

void proc_start(struct proc *p, const char *name)
{
	struct proc *before;

	str_copy(p->name, sizeof(p->name), str_of(name));
	p->mono_base_ns = SEC(1 + below(100000));
	p->clock = (struct clock){proc_mono, proc_real, p};
	p->paused_until_ns = 0;
	p->closing = false;
	p->poked = true;
	p->life++;
	before = proc_enter(p);
	timers_init(&p->timers, &p->clock);
	if (uv_loop_init(&p->loop) < 0)
		abort();
	proc_leave(before);
	p->alive = true;
	list_append(&world.procs, &p->node);
}

void proc_stop(struct proc *p)
{
	struct proc *before = proc_enter(p);

	p->alive = false;
	list_remove(&p->node);
	for (unsigned i = 0; uv_loop_close(&p->loop) == UV_EBUSY && i < 100; i++)
		uv_run(&p->loop, UV_RUN_NOWAIT);
	timers_done(&p->timers);
	proc_leave(before);
}

struct proc *proc_enter(struct proc *p)
{
	struct proc *before = world.cur;

	world.cur = p;
	if (p)
		p->poked = true;
	return before;
}

void proc_leave(struct proc *before)
{
	world.cur = before;
}

bool proc_runs(const struct proc *p)
{
	return p->alive && p->paused_until_ns <= world.now_ns;
}

/* One turn of a process; whether there was something to do. */
static bool proc_turn(struct proc *p)
{
	bool some = fibers_run(p);

	if (!p->alive)
		return false;
	if (timers_next_ns(&p->timers) <= mono_of(p)) {
		p->poked = true;
		timers_run(&p->timers);
		some = true;
	}
	uv_update_time(&p->loop);
	if (p->poked || (uv_loop_alive(&p->loop) && uv_backend_timeout(&p->loop) == 0)) {
		p->poked = false;
		uv_run(&p->loop, UV_RUN_NOWAIT);
		some = true;
	}
	if (some && p->turned)
		p->turned(p);
	return some;
}

static bool proc_quiet(struct proc *p)
{
	bool some = false;

	world.cur = p;
	for (unsigned i = 0; p->alive && proc_turn(p); i++) {
		some = true;
		SIM_CHECK(i < QUIET_MAX, "%s is busy without end at one instant", p->name);
	}
	world.cur = NULL;
	return some;
}

static uint64_t proc_next(struct proc *p)
{
	uint64_t next = fibers_next_ns(p), at;
	int ms;

	if (p->paused_until_ns > world.now_ns)
		return p->paused_until_ns;
	world.cur = p;
	at = timers_next_ns(&p->timers);
	if (at != UINT64_MAX)
		next = MIN(next, MAX(at, p->mono_base_ns + world.now_ns) - p->mono_base_ns);
	ms = uv_loop_alive(&p->loop) ? uv_backend_timeout(&p->loop) : -1;
	if (ms >= 0)
		next = MIN(next, world.now_ns + MSEC((uint64_t)ms));
	world.cur = NULL;
	return next;
}

/* ---- events ---- */

struct event {
	struct timer t;
	void (*fn)(void *);
	void *arg;
};

static void on_event(struct timer *t)
{
	struct event *e = container_of(t, struct event, t);
	void (*fn)(void *) = e->fn;
	void *arg = e->arg;

	free(e);
	fn(arg);
}

void event_at(uint64_t at_ns, void (*fn)(void *), void *arg)
{
	struct event *e = NEW(struct event);

	e->t.fire = on_event;
	e->fn = fn;
	e->arg = arg;
	timers_arm(&world.events, &e->t, at_ns);
}

/* ---- the world ---- */

static uint64_t world_mono(void *user)
{
	(void)user;
	return world.now_ns;
}

static int64_t world_real(void *user)
{
	(void)user;
	return real_of(NULL);
}

void world_begin(uint64_t seed)
{
	bool verbose = world.verbose, very = world.very_verbose;

	world = (struct world){.verbose = verbose, .very_verbose = very, .seed = seed, .rng = seed};
	world.entropy = splitmix(&world.rng);
	world.now_ns = SEC(1);
	world.clock = (struct clock){world_mono, world_real, NULL};
	timers_init(&world.events, &world.clock);
	list_init(&world.procs);
	world.hash = 14695981039346656037ull;
	world.started = true;
}

void world_done(void)
{
	while (world.events.n) {
		struct timer *t = world.events.heap[0];

		timers_disarm(&world.events, t);
		free(container_of(t, struct event, t));
	}
	timers_done(&world.events);
	world.started = false;
}

/* Everybody in turn, beginning with anybody, until nobody has anything to do at this instant. */
static void quiet(void)
{
	bool some;

	do {
		struct list *first = &world.procs;

		some = timers_run(&world.events) > 0;
		for (uint64_t skip = below(8); skip; skip--)
			first = first->next;
		for (struct list *it = first->next, *next; it != first; it = next) {
			struct proc *p = list_entry(it, struct proc, node);

			next = it->next;
			if (it != &world.procs && proc_runs(p))
				some |= proc_quiet(p);
		}
		if (first != &world.procs && proc_runs(list_entry(first, struct proc, node)))
			some |= proc_quiet(list_entry(first, struct proc, node));
	} while (some);
}

bool world_run(uint64_t until_ns, bool (*done)(void))
{
	for (;;) {
		uint64_t next = until_ns;

		quiet();
		if (done && done())
			return true;
		if (world.now_ns >= until_ns)
			return false;
		next = MIN(next, timers_next_ns(&world.events));
		list_for_each (it, &world.procs)
			next = MIN(next, proc_next(list_entry(it, struct proc, node)));
		world.now_ns = MAX(world.now_ns + 1000, next);
	}
}

/* ---- telling ---- */

void trace(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	n = MIN(n, (int)sizeof(line) - 1);
	for (int i = 0; i < n; i++)
		world.hash = (world.hash ^ (unsigned char)line[i]) * 1099511628211ull;
	world.hash = (world.hash ^ world.now_ns) * 1099511628211ull;
	world.n_trace++;
	if (world.verbose)
		printf("%10.6f %s\n", (double)world.now_ns / 1e9, line);
}

void world_fail(const char *fmt, ...)
{
	va_list ap;

	printf("seed %" PRIu64 " at %.6f s: ", world.seed, (double)world.now_ns / 1e9);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	_exit(1);
}
