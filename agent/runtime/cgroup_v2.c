/* SPDX-License-Identifier: Apache-2.0 */
/* Names and files of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst). */
#include "agent/runtime/cgroup_impl.h"

/* KEP-2254: shares 2..262144 to weight 1..10000. */
static uint64_t weight_of(uint64_t shares)
{
	shares = MIN(MAX(shares, 2ul), 262144ul);
	return 1 + ((shares - 2) * 9999) / 262142;
}

static int fill(struct cgroups *cg, struct cgroup *g, const struct runtime_resources *res)
{
	struct cgroup_controller *cpu = cgroup_want(g, "cpu"), *mem = cgroup_want(g, "memory"),
				 *pids = cgroup_want(g, "pids"), *c;
	char text[64];

	if (!cpu || !mem || !pids)
		return -ENOMEM;
	if (res->cpu_shares)
		cgroup_add_value_uint64(cpu, "cpu.weight", weight_of(res->cpu_shares));
	if (res->cpu_quota_us) {
		snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64, MAX(res->cpu_quota_us, 1000ul),
			 res->cpu_period_us ? res->cpu_period_us : 100000);
		cgroup_add_value_string(cpu, "cpu.max", text);
	}
	if (res->mem_limit_bytes)
		cgroup_add_value_uint64(mem, "memory.max", res->mem_limit_bytes);
	if (res->mem_min_bytes)
		cgroup_add_value_uint64(mem, "memory.min", res->mem_min_bytes);
	if (res->pids_limit)
		cgroup_add_value_uint64(pids, "pids.max", res->pids_limit);
	if (res->cpuset_cpus || res->cpuset_mems) {
		c = cgroup_want(g, "cpuset");
		if (!c)
			return -ENOMEM;
		if (res->cpuset_cpus)
			cgroup_add_value_string(c, "cpuset.cpus", res->cpuset_cpus);
		if (res->cpuset_mems)
			cgroup_add_value_string(c, "cpuset.mems", res->cpuset_mems);
	}
	for (const char *const *u = res->unified; u && u[0] && u[1]; u += 2) {
		struct str name = str_of(u[0]);
		ssize_t dot = str_chr(name, '.');
		char controller[32];
		if (dot <= 0 || str_copy(controller, sizeof(controller), str_n(u[0], (size_t)dot)))
			return -EINVAL;
		c = cgroup_want(g, controller);
		if (!c || cgroup_add_value_string(c, u[0], u[1]))
			return -EINVAL;
	}
	return 0;
}

static int stats(struct cgroups *cg, const char *path, struct runtime_stats *s)
{
	char dir[1024];
	uint64_t inactive = 0, us = 0, v = 0;
	int r = cgroup_dir(cg, NULL, path, dir, sizeof(dir));

	if (r < 0)
		return r;
	r = cgroup_read_u64(dir, "cpu.stat", "usage_usec", &us);
	s->cpu_usage_ns = us * NSEC_PER_USEC;
	cgroup_read_u64(dir, "cpu.stat", "nr_periods", &s->periods);
	cgroup_read_u64(dir, "cpu.stat", "nr_throttled", &s->throttled_periods);
	if (cgroup_read_u64(dir, "cpu.stat", "throttled_usec", &v) == 0)
		s->throttled_ns = v * NSEC_PER_USEC;
	cgroup_read_u64(dir, "memory.current", NULL, &s->mem_usage_bytes);
	cgroup_read_u64(dir, "memory.max", NULL, &s->mem_limit_bytes);
	cgroup_read_u64(dir, "memory.stat", "inactive_file", &inactive);
	cgroup_read_u64(dir, "memory.stat", "anon", &s->mem_rss_bytes);
	cgroup_read_u64(dir, "memory.stat", "pgfault", &s->mem_page_faults);
	cgroup_read_u64(dir, "memory.stat", "pgmajfault", &s->mem_major_page_faults);
	cgroup_read_u64(dir, "memory.events", "oom_kill", &s->oom_kills);
	cgroup_read_u64(dir, "pids.current", NULL, &s->pids);
	s->mem_working_set_bytes =
		s->mem_usage_bytes > inactive ? s->mem_usage_bytes - inactive : 0;
	return r == -ENOENT || r == -ENODEV ? -ESRCH : r;
}

const struct cgroup_layout cgroup_layout_v2 = {"v2", fill, stats};
