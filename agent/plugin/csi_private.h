/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_PLUGIN_CSI_PRIVATE_H
#define KNARR_PLUGIN_CSI_PRIVATE_H
#include "agent/plugin/csi.h"
#include "lib/base/list.h"
#include "lib/client/client.h"
#include "lib/client/informer.h"
#include "lib/http/grpc.h"

#define CSI_TIMEOUT_NS (120 * NSEC_PER_SEC)

struct csi_node {
	struct csi_conf conf;
	char *name, *dir;
	struct list drivers, targets, stages;
	struct informer *csidrivers; /* NULL until somebody asks */
	char *uid; /* of the Node; NULL: not registered yet */
	/* The driver whose row in CSINode and Node is being written. */
	struct csi_driver *publishing;
	struct client_call *call;
	struct timer again;
	uint64_t in_use_rev, in_use_sent, in_use_told; /* changes of volumesInUse */
};

struct csi_driver {
	struct list in_node;
	struct csi_node *node;
	char *name, *endpoint;
	struct grpc_client *client;
	struct plugin *plugin; /* an answer is owed */
	bool gone; /* its row is to be taken out, then it goes */
	bool ready; /* asked what it is and can */
	bool dirty; /* the objects don't say so yet */
	uint32_t can; /* bit per enum csi_capability */
	char *node_id;
	int64_t max_volumes;
	struct buf topology; /* Topology message */
	int step; /* of writing */
};

enum csi_step {
	CSI_IDLE, /* nothing asked for, or failed */
	CSI_REPORT, /* volumesInUse has to say it first */
	CSI_ATTACH,
	CSI_STAGE_SECRET,
	CSI_PUBLISH_SECRET,
	CSI_STAGING, /* waits for the stage */
	CSI_PUBLISHING,
	CSI_READY,
	CSI_UNPUBLISHING,
};

/* A volume of a pod. */
struct csi_target {
	struct list in_node;
	struct csi_node *node;
	char *uid, *name, *driver, *handle, *path;
	bool ephemeral, attach, block;
	bool unwanted; /* the pod ends */
	bool made; /* the driver may have something at the path */
	enum csi_step step;
	struct buf stage, publish; /* as given */
	struct buf context; /* publish_context: entries of field 2 */
	struct buf stage_secrets, publish_secrets; /* entries of fields 5 and 7 */
	char *secret[4]; /* stage ns, name, publish ns, name; "" none */
	uint64_t rev; /* in_use_rev it came with */
	struct client_call *call;
	struct grpc_call *rpc;
	struct timer poll;
	uint64_t poll_ns;
	struct err err; /* why the last try failed */
	struct grpc_call *growth; /* NodeExpandVolume */
	int64_t grown, growing; /* bytes: that it has, that it is asked for */
	int64_t grown_told;
	struct err grow_err; /* why it failed, until that is told */
	uint64_t grow_wait_ns; /* the pause after the next failure */
};

enum csi_stage_state { STAGE_NONE, STAGE_BUSY, STAGE_DONE, STAGE_UNCERTAIN };

/* A volume on this node, for all its pods. */
struct csi_stage {
	struct list in_node;
	struct csi_node *node;
	char *driver, *handle, *name, *path, *data_dir;
	bool block;
	enum csi_stage_state state;
	bool undoing; /* BUSY with NodeUnstageVolume */
	struct grpc_call *rpc;
	struct timer again;
	uint64_t delay_ns;
};

/* csi_driver.c */
struct csi_driver *csi_driver_find(const struct csi_node *n, struct str name);
/* Informer of CSIDrivers, started by the first call. */
void csi_drivers_watch(struct csi_node *n);
void csi_drivers_free(struct csi_node *n);
/* -ENOENT as the kubelet says it. */
int csi_driver_get(const struct csi_node *n, const char *name, struct csi_driver **ret,
		   struct err *err);
struct grpc_call *csi_call(struct csi_driver *d, const char *method, struct str request,
			   grpc_done_fn *done, void *user);

/* csi_mount.c */
void csi_target_free(struct csi_target *t);
/* Staging has ended: those who wait for it go on, or fail with e. */
void csi_targets_staged(struct csi_node *n, const struct csi_stage *s, const struct err *e);
/* Does some pod want the volume, or have it? */
bool csi_stage_used(const struct csi_stage *s);
void csi_in_use_change(struct csi_node *n);

/* csi_stage.c */
/* 0: staged, or the driver needs none; -EAGAIN: under way; else why not. */
int csi_stage_get(struct csi_target *t, struct err *err);
/* NodeUnstageVolume of what nobody uses. */
void csi_stages_check(struct csi_node *n);
void csi_stage_free(struct csi_stage *s);
struct csi_stage *csi_stage_find(const struct csi_node *n, const char *driver, const char *handle);
struct csi_stage *csi_stage_new(struct csi_node *n, const char *driver, const char *handle,
				const char *name, bool block);

/* csi_disk.c */
char *csi_data_dir(const struct csi_node *n, struct str uid, struct str name);
char *csi_stage_dir(const struct csi_node *n, const char *driver, const char *handle);
void csi_hash(struct buf *out, struct str a, struct str b, struct str c);
int csi_data_write(const char *dir, const struct csi_target *t, const struct csi_stage *s,
		   struct err *err);
bool csi_mounted(const char *path);
/* Removes path, vol_data.json beside it and the folder of both. -EBUSY while something is there. */
int csi_place_remove(const char *path, const char *data_dir);
/* What an earlier agent left. */
void csi_load(struct csi_node *n);
/* Codes after which it is open whether the driver did it. */
static inline bool csi_uncertain(int status)
{
	return status == GRPC_CANCELLED || status == GRPC_DEADLINE_EXCEEDED ||
	       status == GRPC_UNAVAILABLE || status == GRPC_RESOURCE_EXHAUSTED ||
	       status == GRPC_ABORTED;
}
#endif
