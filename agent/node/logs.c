/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"

#include <sys/stat.h>
#include <uv.h>

#include "agent/node/api_priv.h"
#include "agent/node/cri_log.h"
#include "agent/pod/pods.h"
#include "agent/runtime/runtime.h"
#include "lib/base/clock.h"
/*
 * GET /containerLogs/NS/POD/CONTAINER. The file is read in pieces as the client takes them; to
 * follow it, inotify tells of new lines, and once a second a look at the container tells its end.
 */
#define CHUNK (64u << 10)
#define QUEUE_HIGH (256u << 10)
#define TAIL_STEP (256u << 10)
#define END_CHECK_NS NSEC_PER_SEC

struct log_stream {
	struct node_api *api;
	struct http_req *r; /* NULL: the client has gone */
	char *path;
	char id[RUNTIME_ID_MAX + 1];
	int fd;
	ino_t ino;
	struct buf in; /* an incomplete line */
	struct log_filter f;
	bool follow, watching, ended, reading;
	uv_fs_event_t watch;
	struct timer check;
};

static void pump(struct log_stream *s);

static void on_watch_closed(uv_handle_t *h)
{
	struct log_stream *s = h->data;

	free(s);
}

static void stream_free(struct log_stream *s)
{
	timers_disarm(s->api->conf.timers, &s->check);
	if (s->fd >= 0)
		close(s->fd);
	buf_done(&s->in);
	free(s->path);
	if (s->watching)
		uv_close((uv_handle_t *)&s->watch, on_watch_closed);
	else
		free(s);
}

static void on_close(struct http_req *r, int err, void *user)
{
	stream_free(user);
}

static void finish(struct log_stream *s)
{
	if (s->ended)
		return;
	s->ended = true;
	timers_disarm(s->api->conf.timers, &s->check);
	http_reply_end(s->r);
}

static bool container_ended(struct log_stream *s)
{
	struct container_info info;

	return runtime_container_get(s->api->conf.rt, s->id, &info) < 0 ||
	       info.state == RUNTIME_CONTAINER_EXITED;
}

/* After rotation the path names another file: what is left of the old one was read. */
static bool reopen(struct log_stream *s)
{
	struct stat st;
	int fd;

	if (stat(s->path, &st) < 0 || st.st_ino == s->ino)
		return false;
	fd = open(s->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	close(s->fd);
	s->fd = fd;
	s->ino = st.st_ino;
	buf_clear(&s->in);
	return true;
}

/* One piece of the file into lines and out. 0 at the end, negative when nothing more may go. */
static int piece(struct log_stream *s)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT;
	char *to = buf_reserve(&s->in, CHUNK);
	ssize_t n = read(s->fd, to, CHUNK);
	struct str rest;
	const char *nl;
	bool more = true;

	if (n <= 0)
		return 0;
	buf_setlen(&s->in, s->in.len + (size_t)n);
	rest = buf_str(&s->in);
	while (more && rest.len && (nl = memchr(rest.p, '\n', rest.len))) {
		size_t len = (size_t)(nl - rest.p);

		more = cri_log_line(&s->f, str_n(rest.p, len), &out);
		rest = str_skip(rest, len + 1);
	}
	buf_consume(&s->in, s->in.len - rest.len);
	if (out.len) {
		struct http_blob *b = http_blob_take_buf(&out);
		int r = http_reply_write(s->r, b);

		http_blob_unref(b);
		if (r < 0)
			return r;
	}
	return more ? 1 : -EFBIG;
}

static void on_drain(struct http_req *r, void *user)
{
	pump(user);
}

static void pump(struct log_stream *s)
{
	int r = 1;

	if (s->ended || s->reading)
		return;
	s->reading = true;
	while (r > 0 && http_reply_queued(s->r) < QUEUE_HIGH) {
		r = piece(s);
		if (r == 0 && s->follow && reopen(s))
			r = 1;
	}
	s->reading = false;
	if (r < 0 || (r == 0 && !s->follow)) {
		finish(s);
	} else if (r == 0 && container_ended(s)) {
		if (piece(s) == 0 && !reopen(s))
			finish(s);
		else
			pump(s);
	}
}

static void on_change(uv_fs_event_t *h, const char *name, int events, int status)
{
	pump(h->data);
}

static void on_check(struct timer *t)
{
	struct log_stream *s = container_of(t, struct log_stream, check);

	pump(s);
	if (!s->ended)
		timers_arm_in(s->api->conf.timers, &s->check, END_CHECK_NS);
}

