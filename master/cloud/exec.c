/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cloud/cloud.h"
#include "lib/base/list.h"
#include "lib/base/log.h"
#include "lib/json/json_scan.h"
#include "lib/json/jw.h"
#include "lib/json/yaml.h"
#include "lib/sys/file.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <uv.h>

/*
 * Any program as a cloud provider (knarr-cloud(7)). One process a question:
 *
 *	COMMAND... VERB  <- {"apiVersion", "verb", ...params}      -> {...} or {"error": "why"}
 *
 *	waiting --slot free--> running --exit, end of output--> answered
 *	                          +--time over, too much said--> killed with its group
 *
 * Nothing that it does holds up the loop, and whatever it prints is scanned before it is read.
 */
#define TIMEOUT_NS (30 * NSEC_PER_SEC)
#define OUTPUT_MAX (1024 * 1024)
#define STDERR_MAX 4096
#define PARALLEL 4
#define FILE_MAX (64 * 1024)
#define LINGER_NS (500 * NSEC_PER_MSEC) /* children that keep the pipe open after the end */

struct exec {
	struct cloud_base base;
	struct timers *timers;
	uv_loop_t *loop;
	char **argv; /* room for the verb behind the last */
	size_t n_argv;
	char **env; /* "K=V", NULL-terminated */
	uint64_t timeout_ns, max_output, max_parallel, running;
	uint32_t verbs; /* a bit each */
	struct list calls; /* waiting and running */
};

struct exec_call {
	struct cloud_call_base base;
	struct list node;
	struct exec *x; /* NULL: answered or cancelled, only handles are to be closed */
	enum cloud_verb verb;
	struct buf in, out, err_text;
	cloud_fn *done;
	void *user;
	struct timer timer;
	struct err e;
	uv_process_t process;
	uv_pipe_t stdio[3];
	uv_write_t write;
	int open; /* handles */
	int64_t status;
	bool started, exited, out_over;
	char read[4096];
};

static struct exec *exec_of(struct cloud *c)
{
	return (struct exec *)c;
}

/* ---- One call ---- */

static void maybe_free(struct exec_call *k)
{
	if (k->x || k->open)
		return;
	buf_done(&k->in);
	buf_done(&k->out);
	buf_done(&k->err_text);
	err_done(&k->e);
	free(k);
}

static void on_closed(uv_handle_t *h)
{
	struct exec_call *k = h->data;

	k->open--;
	maybe_free(k);
}

static void close_handle(struct exec_call *k, uv_handle_t *h)
{
	if (!uv_is_closing(h))
		uv_close(h, on_closed);
}

static void kill_group(struct exec_call *k)
{
	if (k->started && !k->exited && k->process.pid > 0)
		kill(-k->process.pid, SIGKILL);
}

static void start_next(struct exec *x);

/* Takes the call out; it frees itself when its handles are closed. */
static struct exec *leave(struct exec_call *k)
{
	struct exec *x = k->x;

	timers_disarm(x->timers, &k->timer);
	list_remove(&k->node);
	x->running -= k->started;
	k->x = NULL;
	if (k->started) {
		kill_group(k);
		for (size_t i = 0; i < 3; i++)
			close_handle(k, (uv_handle_t *)&k->stdio[i]);
		/* The process handle goes with the exit, which is reaped in any case. */
		if (k->exited)
			close_handle(k, (uv_handle_t *)&k->process);
	}
	return x;
}

static struct str first_line(const struct buf *b)
{
	struct str rest = str_trim(buf_str(b)), line;

	str_split(&rest, '\n', &line);
	return str_n(line.p, MIN(line.len, (size_t)300));
}

/* What went wrong, if it did; k->out is good JSON of an object otherwise. */
static void judge(struct exec_call *k)
{
	CLEANUP(err_done) struct err scan = ERR_INIT;
	struct str said = first_line(&k->err_text);
	struct jv v = JV_NONE;

	if (k->e.errnum)
		return;
	if (json_scan(str_trim(buf_str(&k->out)), NULL, &scan) == 0)
		v = jv_of(str_trim(buf_str(&k->out)));
	if (jv_type(jv_get(v, "error")) == JV_STRING) {
		CLEANUP_FREE char *text = jv_strdup(jv_get(v, "error"));

		err_sys(&k->e, EREMOTEIO, "%.500s", *text ? text : "the cloud provider failed");
	} else if (k->status) {
		err_sys(&k->e, EREMOTEIO, "%s %s ended with status %" PRId64 "%s%.*s",
			k->x->argv[0], cloud_verb_name(k->verb), k->status, said.len ? ": " : "",
			STR_ARG(said));
	} else if (jv_type(v) != JV_OBJECT) {
		err_sys(&k->e, EPROTO, "%s %s gave no JSON object: %s", k->x->argv[0],
			cloud_verb_name(k->verb),
			scan.errnum ? err_text(&scan) : "it is another value");
	}
}

