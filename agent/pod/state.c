/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>

#include "agent/pod/pod.h"
#include "agent/pod/probes.h"
#include "agent/pod/shutdown.h"
#include "lib/base/hmap.h"
#include "lib/base/log.h"
#include "lib/json/json_scan.h"
#include "lib/json/jw.h"
#include "lib/sys/file.h"
/*
 * What the next agent must know of a pod besides its object: POD_DIR/state.json, replaced by
 * rename. Not fsynced: after a power cut nothing runs any more, and a file that is missing or
 * torn means "nothing known", which is then the truth.
 */
#define STATE_MAX (4u << 20)
#define OBJECT_MAX (8u << 20)

static int replace(const char *dir, const char *name, struct str content)
{
	CLEANUP_FREE char *tmp = xasprintf("%s/.%s.tmp", dir, name);
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	CLEANUP_FD int fd = -1;
	int r = dir_make(dir, 0750);

	if (r < 0)
		return r;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, content.p, content.len);
	if (r == 0 && rename(tmp, path) < 0)
		r = -errno;
	return r;
}

int pod_object_save(struct pod *p, struct err *err)
{
	int r = replace(p->dir, "pod.json", p->view->json);

	return r < 0 ? err_sys(err, -r, "cannot write %s/pod.json: %s", p->dir, strerror(-r)) : 0;
}

static void end_write(struct jw *w, const char *key, const struct container_end *e)
{
	if (!e->set)
		return;
	jw_key(w, key);
	jw_begin_object(w);
	jw_member_str(w, "id", str_of(e->id));
	jw_member_i64(w, "exitCode", e->exit_code);
	jw_member_str(w, "reason", str_of(e->reason));
	jw_member_str(w, "message", str_of(e->message));
	jw_member_i64(w, "started", e->started_ns);
	jw_member_i64(w, "finished", e->finished_ns);
	jw_end_object(w);
}

static void container_write(struct jw *w, const struct container *c)
{
	jw_begin_object(w);
	jw_member_str(w, "name", str_of(c->name));
	jw_member_str(w, "id", str_of(c->id));
	jw_member_str(w, "previous", str_of(c->previous_id));
	jw_member_i64(w, "restarts", c->restarts);
	jw_member_i64(w, "instances", c->instances);
	jw_member_i64(w, "sandboxAttempt", c->sandbox_attempt);
	jw_member_str(w, "image", str_of(c->image));
	jw_member_str(w, "imageID", str_of(c->image_id));
	jw_member_str(w, "log", str_of(c->log_path));
	jw_member_i64(w, "started", c->started_ns);
	jw_member_i64(w, "backoff", (int64_t)c->restart.delay_ns);
	jw_member_bool(w, "startupDone", c->started);
	jw_member_bool(w, "ready", c->ready);
	end_write(w, "end", &c->end);
	end_write(w, "last", &c->last);
	jw_end_object(w);
}

void pod_state_save(struct pod *p)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jw w = jw_start(&b);
	int r;

	if (!p->state_dirty)
		return;
	p->state_dirty = false;
	jw_begin_object(&w);
	jw_member_i64(&w, "work", p->work);
	jw_member_bool(&w, "mustEnd", p->must_end);
	jw_member_bool(&w, "failed", p->evict_failed);
	jw_member_str(&w, "reason", str_of(p->end_reason));
	jw_member_str(&w, "message", str_of(p->end_message));
	jw_member_i64(&w, "ended", p->ended_ns);
	jw_member_i64(&w, "grace", p->grace_s);
	jw_member_str(&w, "sandbox", str_of(p->sandbox_id));
	jw_member_i64(&w, "attempt", p->sandbox_attempt);
	jw_member_bool(&w, "halfMade", p->sandbox == SANDBOX_STARTING);
	jw_member_str(&w, "ip", str_of(p->ip));
	jw_member_str(&w, "ip6", str_of(p->ip6));
	jw_member_i64(&w, "start", p->start_ns);
	jw_member_bool(&w, "volumes", p->volumes_ready);
	jw_key(&w, "conditions");
	jw_begin_array(&w);
	for (size_t i = 0; i < ARRAY_SIZE(p->cond_value); i++) {
		jw_i64(&w, p->cond_value[i]);
		jw_i64(&w, p->cond_since[i]);
	}
	jw_end_array(&w);
	jw_key(&w, "containers");
	jw_begin_array(&w);
	for (size_t i = 0; i < p->n; i++)
		container_write(&w, p->containers[i]);
	jw_end_array(&w);
	jw_end_object(&w);
	r = replace(p->dir, "state.json", buf_str(&b));
	if (r < 0)
		pod_log(LOG_LEVEL_WARN, p, r, "cannot save state");
}

