/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/validate/check.h"
#include "lib/base/hmap.h"

#include <arpa/inet.h>

#define ANNOTATIONS_MAX (256 * 1024)
/* More than anyone reads; a body of megabytes may hold a hundred thousand. */
#define MISTAKES_MAX 1000

const char *const check_protocols[] = {"SCTP", "TCP", "UDP", NULL};

/* ---- Places ---- */

static void render(const struct place *p, struct buf *out)
{
	if (p->up)
		render(p->up, out);
	switch (p->step) {
	case PLACE_ROOT:
		break;
	case PLACE_FIELD:
		buf_addf(out, "%s%s", out->len ? "." : "", p->name);
		break;
	case PLACE_INDEX:
		buf_addf(out, "[%zu]", p->index);
		break;
	case PLACE_MAPKEY:
		buf_addf(out, "[%s]", p->name);
		break;
	}
}

static struct err *err_of(const struct place *p)
{
	while (p->up)
		p = p->up;
	return p->err;
}

void place_path(const struct place *p, struct buf *out)
{
	render(p, out);
}

size_t place_mistakes(const struct place *p)
{
	return err_of(p)->n_fields;
}

void place_report(const struct place *p, const char *reason, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	va_list ap;

	if (place_mistakes(p) >= MISTAKES_MAX)
		return;
	render(p, &path);
	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	err_field(err_of(p), path.p, reason, "%s", text.p);
}

#define COLON(detail) (*(detail) ? ": " : ""), (detail)

void place_required(const struct place *p, const char *detail)
{
	place_report(p, "FieldValueRequired", "Required value%s%s", COLON(detail));
}

static void invalid_json(const struct place *p, const char *json, const char *detail)
{
	place_report(p, "FieldValueInvalid", "Invalid value: %s%s%s", json, COLON(detail));
}

void place_invalid(const struct place *p, struct json_object *value, const char *detail)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	jsonc_write(value, &b);
	invalid_json(p, b.p, detail);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void place_invalid_map(const struct place *p, struct json_object *map, const char *detail)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	size_t n = 0;
	CLEANUP_FREE const char **keys = xcalloc(map_len(map) + 1, sizeof(*keys));

	map_for_each(it, map) keys[n++] = map_key(it);
	qsort(keys, n, sizeof(*keys), by_text);
	for (size_t i = 0; i < n; i++) {
		buf_addc(&b, i ? ',' : '{');
		json_quote(str_of(keys[i]), &b);
		buf_addc(&b, ':');
		jsonc_write(jsonc_get(map, keys[i]), &b);
	}
	buf_adds(&b, n ? "}" : map ? "{}" : "null");
	invalid_json(p, b.p, detail);
}

void place_invalid_str(const struct place *p, struct str value, const char *detail)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	json_quote(value, &b);
	invalid_json(p, b.p, detail);
}

void place_invalid_int(const struct place *p, int64_t value, const char *detail)
{
	place_report(p, "FieldValueInvalid", "Invalid value: %" PRId64 "%s%s", value,
		     COLON(detail));
}

void place_forbidden(const struct place *p, const char *detail)
{
	place_report(p, "FieldValueForbidden", "Forbidden%s%s", COLON(detail));
}

void place_unsupported_json(const struct place *p, const char *json, const char *const *supported)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	for (size_t i = 0; supported[i]; i++)
		buf_addf(&b, "%s\"%s\"", i ? ", " : "", supported[i]);
	place_report(p, "FieldValueNotSupported", "Unsupported value: %s: supported values: %s",
		     json, b.p);
}

void place_unsupported(const struct place *p, struct str value, const char *const *supported)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	json_quote(value, &b);
	place_unsupported_json(p, b.p, supported);
}

void place_duplicate(const struct place *p, struct str value)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	json_quote(value, &b);
	place_report(p, "FieldValueDuplicate", "Duplicate value: %s", b.p);
}

