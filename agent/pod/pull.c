/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/pull.h"

#include "agent/pod/objects.h"
#include "agent/pod/pod.h"
#include "lib/base/codec.h"
#include "lib/client/events.h"

#define AUTHS_MAX 16

static void failed(struct container *c, const char *reason, const struct err *err)
{
	uint64_t now = pods_now_ns(c->pod->all);

	backoff_fail(&c->pull, &backoff_image, now);
	c->tried_ns = now;
	pod_container_event(c, EVENT_WARNING, "Failed", "Failed to pull image \"%.*s\": %s",
			    STR_ARG(c->view->image), err_text(err));
	pod_container_event(c, EVENT_WARNING, "Failed", "Error: %s", reason);
	if (c->state != CONTAINER_WAITING)
		pod_container_step(c, CONTAINER_WAITING);
	pod_container_wait(c, reason, "%s", err_text(err));
	pod_wake_at(c->pod, now + c->pull.delay_ns);
}

static void on_pulled(void *user, int r, const struct image_info *info, const struct err *err)
{
	struct container *c = user;
	struct pod *p = c->pod;
	CLEANUP(buf_done) struct buf took = BUF_INIT;

	p->inflight--;
	c->pull_job = NULL;
	if (p->all->closing || c->state != CONTAINER_PULLING)
		return;
	if (p->must_end || !c->view) {
		pod_container_step(c, c->end.set ? CONTAINER_EXITED : CONTAINER_WAITING);
		return;
	}
	if (r < 0) {
		failed(c, "ErrImagePull", err);
		return;
	}
	duration_format(
		(int64_t)((pods_now_ns(p->all) - c->tried_ns) / NSEC_PER_MSEC * NSEC_PER_MSEC),
		&took);
	pod_container_event(c, EVENT_NORMAL, "Pulled",
			    "Successfully pulled image \"%.*s\" in %s. Image size: %" PRIu64
			    " bytes.",
			    STR_ARG(c->view->image), took.p, info ? info->size_bytes : 0);
	backoff_reset(&c->pull);
	c->tried_ns = 0;
	c->pulled = true;
	pod_container_step(c, c->end.set ? CONTAINER_EXITED : CONTAINER_WAITING);
}

static const struct image_job_ops job_ops = {.done = on_pulled};

/* One secret of spec.imagePullSecrets; an absent or foreign one is passed over. */
static bool secret_auth(struct pod *p, struct jv secret, const struct image_ref *ref,
			struct image_auth *auth, struct buf *scratch)
{
	static const char *const keys[] = {".dockerconfigjson", ".dockercfg"};
	CLEANUP(buf_done) struct buf text = BUF_INIT, json = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct jv v = jv_get(jv_get(secret, "data"), keys[i]);

		if (jv_exists(v) && base64_decode(jv_str(v, &text), &json) == 0 &&
		    image_auth_from_docker_config(buf_str(&json), ref, auth, scratch) == 0)
			return true;
	}
	return false;
}

/* -EAGAIN while a secret has not come. */
static int collect_auths(struct pod *p, const struct image_ref *ref, struct image_auth *auths,
			 struct buf *scratch, size_t *ret_n)
{
	size_t n = 0;

	jv_for_each (it, jv_get(p->view->spec, "imagePullSecrets")) {
		struct str name = jv_text(jv_get(it.value, "name"));
		struct jv secret;
		int r;

		if (!name.len || n == AUTHS_MAX)
			continue;
		r = refs_object(p, SOURCE_SECRET, name, &secret, NULL);
		if (r == -EAGAIN)
			return r;
		if (r == 0 && secret_auth(p, secret, ref, &auths[n], &scratch[n]))
			n++;
	}
	*ret_n = n;
	return 0;
}

