/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NODE_H
#define KNARR_NODE_H
#include "lib/base/err.h"
#include "lib/base/timers.h"
/*
 * This machine as a Node object: registered at start, its status told when it changes and every 5
 * minutes, its Lease renewed every second (pkg/kubelet/kubelet_node_status.go, KEP-589).
 */
struct node;
struct client;
struct runtime;
struct image_store;
struct jw;

/* What the machine is; read once. */
struct node_info {
	char *hostname, *machine_id, *system_uuid, *boot_id, *kernel, *os_image;
	const char *arch; /* "amd64" */
	int64_t cpus, mem_bytes, ephemeral_bytes;
	uint64_t max_pods;
};
void node_info_read(const char *disk_path, struct node_info *ret);
void node_info_done(struct node_info *i);

struct node_conf {
	struct client *client;
	struct timers *timers;
	struct image_store *images; /* may be NULL */
	const char *name, *ip;
	const char *ip6; /* the second InternalIP; NULL or "": none */
	const char *const *labels; /* "k=v" of the command line */
	size_t n_labels;
	uint16_t api_port; /* daemonEndpoints.kubeletEndpoint */
	const struct node_info *info; /* borrowed */
	bool unschedulable; /* of a new Node */
	bool external_cloud; /* a new Node waits for the cloud provider (taint uninitialized) */
	uint64_t heartbeat_ns; /* between two renewals of the Lease, which is good for five; 0: 1 s
				*/
	/* Told when the Node's spec.podCIDR is known (each time it is read; may repeat). */
	void (*pod_cidr)(void *user, const char *cidr);
	/* The zone that the Node's label names (absent: none), likewise. NULL: nobody asks. */
	void (*zone)(void *user, struct str zone);
	/* Each time the Node is seen, and its status was taken. NULL: nobody asks. */
	void (*registered)(void *user, struct str uid);
	void (*reported)(void *user);
	/* Writes members of the Node's status. NULL: none. */
	void (*status)(void *user, struct jw *w);
	void *user;
};
struct node *node_start(const struct node_conf *conf);
struct node *node_stop(struct node *n);
/* Conditions as they are; a change is told at once. */
void node_set_ready(struct node *n, bool ready, const char *reason, const char *message);
void node_set_pressure(struct node *n, bool disk, bool memory, bool pids);
/* A master has heard of this node within the time its Lease is good for. */
bool node_is_connected(const struct node *n);
/* The list of images changed. */
/* What conf.status writes has changed. */
void node_status_changed(struct node *n);
void node_images_changed(struct node *n);
/* The Node object and its status as JSON: pure, for tests. */
void node_object_json(const struct node_conf *c, struct buf *out);
#endif
