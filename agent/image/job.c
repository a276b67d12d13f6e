/* SPDX-License-Identifier: Apache-2.0 */
/* Imports and pulls: starts knarr-image-helper and reads its lines. */
#include "agent/image/store.h"
#include "lib/json/json_scan.h"
#include "lib/json/jw.h"

#include <signal.h>
#include <uv.h>

#define LINE_MAX_BYTES (1 << 20)

struct image_job {
	struct list node; /* image_store.jobs; of a follower: its leader's followers */
	/* A pull that is asked for again while it runs: the later ones follow the first. */
	struct list followers;
	struct image_job *leader; /* NULL: has a process of its own */
	struct image_store *store;
	const struct image_job_ops *ops;
	void *user;
	bool pinned, cancelled, exited, eof;
	uv_process_t process;
	uv_pipe_t out, in;
	uv_write_t write;
	struct buf settings, line;
	char chunk[16384];
	const struct image_info *result;
	struct err err;
	unsigned open; /* handles not closed yet */
};

static void job_free(struct image_job *j)
{
	list_remove(&j->node);
	buf_done(&j->settings);
	buf_done(&j->line);
	err_done(&j->err);
	free(j);
}

static void on_closed(uv_handle_t *handle)
{
	struct image_job *j = handle->data;

	if (--j->open == 0)
		job_free(j);
}

static void close_handle(struct image_job *j, uv_handle_t *h)
{
	if (!uv_is_closing(h))
		uv_close(h, on_closed);
}

static void tell(struct image_job *j, int r, const struct image_info *result, const struct err *e)
{
	struct err cancelled = ERR_INIT;

	if (j->cancelled) {
		r = err_sys(&cancelled, ECANCELED, "cancelled");
		result = NULL;
		e = &cancelled;
	}
	j->ops->done(j->user, r, r ? NULL : result, e);
	err_done(&cancelled);
}

/* Both the process and its output have ended: tell who asked for it, then close. */
static void maybe_finish(struct image_job *j)
{
	int r;

	if (!j->exited || !j->eof)
		return;
	if (!j->result)
		err_sys(&j->err, EIO, "the image helper ended without a result");
	r = j->err.errnum ? -j->err.errnum : 0;
	list_remove(&j->node); /* a pull asked for in a callback is a new one */
	tell(j, r, j->result, &j->err);
	while (!list_empty(&j->followers)) {
		struct image_job *f = list_first(&j->followers, struct image_job, node);

		tell(f, r, j->result, &j->err);
		job_free(f);
	}
	list_append(&j->store->jobs, &j->node); /* until its handles are closed */
	close_handle(j, (uv_handle_t *)&j->process);
	close_handle(j, (uv_handle_t *)&j->out);
	close_handle(j, (uv_handle_t *)&j->in);
}

static void take_progress(struct image_job *j, struct jv p)
{
	static const char *const steps[] = {"reading", "resolving", "fetching", "unpacking"};
	struct image_progress g = {
		.step = "working",
		.done_bytes = (uint64_t)jv_i64(jv_get(p, "done"), 0),
		.total_bytes = (uint64_t)jv_i64(jv_get(p, "total"), 0),
		.layers_done = (uint32_t)jv_i64(jv_get(p, "layersDone"), 0),
		.layers_total = (uint32_t)jv_i64(jv_get(p, "layersTotal"), 0),
	};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (jv_eqs(jv_get(p, "step"), steps[i]))
			g.step = steps[i];
	if (j->ops->progress && !j->cancelled)
		j->ops->progress(j->user, &g);
	list_for_each (it, &j->followers) {
		struct image_job *f = list_entry(it, struct image_job, node);

		if (f->ops->progress && !f->cancelled)
			f->ops->progress(f->user, &g);
	}
}

