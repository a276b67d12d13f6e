/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	knarr-sim [-v] [-V] SEED [COUNT]
 *
 * Simulates the control plane (sim.h) once for each seed from SEED on. A failure names its seed,
 *and `knarr-sim -v SEED` shows how it came to it; -V also shows objects and the log of the parts.
 */
#include "lib/base/base.h"
#include "tests/sim/sim.h"

#include "lib/base/log.h"

#include <signal.h>
#include <sys/wait.h>

#define FAULTS_NS SEC(60)
#define HEAL_NS SEC(120)

static uint64_t acts_until_ns;

static void act(void *arg)
{
	if (world.now_ns > acts_until_ns)
		return;
	if (arg)
		user_begin_with();
	else
		user_act();
	event_in(MSEC(100 + below(4000)), act, NULL);
}

static uint64_t calm_since_ns;

/* Right, and for two seconds. */
static bool converged(void)
{
	static uint64_t asked_ns;

	if (world.now_ns - asked_ns < MSEC(100))
		return false;
	asked_ns = world.now_ns;
	if (check_converged()) {
		calm_since_ns = 0;
		return false;
	}
	if (!calm_since_ns)
		calm_since_ns = world.now_ns;
	return world.now_ns - calm_since_ns >= SEC(2);
}

static void run(uint64_t seed)
{
	world_begin(seed);
	checks_begin();
	masters_begin(chance(300) ? 1 : 3);
	nodes_begin(NODES_MIN + (unsigned)below(NODES_MAX - NODES_MIN));
	user_begin();
	acts_until_ns = world.now_ns + FAULTS_NS;
	event_in(SEC(1), act, &acts_until_ns);
	members_begin();
	faults_begin(acts_until_ns);
	world_run(world.now_ns + FAULTS_NS, NULL);
	trace("all is well from here on");
	world.healed = true;
	faults_end();
	user_heal(NULL);
	calm_since_ns = 0;
	if (!world_run(world.now_ns + HEAL_NS, converged))
		world_fail("after %llu s without faults: %s", HEAL_NS / NSEC_PER_SEC,
			   check_converged());
	user_done();
	nodes_done();
	links_done();
	masters_done();
	checks_done();
	printf("seed %" PRIu64 ": %016" PRIx64 " %.1f s, %" PRIu64 " events, %" PRIu64
	       " acknowledged, %" PRIu64 " reads, %" PRIu64 " evictions, %" PRIu64
	       " crashes, %" PRIu64 " elections, %" PRIu64 " snapshots\n",
	       seed, world.hash, (double)world.now_ns / 1e9, world.count.events, world.count.acked,
	       world.count.reads, world.count.evictions, world.count.crashes, world.count.elections,
	       world.count.installs);
	world_done();
}

static void on_signal(int sig)
{
	printf("seed %" PRIu64 " at %.6f s: signal %d\n", world.seed, (double)world.now_ns / 1e9,
	       sig);
	fflush(stdout);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Each seed in a process of its own: a crash is one seed's, and nothing is left for the next. */
static bool run_apart(uint64_t seed)
{
	int status;
	pid_t pid;

	nodes_prepare();
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		signal(SIGABRT, on_signal);
		signal(SIGSEGV, on_signal);
		run(seed);
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return false;
	nodes_clean();
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv)
{
	uint64_t seed, count = 1, failed = 0;
	int opt;

	while ((opt = getopt(argc, argv, "vV")) > 0) {
		world.verbose = true;
		world.very_verbose = opt == 'V';
	}
	if (optind >= argc) {
		fprintf(stderr, "usage: knarr-sim [-v] [-V] SEED [COUNT]\n");
		return 2;
	}
	seed = strtoull(argv[optind], NULL, 10);
	if (optind + 1 < argc)
		count = strtoull(argv[optind + 1], NULL, 10);
	log_max = world.very_verbose ? LOG_LEVEL_DEBUG : (enum log_level)0;
	(void)str_hash(STR("")); /* the key of all maps is drawn here, once for all runs */
	masters_prepare();
	for (uint64_t i = 0; i < count; i++) {
		if (run_apart(seed + i))
			continue;
		failed++;
		printf("again: %s -v %" PRIu64 "\n", argv[0], seed + i);
	}
	if (count > 1)
		printf("%" PRIu64 " seeds, %" PRIu64 " failed\n", count, failed);
	return failed ? 1 : 0;
}
