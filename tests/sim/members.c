/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/sim/sim.h"

#include "master/store/store.h"
/*
 * The masters' membership: what an operator does to it, and what is done about a master whose disk
 * was lost. Whoever is to go is removed by the leader; then its machine begins with an empty disk,
 * joins, and votes once it has caught up.
 */
#define TEND_NS MSEC(150)

static bool leaving[MASTERS_MAX]; /* to be removed, and to join anew */
/* All voted when a leader that was confirmed was last asked, and nothing has been done since. */
static bool settled;
static bool asking;

enum standing { ABSENT, STANDBY, VOTES };

static enum standing standing(unsigned lead, unsigned i)
{
	struct store_member v[MASTERS_MAX + 1];
	size_t n = store_members(master_store(lead), v, ARRAY_SIZE(v));

	for (size_t k = 0; k < n && k < ARRAY_SIZE(v); k++)
		if (v[k].id == i + 1)
			return v[k].role == STORE_VOTER ? VOTES : STANDBY;
	return ABSENT;
}

const char *members_unsettled(void)
{
	return n_masters > 1 && world.seed >= MEMBER_SEEDS && !settled ? "a master does not vote"
								       : NULL;
}

static void start_again(void *arg)
{
	unsigned i = (unsigned)(uintptr_t)arg;

	if (!master_up(i))
		master_start(i);
}

static void begin_anew(void *arg)
{
	unsigned i = (unsigned)(uintptr_t)arg;

	if (!leaving[i])
		return;
	trace("m%u is no member: it begins anew", i);
	leaving[i] = false;
	if (master_up(i))
		master_crash(i);
	master_wipe(i, true);
	peer_replaced(i);
	master_start(i);
}

static void on_changed(void *user, int err)
{
	if (err && err != -EAGAIN && err != -EBUSY && err != -EREMOTE && err != -ECANCELED)
		trace("a change of members: %s", strerror(-err));
	(void)user;
}

static void set_role(unsigned lead, unsigned i, enum store_member_role role)
{
	char address[16];

	snprintf(address, sizeof(address), "m%u", i + 1);
	store_set_member(master_store(lead), &(struct store_member){i + 1, address, role},
			 on_changed, NULL);
}

/* One step for one of them; the leader has just confirmed that it leads. */
static bool tend_one(unsigned lead, unsigned i)
{
	enum standing is = standing(lead, i);

	if (leaving[i] && is != ABSENT) {
		if (i == lead)
			store_transfer(master_store(lead), 0, on_changed, NULL);
		else
			store_remove_member(master_store(lead), i + 1, on_changed, NULL);
		return true;
	}
	if (leaving[i]) {
		event_in(MSEC(1), begin_anew, (void *)(uintptr_t)i);
		return true;
	}
	if (is == ABSENT) {
		trace("m%u is taken up", i);
		set_role(lead, i, STORE_STANDBY);
		return true;
	}
	if (is == STANDBY) {
		set_role(lead, i, STORE_VOTER);
		return true;
	}
	master_caught_up(i);
	return false;
}

struct look {
	unsigned lead, life;
};

static void on_confirmed(void *user, int err)
{
	struct look *l = user;
	struct look at = *l;
	unsigned first = (unsigned)below(n_masters);

	free(l);
	asking = false;
	if (err || !master_up(at.lead) || master_proc(at.lead)->life != at.life ||
	    master_proc(at.lead)->closing)
		return;
	for (unsigned i = 0; i < n_masters; i++)
		if (tend_one(at.lead, (first + i) % n_masters)) {
			settled = false;
			return;
		}
	settled = true;
}

static void tend(void *arg)
{
	int lead = master_leader();
	struct proc *before;
	struct look *l;

	event_in(TEND_NS, tend, NULL);
	if (lead < 0 || asking || !proc_runs(master_proc((unsigned)lead)))
		return;
	l = NEW(struct look);
	*l = (struct look){(unsigned)lead, master_proc((unsigned)lead)->life};
	asking = true;
	before = proc_enter(master_proc((unsigned)lead));
	store_read_barrier(master_store((unsigned)lead), on_confirmed, l);
	proc_leave(before);
}

void members_begin(void)
{
	memset(leaving, 0, sizeof(leaving));
	settled = asking = false;
	if (n_masters > 1 && world.seed >= MEMBER_SEEDS)
		event_in(TEND_NS, tend, NULL);
}

/* ---- what goes on ---- */

void member_replace(unsigned i)
{
	if (!settled)
		return;
	settled = false;
	trace("m%u is to be replaced", i);
	leaving[i] = true;
}

/* One at a time: two of three disks are more than three masters can lose. */
void member_lose_disk(unsigned i)
{
	if (!settled)
		return;
	settled = false;
	trace("m%u loses its disk", i);
	leaving[i] = true;
	if (master_up(i))
		master_crash(i);
	/* It may come back before it is removed, as if nothing had been or to join: it is refused.
	 */
	master_wipe(i, chance(500));
	event_in(below(SEC(3)), start_again, (void *)(uintptr_t)i);
}
