/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/names.h"
#include "lib/base/buf.h"

#define LABEL_MSG                                                                                  \
	"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "   \
	"and "                                                                                     \
	"must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex " \
	"used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define LABEL_1035_MSG                                                                            \
	"a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with " \
	"an "                                                                                     \
	"alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "      \
	"'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
#define SUBDOMAIN_MSG                                                                             \
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' " \
	"or '.', and must start and end with an alphanumeric character (e.g. 'example.com', "     \
	"regex "                                                                                  \
	"used for validation is "                                                                 \
	"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define QUALIFIED_MSG                                                                            \
	"must consist of alphanumeric characters, '-', '_' or '.', and must start and end with " \
	"an "                                                                                    \
	"alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "   \
	"validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define VALUE_MSG                                                                                \
	"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' " \
	"or "                                                                                    \
	"'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "       \
	"'my_value',  or '12345', regex used for validation is "                                 \
	"'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
#define CONFIG_KEY_MSG                                                                       \
	"a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. " \
	"'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "          \
	"'[-._a-zA-Z0-9]+')"
#define ENV_MSG                                                                                    \
	"a valid environment variable name must consist only of printable ASCII characters other " \
	"than '='"
#define C_IDENT_MSG                                                                                \
	"a valid C identifier must start with alphabetic character or '_', followed by a string "  \
	"of "                                                                                      \
	"alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used " \
	"for validation is '[A-Za-z_][A-Za-z0-9_]*')"

#define RELAXED_MSG                                                                                \
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', " \
	"'-' or '.', and must start and end with an alphanumeric character (e.g. "                 \
	"'example.com', regex used for validation is "                                             \
	"'_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')"
#define HEADER_MSG                                                                  \
	"a valid HTTP header must consist of alphanumeric characters or '-' (e.g. " \
	"'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"

static bool lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool alnum(char c)
{
	return lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

static bool is_dns_label(struct str s)
{
	if (!s.len || !lower_alnum(s.p[0]) || !lower_alnum(s.p[s.len - 1]))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!lower_alnum(s.p[i]) && s.p[i] != '-')
			return false;
	return true;
}

static bool is_dns_subdomain(struct str s)
{
	struct str part;

	while (str_split(&s, '.', &part))
		if (!is_dns_label(part))
			return false;
	return true;
}

static bool is_qualified_part(struct str s)
{
	if (!s.len || !alnum(s.p[0]) || !alnum(s.p[s.len - 1]))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' && s.p[i] != '.')
			return false;
	return true;
}

static bool is_relaxed_label(struct str s)
{
	if (s.len && s.p[0] == '_')
		s = str_skip(s, 1);
	if (!s.len || !lower_alnum(s.p[0]) || !lower_alnum(s.p[s.len - 1]))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!lower_alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_')
			return false;
	return true;
}

static void add(struct name_errors *e, const char *sentence)
{
	if (e->n < ARRAY_SIZE(e->v))
		e->v[e->n++] = sentence;
}

static void dns_label(struct str s, struct name_errors *e)
{
	if (s.len > 63)
		add(e, "must be no more than 63 characters");
	if (!is_dns_label(s))
		add(e, is_dns_subdomain(s) ? "must not contain dots" : LABEL_MSG);
}

static void dns_label_1035(struct str s, struct name_errors *e)
{
	if (s.len > 63)
		add(e, "must be no more than 63 characters");
	if (!is_dns_label(s) || (s.p[0] >= '0' && s.p[0] <= '9'))
		add(e, LABEL_1035_MSG);
}

static void subdomain(struct str s, struct name_errors *e)
{
	if (s.len > 253)
		add(e, "must be no more than 253 characters");
	if (!is_dns_subdomain(s))
		add(e, SUBDOMAIN_MSG);
}

static void subdomain_relaxed(struct str s, struct name_errors *e)
{
	struct str rest = s, part;

	if (s.len > 253)
		add(e, "must be no more than 253 characters");
	while (str_split(&rest, '.', &part)) {
		if (is_relaxed_label(part))
			continue;
		add(e, RELAXED_MSG);
		return;
	}
}

static void path_segment(struct str s, struct name_errors *e)
{
	if (str_eqs(s, "."))
		add(e, "may not be '.'");
	else if (str_eqs(s, ".."))
		add(e, "may not be '..'");
	if (s.len && memchr(s.p, '/', s.len))
		add(e, "may not contain '/'");
	if (s.len && memchr(s.p, '%', s.len))
		add(e, "may not contain '%'");
}

static void qualified_prefix(struct str prefix, struct name_errors *e)
{
	if (!prefix.len) {
		add(e, "prefix part must be non-empty");
		return;
	}
	if (prefix.len > 253)
		add(e, "prefix part must be no more than 253 bytes");
	if (!is_dns_subdomain(prefix))
		add(e, "prefix part " SUBDOMAIN_MSG);
}

