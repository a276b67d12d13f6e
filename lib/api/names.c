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

const char *name_check_dns_label(struct str s)
{
	if (s.len > 63)
		return "must be no more than 63 characters";
	return is_dns_label(s) ? NULL : LABEL_MSG;
}

const char *name_check_dns_label_1035(struct str s)
{
	if (s.len > 63)
		return "must be no more than 63 characters";
	return is_dns_label(s) && (s.p[0] < '0' || s.p[0] > '9') ? NULL : LABEL_1035_MSG;
}

const char *name_check_dns_subdomain(struct str s)
{
	if (s.len > 253)
		return "must be no more than 253 characters";
	return is_dns_subdomain(s) ? NULL : SUBDOMAIN_MSG;
}

const char *name_check_path_segment(struct str s)
{
	if (str_eqs(s, "."))
		return "may not be '.'";
	if (str_eqs(s, ".."))
		return "may not be '..'";
	if (s.len && memchr(s.p, '/', s.len))
		return "may not contain '/'";
	if (s.len && memchr(s.p, '%', s.len))
		return "may not contain '%'";
	return NULL;
}

const char *name_check_qualified(struct str s)
{
	static _Thread_local char text[512];
	ssize_t slash = str_chr(s, '/');

	if (slash >= 0) {
		struct str prefix = str_n(s.p, (size_t)slash);

		s = str_skip(s, (size_t)slash + 1);
		if (!prefix.len)
			return "prefix part must be non-empty";
		if (s.len && memchr(s.p, '/', s.len))
			return "a qualified name " QUALIFIED_MSG
			       " with an optional DNS subdomain prefix and '/' (e.g. "
			       "'example.com/MyName')";
		if (name_check_dns_subdomain(prefix)) {
			snprintf(text, sizeof(text), "prefix part %s",
				 name_check_dns_subdomain(prefix));
			return text;
		}
	}
	if (!s.len)
		return "name part must be non-empty";
	if (s.len > 63)
		return "name part must be no more than 63 characters";
	return is_qualified_part(s) ? NULL : "name part " QUALIFIED_MSG;
}

const char *name_check_label_value(struct str s)
{
	if (s.len > 63)
		return "must be no more than 63 characters";
	return !s.len || is_qualified_part(s) ? NULL : VALUE_MSG;
}

const char *name_check_port_name(struct str s)
{
	bool letter = false;

	if (s.len > 15)
		return "must be no more than 15 characters";
	for (size_t i = 0; i < s.len; i++) {
		if (!lower_alnum(s.p[i]) && s.p[i] != '-')
			return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens "
			       "(-)";
		letter |= s.p[i] >= 'a' && s.p[i] <= 'z';
		if (s.p[i] == '-' && i + 1 < s.len && s.p[i + 1] == '-')
			return "must not contain consecutive hyphens";
	}
	if (!letter)
		return "must contain at least one letter (a-z)";
	if (s.p[0] == '-' || s.p[s.len - 1] == '-')
		return "must not begin or end with a hyphen";
	return NULL;
}

const char *name_check_config_key(struct str s)
{
	if (s.len > 253)
		return "must be no more than 253 characters";
	if (!s.len)
		return CONFIG_KEY_MSG;
	for (size_t i = 0; i < s.len; i++)
		if (!alnum(s.p[i]) && s.p[i] != '-' && s.p[i] != '_' && s.p[i] != '.')
			return CONFIG_KEY_MSG;
	if (str_eqs(s, "."))
		return "must not be '.'";
	if (str_starts(s, STR("..")))
		return s.len == 2 ? "must not be '..'" : "must not start with '..'";
	return NULL;
}

const char *name_check_env(struct str s)
{
	if (!s.len)
		return ENV_MSG;
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e || s.p[i] == '=')
			return ENV_MSG;
	return NULL;
}

const char *name_check_c_identifier(struct str s)
{
	if (!s.len || (!alnum(s.p[0]) && s.p[0] != '_') || (s.p[0] >= '0' && s.p[0] <= '9'))
		return C_IDENT_MSG;
	for (size_t i = 0; i < s.len; i++)
		if (!alnum(s.p[i]) && s.p[i] != '_')
			return C_IDENT_MSG;
	return NULL;
}
