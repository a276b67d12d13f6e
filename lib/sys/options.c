/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/sys/options.h"
#include "lib/base/clock.h"

const char *const *option_list_end(struct option_list *l)
{
	if (!l->n)
		return NULL;
	*ARRAY_PUSH(l->v, l->n, l->cap) = NULL;
	l->n--;
	return l->v;
}

void option_list_done(struct option_list *l)
{
	free(l->v);
	*l = (struct option_list){0};
}

void options_help(const struct options_spec *spec, FILE *f)
{
	fprintf(f, "Usage: %s%s%s%s\n\n%s\n", spec->program, spec->n_rows ? " [OPTION]..." : "",
		*spec->args ? " " : "", spec->args, spec->summary);
	fputs("\nOptions:\n", f);
	for (size_t i = 0; i < spec->n_rows; i++) {
		const struct option_row *o = &spec->rows[i];
		char left[64], letter[8] = "    ";

		if (o->letter)
			snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name, o->value ? " " : "",
			 o->value ? o->value : "");
		if (strlen(left) > 28)
			fprintf(f, "  %s\n  %-28s  %s\n", left, "", o->help);
		else
			fprintf(f, "  %-28s  %s\n", left, o->help);
	}
	fprintf(f, "  %-28s  %s\n", "-h, --help", "print this help");
	fprintf(f, "  %-28s  %s\n", "    --version", "print the version");
	if (spec->epilog)
		fprintf(f, "\n%s\n", spec->epilog);
}

/* Levenshtein distance, bounded to short words. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[40];
	size_t la = strlen(a), lb = strlen(b);

	if (la >= ARRAY_SIZE(row) || lb >= ARRAY_SIZE(row))
		return 99;
	for (size_t j = 0; j <= lb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned diag = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned up = row[j];
			unsigned best = MIN(up, row[j - 1]) + 1;

			row[j] = MIN(best, diag + (a[i - 1] != b[j - 1]));
			diag = up;
		}
	}
	return row[lb];
}

const char *options_similar(const char *word, const char *const *names, size_t n)
{
	const char *best = NULL;
	unsigned least = 3;

	for (size_t i = 0; i < n; i++) {
		unsigned d = distance(word, names[i]);

		if (d < least) {
			least = d;
			best = names[i];
		}
	}
	return best;
}

static int unknown(const struct options_spec *spec, const char *arg, struct str name,
		   struct err *err)
{
	CLEANUP_FREE const char **names = xcalloc(spec->n_rows, sizeof(*names));
	CLEANUP_FREE char *word = str_dup(name);
	const char *similar;

	for (size_t i = 0; i < spec->n_rows; i++)
		names[i] = spec->rows[i].name;
	similar = options_similar(word, names, spec->n_rows);
	if (similar)
		return err_sys(err, EINVAL, "unknown option %s, did you mean --%s?", arg, similar);
	return err_sys(err, EINVAL, "unknown option %s (see %s --help)", arg, spec->program);
}

static int set_value(const struct option_row *o, const char *value, void *values, struct err *err)
{
	void *at = (char *)values + o->offset;
	struct option_list *l = at;
	int64_t ns;

	switch (o->type) {
	case OPTION_FLAG:
		*(bool *)at = true;
		return 0;
	case OPTION_STRING:
		*(const char **)at = value;
		return 0;
	case OPTION_U64:
		if (str_to_u64(str_of(value), at) < 0)
			return err_sys(err, EINVAL, "--%s: \"%s\" is not a whole number", o->name,
				       value);
		return 0;
	case OPTION_DURATION:
		if (duration_parse(str_of(value), &ns) < 0 || ns < 0)
			return err_sys(err, EINVAL,
				       "--%s: \"%s\" is not a duration such as 30s or 1h30m",
				       o->name, value);
		*(uint64_t *)at = (uint64_t)ns;
		return 0;
	case OPTION_LIST:
		*ARRAY_PUSH(l->v, l->n, l->cap) = value;
		return 0;
	}
	return -EINVAL;
}

static const struct option_row *find_row(const struct options_spec *spec, struct str name,
					 char letter)
{
	for (size_t i = 0; i < spec->n_rows; i++) {
		const struct option_row *o = &spec->rows[i];

		if (letter ? o->letter == letter : str_eqs(name, o->name))
			return o;
	}
	return NULL;
}

/* One option at argv[i]; returns how many words it took, or a negative errno. */
static int take_option(const struct options_spec *spec, char **argv, int i, int argc, void *values,
		       struct err *err)
{
	struct str name = str_of(argv[i] + (argv[i][1] == '-' ? 2 : 1));
	ssize_t eq = argv[i][1] == '-' ? str_chr(name, '=') : -1;
	const char *value = NULL;
	const struct option_row *o;
	int used = 1, r;

	if (eq >= 0) {
		value = name.p + eq + 1;
		name.len = (size_t)eq;
	} else if (argv[i][1] != '-' && name.len > 1) {
		value = name.p + 1; /* -n5 */
	}
	o = argv[i][1] == '-' ? find_row(spec, name, 0) : find_row(spec, name, name.p[0]);
	if (!o)
		return unknown(spec, argv[i], name, err);
	if (o->type == OPTION_FLAG && value)
		return err_sys(err, EINVAL, "--%s takes no value", o->name);
	if (o->type != OPTION_FLAG && !value) {
		if (i + 1 >= argc)
			return err_sys(err, EINVAL, "--%s needs a value: --%s %s", o->name, o->name,
				       o->value);
		value = argv[i + 1];
		used = 2;
	}
	r = set_value(o, value, values, err);
	return r < 0 ? r : used;
}

int options_parse(const struct options_spec *spec, int argc, char **argv, void *values,
		  const char ***ret_args, size_t *ret_n, struct err *err)
{
	CLEANUP_FREE const char **args = xcalloc((size_t)MAX(argc, 1), sizeof(*args));
	size_t n = 0;

	for (int i = 1; i < argc;) {
		int r;

		if (strcmp(argv[i], "--") == 0) {
			for (i++; i < argc; i++)
				args[n++] = argv[i];
			break;
		}
		if (argv[i][0] != '-' || !argv[i][1]) {
			args[n++] = argv[i++];
			continue;
		}
		if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
			options_help(spec, stdout);
			return OPTIONS_DONE;
		}
		if (strcmp(argv[i], "--version") == 0) {
			printf("%s %s\n", spec->program, PACKAGE_VERSION);
			return OPTIONS_DONE;
		}
		r = take_option(spec, argv, i, argc, values, err);
		if (r < 0)
			return r;
		i += r;
	}
	*ret_args = TAKE(args);
	*ret_n = n;
	return 0;
}

const struct command_row *command_find(const struct command_row *rows, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}
