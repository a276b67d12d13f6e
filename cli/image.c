/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The images of this node. The store's folder is shared with the agent: its list is read anew
 * before each use and replaced in one step under a lock (agent/image/image.h).
 */
#include "agent/image/image.h"
#include "cli/cli.h"
#include "lib/base/clock.h"
#include "lib/json/jw.h"

#include <uv.h>

struct image_options {
	const char *dir, *name, *output;
	struct option_list plain_http;
	bool quiet;
};

static const struct option_row rows[] = {
	{"image-dir", 0, OPTION_STRING, offsetof(struct image_options, dir), "DIR",
	 "the store (default /var/lib/knarr/agent/images)"},
	{"name", 0, OPTION_STRING, offsetof(struct image_options, name), "NAME",
	 "import: what to call an image that has no name"},
	{"plain-http", 0, OPTION_LIST, offsetof(struct image_options, plain_http), "HOST",
	 "pull: a registry that is spoken to without TLS"},
	{"quiet", 'q', OPTION_FLAG, offsetof(struct image_options, quiet), NULL, "no progress"},
	{"output", 'o', OPTION_STRING, offsetof(struct image_options, output), "FORMAT",
	 "list: json or yaml (default: a table)"},
};
static const struct options_spec spec = {
	"knarrctl image",
	"import FILE | pull NAME | list | remove NAME",
	"Administers the container images of this node.",
	rows,
	ARRAY_SIZE(rows),
	"FILE is an OCI image layout (folder or tar) or what docker save writes.\n"
	"Imported images are kept for ever; the agent never collects them."};

/* One import or pull, waited for. */
struct job {
	bool done, quiet, drawn;
	int r;
	char *id;
	struct err *err;
	uint64_t last_ns;
};

static void on_progress(void *user, const struct image_progress *p)
{
	struct job *j = user;
	uint64_t now = clock_mono_ns(&clock_system);

	if (j->quiet || now - j->last_ns < 100 * NSEC_PER_MSEC)
		return;
	j->last_ns = now;
	j->drawn = true;
	fprintf(stderr, "\r\033[K%s: layer %u of %u, %.1f MiB", p->step, p->layers_done,
		p->layers_total, (double)p->done_bytes / 1048576);
	if (p->total_bytes)
		fprintf(stderr, " of %.1f", (double)p->total_bytes / 1048576);
}

static void on_done(void *user, int r, const struct image_info *info, const struct err *err)
{
	struct job *j = user;

	j->done = true;
	j->r = r;
	if (j->drawn)
		fputs("\r\033[K", stderr);
	if (r < 0)
		err_sys(j->err, r, "%s", err_text(err));
	else
		j->id = xstrdup(info->names[0] ? info->names[0] : info->id);
}

static int finish(uv_loop_t *loop, struct job *j, const char *what)
{
	while (!j->done && uv_run(loop, UV_RUN_ONCE))
		;
	if (!j->done)
		return err_sys(j->err, EIO, "the image helper ended without an answer");
	if (j->r == 0)
		printf("%s %s\n", what, j->id);
	free(j->id);
	return j->r;
}

static const struct image_job_ops job_ops = {on_progress, on_done};

static int import(struct image_store *st, uv_loop_t *loop, const struct image_options *o,
		  const char *path, struct err *err)
{
	struct job j = {.quiet = o->quiet || !isatty(STDERR_FILENO), .err = err};
	struct image_job *job;
	int r = image_import(st, path, o->name, &job_ops, &j, &job, err);

	return r < 0 ? r : finish(loop, &j, "imported");
}

static int pull(struct image_store *st, uv_loop_t *loop, const struct image_options *o,
		const char *ref, struct err *err)
{
	struct job j = {.quiet = o->quiet || !isatty(STDERR_FILENO), .err = err};
	struct image_job *job;
	int r = image_pull(st, ref, NULL, 0, &job_ops, &j, &job, err);

	return r < 0 ? r : finish(loop, &j, "pulled");
}

