/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image store on a command line, for tests:
 *
 *	image-tool DIR HELPER import PATH [NAME]	image-tool DIR HELPER list
 *	image-tool DIR HELPER pull REF [HTTP_REGISTRY [USER:PASSWORD]]
 *	image-tool DIR HELPER resolve|remove REF	image-tool DIR HELPER gc
 *
 * Prints one JSON object a line; exit code 1 with the error on stderr.
 */
#include "agent/image/image.h"
#include "lib/base/buf.h"
#include "lib/json/jw.h"

#include <uv.h>

static int result;
static unsigned int progresses;

static void list_to(struct jw *w, const char *name, const char *const *v)
{
	jw_key(w, name);
	jw_begin_array(w);
	for (; v && *v; v++)
		jw_str(w, str_of(*v));
	jw_end_array(w);
}

static void print_image(const struct image_info *i)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jw w = jw_start(&b);
	jw_begin_object(&w);
	jw_member_str(&w, "id", str_of(i->id));
	jw_member_str(&w, "digest", str_of(i->digest));
	list_to(&w, "names", i->names);
	list_to(&w, "repoDigests", i->repo_digests);
	list_to(&w, "lower", i->lower_dirs);
	list_to(&w, "env", i->config.env);
	list_to(&w, "entrypoint", i->config.entrypoint);
	list_to(&w, "cmd", i->config.cmd);
	jw_member_str(&w, "user", str_of(i->config.user));
	jw_member_str(&w, "workdir", str_of(i->config.working_dir));
	jw_member_i64(&w, "size", (int64_t)i->size_bytes);
	jw_member_bool(&w, "pinned", i->pinned);
	jw_member_i64(&w, "progresses", progresses);
	jw_end_object(&w);
	puts(b.p);
}

static int fail(int r, const struct err *err)
{
	fprintf(stderr, "%s (%d)\n", err_text(err), r);
	return 1;
}

static void on_progress(void *user, const struct image_progress *p)
{
	progresses++;
}

static void on_done(void *user, int r, const struct image_info *info, const struct err *err)
{
	if (r < 0)
		result = fail(r, err);
	else
		print_image(info);
}

static const struct image_job_ops ops = {on_progress, on_done};

static void on_cancelled(void *user, int r, const struct image_info *info, const struct err *err)
{
	printf("{\"cancelled\":%s}\n", r == -ECANCELED ? "true" : "false");
}

static const struct image_job_ops cancelled_ops = {NULL, on_cancelled};

static int pull(struct image_store *s, int argc, char **argv, struct err *err)
{
	struct image_auth auth = {0};
	if (argc > 6) {
		char *colon = strchr(argv[6], ':');
		auth.username = argv[6];
		auth.password = colon ? colon + 1 : "";
		if (colon)
			*colon = 0;
	}
	/* Asked for three times; the second one changes its mind. */
	int r = image_pull(s, argv[4], &auth, argc > 6, &ops, NULL, NULL, err);
	if (r >= 0 && getenv("THRICE")) {
		struct image_job *job;
		r = image_pull(s, argv[4], &auth, argc > 6, &cancelled_ops, NULL, &job, err);
		image_job_cancel(job);
		r = image_pull(s, argv[4], &auth, argc > 6, &ops, NULL, NULL, err);
	}
	return r;
}

static int run(struct image_store *s, int argc, char **argv, struct err *err)
{
	const char *verb = argv[3], *arg = argc > 4 ? argv[4] : NULL;
	const struct image_info *info = NULL;
	int r;

	if (strcmp(verb, "list") == 0) {
		while ((info = image_next(s, info)))
			print_image(info);
		return 0;
	}
	if (strcmp(verb, "gc") == 0) {
		struct image_gc_conf gc = {.want_free_bytes = UINT64_MAX};
		uint64_t freed = 0;
		r = image_gc(s, &gc, &freed);
		printf("{\"freed\":%" PRIu64 "}\n", freed);
		return r;
	}
	if (!arg)
		return err_sys(err, EINVAL, "%s what?", verb);
	if (strcmp(verb, "import") == 0)
		return image_import(s, arg, argc > 5 ? argv[5] : NULL, &ops, NULL, NULL, err);
	if (strcmp(verb, "pull") == 0)
		return pull(s, argc, argv, err);
	if (strcmp(verb, "remove") == 0)
		return image_remove(s, arg, err);
	r = image_resolve(s, arg, &info, err);
	if (r >= 0)
		print_image(info);
	return r;
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct image_registry reg = {.plain_http = true};
	struct image_store *s;
	uv_loop_t *loop = uv_default_loop();
	int r;

	if (argc < 4)
		return 2;
	reg.host = argc > 5 ? argv[5] : NULL;
	struct image_conf conf = {.dir = argv[1],
				  .helper = argv[2],
				  .loop = loop,
				  .registries = &reg,
				  .n_registries = reg.host != NULL,
				  .max_image_bytes = 1ull << 30};
	r = image_store_open(&conf, &s, &err);
	if (r < 0)
		return fail(r, &err);
	r = run(s, argc, argv, &err);
	if (r < 0)
		result = fail(r, &err);
	uv_run(loop, UV_RUN_DEFAULT);
	image_store_close(s);
	uv_run(loop, UV_RUN_DEFAULT);
	err_done(&err);
	return result;
}
