/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/crd/schema.h"
#include "lib/api/names.h"
#include "lib/base/clock.h"
#include "lib/base/codec.h"

#include <arpa/inet.h>
#include <ctype.h>

/* Formats of texts (k8s.io/kube-openapi pkg/validation/strfmt). */
static const struct {
	const char *name;
	enum crd_format f;
} rows[] = {
	{"date-time", CRD_F_DATETIME},
	{"datetime", CRD_F_DATETIME},
	{"date", CRD_F_DATE},
	{"duration", CRD_F_DURATION},
	{"ipv4", CRD_F_IPV4},
	{"ipv6", CRD_F_IPV6},
	{"cidr", CRD_F_CIDR},
	{"mac", CRD_F_MAC},
	{"uuid", CRD_F_UUID},
	{"uuid3", CRD_F_UUID3},
	{"uuid4", CRD_F_UUID4},
	{"uuid5", CRD_F_UUID5},
	{"byte", CRD_F_BYTE},
	{"email", CRD_F_EMAIL},
	{"hostname", CRD_F_HOSTNAME},
	{"uri", CRD_F_URI},
	{"hexcolor", CRD_F_HEXCOLOR},
	{"rgbcolor", CRD_F_RGBCOLOR},
	{"bsonobjectid", CRD_F_BSONID},
	{"ssn", CRD_F_SSN},
	{"isbn", CRD_F_ISBN},
	{"isbn10", CRD_F_ISBN10},
	{"isbn13", CRD_F_ISBN13},
	{"creditcard", CRD_F_CREDITCARD},
	{"k8s-short-name", CRD_F_SHORT_NAME},
	{"k8s-long-name", CRD_F_LONG_NAME},
	{"int32", CRD_F_INT32},
	{"int64", CRD_F_INT64},
};

enum crd_format crd_format_of(struct str name)
{
	for (size_t i = 0; name.len && i < ARRAY_SIZE(rows); i++)
		if (str_eqs(name, rows[i].name))
			return rows[i].f;
	return CRD_F_NONE;
}

const char *crd_format_name(enum crd_format f)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].f == f)
			return rows[i].name;
	return "";
}

/* "x" a hex digit, "9" a digit, anything else itself. */
static bool like(struct str s, const char *form)
{
	if (s.len != strlen(form))
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (form[i] == 'x'   ? !isxdigit(c)
		    : form[i] == '9' ? !isdigit(c)
				     : c != (unsigned char)form[i])
			return false;
	}
	return true;
}

static bool is_uuid(struct str s, char version)
{
	if (!like(s, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") &&
	    !(version == 0 && like(s, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")))
		return false;
	if (!version)
		return true;
	return s.p[14] == version && (version == '3' || strchr("89abAB", s.p[19]));
}

static bool is_date(struct str s)
{
	char text[32];
	int64_t t;

	if (!like(s, "9999-99-99"))
		return false;
	snprintf(text, sizeof(text), "%.*sT00:00:00Z", STR_ARG(s));
	return time_parse(str_of(text), &t) == 0;
}

/* Go's duration, or "3 days" in words as go-openapi reads them. */
static bool is_duration(struct str s)
{
	static const char *const units[] = {
		"ns", "us", "\xc2\xb5s", "\xce\xbcs", "ms",    "s",    "m",     "h",
		"d",  "w",  "days",      "day",       "weeks", "week", "hours", "hour"};
	size_t i = 0;

	if (s.len && (s.p[0] == '-' || s.p[0] == '+'))
		i++;
	if (s.len == i + 1 && s.p[i] == '0')
		return true;
	if (i >= s.len)
		return false;
	while (i < s.len) {
		size_t digits = 0, best = 0;

		for (; i < s.len && (isdigit((unsigned char)s.p[i]) || s.p[i] == '.'); i++)
			digits += s.p[i] != '.';
		while (i < s.len && s.p[i] == ' ')
			i++;
		for (size_t u = 0; u < ARRAY_SIZE(units); u++) {
			size_t n = strlen(units[u]);

			if (n > best && str_starts(str_skip(s, i), str_of(units[u])))
				best = n;
		}
		if (!digits || !best)
			return false;
		i += best;
	}
	return true;
}

static bool is_ip_text(struct str s, int family)
{
	unsigned char out[16];
	char text[64];

	return str_copy(text, sizeof(text), s) >= 0 && inet_pton(family, text, out) == 1;
}

static bool is_cidr(struct str s)
{
	ssize_t slash = str_rchr(s, '/');
	struct str ip = str_n(s.p, slash < 0 ? 0 : (size_t)slash);
	uint64_t bits;

	if (slash < 0 || str_to_u64(str_skip(s, (size_t)slash + 1), &bits) < 0)
		return false;
	return (bits <= 32 && is_ip_text(ip, AF_INET)) || (bits <= 128 && is_ip_text(ip, AF_INET6));
}

static bool is_mac(struct str s)
{
	return like(s, "xx:xx:xx:xx:xx:xx") || like(s, "xx-xx-xx-xx-xx-xx") ||
	       like(s, "xxxx.xxxx.xxxx") || like(s, "xx:xx:xx:xx:xx:xx:xx:xx") ||
	       like(s, "xx-xx-xx-xx-xx-xx-xx-xx") || like(s, "xxxx.xxxx.xxxx.xxxx");
}

static bool is_hostname(struct str s)
{
	struct str label;

	if (!s.len || s.len > 255)
		return false;
	while (str_split(&s, '.', &label)) {
		if (!label.len || label.len > 63)
			return false;
		for (size_t i = 0; i < label.len; i++) {
			unsigned char c = (unsigned char)label.p[i];

			if (!isalnum(c) && c < 0x80 && (c != '-' || !i || i + 1 == label.len) &&
			    c != '_')
				return false;
		}
	}
	return true;
}

static bool is_email(struct str s)
{
	ssize_t at = str_rchr(s, '@');

	if (at <= 0 || (size_t)at + 1 >= s.len)
		return false;
	for (ssize_t i = 0; i < at; i++)
		if (s.p[i] == ' ' || s.p[i] == '@' || (unsigned char)s.p[i] < 0x20)
			return false;
	return is_hostname(str_skip(s, (size_t)at + 1));
}

static bool is_uri(struct str s)
{
	ssize_t colon = str_chr(s, ':');

	if (!s.len)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] <= 0x20 || s.p[i] == 0x7f)
			return false;
	if (s.p[0] == '/')
		return true;
	if (colon <= 0 || !isalpha((unsigned char)s.p[0]))
		return false;
	for (ssize_t i = 0; i < colon; i++)
		if (!isalnum((unsigned char)s.p[i]) && !strchr("+-.", s.p[i]))
			return false;
	return true;
}

static bool is_color(struct str s, bool hex)
{
	unsigned a, b, c;
	char text[64], end;

	if (hex)
		return like(s, "#xxx") || like(s, "#xxxxxx") || like(s, "xxx") || like(s, "xxxxxx");
	return str_copy(text, sizeof(text), s) >= 0 &&
	       sscanf(text, "rgb( %3u , %3u , %3u %c", &a, &b, &c, &end) == 4 && end == ')' &&
	       a < 256 && b < 256 && c < 256;
}

static size_t digits_of(struct str s, char *out, size_t max, const char *also)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '-' || s.p[i] == ' ')
			continue;
		if (n == max || (!isdigit((unsigned char)s.p[i]) && !strchr(also, s.p[i])))
			return 0;
		out[n++] = s.p[i];
	}
	return n;
}

