/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/sim/sim.h"

#include "lib/base/hmap.h"
#include "lib/client/client.h"
#include "lib/client/informer.h"
#include "lib/sys/file.h"
#include "master/apiserver/apiserver.h"
#include "master/controllers/controllers.h"
#include "master/index.h"
#include "master/scheduler/scheduler.h"
#include "master/store/io.h"
#include "master/store/store_internal.h"
#include "master/store/transport.h"
#include "tests/unit/store_disk.h"
/* A master as master/main.c puts it together, on a disk in memory. */

struct master {
	struct proc proc;
	unsigned i;
	struct disk *disk;
	struct store_io io, disk_io;
	uint64_t sync_ns;
	bool alone; /* it was there before the others */
	bool join, fresh; /* began with an empty disk; has not caught up since */
	bool died; /* its disk failed: ends when it can */

	struct store_transport peers;
	struct store *store;
	struct watcher {
		struct master *m;
		struct store_watch *watch;
		uint64_t rev;
	} watchers[4];
	uint64_t seen_rev;
	struct apiserver *api;
	struct apiserver_cluster cluster;
	struct hmap *locals; /* user -> struct transport */
	struct timer role_timer, ready_timer;
	bool leads;
	unsigned turn; /* of leadership; late answers are of an earlier one */
	struct client *scheduler_c, *controllers_c;
	struct informers *scheduler_i, *controllers_i;
	struct scheduler *scheduler;
	struct controllers *controllers;
	uint64_t role_changes;
};

unsigned n_masters;
static void watch_one(struct watcher *w);
static struct master masters[MASTERS_MAX];
static struct pki *pki;
static char pki_dir[] = "/tmp/knarr-sim-pki-XXXXXX";

/* ---- the disk, which takes time ---- */

static int io_open(void *user, const char *name, int flags)
{
	struct master *m = user;

	return m->disk_io.open(m->disk, name, flags);
}
static void io_close(void *user, int fd)
{
	struct master *m = user;

	m->disk_io.close(m->disk, fd);
}
static ssize_t io_pread(void *user, int fd, void *p, size_t len, uint64_t off)
{
	struct master *m = user;

	return m->disk_io.pread(m->disk, fd, p, len, off);
}
static int io_pwritev(void *user, int fd, struct iovec *iov, int n, uint64_t off)
{
	struct master *m = user;

	fiber_sleep(NSEC_PER_USEC * below(50));
	return m->disk_io.pwritev(m->disk, fd, iov, n, off);
}
static int io_datasync(void *user, int fd)
{
	struct master *m = user;

	fiber_sleep(NSEC_PER_USEC * 100 + below(m->sync_ns));
	return m->disk_io.datasync(m->disk, fd);
}
static int io_allocate(void *user, int fd, uint64_t size)
{
	struct master *m = user;

	return m->disk_io.allocate(m->disk, fd, size);
}
static int64_t io_size(void *user, int fd)
{
	struct master *m = user;

	return m->disk_io.size(m->disk, fd);
}
static int io_rename(void *user, const char *from, const char *to)
{
	struct master *m = user;

	return m->disk_io.rename(m->disk, from, to);
}
static int io_unlink(void *user, const char *name)
{
	struct master *m = user;

	return m->disk_io.unlink(m->disk, name);
}
static int io_sync_dir(void *user)
{
	struct master *m = user;

	fiber_sleep(NSEC_PER_USEC * 100 + below(m->sync_ns));
	return m->disk_io.sync_dir(m->disk);
}
static int io_list(void *user, void (*each)(void *arg, const char *name), void *arg)
{
	struct master *m = user;

	return m->disk_io.list(m->disk, each, arg);
}
static int64_t io_free_bytes(void *user)
{
	struct master *m = user;

	return m->disk_io.free_bytes(m->disk);
}

static void use_disk(struct master *m, struct disk *d)
{
	m->disk = d;
	m->disk_io = disk_io(d);
	m->io = (struct store_io){io_open,     io_close,      io_pread,  io_pwritev, io_datasync,
				  io_allocate, io_size,       io_rename, io_unlink,  io_sync_dir,
				  io_list,     io_free_bytes, m};
}

/* ---- leading ---- */

static struct transport *local(struct master *m, const char *user)
{
	struct transport *t = hmap_get(m->locals, str_of(user));

	if (!t) {
		t = apiserver_local_transport(m->api, user);
		hmap_put(m->locals, str_of(user), t);
	}
	return t;
}

