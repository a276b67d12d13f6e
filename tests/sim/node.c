/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/sim/sim.h"

#include "agent/node/node.h"
#include "agent/pod/pods.h"
#include "agent/runtime/runtime.h"
#include "lib/client/client.h"
#include "lib/sys/file.h"

#include <ftw.h>
#include <sys/stat.h>
/* A node: agent/pod and agent/node as agent/main.c puts them together, on a machine in memory. */

struct sim_node {
	struct proc proc;
	unsigned i;
	bool exists;
	char name[16], ip[16], dir[64], logs[80];
	struct runtime *machine;
	struct transport *transport;
	struct client *client;
	struct pods *pods;
	struct node *node;
	struct node_info info;
};

unsigned n_nodes;
static struct sim_node nodes[NODES_MAX];
static char top[32];

static void on_runtime_event(void *user, const struct runtime_event *ev)
{
	struct sim_node *n = user;

	if (n->pods)
		pods_runtime_event(n->pods, ev);
}

void node_begin_agent(unsigned i)
{
	CLEANUP(err_done) struct err err = ERR_INIT;
	struct sim_node *n = &nodes[i];
	char user[32];
	struct proc *before;

	trace("%s: agent starts", n->name);
	proc_start(&n->proc, n->name);
	before = proc_enter(&n->proc);
	snprintf(user, sizeof(user), "system:node:%s", n->name);
	machine_attach(n->machine, &n->proc, on_runtime_event, n);
	n->transport = link_new(&n->proc, PLACE_NODE + i, user);
	n->client = client_new(&(struct client_conf){
		.transport = n->transport, .timers = &n->proc.timers, .user_agent = "kubelet"});
	if (pods_new(&(struct pods_conf){.loop = &n->proc.loop,
					 .timers = &n->proc.timers,
					 .client = n->client,
					 .rt = n->machine,
					 .net = (struct pod_net *)n->machine,
					 .node_name = n->name,
					 .data_dir = n->dir,
					 .log_dir = n->logs,
					 .host_ip = n->ip,
					 .cluster_domain = "cluster.local",
					 .host_resolv_conf = "/dev/null",
					 .node_cpu_milli = n->info.cpus * 1000,
					 .node_mem_bytes = n->info.mem_bytes},
		     &n->pods, &err) < 0 ||
	    pods_start(n->pods, &err) < 0)
		world_fail("%s: %s", n->name, err_text(&err));
	n->node = node_start(&(struct node_conf){.client = n->client,
						 .timers = &n->proc.timers,
						 .name = n->name,
						 .ip = n->ip,
						 .api_port = 10250,
						 .info = &n->info});
	node_set_ready(n->node, true, "KubeletReady", "kubelet is posting ready status");
	proc_leave(before);
}

/* The folder as it is now, by hard links: files are replaced, never written over. */
static char frozen[128];
static size_t frozen_from;

static int freeze(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	char to[512], target[256];
	ssize_t len;

	(void)st, (void)ftw;
	snprintf(to, sizeof(to), "%s%s", frozen, path + frozen_from);
	if (type == FTW_D)
		return mkdir(to, 0700);
	if (type != FTW_SL)
		return link(path, to);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return -1;
	target[len] = 0;
	return symlink(target, to);
}

void node_crash(unsigned i, bool reboot)
{
	struct sim_node *n = &nodes[i];
	bool killed = chance(600); /* it has no time to put anything on its disk */
	struct proc *before;

	trace("%s: %s", n->name,
	      reboot   ? "the machine stops"
	      : killed ? "the agent is killed"
		       : "the agent stops");
	world.count.crashes++;
	if (killed) {
		snprintf(frozen, sizeof(frozen), "%s.frozen", n->dir);
		frozen_from = strlen(n->dir);
		if (nftw(n->dir, freeze, 8, FTW_PHYS))
			world_fail("%s: cannot copy %s: %s", n->name, n->dir, strerror(errno));
	}
	n->proc.closing = true;
	before = proc_enter(&n->proc);
	links_break(PLACE_NODE + i);
	n->node = node_stop(n->node);
	pods_stop(n->pods);
	machine_detach(n->machine);
	n->pods = pods_free(n->pods);
	n->client = client_free(n->client);
	n->transport = transport_free(n->transport);
	uv_run(&n->proc.loop, UV_RUN_NOWAIT);
	proc_leave(before);
	proc_stop(&n->proc);
	if (killed) {
		dir_remove_tree(AT_FDCWD, n->dir);
		rename(frozen, n->dir);
	}
	if (reboot)
		machine_reboot(n->machine);
}

static void node_add(unsigned i)
{
	struct sim_node *n = &nodes[i];

	n->i = i;
	n->exists = true;
	snprintf(n->name, sizeof(n->name), "n%u", i);
	snprintf(n->ip, sizeof(n->ip), "192.0.2.%u", 10 + i);
	snprintf(n->dir, sizeof(n->dir), "%s/%s", top, n->name);
	snprintf(n->logs, sizeof(n->logs), "%s/logs", n->dir);
	mkdir(n->dir, 0700);
	n->info = (struct node_info){.hostname = n->name,
				     .machine_id = "m",
				     .system_uuid = "u",
				     .boot_id = "b",
				     .kernel = "6.0",
				     .os_image = "sim",
				     .arch = "amd64",
				     .cpus = 2,
				     .mem_bytes = 4ll << 30,
				     .ephemeral_bytes = 100ll << 30,
				     .max_pods = 20};
	n->machine = machine_new(i);
	node_begin_agent(i);
}

void nodes_begin(unsigned n)
{
	n_nodes = n;
	for (unsigned i = 0; i < n; i++)
		node_add(i);
}

void node_remove(unsigned i)
{
	struct sim_node *n = &nodes[i];

	if (n->proc.alive)
		node_crash(i, true);
	else
		machine_reboot(n->machine);
	dir_remove_tree(AT_FDCWD, n->dir);
	mkdir(n->dir, 0700);
	n->exists = false;
}

void node_return(unsigned i)
{
	nodes[i].exists = true;
	node_begin_agent(i);
}

void nodes_done(void)
{
	for (unsigned i = 0; i < n_nodes; i++) {
		if (nodes[i].proc.alive)
			node_crash(i, true);
		nodes[i].machine = machine_free(nodes[i].machine);
	}
}

void nodes_prepare(void)
{
	str_copy(top, sizeof(top), STR("/dev/shm/knarr-sim-XXXXXX"));
	if (!mkdtemp(top)) {
		perror("knarr-sim: /dev/shm");
		exit(1);
	}
}

void nodes_clean(void)
{
	dir_remove_tree(AT_FDCWD, top);
}

bool node_up(unsigned i)
{
	return nodes[i].proc.alive;
}

struct proc *node_proc(unsigned i)
{
	return &nodes[i].proc;
}

struct runtime *node_machine(unsigned i)
{
	return nodes[i].machine;
}

const char *node_name(unsigned i)
{
	return nodes[i].name;
}

bool node_exists(unsigned i)
{
	return nodes[i].exists;
}