void place_not_found(const struct place *p, struct str value)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	json_quote(value, &b);
	place_report(p, "FieldValueNotFound", "Not found: %s", b.p);
}

void place_too_long(const struct place *p, size_t max_bytes)
{
	place_report(p, "FieldValueTooLong", "Too long: may not be more than %zu bytes", max_bytes);
}

void place_too_many(const struct place *p, size_t n, size_t max)
{
	place_report(p, "FieldValueTooMany", "Too many: %zu: must have at most %zu items", n, max);
}

/* ---- Texts seen ---- */

bool seen_has(const struct seen *s, struct str text)
{
	if (s->many)
		return hmap_has(s->many, text);
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->few[i], text))
			return true;
	return false;
}

bool seen_add(struct seen *s, struct str text)
{
	if (seen_has(s, text))
		return false;
	if (!s->many && s->n < ARRAY_SIZE(s->few)) {
		s->few[s->n++] = text;
		return true;
	}
	if (!s->many) {
		s->many = hmap_new();
		for (size_t i = 0; i < s->n; i++)
			hmap_put(s->many, s->few[i], s);
	}
	hmap_put(s->many, text, s);
	return true;
}

void seen_done(struct seen *s)
{
	s->many = hmap_free(s->many);
	s->n = 0;
}

/* ---- Rules ---- */

void check_name(const struct place *p, enum name_rule rule, struct str text)
{
	struct name_errors e;

	name_errors(rule, text, &e);
	for (size_t i = 0; i < e.n; i++)
		place_invalid_str(p, text, e.v[i]);
}

void check_driver(const struct place *p, struct str name)
{
	if (!name.len)
		return;
	if (name.len > 63)
		place_too_long(p, 63);
	check_name(p, NAME_SUBDOMAIN, name);
}

void check_not_negative(const struct place *p, struct json_object *obj, const char *name)
{
	int64_t v = int_of(obj, name);

	if (v < 0)
		place_invalid_int(PLACE(p, name), v, "must be greater than or equal to 0");
}

bool check_range(const struct place *p, int64_t v, int64_t lo, int64_t hi)
{
	if (v >= lo && v <= hi)
		return true;
	place_report(p, "FieldValueInvalid",
		     "Invalid value: %" PRId64 ": must be between %" PRId64 " and %" PRId64
		     ", inclusive",
		     v, lo, hi);
	return false;
}

void check_port(const struct place *p, int64_t port)
{
	check_range(p, port, 1, 65535);
}

void check_port_or_name(const struct place *p, struct json_object *port)
{
	if (json_object_is_type(port, json_type_string))
		check_name(p, NAME_PORT, jsonc_str(port));
	else
		check_port(p, jsonc_i64(port, 0));
}

void check_enum(const struct place *p, struct json_object *obj, const char *name,
		const char *const *supported, bool required)
{
	struct json_object *v = jsonc_get(obj, name);
	struct str s = jsonc_str(v);

	if (!s.len && (required || !v)) {
		if (required)
			place_required(PLACE(p, name), "");
		return;
	}
	for (size_t i = 0; supported[i]; i++)
		if (str_eqs(s, supported[i]))
			return;
	place_unsupported(PLACE(p, name), s, supported);
}

void check_immutable(const struct place *p, struct json_object *now, struct json_object *old)
{
	if (jsonc_equal(now, old))
		return;
	if (json_object_is_type(now ? now : old, json_type_object))
		place_invalid_map(p, now, "field is immutable");
	else if (!now && json_object_is_type(old, json_type_string))
		place_invalid_str(p, STR(""), "field is immutable");
	else
		place_invalid(p, now, "field is immutable");
}

/* ---- Addresses ---- */

struct ip {
	bool v6;
	unsigned char b[16]; /* an IPv4 address stands in the first four */
};

