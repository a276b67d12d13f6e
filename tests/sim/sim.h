/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SIM_H
#define KNARR_SIM_H
#include "lib/base/buf.h"
#include "lib/base/list.h"
#include "lib/base/timers.h"
#include "lib/client/transport.h"

#include <uv.h>
/*
 * The whole control plane in one process and one thread: masters (store with its threads, API
 * server, scheduler, controllers) and nodes (agent/pod, agent/node over a runtime in memory), on a
 * clock, a network and disks that a seed decides about.
 *
 * Nothing of the real code is copied or switched: what it asks of the system is answered by this
 * folder instead. clock_gettime and getrandom are ours (world.c), threads are fibers (fiber.c, by
 * --wrap), disks are tests/unit/store_disk.h, libuv loops are real and run on our clock.
 *
 *	world_run: | run every process until it is quiet | check | move the clock to what is next |
 */

/* ---- world.c: time, chance, processes ---- */

struct proc {
	char name[16];
	struct list node; /* world.procs */
	bool alive;
	bool closing; /* being taken down: disks and sleeps take no time */
	bool poked; /* its loop has something to do */
	uint64_t paused_until_ns; /* as by SIGSTOP */
	uint64_t mono_base_ns; /* its monotonic clock is the world's plus this */
	int64_t skew_ns; /* of its real-time clock */
	struct clock clock;
	struct timers timers;
	uv_loop_t loop;
	unsigned life; /* rises with each start */
	void (*turned)(struct proc *p); /* after each turn; may be NULL */
};

struct world {
	bool started;
	uint64_t seed, now_ns, end_ns;
	uint64_t rng, entropy; /* what the simulation decides by; what the code draws */
	struct timers events; /* of the world itself: messages, faults, user actions */
	struct clock clock;
	struct list procs;
	struct proc *cur; /* whose code runs */
	uint64_t hash; /* of the trace */
	uint64_t n_trace;
	bool verbose, very_verbose;
	bool healed; /* no more faults */
	struct {
		uint64_t acked, reads, events, evictions, elections, crashes, installs;
	} count;
};
extern struct world world;

void world_begin(uint64_t seed);
void world_done(void);
/* Run until the clock reaches `until_ns` or `done` (may be NULL) says so, which it is asked after
 * every step; true if it did. */
