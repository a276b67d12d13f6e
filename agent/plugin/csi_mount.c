/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plugin/csi_private.h"

#include <sys/stat.h>

#include "lib/base/codec.h"
#include "lib/base/log.h"
#include "lib/base/pb.h"
#include "lib/json/json_scan.h"
#include "lib/sys/file.h"
/*
 * The volumes of pods, each on its way to be published:
 *
 *	REPORT -> ATTACH -> secrets -> STAGING -> PUBLISHING -> READY
 *
 * and back by UNPUBLISHING. Each step starts one call and goes on when that has ended. A try that
 * failed leaves the reason, which csi_publish tells the pod; the pod's own backoff begins the next.
 */
#define POLL_MIN (100 * NSEC_PER_MSEC)
#define POLL_MAX (2 * NSEC_PER_SEC)
#define GROW_AGAIN_MIN (1 * NSEC_PER_SEC)
#define GROW_AGAIN_MAX (120 * NSEC_PER_SEC)

static const struct client_kind attachments = {"storage.k8s.io", "v1", "volumeattachments",
					       "VolumeAttachment", false};

static void step(struct csi_target *t);

void csi_target_free(struct csi_target *t)
{
	list_remove(&t->in_node);
	if (t->call)
		client_cancel(t->node->conf.client, t->call);
	grpc_call_cancel(t->rpc);
	grpc_call_cancel(t->growth);
	timers_disarm(t->node->conf.timers, &t->poll);
	for (size_t i = 0; i < ARRAY_SIZE(t->secret); i++)
		free(t->secret[i]);
	buf_done(&t->stage);
	buf_done(&t->publish);
	buf_done(&t->context);
	buf_done(&t->stage_secrets);
	buf_done(&t->publish_secrets);
	err_done(&t->err);
	err_done(&t->grow_err);
	free(t->uid);
	free(t->name);
	free(t->driver);
	free(t->handle);
	free(t->path);
	free(t);
}

static void target_forget(struct csi_target *t)
{
	struct csi_node *n = t->node;

	csi_target_free(t);
	csi_in_use_change(n);
	csi_stages_check(n);
}

static struct csi_target *find(const struct csi_node *n, struct str uid, struct str name)
{
	list_for_each (it, &n->targets) {
		struct csi_target *t = list_entry(it, struct csi_target, in_node);

		if (str_eqs(uid, t->uid) && str_eqs(name, t->name))
			return t;
	}
	return NULL;
}

static void changed(struct csi_target *t)
{
	t->node->conf.changed(t->node->conf.user, str_of(t->uid));
}

static void fail(struct csi_target *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void fail(struct csi_target *t, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf why = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&why, fmt, ap);
	va_end(ap);
	err_clear(&t->err);
	err_sys(&t->err, EIO, "%s", why.p);
	t->step = CSI_IDLE;
	changed(t);
}

/* ---- volumesInUse ---- */

void csi_in_use_change(struct csi_node *n)
{
	n->in_use_rev++;
	n->conf.in_use_changed(n->conf.user);
}

static void in_use_row(struct jw *w, const char *driver, const char *handle)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	buf_addf(&b, "kubernetes.io/csi/%s^%s", driver, handle);
	jw_str(w, buf_str(&b));
}

void csi_in_use(struct csi_node *n, struct jw *w)
{
	n->in_use_sent = n->in_use_rev;
	if (!n->in_use_rev && list_empty(&n->stages) && list_empty(&n->targets))
		return;
	jw_key(w, "volumesInUse");
	jw_begin_array(w);
	list_for_each (it, &n->stages) {
		struct csi_stage *s = list_entry(it, struct csi_stage, in_node);

		in_use_row(w, s->driver, s->handle);
	}
	list_for_each (it, &n->targets) {
		struct csi_target *t = list_entry(it, struct csi_target, in_node);
		bool before = t->ephemeral || csi_stage_find(n, t->driver, t->handle);

		/* Once, however many pods have it. */
		for (struct list *b = n->targets.next; !before && b != it; b = b->next) {
			struct csi_target *x = list_entry(b, struct csi_target, in_node);

			before = strcmp(x->driver, t->driver) == 0 &&
				 strcmp(x->handle, t->handle) == 0;
		}
		if (!before)
			in_use_row(w, t->driver, t->handle);
	}
	jw_end_array(w);
}