static bool parse_ip(struct str s, struct ip *ret)
{
	char text[INET6_ADDRSTRLEN];

	if (!s.len || str_copy(text, sizeof(text), s) < 0 || strlen(text) != s.len)
		return false;
	ret->v6 = strchr(text, ':');
	return inet_pton(ret->v6 ? AF_INET6 : AF_INET, text, ret->b) == 1;
}

/* Four decimal numbers below 256 which inet_pton refuses for their leading zeros. */
static bool has_leading_zeros(struct str s)
{
	struct str part;
	uint64_t v;
	size_t n = 0;

	while (str_split(&s, '.', &part)) {
		if (str_to_u64(part, &v) < 0 || v > 255)
			return false;
		n++;
	}
	return n == 4;
}

static bool is_mapped(const struct ip *ip)
{
	static const unsigned char prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	return ip->v6 && !memcmp(ip->b, prefix, sizeof(prefix));
}

bool check_ip(const struct place *p, struct str s)
{
	struct ip ip;

	if (!parse_ip(s, &ip)) {
		place_invalid_str(p, s,
				  has_leading_zeros(s) ? "must not have leading 0s"
						       : "must be a valid IP address, (e.g. "
							 "10.9.8.7 or 2001:db8::ffff)");
		return false;
	}
	if (is_mapped(&ip)) {
		place_invalid_str(p, s, "must not be an IPv4-mapped IPv6 address");
		return false;
	}
	return true;
}

bool is_ip(struct str s)
{
	struct ip ip;

	return parse_ip(s, &ip);
}

bool ip_is_v6(struct str s)
{
	struct ip ip;

	return parse_ip(s, &ip) && ip.v6;
}

static bool is_zero(const unsigned char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (b[i])
			return false;
	return true;
}

