/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POD_VIEW_H
#define KNARR_POD_VIEW_H
#include "lib/base/err.h"
#include "lib/json/jv.h"
/*
 * A Pod object as the agent reads it: the fields every sync needs as C values, everything else as
 * JSON to be looked at where it is used. A view owns its bytes and is immutable; strings point
 * into it and live as long as it does. Defaults have been filled in by the API server; for static
 * pods, which no server has seen, the view supplies the ones that matter (api/core/v1/defaults.go).
 */
enum container_kind {
	CONTAINER_INIT, /* runs to its end before the next one starts */
	CONTAINER_SIDECAR, /* an init container with restartPolicy Always: runs on beside the pod */
	CONTAINER_MAIN,
	CONTAINER_EPHEMERAL, /* added to a running pod (kubectl debug), never restarted */
	CONTAINER_KIND_MAX,
};

enum restart_policy { RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_NEVER };
enum pull_policy { PULL_IF_NOT_PRESENT, PULL_ALWAYS, PULL_NEVER };

struct container_view {
	struct str name, image;
	enum container_kind kind;
	enum pull_policy pull;
	enum restart_policy restart; /* the pod's, except for init and sidecar containers */
	struct jv json; /* the whole container */
	bool tty, stdin, stdin_once;
	struct str termination_path; /* default /dev/termination-log */
	bool termination_from_log; /* FallbackToLogsOnError */
};

struct pod_view {
	struct str json; /* the object's bytes; owned */
	struct jv obj, metadata, spec, status;
	struct str ns, name, uid, node_name;
	struct str hostname, subdomain, service_account, resource_version;
	struct str dns_policy, priority_class;
	bool host_network, host_pid, host_ipc, share_pid, host_fqdn;
	bool service_links; /* enableServiceLinks */
	bool automount_token;
	enum restart_policy restart;
	int64_t generation;
	int64_t grace_s; /* spec.terminationGracePeriodSeconds */
	int64_t deadline_s; /* spec.activeDeadlineSeconds; -1: none */
	int64_t deletion_ns; /* metadata.deletionTimestamp; 0: not being deleted */
	int64_t deletion_grace_s; /* -1: not being deleted */
	int64_t fs_group; /* -1: none */
	int64_t priority;
	bool is_static; /* annotation kubernetes.io/config.source is not "api" */
	bool is_mirror; /* annotation kubernetes.io/config.mirror: shows a static pod in the API */
	struct container_view
		*containers; /* init (with sidecars), main, ephemeral, in spec order */
	size_t n_init, n_main, n_ephemeral, n;
	struct view_text *texts; /* unescaped strings; internal */
};

/* -EINVAL with a message when a needed field is absent or of a wrong type. Copies the bytes. */
int pod_view_parse(struct str json, struct pod_view **ret, struct err *err);
struct pod_view *pod_view_free(struct pod_view *v);
DEFINE_CLEANUP(struct pod_view *, pod_view_freep, pod_view_free)

/* The container of that name, or NULL. */
const struct container_view *pod_view_container(const struct pod_view *v, struct str name);
/* The text of a JSON string, kept with the view when it had escapes. {NULL,0} if v is no string. */
struct str pod_view_text(const struct pod_view *v, struct jv value);
/* metadata.labels[key] or metadata.annotations[key]; {NULL,0} when absent. */
struct str pod_view_label(const struct pod_view *v, struct str key);
struct str pod_view_annotation(const struct pod_view *v, struct str key);
/* The pod's hostname as processes see it: spec.hostname or its name, at most 63 characters. */
struct str pod_view_hostname(const struct pod_view *v);
/* True when the spec differs in what makes a new container necessary: image of container `name`. */
bool pod_view_same_image(const struct pod_view *a, const struct pod_view *b, struct str name);
const char *container_kind_name(enum container_kind k);
#endif
