/* SPDX-License-Identifier: Apache-2.0 */
/* Everything Knarr made on this machine goes: daemons, pods, network, files. */
#include "agent/runtime/runtime.h"
#include "cli/cli.h"
#include "cli/daemon.h"
#include "cli/session.h"
#include "lib/sys/file.h"
#include "net/lb.h"
#include "net/pod_net.h"

#include <dirent.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <uv.h>

struct reset_options {
	bool yes, keep_images;
	const char *node_name, *root, *libexec_dir, *data_dir, *run_dir, *cgroup_root;
};

static const struct option_row rows[] = {
	{"yes", 'y', OPTION_FLAG, offsetof(struct reset_options, yes), NULL, "do not ask"},
	{"keep-images", 0, OPTION_FLAG, offsetof(struct reset_options, keep_images), NULL,
	 "leave the node's image store"},
	{"node-name", 0, OPTION_STRING, offsetof(struct reset_options, node_name), "NAME",
	 "as given to knarr-agent (default: the host name)"},
	{"root", 0, OPTION_STRING, offsetof(struct reset_options, root), "DIR",
	 "as given to knarr-agent: only that node goes, and no daemon is stopped"},
	{"libexec-dir", 0, OPTION_STRING, offsetof(struct reset_options, libexec_dir), "DIR",
	 "where knarr-pod is (default: as installed)"},
	{"data-dir", 0, OPTION_STRING, offsetof(struct reset_options, data_dir), "DIR",
	 "where data is (default /var/lib/knarr)"},
	{"run-dir", 0, OPTION_STRING, offsetof(struct reset_options, run_dir), "DIR",
	 "the agent's run-time folder (default /run/knarr/agent)"},
	{"cgroup-root", 0, OPTION_STRING, offsetof(struct reset_options, cgroup_root), "NAME",
	 "as given to knarr-agent (default knarr)"},
};
static const struct options_spec spec = {
	"knarrctl reset",
	"",
	"Stops Knarr on this machine and removes everything it made: pods, network, data.",
	rows,
	ARRAY_SIZE(rows),
	"The cluster's data on this machine is lost. Other machines are not touched."};

struct waiting {
	bool done;
	int r;
};

static void on_removed(void *user, int r, const struct err *err)
{
	struct waiting *w = user;

	w->done = true;
	w->r = r;
	if (r < 0)
		fprintf(stderr, "knarrctl reset: %s\n", err_text(err));
}

static void no_event(void *user, const struct runtime_event *ev)
{
}

#define REMOVE_PATIENCE_NS (10 * NSEC_PER_SEC) /* for one pod; its processes are killed at once */
#define REMOVE_TRIES 3

static void on_tick(uv_timer_t *t)
{
}

/* Runs the loop until *done (NULL: until nothing is left in it), at most for `patience_ns`. */
static bool run_loop(uv_loop_t *loop, const bool *done, uint64_t patience_ns)
{
	uint64_t until = uv_hrtime() + patience_ns;
	uv_timer_t tick;

	uv_timer_init(loop, &tick);
	/* Wakes the loop for the look at the clock, and never keeps it alive by itself. */
	uv_timer_start(&tick, on_tick, 50, 50);
	if (!done)
		uv_unref((uv_handle_t *)&tick);
	while ((!done || !*done) && uv_hrtime() < until)
		if (!uv_run(loop, UV_RUN_ONCE) && !done)
			break;
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(loop, UV_RUN_NOWAIT);
	return done ? *done : !uv_loop_alive(loop);
}

/* Every sandbox there is. -EAGAIN: one did not go in time, start again from what is on the disk. */
static int remove_sandboxes(struct runtime *rt, uv_loop_t *loop, struct waiting *w, size_t *n,
			    struct err *err)
{
	struct sandbox_info info;

	while (runtime_sandbox_next(rt, NULL, &info) == 0) {
		int r;

		*w = (struct waiting){0};
		r = runtime_sandbox_remove(rt, info.id, on_removed, w, err);
		if (r < 0)
			return r;
		if (!run_loop(loop, &w->done, REMOVE_PATIENCE_NS))
			return -EAGAIN;
		if (w->r < 0)
			return w->r;
		++*n;
	}
	return 0;
}

static int try_remove_pods(const struct runtime_conf *conf, size_t *n, struct err *err)
{
	struct runtime_conf c = *conf;
	struct waiting w = {
		0}; /* outlives the loop: what was not done in time is called off there */
	struct runtime *rt;
	uv_loop_t loop;
	int r;

	uv_loop_init(&loop);
	c.loop = &loop;
	r = runtime_open(&c, &rt, err);
	if (r < 0)
		return r;
	r = runtime_recover(rt, err);
	if (!r)
		r = remove_sandboxes(rt, &loop, &w, n, err);
	runtime_close(rt);
	/* A loop that is not empty in time is left to the end of this process. */
	if (run_loop(&loop, NULL, REMOVE_PATIENCE_NS))
		uv_loop_close(&loop);
	return r;
}

