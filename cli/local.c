/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster of several nodes on one machine: each node is an agent with a network namespace, a
 * folder (--root) and a control group of its own, joined to the master by a bridge.
 *
 *	bridge kn-local 10.98.0.1/24 ---- the master, in the caller's namespace (others: .2 ...)
 *	   |- kn-local1 <-veth-> eth0 10.98.0.11 in namespace kn-local-n1
 *	   `- kn-local2 <-veth-> ...
 *
 * DIR (/var/lib/knarr/local) holds NAME.pid, NAME.log, the master's data and each node's folder;
 * what `down` has to take away is read from the pid files.
 */
#include "cli/daemon.h"
#include "cli/session.h"
#include "lib/base/clock.h"
#include "lib/sys/file.h"

#include <dirent.h>

#define DIR_DEFAULT "/var/lib/knarr/local"
#define BRIDGE "kn-local"
#define NETWORK "10.98.0."
#define MASTER NETWORK "1" /* the first; the others behind it */
#define BALANCERS NETWORK "200-" NETWORK "249" /* addresses of load balancers */
/* With --dual-stack the same machines have these too, and Services and pods those below. */
#define NETWORK6 "fd00:98::"
#define BALANCERS6 NETWORK6 "200-" NETWORK6 "249"
#define SERVICES "10.96.0.0/16,fd00:96::/108"
#define PODS "10.244.0.0/16,fd00:244::/48"
#define MASTERS_MAX 9
#define NODES_MAX 64
#define READY_TIMEOUT_NS (30 * NSEC_PER_SEC)

struct local_options {
	const char *dir;
	uint64_t nodes, zones, masters;
	struct option_list images, master_options, agent_options;
	bool dual;
};

static const struct option_row rows[] = {
	{"nodes", 0, OPTION_U64, offsetof(struct local_options, nodes), "N",
	 "up: how many nodes (default 3)"},
	{"zones", 0, OPTION_U64, offsetof(struct local_options, zones), "N",
	 "up: zones the nodes are in, in turn (default 1)"},
	{"masters", 0, OPTION_U64, offsetof(struct local_options, masters), "N",
	 "up: how many masters (default 1)"},
	{"dual-stack", 0, OPTION_FLAG, offsetof(struct local_options, dual), NULL,
	 "up: nodes, pods and Services with IPv4 and IPv6"},
	{"image", 0, OPTION_LIST, offsetof(struct local_options, images), "FILE",
	 "up: image to import on every node; may be repeated"},
	{"master-option", 0, OPTION_LIST, offsetof(struct local_options, master_options), "WORD",
	 "up: a further option of knarr-master(8)"},
	{"agent-option", 0, OPTION_LIST, offsetof(struct local_options, agent_options), "WORD",
	 "up: a further option of knarr-agent(8)"},
	{"dir", 0, OPTION_STRING, offsetof(struct local_options, dir), "DIR",
	 "where everything is kept (default " DIR_DEFAULT ")"},
};
static const struct options_spec spec = {
	"knarrctl local",
	"up | down",
	"A cluster of several nodes on this machine, with real containers, to try things on.",
	rows,
	ARRAY_SIZE(rows),
	"up starts it and says how to use it, down leaves nothing of it."};

/* Runs a command; its failure is an error that shows it. The words end with NULL. */
static int must(struct err *err, const char *const *argv)
{
	CLEANUP(buf_done) struct buf words = BUF_INIT;
	int r = daemon_run(argv);

	if (r == 0)
		return 0;
	for (; *argv; argv++)
		buf_addf(&words, "%s%s", words.len ? " " : "", *argv);
	return r < 0 ? err_sys(err, -r, "cannot run \"%s\": %s", words.p, strerror(-r))
		     : err_sys(err, EIO, "\"%s\" failed", words.p);
}
#define MUST(err, ...) must(err, (const char *const[]){__VA_ARGS__, NULL})

static char *file_of(const struct local_options *o, const char *name, const char *end)
{
	return xasprintf("%s/%s%s", o->dir, name, end);
}

/* Folder of the helpers when run from a build folder, else NULL: as installed. */
static char *helper_dir(void)
{
	char *path = daemon_program("knarr-pod"), *slash = strrchr(path, '/');

	if (!slash) {
		free(path);
		return NULL;
	}
	*slash = 0;
	return path;
}

static int spawn(const struct local_options *o, const char *program, const char *name, int netns,
		 const struct option_list *words, const struct option_list *more, struct err *err)
{
	CLEANUP_FREE char *pid_file = file_of(o, name, ".pid");
	CLEANUP_FREE char *log = file_of(o, name, ".log");
	struct option_list all = {0};
	int r;

	for (size_t i = 0; i < words->n; i++)
		*ARRAY_PUSH(all.v, all.n, all.cap) = words->v[i];
	for (size_t i = 0; i < more->n; i++)
		*ARRAY_PUSH(all.v, all.n, all.cap) = more->v[i];
	r = daemon_spawn(&(struct daemon_conf){program, pid_file, log, netns}, all.v, all.n, err);
	free(all.v);
	return r;
}

static void words_free(struct option_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free((char *)l->v[i]);
	option_list_done(l);
}
#define ADD(l, ...) (*ARRAY_PUSH((l)->v, (l)->n, (l)->cap) = xasprintf(__VA_ARGS__))

static char *master_name(unsigned i)
{
	return i == 1 ? xstrdup("master") : xasprintf("master%u", i);
}

/*
 * With an address of its own: else it is that of a port, and changes when a node is taken away,
 * which the other nodes' neighbour tables learn half a minute later.
 */
static int make_bridge(struct err *err)
{
	int r = MUST(err, "ip", "link", "add", BRIDGE, "address", "02:4b:00:00:00:01", "type",
		     "bridge");

	return r < 0 ? r : MUST(err, "ip", "link", "set", BRIDGE, "up");
}

/* The machines and addresses there are, for the provider "metal". */
static int write_inventory(const struct local_options *o, struct err *err)
{
	CLEANUP_FREE char *path = file_of(o, "inventory", ".yaml");
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	int r;

	buf_adds(&b, "region: local\nmachines:\n");
	for (unsigned i = 1; i <= o->nodes; i++)
		buf_addf(&b, "- {name: n%u, zone: zone-%u}\n", i, (i - 1) % (unsigned)o->zones + 1);
	buf_addf(&b, "pools:\n- {name: local, addresses: [" BALANCERS "%s]}\n",
		 o->dual ? ", \"" BALANCERS6 "\"" : "");
	r = file_write_atomic(AT_FDCWD, path, buf_str(&b), 0644);
	return r < 0 ? err_sys(err, -r, "cannot write %s: %s", path, strerror(-r)) : 0;
}

/* token NULL: the first. */
static int start_master(const struct local_options *o, unsigned i, const char *token,
			const char *hash, struct err *err)
{
	CLEANUP(words_free) struct option_list w = {0};
	CLEANUP_FREE char *name = master_name(i);
	CLEANUP_FREE char *addr = xasprintf(NETWORK "%u/24", i);
	CLEANUP_FREE char *addr6 = xasprintf(NETWORK6 "%u/64", i);
	int r = MUST(err, "ip", "addr", "add", addr, "dev", BRIDGE);

	if (r == 0 && o->dual)
		r = MUST(err, "ip", "addr", "add", addr6, "dev", BRIDGE, "nodad");
	if (o->dual) {
		ADD(&w, "--service-cidr=" SERVICES);
		ADD(&w, "--cluster-cidr=" PODS);
	}
	ADD(&w, "--name=%s", name);
	ADD(&w, "--data-dir=%s/%s", o->dir, name);
	ADD(&w, "--config-dir=%s/%s", o->dir, i == 1 ? "etc" : name);
	ADD(&w, "--cloud=metal");
	ADD(&w, "--cloud-config=%s/inventory.yaml", o->dir);
	ADD(&w, "--bind=" NETWORK "%u", i);
	ADD(&w, "--advertise-address=" NETWORK "%u", i);
	if (token) {
		ADD(&w, "--join=https://" MASTER ":6443");
		ADD(&w, "--token=%s", token);
		ADD(&w, "--ca-hash=%s", hash);
	}
	return r < 0 ? r : spawn(o, DAEMON_MASTER, name, -1, &w, &o->master_options, err);
}

/* The first one, and then the others join it. */
static int start_masters(const struct local_options *o, struct err *err)
{
	CLEANUP(session_closep) struct session *s = NULL;
	CLEANUP(buf_done) struct buf hash = BUF_INIT;
	CLEANUP_FREE char *kubeconfig = file_of(o, "etc/admin.conf", "");
	struct cli_common common = {.kubeconfig = kubeconfig};
	char token[TOKEN_LEN + 1];
	int r = make_bridge(err);

	if (r == 0)
		r = write_inventory(o, err);
	if (r == 0)
		r = start_master(o, 1, NULL, NULL, err);
	if (r < 0 || o->masters == 1)
		return r;
	r = session_open(&common, &s, err);
	if (r == 0)
		r = token_create(s, TOKEN_MASTER, 15 * 60 * NSEC_PER_SEC, "knarrctl local up",
				 token, err);
	if (r == 0)
		r = session_ca_hash(s, &hash, err);
	for (unsigned i = 2; i <= o->masters && r >= 0; i++)
		r = start_master(o, i, token, hash.p, err);
	return r;
}

/* The node's namespace and its cable. */
static int plug_in(const struct local_options *o, unsigned i, const char *netns, struct err *err)
{
	CLEANUP_FREE char *port = xasprintf(BRIDGE "%u", i);
	CLEANUP_FREE char *addr = xasprintf(NETWORK "%u/24", 10 + i);
	CLEANUP_FREE char *addr6 = xasprintf(NETWORK6 "%u/64", 10 + i);
	int r = MUST(err, "ip", "netns", "add", netns);

	if (r == 0)
		r = MUST(err, "ip", "link", "add", port, "type", "veth", "peer", "name", "eth0",
			 "netns", netns);
	if (r == 0)
		r = MUST(err, "ip", "link", "set", port, "master", BRIDGE, "up");
	if (r == 0)
		r = MUST(err, "ip", "-n", netns, "link", "set", "lo", "up");
	if (r == 0)
		r = MUST(err, "ip", "-n", netns, "addr", "add", addr, "dev", "eth0");
	if (r == 0)
		r = MUST(err, "ip", "-n", netns, "link", "set", "eth0", "up");
	if (r == 0 && o->dual)
		r = MUST(err, "ip", "-n", netns, "addr", "add", addr6, "dev", "eth0", "nodad");
	if (r == 0 && o->dual)
		r = MUST(err, "ip", "-n", netns, "-6", "route", "add", "default", "via",
			 NETWORK6 "1");
	return r < 0 ? r : MUST(err, "ip", "-n", netns, "route", "add", "default", "via", MASTER);
}

static int import_images(const struct local_options *o, const char *name, struct err *err)
{
	CLEANUP_FREE char *store = xasprintf("%s/%s/var/lib/knarr/agent/images", o->dir, name);
	CLEANUP_FREE char *self = daemon_program("knarrctl");
	int r = o->images.n ? dir_make(store, 0755) : 0;

	for (size_t i = 0; i < o->images.n && r >= 0; i++)
		r = MUST(err, self, "image", "import", "--quiet", "--image-dir", store,
			 o->images.v[i]);
	return r;
}

static int start_node(const struct local_options *o, unsigned i, const char *token,
		      const char *hash, struct err *err)
{
	CLEANUP(words_free) struct option_list w = {0};
	CLEANUP_FREE char *name = xasprintf("n%u", i);
	CLEANUP_FREE char *netns = xasprintf(BRIDGE "-%s", name);
	CLEANUP_FREE char *netns_path = xasprintf("/run/netns/%s", netns);
	CLEANUP_FREE char *root = file_of(o, name, "");
	CLEANUP_FREE char *helpers = helper_dir();
	CLEANUP_FD int fd = -1;
	int r = dir_make(root, 0755);

	if (r < 0)
		return err_sys(err, -r, "cannot make %s: %s", root, strerror(-r));
	r = plug_in(o, i, netns, err);
	if (r == 0)
		r = import_images(o, name, err);
	if (r < 0)
		return r;
	fd = open(netns_path, O_RDONLY | O_CLOEXEC);
	ADD(&w, "--node-name=%s", name);
	ADD(&w, "--root=%s", root);
	ADD(&w, "--cgroup-root=%s", netns);
	ADD(&w, "--label=topology.kubernetes.io/region=local");
	ADD(&w, "--label=topology.kubernetes.io/zone=zone-%u", (i - 1) % (unsigned)o->zones + 1);
	ADD(&w, "--join=https://" NETWORK "%u:6443", (i - 1) % (unsigned)o->masters + 1);
	ADD(&w, "--token=%s", token);
	ADD(&w, "--ca-hash=%s", hash);
	if (o->dual)
		ADD(&w, "--cluster-cidr=" PODS);
	if (helpers)
		ADD(&w, "--libexec-dir=%s", helpers);
	return spawn(o, DAEMON_AGENT, name, fd, &w, &o->agent_options, err);
}

static bool is_ready(struct session *s, unsigned i)
{
	CLEANUP_FREE char *path = xasprintf("/api/v1/nodes/n%u", i);
	CLEANUP(buf_done) struct buf body = BUF_INIT;

	if (session_get(s, path, &body, NULL) < 0)
		return false;
	jv_for_each (c, jv_path(jv_of(buf_str(&body)), "status.conditions"))
		if (jv_eqs(jv_get(c.value, "type"), "Ready"))
			return jv_eqs(jv_get(c.value, "status"), "True");
	return false;
}

static int wait_ready(const struct local_options *o, struct session *s, struct err *err)
{
	uint64_t until = clock_mono_ns(&clock_system) + READY_TIMEOUT_NS;

	for (unsigned i = 1; i <= o->nodes; i++)
		while (!is_ready(s, i)) {
			if (clock_mono_ns(&clock_system) > until)
				return err_sys(err, ETIMEDOUT, "node n%u is not ready", i);
			usleep(20000);
		}
	return 0;
}

static int start_nodes(const struct local_options *o, struct err *err)
{
	CLEANUP(session_closep) struct session *s = NULL;
	CLEANUP(buf_done) struct buf hash = BUF_INIT;
	CLEANUP_FREE char *kubeconfig = file_of(o, "etc/admin.conf", "");
	struct cli_common common = {.kubeconfig = kubeconfig};
	char token[TOKEN_LEN + 1];
	int r = session_open(&common, &s, err);

	if (r == 0)
		r = token_create(s, TOKEN_NODE, 15 * 60 * NSEC_PER_SEC, "knarrctl local up", token,
				 err);
	if (r == 0)
		r = session_ca_hash(s, &hash, err);
	for (unsigned i = 1; i <= o->nodes && r >= 0; i++)
		r = start_node(o, i, token, hash.p, err);
	return r < 0 ? r : wait_ready(o, s, err);
}

/* What the agent made in its namespace and groups goes, from within. */
static int reset_node(const struct local_options *o, const char *name, struct err *err)
{
	CLEANUP_FREE char *netns = xasprintf(BRIDGE "-%s", name);
	CLEANUP_FREE char *path = xasprintf("--net=/run/netns/%s", netns);
	CLEANUP_FREE char *root = file_of(o, name, "");
	CLEANUP_FREE char *self = daemon_program("knarrctl");
	CLEANUP_FREE char *helpers = helper_dir();

	return MUST(err, "nsenter", path, "--", self, "reset", "--yes", "--root", root,
		    "--node-name", name, "--cgroup-root", netns, helpers ? "--libexec-dir" : NULL,
		    helpers);
}

static int take_down_node(const struct local_options *o, const char *name, struct err *err)
{
	CLEANUP_FREE char *pid_file = file_of(o, name, ".pid");
	CLEANUP_FREE char *netns = xasprintf(BRIDGE "-%s", name);
	CLEANUP_FREE char *netns_path = xasprintf("/run/netns/%s", netns);
	CLEANUP_FREE char *port = xasprintf(BRIDGE "%s", name + 1);
	int r = daemon_end(pid_file, name, err);

	if (r == 0 && access(netns_path, F_OK) == 0) {
		r = reset_node(o, name, err);
		if (r == 0)
			r = MUST(err, "ip", "netns", "del", netns);
	}
	daemon_run((const char *const[]){"sh", "-c", "ip link del \"$0\" 2>/dev/null", port, NULL});
	return r;
}

static int take_down(const struct local_options *o, struct err *err)
{
	struct dirent *de;
	DIR *d = opendir(o->dir);
	int r = 0;

	while (d && r == 0 && (de = readdir(d)))
		if (de->d_name[0] == 'n' && strspn(de->d_name + 1, "0123456789") &&
		    !strchr(de->d_name, '.'))
			r = take_down_node(o, de->d_name, err);
	if (d)
		closedir(d);
	for (unsigned i = MASTERS_MAX; i && r == 0; i--) {
		CLEANUP_FREE char *name = master_name(i);
		CLEANUP_FREE char *pid_file = file_of(o, name, ".pid");

		r = daemon_end(pid_file, DAEMON_MASTER, err);
	}
	if (r < 0)
		return r;
	daemon_run((const char *const[]){"sh", "-c", "ip link del " BRIDGE " 2>/dev/null", NULL});
	r = dir_remove_tree(AT_FDCWD, o->dir);
	return r < 0 ? err_sys(err, -r, "cannot remove %s: %s", o->dir, strerror(-r)) : 0;
}

static int bring_up(const struct local_options *o, struct err *err)
{
	struct err second = ERR_INIT;
	int r;

	if (access(o->dir, F_OK) == 0)
		return err_sys(err, EEXIST,
			       "%s is there: a cluster runs, or did; take it away first by "
			       "\"knarrctl local down\"",
			       o->dir);
	r = dir_make(o->dir, 0755);
	if (r < 0)
		return err_sys(err, -r, "cannot make %s: %s", o->dir, strerror(-r));
	r = start_masters(o, err);
	if (r == 0)
		r = start_nodes(o, err);
	if (r == 0)
		return 0;
	/* Half a cluster is none; the logs say more than we can. */
	fprintf(stderr, "knarrctl local: taking away what was started\n");
	take_down(o, &second);
	err_done(&second);
	return r;
}

static int check(const struct local_options *o, struct err *err)
{
	if (geteuid() != 0)
		return err_sys(err, EPERM, "must run as root: try sudo");
	if (o->dir[0] != '/' || strchr(o->dir, ' '))
		return err_sys(err, EINVAL, "--dir: \"%s\" is no absolute path", o->dir);
	if (!o->nodes || o->nodes > NODES_MAX)
		return err_sys(err, EINVAL, "--nodes: from 1 to %d", NODES_MAX);
	if (!o->zones || o->zones > o->nodes)
		return err_sys(err, EINVAL, "--zones: from 1 to the number of nodes");
	if (!o->masters || o->masters > MASTERS_MAX)
		return err_sys(err, EINVAL, "--masters: from 1 to %d", MASTERS_MAX);
	if (o->masters % 2 == 0)
		fprintf(stderr,
			"knarrctl local: warning: of %" PRIu64 " masters no more may fail than of "
			"%" PRIu64 "\n",
			o->masters, o->masters - 1);
	return 0;
}

int cmd_local(int argc, char **argv, void *user)
{
	struct local_options o = {.dir = DIR_DEFAULT, .nodes = 3, .zones = 1, .masters = 1};
	CLEANUP_FREE const char **args = NULL;
	struct err err = ERR_INIT;
	size_t n;
	int r = options_parse(&spec, argc, argv, &o, &args, &n, &err);
	bool up;

	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0)
		return cli_fail("local", &err) + 1;
	if (n != 1 || (strcmp(args[0], "up") && strcmp(args[0], "down")))
		return cli_usage("local", "say \"up\" or \"down\"");
	up = !strcmp(args[0], "up");
	r = check(&o, &err);
	if (r == 0)
		r = up ? bring_up(&o, &err) : take_down(&o, &err);
	option_list_done(&o.images);
	option_list_done(&o.master_options);
	option_list_done(&o.agent_options);
	if (r < 0)
		return cli_fail("local", &err);
	if (up) {
		bool usual = !strcmp(o.dir, DIR_DEFAULT);

		printf("The cluster runs, with %" PRIu64 " master%s and %" PRIu64
		       " node%s. To use it:\n"
		       "  export KUBECONFIG=%s/etc/admin.conf\n"
		       "  knarrctl get nodes\n"
		       "To take it away:\n"
		       "  knarrctl local down%s%s\n",
		       o.masters, o.masters == 1 ? "" : "s", o.nodes, o.nodes == 1 ? "" : "s",
		       o.dir, usual ? "" : " --dir ", usual ? "" : o.dir);
	} else {
		printf("The local cluster is gone.\n");
	}
	return 0;
}