static void pull_begin(struct container *c, const char *image, const struct image_ref *ref)
{
	struct image_auth auths[AUTHS_MAX];
	struct buf scratch[AUTHS_MAX];
	struct pod *p = c->pod;
	struct err err = ERR_INIT;
	size_t n = 0;
	int r;

	for (size_t i = 0; i < AUTHS_MAX; i++)
		buf_init(&scratch[i]);
	r = collect_auths(p, ref, auths, scratch, &n);
	if (r == 0) {
		c->tried_ns = pods_now_ns(p->all);
		pod_container_event(c, EVENT_NORMAL, "Pulling", "Pulling image \"%s\"", image);
		r = image_pull(p->all->conf.images, image, auths, n, &job_ops, c, &c->pull_job,
			       &err);
		if (r < 0) {
			failed(c, "ErrImagePull", &err);
		} else {
			p->inflight++;
			pod_container_step(c, CONTAINER_PULLING);
		}
	}
	for (size_t i = 0; i < AUTHS_MAX; i++)
		buf_done(&scratch[i]);
	err_done(&err);
}

static bool backing_off(struct container *c)
{
	uint64_t now = pods_now_ns(c->pod->all);
	uint64_t left = backoff_remaining(&c->pull, c->pull.since_ns, now);

	if (!left)
		return false;
	if (!c->waiting || strcmp(c->waiting, "ImagePullBackOff") != 0) {
		pod_container_event(c, EVENT_NORMAL, "BackOff", "Back-off pulling image \"%.*s\"",
				    STR_ARG(c->view->image));
		pod_container_event(c, EVENT_WARNING, "Failed", "Error: ImagePullBackOff");
	}
	pod_container_wait(c, "ImagePullBackOff", "Back-off pulling image \"%.*s\"",
			   STR_ARG(c->view->image));
	pod_wake_at(c->pod, now + left);
	return true;
}

/*
 * An image that was imported has no registry to ask: its name is what was agreed on. The same
 * image under a name that was pulled has one, and it is asked whether this pod may have it.
 */
static bool is_imported(const struct image_info *info, const struct image_ref *ref)
{
	CLEANUP_FREE char *pulled = xasprintf("%s/%s@", ref->registry, ref->repository);

	for (size_t i = 0; info->repo_digests[i]; i++)
		if (str_starts(str_of(info->repo_digests[i]), str_of(pulled)))
			return false;
	return info->pinned;
}

int pull_ready(struct container *c, const struct image_info **ret)
{
	CLEANUP_FREE char *image = str_dup(c->view->image);
	struct pods *ps = c->pod->all;
	struct image_ref ref;
	struct err err = ERR_INIT;
	bool here, fresh = c->pulled;
	int r = image_ref_parse(image, &ref, &err);

	if (r < 0) {
		pod_container_wait(c, "InvalidImageName",
				   "Failed to apply default image tag \"%s\": %s", image,
				   err_text(&err));
		err_done(&err);
		return 0;
	}
	here = image_resolve(ps->conf.images, image, ret, NULL) == 0;
	c->pulled = false;
	if (here && (fresh || c->view->pull != PULL_ALWAYS || is_imported(*ret, &ref))) {
		if (!fresh)
			pod_container_event(c, EVENT_NORMAL, "Pulled",
					    "Container image \"%s\" already present on machine",
					    image);
		return 1;
	}
	if (!here && c->view->pull == PULL_NEVER) {
		if (!c->waiting || strcmp(c->waiting, "ErrImageNeverPull") != 0)
			pod_container_event(
				c, EVENT_WARNING, "ErrImageNeverPull",
				"Container image \"%s\" is not present with pull policy of "
				"Never",
				image);
		pod_container_wait(
			c, "ErrImageNeverPull",
			"Container image \"%s\" is not present with pull policy of Never", image);
		pod_wake_at(c->pod, pods_now_ns(ps) + 10 * NSEC_PER_SEC);
		return 0;
	}
	if (!backing_off(c))
		pull_begin(c, image, &ref);
	return 0;
}

void pull_cancel(struct container *c)
{
	if (c->pull_job)
		image_job_cancel(c->pull_job);
}