static bool is_isbn(struct str s, size_t want)
{
	char d[20];
	size_t n = digits_of(s, d, sizeof(d), "Xx");
	unsigned sum = 0;

	if ((n != 10 && n != 13) || (want && n != want))
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned v = isdigit((unsigned char)d[i]) ? (unsigned)(d[i] - '0') : 10;

		if (v == 10 && (n != 10 || i != 9))
			return false;
		sum += n == 10 ? v * (unsigned)(10 - i) : v * (i % 2 ? 3 : 1);
	}
	return sum % (n == 10 ? 11 : 10) == 0;
}

static bool is_creditcard(struct str s)
{
	char d[20];
	size_t n = digits_of(s, d, sizeof(d), "");
	unsigned sum = 0;

	if (n < 13 || n > 19)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned v = (unsigned)(d[n - 1 - i] - '0') * (i % 2 ? 2 : 1);

		sum += v > 9 ? v - 9 : v;
	}
	return sum % 10 == 0;
}

bool crd_format_check(enum crd_format f, struct str s)
{
	struct buf tmp = BUF_INIT;
	int64_t t;
	bool ok;

	switch (f) {
	case CRD_F_NONE:
	case CRD_F_INT32:
	case CRD_F_INT64:
	case CRD_F_MAX:
		return true;
	case CRD_F_DATETIME:
		return time_parse(s, &t) == 0;
	case CRD_F_DATE:
		return is_date(s);
	case CRD_F_DURATION:
		return is_duration(s);
	case CRD_F_IPV4:
		return is_ip_text(s, AF_INET);
	case CRD_F_IPV6:
		return is_ip_text(s, AF_INET6);
	case CRD_F_CIDR:
		return is_cidr(s);
	case CRD_F_MAC:
		return is_mac(s);
	case CRD_F_UUID:
		return is_uuid(s, 0);
	case CRD_F_UUID3:
		return is_uuid(s, '3');
	case CRD_F_UUID4:
		return is_uuid(s, '4');
	case CRD_F_UUID5:
		return is_uuid(s, '5');
	case CRD_F_BYTE:
		ok = base64_decode(s, &tmp) >= 0;
		buf_done(&tmp);
		return ok;
	case CRD_F_EMAIL:
		return is_email(s);
	case CRD_F_HOSTNAME:
		return is_hostname(s);
	case CRD_F_URI:
		return is_uri(s);
	case CRD_F_HEXCOLOR:
		return is_color(s, true);
	case CRD_F_RGBCOLOR:
		return is_color(s, false);
	case CRD_F_BSONID:
		return like(s, "xxxxxxxxxxxxxxxxxxxxxxxx");
	case CRD_F_SSN:
		return like(s, "999-99-9999") || like(s, "999 99 9999") || like(s, "999999999");
	case CRD_F_ISBN:
		return is_isbn(s, 0);
	case CRD_F_ISBN10:
		return is_isbn(s, 10);
	case CRD_F_ISBN13:
		return is_isbn(s, 13);
	case CRD_F_CREDITCARD:
		return is_creditcard(s);
	case CRD_F_SHORT_NAME:
		return !name_check_dns_label(s);
	case CRD_F_LONG_NAME:
		return !name_check_dns_subdomain(s);
	}
	return true;
}
