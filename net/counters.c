/* SPDX-License-Identifier: Apache-2.0 */
#include "net/counters.h"
#include "net/pins.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static const struct {
	const char *name, *help;
	bool drop;
} reasons[] = {
#define X(e, name_, drop_, help_) [NET_REASON_##e] = {.name = name_, .help = help_, .drop = drop_},
	NET_REASONS(X)
#undef X
};

const char *net_reason_name(enum net_reason r)
{
	return reasons[r].name;
}

const char *net_reason_help(enum net_reason r)
{
	return reasons[r].help;
}

bool net_reason_is_drop(enum net_reason r)
{
	return reasons[r].drop;
}

int net_counters_read(const char *node, const char *run_dir, struct net_counters *ret,
		      struct err *err)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	CLEANUP_FREE uint64_t *per_cpu = NULL;
	CLEANUP_FD int fd = -1;
	struct net_counters sum = {0};
	int cpus, r;

	r = pins_dir(node, run_dir, false, &path, err);
	if (r == 0) {
		buf_adds(&path, "/counters");
		fd = bpf_obj_get(path.p);
		r = fd < 0 ? -errno : 0;
	}
	if (r < 0)
		return err_sys(err, -r, "no counters of node %s here: %s", node, strerror(-r));
	cpus = libbpf_num_possible_cpus();
	if (cpus < 0)
		return cpus;
	per_cpu = xcalloc((size_t)cpus, sizeof(*per_cpu));
	for (uint32_t i = 0; i < NET_REASON_MAX; i++) {
		if (bpf_map_lookup_elem(fd, &i, per_cpu) < 0)
			return err_sys(err, errno, "cannot read a counter");
		for (int c = 0; c < cpus; c++)
			sum.n[i] += per_cpu[c];
	}
	*ret = sum;
	return 0;
}
