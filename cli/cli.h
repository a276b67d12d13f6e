/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLI_H
#define KNARR_CLI_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/sys/options.h"
/*
 * knarrctl: one const row a command (cli/main.c lists them), each command in a file of its own.
 * A command gets argv from its own name on and returns the exit code: 0, 1 for a failure, 2 for
 * wrong usage. Messages go to stderr as "knarrctl COMMAND: what: why".
 */
extern const struct command_row cli_commands[];
extern const size_t cli_n_commands;

int cmd_init(int argc, char **argv, void *user);
int cmd_join(int argc, char **argv, void *user);
int cmd_reset(int argc, char **argv, void *user);
int cmd_token(int argc, char **argv, void *user);
int cmd_image(int argc, char **argv, void *user);
int cmd_get(int argc, char **argv, void *user);
int cmd_apply(int argc, char **argv, void *user);
int cmd_delete(int argc, char **argv, void *user);
int cmd_local(int argc, char **argv, void *user);
int cmd_logs(int argc, char **argv, void *user);
int cmd_exec(int argc, char **argv, void *user);
int cmd_snapshot(int argc, char **argv, void *user);
int cmd_ca(int argc, char **argv, void *user);
int cmd_encryption(int argc, char **argv, void *user);
int cmd_scale(int argc, char **argv, void *user);
int cmd_member(int argc, char **argv, void *user);
int cmd_net(int argc, char **argv, void *user);
int cmd_status(int argc, char **argv, void *user);

/* Prints "knarrctl COMMAND: text" with what to do next if known, clears e, returns 1. */
int cli_fail(const char *command, struct err *e);
/* The same for wrong usage: returns 2. */
int cli_usage(const char *command, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Options of all commands that talk to a master. */
struct cli_common {
	const char *kubeconfig, *context, *ns;
	bool all_namespaces;
	const char *output; /* "json", "yaml", "wide", "name" or NULL */
};
#define CLI_COMMON_ROWS(type, member)                                                  \
	{"kubeconfig",                                                                 \
	 0,                                                                            \
	 OPTION_STRING,                                                                \
	 offsetof(type, member.kubeconfig),                                            \
	 "FILE",                                                                       \
	 "credentials (default: $KUBECONFIG, ~/.kube/config, /etc/knarr/admin.conf)"}, \
		{"context",     0,                                                     \
		 OPTION_STRING, offsetof(type, member.context),                        \
		 "NAME",        "context of the kubeconfig"},                          \
	{                                                                              \
		"namespace", 'n', OPTION_STRING, offsetof(type, member.ns), "NAME",    \
			"namespace (default: the context's)"                           \
	}
#define CLI_OUTPUT_ROW(type, member)                                                   \
	{                                                                              \
		"output", 'o', OPTION_STRING, offsetof(type, member.output), "FORMAT", \
			"json, yaml, wide or name (default: a table)"                  \
	}

enum cli_output { CLI_TABLE, CLI_WIDE, CLI_JSON, CLI_YAML, CLI_NAME, CLI_OUTPUT_INVALID = -EINVAL };
enum cli_output cli_output_parse(const char *text, struct err *err);
/* JSON text to stdout as JSON (indented) or YAML. */
void cli_print_object(struct str json, enum cli_output how);
/* Indented by four spaces a level, as kubectl prints it. */
void cli_indent_json(struct str json, struct buf *out);
/* A file, "-" for standard input; at most 16 MiB. */
int cli_read_file(const char *path, struct buf *out, struct err *err);

/* Columns printed with three blanks between them, as kubectl does. Cells are copied. */
struct cli_table {
	size_t columns;
	char **cells;
	size_t n, cap;
};
void cli_table_add(struct cli_table *t, struct str cell);
void cli_table_print(struct cli_table *t); /* and empty it; `columns` stays */
#endif