static void take_line(struct image_job *j, struct str line)
{
	struct jv v, e;

	if (json_scan(line, NULL, NULL) < 0)
		return;
	v = jv_of(line);
	e = jv_get(v, "error");
	if (jv_exists(jv_get(v, "progress"))) {
		take_progress(j, jv_get(v, "progress"));
	} else if (jv_exists(jv_get(v, "image"))) {
		image_store_add(j->store, jv_get(v, "image"), j->pinned, &j->result, &j->err);
	} else if (jv_exists(e)) {
		CLEANUP_FREE char *message = jv_strdup(jv_get(e, "message"));

		err_sys(&j->err, (int)jv_i64(jv_get(e, "errno"), EIO), "%s",
			message ? message : "failed");
	}
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *b)
{
	struct image_job *j = handle->data;

	*b = uv_buf_init(j->chunk, sizeof(j->chunk));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct image_job *j = stream->data;
	ssize_t at;

	if (n < 0) {
		j->eof = true;
		uv_read_stop(stream);
		maybe_finish(j);
		return;
	}
	buf_add(&j->line, b->base, (size_t)n);
	while ((at = str_chr(buf_str(&j->line), '\n')) >= 0) {
		take_line(j, str_n(j->line.p, (size_t)at));
		buf_consume(&j->line, (size_t)at + 1);
	}
	if (j->line.len > LINE_MAX_BYTES)
		uv_process_kill(&j->process, SIGKILL);
}

static void on_exit_cb(uv_process_t *process, int64_t status, int signal)
{
	struct image_job *j = process->data;

	j->exited = true;
	if (signal)
		err_sys(&j->err, EIO, "the image helper was killed by signal %d", signal);
	maybe_finish(j);
}

static void on_written(uv_write_t *w, int status)
{
	struct image_job *j = w->data;

	close_handle(j, (uv_handle_t *)&j->in);
}

/* The helper beside this program (a build folder), else the installed one. */
static char *helper_path(const struct image_store *s)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *path;

	if (s->helper)
		return xstrdup(s->helper);
	if (n > 0) {
		self[n] = 0;
		path = xasprintf("%.*s/knarr-image-helper", (int)(strrchr(self, '/') - self), self);
		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return xstrdup(KNARR_LIBEXECDIR "/knarr-image-helper");
}

static int spawn(struct image_job *j, const char *verb, int archive_fd, struct err *err)
{
	CLEANUP_FREE char *helper = helper_path(j->store);
	char *argv[] = {helper, (char *)verb, j->store->dir, NULL};
	uv_stdio_container_t io[4] = {
		{.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&j->in},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&j->out},
		{.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
		{.flags = UV_INHERIT_FD, .data.fd = archive_fd},
	};
	uv_process_options_t o = {
		.file = helper,
		.args = argv,
		.stdio = io,
		.stdio_count = archive_fd >= 0 ? 4 : 3,
		.exit_cb = on_exit_cb,
	};
	uv_buf_t b = uv_buf_init(j->settings.p, (unsigned)j->settings.len);
	int r;

	uv_pipe_init(j->store->loop, &j->out, 0);
	uv_pipe_init(j->store->loop, &j->in, 0);
	j->open = 3;
	j->out.data = j->in.data = j->process.data = j->write.data = j;
	r = uv_spawn(j->store->loop, &j->process, &o);
	if (r < 0)
		return err_sys(err, r, "cannot start %s: %s", helper, uv_strerror(r));
	uv_read_start((uv_stream_t *)&j->out, on_alloc, on_read);
	uv_write(&j->write, (uv_stream_t *)&j->in, &b, 1, on_written);
	return 0;
}

static struct image_job *job_new(struct image_store *s, const struct image_job_ops *ops, void *user)
{
	struct image_job *j = NEW(struct image_job);

	j->store = s;
	j->ops = ops;
	j->user = user;
	buf_init(&j->settings);
	buf_init(&j->line);
	list_init(&j->followers);
	list_init(&j->node);
	return j;
}

static int job_start(struct image_job *j, const char *verb, int archive_fd, struct image_job **ret,
		     struct err *err)
{
	int r;

	list_append(&j->store->jobs, &j->node);
	r = spawn(j, verb, archive_fd, err);
	if (r < 0) {
		close_handle(j, (uv_handle_t *)&j->out);
		close_handle(j, (uv_handle_t *)&j->in);
		close_handle(j, (uv_handle_t *)&j->process);
		return r;
	}
	if (ret)
		*ret = j;
	return 0;
}