void csi_in_use_reported(struct csi_node *n)
{
	n->in_use_told = n->in_use_sent;
	list_for_each_safe (it, &n->targets) {
		struct csi_target *t = list_entry(it, struct csi_target, in_node);

		if (t->step == CSI_REPORT)
			step(t);
	}
}

/* ---- attached? ---- */

static void on_poll(struct timer *timer)
{
	struct csi_target *t = container_of(timer, struct csi_target, poll);

	if (t->step == CSI_READY)
		changed(t); /* it may be tried again to grow it */
	else
		step(t);
}

static void poll_later(struct csi_target *t)
{
	t->poll_ns = t->poll_ns ? MIN(t->poll_ns * 3 / 2, POLL_MAX) : POLL_MIN;
	timers_arm_in(t->node->conf.timers, &t->poll, t->poll_ns);
}

/* attachmentMetadata becomes publish_context, field 2 of both requests. */
static void context_read(struct csi_target *t, struct jv metadata)
{
	buf_clear(&t->context);
	jv_for_each_member (it, metadata) {
		CLEANUP(buf_done) struct buf key = BUF_INIT, value = BUF_INIT;

		jv_unescape(it.key, &key);
		pb_put_pair(&t->context, 2, buf_str(&key), jv_str(it.value, &value));
	}
}

static void on_attachment(void *user, const struct err *e, struct str body)
{
	struct csi_target *t = user;
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct jv va = jv_of(body), status = jv_get(va, "status"), error;

	t->call = NULL;
	if (t->unwanted) {
		step(t);
		return;
	}
	/* Not there yet, or no master answers: the pod waits. */
	if (e->errnum || json_scan(body, NULL, NULL) < 0) {
		poll_later(t);
		return;
	}
	error = jv_path(status, "attachError.message");
	if (jv_exists(jv_path(va, "metadata.deletionTimestamp"))) {
		poll_later(t); /* of an earlier pod: another will come */
	} else if (jv_bool(jv_get(status, "attached"), false)) {
		context_read(t, jv_get(status, "attachmentMetadata"));
		t->step = CSI_STAGE_SECRET;
		step(t);
	} else if (jv_exists(error)) {
		jv_str(error, &text);
		fail(t, "AttachVolume.Attach failed for volume \"%s\" : %.*s", t->name,
		     STR_ARG(jv_str(error, &text)));
	} else {
		poll_later(t);
	}
}

static void ask_attachment(struct csi_target *t)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT;

	buf_adds(&name, "csi-");
	csi_hash(&name, str_of(t->handle), str_of(t->driver), str_of(t->node->name));
	t->call = client_get(t->node->conf.client, &attachments, STR_NULL, buf_str(&name),
			     on_attachment, t);
}

/* ---- secrets ---- */

static void secret_read(struct jv data, uint32_t number, struct buf *out)
{
	jv_for_each_member (it, data) {
		CLEANUP(buf_done) struct buf raw = BUF_INIT;

		if (base64_decode(jv_text(it.value), &raw) == 0)
			pb_put_pair(out, number, it.key, buf_str(&raw));
	}
}

static void on_secret(void *user, const struct err *e, struct str body)
{
	struct csi_target *t = user;
	bool stage = t->step == CSI_STAGE_SECRET;
	const char *const *ref = (const char *const *)&t->secret[stage ? 0 : 2];
	struct buf *out = stage ? &t->stage_secrets : &t->publish_secrets;

	t->call = NULL;
	if (t->unwanted) {
		step(t);
		return;
	}
	if (e->errnum || json_scan(body, NULL, NULL) < 0) {
		fail(t,
		     stage ? "fetching NodeStageSecretRef %s/%s failed: kubernetes.io/csi: failed "
			     "to find the secret %s in the namespace %s with error: %s"
			   : "fetching NodePublishSecretRef %s/%s failed: kubernetes.io/csi: "
			     "failed to find the secret %s in the namespace %s with error: %s",
		     ref[0], ref[1], ref[1], ref[0], e->errnum ? err_text(e) : "not JSON");
		return;
	}
	buf_clear(out);
	secret_read(jv_get(jv_of(body), "data"), stage ? 5 : 7, out);
	t->step = stage ? CSI_PUBLISH_SECRET : CSI_STAGING;
	step(t);
}

static bool ask_secret(struct csi_target *t, bool stage)
{
	const char *ns = t->secret[stage ? 0 : 2], *name = t->secret[stage ? 1 : 3];

	if (!name || !*name)
		return false;
	t->call = client_get(t->node->conf.client, &client_secrets, str_of(ns), str_of(name),
			     on_secret, t);
	return true;
}

