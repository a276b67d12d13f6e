/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"

struct scale_options {
	struct cli_common common;
	const char *replicas;
};

static const struct option_row rows[] = {
	CLI_COMMON_ROWS(struct scale_options, common),
	{"replicas", 0, OPTION_STRING, offsetof(struct scale_options, replicas), "N",
	 "how many pods there shall be"},
};
static const struct options_spec spec = {"knarrctl scale",
					 "--replicas N TYPE/NAME",
					 "Sets the number of replicas.",
					 rows,
					 ARRAY_SIZE(rows),
					 "Example:\n  knarrctl scale --replicas 3 deploy/web"};

static int run(const struct scale_options *o, uint64_t replicas, const char **args, size_t n,
	       struct err *err)
{
	CLEANUP(session_closep) struct session *s = NULL;
	CLEANUP(resource_done) struct resource res = {0};
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	struct session_req req = {.method = "PATCH",
				  .content_type = "application/merge-patch+json"};
	struct str name;
	size_t used;
	int r = session_open(&o->common, &s, err);

	if (!r)
		r = session_target(s, args, n, &res, &name, &used, err);
	if (r < 0)
		return r;
	if (!name.p)
		return err_set(err, EINVAL, NULL, "name one %s: %s/NAME", res.singular,
			       res.singular);
	resource_path(&res, session_ns(s), name, &path);
	buf_adds(&path, "/scale");
	buf_addf(&body, "{\"spec\":{\"replicas\":%" PRIu64 "}}", replicas);
	req.path = path.p;
	req.body = buf_str(&body);
	r = session_do(s, &req, NULL, err);
	if (!r)
		printf("%s%s%s/%.*s scaled\n", res.singular, *res.group ? "." : "", res.group,
		       STR_ARG(name));
	return r;
}

int cmd_scale(int argc, char **argv, void *user)
{
	struct scale_options o = {0};
	struct err err = ERR_INIT;
	const char **args;
	uint64_t replicas;
	size_t n;
	int r = options_parse(&spec, argc, argv, &o, &args, &n, &err);

	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0)
		return cli_fail("scale", &err) + 1;
	if (!o.replicas || str_to_u64(str_of(o.replicas), &replicas) < 0 || replicas > INT32_MAX) {
		free(args);
		return cli_usage("scale", "--replicas: %s",
				 o.replicas ? "must be a number from 0 to 2147483647"
					    : "must be given");
	}
	r = run(&o, replicas, args, n, &err);
	free(args);
	return r < 0 ? cli_fail("scale", &err) : 0;
}