int image_import(struct image_store *s, const char *path, const char *name,
		 const struct image_job_ops *ops, void *user, struct image_job **ret,
		 struct err *err)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct image_job *j;
	struct image_ref ref;
	struct jw w;

	if (fd < 0)
		return err_sys(err, errno, "cannot open %s: %s", path, strerror(errno));
	if (name) {
		int r = image_ref_parse(name, &ref, err);

		if (r < 0)
			return r;
	}
	j = job_new(s, ops, user);
	j->pinned = true;
	w = jw_start(&j->settings);
	jw_begin_object(&w);
	if (name)
		jw_member_str(&w, "name", str_of(name));
	jw_member_i64(&w, "maxBytes", (int64_t)s->max_image_bytes);
	jw_end_object(&w);
	return job_start(j, "import", fd, ret, err);
}

static void write_registries(struct image_store *s, struct jw *w)
{
	jw_key(w, "registries");
	jw_begin_array(w);
	for (size_t i = 0; i < s->n_registries; i++) {
		struct image_registry *g = &s->registries[i];

		jw_begin_object(w);
		jw_member_str(w, "host", str_of(g->host));
		jw_member_bool(w, "plainHTTP", g->plain_http);
		jw_member_bool(w, "skipVerify", g->skip_verify);
		if (g->mirror_of)
			jw_member_str(w, "mirrorOf", str_of(g->mirror_of));
		if (g->ca_file)
			jw_member_str(w, "caFile", str_of(g->ca_file));
		jw_end_object(w);
	}
	jw_end_array(w);
}

static void write_auth(struct jw *w, const struct image_auth *a)
{
	jw_begin_object(w);
	jw_member_str(w, "username", str_of(a->username));
	jw_member_str(w, "password", str_of(a->password));
	jw_member_str(w, "identityToken", str_of(a->identity_token));
	jw_member_str(w, "registryToken", str_of(a->registry_token));
	jw_end_object(w);
}

/* The same order, credentials and all, is under way: wait for that one. */
static bool follow(struct image_job *j)
{
	list_for_each (it, &j->store->jobs) {
		struct image_job *other = list_entry(it, struct image_job, node);

		if (other->exited || other->cancelled || other->pinned ||
		    !str_eq(buf_str(&other->settings), buf_str(&j->settings)))
			continue;
		j->leader = other;
		list_append(&other->followers, &j->node);
		return true;
	}
	return false;
}

int image_pull(struct image_store *s, const char *ref, const struct image_auth *auths,
	       size_t n_auths, const struct image_job_ops *ops, void *user, struct image_job **ret,
	       struct err *err)
{
	char text[IMAGE_REF_MAX];
	struct image_ref parsed;
	struct image_job *j;
	struct jw w;
	int r = image_ref_parse(ref, &parsed, err);

	if (r < 0)
		return r;
	image_ref_format(&parsed, text);
	j = job_new(s, ops, user);
	w = jw_start(&j->settings);
	jw_begin_object(&w);
	jw_member_str(&w, "ref", str_of(text));
	jw_member_i64(&w, "maxBytes", (int64_t)s->max_image_bytes);
	jw_member_i64(&w, "parallel", s->parallel_layers);
	write_registries(s, &w);
	jw_key(&w, "auths");
	jw_begin_array(&w);
	for (size_t i = 0; i < n_auths; i++)
		write_auth(&w, &auths[i]);
	jw_end_array(&w);
	jw_end_object(&w);
	if (follow(j)) {
		if (ret)
			*ret = j;
		return 0;
	}
	return job_start(j, "pull", -1, ret, err);
}

void image_job_cancel(struct image_job *job)
{
	struct image_job *leader = job->leader ? job->leader : job;

	job->cancelled = true;
	if (!leader->cancelled || leader->exited)
		return;
	list_for_each (it, &leader->followers)
		if (!list_entry(it, struct image_job, node)->cancelled)
			return; /* somebody still wants it */
	uv_process_kill(&leader->process, SIGKILL);
}

struct image_store *image_store_close(struct image_store *s)
{
	if (!s)
		return NULL;
	list_for_each (n, &s->jobs) {
		struct image_job *j = list_entry(n, struct image_job, node);

		list_for_each (f, &j->followers)
			list_entry(f, struct image_job, node)->cancelled = true;
		image_job_cancel(j);
	}
	/* The killed helpers' handles close in the loop. */
	while (!list_empty(&s->jobs))
		uv_run(s->loop, UV_RUN_ONCE);
	image_store_free(s);
	return NULL;
}
