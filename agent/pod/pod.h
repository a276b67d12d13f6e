/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POD_H
#define KNARR_POD_H
#include "agent/image/image.h"
#include "agent/pod/backoff.h"
#include "agent/pod/pod_view.h"
#include "agent/pod/pods.h"
#include "agent/pod/resources.h"
#include "agent/pod/worker.h"
#include "agent/runtime/runtime.h"
#include "agent/volume/source.h"
#include "agent/volume/volume.h"
#include "lib/base/list.h"
#include "lib/base/log.h"
#include "lib/base/timers.h"
/*
 * One pod as the agent holds it: what is wanted (the view), what there is (sandbox, containers),
 * and what was reported. Private to agent/pod; others use pods.h.
 *
 * Everything is level-triggered: whatever happens (a new object, an exit, an image that has come,
 * a timer) calls pod_kick, and the next turn of the loop runs pod_sync, which compares and starts
 * the missing steps without waiting for any. Steps under way are counted in `inflight`; a pod is
 * freed only when none is.
 */
#define KNARR_ID_LEN 64 /* hex digits of a container id */

/* How one instance of a container ended. */
struct container_end {
	bool set;
	char id[KNARR_ID_LEN + 1];
	int exit_code, signal;
	char *reason, *message; /* reason: Completed, Error, OOMKilled, ... */
	int64_t started_ns, finished_ns; /* real time; 0: unknown */
};

struct container_probes; /* probes.h */
struct hook; /* hooks.h */
struct objects; /* objects.h */
struct held_claims; /* pod_devices.h */
struct recorder;

/* What all pods share. */
struct pods {
	struct pods_conf conf;
	struct list list; /* struct pod.in_all */
	struct hmap *by_uid, *by_container; /* container id -> struct container */
	struct objects *objects;
	struct held_claims *held; /* pod_devices.h */
	struct recorder *recorder;
	struct informer *api; /* pods of this node; NULL without a client */
	struct static_source *manifests; /* NULL without a directory */
	bool api_synced, closing;
	/* struct ownership.in_line: that have a thread; that wait for one */
	struct list owning, owning_next;
	struct pods_shutdown *shutdown; /* the machine goes down: shutdown.h */
	char host_ip[48], host_ip6[48];
	char node_uid[64]; /* "": not registered yet */
};
static inline uint64_t pods_now_ns(const struct pods *ps)
{
	return timers_now_ns(ps->conf.timers);
}
static inline int64_t pods_real_ns(const struct pods *ps)
{
	return clock_real_ns(ps->conf.timers->clock);
}

struct container {
	struct pod *pod;
	char name[64];
	enum container_kind kind;
	const struct container_view *view; /* in pod->view; NULL: no longer in the spec */
	enum container_state state;

	/* The present or last instance. */
	char id[KNARR_ID_LEN + 1]; /* "": there was none */
	uint32_t restarts; /* restartCount */
	uint32_t instances; /* numbers log files: 0.log, 1.log */
	uint32_t sandbox_attempt; /* of the sandbox it ran in */
	char *image, *image_id; /* as started with, and the store's id */
	char *log_path, *previous_log;
	int64_t started_ns; /* real time */
	struct container_end end, last; /* state EXITED; the instance before */
	char previous_id[KNARR_ID_LEN + 1]; /* kept for `logs --previous` */

	/* Not running: why, in the API's words. */
	const char *waiting; /* ContainerCreating, ErrImagePull, CrashLoopBackOff; static text */
	char *waiting_message;
	struct backoff restart, pull, create;
	uint64_t tried_ns; /* monotonic: when the last pull or start failed or it exited */

	/* Running. */
	bool post_start_pending; /* the hook is under way */
	bool started; /* startup probe has passed, or there is none */
	bool ready;
	struct container_probes *probes;

	/* Stopping. */
	bool stop_hook; /* preStop is running */
	bool stop_had_hook; /* a preStop ran: the signal gets 2 s at least */
	bool stop_sent; /* the runtime was told */
	uint64_t stop_deadline_ns; /* monotonic: end of the grace period */
	char *kill_message; /* why, for the Killing event and for restarts */

	struct image_job *pull_job;
	bool pulled; /* the image has just come for this start */
	struct hook *hook;
};

struct pod {
	struct pods *all;
	struct list in_all; /* pods.list */
	struct pod_view *view; /* never NULL */
	char uid[65];
	char *key; /* "ns/name" */
	char *dir; /* DATA/pods/UID */
	char *log_dir;
	bool gone; /* the API (or the manifest directory) has it no longer */
	bool mirror_pending; /* static: a request about its mirror is under way */
	char *mirror_uid; /* static: UID of the pod in the API that shows it */

	enum pod_work work;
	bool must_end;
	bool evict_failed; /* ended by the agent: phase Failed with the reason below */
	char *end_reason, *end_message;
	bool terminated_before; /* by a shutdown of the machine that is over */
	int64_t grace_s; /* of the termination */
	uint64_t grace_end_ns; /* monotonic: when SIGKILL is due; 0: not set */

