/* SPDX-License-Identifier: Apache-2.0 */
#include "net/lb.h"
#include "lib/sys/file.h"
#include "net/lb_priv.h"
#include "net/netns.h"
#include "net/pins.h"
#include "bpf/lb.skel.h"
#include "bpf/reap.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define LB_DIR_NAME(v) "lb-v" #v
#define LB_DIR_OF(v) LB_DIR_NAME(v)
#define LB_DIR LB_DIR_OF(LB_LAYOUT)

/* Where cgroup v2 is mounted: the first of the kind in the mount table. */
static char *cgroup2_root(void)
{
	FILE *f = fopen("/proc/self/mounts", "re");
	char line[4096], *ret = NULL;

	while (f && !ret && fgets(line, sizeof(line), f)) {
		struct str rest = str_of(line), dev, dir, type;

		if (str_split(&rest, ' ', &dev) && str_split(&rest, ' ', &dir) &&
		    str_split(&rest, ' ', &type) && str_eqs(type, "cgroup2"))
			ret = str_dup(dir);
	}
	if (f)
		fclose(f);
	return ret;
}

static int open_cgroup(const char *conf_root, struct err *err)
{
	CLEANUP_FREE char *root = conf_root ? xstrdup(conf_root) : cgroup2_root();
	int fd;

	if (!root)
		return err_sys(err, EOPNOTSUPP,
			       "no cgroup v2 is mounted: services need one (mount -t cgroup2 none "
			       "/sys/fs/cgroup/unified)");
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "cannot open the cgroup %s: %s", root, strerror(errno));
	return fd;
}

/* Is the pinned link on this cgroup, and still attached? Its id is the inode in the v2 tree. */
static bool link_serves(int link_fd, int cgroup_fd)
{
	struct bpf_link_info info = {0};
	uint32_t len = sizeof(info);
	struct stat st;

	return bpf_obj_get_info_by_fd(link_fd, &info, &len) == 0 && fstat(cgroup_fd, &st) == 0 &&
	       info.cgroup.cgroup_id == st.st_ino;
}

/*
 * Put the program in place without a gap: replace what a pinned link runs, or attach first and
 * move the pin afterwards.
 */
static int attach_one(struct bpf_program *prog, const char *dir, int cgroup_fd, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/link_%s", dir, bpf_program__name(prog));
	CLEANUP_FD int old = bpf_obj_get(path);
	CLEANUP_FD int fd = -1;
	int prog_fd = bpf_program__fd(prog);

	if (old >= 0 && link_serves(old, cgroup_fd) && bpf_link_update(old, prog_fd, NULL) == 0)
		return 0;
	fd = bpf_link_create(prog_fd, cgroup_fd, bpf_program__expected_attach_type(prog), NULL);
	if (fd < 0)
		return err_sys(err, errno, "cannot attach %s to the cgroup: %s",
			       bpf_program__name(prog), strerror(errno));
	if (old >= 0)
		unlink(path);
	if (bpf_obj_pin(fd, path) < 0)
		return err_sys(err, errno, "cannot pin %s: %s", path, strerror(errno));
	return 0;
}