static void end_read(struct jv v, struct container_end *e)
{
	if (jv_type(v) != JV_OBJECT)
		return;
	e->set = true;
	str_copy(e->id, sizeof(e->id), jv_text(jv_get(v, "id")));
	e->exit_code = (int)jv_i64(jv_get(v, "exitCode"), 0);
	e->reason = jv_strdup(jv_get(v, "reason"));
	e->message = jv_strdup(jv_get(v, "message"));
	e->started_ns = jv_i64(jv_get(v, "started"), 0);
	e->finished_ns = jv_i64(jv_get(v, "finished"), 0);
}

static void container_read(struct pod *p, struct jv v)
{
	struct container *c = pod_container(p, jv_text(jv_get(v, "name")));

	if (!c)
		return;
	str_copy(c->id, sizeof(c->id), jv_text(jv_get(v, "id")));
	str_copy(c->previous_id, sizeof(c->previous_id), jv_text(jv_get(v, "previous")));
	c->restarts = (uint32_t)jv_i64(jv_get(v, "restarts"), 0);
	c->instances = (uint32_t)jv_i64(jv_get(v, "instances"), 0);
	c->sandbox_attempt = (uint32_t)jv_i64(jv_get(v, "sandboxAttempt"), 0);
	c->image = jv_strdup(jv_get(v, "image"));
	c->image_id = jv_strdup(jv_get(v, "imageID"));
	c->log_path = jv_strdup(jv_get(v, "log"));
	c->started_ns = jv_i64(jv_get(v, "started"), 0);
	c->restart.delay_ns = (uint64_t)jv_i64(jv_get(v, "backoff"), 0);
	c->restart.since_ns = c->tried_ns = pods_now_ns(p->all);
	end_read(jv_get(v, "end"), &c->end);
	end_read(jv_get(v, "last"), &c->last);
}

/* The real state of a container by the runtime; c->id is what the record says. */
static void container_adopt(struct container *c, bool startup_done, bool ready)
{
	struct pod *p = c->pod;
	struct container_info info;

	if (!c->id[0])
		return;
	hmap_put(p->all->by_container, str_of(c->id), c);
	if (runtime_container_get(p->all->conf.rt, c->id, &info) < 0) {
		if (!c->end.set) { /* lost with a reboot: an end nobody saw */
			c->state = CONTAINER_RUNNING;
			pod_container_exited(c);
		} else {
			c->state = CONTAINER_EXITED;
		}
		return;
	}
	c->state = CONTAINER_RUNNING;
	if (info.state == RUNTIME_CONTAINER_EXITED) {
		if (c->end.set) {
			/* The back-off goes on from when it ended. */
			int64_t ago = MAX(pods_real_ns(p->all) - c->end.finished_ns, 0);

			c->state = CONTAINER_EXITED;
			c->tried_ns -= MIN((uint64_t)ago, c->tried_ns);
		} else
			pod_container_exited(c);
		return;
	}
	pod_container_end_done(&c->end);
	pod_container_runs(c);
	if (p->must_end)
		return;
	probes_resume(c, startup_done, ready);
}

