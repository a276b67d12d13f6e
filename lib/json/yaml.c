/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json/yaml.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"
#include "lib/json/jw.h"

#include <math.h>
#include <yaml.h>

/* What a plain scalar means (YAML 1.1 types, as goyaml resolves them). */
enum scalar {
	SCALAR_NULL,
	SCALAR_TRUE,
	SCALAR_FALSE,
	SCALAR_INT,
	SCALAR_UINT,
	SCALAR_FLOAT,
	SCALAR_STR
};

struct resolved {
	enum scalar type;
	int64_t i;
	uint64_t u;
	double d;
};

static bool one_of(struct str s, const char *const *words)
{
	for (; *words; words++)
		if (str_eqs(s, *words))
			return true;
	return false;
}

/* Decimal, 0x, 0o, 0b and YAML 1.1's leading-zero octal, with optional sign and underscores. */
static bool resolve_int(struct str s, struct resolved *ret)
{
	char t[80];
	size_t n = 0;
	bool neg = false;
	int base = 10;
	char *end, *p = t;

	if (s.len >= sizeof(t))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] != '_')
			t[n++] = s.p[i];
	t[n] = 0;
	if (*p == '-' || *p == '+')
		neg = *p++ == '-';
	if (*p < '0' || *p > '9')
		return false;
	if (p[0] == '0' && p[1]) {
		base = 8;
		p++;
		if ((*p | 32) == 'x' || (*p | 32) == 'o' || (*p | 32) == 'b') {
			base = (*p | 32) == 'x' ? 16 : (*p | 32) == 'o' ? 8 : 2;
			p++;
		}
	}
	if (!*p || *p == '-' || *p == '+')
		return false;
	errno = 0;
	ret->u = strtoull(p, &end, base);
	if (*end || errno)
		return false;
	if (ret->u > (uint64_t)INT64_MAX + neg) {
		ret->type = SCALAR_UINT;
		return !neg;
	}
	ret->i = neg ? (int64_t)-ret->u : (int64_t)ret->u;
	ret->type = SCALAR_INT;
	return true;
}

static bool resolve_float(struct str s, struct resolved *ret)
{
	char t[80], *end;
	bool digit = false;

	if (str_copy(t, sizeof(t), s) < 0)
		return false;
	/* Only what YAML calls a float; strtod would also take "inf", "nan" and hexadecimal. */
	for (const char *p = t; *p; p++) {
		digit |= *p >= '0' && *p <= '9';
		if (!strchr("0123456789.eE+-", *p))
			return false;
	}
	if (!digit)
		return false;
	ret->d = strtod(t, &end);
	ret->type = SCALAR_FLOAT;
	return !*end && isfinite(ret->d);
}

static struct resolved resolve(struct str s)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", "yes", "Yes",
					    "YES",  "on",   "On",   "ON",  NULL};
	static const char *const falses[] = {"false", "False", "FALSE", "no",  "No",
					     "NO",    "off",   "Off",   "OFF", NULL};
	struct resolved r = {.type = SCALAR_STR};

	if (one_of(s, nulls))
		r.type = SCALAR_NULL;
	else if (one_of(s, trues))
		r.type = SCALAR_TRUE;
	else if (one_of(s, falses))
		r.type = SCALAR_FALSE;
	else if (!strchr("0123456789+-.", s.p[0]) || (!resolve_int(s, &r) && !resolve_float(s, &r)))
		r.type = SCALAR_STR;
	return r;
}

/* Reading. libyaml's document tree gives anchors for free; expansion is bounded by `left`. */
struct reader {
	yaml_document_t *doc;
	struct jw w;
	struct err *err;
	uint32_t left; /* values we may still write */
	unsigned depth;
};

static struct str node_text(const yaml_node_t *n)
{
	return str_n(n->data.scalar.value, n->data.scalar.length);
}

static int fail_at(struct reader *r, const yaml_node_t *n, const char *what)
{
	return err_sys(r->err, EINVAL, "error converting YAML to JSON: yaml: line %zu: %s",
		       n->start_mark.line + 1, what);
}

static int write_node(struct reader *r, yaml_node_t *n);

static bool is_plain(const yaml_node_t *n)
{
	return n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!n->tag || strcmp((char *)n->tag, YAML_STR_TAG) == 0);
}

static int write_scalar(struct reader *r, const yaml_node_t *n)
{
	struct resolved v = {.type = SCALAR_STR};

	if (is_plain(n))
		v = resolve(node_text(n));
	switch (v.type) {
	case SCALAR_NULL:
		jw_null(&r->w);
		break;
	case SCALAR_TRUE:
	case SCALAR_FALSE:
		jw_bool(&r->w, v.type == SCALAR_TRUE);
		break;
	case SCALAR_INT:
		jw_i64(&r->w, v.i);
		break;
	case SCALAR_UINT:
		jw_u64(&r->w, v.u);
		break;
	case SCALAR_FLOAT:
		jw_double(&r->w, v.d + 0.0); /* no -0: it would come back as the integer 0 */
		break;
	case SCALAR_STR:
		if (memchr(n->data.scalar.value, 0, n->data.scalar.length))
			return fail_at(r, n, "a NUL character");
		jw_str(&r->w, node_text(n));
		break;
	}
	return 0;
}