	enum sandbox_state sandbox;
	char sandbox_id[KNARR_ID_LEN + 1];
	bool half_made; /* the agent ended before the sandbox had its network and files */
	uint32_t sandbox_attempt; /* 0: none was made yet */
	char ip[48], ip6[48]; /* "" while unknown, or without IPv6 */
	bool net_attached;
	struct backoff setup; /* sandbox and volumes */
	uint64_t setup_tried_ns;
	struct volume_set *volumes;
	bool volumes_ready;
	bool devices_ready; /* its claims to devices are prepared */
	bool volumes_dirty; /* something they show has changed: apply again */

	struct container **containers; /* in the view's order; stable pointers */
	size_t n;
	unsigned inflight;
	struct pod_source source; /* what volumes and env read through */
	struct pod_refs *refs; /* objects and tokens in use: objects.h */
	struct list commands; /* programs for its volumes: commands.h */
	struct list ownerships; /* threads at its volumes: ownership.h */

	int64_t start_ns; /* status.startTime */
	int64_t ended_ns; /* real time: when the agent ended it (pod_fail) */
	char *reported; /* the status last accepted by the API */
	bool status_dirty, state_dirty;
	struct pod_report *report; /* a status request under way: report.c */
	char *last_volume_error;
	uint64_t limit_check_ns; /* when sizeLimits are looked at next */
	int64_t cond_since[8]; /* lastTransitionTime of each condition: status.h */
	int8_t cond_value[8]; /* -1 unset, 0 False, 1 True */

	struct timer sync_timer; /* kick */
	struct timer wake_timer; /* the next due step: backoff, deadline, refresh */
};

static inline struct container *pod_container(const struct pod *p, struct str name)
{
	for (size_t i = 0; i < p->n; i++)
		if (str_eqs(name, p->containers[i]->name))
			return p->containers[i];
	return NULL;
}

/* ---- pods.c: what sources call ---- */
void pods_set(struct pods *ps, struct str json); /* a pod that is wanted: new or changed */
void pods_unset(struct pods *ps, struct str uid); /* it is no longer */

/* ---- pod.c: making, changing state ---- */
/* A pod from a view (taken). Reads nothing from disk. */
struct pod *pod_new(struct pods *all, struct pod_view *take_view);
struct pod *pod_free(struct pod *p);
/* A newer object of the same UID. Takes the view. */
void pod_update(struct pod *p, struct pod_view *take_view);
/* Sync as soon as the loop is back. */
void pod_kick(struct pod *p);
/* Sync at the latest at this monotonic time. */
void pod_wake_at(struct pod *p, uint64_t at_ns);
/* The pod must end: grace < 0 takes its own. Later calls can only shorten the grace. */
void pod_end(struct pod *p, int64_t grace_s);
/* The agent ends it: phase Failed with a reason ("DeadlineExceeded", "Evicted"). */
void pod_fail(struct pod *p, const char *reason, const char *message);
void pod_work_step(struct pod *p, enum pod_work to);
void pod_container_step(struct container *c, enum container_state to);
void pod_sandbox_step(struct pod *p, enum sandbox_state to);
void pod_container_wait(struct container *c, const char *reason, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
void pod_container_end_done(struct container_end *e);
void pod_log(enum log_level level, const struct pod *p, int r, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/* Write state.json if something in it changed: state.c. */
void pod_state_save(struct pod *p);
/* Fill from state.json and the runtime: after pod_new, before the first sync. */
void pod_state_load(struct pod *p);
/* Write pod.json; the directory is made. */
int pod_object_save(struct pod *p, struct err *err);

/* ---- sync.c: the comparison of wanted and real ---- */
void pod_sync(struct pod *p);
/* True when the container will be started again after what it did last. */
bool pod_container_will_restart(const struct container *c);
bool pod_initialized(const struct pod *p);

/* ---- start.c, stop.c, sandbox.c: the steps ---- */
/* Pull if needed and start; does nothing while its backoff lasts. */
void pod_container_start(struct container *c);
/* Stop with hook and grace; reason is what the Killing event says. */
void pod_container_stop(struct container *c, int64_t grace_s, const char *message);
/* From the runtime, or at recovery: the instance has ended. */
void pod_container_exited(struct container *c);
void pod_container_runs(struct container *c); /* it was started, or re-adopted */
/* Tell the owner about hostPorts: the pod has its address, or has it no longer. */
void pod_host_ports(struct pod *p, bool up);
/* Tell the owner that the pod is (no longer) on the network, or changed. */
void pod_connected(struct pod *p, bool up);
void pod_sandbox_start(struct pod *p);
void pod_sandbox_stop(struct pod *p);
void pod_sandbox_lost(struct pod *p);
/* Fill a container_spec for an image and start it: spec.c. -EAGAIN: something is not here yet. */
int container_spec_start(struct container *c, const struct image_info *img, runtime_done_fn *done,
			 struct err *err);

/* ---- events.c ---- */
void pod_event(struct pod *p, const char *type, const char *reason, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
void pod_container_event(struct container *c, const char *type, const char *reason, const char *fmt,
			 ...) PRINTF_LIKE(4, 5);
/* About a claim that the pod uses. */
void pod_claim_event(struct pod *p, struct jv claim, const char *type, const char *reason,
		     const char *text);

/* ---- source.c: objects, tokens and field values for volumes and env ---- */
extern const struct pod_source_ops pod_source_ops;
#endif
