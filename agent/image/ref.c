/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/image/image.h"
#include "lib/base/buf.h"

static int invalid(const char *text, const char *why, struct err *err)
{
	return err_sys(err, EINVAL, "couldn't parse image reference \"%s\": %s", text, why);
}

/* [a-z0-9]+ joined by single '.', one or two '_', or any number of '-'. */
static bool path_component_ok(struct str s)
{
	size_t i = 0;

	while (i < s.len) {
		size_t from = i;

		while (i < s.len &&
		       ((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9')))
			i++;
		if (i == from)
			return false;
		if (i == s.len)
			return true;
		if (s.p[i] == '.') {
			i++;
		} else if (s.p[i] == '_') {
			i++;
			if (i < s.len && s.p[i] == '_')
				i++;
		} else if (s.p[i] == '-') {
			while (i < s.len && s.p[i] == '-')
				i++;
		} else {
			return false;
		}
	}
	return false;
}

static bool repository_ok(struct str s)
{
	struct str part;

	while (str_split(&s, '/', &part))
		if (!path_component_ok(part))
			return false;
	return true;
}

static bool tag_ok(struct str s)
{
	if (!s.len || s.len > 128 || s.p[0] == '.' || s.p[0] == '-')
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '.' || c == '-'))
			return false;
	}
	return true;
}

static bool digest_ok(struct str s)
{
	if (!str_starts(s, STR("sha256:")) || s.len != 7 + 64)
		return false;
	for (size_t i = 7; i < s.len; i++)
		if (!strchr("0123456789abcdef", s.p[i]) || !s.p[i])
			return false;
	return true;
}

/* A first component is a registry when it has a dot or a port, or is localhost. */
static bool is_registry(struct str s)
{
	return str_chr(s, '.') >= 0 || str_chr(s, ':') >= 0 || str_eqs(s, "localhost");
}

static bool registry_ok(struct str s)
{
	ssize_t colon = str_rchr(s, ':');

	/* host, host:port or [address]:port */
	if (colon >= 0 && s.p[0] != '[') {
		struct str port = str_skip(s, (size_t)colon + 1);
		uint64_t n;

		if (str_chr(s, ':') != colon || str_to_u64(port, &n) < 0 || n > 65535)
			return false;
	}
	if (!s.len || s.p[0] == '.' || s.p[0] == '-' || s.p[0] == ':')
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '.' || c == '-' || c == ':' || c == '[' || c == ']'))
			return false;
	}
	return true;
}

int image_ref_parse(const char *text, struct image_ref *ret, struct err *err)
{
	struct image_ref r = {0};
	struct str s = str_of(text), registry = STR("docker.io");
	ssize_t at = str_chr(s, '@'), colon, slash;
	bool official;

	if (at >= 0) {
		struct str digest = str_skip(s, (size_t)at + 1);

		if (!digest_ok(digest))
			return invalid(text, "the digest must be sha256: and 64 hexadecimal digits",
				       err);
		str_copy(r.digest, sizeof(r.digest), digest);
		s.len = (size_t)at;
	}
	colon = str_rchr(s, ':');
	slash = str_rchr(s, '/');
	if (colon > slash) {
		struct str tag = str_skip(s, (size_t)colon + 1);

		if (!tag_ok(tag))
			return invalid(text, "invalid tag format", err);
		str_copy(r.tag, sizeof(r.tag), tag);
		s.len = (size_t)colon;
	}
	slash = str_chr(s, '/');
	if (slash >= 0 && is_registry(str_n(s.p, (size_t)slash))) {
		registry = str_n(s.p, (size_t)slash);
		s = str_skip(s, (size_t)slash + 1);
	}
	if (str_eqs(registry, "index.docker.io"))
		registry = STR("docker.io");
	official = str_eqs(registry, "docker.io") && str_chr(s, '/') < 0;
	if (!registry_ok(registry) || !s.len || !repository_ok(s) ||
	    s.len + (official ? strlen("library/") : 0) > 240)
		return invalid(text, "invalid reference format", err);
	if (str_copy(r.registry, sizeof(r.registry), registry) < 0)
		return invalid(text, "the registry's name is too long", err);
	if (official)
		snprintf(r.repository, sizeof(r.repository), "library/%.*s", STR_ARG(s));
	else
		str_copy(r.repository, sizeof(r.repository), s);
	if (!r.tag[0] && !r.digest[0])
		str_copy(r.tag, sizeof(r.tag), STR("latest"));
	*ret = r;
	return 0;
}

void image_ref_format(const struct image_ref *ref, char ret[IMAGE_REF_MAX])
{
	snprintf(ret, IMAGE_REF_MAX, "%s/%s%s%s%s%s", ref->registry, ref->repository,
		 ref->tag[0] ? ":" : "", ref->tag, ref->digest[0] ? "@" : "", ref->digest);
}
