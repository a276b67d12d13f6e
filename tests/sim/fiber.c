/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/sim/sim.h"

#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define ASAN 1
#else
#define ASAN 0
#endif
/*
 * Threads as fibers of the one real thread: pthread_create and the rest come here by the linker's
 * --wrap. A fiber runs until it waits for a condition, a lock that another one holds, the disk or
 * the clock; who runs next is the seed's choice. So the store's threads are the real code, and a
 * run is repeatable.
 */
#define STACK_BYTES (1u << 20)

struct fiber {
	struct list node; /* all */
	ucontext_t ctx;
	char *stack;
	void *(*fn)(void *);
	void *arg;
	struct proc *proc;
	bool ready, done, timed_out;
	bool in_call; /* asleep in a system call: ends at once when its process is taken down */
	const void *key; /* a condition or lock it waits for */
	uint64_t wake_ns; /* of the world; UINT64_MAX: never */
	void *asan_fake;
};

static struct list all = {&all, &all};
static struct fiber *running;
static ucontext_t main_ctx;
#if ASAN
static const void *main_stack;
static size_t main_stack_size;
static void *main_fake;
#endif

/* ---- switching ---- */

static void to_main(struct fiber *f)
{
#if ASAN
	__sanitizer_start_switch_fiber(f->done ? NULL : &f->asan_fake, main_stack, main_stack_size);
#endif
	swapcontext(&f->ctx, &main_ctx);
#if ASAN
	__sanitizer_finish_switch_fiber(f->asan_fake, NULL, NULL);
#endif
}

static void entry(void)
{
	struct fiber *f = running;

#if ASAN
	__sanitizer_finish_switch_fiber(NULL, &main_stack, &main_stack_size);
#endif
	f->fn(f->arg);
	f->done = true;
	to_main(f);
	abort();
}

static void switch_to(struct fiber *f)
{
	struct proc *before = world.cur;

	if (running)
		abort();
	f->ready = false;
	f->key = NULL;
	f->wake_ns = UINT64_MAX;
	running = f;
	world.cur = f->proc;
	f->proc->poked = true;
#if ASAN
	__sanitizer_start_switch_fiber(&main_fake, f->stack, STACK_BYTES);
#endif
	swapcontext(&main_ctx, &f->ctx);
#if ASAN
	__sanitizer_finish_switch_fiber(main_fake, NULL, NULL);
#endif
	running = NULL;
	world.cur = before;
}

/* The running fiber waits. */
static void wait_for(const void *key, uint64_t wake_ns, bool in_call)
{
	struct fiber *f = running;

	f->key = key;
	f->wake_ns = wake_ns;
	f->in_call = in_call;
	f->timed_out = false;
	to_main(f);
	f->in_call = false;
}

static void wake_all(const void *key)
{
	list_for_each (it, &all) {
		struct fiber *f = list_entry(it, struct fiber, node);

		if (f->key == key) {
			f->ready = true;
			f->proc->poked = true;
		}
	}
}

/* One of p's that can run, by chance; NULL: none. */
static struct fiber *pick(struct proc *p)
{
	struct fiber *v[8];
	unsigned n = 0;

	list_for_each (it, &all) {
		struct fiber *f = list_entry(it, struct fiber, node);

		if (f->proc != p || f->done)
			continue;
		if (!f->ready && (f->wake_ns <= world.now_ns || (f->in_call && p->closing))) {
			f->timed_out = true;
			f->ready = true;
		}
		if (f->ready && n < ARRAY_SIZE(v))
			v[n++] = f;
	}
	return n ? v[n > 1 ? below(n) : 0] : NULL;
}

bool fibers_run(struct proc *p)
{
	struct fiber *f = pick(p);

	if (!f)
		return false;
	switch_to(f);
	return true;
}

uint64_t fibers_next_ns(const struct proc *p)
{
	uint64_t next = UINT64_MAX;

	list_for_each (it, &all) {
		struct fiber *f = list_entry(it, struct fiber, node);

		if (f->proc == p && !f->done)
			next = MIN(next, f->wake_ns);
	}
	return next;
}

