/* SPDX-License-Identifier: Apache-2.0 */
/* Names and files of cgroup v1 (Documentation/admin-guide/cgroup-v1). */
#include "agent/runtime/cgroup_impl.h"

static bool has(const struct cgroups *cg, const char *controller)
{
	for (size_t i = 0; i < cg->n_trees; i++)
		if (strcmp(cg->tree[i].controller, controller) == 0)
			return true;
	return false;
}

static int fill(struct cgroups *cg, struct cgroup *g, const struct runtime_resources *res)
{
	struct cgroup_controller *c;
	for (size_t i = 0; i < cg->n_trees; i++)
		if (!cgroup_want(g, cg->tree[i].controller))
			return -ENOMEM;
	c = cgroup_get_controller(g, "cpu");
	if (c && res->cpu_shares)
		cgroup_add_value_uint64(c, "cpu.shares", MAX(res->cpu_shares, 2ul));
	if (c && res->cpu_quota_us) {
		cgroup_add_value_uint64(c, "cpu.cfs_period_us",
					res->cpu_period_us ? res->cpu_period_us : 100000);
		cgroup_add_value_uint64(c, "cpu.cfs_quota_us", MAX(res->cpu_quota_us, 1000ul));
	}
	c = cgroup_get_controller(g, "memory");
	if (c && res->mem_limit_bytes)
		cgroup_add_value_uint64(c, "memory.limit_in_bytes", res->mem_limit_bytes);
	c = cgroup_get_controller(g, "pids");
	if (c && res->pids_limit)
		cgroup_add_value_uint64(c, "pids.max", res->pids_limit);
	/* A limit without its controller would be a limit silently not kept. */
	if ((res->mem_limit_bytes && !has(cg, "memory")) || (res->pids_limit && !has(cg, "pids")) ||
	    (res->cpu_quota_us && !has(cg, "cpu")))
		return -EOPNOTSUPP;
	return 0;
}

static int stats(struct cgroups *cg, const char *path, struct runtime_stats *s)
{
	char dir[1024];
	uint64_t inactive = 0;
	int r = -ENOENT;

	if (cgroup_dir(cg, "cpuacct", path, dir, sizeof(dir)) == 0)
		r = cgroup_read_u64(dir, "cpuacct.usage", NULL, &s->cpu_usage_ns);
	if (cgroup_dir(cg, "memory", path, dir, sizeof(dir)) == 0) {
		r = cgroup_read_u64(dir, "memory.usage_in_bytes", NULL, &s->mem_usage_bytes);
		cgroup_read_u64(dir, "memory.limit_in_bytes", NULL, &s->mem_limit_bytes);
		if (s->mem_limit_bytes >= 1ull << 62)
			s->mem_limit_bytes = 0; /* what v1 says for "none" */
		cgroup_read_u64(dir, "memory.stat", "total_inactive_file", &inactive);
		cgroup_read_u64(dir, "memory.stat", "total_rss", &s->mem_rss_bytes);
		cgroup_read_u64(dir, "memory.stat", "total_pgfault", &s->mem_page_faults);
		cgroup_read_u64(dir, "memory.stat", "total_pgmajfault", &s->mem_major_page_faults);
		cgroup_read_u64(dir, "memory.oom_control", "oom_kill", &s->oom_kills);
	}
	s->mem_working_set_bytes =
		s->mem_usage_bytes > inactive ? s->mem_usage_bytes - inactive : 0;
	if (cgroup_dir(cg, "cpu", path, dir, sizeof(dir)) == 0) {
		cgroup_read_u64(dir, "cpu.stat", "nr_periods", &s->periods);
		cgroup_read_u64(dir, "cpu.stat", "nr_throttled", &s->throttled_periods);
		cgroup_read_u64(dir, "cpu.stat", "throttled_time", &s->throttled_ns);
	}
	if (cgroup_dir(cg, "pids", path, dir, sizeof(dir)) == 0)
		cgroup_read_u64(dir, "pids.current", NULL, &s->pids);
	return r == -ENOENT || r == -ENODEV ? -ESRCH : r;
}

const struct cgroup_layout cgroup_layout_v1 = {"v1", fill, stats};
const struct cgroup_layout cgroup_layout_hybrid = {"hybrid", fill, stats};