static bool is_merge_key(const yaml_node_t *key)
{
	return key->type == YAML_SCALAR_NODE && is_plain(key) && str_eqs(node_text(key), "<<");
}

static bool has_key(struct reader *r, const yaml_node_t *map, struct str name)
{
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
	     p++) {
		yaml_node_t *k = yaml_document_get_node(r->doc, p->key);

		if (k->type == YAML_SCALAR_NODE && str_eq(node_text(k), name))
			return true;
	}
	return false;
}

/* JSON keys are strings: "true" for a boolean key, decimal for an integer one. */
static int write_key(struct reader *r, const yaml_node_t *k)
{
	struct resolved v;

	if (k->type != YAML_SCALAR_NODE)
		return fail_at(r, k, "a key that is no scalar");
	if (memchr(k->data.scalar.value, 0, k->data.scalar.length))
		return fail_at(r, k, "a NUL character");
	v = is_plain(k) ? resolve(node_text(k)) : (struct resolved){.type = SCALAR_STR};
	if (v.type == SCALAR_TRUE || v.type == SCALAR_FALSE)
		jw_key(&r->w, v.type == SCALAR_TRUE ? "true" : "false");
	else
		jw_keyn(&r->w, node_text(k));
	return 0;
}

static int write_pairs(struct reader *r, yaml_node_t *map, yaml_node_t *over);

/* `<<: *base` or `<<: [*a, *b]`: members that the mapping doesn't have itself. */
static int write_merge(struct reader *r, yaml_node_t *value, yaml_node_t *over)
{
	int e = 0;

	if (value->type == YAML_MAPPING_NODE)
		return write_pairs(r, value, over);
	if (value->type != YAML_SEQUENCE_NODE)
		return fail_at(r, value, "map merge requires map or sequence of maps as the value");
	for (yaml_node_item_t *i = value->data.sequence.items.start;
	     i < value->data.sequence.items.top && !e; i++) {
		yaml_node_t *n = yaml_document_get_node(r->doc, *i);

		e = n->type == YAML_MAPPING_NODE ? write_pairs(r, n, over)
						 : fail_at(r, n, "map merge requires maps");
	}
	return e;
}

static int write_pairs(struct reader *r, yaml_node_t *map, yaml_node_t *over)
{
	if (++r->depth > JSON_MAX_DEPTH)
		return fail_at(r, map, "nested too deeply");
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
	     p++) {
		yaml_node_t *k = yaml_document_get_node(r->doc, p->key);
		yaml_node_t *v = yaml_document_get_node(r->doc, p->value);
		int e;

		if (is_merge_key(k)) {
			e = write_merge(r, v, over ? over : map);
		} else {
			if (over && k->type == YAML_SCALAR_NODE && has_key(r, over, node_text(k)))
				continue;
			e = write_key(r, k);
			if (!e)
				e = write_node(r, v);
		}
		if (e)
			return e;
	}
	r->depth--;
	return 0;
}

static int write_node(struct reader *r, yaml_node_t *n)
{
	int e = 0;

	if (!r->left--)
		return fail_at(r, n, "document contains excessive aliasing or too many values");
	if (n->type == YAML_SCALAR_NODE)
		return write_scalar(r, n);
	if (n->type == YAML_MAPPING_NODE) {
		if (r->depth >= JSON_MAX_DEPTH - 2)
			return fail_at(r, n, "nested too deeply");
		jw_begin_object(&r->w);
		e = write_pairs(r, n, NULL);
		if (!e)
			jw_end_object(&r->w);
		return e;
	}
	if (++r->depth > JSON_MAX_DEPTH - 2)
		return fail_at(r, n, "nested too deeply");
	jw_begin_array(&r->w);
	for (yaml_node_item_t *i = n->data.sequence.items.start;
	     i < n->data.sequence.items.top && !e; i++)
		e = write_node(r, yaml_document_get_node(r->doc, *i));
	if (e)
		return e;
	jw_end_array(&r->w);
	r->depth--;
	return 0;
}