static void answer(struct exec_call *k)
{
	CLEANUP(buf_done) struct buf out = k->out;
	CLEANUP(err_done) struct err e = ERR_INIT;
	cloud_fn *done = k->done;
	void *user = k->user;
	struct exec *x;

	judge(k);
	e = k->e;
	buf_init(&k->out);
	k->e = ERR_INIT;
	x = leave(k);
	start_next(x);
	maybe_free(k);
	done(user, &e, e.errnum ? JV_NONE : jv_of(str_trim(buf_str(&out))));
}

static void maybe_answer(struct exec_call *k)
{
	if (!k->x || !k->exited)
		return;
	if (k->out_over)
		answer(k);
	else
		timers_arm_in(k->x->timers, &k->timer, LINGER_NS);
}

static void on_time(struct timer *t)
{
	struct exec_call *k = container_of(t, struct exec_call, timer);

	if (!k->exited)
		err_sys(&k->e, ETIMEDOUT, "%s %s gave no answer in %" PRIu64 " s", k->x->argv[0],
			cloud_verb_name(k->verb), (uint64_t)(k->x->timeout_ns / NSEC_PER_SEC));
	answer(k);
}

static void on_failed_start(struct timer *t)
{
	answer(container_of(t, struct exec_call, timer));
}

static void on_exit_cb(uv_process_t *process, int64_t status, int signal)
{
	struct exec_call *k = process->data;

	k->exited = true;
	k->status = status;
	/* What it started and left behind goes too. */
	kill(-process->pid, SIGKILL);
	if (!k->x) {
		close_handle(k, (uv_handle_t *)process);
		return;
	}
	if (signal && !k->e.errnum)
		err_sys(&k->e, EREMOTEIO, "%s %s was killed by signal %d", k->x->argv[0],
			cloud_verb_name(k->verb), signal);
	maybe_answer(k);
}

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *b)
{
	struct exec_call *k = h->data;

	*b = uv_buf_init(k->read, sizeof(k->read));
}

static void on_out(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct exec_call *k = s->data;

	if (!k->x || n == 0)
		return;
	if (n < 0) {
		k->out_over = true;
		uv_read_stop(s);
		maybe_answer(k);
		return;
	}
	buf_add(&k->out, b->base, (size_t)n);
	if (k->out.len <= k->x->max_output)
		return;
	err_sys(&k->e, EMSGSIZE, "%s %s printed more than %" PRIu64 " bytes", k->x->argv[0],
		cloud_verb_name(k->verb), k->x->max_output);
	answer(k);
}

static void on_err(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct exec_call *k = s->data;

	if (n < 0)
		uv_read_stop(s);
	else if (k->err_text.len < STDERR_MAX)
		buf_add(&k->err_text, b->base, MIN((size_t)n, STDERR_MAX - k->err_text.len));
}

static void on_written(uv_write_t *w, int status)
{
	struct exec_call *k = w->data;

	if (k->x)
		close_handle(k, (uv_handle_t *)&k->stdio[0]);
}

static int spawn(struct exec_call *k)
{
	struct exec *x = k->x;
	uv_stdio_container_t io[3];
	uv_process_options_t o = {.file = x->argv[0],
				  .args = x->argv,
				  .env = x->env,
				  .flags = UV_PROCESS_DETACHED, /* a group of its own */
				  .stdio = io,
				  .stdio_count = 3,
				  .exit_cb = on_exit_cb};
	const struct sched_param none = {0};
	int r;

	x->argv[x->n_argv] = (char *)cloud_verb_name(k->verb);
	for (size_t i = 0; i < 3; i++) {
		uv_pipe_init(x->loop, &k->stdio[i], 0);
		k->stdio[i].data = k;
		io[i].flags = UV_CREATE_PIPE | (i ? UV_WRITABLE_PIPE : UV_READABLE_PIPE);
		io[i].data.stream = (uv_stream_t *)&k->stdio[i];
	}
	k->process.data = k->write.data = k;
	k->open = 4;
	/* Masters go before others (nice -10), their programs do not. */
	sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &none);
	r = uv_spawn(x->loop, &k->process, &o);
	x->argv[x->n_argv] = NULL;
	return r;
}

