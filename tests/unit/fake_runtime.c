/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fake_runtime.h"

#include "agent/image/image.h"
#include "lib/base/hmap.h"
#include "lib/base/list.h"
#include "net/pod_net.h"

#define MAX_ROWS 256

struct row {
	bool used, running, ignores;
	char id[65], sandbox[65], name[64];
	int code;
	struct timer stop; /* SIGKILL */
	runtime_done_fn *stop_done;
	void *stop_user;
};
struct later {
	struct timer t;
	struct list node;
	runtime_done_fn *done;
	void *user;
	int r;
};
static struct timers *timers;
static struct list laters = {&laters, &laters};
static runtime_event_fn *on_event;
static void *event_user;
static struct row rows[MAX_ROWS];
static char sandboxes[MAX_ROWS][65];
static char fail_name[64];
static int fail_errnum;
static char ignore_name[64];
bool fake_image_here = true;

void fake_runtime_reset(struct timers *ts, runtime_event_fn *fn, void *user)
{
	timers = ts;
	on_event = fn;
	event_user = user;
	memset(rows, 0, sizeof(rows));
	memset(sandboxes, 0, sizeof(sandboxes));
	fail_errnum = 0;
	ignore_name[0] = 0;
	fake_image_here = true;
}

static void on_later(struct timer *t)
{
	struct later *l = container_of(t, struct later, t);
	struct err err = ERR_INIT;

	if (l->r < 0)
		err_sys(&err, -l->r, "fake: %s", strerror(-l->r));
	list_remove(&l->node);
	l->done(l->user, l->r, &err);
	err_done(&err);
	free(l);
}

void fake_runtime_close(void)
{
	while (!list_empty(&laters)) {
		struct later *l = list_entry(laters.next, struct later, node);

		timers_disarm(timers, &l->t);
		l->r = -ECANCELED;
		on_later(&l->t);
	}
}

static int answer(runtime_done_fn *done, void *user, int r)
{
	struct later *l = NEW(struct later);

	l->t.fire = on_later;
	l->done = done;
	l->user = user;
	l->r = r;
	list_append(&laters, &l->node);
	timers_arm_in(timers, &l->t, NSEC_PER_MSEC);
	return 0;
}

static struct row *by_id(const char *id)
{
	for (size_t i = 0; i < MAX_ROWS; i++)
		if (rows[i].used && strcmp(rows[i].id, id) == 0)
			return &rows[i];
	return NULL;
}

static void end(struct row *r, int code)
{
	if (!r->running)
		return;
	r->running = false;
	r->code = code;
	timers_disarm(timers, &r->stop);
	on_event(event_user, &(struct runtime_event){RUNTIME_EXITED, r->sandbox, r->id});
	if (r->stop_done)
		answer(TAKE(r->stop_done), r->stop_user, 0);
}

void fake_exit(const char *name, int code)
{
	for (size_t i = 0; i < MAX_ROWS; i++)
		if (rows[i].used && rows[i].running && strcmp(rows[i].name, name) == 0) {
			end(&rows[i], code);
			return;
		}
	assert(!"no such container runs");
}

void fake_fail_start(const char *name, int errnum)
{
	str_copy(fail_name, sizeof(fail_name), str_of(name));
	fail_errnum = errnum;
}

void fake_ignore_sigterm(const char *name, bool ignore)
{
	str_copy(ignore_name, sizeof(ignore_name), str_of(ignore ? name : ""));
}

size_t fake_running(void)
{
	size_t n = 0;

	for (size_t i = 0; i < MAX_ROWS; i++)
		n += rows[i].running;
	return n;
}

size_t fake_started(const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < MAX_ROWS; i++)
		n += rows[i].used && strcmp(rows[i].name, name) == 0;
	return n;
}

size_t fake_sandboxes(void)
{
	size_t n = 0;

	for (size_t i = 0; i < MAX_ROWS; i++)
		n += sandboxes[i][0] != 0;
	return n;
}

/* ---- agent/runtime ---- */

int runtime_sandbox_start(struct runtime *rt, const struct sandbox_spec *spec,
			  runtime_done_fn *done, void *user, struct err *err)
{
	size_t i = 0;

	while (sandboxes[i][0])
		i++;
	str_copy(sandboxes[i], 65, str_of(spec->id));
	return answer(done, user, 0);
}

int runtime_sandbox_stop(struct runtime *rt, const char *id, runtime_done_fn *done, void *user,
			 struct err *err)
{
	for (size_t i = 0; i < MAX_ROWS; i++) {
		if (rows[i].used && strcmp(rows[i].sandbox, id) == 0)
			end(&rows[i], 137);
		if (strcmp(sandboxes[i], id) == 0)
			sandboxes[i][0] = 0;
	}
	return answer(done, user, 0);
}

int runtime_sandbox_remove(struct runtime *rt, const char *id, runtime_done_fn *done, void *user,
			   struct err *err)
{
	return runtime_sandbox_stop(rt, id, done, user, err);
}

int runtime_sandbox_get(struct runtime *rt, const char *id, struct sandbox_info *ret)
{
	for (size_t i = 0; i < MAX_ROWS; i++)
		if (strcmp(sandboxes[i], id) == 0) {
			*ret = (struct sandbox_info){.id = sandboxes[i],
						     .state = RUNTIME_SANDBOX_READY};
			return 0;
		}
	return -ENOENT;
}