static struct client *new_client(struct master *m, const char *user)
{
	return client_new(&(struct client_conf){
		.transport = local(m, user), .timers = &m->proc.timers, .user_agent = user});
}

static void start_leading(struct master *m)
{
	struct controllers_conf cc = {.ca_pem = STR("CA"),
				      .node_grace_ns = SEC(5),
				      .node_settle_ns = MSEC(1500),
				      .node_evict_every_ns = SEC(1),
				      .cluster_cidr = "10.244.0.0/16"};

	if (m->scheduler)
		return;
	m->scheduler_c = new_client(m, "system:kube-scheduler");
	m->scheduler_i = informers_new(m->scheduler_c);
	m->scheduler = scheduler_start(m->scheduler_i, &(struct scheduler_conf){NULL});
	informers_start(m->scheduler_i);
	m->controllers_c = new_client(m, "system:kube-controller-manager");
	m->controllers_i = informers_new(m->controllers_c);
	m->controllers = controllers_start(m->controllers_i, &cc);
	informers_start(m->controllers_i);
}

static void stop_leading(struct master *m)
{
	m->leads = false;
	m->turn++;
	m->scheduler = scheduler_stop(m->scheduler);
	m->controllers = controllers_stop(m->controllers);
	m->scheduler_i = informers_free(m->scheduler_i);
	m->controllers_i = informers_free(m->controllers_i);
	m->scheduler_c = client_free(m->scheduler_c);
	m->controllers_c = client_free(m->controllers_c);
}

static void ready_fire(struct timer *t)
{
	struct master *m = container_of(t, struct master, ready_timer);

	if (!m->leads)
		return;
	if (apiserver_is_ready(m->api))
		start_leading(m);
	else
		timers_arm_in(&m->proc.timers, t, 2 * NSEC_PER_MSEC);
}

struct asked {
	struct master *m;
	unsigned turn, life;
};

static void on_current(void *user, int err)
{
	struct asked *a = user;
	struct master *m = a->m;

	if (a->life == m->proc.life && a->turn == m->turn && m->api) {
		if (err) {
			timers_arm_in(&m->proc.timers, &m->role_timer, MSEC(20));
		} else {
			m->leads = true;
			trace("m%u leads", m->i);
			world.count.elections++;
			apiserver_lead(m->api);
			timers_soon(&m->proc.timers, &m->ready_timer);
		}
	}
	free(a);
}

static void role_fire(struct timer *t)
{
	struct master *m = container_of(t, struct master, role_timer);
	struct asked *a;

	if (store_role(m->store) == STORE_LEADER) {
		if (m->leads)
			return;
		a = NEW(struct asked);
		*a = (struct asked){m, ++m->turn, m->proc.life};
		store_read_barrier(m->store, on_current, a);
		return;
	}
	if (m->leads)
		trace("m%u follows", m->i);
	stop_leading(m);
	apiserver_follow(m->api);
	if (!m->fresh)
		apiserver_caught_up(m->api);
}

static void on_role(void *user, enum store_role role)
{
	struct master *m = user;

	if (role == STORE_FOLLOWER && m->leads)
		m->leads = false; /* at once; the rest from the loop */
	timers_soon(&m->proc.timers, &m->role_timer);
}

static bool leads(void *user)
{
	return ((struct master *)user)->leads;
}

static const char *leader_url(void *user)
{
	(void)user;
	return NULL;
}

/* ---- life ---- */

static void on_fatal(void *user, int error, const char *msg)
{
	struct master *m = user;

	trace("m%u: %s", m->i, msg);
	if (!m->proc.closing)
		m->died = true;
	(void)error;
}

/* What was applied since the last look, before anybody can hear of it. */
static void observe(struct proc *p)
{
	struct master *m = container_of(p, struct master, proc);
	unsigned i = m->i;
	const struct hub *h;

	if (!m->store || store_rev(m->store) == m->seen_rev)
		return;
	h = &m->store->hub;
	if (h->first_rev > m->seen_rev + 1) { /* a snapshot came from the leader */
		CLEANUP(store_view_unrefp) struct store_view *v = store_view(m->store);

		SIM_CHECK(store_view_rev(v) > m->seen_rev, "m%u: revisions went back", i);
		check_state(i, v);
		m->seen_rev = store_view_rev(v);
		world.count.installs++;
	}
	while (m->seen_rev < store_rev(m->store)) {
		const struct event *e =
			h->ring[(h->first + (m->seen_rev + 1 - h->first_rev)) % h->cap];

		check_event(i, &e->pub, &m->seen_rev);
	}
}