void fiber_sleep(uint64_t ns)
{
	if (running && !running->proc->closing)
		wait_for(NULL, world.now_ns + ns, true);
}

/* ---- pthreads ---- */

int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *arg);
int __wrap_pthread_join(pthread_t t, void **ret);
int __wrap_pthread_mutex_lock(pthread_mutex_t *m);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *m);
int __wrap_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m);
int __wrap_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *ts);
int __wrap_pthread_cond_signal(pthread_cond_t *c);
int __wrap_pthread_cond_broadcast(pthread_cond_t *c);
int __wrap_pthread_setname_np(pthread_t t, const char *name);
int __real_pthread_mutex_unlock(pthread_mutex_t *m);

int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*fn)(void *),
			  void *arg)
{
	struct fiber *f = NEW(struct fiber);

	(void)attr;
	f->stack =
		mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f->stack == MAP_FAILED)
		abort();
	f->fn = fn;
	f->arg = arg;
	f->proc = world.cur;
	f->ready = true;
	f->wake_ns = UINT64_MAX;
	getcontext(&f->ctx);
	f->ctx.uc_stack.ss_sp = f->stack;
	f->ctx.uc_stack.ss_size = STACK_BYTES;
	f->ctx.uc_link = NULL;
	makecontext(&f->ctx, entry, 0);
	list_append(&all, &f->node);
	f->proc->poked = true;
	*ret = (pthread_t)f;
	return 0;
}

/* On the main thread: let the others of this process go on, to the end of what they wait for. */
static void let_others_run(const char *why)
{
	bool closing = world.cur->closing;

	world.cur->closing = true; /* calls under way end now */
	if (!fibers_run(world.cur))
		world_fail("%s: all threads wait for each other (%s)", world.cur->name, why);
	world.cur->closing = closing;
}

int __wrap_pthread_join(pthread_t t, void **ret)
{
	struct fiber *f = (struct fiber *)t;

	if (ret)
		*ret = NULL;
	while (!f->done) {
		if (running)
			wait_for(NULL, world.now_ns, true);
		else
			let_others_run("pthread_join");
	}
	list_remove(&f->node);
	munmap(f->stack, STACK_BYTES);
	free(f);
	return 0;
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *m)
{
	while (pthread_mutex_trylock(m) == EBUSY) {
		if (running)
			wait_for(m, UINT64_MAX, false);
		else
			let_others_run("pthread_mutex_lock");
	}
	return 0;
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *m)
{
	int r = __real_pthread_mutex_unlock(m);

	wake_all(m);
	return r;
}

int __wrap_pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
	if (!running)
		world_fail("the main thread waits for a condition");
	__wrap_pthread_mutex_unlock(m);
	wait_for(c, UINT64_MAX, false);
	return __wrap_pthread_mutex_lock(m);
}

/* `ts` is of CLOCK_MONOTONIC, which is this process's own. */
int __wrap_pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *ts)
{
	uint64_t at = (uint64_t)ts->tv_sec * NSEC_PER_SEC + (uint64_t)ts->tv_nsec, now;
	bool late;

	if (!running)
		world_fail("the main thread waits for a condition");
	now = clock_mono_ns(&running->proc->clock);
	__wrap_pthread_mutex_unlock(m);
	wait_for(c, world.now_ns + (at > now ? at - now : 0), false);
	late = running->timed_out;
	__wrap_pthread_mutex_lock(m);
	return late ? ETIMEDOUT : 0;
}

int __wrap_pthread_cond_signal(pthread_cond_t *c)
{
	wake_all(c);
	return 0;
}

int __wrap_pthread_cond_broadcast(pthread_cond_t *c)
{
	wake_all(c);
	return 0;
}

int __wrap_pthread_setname_np(pthread_t t, const char *name)
{
	(void)t, (void)name;
	return 0;
}
