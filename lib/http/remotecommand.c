/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/remotecommand.h"
#include "lib/base/list.h"
#include "lib/http/spdy.h"
#include "lib/http/websocket.h"
/*
 * exec and attach. Over SPDY each channel is a stream that the client opens, named by its header
 * "streamtype"; over WebSocket the first byte of each message is the channel's number.
 */
#define OPEN_TIMEOUT_MS 30000
#define V5_CLOSE 255 /* v5: [255, channel] ends a channel (KEP-4006) */

struct rc {
	const struct rc_ops *ops;
	void *user;
	struct rc_conf conf;
	struct spdy *spdy; /* one of the two */
	struct ws *ws;
	unsigned version; /* of the channel protocol, 1 to 5 */
	uint32_t streams[RC_CHANNEL_MAX]; /* SPDY: 0: not there */
	bool fins[RC_CHANNEL_MAX]; /* SPDY: we have sent the last of it */
	bool open, stdin_eof, closing, gone;
	struct buf resize; /* SPDY: JSON values of the resize stream */
	uv_timer_t timer; /* until all streams are there */
	int err;
};

static const char *const channel_names[] = {"stdin", "stdout", "stderr", "error", "resize"};

/* ---- what comes from the client ---- */

static void opened(struct rc *rc)
{
	rc->open = true;
	uv_timer_stop(&rc->timer);
	rc->ops->on_open(rc, rc->user);
}

static bool number_after(struct str json, const char *key, uint16_t *ret)
{
	const char *at = json.len ? memmem(json.p, json.len, key, strlen(key)) : NULL;
	const char *end = json.p + json.len;
	unsigned v = 0;
	bool any = false;

	if (!at)
		return false;
	for (at += strlen(key); at < end && strchr("\": \t", *at); at++)
		;
	for (; at < end && *at >= '0' && *at <= '9' && v < 65536; at++, any = true)
		v = v * 10 + (unsigned)(*at - '0');
	*ret = (uint16_t)MIN(v, 65535u);
	return any;
}

/* {"Width":80,"Height":24}, written by one encoder; anything else is not acted upon. */
static void on_resize(struct rc *rc, struct str json)
{
	uint16_t cols, rows;

	if (number_after(json, "\"Width\"", &cols) && number_after(json, "\"Height\"", &rows) &&
	    rc->ops->on_resize)
		rc->ops->on_resize(rc, cols, rows, rc->user);
}

static void on_stdin_eof(struct rc *rc)
{
	if (rc->stdin_eof || !rc->conf.want_stdin || rc->closing)
		return;
	rc->stdin_eof = true;
	if (rc->ops->on_stdin_eof)
		rc->ops->on_stdin_eof(rc, rc->user);
}

static void on_input(struct rc *rc, enum rc_channel ch, struct str data)
{
	ssize_t end;

	if (rc->closing || !rc->open || !data.len)
		return;
	if (ch == RC_STDIN && rc->conf.want_stdin && !rc->stdin_eof) {
		rc->ops->on_stdin(rc, data, rc->user);
	} else if (ch == RC_RESIZE && rc->ws) {
		on_resize(rc, data);
	} else if (ch == RC_RESIZE) {
		buf_addstr(&rc->resize, data);
		while ((end = str_chr(buf_str(&rc->resize), '}')) >= 0) {
			on_resize(rc, str_n(rc->resize.p, (size_t)end + 1));
			buf_consume(&rc->resize, (size_t)end + 1);
		}
		if (rc->resize.len > 256)
			buf_clear(&rc->resize);
	}
}

/* ---- the end ---- */

static void on_timer_closed(uv_handle_t *h)
{
	struct rc *rc = h->data;

	buf_done(&rc->resize);
	free(rc);
}

static void finished(struct rc *rc, int err)
{
	rc->gone = rc->closing = true;
	rc->ops->on_close(rc, rc->err ? rc->err : err, rc->user);
	uv_close((uv_handle_t *)&rc->timer, on_timer_closed);
}

static void on_open_timeout(uv_timer_t *t)
{
	struct rc *rc = t->data;

	rc->err = -ETIMEDOUT;
	rc_abort(rc);
}

/* ---- WebSocket ---- */

static void ws_message(struct ws *ws, bool binary, struct str data, void *user)
{
	struct rc *rc = user;
	uint8_t ch;

	if (!data.len)
		return;
	ch = (uint8_t)data.p[0];
	data = str_skip(data, 1);
	if (ch < RC_CHANNEL_MAX)
		on_input(rc, (enum rc_channel)ch, data);
	else if (ch == V5_CLOSE && rc->version >= 5 && data.len == 1 && data.p[0] == RC_STDIN)
		on_stdin_eof(rc);
}

static void ws_drain(struct ws *ws, void *user)
{
	struct rc *rc = user;

	if (rc->open && !rc->closing && rc->ops->on_drain)
		rc->ops->on_drain(rc, rc->user);
}