/* Watchers as the API server has them: each event of theirs once, and in order. */
static const char *const watched[] = {"/core/pods/", "/core/nodes/", "/apps/replicasets/",
				      "/coordination.k8s.io/leases/kube-node-lease/"};

static void on_watched(void *user, const struct store_event *ev, int err)
{
	struct watcher *w = user;

	observe(&w->m->proc);
	if (ev) {
		check_watch(w->m->i, watched[w - w->m->watchers], ev, &w->rev);
		return;
	}
	store_unwatch(TAKE(w->watch));
	SIM_CHECK(err == -ECANCELED || err == -ESTALE, "m%u: a watch ended: %s", w->m->i,
		  strerror(-err));
	if (err == -ESTALE)
		watch_one(w);
}

static void watch_one(struct watcher *w)
{
	struct store *s = w->m->store;
	struct store_watch_spec spec = {.prefix = str_of(watched[w - w->m->watchers]),
					.from_rev = store_rev(s)};
	int r = store_watch(s, &spec, on_watched, w, &w->watch);

	w->rev = spec.from_rev;
	SIM_CHECK(r == 0, "m%u: cannot watch: %s", w->m->i, strerror(-r));
}

static void watch_all(struct master *m)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(m->store);

	check_state(m->i, v);
	m->seen_rev = store_view_rev(v);
	for (size_t i = 0; i < ARRAY_SIZE(watched); i++) {
		m->watchers[i].m = m;
		watch_one(&m->watchers[i]);
	}
}

static void open_store(struct master *m)
{
	CLEANUP(err_done) struct err err = ERR_INIT;
	static const struct store_member members[MASTERS_MAX] = {
		{1, "m1", STORE_VOTER}, {2, "m2", STORE_VOTER}, {3, "m3", STORE_VOTER}};
	static const char *const addresses[] = {"m1", "m2", "m3"};
	struct store_conf conf = {.dir = "sim",
				  .loop = &m->proc.loop,
				  .io = &m->io,
				  .clock = &m->proc.clock,
				  .id = m->i + 1,
				  .address = addresses[m->i],
				  .segment_bytes = 256 << 10,
				  .snapshot_log_bytes = 64 << 10 << below(5),
				  .window_bytes = 4 << 20,
				  .index_value = index_value,
				  .on_fatal = on_fatal,
				  .on_role = on_role,
				  .user = m};

	if (n_masters > 1) {
		peer_transport(m->i, &m->peers);
		conf.transport = &m->peers;
		conf.join = m->join;
		conf.members = m->join || m->alone ? NULL : members;
		conf.n_members = m->join || m->alone ? 0 : n_masters;
	}
	if (store_open(&conf, &m->store, &err) < 0)
		world_fail("m%u cannot open its store: %s", m->i, err_text(&err));
}

void master_start(unsigned i)
{
	CLEANUP(err_done) struct err err = ERR_INIT;
	struct master *m = &masters[i];
	char name[16];
	struct proc *before;

	snprintf(name, sizeof(name), "m%u", i);
	trace("%s starts", name);
	proc_start(&m->proc, name);
	before = proc_enter(&m->proc);
	m->i = i;
	m->died = m->leads = false;
	m->turn++;
	m->role_timer = (struct timer){.fire = role_fire};
	m->ready_timer = (struct timer){.fire = ready_fire};
	m->locals = hmap_new();
	open_store(m);
	watch_all(m);
	m->proc.turned = observe;
	m->cluster =
		(struct apiserver_cluster){.leads = leads, .leader_url = leader_url, .user = m};
	if (apiserver_new(&(struct apiserver_conf){.loop = &m->proc.loop,
						   .store = m->store,
						   .timers = &m->proc.timers,
						   .pki = pki,
						   .service_cidr = "10.96.0.0/16",
						   .advertise_address = "192.0.2.1",
						   .port = 6443,
						   .cluster_domain = "cluster.local",
						   .not_ready_toleration_s = 300,
						   .unreachable_toleration_s = 0,
						   .cluster = &m->cluster},
			  &m->api, &err) < 0)
		world_fail("%s: %s", name, err_text(&err));
	timers_soon(&m->proc.timers, &m->role_timer);
	proc_leave(before);
}

