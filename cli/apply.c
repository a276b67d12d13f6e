/* SPDX-License-Identifier: Apache-2.0 */
/* apply and delete: both read objects from files. */
#include "cli/session.h"
#include "lib/json/json_scan.h"
#include "lib/json/yaml.h"

struct apply_options {
	struct cli_common common;
	struct option_list files;
	bool force, dry_run, now;
	const char *selector;
	bool ignore_absent;
};

static const struct option_row apply_rows[] = {
	CLI_COMMON_ROWS(struct apply_options, common),
	{"filename", 'f', OPTION_LIST, offsetof(struct apply_options, files), "FILE",
	 "YAML or JSON with one or more objects; - reads standard input"},
	{"force-conflicts", 0, OPTION_FLAG, offsetof(struct apply_options, force), NULL,
	 "take over fields that another manager owns"},
	{"dry-run", 0, OPTION_FLAG, offsetof(struct apply_options, dry_run), NULL,
	 "let the server check everything and change nothing"},
};
static const struct options_spec apply_spec = {"knarrctl apply",
					       "-f FILE",
					       "Creates or changes objects by server-side apply.",
					       apply_rows,
					       ARRAY_SIZE(apply_rows),
					       "Example:\n  knarrctl apply -f app.yaml"};

static const struct option_row delete_rows[] = {
	CLI_COMMON_ROWS(struct apply_options, common),
	{"filename", 'f', OPTION_LIST, offsetof(struct apply_options, files), "FILE",
	 "delete the objects this file describes; - reads standard input"},
	{"selector", 'l', OPTION_STRING, offsetof(struct apply_options, selector), "QUERY",
	 "delete all objects of TYPE with these labels"},
	{"now", 0, OPTION_FLAG, offsetof(struct apply_options, now), NULL,
	 "give pods one second to end"},
	{"ignore-not-found", 0, OPTION_FLAG, offsetof(struct apply_options, ignore_absent), NULL,
	 "an absent object is no failure"},
};
static const struct options_spec delete_spec = {
	"knarrctl delete",       "TYPE NAME... | TYPE/NAME... | -f FILE",
	"Deletes objects.",      delete_rows,
	ARRAY_SIZE(delete_rows), NULL};

typedef int object_fn(struct session *s, const struct apply_options *o, const struct resource *res,
		      const char *ns, struct str name, struct str json, struct err *err);

static const char *namespace_of(struct session *s, const struct resource *res, struct jv obj,
				char **keep)
{
	if (!res->namespaced)
		return NULL;
	*keep = jv_strdup(jv_path(obj, "metadata.namespace"));
	return *keep ? *keep : session_ns(s);
}

static int one_object(struct session *s, const struct apply_options *o, const char *file,
		      struct jv obj, object_fn *fn, struct err *err)
{
	CLEANUP(resource_done) struct resource res = {0};
	CLEANUP_FREE char *ns_keep = NULL;
	struct str name = jv_text(jv_path(obj, "metadata.name"));
	struct str kind = jv_text(jv_get(obj, "kind")),
		   version = jv_text(jv_get(obj, "apiVersion"));
	int r;

	if (str_ends(kind, STR("List")) && jv_type(jv_get(obj, "items")) == JV_ARRAY) {
		jv_for_each (it, jv_get(obj, "items")) {
			r = one_object(s, o, file, it.value, fn, err);
			if (r < 0)
				return r;
		}
		return 0;
	}
	if (!kind.len || !version.len || !name.len)
		return err_sys(err, EINVAL, "%s: %s: must be set", file,
			       !version.len ? "apiVersion"
			       : !kind.len  ? "kind"
					    : "metadata.name");
	r = session_resource_of_kind(s, version, kind, &res, err);
	if (!r)
		r = fn(s, o, &res, namespace_of(s, &res, obj, &ns_keep), name, jv_raw(obj), err);
	if (r < 0)
		err_prefix(err, "%s: %.*s \"%.*s\": ", file, STR_ARG(kind), STR_ARG(name));
	return r;
}