int runtime_sandbox_next(struct runtime *rt, const char *after, struct sandbox_info *ret)
{
	return -ENOENT;
}

int runtime_sandbox_netns(struct runtime *rt, const char *id)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int runtime_container_start(struct runtime *rt, const struct container_spec *spec,
			    runtime_done_fn *done, void *user, struct err *err)
{
	struct str rest = str_of(spec->note), uid, name;
	struct row *r = rows;

	str_split(&rest, ' ', &uid);
	str_split(&rest, ' ', &name);
	if (fail_errnum && str_eqs(name, fail_name)) {
		int r0 = -fail_errnum;

		fail_errnum = 0;
		return answer(done, user, r0);
	}
	while (r->used)
		r++;
	*r = (struct row){.used = true, .running = true};
	str_copy(r->id, sizeof(r->id), str_of(spec->id));
	str_copy(r->sandbox, sizeof(r->sandbox), str_of(spec->sandbox_id));
	str_copy(r->name, sizeof(r->name), name);
	return answer(done, user, 0);
}

static void on_kill(struct timer *t)
{
	end(container_of(t, struct row, stop), 137);
}

int runtime_container_stop(struct runtime *rt, const char *id, int sig, uint64_t grace_ns,
			   runtime_done_fn *done, void *user, struct err *err)
{
	struct row *r = by_id(id);

	if (!r || !r->running)
		return answer(done, user, 0);
	if (r->stop_done) /* a second stop only shortens the grace */
		answer(done, user, 0);
	r->stop_done = done;
	r->stop_user = user;
	if (strcmp(ignore_name, r->name) == 0) {
		r->stop.fire = on_kill;
		timers_arm_in(timers, &r->stop, grace_ns);
		return 0;
	}
	r->stop.fire = on_kill;
	timers_arm_in(timers, &r->stop, NSEC_PER_MSEC);
	return 0;
}

int runtime_container_remove(struct runtime *rt, const char *id, struct err *err)
{
	return 0;
}

int runtime_container_get(struct runtime *rt, const char *id, struct container_info *ret)
{
	struct row *r = by_id(id);

	if (!r)
		return -ENOENT;
	*ret = (struct container_info){
		.id = r->id,
		.sandbox_id = r->sandbox,
		.state = r->running ? RUNTIME_CONTAINER_RUNNING : RUNTIME_CONTAINER_EXITED,
		.exit_code = r->code,
	};
	return 0;
}

int runtime_cap_mask(const char *name, uint64_t *ret)
{
	*ret = 1;
	return 0;
}

int runtime_exec(struct runtime *rt, const struct exec_spec *spec, const struct exec_ops *ops,
		 void *user, struct runtime_exec **ret, struct err *err)
{
	return err_sys(err, ENOSYS, "no exec here");
}

void runtime_exec_abandon(struct runtime_exec *x)
{
}

/* ---- agent/image ---- */

static const char *const none[] = {NULL};
static const char *const cmd[] = {"sh", NULL};
static const struct image_info image = {
	.id = "sha256:1",
	.names = none,
	.repo_digests = none,
	.config = {.user = "",
		   .working_dir = "",
		   .stop_signal = "",
		   .env = none,
		   .entrypoint = none,
		   .cmd = cmd,
		   .volumes = none,
		   .exposed_ports = none},
	.lower_dirs = none,
};

int image_ref_parse(const char *text, struct image_ref *ret, struct err *err)
{
	return 0;
}

int image_resolve(struct image_store *s, const char *ref, const struct image_info **ret,
		  struct err *err)
{
	*ret = &image;
	return fake_image_here ? 0 : -ENOENT;
}

struct image_job {
	struct timer t;
	const struct image_job_ops *ops;
	void *user;
};

static void on_pulled(struct timer *t)
{
	struct image_job *j = container_of(t, struct image_job, t);
	struct err err = ERR_INIT;

	if (!fake_image_here)
		err_sys(&err, ENOENT, "no such image");
	j->ops->done(j->user, fake_image_here ? 0 : -ENOENT, fake_image_here ? &image : NULL, &err);
	err_done(&err);
	free(j);
}

int image_pull(struct image_store *s, const char *ref, const struct image_auth *auths,
	       size_t n_auths, const struct image_job_ops *ops, void *user, struct image_job **ret,
	       struct err *err)
{
	struct image_job *j = NEW(struct image_job);

	j->t.fire = on_pulled;
	j->ops = ops;
	j->user = user;
	timers_arm_in(timers, &j->t, NSEC_PER_SEC);
	*ret = j;
	return 0;
}

void image_job_cancel(struct image_job *j)
{
	timers_soon(timers, &j->t);
}

int image_auth_from_docker_config(struct str json, const struct image_ref *ref,
				  struct image_auth *ret, struct buf *scratch)
{
	return -ENOENT;
}

/* ---- net/pod_net ---- */

int pod_net_attach(struct pod_net *n, struct str id, int fd, struct pod_net_addr *ret,
		   struct err *err)
{
	*ret = (struct pod_net_addr){.addr = 0x0500000a};
	return 0;
}

int pod_net_detach(struct pod_net *n, struct str id, struct err *err)
{
	return 0;
}

int pod_net_gc(struct pod_net *n, bool (*keep)(struct str id, void *user), void *user)
{
	return 0;
}