/* Move the file's position to where its last n lines begin. */
static void seek_tail(struct log_stream *s, uint64_t n)
{
	struct stat st;
	off_t from;

	if (fstat(s->fd, &st) < 0)
		return;
	for (from = st.st_size; from > 0;) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;
		size_t want, skip = 0, at;
		ssize_t got;

		/* Doubling: reading stays proportional to what is shown. */
		from = st.st_size - from < TAIL_STEP ? MAX(st.st_size - TAIL_STEP, 0)
						     : MAX(st.st_size - 4 * (st.st_size - from), 0);
		want = (size_t)(st.st_size - from);
		if (want > (256u << 20))
			break;
		got = pread(s->fd, buf_reserve(&b, want), want, from);
		if (got <= 0)
			break;
		buf_setlen(&b, (size_t)got);
		if (from > 0) { /* begin at a whole line */
			const char *nl = memchr(b.p, '\n', b.len);

			skip = nl ? (size_t)(nl - b.p) + 1 : b.len;
		}
		at = cri_log_tail(str_skip(buf_str(&b), skip), n);
		if (at > 0 || from == 0) {
			lseek(s->fd, from + (off_t)skip + (off_t)at, SEEK_SET);
			return;
		}
	}
}

static bool query_u64(struct http_req *r, const char *name, uint64_t *ret)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	return api_query(r, name, 0, &b) && str_to_u64(buf_str(&b), ret) == 0;
}

static void read_options(struct log_stream *s, struct http_req *r, uint64_t *ret_tail)
{
	CLEANUP(buf_done) struct buf since = BUF_INIT, stream = BUF_INIT;
	uint64_t n;

	s->follow = api_query_bool(r, "follow");
	s->f.timestamps = api_query_bool(r, "timestamps");
	s->f.limit = UINT64_MAX;
	s->f.want_stdout = s->f.want_stderr = true;
	*ret_tail = UINT64_MAX;
	query_u64(r, "tailLines", ret_tail);
	if (query_u64(r, "limitBytes", &n))
		s->f.limit = n;
	if (query_u64(r, "sinceSeconds", &n))
		s->f.since_ns = clock_real_ns(s->api->conf.timers->clock) -
				(int64_t)MIN(n, (uint64_t)INT32_MAX) * (int64_t)NSEC_PER_SEC;
	else if (api_query(r, "sinceTime", 0, &since))
		time_parse(buf_str(&since), &s->f.since_ns);
	if (api_query(r, "stream", 0, &stream)) {
		s->f.want_stdout = strcmp(stream.p, "Stderr") != 0;
		s->f.want_stderr = strcmp(stream.p, "Stdout") != 0;
	}
}

void api_logs(struct node_api *a, struct http_req *r, const struct api_target *t)
{
	static const struct http_header headers[] = {
		{STR("Content-Type"), STR("text/plain")},
	};
	struct err err = ERR_INIT;
	const char *id, *path;
	struct log_stream *s;
	uint64_t tail;
	struct stat st;
	bool previous = api_query_bool(r, "previous");
	int n = pods_find_container(a->conf.pods, t->ns, t->pod, t->uid, t->container, previous,
				    &id, &path, &err);

	if (n < 0) {
		api_fail(r, err.reason && strcmp(err.reason, "BadRequest") == 0 ? 400 : 404,
			 err_text(&err));
		err_done(&err);
		return;
	}
	s = NEW(struct log_stream);
	s->api = a;
	s->r = r;
	s->path = xstrdup(path ? path : "");
	str_copy(s->id, sizeof(s->id), str_of(id));
	buf_init(&s->in);
	s->check.fire = on_check;
	s->fd = open(s->path, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0 || fstat(s->fd, &st) < 0) {
		CLEANUP_FREE char *why =
			xasprintf("failed to open log file \"%s\": %s", s->path, strerror(errno));

		api_fail(r, 500, why);
		stream_free(s);
		return;
	}
	s->ino = st.st_ino;
	read_options(s, r, &tail);
	if (tail != UINT64_MAX)
		seek_tail(s, tail);
	http_req_on_close(r, on_close, s);
	http_reply_start(r, 200, headers, ARRAY_SIZE(headers));
	http_reply_on_drain(r, on_drain, s);
	http_reply_set_max_queue(r, 4u << 20);
	if (s->follow) {
		uv_fs_event_init(a->conf.loop, &s->watch);
		s->watch.data = s;
		s->watching = true;
		uv_fs_event_start(&s->watch, on_change, s->path, 0);
		timers_arm_in(a->conf.timers, &s->check, END_CHECK_NS);
	}
	pump(s);
}
