/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/commands.h"

#include <signal.h>
#include <uv.h>

#include "agent/pod/pod.h"

#define OUTPUT_MAX 4096
#define AGAIN_NS (5 * NSEC_PER_SEC)

struct command {
	struct list in_pod; /* pod.commands */
	struct pod *pod; /* NULL: nobody waits for it any more */
	char *words; /* of argv, by spaces: which one it is */
	uv_process_t process;
	uv_pipe_t out; /* stdout and stderr */
	unsigned open; /* handles */
	bool exited;
	int64_t status;
	int signal;
	uint64_t ended_ns;
	struct buf output;
};

static void command_free(struct command *c)
{
	if (c->pod)
		list_remove(&c->in_pod);
	buf_done(&c->output);
	free(c->words);
	free(c);
}

/* Over when it has exited, its output is read and the handles are closed. */
static void on_closed(uv_handle_t *h)
{
	struct command *c = h->data;

	if (--c->open)
		return;
	if (!c->pod) {
		command_free(c);
		return;
	}
	c->ended_ns = pods_now_ns(c->pod->all);
	c->pod->volumes_dirty = true;
	pod_kick(c->pod);
}

static void take_output(struct command *c, const char *p, size_t n)
{
	if (c->output.len + n <= OUTPUT_MAX)
		buf_add(&c->output, p, n);
}

/* Who stays in the background may hold the pipe: no end of it is waited for. */
static void read_rest(struct command *c)
{
	char b[1024];
	uv_os_fd_t fd;
	ssize_t n;

	if (uv_fileno((uv_handle_t *)&c->out, &fd) == 0)
		while ((n = read(fd, b, sizeof(b))) > 0)
			take_output(c, b, (size_t)n);
}

static void on_exit_cb(uv_process_t *process, int64_t status, int signal)
{
	struct command *c = process->data;

	c->exited = true;
	c->status = status;
	c->signal = signal;
	uv_close((uv_handle_t *)process, on_closed);
	read_rest(c);
	uv_close((uv_handle_t *)&c->out, on_closed);
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
	static char scratch[1024];

	*b = uv_buf_init(scratch, sizeof(scratch));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct command *c = s->data;

	if (n < 0)
		uv_read_stop(s);
	else
		take_output(c, b->base, (size_t)n);
}

static int start(struct pod *p, const char *const *argv, char *words, struct err *err)
{
	struct command *c = NEW(struct command);
	uv_stdio_container_t io[3] = {
		{.flags = UV_IGNORE},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->out},
		{.flags = UV_IGNORE},
	};
	uv_process_options_t o = {
		.file = "sh",
		.stdio = io,
		.stdio_count = 3,
		.exit_cb = on_exit_cb,
	};
	/* One pipe for both: the words are given as they are, the shell only joins the streams. */
	const char *args[32] = {"sh", "-c", "exec \"$@\" 2>&1", "sh"};
	int r;

	for (size_t i = 0; argv[i] && i < ARRAY_SIZE(args) - 5; i++)
		args[i + 4] = argv[i];
	o.args = (char **)args;
	c->words = words;
	c->pod = p;
	c->open = 2;
	c->process.data = c->out.data = c;
	list_append(&p->commands, &c->in_pod);
	uv_pipe_init(p->all->conf.loop, &c->out, 0);
	r = uv_spawn(p->all->conf.loop, &c->process, &o);
	if (r < 0) {
		list_remove(&c->in_pod);
		c->pod = NULL;
		uv_close((uv_handle_t *)&c->process, on_closed);
		uv_close((uv_handle_t *)&c->out, on_closed);
		return err_sys(err, -r, "cannot start %s: %s", argv[0], uv_strerror(r));
	}
	uv_read_start((uv_stream_t *)&c->out, on_alloc, on_read);
	return err_sys(err, EAGAIN, "waiting for %s", argv[0]);
}

static struct command *find(struct pod *p, const char *words)
{
	list_for_each (it, &p->commands) {
		struct command *c = list_entry(it, struct command, in_pod);

		if (strcmp(c->words, words) == 0)
			return c;
	}
	return NULL;
}

int commands_run(struct pod *p, const char *const *argv, struct err *err)
{
	CLEANUP(buf_done) struct buf words = BUF_INIT;
	struct command *c;

	for (size_t i = 0; argv[i]; i++)
		buf_addf(&words, "%s%s", i ? " " : "", argv[i]);
	c = find(p, words.p);
	if (!c)
		return start(p, argv, buf_take(&words), err);
	if (c->open)
		return err_sys(err, EAGAIN, "waiting for %s", argv[0]);
	if (c->status == 0 && !c->signal) {
		command_free(c);
		return 0;
	}
	if (pods_now_ns(p->all) - c->ended_ns >= AGAIN_NS) {
		command_free(c);
		return start(p, argv, buf_take(&words), err);
	}
	return err_sys(err, EIO, "%s failed: %s %" PRId64 "\nOutput: %.*s", argv[0],
		       c->signal ? "signal" : "exit status",
		       c->signal ? (int64_t)c->signal : c->status,
		       STR_ARG(str_trim(buf_str(&c->output))));
}

bool commands_end(struct pod *p)
{
	bool some = false;

	list_for_each (it, &p->commands) {
		struct command *c = list_entry(it, struct command, in_pod);

		if (!c->open)
			continue;
		some = true;
		if (!c->exited)
			uv_process_kill(&c->process, SIGTERM);
	}
	return some;
}

void commands_free(struct pod *p)
{
	list_for_each_safe (it, &p->commands) {
		struct command *c = list_entry(it, struct command, in_pod);

		if (!c->open) {
			command_free(c);
			continue;
		}
		list_remove(&c->in_pod);
		c->pod = NULL;
		if (!c->exited)
			uv_process_kill(&c->process, SIGTERM);
		uv_unref((uv_handle_t *)&c->process);
		uv_unref((uv_handle_t *)&c->out);
	}
}
