/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/sim/sim.h"

#include "master/store/store.h"
#include "tests/unit/store_disk.h"
/* What goes wrong. A seed decides which kinds of it happen in its run, how often, and when. */

static uint64_t until_ns;
static unsigned kinds; /* bits of rows[] */
static uint64_t gap_ns; /* between two, on average */

static unsigned any_master(void)
{
	return (unsigned)below(n_masters);
}

static unsigned any_node(void)
{
	return (unsigned)below(n_nodes);
}

static void *number(uint64_t i)
{
	return (void *)(uintptr_t)i;
}

/* ---- masters ---- */

static void start_master(void *arg)
{
	unsigned i = (unsigned)(uintptr_t)arg;

	if (!master_up(i))
		master_start(i);
}

static void crash(unsigned i, uint64_t down_ns)
{
	if (!master_up(i))
		return;
	master_crash(i);
	event_in(down_ns, start_master, number(i));
}

static void crash_master(void)
{
	crash(any_master(), below(SEC(4)));
}

static void crash_all_masters(void)
{
	for (unsigned i = 0; i < n_masters; i++)
		crash(i, below(SEC(8)));
}

static void pause_proc(struct proc *p, uint64_t ns)
{
	if (!p->alive)
		return;
	trace("%s: stopped for %.3f s", p->name, (double)ns / 1e9);
	p->paused_until_ns = world.now_ns + ns;
}

static void pause_master(void)
{
	pause_proc(master_proc(any_master()), below(SEC(3)));
}

static void replace_master(void)
{
	member_replace(any_master());
}

static void lose_disk(void)
{
	member_lose_disk(any_master());
}

static void on_transfer(void *user, int err)
{
	trace("leadership: %s", err ? strerror(-err) : "asked to go");
}

/* As before a stop for an upgrade. */
static void hand_over(void)
{
	int i = master_leader();
	struct proc *before;

	if (i < 0 || n_masters == 1 || !proc_runs(master_proc((unsigned)i)))
		return;
	before = proc_enter(master_proc((unsigned)i));
	store_transfer(master_store((unsigned)i), 0, on_transfer, NULL);
	proc_leave(before);
}

static void fast_disk(void *arg)
{
	master_set_slow((unsigned)(uintptr_t)arg, MSEC(1));
}

static void slow_disk(void)
{
	unsigned i = any_master();

	trace("m%u: slow disk", i);
	master_set_slow(i, MSEC(20 + below(500)));
	event_in(below(SEC(8)), fast_disk, number(i));
}

static void free_disk(void *arg)
{
	struct disk *d = master_disk((unsigned)(uintptr_t)arg);

	disk_set_full(d, false);
	disk_set_free(d, INT64_MAX);
}

static void full_disk(void)
{
	unsigned i = any_master();
	bool quite = chance(500);

	if (master_fresh(i)) /* nothing can be made there: it would not even begin */
		return;
	trace("m%u: %s disk", i, quite ? "full" : "nearly full");
	disk_set_free(master_disk(i), quite ? 0 : 32 << 20);
	disk_set_full(master_disk(i), quite);
	event_in(below(SEC(8)), free_disk, number(i));
}

static void broken_disk(void)
{
	unsigned i = any_master();

	if (!master_up(i))
		return;
	trace("m%u: a call of its disk will fail", i);
	disk_fail_at(master_disk(i), 1 + (unsigned)below(20), EIO);
}

/* A member whose log can't be written ends by itself and is started again. */
static void reap(void *arg)
{
	for (unsigned i = 0; i < n_masters; i++)
		if (master_up(i) && master_died(i))
			crash(i, MSEC(200) + below(SEC(2)));
	event_in(MSEC(50), reap, NULL);
}

/* ---- the network ---- */

static void mend(void *arg)
{
	unsigned from = (unsigned)(uintptr_t)arg / PLACES, to = (unsigned)(uintptr_t)arg % PLACES;

	network.cut[from][to] = false;
}

static void cut(unsigned from, unsigned to, uint64_t ns)
{
	if (from == to)
		return;
	network.cut[from][to] = true;
	event_in(ns, mend, number(from * PLACES + to));
}

static unsigned any_place(void)
{
	uint64_t n = below(n_masters + n_nodes);

	return n < n_masters ? PLACE_MASTER + (unsigned)n : PLACE_NODE + (unsigned)(n - n_masters);
}

static void cut_link(void)
{
	unsigned a = any_place(), b = PLACE_MASTER + any_master();
	uint64_t ns = below(SEC(chance(300) ? 20 : 5));

	trace("place %u cut off from m%u", a, b);
	cut(a, b, ns);
	if (chance(600))
		cut(b, a, ns);
}