static int attach(struct lb *lb, int cgroup_fd, struct err *err)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, lb->skel->obj)
	{
		int r = attach_one(prog, lb->dir, cgroup_fd, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int use_maps(struct lb *lb, const struct lb_conf *conf)
{
	const struct {
		struct bpf_map *map;
		const char *name;
		uint32_t size;
	} maps[] = {
		{lb->skel->maps.services, "services", conf->max_services},
		{lb->skel->maps.backends, "backends", conf->max_backends},
		{lb->skel->maps.affinity, "affinity", conf->max_affinity},
		{lb->skel->maps.udp_flows, "udp_flows", conf->max_udp},
		{lb->skel->maps.node_addrs, "node_addrs", 0},
		{lb->skel->maps.sources, "sources", 0},
		{lb->skel->maps.sources6, "sources6", 0},
		{lb->skel->maps.names6, "names6", 0},
		{lb->skel->maps.addrs6, "addrs6", 0},
		{lb->skel->maps.sockets, "sockets", 0},
		{lb->skel->maps.tcp_peers, "tcp_peers", conf->max_tcp},
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(maps) && r == 0; i++) {
		if (maps[i].size)
			r = bpf_map__set_max_entries(maps[i].map, maps[i].size);
		if (r == 0)
			r = pins_use_map(maps[i].map, lb->dir, maps[i].name);
	}
	return r < 0 ? r : pins_use_map(lb->skel->maps.counters, lb->node_dir, "counters");
}

/* Find the directories; with `create` make them. */
static int open_dir(struct lb *lb, const struct lb_conf *conf, bool create, struct err *err)
{
	CLEANUP(buf_done) struct buf dir = BUF_INIT;
	int r = pins_dir(conf->node, conf->run_dir, create, &dir, err);

	if (r < 0)
		return r;
	lb->node_dir = xstrdup(dir.p);
	lb->dir = xasprintf("%s/" LB_DIR, dir.p);
	return create ? dir_make(lb->dir, 0700) : 0;
}

#define SLOT_CHUNK (64u << 10) /* bytes; whole pages on every kernel */

int lb_slots_map(struct lb *lb, uint32_t base, uint32_t count)
{
	size_t at = (size_t)base * sizeof(struct lb_slot) / SLOT_CHUNK;
	size_t end = ((size_t)base + count) * sizeof(struct lb_slot);

	for (; at * SLOT_CHUNK < end; at++) {
		size_t from = at * SLOT_CHUNK;
		size_t len = MIN((size_t)SLOT_CHUNK, lb->slot_bytes - from);

		if (lb->slot_mapped[at / 64] >> at % 64 & 1)
			continue;
		if (mmap((char *)(uintptr_t)lb->slot + from, len, lb->slot_prot,
			 MAP_SHARED | MAP_FIXED, lb->backends_fd, (off_t)from) == MAP_FAILED)
			return -errno;
		lb->slot_mapped[at / 64] |= 1ull << at % 64;
	}
	return 0;
}

/* Size and mapping of the maps that rows and slots are read from. */
static int map_backends(struct lb *lb, bool writable, struct err *err)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);
	void *p;

	if (bpf_obj_get_info_by_fd(lb->services_fd, &info, &len) < 0)
		return err_sys(err, errno, "cannot read the services map");
	lb->max_services = info.max_entries;
	info = (struct bpf_map_info){0};
	if (bpf_obj_get_info_by_fd(lb->backends_fd, &info, &len) < 0)
		return err_sys(err, errno, "cannot read the backends map");
	lb->max_backends = info.max_entries;
	lb->slot_bytes = (size_t)info.max_entries * sizeof(struct lb_slot);
	lb->slot_prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	p = mmap(NULL, lb->slot_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		 0);
	if (p == MAP_FAILED)
		return err_sys(err, errno, "cannot map the backends: %s", strerror(errno));
	lb->slot = p;
	lb->slot_mapped = xcalloc(lb->slot_bytes / SLOT_CHUNK / 64 + 1, sizeof(uint64_t));
	lb->slots = slots_new(lb->max_backends, &clock_system);
	return 0;
}

static int load(struct lb *lb, const struct lb_conf *conf, struct err *err)
{
	uint64_t cookie;
	int r;

	lb->skel = lb_bpf__open();
	if (!lb->skel)
		return err_sys(err, errno, "cannot open the lb BPF object: %s", strerror(errno));
	r = use_maps(lb, conf);
	if (r < 0)
		return err_sys(err, -r, "cannot use the maps pinned in %s: %s", lb->dir,
			       strerror(-r));
	r = netns_cookie(&cookie);
	if (r < 0)
		return err_sys(err, -r, "cannot name the network namespace (SO_NETNS_COOKIE): %s",
			       strerror(-r));
	lb->skel->rodata->host_netns_cookie = cookie;
	r = bpf_load(lb->skel->skeleton, "service", err);
	if (r < 0)
		return r;
	lb->services_fd = bpf_map__fd(lb->skel->maps.services);
	lb->backends_fd = bpf_map__fd(lb->skel->maps.backends);
	lb->node_addrs_fd = bpf_map__fd(lb->skel->maps.node_addrs);
	lb->sources_fd = bpf_map__fd(lb->skel->maps.sources);
	lb->sources6_fd = bpf_map__fd(lb->skel->maps.sources6);
	lb->names.fd = bpf_map__fd(lb->skel->maps.names6);
	lb->names.addrs_fd = bpf_map__fd(lb->skel->maps.addrs6);
	lb->sockets_fd = bpf_map__fd(lb->skel->maps.sockets);
	lb->tcp_peers_fd = bpf_map__fd(lb->skel->maps.tcp_peers);
	return map_backends(lb, true, err);
}