static void ws_closed(struct ws *ws, int err, void *user)
{
	finished(user, err);
}

/* Messages are complete by nature: all is there. From the loop, as promised. */
static void on_ws_ready(uv_timer_t *t)
{
	struct rc *rc = t->data;
	enum rc_channel ch = rc->conf.want_stdout   ? RC_STDOUT
			     : rc->conf.want_stderr ? RC_STDERR
						    : RC_ERROR;
	char first = (char)ch;

	/* An empty message tells the client that the connection works (as the kubelet does). */
	ws_send(rc->ws, true, str_n(&first, 1), STR_NULL);
	opened(rc);
}

static int accept_ws(struct http_req *r, struct rc *rc, struct err *err)
{
	static const char *const protocols[] = {"v5.channel.k8s.io", "v4.channel.k8s.io", NULL};
	static const struct ws_ops ops = {ws_message, ws_drain, ws_closed};
	const char *protocol = ws_choose_protocol(r, protocols);
	int e;

	if (!protocol)
		return err_sys(
			err, EOPNOTSUPP,
			"the client offers no WebSocket subprotocol of v5 or v4.channel.k8s.io");
	rc->version = (unsigned)(protocol[1] - '0');
	e = ws_accept(r, protocol, &(struct ws_conf){0}, &ops, rc, &rc->ws);
	if (e == 0)
		uv_timer_start(&rc->timer, on_ws_ready, 0, 0);
	return e;
}

/* ---- SPDY ---- */

static bool all_there(const struct rc *rc)
{
	const struct rc_conf *c = &rc->conf;
	const uint32_t *s = rc->streams;

	return s[RC_ERROR] && (!c->want_stdin || s[RC_STDIN]) &&
	       (!c->want_stdout || s[RC_STDOUT]) && (!c->want_stderr || s[RC_STDERR]) &&
	       (!c->tty || rc->version < 3 || s[RC_RESIZE]);
}

static void spdy_stream(struct spdy *sp, uint32_t id, bool fin, void *user)
{
	struct rc *rc = user;
	struct str type = spdy_header(sp, "streamtype");

	for (unsigned i = 0; i < RC_CHANNEL_MAX; i++) {
		if (!str_eqs(type, channel_names[i]) || rc->streams[i] || rc->closing)
			continue;
		rc->streams[i] = id;
		spdy_reply(sp, id);
		if (!rc->open && all_there(rc))
			opened(rc);
		if (fin && i == RC_STDIN)
			on_stdin_eof(rc);
		return;
	}
	spdy_reset(sp, id, SPDY_REFUSED_STREAM);
}

static void spdy_data(struct spdy *sp, uint32_t id, struct str data, bool fin, void *user)
{
	struct rc *rc = user;

	for (unsigned i = 0; i < RC_CHANNEL_MAX; i++) {
		if (rc->streams[i] != id)
			continue;
		on_input(rc, (enum rc_channel)i, data);
		if (fin && i == RC_STDIN)
			on_stdin_eof(rc);
	}
}

static void spdy_was_reset(struct spdy *sp, uint32_t id, void *user)
{
	struct rc *rc = user;

	if (id == rc->streams[RC_STDIN])
		on_stdin_eof(rc);
	for (unsigned i = 0; i < RC_CHANNEL_MAX; i++)
		if (rc->streams[i] == id)
			rc->fins[i] = true;
}

static void spdy_drain(struct spdy *sp, void *user)
{
	ws_drain(NULL, user);
}

static void spdy_closed(struct spdy *sp, int err, void *user)
{
	finished(user, err);
}

static int accept_spdy(struct http_req *r, struct rc *rc, struct err *err)
{
	static const char *const protocols[] = {"channel.k8s.io", "v2.channel.k8s.io",
						"v3.channel.k8s.io", "v4.channel.k8s.io"};
	static const struct spdy_ops ops = {spdy_stream, spdy_data, spdy_was_reset, spdy_drain,
					    spdy_closed};
	struct http_header h, answer;
	struct http_stream *s;
	bool asked = false;
	int e;

	for (size_t i = 0; http_req_header_at(r, i, &h); i++) {
		struct str rest = h.value, one;

		if (!str_eqs(h.name, "x-stream-protocol-version"))
			continue;
		asked = true;
		while (str_split(&rest, ',', &one))
			for (unsigned v = 0; v < ARRAY_SIZE(protocols); v++)
				if (str_eqs(str_trim(one), protocols[v]))
					rc->version = MAX(rc->version, v + 1);
	}
	if (!rc->version && asked)
		return err_sys(err, EOPNOTSUPP, "the client offers no version of channel.k8s.io");
	rc->version = MAX(rc->version, 1u);
	answer = HTTP_HEADER("X-Stream-Protocol-Version", str_of(protocols[rc->version - 1]));
	e = http_req_upgrade(r, "SPDY/3.1", &answer, 1, &s);
	if (e < 0)
		return e;
	uv_timer_start(&rc->timer, on_open_timeout, OPEN_TIMEOUT_MS, 0);
	rc->spdy = spdy_take_stream(s, &ops, rc);
	return 0;
}

