/* SPDX-License-Identifier: Apache-2.0 */
/* exec over WebSocket, v5.channel.k8s.io (KEP-4006): the first byte of a message is its channel. */
#include "cli/session.h"
#include "lib/client/kubeconfig.h"
#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "lib/http/client.h"
#include "lib/http/websocket.h"
#include "lib/json/json_scan.h"
#include "lib/json/jw.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <uv.h>

enum channel { CH_STDIN, CH_STDOUT, CH_STDERR, CH_ERROR, CH_RESIZE, CH_CLOSE = 255 };

struct exec_options {
	struct cli_common common;
	const char *container;
	bool stdin_too, tty;
};

static const struct option_row rows[] = {
	CLI_COMMON_ROWS(struct exec_options, common),
	{"container", 'c', OPTION_STRING, offsetof(struct exec_options, container), "NAME",
	 "the container, where the pod has several"},
	{"stdin", 'i', OPTION_FLAG, offsetof(struct exec_options, stdin_too), NULL,
	 "pass standard input on"},
	{"tty", 't', OPTION_FLAG, offsetof(struct exec_options, tty), NULL,
	 "give the command a terminal"},
};
static const struct options_spec spec = {
	"knarrctl exec",
	"POD -- COMMAND [ARG]...",
	"Runs a command in a container and exits with its exit code.",
	rows,
	ARRAY_SIZE(rows),
	"Example:\n  knarrctl exec -i -t web-0 -- sh"};

struct exec {
	struct session *s;
	struct ws *ws;
	uv_tty_t tty_in;
	uv_pipe_t pipe_in;
	uv_stream_t *in; /* one of them, NULL if none is read */
	uv_signal_t winch;
	bool raw, done;
	int exit_code;
	struct err *err;
	char chunk[16384];
};

static struct termios saved;

static void restore_terminal(void)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &saved);
}

static void send_size(struct exec *x)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct winsize w;
	char channel = CH_RESIZE;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0)
		return;
	buf_addf(&b, "{\"Width\":%u,\"Height\":%u}", w.ws_col, w.ws_row);
	ws_send(x->ws, true, str_n(&channel, 1), buf_str(&b));
}

static void on_winch(uv_signal_t *handle, int signum)
{
	send_size(handle->data);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *b)
{
	struct exec *x = handle->data;

	*b = uv_buf_init(x->chunk, sizeof(x->chunk));
}

static void on_input(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
	struct exec *x = stream->data;
	char channel = CH_STDIN;
	static const char close_stdin[] = {(char)CH_CLOSE, CH_STDIN};

	if (n >= 0) {
		ws_send(x->ws, true, str_n(&channel, 1), str_n(b->base, (size_t)n));
		return;
	}
	uv_read_stop(stream);
	ws_send(x->ws, true, str_n(close_stdin, 2), STR(""));
}

/* The Status on channel 3: Success, or a cause ExitCode with the number. */
static void take_status(struct exec *x, struct str text)
{
	struct jv v;

	if (json_scan(text, NULL, NULL) < 0)
		return;
	v = jv_of(text);
	if (jv_eqs(jv_get(v, "status"), "Success")) {
		x->exit_code = 0;
		return;
	}
	x->exit_code = 1;
	if (jv_eqs(jv_get(v, "reason"), "NonZeroExitCode")) {
		jv_for_each (it, jv_path(v, "details.causes")) {
			int64_t code;

			if (jv_eqs(jv_get(it.value, "reason"), "ExitCode") &&
			    str_to_i64(jv_text(jv_get(it.value, "message")), &code) == 0)
				x->exit_code = (int)code;
		}
	} else {
		CLEANUP_FREE char *message = jv_strdup(jv_get(v, "message"));

		err_sys(x->err, EIO, "%s", message ? message : "failed");
	}
}

static void on_message(struct ws *ws, bool binary, struct str data, void *user)
{
	struct exec *x = user;
	struct str body = str_skip(data, 1);
	FILE *f = stdout;

	if (!data.len)
		return;
	switch ((uint8_t)data.p[0]) {
	case CH_STDERR:
		f = stderr;
		/* fall through */
	case CH_STDOUT:
		fwrite(body.p, 1, body.len, f);
		fflush(f);
		break;
	case CH_ERROR:
		take_status(x, body);
		break;
	}
}

static void on_close(struct ws *ws, int r, void *user)
{
	struct exec *x = user;

	x->done = true;
	x->ws = NULL;
	if (r < 0 && x->exit_code < 0)
		err_sys(x->err, r, "the connection broke: %s", strerror(-r));
}