bool world_run(uint64_t until_ns, bool (*done)(void));
/* The end of the run: something that must never be was seen. */
void world_fail(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((noreturn));
#define SIM_CHECK(x, ...)                        \
	do {                                     \
		if (!(x))                        \
			world_fail(__VA_ARGS__); \
	} while (0)
/* A line of the trace: hashed always, printed with -v. */
void trace(const char *fmt, ...) PRINTF_LIKE(1, 2);

uint64_t rnd(void);
uint64_t below(uint64_t n);
bool chance(unsigned per_1000);
#define MSEC(n) ((n)*NSEC_PER_MSEC)
#define SEC(n) ((n)*NSEC_PER_SEC)

void proc_start(struct proc *p, const char *name);
void proc_stop(struct proc *p); /* its parts are gone already */
/* Make p the one whose code runs; returns the one before, to be given back. */
struct proc *proc_enter(struct proc *p);
void proc_leave(struct proc *before);
bool proc_runs(const struct proc *p); /* alive and not paused */

/* Calls fn(arg) at a time of the world. */
void event_at(uint64_t at_ns, void (*fn)(void *), void *arg);
static inline void event_in(uint64_t ns, void (*fn)(void *), void *arg)
{
	event_at(world.now_ns + ns, fn, arg);
}

/* ---- fiber.c: threads of the code under test ---- */

/* Run those of p that can; whether there were any. */
bool fibers_run(struct proc *p);
uint64_t fibers_next_ns(const struct proc *p); /* when one of them wakes by the clock */
/* A thread of p sleeps, e.g. in a system call. Nothing on the main thread. */
void fiber_sleep(uint64_t ns);

/* ---- net.c ---- */

#define MASTERS_MAX 3u
#define NODES_MIN 3u
#define NODES_MAX 6u
/* Places on the network: masters, nodes, the user. */
enum { PLACE_MASTER = 0, PLACE_NODE = MASTERS_MAX, PLACE_USER = PLACE_NODE + NODES_MAX, PLACES };

struct network {
	bool cut[PLACES][PLACES]; /* nothing from the first reaches the second */
	unsigned loss, slow; /* per 1000: peers' messages lost; messages late */
};
extern struct network network;
void network_heal(void);
uint64_t network_delay_ns(void);

/* A client's way to the API from a place: transport.h over lossy, cut, breaking connections. */
struct transport *link_new(struct proc *p, unsigned place, const char *user);
/* Every connection from (to: of) this place breaks. */
void links_break(unsigned place);
void links_break_one(void); /* one, by chance */
void links_done(void);

struct store_transport;
/* What struct store_transport of master `i` is. */
void peer_transport(unsigned i, struct store_transport *ret);
void peer_reset(unsigned i); /* it died */
/*
 * Another member is in its place, under the same number here. A real one gets an id of its own
 * when it joins, so that nothing that is still under way from or to the one before can be taken
 * for the new one's: it is dropped.
 */
void peer_replaced(unsigned i);

/* ---- master.c ---- */

struct master;
struct store;
struct disk;
extern unsigned n_masters;
void masters_prepare(void); /* once, before all runs */
void masters_begin(unsigned n);
void masters_done(void);
bool master_up(unsigned i);
bool master_died(unsigned i); /* its log can't be written: it has to be taken down */
struct proc *master_proc(unsigned i);
struct store *master_store(unsigned i);
struct disk *master_disk(unsigned i);
int master_leader(void); /* the one with the newest term; -1: none */
void master_start(unsigned i);
void master_crash(unsigned i);
void master_set_slow(unsigned i, uint64_t sync_ns); /* how long a sync takes at most */
/* While it is down: an empty disk, with which it takes itself for a member of three, or joins. It
 * serves nobody until master_caught_up. */
void master_wipe(unsigned i, bool join);
void master_caught_up(unsigned i);
bool master_fresh(unsigned i); /* not yet caught up since it began with an empty disk */
bool master_listens(unsigned i); /* up, and clients may come */
/* Transport into the API server of master i as `user`; NULL: it is down. */
struct transport *master_local(unsigned i, const char *user);
/* Whether it answers that by itself; else who leads, as far as it knows. */
bool master_serves(unsigned i, const char *method, struct str path);
int master_knows_leader(unsigned i);

/* ---- runtime.c: the machine below an agent ---- */

struct runtime;
struct runtime_event;
struct runtime *machine_new(unsigned node);
struct runtime *machine_free(struct runtime *m);
void machine_attach(struct runtime *m, struct proc *p,
		    void (*event)(void *user, const struct runtime_event *ev), void *user);
void machine_detach(struct runtime *m); /* the agent is gone; containers run on */
void machine_reboot(struct runtime *m); /* everything is gone */
void machine_crash_container(struct runtime *m); /* one that runs, by chance */
size_t machine_running(const struct runtime *m);
void machine_each(const struct runtime *m, void (*fn)(void *user, struct str uid), void *user);
void machine_set_slow(struct runtime *m, uint64_t max_ns);

/* ---- node.c ---- */

extern unsigned n_nodes;
void nodes_begin(unsigned n);
void nodes_done(void);
void nodes_prepare(void); /* a folder for their files; and its end */
void nodes_clean(void);
bool node_up(unsigned i);
struct proc *node_proc(unsigned i);
struct runtime *node_machine(unsigned i);
const char *node_name(unsigned i);
bool node_exists(unsigned i); /* was added and not removed */
void node_begin_agent(unsigned i);
/* The agent's process ends; `reboot`: the machine with it. */
void node_crash(unsigned i, bool reboot);
void node_remove(unsigned i); /* switched off for good; its Node is for the user to delete */
void node_return(unsigned i); /* a new machine of that name */

/* ---- user.c ---- */

void user_begin(void);
void user_done(void);
void user_begin_with(void); /* some workloads */
void user_act(void); /* one thing, by chance */
void user_heal(void *arg); /* and every 5 s: undo what keeps a cluster from converging */

/* ---- members.c ---- */

/* Only in runs of seeds from here on. */
#define MEMBER_SEEDS 100000u
void members_begin(void);
void member_replace(unsigned i);
void member_lose_disk(unsigned i);
const char *members_unsettled(void); /* NULL: all vote, and none is about to go */

/* ---- faults.c ---- */

void faults_begin(uint64_t end_ns);
void faults_end(void);

/* ---- check.c: what must hold ---- */

struct store_event;
struct store_view;
void checks_begin(void);
void checks_done(void);
/* Master i applied this. */
void check_event(unsigned i, const struct store_event *ev, uint64_t *last_rev);
/* A watch at master i got this event; *last is the one before. */
void check_watch(unsigned i, const char *prefix, const struct store_event *ev, uint64_t *last);
/* Master i came up with this state. */
void check_state(unsigned i, const struct store_view *v);
/* A client was told that this write (or read) went well. */
void check_answer(const char *method, struct str path, int status, struct str body,
		  uint64_t asked_rev);
/* Revision of the newest change that anybody was told of, of this key. */
uint64_t check_acked(struct str path);
/* A container of a pod begins to run on a machine, ends, or its machine does. */
void check_container(unsigned node, struct str uid, struct str name, struct str pod, bool runs);
/* Why the cluster isn't what it should be when all is well again; NULL: it is. */
const char *check_converged(void);
#endif
