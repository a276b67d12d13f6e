/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_VOLUME_SOURCE_H
#define KNARR_VOLUME_SOURCE_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/json/jv.h"
/*
 * Where a pod's volumes and environment get what is not in the pod itself. One source a pod; the
 * namespace is the pod's (PersistentVolumes have none). Nothing here blocks: what is not known yet
 * answers -EAGAIN and the pod is synced again once it has come.
 */
enum source_kind {
	SOURCE_CONFIG_MAP,
	SOURCE_SECRET,
	SOURCE_CLAIM,
	SOURCE_VOLUME,
	SOURCE_DEVICE_CLAIM,
	SOURCE_KIND_MAX
};

struct pod_source;
struct pod_source_ops {
	/* The object, borrowed until the loop goes on. -EAGAIN; -ENOENT; -EACCES and others. */
	int (*object)(struct pod_source *s, enum source_kind kind, struct str name, struct jv *ret,
		      struct err *err);
	/* The object is not needed any more: its changes are of no interest. */
	void (*release)(struct pod_source *s, enum source_kind kind, struct str name);
	/* A bound service account token; absent audience: the API server's. Appends to out. */
	int (*token)(struct pod_source *s, struct str audience, int64_t expiration_s,
		     struct buf *out, struct err *err);
	/* fieldRef: "metadata.labels['app']", "status.podIP", ... -EAGAIN while unknown. */
	int (*field)(struct pod_source *s, struct str path, struct buf *out, struct err *err);
	/* resourceFieldRef: "limits.cpu" of a container, divided (empty: by 1), rounded up. */
	int (*resource)(struct pod_source *s, struct str container, struct str resource,
			struct str divisor, struct buf *out, struct err *err);
	/*
	 * A program with its arguments, NULL-terminated: -EAGAIN while it runs, 0 once after it
	 * has succeeded, else an error with what it said. At most 27 words.
	 */
	int (*command)(struct pod_source *s, const char *const *argv, struct err *err);
	/* group.h's walk by a thread: -EAGAIN while it runs, then its outcome, once. */
	int (*give_to_group)(struct pod_source *s, const char *path, int64_t gid,
			     bool on_root_mismatch, struct err *err);
	/* An Event about the pod, or about the object `claim` where it is one. */
	void (*event)(struct pod_source *s, struct jv claim, const char *type, const char *reason,
		      const char *text);
	/* Merges into the status of a claim; once it is there, the claim shows it. */
	void (*claim_status)(struct pod_source *s, struct str claim, struct str body);
};
struct pod_source {
	const struct pod_source_ops *ops;
};
#endif
