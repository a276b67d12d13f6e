/* SPDX-License-Identifier: Apache-2.0 */
/* The masters: /knarr/v1/members of any one of them, which asks the one that leads. */
#include "cli/backup.h"
#include "cli/session.h"
#include "lib/base/clock.h"
#include "lib/json/jw.h"

#define MEMBERS "/knarr/v1/members"

struct member_options {
	struct cli_common common;
	bool force, standby;
	const char *data_dir;
	uint64_t bump;
};

static const struct option_row rows[] = {
	CLI_COMMON_ROWS(struct member_options, common),
	CLI_OUTPUT_ROW(struct member_options, common),
	{"force", 0, OPTION_FLAG, offsetof(struct member_options, force), NULL,
	 "remove, demote: although too few of the others answer"},
	{"standby", 0, OPTION_FLAG, offsetof(struct member_options, standby), NULL,
	 "add, replace: the new one shall have no vote"},
	{"data-dir", 'd', OPTION_STRING, offsetof(struct member_options, data_dir), "DIR",
	 "rebuild: of the master, as knarr-master's (/var/lib/knarr/master)"},
	{"bump-revision", 0, OPTION_U64, offsetof(struct member_options, bump), "N",
	 "rebuild: how much higher resourceVersions begin than they were (1000000000)"},
};
static const struct options_spec spec = {
	"knarrctl member",
	"list | add | promote NAME | demote NAME | lead NAME | remove NAME | replace NAME | "
	"rebuild",
	"Administers the masters of the cluster.",
	rows,
	ARRAY_SIZE(rows),
	"add and replace print the command with which the new one joins; it begins as a stand-by "
	"and votes when it has caught up. rebuild, on a machine whose master is stopped, makes a "
	"cluster of what it has, when most of the masters are lost for good."};

static struct str yes_no(struct jv v)
{
	return !jv_exists(v) ? STR("?") : jv_bool(v, false) ? STR("yes") : STR("no");
}

static void add_row(struct cli_table *t, struct jv m, bool wide)
{
	struct jv role = jv_get(m, "role");
	bool waits = jv_eqs(role, "standby") && jv_eqs(jv_get(m, "wants"), "voter");

	cli_table_add(t, jv_text(jv_get(m, "name")));
	cli_table_add(t, jv_bool(jv_get(m, "leader"), false) ? STR("leader")
			 : waits                             ? STR("standby (catching up)")
							     : jv_text(role));
	cli_table_add(t, yes_no(jv_get(m, "alive")));
	cli_table_add(t, yes_no(jv_get(m, "serving")));
	cli_table_add(t, jv_text(jv_get(m, "url")));
	if (!wide)
		return;
	cli_table_add(t, jv_text(jv_get(m, "peer")));
	cli_table_add(t, jv_text(jv_get(m, "id")));
	cli_table_add(t, jv_text(jv_get(m, "version")));
}

static void print(struct str json, enum cli_output how)
{
	static const char *const heads[] = {"NAME", "ROLE", "ANSWERS", "SERVES",
					    "URL",  "PEER", "ID",      "VERSION"};
	struct cli_table t = {.columns = how == CLI_WIDE ? 8 : 5};
	struct jv v = jv_of(json);

	if (how == CLI_JSON || how == CLI_YAML) {
		cli_print_object(json, how);
		return;
	}
	if (how == CLI_NAME) {
		jv_for_each (m, jv_get(v, "members"))
			printf("%.*s\n", STR_ARG(jv_text(jv_get(m.value, "name"))));
		return;
	}
	for (size_t i = 0; i < t.columns; i++)
		cli_table_add(&t, str_of(heads[i]));
	jv_for_each (m, jv_get(v, "members"))
		add_row(&t, m.value, how == CLI_WIDE);
	cli_table_print(&t);
}

static void warn(struct str json)
{
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;

	jv_for_each (w, jv_get(jv_of(json), "warnings"))
		fprintf(stderr, "knarrctl member: warning: %.*s\n",
			STR_ARG(jv_str(w.value, &scratch)));
}

static int call(struct session *s, const char *method, const char *path, struct str body,
		enum cli_output how, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct session_req req = {.method = method, .path = path, .body = body};
	int r = session_do(s, &req, &b, err);

	if (r < 0)
		return r;
	print(buf_str(&b), how);
	warn(buf_str(&b));
	return 0;
}