/* A later object may need an earlier one, so the order of the files is kept. */
static int each_object(struct session *s, const struct apply_options *o, object_fn *fn,
		       struct err *err)
{
	for (size_t i = 0; i < o->files.n; i++) {
		CLEANUP(buf_done) struct buf text = BUF_INIT;
		struct str rest, doc;
		int r = cli_read_file(o->files.v[i], &text, err);

		rest = buf_str(&text);
		while (!r && yaml_split(&rest, &doc)) {
			CLEANUP(buf_done) struct buf json = BUF_INIT;

			r = yaml_to_json(doc, &json, err);
			if (!r)
				r = json_scan(buf_str(&json), NULL, err);
			if (r < 0)
				err_prefix(err, "%s: ", o->files.v[i]);
			else
				r = one_object(s, o, o->files.v[i], jv_of(buf_str(&json)), fn, err);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static void say(const struct resource *res, struct str name, const char *what)
{
	printf("%s%s%s/%.*s %s\n", res->singular, *res->group ? "." : "", res->group, STR_ARG(name),
	       what);
	fflush(stdout);
}

static int apply_one(struct session *s, const struct apply_options *o, const struct resource *res,
		     const char *ns, struct str name, struct str json, struct err *err)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	CLEANUP(buf_done) struct buf before = BUF_INIT;
	CLEANUP(buf_done) struct buf after = BUF_INIT;
	struct session_req req = {
		.method = "PATCH", .content_type = "application/apply-patch+yaml", .body = json};
	struct err absent = ERR_INIT;
	struct str was, is;
	int r;

	resource_path(res, ns, name, &path);
	r = session_get(s, path.p, &before, &absent);
	if (r < 0 && r != -ENOENT) {
		err_move(err, &absent);
		return r;
	}
	err_done(&absent);
	path_query(&path, "fieldManager", STR("knarrctl"));
	path_query(&path, "fieldValidation", STR("Strict"));
	path_query(&path, "force", o->force ? STR("true") : STR("false"));
	if (o->dry_run)
		path_query(&path, "dryRun", STR("All"));
	req.path = path.p;
	if (r == 0)
		was = jv_text(jv_path(jv_of(buf_str(&before)), "metadata.resourceVersion"));
	else
		was = STR_NULL;
	r = session_do(s, &req, &after, err);
	if (r < 0)
		return r;
	is = jv_text(jv_path(jv_of(buf_str(&after)), "metadata.resourceVersion"));
	say(res, name, !was.p ? "created" : str_eq(was, is) ? "unchanged" : "configured");
	return 0;
}

static int delete_one(struct session *s, const struct apply_options *o, const struct resource *res,
		      const char *ns, struct str name, struct str json, struct err *err)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	struct session_req req = {.method = "DELETE",
				  .body = o->now ? STR("{\"propagationPolicy\":\"Background\","
						       "\"gracePeriodSeconds\":1}")
						 : STR("{\"propagationPolicy\":\"Background\"}")};
	int r;

	resource_path(res, ns, name, &path);
	if (o->selector)
		path_query(&path, "labelSelector", str_of(o->selector));
	req.path = path.p;
	r = session_do(s, &req, NULL, err);
	if (r == -ENOENT && o->ignore_absent) {
		err_clear(err);
		return 0;
	}
	if (!r && name.p)
		say(res, name, "deleted");
	return r;
}

static int delete_named(struct session *s, const struct apply_options *o, const char **args,
			size_t n, struct err *err)
{
	/* "TYPE NAME NAME..." or "TYPE/NAME TYPE/NAME..." */
	bool slashes = n && strchr(args[0], '/');
	size_t first = slashes ? 0 : 1;

	if (!n)
		return err_set(err, EINVAL, NULL,
			       "name what to delete: TYPE NAME, TYPE/NAME or -f FILE");
	if (!slashes && n == 1 && !o->selector)
		return err_set(err, EINVAL, NULL, "name the %s to delete, or select them with -l",
			       args[0]);
	for (size_t i = first; i < n || (i == first && o->selector); i++) {
		CLEANUP(resource_done) struct resource res = {0};
		const char *pair[2] = {args[0], i < n ? args[i] : NULL};
		struct str name;
		size_t used;
		int r;

		if (slashes)
			r = session_target(s, &args[i], 1, &res, &name, &used, err);
		else
			r = session_target(s, pair, i < n ? 2 : 1, &res, &name, &used, err);
		if (!r)
			r = delete_one(s, o, &res, res.namespaced ? session_ns(s) : NULL, name,
				       STR_NULL, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int cmd_apply(int argc, char **argv, void *user)
{
	struct apply_options o = {0};
	struct err err = ERR_INIT;
	CLEANUP(session_closep) struct session *s = NULL;
	const char **args;
	size_t n;
	int r = options_parse(&apply_spec, argc, argv, &o, &args, &n, &err);

	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0)
		return cli_fail("apply", &err) + 1;
	free(args);
	if (n || !o.files.n)
		return cli_usage("apply", "name the files with -f FILE");
	r = session_open(&o.common, &s, &err);
	if (!r)
		r = each_object(s, &o, apply_one, &err);
	option_list_done(&o.files);
	return r < 0 ? cli_fail("apply", &err) : 0;
}

int cmd_delete(int argc, char **argv, void *user)
{
	struct apply_options o = {0};
	struct err err = ERR_INIT;
	CLEANUP(session_closep) struct session *s = NULL;
	const char **args;
	size_t n;
	int r = options_parse(&delete_spec, argc, argv, &o, &args, &n, &err);

	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0)
		return cli_fail("delete", &err) + 1;
	r = session_open(&o.common, &s, &err);
	if (!r)
		r = o.files.n ? each_object(s, &o, delete_one, &err)
			      : delete_named(s, &o, args, n, &err);
	free(args);
	option_list_done(&o.files);
	return r < 0 ? cli_fail("delete", &err) : 0;
}