/* ---- stage, publish ---- */

void csi_targets_staged(struct csi_node *n, const struct csi_stage *s, const struct err *e)
{
	list_for_each_safe (it, &n->targets) {
		struct csi_target *t = list_entry(it, struct csi_target, in_node);

		if (t->step != CSI_STAGING || strcmp(t->driver, s->driver) != 0 ||
		    strcmp(t->handle, s->handle) != 0)
			continue;
		if (e && !t->unwanted)
			fail(t, "%s failed for volume \"%s\" : %s",
			     t->block ? "MapVolume.SetUpDevice" : "MountVolume.MountDevice",
			     t->name, err_text(e));
		else
			step(t);
	}
}

bool csi_stage_used(const struct csi_stage *s)
{
	list_for_each (it, &s->node->targets) {
		struct csi_target *t = list_entry(it, struct csi_target, in_node);
		bool waits = t->step < CSI_STAGING && !t->made;

		if (!waits && !t->ephemeral && !(t->unwanted && t->step == CSI_STAGING) &&
		    strcmp(t->driver, s->driver) == 0 && strcmp(t->handle, s->handle) == 0)
			return true;
	}
	return false;
}

static void on_published(void *user, int status, struct str message, struct str response)
{
	struct csi_target *t = user;
	CLEANUP_FREE char *dir = csi_data_dir(t->node, str_of(t->uid), str_of(t->name));
	CLEANUP(buf_done) struct buf why = BUF_INIT;

	t->rpc = NULL;
	if (status == GRPC_OK) {
		t->step = CSI_READY;
		if (t->unwanted)
			step(t);
		else
			changed(t);
		return;
	}
	if (!csi_uncertain(status) && csi_place_remove(t->path, dir) == 0)
		t->made = false;
	if (t->unwanted) {
		step(t);
		return;
	}
	grpc_error_text(status, message, &why);
	fail(t, "%s failed for volume \"%s\" : %s",
	     t->block ? "MapVolume.MapPodDevice" : "MountVolume.SetUp", t->name, why.p);
}

static int publish_begin(struct csi_target *t, struct csi_driver *d, struct err *err)
{
	CLEANUP_FREE char *dir = csi_data_dir(t->node, str_of(t->uid), str_of(t->name));
	CLEANUP_FREE char *parent = xstrdup(t->path);
	CLEANUP(buf_done) struct buf request = BUF_INIT;
	struct csi_stage *s = csi_stage_find(t->node, t->driver, t->handle);
	int r = csi_data_write(dir, t, NULL, err);

	if (r < 0)
		return r;
	*strrchr(parent, '/') = 0;
	r = dir_make(parent, 0750);
	if (r < 0)
		return err_sys(err, -r, "cannot make %s: %s", parent, strerror(-r));
	buf_addstr(&request, buf_str(&t->publish));
	buf_addstr(&request, buf_str(&t->context));
	buf_addstr(&request, buf_str(&t->publish_secrets));
	if (s && !t->ephemeral)
		pb_put_text(&request, 3, str_of(s->path));
	pb_put_text(&request, 4, str_of(t->path));
	t->made = true;
	t->rpc = csi_call(d, "NodePublishVolume", buf_str(&request), on_published, t);
	return 0;
}

static void publish(struct csi_target *t)
{
	struct err err = ERR_INIT;
	struct csi_driver *d;
	int r = t->ephemeral ? 0 : csi_stage_get(t, &err);

	if (r == -EAGAIN) {
		err_done(&err);
		return;
	}
	if (r == 0)
		r = csi_driver_get(t->node, t->driver, &d, &err);
	if (r == 0) {
		t->step = CSI_PUBLISHING;
		r = publish_begin(t, d, &err);
	}
	if (r < 0)
		fail(t, "%s failed for volume \"%s\" : %s",
		     t->block ? "MapVolume.SetUpDevice" : "MountVolume.SetUp", t->name,
		     err_text(&err));
	err_done(&err);
}

/* ---- unpublish ---- */