static void make_body(const char *role, bool force, struct buf *out)
{
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	if (role)
		jw_member_str(&w, "role", str_of(role));
	if (force)
		jw_member_bool(&w, "force", true);
	jw_end_object(&w);
}

/* The name stands in a path. */
static char *member_path(const char *name, struct err *err)
{
	size_t n = strlen(name);

	if (!n || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") != n) {
		err_sys(err, EINVAL, "\"%s\" is no name of a master", name);
		return NULL;
	}
	return xasprintf(MEMBERS "/%s", name);
}

static int change(struct session *s, const struct member_options *o, const char *role,
		  const char *name, enum cli_output how, struct err *err)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	CLEANUP_FREE char *path = member_path(name, err);

	if (!path)
		return -EINVAL;
	make_body(role, o->force, &body);
	return call(s, role ? "POST" : "DELETE", path, buf_str(&body), how, err);
}

/* Not for a name that nobody has: the mistake shows now, and not when the new machine joins. */
static int must_exist(struct session *s, const char *name, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	int r = session_get(s, MEMBERS, &b, err);

	if (r < 0)
		return r;
	jv_for_each (m, jv_get(jv_of(buf_str(&b)), "members"))
		if (jv_eqs(jv_get(m.value, "name"), name))
			return 0;
	return err_sys(err, ENOENT, "there is no master \"%s\" (see knarrctl member list)", name);
}

static int invite(struct session *s, const struct member_options *o, const char *replaces,
		  struct err *err)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT;
	CLEANUP_FREE char *more =
		xasprintf("%s%s%s", replaces ? " --replace " : "", replaces ? replaces : "",
			  o->standby ? " --standby" : "");
	int r = replaces ? must_exist(s, replaces, err) : 0;

	if (!r)
		r = token_join_command(s, TOKEN_MASTER, 15 * 60 * NSEC_PER_SEC,
				       "one more master, by knarrctl member", more, &line, err);
	if (!r)
		puts(line.p);
	return r;
}

static const struct {
	const char *verb, *role; /* role NULL: remove */
} changes[] = {{"promote", "voter"}, {"demote", "standby"}, {"lead", "leader"}, {"remove", NULL}};

static int run(struct session *s, const struct member_options *o, const char **args, size_t n,
	       enum cli_output how, struct err *err)
{
	if (n == 1 && !strcmp(args[0], "list"))
		return call(s, "GET", MEMBERS, STR_NULL, how, err);
	if (n == 1 && !strcmp(args[0], "add"))
		return invite(s, o, NULL, err);
	if (n == 2 && !strcmp(args[0], "replace"))
		return invite(s, o, args[1], err);
	for (size_t i = 0; n == 2 && i < ARRAY_SIZE(changes); i++)
		if (!strcmp(args[0], changes[i].verb))
			return change(s, o, changes[i].role, args[1], how, err);
	return 1;
}

static int rebuild(const struct member_options *o, enum cli_output how, struct err *err)
{
	CLEANUP(buf_done) struct buf old = BUF_INIT;
	struct store_backup_info info;
	int r = member_rebuild(o->data_dir, o->bump, &info, &old, err);

	if (r < 0)
		return r;
	cli_print_backup(&info, how);
	fprintf(stderr, "knarrctl member: the store as it was is in %s\n", old.p);
	return 0;
}

int cmd_member(int argc, char **argv, void *user)
{
	struct member_options o = {.data_dir = "/var/lib/knarr/master",
				   .bump = STORE_REVISION_BUMP};
	CLEANUP(session_closep) struct session *s = NULL;
	CLEANUP_FREE const char **args = NULL;
	struct err err = ERR_INIT;
	enum cli_output how;
	size_t n;
	int r = options_parse(&spec, argc, argv, &o, &args, &n, &err);

	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0)
		return cli_fail("member", &err) + 1;
	how = cli_output_parse(o.common.output, &err);
	if ((int)how < 0)
		return cli_fail("member", &err) + 1;
	if (n == 1 && !strcmp(args[0], "rebuild"))
		return rebuild(&o, how, &err) < 0 ? cli_fail("member", &err) : 0;
	r = session_open(&o.common, &s, &err);
	if (!r)
		r = run(s, &o, args, n, how, &err);
	if (r > 0)
		return cli_usage("member",
				 "list, add, promote, demote, lead, remove, replace or rebuild?");
	return r < 0 ? cli_fail("member", &err) : 0;
}