static int remove_pods(const struct reset_options *o, struct err *err)
{
	CLEANUP_FREE char *root = xasprintf("%s/agent/runtime", o->data_dir);
	CLEANUP_FREE char *run = xasprintf("%s/runtime", o->run_dir);
	CLEANUP_FREE char *pod = o->libexec_dir ? xasprintf("%s/knarr-pod", o->libexec_dir) : NULL;
	struct runtime_conf conf = {.root_dir = root,
				    .run_dir = run,
				    .cgroup_root = o->cgroup_root,
				    .pod_binary = pod,
				    .on_event = no_event};
	int r = -EAGAIN;
	size_t n = 0;

	if (access(run, F_OK) < 0)
		return 0;
	for (int i = 0; r == -EAGAIN && i < REMOVE_TRIES; i++)
		r = try_remove_pods(&conf, &n, err);
	if (n)
		printf("removed %zu pods\n", n);
	if (r == -EAGAIN)
		err_sys(err, ETIMEDOUT, "a pod below %s can not be removed", run);
	return r;
}

static int remove_network(const struct reset_options *o, struct err *err)
{
	struct lb_conf lb = {.node = o->node_name, .run_dir = o->run_dir};
	struct pod_net_conf pods = {.node = o->node_name, .run_dir = o->run_dir};
	int r = pod_net_reset(&pods, err);

	return r < 0 ? r : lb_reset(&lb, err);
}

/* Mounts beneath a folder (volumes, namespaces), the innermost first. */
static void unmount_below(const char *dir)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	size_t len = strlen(dir);
	struct str rest, line;
	char **found = NULL;
	size_t n = 0, cap = 0;

	if (file_read(AT_FDCWD, "/proc/self/mountinfo", 64 << 20, &b) < 0)
		return;
	rest = buf_str(&b);
	while (str_split(&rest, '\n', &line)) {
		struct str word = STR_NULL, l = line;

		for (int i = 0; i < 5 && str_split(&l, ' ', &word); i++)
			;
		if (word.len > len && memcmp(word.p, dir, len) == 0 && word.p[len] == '/')
			*ARRAY_PUSH(found, n, cap) = str_dup(word);
	}
	while (n) {
		umount2(found[--n], MNT_DETACH | UMOUNT_NOFOLLOW);
		free(found[n]);
	}
	free(found);
}

static char *below(const struct reset_options *o, const char *path)
{
	return xasprintf("%s%s", o->root ? o->root : "", path);
}

/* What drivers mounted for pods, and where; the drivers' own folders stay. */
static int remove_driver_mounts(const struct reset_options *o, struct err *err)
{
	static const char *const parts[] = {"pods", "plugins/kubernetes.io"};
	CLEANUP_FREE char *kubelet = below(o, "/var/lib/kubelet");

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		CLEANUP_FREE char *dir = xasprintf("%s/%s", kubelet, parts[i]);
		int r;

		unmount_below(dir);
		r = dir_remove_tree(AT_FDCWD, dir);
		if (r < 0)
			return err_sys(err, -r, "cannot remove %s: %s", dir, strerror(-r));
	}
	/* Made a mount of its own to be shared; where it is one anyway, somebody else's. */
	if (o->root)
		umount2(kubelet, MNT_DETACH | UMOUNT_NOFOLLOW);
	return 0;
}

static int remove_files(const struct reset_options *o, struct err *err)
{
	CLEANUP_FREE char *master = xasprintf("%s/master", o->data_dir);
	CLEANUP_FREE char *agent = xasprintf("%s/agent", o->data_dir);
	CLEANUP_FREE char *logs = below(o, "/var/log/knarr");
	CLEANUP_FREE char *pod_logs = below(o, "/var/log/pods");
	CLEANUP_FREE char *etc = below(o, "/etc/knarr");
	CLEANUP_FREE char *run = below(o, "/run/knarr");
	const char *dirs[] = {master, o->run_dir, logs, pod_logs, etc, agent};

	if (remove_driver_mounts(o, err) < 0)
		return -EIO;
	unmount_below(o->data_dir);
	unmount_below(o->run_dir);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		int r;

		if (dirs[i] == agent && o->keep_images)
			continue;
		r = dir_remove_tree(AT_FDCWD, dirs[i]);
		if (r < 0)
			return err_sys(err, r, "cannot remove %s: %s", dirs[i], strerror(-r));
	}
	rmdir(o->data_dir);
	rmdir(run);
	return 0;
}