void check_ip_not_special(const struct place *p, struct str s)
{
	struct ip ip;

	if (!parse_ip(s, &ip)) {
		place_invalid_str(p, s, "must be a valid IP address");
		return;
	}
	if (is_zero(ip.b, ip.v6 ? 16 : 4)) {
		CLEANUP_FREE char *d = xasprintf("may not be unspecified (%.*s)", STR_ARG(s));

		place_invalid_str(p, s, d);
	}
	if (ip.v6 ? is_zero(ip.b, 15) && ip.b[15] == 1 : ip.b[0] == 127)
		place_invalid_str(p, s, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
	if (ip.v6 ? ip.b[0] == 0xfe && (ip.b[1] & 0xc0) == 0x80 : ip.b[0] == 169 && ip.b[1] == 254)
		place_invalid_str(p, s,
				  "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
	if (ip.v6 ? ip.b[0] == 0xff && (ip.b[1] & 0x0f) == 0x02
		  : ip.b[0] == 224 && !ip.b[1] && !ip.b[2])
		place_invalid_str(p, s,
				  "may not be in the link-local multicast range (224.0.0.0/24, "
				  "ff02::/10)");
}

void check_cidr(const struct place *p, struct str s)
{
	ssize_t slash = str_chr(s, '/');
	struct ip ip;
	uint64_t bits;
	size_t max;

	if (slash < 0 || !parse_ip(str_n(s.p, (size_t)slash), &ip) ||
	    str_to_u64(str_skip(s, (size_t)slash + 1), &bits) < 0 || bits > (ip.v6 ? 128 : 32)) {
		place_invalid_str(
			p, s, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
		return;
	}
	max = ip.v6 ? 128 : 32;
	if (is_mapped(&ip)) {
		place_invalid_str(p, s, "must not have an IPv4-mapped IPv6 address");
		return;
	}
	for (size_t i = bits; i < max; i++)
		if (ip.b[i / 8] & (0x80 >> i % 8)) {
			place_invalid_str(p, s, "must not have bits set beyond the prefix length");
			return;
		}
}

/* ---- Labels and annotations ---- */

void check_labels(const struct place *p, struct json_object *labels)
{
	map_for_each(it, labels)
	{
		check_name(p, NAME_QUALIFIED, str_of(map_key(it)));
		check_name(p, NAME_LABEL_VALUE, jsonc_str(map_value(it)));
	}
}

static void annotation_key(const struct place *p, const char *key)
{
	CLEANUP_FREE char *lower = xstrdup(key);
	struct name_errors e;

	for (char *c = lower; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
	name_errors(NAME_QUALIFIED, str_of(lower), &e);
	for (size_t i = 0; i < e.n; i++)
		place_invalid_str(p, str_of(key), e.v[i]);
}

void check_annotations(const struct place *p, struct json_object *annotations)
{
	size_t total = 0;

	map_for_each(it, annotations)
	{
		annotation_key(p, map_key(it));
		total += strlen(map_key(it)) + jsonc_str(map_value(it)).len;
	}
	if (total > ANNOTATIONS_MAX)
		place_too_long(p, ANNOTATIONS_MAX);
}

static void selector_requirement(const struct place *p, struct json_object *r)
{
	struct str op = text_of(r, "operator");
	struct json_object *values = jsonc_get(r, "values");

	if (str_eqs(op, "In") || str_eqs(op, "NotIn")) {
		if (!list_len(values))
			place_required(PLACE(p, "values"),
				       "must be specified when `operator` is 'In' or 'NotIn'");
	} else if (str_eqs(op, "Exists") || str_eqs(op, "DoesNotExist")) {
		if (list_len(values))
			place_forbidden(PLACE(p, "values"), "may not be specified when `operator` "
							    "is 'Exists' or 'DoesNotExist'");
	} else {
		place_invalid_str(PLACE(p, "operator"), op, "not a valid selector operator");
	}
	check_name(PLACE(p, "key"), NAME_QUALIFIED, text_of(r, "key"));
	for (size_t i = 0; i < list_len(values); i++)
		check_name(PLACE_AT(PLACE(p, "values"), i), NAME_LABEL_VALUE,
			   jsonc_str(list_at(values, i)));
}

void check_label_selector(const struct place *p, struct json_object *selector)
{
	struct json_object *list = jsonc_get(selector, "matchExpressions");

	check_labels(PLACE(p, "matchLabels"), jsonc_get(selector, "matchLabels"));
	for (size_t i = 0; i < list_len(list); i++)
		selector_requirement(PLACE_AT(PLACE(p, "matchExpressions"), i), list_at(list, i));
}

/* ---- Paths of files ---- */

void check_path_no_backsteps(const struct place *p, struct str path)
{
	struct str rest = path, part;

	while (str_split(&rest, '/', &part)) {
		if (!str_eqs(part, ".."))
			continue;
		place_invalid_str(p, path, "must not contain '..'");
		return;
	}
}

void check_path_descending(const struct place *p, struct str path)
{
	if (str_starts(path, STR("/")))
		place_invalid_str(p, path, "must be a relative path");
	check_path_no_backsteps(p, path);
}

void check_path_unreserved(const struct place *p, struct str path)
{
	check_path_descending(p, path);
	if (str_starts(path, STR("..")) && !str_starts(path, STR("../")))
		place_invalid_str(p, path, "must not start with '..'");
}

#define PERCENT_MSG                                                                        \
	"a valid percent string must be a numeric string followed by an ending '%' (e.g. " \
	"'1%',  or '93%', regex used for validation is '[0-9]+%')"

static bool is_percent(struct str s, uint64_t *ret)
{
	return s.len > 1 && s.p[s.len - 1] == '%' && str_to_u64(str_n(s.p, s.len - 1), ret) == 0;
}

uint64_t check_int_or_percent(const struct place *p, struct json_object *v)
{
	uint64_t n = 0;

	if (!json_object_is_type(v, json_type_string)) {
		int64_t i = jsonc_i64(v, 0);

		if (i < 0)
			place_invalid_int(p, i, "must be greater than or equal to 0");
		return (uint64_t)i;
	}
	if (!is_percent(jsonc_str(v), &n))
		place_invalid(p, v, PERCENT_MSG);
	return n;
}