static void on_unpublished(void *user, int status, struct str message, struct str response)
{
	struct csi_target *t = user;
	CLEANUP_FREE char *dir = csi_data_dir(t->node, str_of(t->uid), str_of(t->name));
	CLEANUP(buf_done) struct buf why = BUF_INIT;
	int r;

	t->rpc = NULL;
	if (status != GRPC_OK) {
		grpc_error_text(status, message, &why);
		fail(t, "kubernetes.io/csi: Unmounter.TearDownAt failed: %s", why.p);
		return;
	}
	r = csi_place_remove(t->path, dir);
	if (r < 0) {
		fail(t,
		     "kubernetes.io/csi: Unmounter.TearDownAt failed to clean mount dir [%s]: %s",
		     t->path, strerror(-r));
		return;
	}
	changed(t);
	target_forget(t);
}

static void unpublish(struct csi_target *t)
{
	CLEANUP(buf_done) struct buf request = BUF_INIT;
	struct err err = ERR_INIT;
	struct csi_driver *d;

	if (!t->made) {
		changed(t);
		target_forget(t);
		return;
	}
	if (csi_driver_get(t->node, t->driver, &d, &err) < 0) {
		fail(t, "kubernetes.io/csi: Unmounter.TearDownAt failed to get CSI client: %s",
		     err_text(&err));
		err_done(&err);
		return;
	}
	pb_put_text(&request, 1, str_of(t->handle));
	pb_put_text(&request, 2, str_of(t->path));
	t->step = CSI_UNPUBLISHING;
	t->rpc = csi_call(d, "NodeUnpublishVolume", buf_str(&request), on_unpublished, t);
}

/* ---- all steps ---- */

static void step(struct csi_target *t)
{
	if (t->call || t->rpc)
		return;
	if (t->unwanted) {
		struct csi_stage *s = csi_stage_find(t->node, t->driver, t->handle);

		/* A staging under way is waited for: what it made has to be undone. */
		if (t->step == CSI_STAGING && s && s->state == STAGE_BUSY)
			return;
		timers_disarm(t->node->conf.timers, &t->poll);
		grpc_call_cancel(TAKE(t->growth));
		unpublish(t);
		return;
	}
	switch (t->step) {
	case CSI_REPORT:
		if (t->node->in_use_told < t->rev)
			return;
		t->step = CSI_ATTACH;
		t->poll_ns = 0;
		/* fall through */
	case CSI_ATTACH:
		if (t->attach) {
			ask_attachment(t);
			return;
		}
		t->step = CSI_STAGE_SECRET;
		/* fall through */
	case CSI_STAGE_SECRET:
		if (ask_secret(t, true))
			return;
		t->step = CSI_PUBLISH_SECRET;
		/* fall through */
	case CSI_PUBLISH_SECRET:
		if (ask_secret(t, false))
			return;
		t->step = CSI_STAGING;
		/* fall through */
	case CSI_STAGING:
		publish(t);
		return;
	case CSI_IDLE:
	case CSI_PUBLISHING:
	case CSI_READY:
	case CSI_UNPUBLISHING:
		return;
	}
}

static struct csi_target *target_new(struct csi_node *n, const struct csi_volume *v)
{
	struct csi_target *t = NEW(struct csi_target);

	t->node = n;
	t->uid = str_dup(v->pod_uid);
	t->name = str_dup(v->name);
	t->driver = str_dup(v->driver);
	t->handle = str_dup(v->handle);
	t->path = csi_target(n, v->pod_uid, v->name, v->block);
	t->poll.fire = on_poll;
	t->ephemeral = v->ephemeral;
	t->block = v->block;
	buf_init(&t->stage);
	buf_init(&t->publish);
	buf_init(&t->context);
	buf_init(&t->stage_secrets);
	buf_init(&t->publish_secrets);
	list_append(&n->targets, &t->in_node);
	csi_in_use_change(n);
	t->rev = n->in_use_rev;
	return t;
}

static void set_request(struct csi_target *t, const struct csi_volume *v)
{
	const struct str secret[4] = {v->stage_secret.ns, v->stage_secret.name,
				      v->publish_secret.ns, v->publish_secret.name};

	t->attach = v->attach;
	buf_clear(&t->stage);
	buf_addstr(&t->stage, v->stage);
	buf_clear(&t->publish);
	buf_addstr(&t->publish, v->publish);
	for (size_t i = 0; i < ARRAY_SIZE(secret); i++) {
		free(t->secret[i]);
		t->secret[i] = xstrndup(secret[i].p ? secret[i].p : "", secret[i].len);
	}
}

