/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"

struct logs_options {
	struct cli_common common;
	const char *container;
	bool follow, previous, timestamps;
	const char *tail;
	uint64_t since_ns;
};

static const struct option_row rows[] = {
	CLI_COMMON_ROWS(struct logs_options, common),
	{"container", 'c', OPTION_STRING, offsetof(struct logs_options, container), "NAME",
	 "the container, where the pod has several"},
	{"follow", 'f', OPTION_FLAG, offsetof(struct logs_options, follow), NULL,
	 "go on until the container ends"},
	{"previous", 'p', OPTION_FLAG, offsetof(struct logs_options, previous), NULL,
	 "of the container before its last restart"},
	{"tail", 0, OPTION_STRING, offsetof(struct logs_options, tail), "LINES",
	 "only the last lines"},
	{"since", 0, OPTION_DURATION, offsetof(struct logs_options, since_ns), "TIME",
	 "only what is newer, e.g. 10m"},
	{"timestamps", 0, OPTION_FLAG, offsetof(struct logs_options, timestamps), NULL,
	 "begin each line with its time"},
};
static const struct options_spec spec = {
	"knarrctl logs", "POD", "Prints the output of a container.", rows, ARRAY_SIZE(rows), NULL};

static int to_stdout(void *user, struct str piece)
{
	return fwrite(piece.p, 1, piece.len, stdout) != piece.len || fflush(stdout) != 0;
}

static int run(const struct logs_options *o, const char *pod, struct err *err)
{
	CLEANUP(session_closep) struct session *s = NULL;
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	CLEANUP(buf_done) struct buf since = BUF_INIT;
	struct session_req req = {.method = "GET", .accept = "*/*", .on_data = to_stdout};
	int r = session_open(&o->common, &s, err);

	if (r < 0)
		return r;
	buf_addf(&path, "/api/v1/namespaces/%s/pods/%s/log", session_ns(s), pod);
	if (o->container)
		path_query(&path, "container", str_of(o->container));
	if (o->follow)
		path_query(&path, "follow", STR("true"));
	if (o->previous)
		path_query(&path, "previous", STR("true"));
	if (o->timestamps)
		path_query(&path, "timestamps", STR("true"));
	if (o->tail)
		path_query(&path, "tailLines", str_of(o->tail));
	if (o->since_ns) {
		buf_addu64(&since, MAX(o->since_ns / NSEC_PER_SEC, (uint64_t)1));
		path_query(&path, "sinceSeconds", buf_str(&since));
	}
	req.path = path.p;
	return session_do(s, &req, NULL, err);
}

int cmd_logs(int argc, char **argv, void *user)
{
	struct logs_options o = {0};
	struct err err = ERR_INIT;
	const char **args;
	size_t n;
	int r = options_parse(&spec, argc, argv, &o, &args, &n, &err);

	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0)
		return cli_fail("logs", &err) + 1;
	if (n != 1) {
		free(args);
		return cli_usage("logs", "name one pod");
	}
	r = run(&o, strncmp(args[0], "pod/", 4) ? args[0] : args[0] + 4, &err);
	free(args);
	return r < 0 ? cli_fail("logs", &err) : 0;
}
