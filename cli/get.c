/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"

struct get_options {
	struct cli_common common;
	const char *selector, *fields;
	bool watch, no_headers, show_labels;
};

static const struct option_row rows[] = {
	CLI_COMMON_ROWS(struct get_options, common),
	CLI_OUTPUT_ROW(struct get_options, common),
	{"all-namespaces", 'A', OPTION_FLAG, offsetof(struct get_options, common.all_namespaces),
	 NULL, "objects of all namespaces"},
	{"selector", 'l', OPTION_STRING, offsetof(struct get_options, selector), "QUERY",
	 "label selector, e.g. app=web,tier!=db"},
	{"field-selector", 0, OPTION_STRING, offsetof(struct get_options, fields), "QUERY",
	 "field selector, e.g. status.phase=Running"},
	{"watch", 'w', OPTION_FLAG, offsetof(struct get_options, watch), NULL,
	 "go on printing changes"},
	{"no-headers", 0, OPTION_FLAG, offsetof(struct get_options, no_headers), NULL,
	 "no line of column names"},
};
static const struct options_spec spec = {
	"knarrctl get",   "TYPE [NAME] | TYPE/NAME",
	"Shows objects.", rows,
	ARRAY_SIZE(rows), "Examples:\n  knarrctl get pods -A\n  knarrctl get deploy web -o yaml"};

#define TABLE_ACCEPT "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

/* State of printing one or more Tables (a list, then the events of a watch). */
struct printer {
	enum cli_output how;
	bool headers, with_ns;
	struct jv columns; /* of the table at hand */
	struct buf columns_text;
	struct buf line; /* of a watch: an unfinished event */
};

static bool shown(const struct printer *p, struct jv column)
{
	return p->how == CLI_WIDE || jv_i64(jv_get(column, "priority"), 0) == 0;
}

static void add_cell(struct cli_table *t, struct jv cell)
{
	CLEANUP(buf_done) struct buf s = BUF_INIT;

	if (jv_type(cell) == JV_STRING)
		cli_table_add(t, jv_str(cell, &s));
	else if (jv_exists(cell))
		cli_table_add(t, jv_raw(cell));
	else
		cli_table_add(t, STR("<none>"));
}

static void print_headers(struct printer *p, struct cli_table *t)
{
	if (p->with_ns)
		cli_table_add(t, STR("NAMESPACE"));
	jv_for_each (c, p->columns) {
		struct str name = jv_text(jv_get(c.value, "name"));
		CLEANUP_FREE char *upper = str_dup(name);

		if (!shown(p, c.value))
			continue;
		for (char *q = upper; q && *q; q++)
			if (*q >= 'a' && *q <= 'z')
				*q = (char)(*q - 32);
		cli_table_add(t, str_of(upper));
	}
}

static void print_table(struct printer *p, struct jv table)
{
	struct cli_table t = {.columns = p->with_ns};
	struct jv columns = jv_get(table, "columnDefinitions");

	/* Only the first event of a watch brings the columns. */
	if (jv_len(columns)) {
		buf_clear(&p->columns_text);
		buf_addstr(&p->columns_text, jv_raw(columns));
		p->columns = jv_of(buf_str(&p->columns_text));
	}
	jv_for_each (c, p->columns)
		t.columns += shown(p, c.value);
	if (!t.columns)
		return;
	if (p->headers && jv_len(jv_get(table, "rows")))
		print_headers(p, &t);
	p->headers = p->headers && !t.n;
	jv_for_each (row, jv_get(table, "rows")) {
		struct jv_iter c = jv_iter_start(p->columns, false);

		if (p->with_ns)
			add_cell(&t, jv_path(row.value, "object.metadata.namespace"));
		jv_for_each (cell, jv_get(row.value, "cells"))
			if (jv_iter_next(&c) && shown(p, c.value))
				add_cell(&t, cell.value);
	}
	cli_table_print(&t);
	fflush(stdout);
}

static void print_names(const struct resource *res, struct jv doc)
{
	struct jv items = jv_get(doc, "items");
	const char *dot = *res->group ? "." : "";

	if (jv_type(items) != JV_ARRAY) {
		printf("%s%s%s/%.*s\n", res->singular, dot, res->group,
		       STR_ARG(jv_text(jv_path(doc, "metadata.name"))));
		return;
	}
	jv_for_each (it, items)
		printf("%s%s%s/%.*s\n", res->singular, dot, res->group,
		       STR_ARG(jv_text(jv_path(it.value, "metadata.name"))));
}

static void print_answer(struct printer *p, const struct resource *res, const char *ns,
			 struct str body)
{
	struct jv doc = jv_of(body);