int csi_publish(struct csi_node *n, const struct csi_volume *v, struct err *err)
{
	struct csi_target *t = find(n, v->pod_uid, v->name);

	if (!t)
		t = target_new(n, v);
	t->poll.fire = on_poll; /* of one that was loaded */
	if (t->step == CSI_READY)
		return 0;
	if (t->step != CSI_IDLE || t->unwanted)
		return -EAGAIN;
	if (t->err.errnum) { /* the pod is told, and decides when to try again */
		err_move(err, &t->err);
		return -EIO;
	}
	set_request(t, v);
	t->step = v->attach ? CSI_REPORT : CSI_ATTACH;
	step(t);
	if (!t->err.errnum)
		return -EAGAIN;
	err_move(err, &t->err);
	return -EIO;
}

int csi_unpublish(struct csi_node *n, struct str pod_uid, struct err *err)
{
	int ret = 0;

	list_for_each_safe (it, &n->targets) {
		struct csi_target *t = list_entry(it, struct csi_target, in_node);

		if (!str_eqs(pod_uid, t->uid))
			continue;
		if (t->unwanted && t->err.errnum) {
			err_move(err, &t->err);
			ret = -EIO;
			continue;
		}
		err_clear(&t->err);
		t->unwanted = true;
		if (ret == 0)
			ret = -EAGAIN;
		if (t->call) { /* only asked for: nothing has to be undone */
			client_cancel(n->conf.client, t->call);
			t->call = NULL;
		}
		step(t);
	}
	/* Those that were nowhere are gone already. */
	if (ret == -EAGAIN) {
		ret = 0;
		list_for_each (it, &n->targets)
			if (str_eqs(pod_uid, list_entry(it, struct csi_target, in_node)->uid))
				ret = -EAGAIN;
	}
	return ret;
}

/* ---- NodeExpandVolume ---- */

static void on_grown(void *user, int status, struct str message, struct str response)
{
	struct csi_target *t = user;
	CLEANUP(buf_done) struct buf why = BUF_INIT;

	t->growth = NULL;
	if (status == GRPC_OK) {
		t->grown = t->growing;
		t->grow_wait_ns = 0;
		changed(t);
		return;
	}
	grpc_error_text(status, message, &why);
	log_warn("volume %s of %s: NodeExpandVolume: %s", t->handle, t->driver, why.p);
	t->grow_wait_ns = t->grow_wait_ns ? t->grow_wait_ns * 2 : GROW_AGAIN_MIN;
	if (t->grow_wait_ns > GROW_AGAIN_MAX)
		t->grow_wait_ns = GROW_AGAIN_MAX;
	timers_arm_in(t->node->conf.timers, &t->poll, t->grow_wait_ns);
	if (status == GRPC_FAILED_PRECONDITION)
		return; /* it cannot be done while it is in use, which is nobody's failure */
	err_sys(&t->grow_err, EIO, "%s", why.p);
	changed(t);
}

int csi_grow(struct csi_node *n, struct str pod_uid, struct str name, int64_t bytes,
	     struct str publish, struct err *err)
{
	struct csi_target *t = find(n, pod_uid, name);
	CLEANUP(buf_done) struct buf request = BUF_INIT;
	struct csi_driver *d;
	struct csi_stage *s;
	size_t at;

	if (t && t->grow_err.errnum) {
		err_move(err, &t->grow_err);
		return -EIO;
	}
	if (!t || t->step != CSI_READY || t->unwanted || t->growth || timer_armed(&t->poll))
		return -EAGAIN;
	if (t->grown >= bytes) {
		bool fresh = t->grown_told < t->grown;

		t->grown_told = t->grown;
		return fresh;
	}
	if (csi_driver_get(n, t->driver, &d, NULL) < 0)
		return -EAGAIN; /* all are told when it comes */
	s = csi_stage_find(n, t->driver, t->handle);
	pb_put_text(&request, 1, str_of(t->handle));
	pb_put_text(&request, 2, str_of(t->path));
	at = pb_open(&request, 3);
	pb_put_u64(&request, 1, (uint64_t)bytes);
	pb_close(&request, at);
	if (s)
		pb_put_text(&request, 4, str_of(s->path));
	pb_put_bytes(&request, 5, pb_get_bytes(publish, 5));
	t->growing = bytes;
	t->poll.fire = on_poll;
	t->growth = csi_call(d, "NodeExpandVolume", buf_str(&request), on_grown, t);
	return -EAGAIN;
}