/* What is left of the hierarchies when their pods are gone: empty groups, the innermost first. */
static void remove_group(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *de;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (!d)
		return;
	while ((de = readdir(d)))
		if (de->d_type == DT_DIR && de->d_name[0] != '.')
			remove_group(dirfd(d), de->d_name);
	closedir(d);
	unlinkat(dir, name, AT_REMOVEDIR);
}

static void remove_cgroups(const char *name)
{
	CLEANUP_FD int v2 = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *de;
	DIR *d = opendir("/sys/fs/cgroup");

	remove_group(v2, name);
	while (d && (de = readdir(d))) {
		CLEANUP_FREE char *path = NULL;

		if (de->d_type != DT_DIR || de->d_name[0] == '.')
			continue;
		path = xasprintf("%s/%s", de->d_name, name);
		remove_group(v2, path);
	}
	if (d)
		closedir(d);
}

/* "name" of DATA-DIR/master/master.json; NULL: this machine is no master. */
static char *own_master_name(const struct reset_options *o)
{
	CLEANUP_FREE char *path = xasprintf("%s/master/master.json", o->data_dir);
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	return file_read(AT_FDCWD, path, 65536, &b) < 0
		       ? NULL
		       : jv_strdup(jv_get(jv_of(buf_str(&b)), "name"));
}

/* Other masters shall not go on counting its vote. */
static void leave_masters(const struct reset_options *o)
{
	CLEANUP(session_closep) struct session *s = NULL;
	CLEANUP_FREE char *name = own_master_name(o);
	CLEANUP_FREE char *path = name ? xasprintf("/knarr/v1/members/%s", name) : NULL;
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct cli_common common = {.kubeconfig = "/etc/knarr/admin.conf"};
	struct session_req req = {.method = "DELETE", .path = path};
	struct err err = ERR_INIT;
	int r;

	if (!name || !daemon_running(DAEMON_MASTER))
		return;
	r = session_open(&common, &s, &err);
	if (!r)
		r = session_get(s, "/knarr/v1/members", &b, &err);
	if (!r && jv_len(jv_get(jv_of(buf_str(&b)), "members")) < 2)
		return; /* with it goes the cluster */
	if (!r)
		r = session_do(s, &req, NULL, &err);
	if (r < 0)
		fprintf(stderr,
			"knarrctl reset: warning: the other masters still count on this one: %s\n"
			"  on another master: knarrctl member remove %s\n",
			err_text(&err), name);
	err_done(&err);
}

static int run(const struct reset_options *o, struct err *err)
{
	int r = 0;

	if (!o->root)
		leave_masters(o);

	if (!o->root &&
	    ((r = daemon_stop(DAEMON_AGENT, err)) < 0 || (r = daemon_stop(DAEMON_MASTER, err)) < 0))
		return r;
	r = remove_pods(o, err);
	if (!r)
		r = remove_network(o, err);
	if (!r)
		remove_cgroups(o->cgroup_root);
	return r < 0 ? r : remove_files(o, err);
}

static bool asked(void)
{
	char answer[8] = "";

	if (!isatty(STDIN_FILENO))
		return false;
	fputs("This removes all pods and the cluster's data from this machine. Go on? [y/N] ",
	      stdout);
	fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] | 32) == 'y';
}

int cmd_reset(int argc, char **argv, void *user)
{
	static struct reset_options o = {.cgroup_root = "knarr"};
	CLEANUP_FREE const char **args = NULL;
	struct err err = ERR_INIT;
	struct utsname u;
	size_t n;
	int r = options_parse(&spec, argc, argv, &o, &args, &n, &err);

	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0)
		return cli_fail("reset", &err) + 1;
	if (n)
		return cli_usage("reset", "takes no arguments");
	if (geteuid() != 0) {
		err_sys(&err, EPERM, "must run as root: try sudo");
		return cli_fail("reset", &err);
	}
	if (!o.yes && !asked())
		return cli_usage("reset", "nothing was changed; --yes answers the question");
	if (!o.data_dir)
		o.data_dir = below(&o, "/var/lib/knarr");
	if (!o.run_dir)
		o.run_dir = below(&o, "/run/knarr/agent");
	uname(&u);
	if (!o.node_name)
		o.node_name = u.nodename;
	r = run(&o, &err);
	if (r < 0)
		return cli_fail("reset", &err);
	if (o.root)
		printf("Node %s is gone.\n", o.node_name);
	else
		printf("Knarr is gone from this machine.\n");
	return 0;
}