int yaml_to_json(struct str yaml, struct buf *json, struct err *err)
{
	struct reader r = {.w = jw_start(json), .err = err, .left = JSON_MAX_VALUES};
	size_t from = json->len;
	yaml_parser_t parser;
	yaml_document_t doc;
	yaml_node_t *root;
	int e = 0;

	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)yaml.p, yaml.len);
	if (!yaml_parser_load(&parser, &doc)) {
		e = err_sys(err, EINVAL, "error converting YAML to JSON: yaml: line %zu: %s",
			    parser.problem_mark.line + 1,
			    parser.problem ? parser.problem : "invalid text");
		yaml_parser_delete(&parser);
		return e;
	}
	r.doc = &doc;
	root = yaml_document_get_root_node(&doc);
	if (root)
		e = write_node(&r, root);
	else
		buf_adds(json, "null");
	yaml_document_delete(&doc);
	yaml_parser_delete(&parser);
	if (e)
		buf_setlen(json, from);
	return e;
}

static bool is_blank_doc(struct str doc)
{
	struct str line;

	while (str_split(&doc, '\n', &line)) {
		line = str_trim(line);
		if (line.len && line.p[0] != '#')
			return false;
	}
	return true;
}

bool yaml_split(struct str *rest, struct str *ret_doc)
{
	while (!str_is_null(*rest)) {
		const char *from = rest->p, *to = rest->p + rest->len;
		struct str line;

		while (str_split(rest, '\n', &line)) {
			if (!str_starts(line, STR("---")) ||
			    (line.len > 3 && !strchr(" \t\r", line.p[3])))
				continue;
			to = line.p;
			break;
		}
		*ret_doc = str_n(from, (size_t)(to - from));
		if (!is_blank_doc(*ret_doc))
			return true;
	}
	return false;
}

/* Writing: block style by hand; libyaml's emitter would fold long strings, which kubectl doesn't.
 */
static bool needs_quotes(struct str s)
{
	if (!s.len || resolve(s).type != SCALAR_STR)
		return true;
	/* goyaml quotes these too, as other readers take them for booleans. */
	if (s.len == 1 && strchr("yYnN=~", s.p[0]))
		return true;
	if (strchr(" -?:,[]{}#&*!|>'\"%@`", s.p[0])) {
		bool dash = (s.p[0] == '-' || s.p[0] == '?' || s.p[0] == ':') && s.len > 1 &&
			    s.p[1] != ' ';

		if (!dash || (s.len >= 3 && str_starts(s, STR("---"))))
			return true;
	}
	if (str_starts(s, STR("<<")) || str_starts(s, STR("...")) || s.p[s.len - 1] == ' ' ||
	    s.p[s.len - 1] == ':')
		return true;
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = (uint8_t)s.p[i];

		if ((c == ':' && i + 1 < s.len && s.p[i + 1] == ' ') ||
		    (c == '#' && i && s.p[i - 1] == ' '))
			return true;
	}
	/* Dates would be read as timestamps. */
	return s.len >= 10 && s.p[0] >= '0' && s.p[0] <= '9' && s.p[4] == '-' && s.p[7] == '-';
}

/*
 * The character at s.p[i], if YAML (5.1, 5.4) wants it escaped: controls, the line breaks of
 * Unicode, byte order marks and what is no character. 0: it may stand as it is. `ret_len` is its
 * length.
 */
static uint32_t to_be_escaped(struct str s, size_t i, size_t *ret_len)
{
	const uint8_t *p = (const uint8_t *)s.p + i;
	size_t left = s.len - i;

	*ret_len = 1;
	if (p[0] < 0x20 || p[0] == 0x7f)
		return p[0];
	if (p[0] == 0xc2 && left >= 2 && p[1] < 0xa0) {
		*ret_len = 2;
		return p[1];
	}
	if (left < 3)
		return 0;
	if ((p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9)) ||
	    (p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf) ||
	    (p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe)) {
		*ret_len = 3;
		return (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
	}
	return 0;
}

/* Line feeds don't count: a block may hold them. */
static bool has_control(struct str s)
{
	size_t len;

	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] != '\n' && (!s.p[i] || to_be_escaped(s, i, &len)))
			return true;
	return false;
}

