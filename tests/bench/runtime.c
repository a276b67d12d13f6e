/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/runtime/runtime.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/sys/file.h"

#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <uv.h>
/*
 * A pod's container from the call to the exit event, beside crun and runc on the same rootfs (runs
 * alternate, medians); containers a second, two at a time; the supervisor's memory.
 *
 *	runtime [KNARR_POD [ROUNDS]]		JSON lines; needs root and /bin/busybox
 *
 * crun does not know hybrid cgroup hosts: there it runs in a mount namespace without the v2 tree.
 */
extern char **environ;
static struct runtime *rt;
static uv_loop_t loop;
static char base[128], run_dir[128];
static unsigned int started, exited;
static int failed;

static double now_ms(void)
{
	return (double)clock_mono_ns(&clock_system) / 1e6;
}

static void line(const char *name, double value, const char *unit, const char *peer,
		 double peer_value)
{
	printf("{\"name\":\"%s\",\"value\":%.4g,\"unit\":\"%s\"", name, value, unit);
	if (peer && peer_value > 0)
		printf(",\"peer\":\"%s\",\"peer_value\":%.4g,\"ratio\":%.3g", peer, peer_value,
		       value / peer_value);
	else
		printf(",\"peer\":null,\"peer_value\":null,\"ratio\":null");
	printf("}\n");
	fflush(stdout);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return n ? v[n / 2] : 0;
}

static int shell(const char *command)
{
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
	int status = -1;
	pid_t pid;
	if (posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) != 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void on_event(void *user, const struct runtime_event *ev)
{
	exited += ev->type == RUNTIME_EXITED;
}

static void on_done(void *user, int r, const struct err *err)
{
	if (r < 0) {
		fprintf(stderr, "runtime: %s\n", err_text(err));
		failed = 1;
		exited++; /* nobody waits for it */
	}
	started++;
}

static int begin(const char *id)
{
	CLEANUP_FREE char *rootfs = xasprintf("%s/bundle/rootfs", base);
	const char *const lower[] = {rootfs, NULL}, *const argv[] = {"true", NULL};
	const char *const env[] = {"PATH=/bin", NULL};
	struct container_spec s = {
		.id = id,
		.sandbox_id = "bench",
		.lower_dirs = lower,
		.n_lower_dirs = 1,
		.argv = argv,
		.env = env,
		.uid = -1,
		.gid = -1,
		.caps = RUNTIME_CAPS_DEFAULT,
		.no_new_privs = true,
		.resources = {.mem_limit_bytes = 64 << 20, .cpu_shares = 512, .pids_limit = 100}};
	struct err err = ERR_INIT;
	int r = runtime_container_start(rt, &s, on_done, NULL, &err);
	if (r < 0)
		on_done(NULL, r, &err);
	err_done(&err);
	return r;
}

static void wait_exits(unsigned int n)
{
	while (exited < n && !failed)
		uv_run(&loop, UV_RUN_ONCE);
}

static double one(unsigned int i)
{
	char id[32];
	double t;
	snprintf(id, sizeof(id), "c%u", i);
	started = exited = 0;
	t = now_ms();
	begin(id);
	wait_exits(1);
	t = now_ms() - t;
	runtime_container_remove(rt, id, NULL);
	return t;
}

/* Two starts in flight until n have ended; removal is part of it. */
static double rate(unsigned int n)
{
	char id[32];
	double t = now_ms();
	unsigned int next = 0, removed = 0;
	started = exited = 0;
	while (exited < n && !failed) {
		while (next < n && next - exited < 2) {
			snprintf(id, sizeof(id), "r%u", next++);
			begin(id);
		}
		uv_run(&loop, UV_RUN_ONCE);
		for (; removed + 2 < next; removed++) {
			struct container_info info;
			snprintf(id, sizeof(id), "r%u", removed);
			if (runtime_container_get(rt, id, &info) == 0 &&
			    info.state != RUNTIME_CONTAINER_EXITED)
				break;
			runtime_container_remove(rt, id, NULL);
		}
	}
	return n / ((now_ms() - t) / 1000);
}

static double pss_kb(pid_t pid)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	char path[64];
	const char *at;
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	if (file_read(AT_FDCWD, path, 65536, &b) < 0 || !(at = strstr(b.p, "\nPss:")))
		return 0;
	return strtod(at + 5, NULL);
}

static bool peer_ready(const char *name)
{
	CLEANUP_FREE char *cmd =
		xasprintf("command -v %s >/dev/null && mkdir -p %s/%s && cd %s/%s && %s spec && "
			  "sed -i 's/\"terminal\": true/\"terminal\": false/; s/\"sh\"/\"true\"/; "
			  "s#\"path\": \"rootfs\"#\"path\": \"%s/bundle/rootfs\"#' config.json",
			  name, base, name, base, name, name, base);
	return shell(cmd) == 0;
}

static double peer_run(const char *name, unsigned int i)
{
	bool hybrid =
		strcmp(name, "crun") == 0 && strcmp(runtime_cgroup_version(rt), "hybrid") == 0;
	CLEANUP_FREE char *cmd =
		hybrid ? xasprintf(
				 "exec unshare -m sh -c 'umount /sys/fs/cgroup/unified; exec crun "
				 "run -b %s/crun kb%d-%u' >/dev/null 2>&1",
				 base, (int)getpid(), i)
		       : xasprintf("exec %s run -b %s/%s kb%d-%u >/dev/null 2>&1", name, base, name,
				   (int)getpid(), i);
	double t = now_ms();
	return shell(cmd) == 0 ? now_ms() - t : -1;
}

