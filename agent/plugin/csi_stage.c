/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plugin/csi_private.h"

#include <sys/stat.h>

#include "lib/base/log.h"
#include "lib/base/pb.h"
#include "lib/sys/file.h"
/*
 * NodeStageVolume and NodeUnstageVolume (csi_attacher.go MountDevice, UnmountDevice): once for all
 * pods of the node that use a volume.
 */
#define AGAIN_MIN (500 * NSEC_PER_MSEC)
#define AGAIN_MAX (120 * NSEC_PER_SEC)

struct csi_stage *csi_stage_find(const struct csi_node *n, const char *driver, const char *handle)
{
	list_for_each (it, &n->stages) {
		struct csi_stage *s = list_entry(it, struct csi_stage, in_node);

		if (strcmp(s->driver, driver) == 0 && strcmp(s->handle, handle) == 0)
			return s;
	}
	return NULL;
}

static void undo(struct csi_stage *s);

static void on_again(struct timer *t)
{
	undo(container_of(t, struct csi_stage, again));
}

struct csi_stage *csi_stage_new(struct csi_node *n, const char *driver, const char *handle,
				const char *name, bool block)
{
	struct csi_stage *s = NEW(struct csi_stage);

	s->node = n;
	s->driver = xstrdup(driver);
	s->handle = xstrdup(handle);
	s->name = xstrdup(name);
	s->block = block;
	s->data_dir = csi_stage_dir(n, driver, handle);
	s->path = block ? xasprintf("%s/plugins/kubernetes.io/csi/volumeDevices/staging/%s", n->dir,
				    name)
			: xasprintf("%s/globalmount", s->data_dir);
	s->again.fire = on_again;
	list_append(&n->stages, &s->in_node);
	return s;
}

void csi_stage_free(struct csi_stage *s)
{
	list_remove(&s->in_node);
	grpc_call_cancel(s->rpc);
	timers_disarm(s->node->conf.timers, &s->again);
	free(s->driver);
	free(s->handle);
	free(s->name);
	free(s->path);
	free(s->data_dir);
	free(s);
}

static void stage_forget(struct csi_stage *s)
{
	struct csi_node *n = s->node;

	csi_stage_free(s);
	csi_in_use_change(n);
}

/* NodeStageVolume */

static void on_staged(void *user, int status, struct str message, struct str response)
{
	struct csi_stage *s = user;
	struct csi_node *n = s->node;
	CLEANUP(buf_done) struct buf why = BUF_INIT;
	struct err err = ERR_INIT;

	s->rpc = NULL;
	if (status == GRPC_OK) {
		s->state = STAGE_DONE;
		csi_targets_staged(n, s, NULL);
		csi_stages_check(n);
		return;
	}
	grpc_error_text(status, message, &why);
	err_sys(&err, EIO, "%s", why.p);
	s->state = csi_uncertain(status) ? STAGE_UNCERTAIN : STAGE_NONE;
	csi_targets_staged(n, s, &err);
	err_done(&err);
	csi_stages_check(n);
}

static int begin(struct csi_stage *s, struct csi_driver *d, const struct csi_target *t,
		 struct err *err)
{
	CLEANUP(buf_done) struct buf request = BUF_INIT;
	int r = csi_data_write(s->data_dir, NULL, s, err);

	if (r < 0)
		return r;
	r = dir_make(s->path, 0750);
	if (r < 0)
		return err_sys(err, -r, "cannot make %s: %s", s->path, strerror(-r));
	buf_addstr(&request, buf_str(&t->stage));
	buf_addstr(&request, buf_str(&t->context));
	buf_addstr(&request, buf_str(&t->stage_secrets));
	pb_put_text(&request, 3, str_of(s->path));
	s->state = STAGE_BUSY;
	s->undoing = false;
	timers_disarm(s->node->conf.timers, &s->again);
	s->delay_ns = 0;
	s->rpc = csi_call(d, "NodeStageVolume", buf_str(&request), on_staged, s);
	return -EAGAIN;
}

int csi_stage_get(struct csi_target *t, struct err *err)
{
	struct csi_node *n = t->node;
	struct csi_driver *d;
	struct csi_stage *s;
	int r = csi_driver_get(n, t->driver, &d, err);

	if (r < 0)
		return r;
	if (!(d->can & (1u << CSI_STAGE)))
		return 0;
	s = csi_stage_find(n, t->driver, t->handle);
	if (!s) {
		s = csi_stage_new(n, t->driver, t->handle, t->name, t->block);
		csi_in_use_change(n);
	}
	if (s->state == STAGE_DONE)
		return 0;
	return s->state == STAGE_BUSY ? -EAGAIN : begin(s, d, t, err);
}

/* NodeUnstageVolume */

static void later(struct csi_stage *s)
{
	s->delay_ns = s->delay_ns ? MIN(s->delay_ns * 2, AGAIN_MAX) : AGAIN_MIN;
	timers_arm_in(s->node->conf.timers, &s->again, s->delay_ns);
}

static void on_unstaged(void *user, int status, struct str message, struct str response)
{
	struct csi_stage *s = user;
	struct csi_node *n = s->node;
	CLEANUP_FREE char *driver = xstrdup(s->driver), *handle = xstrdup(s->handle);
	CLEANUP(buf_done) struct buf why = BUF_INIT;
	int r;

	s->rpc = NULL;
	s->state = status == GRPC_OK ? STAGE_NONE : STAGE_UNCERTAIN;
	if (status != GRPC_OK) {
		grpc_error_text(status, message, &why);
		log_warn("volume %s of %s: NodeUnstageVolume: %s", s->handle, s->driver, why.p);
	}
	/* Somebody who came meanwhile has it staged again; who left meanwhile may have ended it. */
	csi_targets_staged(n, s, NULL);
	s = csi_stage_find(n, driver, handle);
	if (!s || s->state == STAGE_BUSY || csi_stage_used(s))
		return;
	r = s->state == STAGE_NONE ? csi_place_remove(s->path, s->data_dir) : -EAGAIN;
	if (r < 0 && r != -EAGAIN)
		log_warn("volume %s of %s: cannot remove %s: %s", s->handle, s->driver, s->path,
			 strerror(-r));
	if (r == 0)
		stage_forget(s);
	else
		later(s);
}

static void undo(struct csi_stage *s)
{
	CLEANUP(buf_done) struct buf request = BUF_INIT;
	struct csi_driver *d;

	if (s->state == STAGE_BUSY || csi_stage_used(s) ||
	    csi_driver_get(s->node, s->driver, &d, NULL) < 0)
		return; /* when it comes, all are looked at */
	if (s->state == STAGE_NONE && csi_place_remove(s->path, s->data_dir) == 0) {
		stage_forget(s);
		return;
	}
	pb_put_text(&request, 1, str_of(s->handle));
	pb_put_text(&request, 2, str_of(s->path));
	s->state = STAGE_BUSY;
	s->undoing = true;
	s->rpc = csi_call(d, "NodeUnstageVolume", buf_str(&request), on_unstaged, s);
}

void csi_stages_check(struct csi_node *n)
{
	list_for_each_safe (it, &n->stages) {
		struct csi_stage *s = list_entry(it, struct csi_stage, in_node);

		if (!timer_armed(&s->again))
			undo(s);
	}
}