static void free_local(void *t)
{
	transport_free(t);
}

void master_crash(unsigned i)
{
	struct master *m = &masters[i];
	struct disk *left = disk_crashed(m->disk, (unsigned)rnd());
	struct proc *before;

	trace("m%u stops", i);
	world.count.crashes++;
	links_break(PLACE_MASTER + i);
	peer_reset(i);
	m->proc.closing = true; /* nothing of what follows is seen outside */
	before = proc_enter(&m->proc);
	stop_leading(m);
	for (size_t k = 0; k < ARRAY_SIZE(m->watchers); k++)
		store_unwatch(TAKE(m->watchers[k].watch));
	hmap_free_full(TAKE(m->locals), free_local);
	m->store = store_close(m->store);
	m->api = apiserver_free(m->api);
	uv_run(&m->proc.loop, UV_RUN_NOWAIT);
	proc_leave(before);
	proc_stop(&m->proc);
	disk_free(m->disk);
	use_disk(m, left);
}

void masters_begin(unsigned n)
{
	bool grows = n > 1 && world.seed >= MEMBER_SEEDS && chance(300);

	n_masters = n;
	for (unsigned i = 0; i < n; i++) {
		masters[i].sync_ns = MSEC(1);
		use_disk(&masters[i], disk_new());
		masters[i].alone = grows && i == 0;
		masters[i].join = masters[i].fresh = grows && i > 0;
		master_start(i);
	}
}

void masters_done(void)
{
	for (unsigned i = 0; i < n_masters; i++) {
		if (masters[i].proc.alive)
			master_crash(i);
		masters[i].disk = disk_free(masters[i].disk);
	}
}

/* The keys are the same in all runs: making them is the one thing no seed decides. */
void masters_prepare(void)
{
	CLEANUP(err_done) struct err err = ERR_INIT;

	if (!mkdtemp(pki_dir) || pki_open(pki_dir, &clock_system, &pki, &err) < 0) {
		fprintf(stderr, "knarr-sim: %s\n", err_text(&err));
		exit(1);
	}
	dir_remove_tree(AT_FDCWD, pki_dir);
}

void master_wipe(unsigned i, bool join)
{
	struct master *m = &masters[i];

	disk_free(m->disk);
	use_disk(m, disk_new());
	m->join = join;
	m->alone = false;
	m->fresh = true;
}

void master_caught_up(unsigned i)
{
	struct proc *before;

	if (!masters[i].fresh || !masters[i].proc.alive || masters[i].proc.closing)
		return;
	masters[i].fresh = false;
	before = proc_enter(&masters[i].proc);
	apiserver_caught_up(masters[i].api);
	proc_leave(before);
}

bool master_fresh(unsigned i)
{
	return masters[i].fresh;
}

bool master_listens(unsigned i)
{
	return masters[i].proc.alive && !masters[i].fresh;
}

bool master_up(unsigned i)
{
	return masters[i].proc.alive;
}

bool master_died(unsigned i)
{
	return masters[i].died;
}

struct proc *master_proc(unsigned i)
{
	return &masters[i].proc;
}

struct store *master_store(unsigned i)
{
	return masters[i].store;
}

struct disk *master_disk(unsigned i)
{
	return masters[i].disk;
}

void master_set_slow(unsigned i, uint64_t sync_ns)
{
	masters[i].sync_ns = sync_ns;
}

struct transport *master_local(unsigned i, const char *user)
{
	struct proc *before;
	struct transport *t;

	if (!masters[i].proc.alive)
		return NULL;
	before = proc_enter(&masters[i].proc);
	t = local(&masters[i], user);
	proc_leave(before);
	return t;
}

int master_leader(void)
{
	for (unsigned i = 0; i < n_masters; i++)
		if (masters[i].proc.alive && masters[i].leads)
			return (int)i;
	return -1;
}

bool master_serves(unsigned i, const char *method, struct str path)
{
	struct master *m = &masters[i];

	return master_listens(i) &&
	       (m->leads || (strcmp(method, "GET") == 0 && memmem(path.p, path.len, "watch=", 6)));
}

int master_knows_leader(unsigned i)
{
	struct master *m = &masters[i];
	uint64_t id = m->proc.alive ? store_leader(m->store) : 0;

	return id && id <= n_masters && masters[id - 1].proc.alive ? (int)id - 1 : -1;
}