int rc_accept(struct http_req *r, const struct rc_conf *conf, const struct rc_ops *ops, void *user,
	      struct rc **ret, struct err *err)
{
	struct rc *rc = NEW(struct rc);
	struct str upgrade = http_req_header(r, "upgrade");
	int e;

	rc->ops = ops;
	rc->user = user;
	rc->conf = *conf;
	if (conf->tty)
		rc->conf.want_stderr = false; /* a terminal has one output */
	buf_init(&rc->resize);
	uv_timer_init(http_req_loop(r), &rc->timer);
	rc->timer.data = rc;
	if (str_eq_nocase(upgrade, STR("websocket")))
		e = accept_ws(r, rc, err);
	else if (str_eq_nocase(upgrade, STR("SPDY/3.1")))
		e = accept_spdy(r, rc, err);
	else
		e = err_sys(err, EOPNOTSUPP, "this needs an upgrade to WebSocket or SPDY/3.1");
	if (e < 0) {
		if (err && !err->errnum)
			err_sys(err, -e, "the connection cannot be upgraded");
		uv_close((uv_handle_t *)&rc->timer, on_timer_closed);
		return e;
	}
	*ret = rc;
	return 0;
}

/* ---- what goes to the client ---- */

static int send_on(struct rc *rc, enum rc_channel ch, struct str data, bool fin)
{
	char number = (char)ch;

	if (rc->gone || rc->closing)
		return -EPIPE;
	if (rc->ws)
		return ws_send(rc->ws, true, str_n(&number, 1), data);
	if (!rc->streams[ch] || rc->fins[ch])
		return 0;
	rc->fins[ch] = fin;
	return spdy_send(rc->spdy, rc->streams[ch], data, fin);
}

int rc_write(struct rc *rc, enum rc_channel ch, struct str data)
{
	if ((ch == RC_STDOUT && !rc->conf.want_stdout) ||
	    (ch == RC_STDERR && !rc->conf.want_stderr) || !data.len)
		return 0;
	return send_on(rc, ch, data, false);
}

size_t rc_queued(const struct rc *rc)
{
	return rc->gone ? 0 : rc->ws ? ws_queued(rc->ws) : spdy_queued(rc->spdy);
}

void rc_pause_stdin(struct rc *rc, bool pause)
{
	if (rc->gone)
		return;
	if (rc->ws)
		ws_pause(rc->ws, pause);
	else
		spdy_pause(rc->spdy, pause);
}

static void end_with(struct rc *rc, struct str status)
{
	if (rc->closing)
		return;
	if (rc->spdy) {
		send_on(rc, RC_STDOUT, STR_NULL, true);
		send_on(rc, RC_STDERR, STR_NULL, true);
	}
	send_on(rc, RC_ERROR, status, true);
	rc->closing = true;
	if (rc->ws)
		ws_close(rc->ws, 1000, NULL);
	else
		spdy_close(rc->spdy);
}

static void add_quoted(struct buf *b, const char *s)
{
	buf_addc(b, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_addc(b, '\\');
		if ((unsigned char)*s < 0x20)
			buf_addf(b, "\\u%04x", (unsigned)*s);
		else
			buf_addc(b, *s);
	}
	buf_addc(b, '"');
}

/* v4 and later: a Status (k8s.io/apimachinery meta/v1); before: text on failure, else nothing. */
void rc_exit(struct rc *rc, int exit_code)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (rc->version < 4) {
		if (exit_code)
			buf_addf(&b, "command terminated with non-zero exit code: %d", exit_code);
	} else if (!exit_code) {
		buf_adds(&b, "{\"metadata\":{},\"status\":\"Success\"}");
	} else {
		buf_addf(&b,
			 "{\"metadata\":{},\"status\":\"Failure\",\"message\":\"command terminated "
			 "with non-zero exit code: exit status %d\",\"reason\":\"NonZeroExitCode\","
			 "\"details\":{\"causes\":[{\"reason\":\"ExitCode\",\"message\":\"%d\"}]}}",
			 exit_code, exit_code);
	}
	end_with(rc, buf_str(&b));
}

void rc_fail(struct rc *rc, const char *message)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (rc->version < 4) {
		buf_adds(&b, message);
	} else {
		buf_adds(&b, "{\"metadata\":{},\"status\":\"Failure\",\"message\":");
		add_quoted(&b, message);
		buf_adds(&b,
			 ",\"reason\":\"InternalError\",\"details\":{\"causes\":[{\"message\":");
		add_quoted(&b, message);
		buf_adds(&b, "}]},\"code\":500}");
	}
	end_with(rc, buf_str(&b));
}

void rc_abort(struct rc *rc)
{
	if (rc->gone)
		return;
	rc->closing = true;
	if (rc->ws)
		ws_abort(rc->ws);
	else
		spdy_abort(rc->spdy);
}
