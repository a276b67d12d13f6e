/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"
#include "lib/json/yaml.h"
#include "lib/sys/file.h"

#define CLI_FILE_MAX (16 << 20)

int cli_fail(const char *command, struct err *e)
{
	if (e->reason)
		fprintf(stderr, "knarrctl %s: Error from server (%s): %s\n", command, e->reason,
			err_text(e));
	else
		fprintf(stderr, "knarrctl %s: %s\n", command, err_text(e));
	err_done(e);
	return 1;
}

int cli_usage(const char *command, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "knarrctl %s: ", command);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, " (see knarrctl %s --help)\n", command);
	return 2;
}

enum cli_output cli_output_parse(const char *text, struct err *err)
{
	static const char *const names[] = {"", "wide", "json", "yaml", "name"};

	if (!text)
		return CLI_TABLE;
	for (size_t i = 1; i < ARRAY_SIZE(names); i++)
		if (strcmp(text, names[i]) == 0)
			return (enum cli_output)i;
	err_set(err, EINVAL, NULL, "--output: \"%s\" is none of json, yaml, wide, name", text);
	return CLI_OUTPUT_INVALID;
}

static void indent_value(struct jv v, int level, struct buf *out)
{
	bool object = jv_type(v) == JV_OBJECT, first = true;
	struct jv_iter it;

	if ((!object && jv_type(v) != JV_ARRAY) || jv_len(v) == 0) {
		buf_addstr(out, jv_len(v) || (jv_type(v) != JV_OBJECT && jv_type(v) != JV_ARRAY)
					? jv_raw(v)
				: object ? STR("{}")
					 : STR("[]"));
		return;
	}
	buf_addc(out, object ? '{' : '[');
	for (it = jv_iter_start(v, object); jv_iter_next(&it); first = false) {
		buf_adds(out, first ? "\n" : ",\n");
		buf_addf(out, "%*s", (level + 1) * 4, "");
		if (object)
			buf_addf(out, "\"%.*s\": ", STR_ARG(it.key));
		indent_value(it.value, level + 1, out);
	}
	buf_addf(out, "\n%*s%c", level * 4, "", object ? '}' : ']');
}

void cli_indent_json(struct str json, struct buf *out)
{
	indent_value(jv_of(json), 0, out);
	buf_addc(out, '\n');
}

void cli_print_object(struct str json, enum cli_output how)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (how == CLI_YAML)
		json_to_yaml(json, &b);
	else
		cli_indent_json(json, &b);
	fwrite(b.p, 1, b.len, stdout);
}

int cli_read_file(const char *path, struct buf *out, struct err *err)
{
	bool in = strcmp(path, "-") == 0;
	int r = in ? fd_read_all(STDIN_FILENO, CLI_FILE_MAX, out)
		   : file_read(AT_FDCWD, path, CLI_FILE_MAX, out);

	if (r < 0)
		return err_sys(err, r, "cannot read %s: %s", in ? "standard input" : path,
			       r == -EFBIG ? "more than 16 MiB" : strerror(-r));
	return 0;
}

void cli_table_add(struct cli_table *t, struct str cell)
{
	*ARRAY_PUSH(t->cells, t->n, t->cap) = xstrndup(cell.p ? cell.p : "", cell.len);
}

/* Width in characters, so that UTF-8 lines up. */
static size_t width_of(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((uint8_t)*s & 0xc0) != 0x80;
	return n;
}

void cli_table_print(struct cli_table *t)
{
	CLEANUP_FREE size_t *width = xcalloc(t->columns + 1, sizeof(*width));

	for (size_t i = 0; i < t->n; i++)
		width[i % t->columns] = MAX(width[i % t->columns], width_of(t->cells[i]));
	for (size_t i = 0; i < t->n; i++) {
		size_t col = i % t->columns;

		fputs(t->cells[i], stdout);
		if (col + 1 == t->columns)
			putchar('\n');
		else
			printf("%*s", (int)(width[col] - width_of(t->cells[i]) + 3), "");
		free(t->cells[i]);
	}
	free(t->cells);
	*t = (struct cli_table){.columns = t->columns};
}
