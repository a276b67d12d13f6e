/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_OPTIONS_H
#define KNARR_OPTIONS_H
#include "lib/base/err.h"
/*
 * Options and commands as data: one const table feeds the parser, --help and the man page check
 * (tools/check-man reads the rows by `COMMAND --help`). Long options only as --name VALUE or
 * --name=VALUE; one letter as -n VALUE. Options may stand anywhere; "--" ends them.
 */
enum option_type {
	OPTION_FLAG, /* bool */
	OPTION_STRING, /* const char *, points into argv */
	OPTION_U64, /* uint64_t, decimal */
	OPTION_DURATION, /* uint64_t nanoseconds, Go text ("1m30s") */
	OPTION_LIST, /* struct option_list, each use adds one */
};

struct option_list {
	const char **v;
	size_t n, cap;
};

struct option_row {
	const char *name; /* "data-dir" */
	char letter; /* 'n', or 0 */
	enum option_type type;
	size_t offset; /* of the value in the caller's struct */
	const char *value; /* "DIR" in the help; NULL for flags */
	const char *help;
};

struct options_spec {
	const char *program; /* "knarr-master" or "knarrctl image import" */
	const char *args; /* "NAME [FILE...]", or "" */
	const char *summary; /* one sentence */
	const struct option_row *rows;
	size_t n_rows;
	const char *epilog; /* e.g. examples; may be NULL */
};

/* What options_parse returns when --help or --version was asked for and has been printed. */
#define OPTIONS_DONE 1

/*
 * Fill the struct at `values` from argv[1..]; what is no option goes to *ret_args (pointers into
 * argv; free the array). -EINVAL with a message that names the option and a similar one if any.
 */
int options_parse(const struct options_spec *spec, int argc, char **argv, void *values,
		  const char ***ret_args, size_t *ret_n, struct err *err);
void options_help(const struct options_spec *spec, FILE *f);
void option_list_done(struct option_list *l);
/* The list as one that ends with NULL, borrowed; NULL when it is empty. */
const char *const *option_list_end(struct option_list *l);

/* A command of a program with sub-commands ("knarrctl image import"). */
struct command_row {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv,
		   void *user); /* argv[0] is the command's name; exit code */
};
/* The row whose name is argv0, or NULL. */
const struct command_row *command_find(const struct command_row *rows, size_t n, const char *name);
/* The most similar name within two edits, for "did you mean"; NULL if none. */
const char *options_similar(const char *word, const char *const *names, size_t n);
#endif