static void qualified(struct str s, struct name_errors *e)
{
	ssize_t slash = str_chr(s, '/');

	if (slash >= 0) {
		struct str prefix = str_n(s.p, (size_t)slash);

		s = str_skip(s, (size_t)slash + 1);
		if (s.len && memchr(s.p, '/', s.len)) {
			add(e, "a valid label key " QUALIFIED_MSG
			       " with an optional DNS subdomain prefix and '/' (e.g. "
			       "'example.com/MyName')");
			return;
		}
		qualified_prefix(prefix, e);
	}
	if (!s.len)
		add(e, "name part must be non-empty");
	else if (s.len > 63)
		add(e, "name part must be no more than 63 bytes");
	if (!is_qualified_part(s))
		add(e, "name part " QUALIFIED_MSG);
}

static void label_value(struct str s, struct name_errors *e)
{
	if (s.len > 63)
		add(e, "must be no more than 63 bytes");
	if (s.len && !is_qualified_part(s))
		add(e, VALUE_MSG);
}

static void port_name(struct str s, struct name_errors *e)
{
	bool letter = false, charset = s.len > 0, twice = false;

	for (size_t i = 0; i < s.len; i++) {
		charset &= lower_alnum(s.p[i]) || s.p[i] == '-';
		letter |= s.p[i] >= 'a' && s.p[i] <= 'z';
		twice |= i && s.p[i] == '-' && s.p[i - 1] == '-';
	}
	if (s.len > 15)
		add(e, "must be no more than 15 characters");
	if (!charset)
		add(e, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
	if (!letter)
		add(e, "must contain at least one letter (a-z)");
	if (twice)
		add(e, "must not contain consecutive hyphens");
	if (s.len && (s.p[0] == '-' || s.p[s.len - 1] == '-'))
		add(e, "must not begin or end with a hyphen");
}

static void config_key(struct str s, struct name_errors *e)
{
	bool charset = s.len > 0;

	for (size_t i = 0; i < s.len; i++)
		charset &= alnum(s.p[i]) || s.p[i] == '-' || s.p[i] == '_' || s.p[i] == '.';
	if (s.len > 253)
		add(e, "must be no more than 253 characters");
	if (!charset)
		add(e, CONFIG_KEY_MSG);
	if (str_eqs(s, "."))
		add(e, "must not be '.'");
	else if (str_eqs(s, ".."))
		add(e, "must not be '..'");
	else if (str_starts(s, STR("..")))
		add(e, "must not start with '..'");
}

static void env(struct str s, struct name_errors *e)
{
	if (!s.len)
		add(e, "environment variable name must be non-empty");
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e || s.p[i] == '=') {
			add(e, ENV_MSG);
			return;
		}
}

static void c_identifier(struct str s, struct name_errors *e)
{
	bool good = s.len && (s.p[0] < '0' || s.p[0] > '9');

	for (size_t i = 0; i < s.len; i++)
		good &= alnum(s.p[i]) || s.p[i] == '_';
	if (!good)
		add(e, C_IDENT_MSG);
}

static void http_header(struct str s, struct name_errors *e)
{
	bool good = s.len > 0;

	for (size_t i = 0; i < s.len; i++)
		good &= alnum(s.p[i]) || s.p[i] == '-';
	if (!good)
		add(e, HEADER_MSG);
}

static void (*const rules[NAME_RULE_MAX])(struct str, struct name_errors *) = {
	[NAME_DNS_LABEL] = dns_label,       [NAME_DNS_LABEL_1035] = dns_label_1035,
	[NAME_SUBDOMAIN] = subdomain,       [NAME_SUBDOMAIN_RELAXED] = subdomain_relaxed,
	[NAME_PATH_SEGMENT] = path_segment, [NAME_QUALIFIED] = qualified,
	[NAME_LABEL_VALUE] = label_value,   [NAME_PORT] = port_name,
	[NAME_CONFIG_KEY] = config_key,     [NAME_ENV] = env,
	[NAME_C_IDENTIFIER] = c_identifier, [NAME_HTTP_HEADER] = http_header,
};

void name_errors(enum name_rule rule, struct str s, struct name_errors *ret)
{
	ret->n = 0;
	rules[rule](s, ret);
}

static const char *first(enum name_rule rule, struct str s)
{
	struct name_errors e;

	name_errors(rule, s, &e);
	return e.n ? e.v[0] : NULL;
}

const char *name_check_dns_label(struct str s)
{
	return first(NAME_DNS_LABEL, s);
}

const char *name_check_dns_label_1035(struct str s)
{
	return first(NAME_DNS_LABEL_1035, s);
}

const char *name_check_dns_subdomain(struct str s)
{
	return first(NAME_SUBDOMAIN, s);
}

const char *name_check_path_segment(struct str s)
{
	return first(NAME_PATH_SEGMENT, s);
}

const char *name_check_qualified(struct str s)
{
	return first(NAME_QUALIFIED, s);
}

const char *name_check_label_value(struct str s)
{
	return first(NAME_LABEL_VALUE, s);
}

const char *name_check_port_name(struct str s)
{
	return first(NAME_PORT, s);
}

const char *name_check_config_key(struct str s)
{
	return first(NAME_CONFIG_KEY, s);
}

const char *name_check_env(struct str s)
{
	return first(NAME_ENV, s);
}

const char *name_check_c_identifier(struct str s)
{
	return first(NAME_C_IDENTIFIER, s);
}