static void read_state(struct pod *p, struct jv v)
{
	size_t i = 0;

	p->work = (enum pod_work)MIN(MAX(jv_i64(jv_get(v, "work"), 0), 0), POD_FINISHED);
	p->must_end = jv_bool(jv_get(v, "mustEnd"), false);
	p->evict_failed = jv_bool(jv_get(v, "failed"), false);
	p->end_reason = jv_strdup(jv_get(v, "reason"));
	p->end_message = jv_strdup(jv_get(v, "message"));
	p->ended_ns = jv_i64(jv_get(v, "ended"), 0);
	p->grace_s = jv_i64(jv_get(v, "grace"), p->grace_s);
	str_copy(p->sandbox_id, sizeof(p->sandbox_id), jv_text(jv_get(v, "sandbox")));
	p->sandbox_attempt = (uint32_t)jv_i64(jv_get(v, "attempt"), 0);
	str_copy(p->ip, sizeof(p->ip), jv_text(jv_get(v, "ip")));
	str_copy(p->ip6, sizeof(p->ip6), jv_text(jv_get(v, "ip6")));
	p->start_ns = jv_i64(jv_get(v, "start"), p->start_ns);
	p->volumes_ready = jv_bool(jv_get(v, "volumes"), false) && p->work != POD_FINISHED;
	jv_for_each (it, jv_get(v, "conditions")) {
		if (i / 2 < ARRAY_SIZE(p->cond_value)) {
			if (i % 2)
				p->cond_since[i / 2] = jv_i64(it.value, 0);
			else
				p->cond_value[i / 2] = (int8_t)jv_i64(it.value, -1);
		}
		i++;
	}
	jv_for_each (it, jv_get(v, "containers"))
		container_read(p, it.value);
}

/* A static pod is this machine's own: after a shutdown it runs again. */
static void begin_anew(struct pod *p)
{
	p->evict_failed = p->must_end = false;
	p->work = POD_SYNC;
	free(TAKE(p->end_reason));
	free(TAKE(p->end_message));
}

void pod_state_load(struct pod *p)
{
	CLEANUP_FREE char *path = xasprintf("%s/state.json", p->dir);
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct sandbox_info info;
	struct jv v = JV_NONE;

	if (file_read(AT_FDCWD, path, STATE_MAX, &b) == 0 &&
	    json_scan(buf_str(&b), NULL, NULL) == 0)
		v = jv_of(buf_str(&b));
	if (jv_type(v) != JV_OBJECT)
		return;
	read_state(p, v);
	if (p->end_reason && strcmp(p->end_reason, POD_TERMINATED_REASON) == 0) {
		p->terminated_before = true;
		if (p->view->is_static)
			begin_anew(p);
	}
	p->must_end = p->must_end || p->work != POD_SYNC;
	if (p->must_end && p->work == POD_SYNC)
		p->work = POD_TERMINATING;
	/* The runtime knows what is left of the sandbox. */
	p->sandbox = SANDBOX_NONE;
	if (p->sandbox_id[0])
		p->sandbox = SANDBOX_GONE;
	if (p->sandbox_id[0] && runtime_sandbox_get(p->all->conf.rt, p->sandbox_id, &info) == 0 &&
	    info.state == RUNTIME_SANDBOX_READY) {
		p->sandbox = SANDBOX_READY;
		p->half_made = jv_bool(jv_get(v, "halfMade"), false);
	}
	jv_for_each (it, jv_get(v, "containers")) {
		struct container *c = pod_container(p, jv_text(jv_get(it.value, "name")));

		if (c)
			container_adopt(c, jv_bool(jv_get(it.value, "startupDone"), false),
					jv_bool(jv_get(it.value, "ready"), false));
	}
	/* After a reboot the volumes in memory are gone: all are set up anew. */
	if (p->sandbox != SANDBOX_READY)
		p->volumes_ready = false;
	if (p->work == POD_FINISHED && p->sandbox == SANDBOX_READY)
		p->work = POD_TERMINATED;
	p->volumes_dirty = true;
	p->status_dirty = true;
}