static void measure(unsigned int rounds)
{
	static const char *const peers[] = {"crun", "runc"};
	double *ours = xcalloc(rounds, sizeof(double)), *peer[2];
	size_t n_peer[2] = {0, 0};
	bool have[2];
	double m;

	for (size_t k = 0; k < 2; k++) {
		peer[k] = xcalloc(rounds, sizeof(double));
		have[k] = peer_ready(peers[k]);
	}
	one(1000000); /* the seccomp filter is compiled now */
	for (unsigned int i = 0; i < rounds && !failed; i++) {
		ours[i] = one(i);
		for (size_t k = 0; k < 2; k++) {
			double t = have[k] && i % 4 == 0 ? peer_run(peers[k], i) : -1;
			if (t > 0)
				peer[k][n_peer[k]++] = t;
		}
	}
	m = median(ours, rounds);
	for (size_t k = 0; k < 2; k++) {
		char name[64];
		snprintf(name, sizeof(name), "container start to exit beside %s", peers[k]);
		line(name, m, "ms", peers[k], median(peer[k], n_peer[k]));
		free(peer[k]);
	}
	free(ours);
	line("containers a second, 2 at a time", rate(rounds * 2), "1/s", NULL, 0);
}

/* Ten pods with a container each: what a supervisor costs where others share its text. */
static void memory(void)
{
	struct sandbox_info info;
	double sum = 0;
	char id[32];
	for (int i = 0; i < 10; i++) {
		struct sandbox_spec s = {.id = id, .pid = RUNTIME_NS_CONTAINER};
		snprintf(id, sizeof(id), "m%d", i);
		started = 0;
		if (runtime_sandbox_start(rt, &s, on_done, NULL, NULL) < 0)
			return;
		while (!started)
			uv_run(&loop, UV_RUN_ONCE);
	}
	for (int i = 0; i < 10; i++) {
		snprintf(id, sizeof(id), "m%d", i);
		if (runtime_sandbox_get(rt, id, &info) == 0)
			sum += pss_kb(info.supervisor);
	}
	line("memory of a pod's supervisor", sum / 10, "KB PSS", NULL, 0);
	for (int i = 0; i < 10; i++) {
		snprintf(id, sizeof(id), "m%d", i);
		started = 0;
		runtime_sandbox_remove(rt, id, on_done, NULL, NULL);
		while (!started)
			uv_run(&loop, UV_RUN_ONCE);
	}
}

static void run(unsigned int rounds)
{
	struct sandbox_spec s = {.id = "bench", .pid = RUNTIME_NS_CONTAINER};
	struct sandbox_info info;
	double t = now_ms();

	started = 0;
	if (runtime_sandbox_start(rt, &s, on_done, NULL, NULL) < 0)
		return;
	while (!started)
		uv_run(&loop, UV_RUN_ONCE);
	line("sandbox start", now_ms() - t, "ms", NULL, 0);
	if (runtime_sandbox_get(rt, "bench", &info) == 0 && !failed)
		measure(rounds);
	memory();
	started = 0;
	runtime_sandbox_remove(rt, "bench", on_done, NULL, NULL);
	while (!started)
		uv_run(&loop, UV_RUN_ONCE);
	for (int i = 0; i < 200 && runtime_cgroup_remove(rt, "", NULL) < 0; i++) {
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(10000);
	}
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	char cgroup[64], pod[PATH_MAX + 32], self[PATH_MAX] = "";
	CLEANUP_FREE char *make = NULL;

	if (geteuid() != 0 || access("/bin/busybox", X_OK) < 0) {
		fprintf(stderr, "needs root and /bin/busybox (Debian: busybox-static)\n");
		return 77;
	}
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	*strrchr(self, '/') = 0; /* BUILD/tests/bench */
	snprintf(pod, sizeof(pod), "%s/../../knarr-pod", self);
	snprintf(base, sizeof(base), "/tmp/knarr-bench-%d", (int)getpid());
	snprintf(run_dir, sizeof(run_dir), "/run/knarr-bench-%d", (int)getpid());
	snprintf(cgroup, sizeof(cgroup), "knarr-bench-%d", (int)getpid());
	make = xasprintf("mkdir -p %s/bundle/rootfs/bin %s/root && cp /bin/busybox "
			 "%s/bundle/rootfs/bin/true",
			 base, base, base);
	if (shell(make) != 0)
		return 1;
	uv_loop_init(&loop);
	struct runtime_conf conf = {.root_dir = base,
				    .run_dir = run_dir,
				    .cgroup_root = cgroup,
				    .pod_binary = argc > 1 ? argv[1] : pod,
				    .loop = &loop,
				    .on_event = on_event};
	if (runtime_open(&conf, &rt, &err) < 0) {
		fprintf(stderr, "%s\n", err_text(&err));
		return 1;
	}
	run(argc > 2 ? (unsigned int)atoi(argv[2]) : 60);
	runtime_close(rt);
	uv_run(&loop, UV_RUN_DEFAULT);
	dir_remove_tree(AT_FDCWD, base);
	dir_remove_tree(AT_FDCWD, run_dir);
	return failed;
}
