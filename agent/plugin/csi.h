/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_PLUGIN_CSI_H
#define KNARR_PLUGIN_CSI_H
#include "agent/plugin/registry.h"
#include "lib/json/jv.h"
#include "lib/json/jw.h"
/*
 * The node's side of the Container Storage Interface: drivers that have registered, and the volumes
 * they stage and publish for pods (pkg/volume/csi). Paths are the kubelet's, because drivers and
 * their manifests know them:
 *
 *	KUBELET/plugins/kubernetes.io/csi/DRIVER/SHA256(HANDLE)/globalmount	staged, once a node
 *	KUBELET/pods/UID/volumes/kubernetes.io~csi/NAME/mount		published, once a pod
 *	.../vol_data.json						beside both: whose it is
 *
 * Both are known again from these files after a restart of the agent or a reboot. Nothing blocks:
 * csi_publish and csi_unpublish answer -EAGAIN while they have something under way, and
 *conf.changed tells when to ask again.
 */
struct csi_node;
struct client;

struct csi_conf {
	struct uv_loop_s *loop;
	struct timers *timers;
	struct client *client; /* NULL: no master; drivers register, volumes wait */
	const char *node_name;
	const char *kubelet_dir; /* "/var/lib/kubelet" */
	/* The volumes of a pod may be gone on with; absent: those of any pod that waits. */
	void (*changed)(void *user, struct str pod_uid);
	/* csi_in_use says something else now: the Node's status has to. */
	void (*in_use_changed)(void *user);
	void *user;
};
struct csi_node *csi_node_new(const struct csi_conf *conf);
/* What is under way goes on in the drivers; the next agent finds it. NULL is fine. */
struct csi_node *csi_node_free(struct csi_node *n);
/* For the registration of plugins; its user is the struct csi_node. */
extern const struct plugin_handler csi_plugin_handler;
/* The Node exists, with this uid; each time it is seen. */
void csi_node_registered(struct csi_node *n, struct str uid);
/* The member volumesInUse of the Node's status: "kubernetes.io/csi/DRIVER^HANDLE". */
void csi_in_use(struct csi_node *n, struct jw *w);
/* The Node's status says what csi_in_use wrote last. */
void csi_in_use_reported(struct csi_node *n);

/* spec of the CSIDriver object; JV_NONE when there is none. -EAGAIN: not known yet. */
int csi_driver_spec(struct csi_node *n, struct str driver, struct jv *ret);
/* What the driver's node service can do: NodeGetCapabilities. */
enum csi_capability {
	CSI_STAGE = 1,
	CSI_STATS = 2,
	CSI_EXPAND = 3,
	CSI_SINGLE_NODE_MULTI_WRITER = 5,
	CSI_MOUNT_GROUP = 6,
};
/* -ENOENT with the kubelet's words when the driver isn't registered. */
int csi_driver_can(const struct csi_node *n, struct str driver, enum csi_capability what,
		   struct err *err);

struct csi_secret_ref {
	struct str ns, name; /* name empty: none */
};
struct csi_volume {
	struct str pod_uid;
	struct str name; /* of the PersistentVolume; of the pod's volume if it is ephemeral */
	struct str driver, handle;
	bool ephemeral; /* stands in the pod itself: neither attached nor staged */
	bool attach; /* the driver wants attaching: wait for it */
	bool block;
	/*
	 * NodeStageVolumeRequest and NodePublishVolumeRequest but for what is known only here:
	 * publish_context, paths and secrets.
	 */
	struct str stage, publish;
	struct csi_secret_ref stage_secret, publish_secret;
};
/*
 * 0: published at csi_target's path. -EAGAIN: under way. Other errors in the kubelet's words; the
 * next call tries again. All is copied.
 */
int csi_publish(struct csi_node *n, const struct csi_volume *v, struct err *err);
/* The path that a volume is published at; to be freed. */
char *csi_target(const struct csi_node *n, struct str pod_uid, struct str name, bool block);
/* Does something stand at that path? */
bool csi_stands(const char *path, bool block);
/* Unpublish all of a pod, also of an earlier agent. 0: none is left. -EAGAIN: under way. */
int csi_unpublish(struct csi_node *n, struct str pod_uid, struct err *err);

/*
 * NodeExpandVolume of a volume that is published for a pod, to `bytes`; `publish` is as in struct
 * csi_volume. 1: the driver has just done it; 0: it has been told so before; -EAGAIN: under way, or
 * to be tried again, as conf.changed tells; -EIO: so, too, but the last try failed, which is told
 * once, in the driver's words.
 */
int csi_grow(struct csi_node *n, struct str pod_uid, struct str name, int64_t bytes,
	     struct str publish, struct err *err);
#endif