/* Between double quotes, with JSON's escapes, which are YAML's. */
static void write_quoted(struct str s, struct buf *out)
{
	size_t from = 0, len;
	uint32_t c;

	buf_addc(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		bool special = s.p[i] == '"' || s.p[i] == '\\' || !s.p[i];

		c = to_be_escaped(s, i, &len);
		if (!c && !special)
			continue;
		buf_addstr(out, str_n(s.p + from, i - from));
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_addf(out, "\\%c", s.p[i]);
		else if (c == '\n' || c == '\t' || c == '\r')
			buf_addf(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
		else
			buf_addf(out, "\\u%04x", c);
		i += len - 1;
		from = i + 1;
	}
	buf_addstr(out, str_n(s.p + from, s.len - from));
	buf_addc(out, '"');
}

static void indent(struct buf *out, unsigned n)
{
	for (; n; n--)
		buf_adds(out, "  ");
}

#define SIMPLE_KEY_MAX 128 /* goyaml's; YAML's own is 1,024 */

static void write_literal(struct str s, unsigned level, struct buf *out)
{
	struct str line;

	buf_adds(out, "|");
	if (s.p[0] == ' ' || s.p[0] == '\n')
		buf_addc(out, '2');
	if (s.p[s.len - 1] != '\n')
		buf_addc(out, '-');
	else if (s.len == 1 || s.p[s.len - 2] == '\n')
		buf_addc(out, '+');
	if (s.p[s.len - 1] == '\n')
		s.len--;
	while (str_split(&s, '\n', &line)) {
		buf_addc(out, '\n');
		if (line.len)
			indent(out, level);
		buf_addstr(out, line);
	}
}

static void write_string(struct str s, unsigned level, struct buf *out)
{
	if (has_control(s)) {
		write_quoted(s, out);
	} else if (str_chr(s, '\n') >= 0) {
		write_literal(s, level ? level : 1, out);
	} else if (!needs_quotes(s)) {
		buf_addstr(out, s);
	} else if ((str_chr(s, '\'') >= 0 && str_chr(s, '"') < 0)) {
		write_quoted(s, out);
	} else if (resolve(s).type != SCALAR_STR || str_chr(s, '"') < 0) {
		/* goyaml: double quotes for what would be another type, single ones otherwise. */
		char q = s.len && resolve(s).type != SCALAR_STR ? '"' : '\'';

		if (!s.len || (s.len == 1 && strchr("yYnN", s.p[0])))
			q = '"';
		buf_addc(out, q);
		buf_addstr(out, s);
		buf_addc(out, q);
	} else {
		buf_addc(out, '\'');
		for (size_t i = 0; i < s.len; i++) {
			buf_addc(out, s.p[i]);
			if (s.p[i] == '\'')
				buf_addc(out, '\'');
		}
		buf_addc(out, '\'');
	}
}

static void emit(struct jv v, unsigned level, bool in_list, struct buf *out);

static bool is_empty(struct jv v)
{
	enum jv_type t = jv_type(v);

	return (t == JV_OBJECT || t == JV_ARRAY) && jv_len(v) == 0;
}

/* Behind "key:" or "-": a scalar on the same line, or a block on the next ones. */
static void emit_scalar(struct jv v, unsigned level, struct buf *out)
{
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;

	if (jv_type(v) == JV_STRING)
		write_string(jv_str(v, &scratch), level, out);
	else if (is_empty(v))
		buf_adds(out, jv_type(v) == JV_OBJECT ? "{}" : "[]");
	else
		buf_addstr(out, jv_raw(v));
	buf_addc(out, '\n');
}

static bool is_block(struct jv v)
{
	enum jv_type t = jv_type(v);

	return (t == JV_OBJECT || t == JV_ARRAY) && !is_empty(v);
}

/* "key:", or of a key that is long or has several lines "? key" and ":" on a line of its own, as
 * YAML (7.4.2) and goyaml want it. */
static void emit_key(struct str key, unsigned level, struct buf *out)
{
	if (key.len <= SIMPLE_KEY_MAX && str_chr(key, '\n') < 0) {
		write_string(key, level, out);
	} else {
		buf_adds(out, "? ");
		write_string(key, level + 1, out);
		buf_addc(out, '\n');
		indent(out, level);
	}
	buf_addc(out, ':');
}

static void emit_members(struct jv v, unsigned level, bool in_list, struct buf *out)
{
	bool first = true;

	jv_for_each_member (it, v) {
		CLEANUP(buf_done) struct buf key = BUF_INIT;

		if (!first || !in_list)
			indent(out, level);
		first = false;
		jv_unescape(it.key, &key);
		emit_key(buf_str(&key), level, out);
		if (is_block(it.value)) {
			buf_addc(out, '\n');
			emit(it.value, jv_type(it.value) == JV_ARRAY ? level : level + 1, false,
			     out);
		} else {
			buf_addc(out, ' ');
			emit_scalar(it.value, level + 1, out);
		}
	}
}

/* Lists stand at their key's own indentation, as goyaml and so kubectl writes them. */
static void emit(struct jv v, unsigned level, bool in_list, struct buf *out)
{
	bool first = true;

	if (jv_type(v) == JV_OBJECT) {
		emit_members(v, level, in_list, out);
		return;
	}
	jv_for_each (it, v) {
		if (!first || !in_list)
			indent(out, level);
		first = false;
		buf_adds(out, "- ");
		if (is_block(it.value))
			emit(it.value, level + 1, true, out);
		else
			emit_scalar(it.value, level + 1, out);
	}
}

int json_to_yaml(struct str json, struct buf *out)
{
	struct jv v = jv_of(json);

	if (is_block(v))
		emit(v, 0, false, out);
	else
		emit_scalar(v, 0, out);
	return 0;
}
