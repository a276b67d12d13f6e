/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_PODS_H
#define KNARR_PODS_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/json/jv.h"
/*
 * All pods of this node: where they come from (API, manifest directory, the agent's own disk), a
 * worker for each, and what the node API asks about them.
 *
 *	API watch spec.nodeName=ME --+
 *	manifest directory ----------+--> pods --> one struct pod each --> runtime, images, network
 *	DATA/pods/UID (at start) ----+      \--> status and events to the API
 *
 * What is wanted stands on disk, so pods go on (and restart) while no master answers.
 */
struct pods;
struct client;
struct runtime;
struct runtime_event;
struct image_store;
struct pod_net;
struct timers;
struct uv_loop_s;
struct informer;
struct csi_node;
struct dra;

struct pods_conf {
	struct uv_loop_s *loop;
	struct timers *timers; /* borrowed, as all below */
	struct client *client; /* NULL: no master at all, static pods only */
	struct runtime *rt;
	struct image_store *images;
	struct pod_net *net; /* NULL: only pods with hostNetwork can run */
	struct informer *services; /* for service variables; may be NULL */
	const char *node_name;
	const char *data_dir; /* "DATA/pods" is made */
	const char *log_dir; /* "/var/log/pods" */
	const char *static_dir; /* manifest directory; NULL or "": none */
	const char *host_ip; /* status.hostIP; "" until known: pods_set_host_ip */
	const char *host_ip6; /* the second of status.hostIPs; NULL or "": none */
	const char *cluster_dns; /* resolv.conf of ClusterFirst pods; NULL: the host's */
	const char *cluster_domain; /* "cluster.local" */
	/* Told when a pod with hostPorts has got its address (ip) and when it has none any more
	 * (ip NULL); ip6 is "" for one without IPv6. May be NULL. */
	void (*host_ports)(void *user, struct str uid, const char *ip, const char *ip6,
			   struct jv pod_spec);
	/* Told when a pod has got its address, before its containers start; when its object changed
	 * since; and when it has no address any more (ip NULL). May be NULL. */
	void (*connected)(void *user, struct str uid, const char *ip, const char *ip6,
			  struct jv pod);
	void *user;
	struct csi_node *csi; /* volumes of drivers; NULL: none */
	struct dra *dra; /* drivers of devices; NULL: none */
	const char *const *cdi_dirs; /* NULL-terminated; NULL: /etc/cdi and /var/run/cdi */
	const char *kubelet_dir; /* where drivers mount: made shared when a container asks for it */
	const char *host_resolv_conf; /* "/etc/resolv.conf" */
	int64_t node_cpu_milli, node_mem_bytes, node_ephemeral_bytes; /* allocatable */
	uint64_t container_log_max_bytes; /* 0: 10 MiB */
	uint32_t container_log_max_files; /* 0: 5 */
};

int pods_new(const struct pods_conf *conf, struct pods **ret, struct err *err);
/* Loads what stands on disk and re-adopts what runs; then begins to watch. After runtime_recover.
 */
int pods_start(struct pods *ps, struct err *err);
/*
 * The end, in two steps, because calls of the runtime and the image store may be under way:
 * pods_stop saves state, ends probes, hooks and watches; then the runtime and the store are closed,
 * whose last callbacks still find their pods; then pods_free. Containers run on.
 */
void pods_stop(struct pods *ps);
struct pods *pods_free(struct pods *ps);
void pods_set_host_ip(struct pods *ps, const char *ip);
/* A driver of devices has registered: who waits for one need not wait any longer. */
void pods_driver_here(struct pods *ps);
/* Of the Node object, which owns the mirrors of static pods: none is made before. */
void pods_set_node_uid(struct pods *ps, struct str uid);
/* The pod network is there (it may come after the start), and where its DNS answers. */
void pods_set_net(struct pods *ps, struct pod_net *net, const char *cluster_dns);
/* Volumes of a pod may be gone on with; absent: of all that wait. */
void pods_volumes_changed(struct pods *ps, struct str uid);
/* To be called by the owner of the runtime for each of its events. */
void pods_runtime_event(struct pods *ps, const struct runtime_event *ev);
/* True when every source has been read once: until then absence means nothing. */
bool pods_synced(const struct pods *ps);

/* ---- for the node API ---- */
/* The runtime's id of a container, running or ended (`previous`: the instance before).
 * -ENOENT with the kubelet's message. *ret_id and the log's path are borrowed until the loop goes
 * on; either may be NULL. An absent uid matches any. */
int pods_find_container(struct pods *ps, struct str ns, struct str pod, struct str uid,
			struct str container, bool previous, const char **ret_id,
			const char **ret_log_path, struct err *err);
/* The sandbox of a pod that is running: for port-forward. -ENOENT with a message. */
int pods_find_sandbox(struct pods *ps, struct str ns, struct str pod, struct str uid,
		      const char **ret_sandbox_id, bool *ret_host_network, struct err *err);
/* A PodList of all pods with their status, as GET /pods of the kubelet answers. */
void pods_list_json(struct pods *ps, struct buf *out);

/* One line a container, for stats: borrowed strings. */
struct pods_container {
	struct str ns, pod, uid, container;
	const char *container_id, *sandbox_id;
	int64_t pod_start_ns, start_ns;
	bool running;
};
/* Calls cb for each container that is or was running. */
void pods_each_container(struct pods *ps, void (*cb)(void *user, const struct pods_container *c),
			 void *user);
struct pods_counts {
	size_t pods, containers_running;
};
/* Descriptors of the network namespaces of all pods that run; the array is to be freed. */
size_t pods_netns_fds(struct pods *ps, int **ret);
void pods_count(const struct pods *ps, struct pods_counts *ret);
/* Whether an image (by store id) is used by a container that is not removed: for image gc. */
bool pods_image_in_use(void *pods, const char *image_id);
/* Whether `id` (a pod's UID) has an address that must stay: for pod_net_gc. */
bool pods_keep_net(struct str id, void *pods);
#endif