static void start(struct exec_call *k)
{
	struct exec *x = k->x;
	uv_buf_t b = uv_buf_init(k->in.p, (unsigned)k->in.len);
	int r = spawn(k);

	k->started = true;
	x->running++;
	if (r < 0) {
		k->exited = true; /* there is nothing to wait for */
		k->timer.fire = on_failed_start;
		err_sys(&k->e, -r, "cannot start %s: %s", x->argv[0], uv_strerror(r));
		timers_soon(x->timers, &k->timer);
		return;
	}
	timers_arm_in(x->timers, &k->timer, x->timeout_ns);
	uv_read_start((uv_stream_t *)&k->stdio[1], on_alloc, on_out);
	uv_read_start((uv_stream_t *)&k->stdio[2], on_alloc, on_err);
	uv_write(&k->write, (uv_stream_t *)&k->stdio[0], &b, 1, on_written);
}

static void start_next(struct exec *x)
{
	list_for_each_safe (it, &x->calls) {
		struct exec_call *k = list_entry(it, struct exec_call, node);

		if (x->running >= x->max_parallel)
			return;
		if (!k->started)
			start(k);
	}
}

static struct cloud_call *exec_ask(struct cloud *c, enum cloud_verb v, struct str params,
				   cloud_fn *done, void *user)
{
	struct exec *x = exec_of(c);
	struct exec_call *k = NEW(struct exec_call);
	struct jw w;

	*k = (struct exec_call){.x = x, .verb = v, .done = done, .user = user};
	k->base.provider = &cloud_exec;
	k->timer.fire = on_time;
	buf_init(&k->in);
	buf_init(&k->out);
	buf_init(&k->err_text);
	w = jw_start(&k->in);
	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("cloud.knarr.io/v1"));
	jw_member_str(&w, "verb", str_of(cloud_verb_name(v)));
	jv_for_each_member (m, jv_of(params)) {
		jw_keyn(&w, m.key);
		jw_raw(&w, jv_raw(m.value));
	}
	jw_end_object(&w);
	buf_addc(&k->in, '\n');
	list_append(&x->calls, &k->node);
	start_next(x);
	return (struct cloud_call *)k;
}

static void exec_cancel(struct cloud_call *call)
{
	struct exec_call *k = (struct exec_call *)call;
	struct exec *x = leave(k);

	maybe_free(k);
	start_next(x);
}

static bool exec_does(const struct cloud *c, enum cloud_verb v)
{
	return ((const struct exec *)c)->verbs & 1u << v;
}

/* ---- The configuration ---- */

static void free_strings(char **v)
{
	for (size_t i = 0; v && v[i]; i++)
		free(v[i]);
	free(v);
}

static void exec_close(struct cloud *c)
{
	struct exec *x = exec_of(c);

	x->max_parallel = 0;
	list_for_each_safe (it, &x->calls) {
		struct exec_call *k = list_entry(it, struct exec_call, node);

		leave(k);
		maybe_free(k);
	}
	free_strings(x->argv);
	free_strings(x->env);
	free(x);
}

static int read_command(struct exec *x, struct jv list, struct err *err)
{
	if (jv_type(list) != JV_ARRAY || !jv_len(list))
		return err_sys(err, EINVAL, "command is no list of words");
	x->argv = xcalloc(jv_len(list) + 2, sizeof(*x->argv));
	jv_for_each (w, list) {
		if (jv_type(w.value) != JV_STRING)
			return err_sys(err, EINVAL, "command[%zu] is no text", x->n_argv);
		x->argv[x->n_argv++] = jv_strdup(w.value);
	}
	if (x->argv[0][0] != '/')
		return err_sys(err, EINVAL, "command[0]: \"%s\" is no absolute path", x->argv[0]);
	if (access(x->argv[0], X_OK) < 0)
		return err_sys(err, EINVAL, "command[0]: %s: %s", x->argv[0], strerror(errno));
	return 0;
}

extern char **environ;

static int read_env(struct exec *x, struct jv map, struct err *err)
{
	size_t n = 0, have = 0;

	if (jv_exists(map) && jv_type(map) != JV_OBJECT)
		return err_sys(err, EINVAL, "environment is no mapping");
	while (environ[have])
		have++;
	x->env = xcalloc(have + jv_len(map) + 1, sizeof(*x->env));
	for (size_t i = 0; i < have; i++)
		x->env[n++] = xstrdup(environ[i]);
	jv_for_each_member (m, map) {
		CLEANUP_FREE char *value = jv_strdup(m.value);

		if (!value)
			return err_sys(err, EINVAL, "environment.%.*s is no text", STR_ARG(m.key));
		x->env[n++] = xasprintf("%.*s=%s", STR_ARG(m.key), value);
	}
	return 0;
}