	if (p->how == CLI_NAME) {
		print_names(res, doc);
	} else if (p->how == CLI_JSON || p->how == CLI_YAML) {
		cli_print_object(body, p->how);
	} else if (jv_eqs(jv_get(doc, "kind"), "Table")) {
		if (!jv_len(jv_get(doc, "rows"))) {
			if (res->namespaced && ns)
				fprintf(stderr, "No resources found in %s namespace.\n", ns);
			else
				fputs("No resources found\n", stderr);
			return;
		}
		print_table(p, doc);
	} else {
		cli_print_object(body, CLI_YAML);
	}
}

static int on_watch_data(void *user, struct str piece)
{
	struct printer *p = user;

	buf_addstr(&p->line, piece);
	for (;;) {
		ssize_t at = str_chr(buf_str(&p->line), '\n');
		struct jv event;

		if (at < 0)
			return 0;
		event = jv_of(str_n(p->line.p, (size_t)at));
		if (jv_eqs(jv_get(event, "type"), "ERROR"))
			return 1;
		if (!jv_eqs(jv_get(event, "type"), "BOOKMARK")) {
			struct jv obj = jv_get(event, "object");

			if (p->how == CLI_TABLE || p->how == CLI_WIDE)
				print_table(p, obj);
			else
				cli_print_object(jv_raw(obj), p->how);
		}
		buf_consume(&p->line, (size_t)at + 1);
	}
}

static int watch(struct session *s, struct printer *p, struct str path, struct str body,
		 struct str name, struct err *err)
{
	CLEANUP(buf_done) struct buf url = BUF_INIT;
	struct jv doc = jv_of(body);
	struct session_req req = {.method = "GET",
				  .accept = p->how <= CLI_WIDE ? TABLE_ACCEPT : NULL,
				  .on_data = on_watch_data,
				  .user = p};

	/* A single object is watched as its collection with a selector. */
	if (name.p) {
		CLEANUP(buf_done) struct buf sel = BUF_INIT;

		buf_add(&url, path.p, (size_t)str_rchr(path, '/'));
		buf_addf(&sel, "metadata.name=%.*s", STR_ARG(name));
		path_query(&url, "fieldSelector", buf_str(&sel));
	} else {
		buf_addstr(&url, path);
	}
	path_query(&url, "watch", STR("true"));
	path_query(&url, "resourceVersion", jv_text(jv_path(doc, "metadata.resourceVersion")));
	req.path = url.p;
	return session_do(s, &req, NULL, err);
}

static int run(const struct get_options *o, const char **args, size_t n, struct err *err)
{
	CLEANUP(session_closep) struct session *s = NULL;
	CLEANUP(resource_done) struct resource res = {0};
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	struct printer p = {.headers = !o->no_headers,
			    .columns_text = BUF_INIT,
			    .line = BUF_INIT,
			    .how = cli_output_parse(o->common.output, err)};
	struct session_req req = {.method = "GET"};
	struct str name;
	const char *ns;
	size_t used;
	int r;

	if ((int)p.how < 0)
		return -EINVAL;
	r = session_open(&o->common, &s, err);
	if (!r)
		r = session_target(s, args, n, &res, &name, &used, err);
	if (r < 0)
		return r;
	if (used < n)
		return err_set(err, EINVAL, NULL, "one object at a time: what is \"%s\"?",
			       args[used]);
	ns = o->common.all_namespaces ? NULL : session_ns(s);
	p.with_ns = o->common.all_namespaces && res.namespaced;
	resource_path(&res, ns, name, &path);
	if (o->selector)
		path_query(&path, "labelSelector", str_of(o->selector));
	if (o->fields)
		path_query(&path, "fieldSelector", str_of(o->fields));
	req.path = path.p;
	req.accept = p.how <= CLI_WIDE ? TABLE_ACCEPT : NULL;
	r = session_do(s, &req, &body, err);
	if (!r) {
		print_answer(&p, &res, ns, buf_str(&body));
		if (o->watch)
			r = watch(s, &p, buf_str(&path), buf_str(&body), name, err);
	}
	buf_done(&p.columns_text);
	buf_done(&p.line);
	return r;
}

int cmd_get(int argc, char **argv, void *user)
{
	struct get_options o = {0};
	struct err err = ERR_INIT;
	const char **args;
	size_t n;
	int r = options_parse(&spec, argc, argv, &o, &args, &n, &err);

	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0)
		return cli_fail("get", &err) + 1;
	r = run(&o, args, n, &err);
	free(args);
	return r < 0 ? cli_fail("get", &err) : 0;
}