static void list_json(struct image_store *st, enum cli_output how)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jw w = jw_start(&b);

	jw_begin_object(&w);
	jw_key(&w, "images");
	jw_begin_array(&w);
	for (const struct image_info *i = image_next(st, NULL); i; i = image_next(st, i)) {
		jw_begin_object(&w);
		jw_key(&w, "names");
		jw_begin_array(&w);
		for (const char *const *n = i->names; *n; n++)
			jw_str(&w, str_of(*n));
		jw_end_array(&w);
		jw_member_str(&w, "id", str_of(i->id));
		jw_member_str(&w, "digest", str_of(i->digest));
		jw_member_i64(&w, "sizeBytes", (int64_t)i->size_bytes);
		jw_member_bool(&w, "pinned", i->pinned);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	cli_print_object(buf_str(&b), how);
}

static void add_row(struct cli_table *t, const struct image_info *i, const char *name)
{
	CLEANUP_FREE char *size = xasprintf("%.1f MiB", (double)i->size_bytes / 1048576);

	cli_table_add(t, str_of(name));
	cli_table_add(t, str_n(i->id + 7, MIN(strlen(i->id + 7), (size_t)12)));
	cli_table_add(t, str_of(size));
	cli_table_add(t, i->pinned ? STR("yes") : STR("no"));
}

static int list(struct image_store *st, const struct image_options *o, struct err *err)
{
	enum cli_output how = cli_output_parse(o->output, err);
	struct cli_table t = {.columns = 4};

	if ((int)how < 0)
		return (int)how;
	if (how == CLI_JSON || how == CLI_YAML) {
		list_json(st, how);
		return 0;
	}
	cli_table_add(&t, STR("NAME"));
	cli_table_add(&t, STR("ID"));
	cli_table_add(&t, STR("SIZE"));
	cli_table_add(&t, STR("PINNED"));
	for (const struct image_info *i = image_next(st, NULL); i; i = image_next(st, i)) {
		add_row(&t, i, i->names[0] ? i->names[0] : "<none>");
		for (size_t k = 1; i->names[0] && i->names[k]; k++)
			add_row(&t, i, i->names[k]);
	}
	cli_table_print(&t);
	return 0;
}

static int act(struct image_store *st, uv_loop_t *loop, const struct image_options *o,
	       const char **args, size_t n, struct err *err)
{
	if (strcmp(args[0], "import") == 0 && n == 2)
		return import(st, loop, o, args[1], err);
	if (strcmp(args[0], "pull") == 0 && n == 2)
		return pull(st, loop, o, args[1], err);
	if (strcmp(args[0], "list") == 0 && n == 1)
		return list(st, o, err);
	if (strcmp(args[0], "remove") == 0 && n == 2) {
		int r = image_remove(st, args[1], err);

		if (r == 0)
			printf("removed %s\n", args[1]);
		return r;
	}
	return err_sys(err, EINVAL,
		       "expected import FILE, pull NAME, list or remove NAME (see knarrctl image "
		       "--help)");
}

int cmd_image(int argc, char **argv, void *user)
{
	struct image_options o = {.dir = "/var/lib/knarr/agent/images"};
	CLEANUP_FREE struct image_registry *reg = NULL;
	CLEANUP_FREE const char **args = NULL;
	struct image_conf conf = {0};
	struct image_store *st = NULL;
	struct err err = ERR_INIT;
	uv_loop_t loop;
	size_t n;
	int r = options_parse(&spec, argc, argv, &o, &args, &n, &err);

	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0)
		return cli_fail("image", &err) + 1;
	if (!n)
		return cli_usage("image", "import, pull, list or remove?");
	reg = xcalloc(o.plain_http.n + 1, sizeof(*reg));
	for (size_t i = 0; i < o.plain_http.n; i++)
		reg[i] = (struct image_registry){.host = o.plain_http.v[i], .plain_http = true};
	uv_loop_init(&loop);
	conf = (struct image_conf){
		.dir = o.dir, .loop = &loop, .registries = reg, .n_registries = o.plain_http.n};
	r = image_store_open(&conf, &st, &err);
	if (!r)
		r = act(st, &loop, &o, args, n, &err);
	image_store_close(st);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	option_list_done(&o.plain_http);
	return r < 0 ? cli_fail("image", &err) : 0;
}