DEFINE_CLEANUP(struct lb *, lb_closep, lb_close)

int lb_open(const struct lb_conf *conf, struct lb **ret, struct err *err)
{
	CLEANUP(lb_closep) struct lb *lb = NEW(struct lb);
	CLEANUP_FD int cgroup_fd = -1;
	int r = bpf_usable(err);

	if (r < 0)
		return r;
	cgroup_fd = open_cgroup(conf->cgroup_root, err);
	if (cgroup_fd < 0)
		return cgroup_fd;
	r = open_dir(lb, conf, true, err);
	if (r < 0)
		return err_sys(err, -r, "cannot make the pin directory: %s", strerror(-r));
	r = load(lb, conf, err);
	if (r < 0)
		return r;
	r = lb_maps_load(lb);
	if (r < 0)
		return err_sys(err, -r, "cannot read the pinned services: %s", strerror(-r));
	lb_sources_load(lb);
	r = attach(lb, cgroup_fd, err);
	if (r < 0)
		return r;
	pins_remove_other(lb->node_dir, "lb-v", LB_DIR);
	*ret = TAKE(lb);
	return 0;
}

static int open_pinned(const char *dir, const char *name, int *ret)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

int lb_open_view(const struct lb_conf *conf, struct lb **ret, struct err *err)
{
	CLEANUP(lb_closep) struct lb *lb = NEW(struct lb);
	int r;

	lb->services_fd = lb->backends_fd = -1;
	r = open_dir(lb, conf, false, err);
	if (r == 0)
		r = open_pinned(lb->dir, "services", &lb->services_fd);
	if (r == 0)
		r = open_pinned(lb->dir, "backends", &lb->backends_fd);
	if (r < 0)
		return err_sys(err, -r, "no services of node %s are pinned here", conf->node);
	/* Missing where an older agent pinned the rest. */
	if (open_pinned(lb->dir, "names6", &lb->names.fd) < 0 ||
	    open_pinned(lb->dir, "addrs6", &lb->names.addrs_fd) < 0)
		lb->names.fd = 0;
	r = map_backends(lb, false, err);
	if (r == 0)
		r = lb_maps_load(lb);
	if (r < 0)
		return r;
	*ret = TAKE(lb);
	return 0;
}

struct lb *lb_close(struct lb *lb)
{
	if (!lb)
		return NULL;
	if (lb->slot)
		munmap((void *)lb->slot, lb->slot_bytes);
	if (lb->skel) {
		lb_bpf__destroy(lb->skel); /* closes the maps' descriptors; the pins hold them */
	} else {
		if (lb->services_fd > 0)
			close(lb->services_fd);
		if (lb->backends_fd > 0)
			close(lb->backends_fd);
		if (lb->names.fd > 0)
			close(lb->names.fd);
		if (lb->names.addrs_fd > 0)
			close(lb->names.addrs_fd);
	}
	reap_bpf__destroy(lb->reap);
	slots_free(lb->slots);
	free(lb->slot_mapped);
	lb_rows_done(&lb->rows);
	lb_names_done(&lb->names);
	free(lb->gone);
	free(lb->dir);
	free(lb->node_dir);
	free(lb);
	return NULL;
}

int lb_reset(const struct lb_conf *conf, struct err *err)
{
	/* An unpinned cgroup link with no descriptor detaches. */
	return pins_remove(conf->node, conf->run_dir, "lb-v", err);
}