static int read_number(struct jv doc, const char *name, uint64_t min, uint64_t max, uint64_t *ret,
		       struct err *err)
{
	struct jv v = jv_get(doc, name);
	int64_t n = jv_i64(v, -1);

	if (!jv_exists(v))
		return 0;
	if (n < 0 || (uint64_t)n < min || (uint64_t)n > max)
		return err_sys(err, EINVAL, "%s: from %" PRIu64 " to %" PRIu64, name, min, max);
	*ret = (uint64_t)n;
	return 0;
}

static int read_verbs(struct exec *x, struct jv list, struct err *err)
{
	static const struct {
		const char *name;
		uint32_t verbs;
	} rows[] = {{"instances", 1u << CLOUD_INSTANCE},
		    {"loadBalancers", 1u << CLOUD_ENSURE_BALANCER | 1u << CLOUD_DELETE_BALANCER},
		    {"routes", 1u << CLOUD_SYNC_ROUTES}};

	if (jv_type(list) != JV_ARRAY || !jv_len(list))
		return err_sys(err, EINVAL,
			       "features is no list of instances, loadBalancers, routes");
	jv_for_each (f, list) {
		size_t i = 0;

		while (i < ARRAY_SIZE(rows) && !jv_eqs(f.value, rows[i].name))
			i++;
		if (i == ARRAY_SIZE(rows))
			return err_sys(err, EINVAL,
				       "features: \"%.*s\" is none of instances, loadBalancers, "
				       "routes",
				       STR_ARG(jv_text(f.value)));
		x->verbs |= rows[i].verbs;
	}
	return 0;
}

static int read_conf(struct exec *x, struct jv doc, struct err *err)
{
	static const char *const known[] = {"command",   "environment", "timeoutSeconds",
					    "maxOutput", "parallel",    "features",
					    NULL};
	uint64_t timeout_s = TIMEOUT_NS / NSEC_PER_SEC;
	int r;

	if (jv_type(doc) != JV_OBJECT)
		return err_sys(err, EINVAL, "there is no mapping with command and features");
	jv_for_each_member (m, doc) {
		size_t i = 0;

		while (known[i] && !str_eqs(m.key, known[i]))
			i++;
		if (!known[i])
			return err_sys(err, EINVAL, "\"%.*s\" is no key of it", STR_ARG(m.key));
	}
	x->max_output = OUTPUT_MAX;
	x->max_parallel = PARALLEL;
	if ((r = read_command(x, jv_get(doc, "command"), err)) < 0 ||
	    (r = read_env(x, jv_get(doc, "environment"), err)) < 0 ||
	    (r = read_verbs(x, jv_get(doc, "features"), err)) < 0 ||
	    (r = read_number(doc, "timeoutSeconds", 1, 3600, &timeout_s, err)) < 0 ||
	    (r = read_number(doc, "maxOutput", 64, 64 << 20, &x->max_output, err)) < 0 ||
	    (r = read_number(doc, "parallel", 1, 100, &x->max_parallel, err)) < 0)
		return r;
	x->timeout_ns = timeout_s * NSEC_PER_SEC;
	return 0;
}

static int exec_open(const struct cloud_conf *conf, struct cloud **ret, struct err *err)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT, json = BUF_INIT;
	struct exec *x = NEW(struct exec);
	int r = file_read(AT_FDCWD, conf->file, FILE_MAX, &text);

	x->base.provider = &cloud_exec;
	x->timers = conf->timers;
	x->loop = conf->loop;
	list_init(&x->calls);
	if (r < 0)
		err_sys(err, -r, "%s: %s", conf->file, strerror(-r));
	else if ((r = yaml_to_json(buf_str(&text), &json, err)) < 0 ||
		 (r = json_scan(buf_str(&json), NULL, err)) < 0 ||
		 (r = read_conf(x, jv_of(buf_str(&json)), err)) < 0)
		err_prefix(err, "%s: ", conf->file);
	if (r < 0) {
		exec_close((struct cloud *)x);
		return r;
	}
	*ret = (struct cloud *)x;
	return 0;
}

const struct cloud_provider cloud_exec = {
	.name = "exec",
	.open = exec_open,
	.close = exec_close,
	.does = exec_does,
	.call = exec_ask,
	.cancel = exec_cancel,
};