static void start_input(struct exec *x, const struct exec_options *o)
{
	uv_loop_t *loop = session_loop(x->s);

	if (o->tty && isatty(STDIN_FILENO)) {
		struct termios t;

		tcgetattr(STDIN_FILENO, &saved);
		t = saved;
		cfmakeraw(&t);
		tcsetattr(STDIN_FILENO, TCSANOW, &t);
		atexit(restore_terminal);
		x->raw = true;
		uv_signal_init(loop, &x->winch);
		x->winch.data = x;
		uv_signal_start(&x->winch, on_winch, SIGWINCH);
		send_size(x);
	}
	if (!o->stdin_too)
		return;
	if (uv_guess_handle(STDIN_FILENO) == UV_TTY) {
		uv_tty_init(loop, &x->tty_in, STDIN_FILENO, 1);
		x->in = (uv_stream_t *)&x->tty_in;
	} else {
		uv_pipe_init(loop, &x->pipe_in, 0);
		/* A regular file can't be polled: cat it through a pipe. */
		if (uv_pipe_open(&x->pipe_in, STDIN_FILENO) < 0) {
			err_sys(x->err, EINVAL, "standard input must be a pipe or a terminal");
			uv_close((uv_handle_t *)&x->pipe_in, NULL);
			ws_close(x->ws, 1000, "");
			return;
		}
		x->in = (uv_stream_t *)&x->pipe_in;
	}
	x->in->data = x;
	uv_read_start(x->in, on_alloc, on_input);
}

struct upgrade {
	struct exec *x;
	const struct exec_options *o;
};

static void on_upgraded(struct http_call *call, int r, int status, struct str body,
			struct http_stream *s, void *user)
{
	static const struct ws_conf conf = {.is_client = true, .max_message = 4 << 20};
	static const struct ws_ops ops = {.on_message = on_message, .on_close = on_close};
	struct upgrade *u = user;
	struct err *err = u->x->err;

	if (!s) {
		u->x->done = true;
		if (status && json_scan(body, NULL, NULL) == 0) {
			CLEANUP_FREE char *message = jv_strdup(jv_get(jv_of(body), "message"));

			err_set(err, EIO, NULL, "%s", message ? message : "refused");
		} else if (status) {
			err_sys(err, EIO, "the server answered %d", status);
		} else {
			err_sys(err, r, "%s", http_call_error(call));
		}
		return;
	}
	u->x->ws = ws_take_stream(s, &conf, &ops, u->x);
	start_input(u->x, u->o);
}

static void request_path(struct session *s, const struct exec_options *o, const char *pod,
			 const char **words, size_t n, struct buf *path)
{
	buf_addf(path, "/api/v1/namespaces/%s/pods/%s/exec", session_ns(s), pod);
	for (size_t i = 0; i < n; i++)
		path_query(path, "command", str_of(words[i]));
	if (o->container)
		path_query(path, "container", str_of(o->container));
	path_query(path, "stdout", STR("true"));
	/* A terminal has one output. */
	path_query(path, "stderr", o->tty ? STR("false") : STR("true"));
	if (o->stdin_too)
		path_query(path, "stdin", STR("true"));
	if (o->tty)
		path_query(path, "tty", STR("true"));
}

static int run(const struct exec_options *o, const char *pod, const char **words, size_t n,
	       struct err *err)
{
	static const struct http_upgrade_ops ops = {on_upgraded};
	CLEANUP(session_closep) struct session *s = NULL;
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	CLEANUP_FREE struct exec *x = NEW(struct exec);
	struct upgrade u = {x, o};
	uint64_t nonce[2] = {rng_u64(&rng_system), rng_u64(&rng_system)};
	struct http_header headers[5];
	struct http_call_req req = {.method = "GET", .headers = headers, .n_headers = 5};
	int r = session_open(&o->common, &s, err);

	if (r < 0)
		return r;
	x->s = s;
	x->err = err;
	x->exit_code = -1;
	base64_encode(str_n(nonce, sizeof(nonce)), &key);
	headers[0] = HTTP_HEADER("upgrade", STR("websocket"));
	headers[1] = HTTP_HEADER("connection", STR("Upgrade"));
	headers[2] = HTTP_HEADER("sec-websocket-version", STR("13"));
	headers[3] = HTTP_HEADER("sec-websocket-key", buf_str(&key));
	headers[4] = HTTP_HEADER("sec-websocket-protocol", STR("v5.channel.k8s.io"));
	request_path(s, o, pod, words, n, &path);
	req.path = path.p;
	http_client_upgrade(session_http(s), &req, &ops, &u);
	while (!x->done && uv_run(session_loop(s), UV_RUN_ONCE))
		;
	if (x->in)
		uv_close((uv_handle_t *)x->in, NULL);
	if (x->raw) {
		uv_close((uv_handle_t *)&x->winch, NULL);
		restore_terminal();
	}
	/* The handles live in x: let them close before it goes. */
	uv_run(session_loop(s), UV_RUN_NOWAIT);
	if (err->errnum)
		return -err->errnum;
	return x->exit_code < 0 ? err_sys(err, EIO, "the command's exit code was not told")
				: x->exit_code;
}

int cmd_exec(int argc, char **argv, void *user)
{
	struct exec_options o = {0};
	CLEANUP_FREE const char **args = NULL;
	struct err err = ERR_INIT;
	const char *pod;
	size_t n;
	int r = options_parse(&spec, argc, argv, &o, &args, &n, &err);

	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0)
		return cli_fail("exec", &err) + 1;
	if (n < 2)
		return cli_usage("exec", "name a pod and a command: exec POD -- COMMAND");
	pod = strncmp(args[0], "pod/", 4) ? args[0] : args[0] + 4;
	r = run(&o, pod, args + 1, n - 1, &err);
	return r < 0 ? cli_fail("exec", &err) : r;
}