static void isolate(void)
{
	unsigned a = any_place();
	uint64_t ns = below(SEC(chance(300) ? 20 : 5));
	bool both = chance(600), in = chance(500);

	trace("place %u alone", a);
	for (unsigned b = 0; b < PLACES; b++) {
		if (both || in)
			cut(b, a, ns);
		if (both || !in)
			cut(a, b, ns);
	}
}

static void calm_network(void *arg)
{
	network.loss = network.slow = 0;
}

static void bad_network(void)
{
	network.loss = (unsigned)below(200);
	network.slow = (unsigned)below(200);
	trace("network: loss %u, slow %u", network.loss, network.slow);
	event_in(below(SEC(10)), calm_network, NULL);
}

static void break_link(void)
{
	trace("a connection breaks");
	links_break_one();
}

/* ---- nodes ---- */

static void start_agent(void *arg)
{
	unsigned i = (unsigned)(uintptr_t)arg;

	if (!node_up(i) && node_exists(i))
		node_begin_agent(i);
}

static void crash_agent(void)
{
	unsigned i = any_node();

	if (!node_up(i))
		return;
	node_crash(i, false);
	event_in(below(SEC(chance(200) ? 20 : 3)), start_agent, number(i));
}

static void reboot_node(void)
{
	unsigned i = any_node();

	if (!node_up(i))
		return;
	node_crash(i, true);
	event_in(below(SEC(chance(300) ? 30 : 5)), start_agent, number(i));
}

static void pause_agent(void)
{
	pause_proc(node_proc(any_node()), below(SEC(chance(300) ? 20 : 4)));
}

static void container_ends(void)
{
	machine_crash_container(node_machine(any_node()));
}

static void fast_machine(void *arg)
{
	machine_set_slow(node_machine((unsigned)(uintptr_t)arg), MSEC(200));
}

static void slow_machine(void)
{
	unsigned i = any_node();

	machine_set_slow(node_machine(i), SEC(5));
	event_in(below(SEC(10)), fast_machine, number(i));
}

/* ---- clocks ---- */

static void jump(void)
{
	bool master = chance(500);
	struct proc *p = master ? master_proc(any_master()) : node_proc(any_node());
	/* A node that is ahead by hours makes pods wait so long for their minReadySeconds. */
	int64_t by = (int64_t)below(SEC(master && chance(300) ? 7200 : 20));

	p->skew_ns = chance(500) ? by : -by;
	trace("%s: clock is off by %.3f s", p->name, (double)p->skew_ns / 1e9);
}

static const struct {
	void (*fn)(void);
	unsigned weight;
} rows[] = {
	{crash_master, 10}, {crash_all_masters, 1}, {pause_master, 6}, {slow_disk, 4},
	{full_disk, 3},     {broken_disk, 3},       {cut_link, 10},    {isolate, 5},
	{bad_network, 4},   {break_link, 6},        {crash_agent, 8},  {reboot_node, 5},
	{pause_agent, 6},   {container_ends, 8},    {slow_machine, 4}, {jump, 3},
	{hand_over, 4},     {replace_master, 3},    {lose_disk, 3},
};

static void fault(void *arg)
{
	unsigned sum = 0, at;

	if (world.now_ns >= until_ns)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		sum += kinds >> i & 1 ? rows[i].weight : 0;
	at = (unsigned)below(sum);
	for (size_t i = 0; sum && i < ARRAY_SIZE(rows); i++) {
		unsigned w = kinds >> i & 1 ? rows[i].weight : 0;

		if (at < w) {
			rows[i].fn();
			break;
		}
		at -= w;
	}
	event_in(below(2 * gap_ns), fault, NULL);
}

void faults_begin(uint64_t end_ns)
{
	until_ns = end_ns;
	gap_ns = MSEC(300) << below(6);
	/* About half of the kinds; none at all now and then. */
	kinds = chance(80) ? 0 : (unsigned)rnd() & ((1u << ARRAY_SIZE(rows)) - 1);
	event_in(SEC(2), fault, NULL);
	event_in(MSEC(50), reap, NULL);
}

/* All is well from here on: everything runs, sees everything, and knows the time. */
void faults_end(void)
{
	network_heal();
	for (unsigned i = 0; i < n_masters; i++) {
		fast_disk(number(i));
		free_disk(number(i));
		disk_fail_at(master_disk(i), 0, 0);
		master_proc(i)->paused_until_ns = 0;
		master_proc(i)->skew_ns = 0;
		start_master(number(i));
	}
	for (unsigned i = 0; i < n_nodes; i++) {
		fast_machine(number(i));
		node_proc(i)->paused_until_ns = 0;
		node_proc(i)->skew_ns = 0;
		start_agent(number(i));
	}
}
