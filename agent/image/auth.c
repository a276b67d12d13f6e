/* SPDX-License-Identifier: Apache-2.0 */
/* .dockerconfigjson and .dockercfg, matched as Kubernetes' credentialprovider does. */
#include "agent/image/image.h"

#include "lib/base/buf.h"
#include "lib/base/codec.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"

#include <fnmatch.h>

/* "https://index.docker.io/v1/" -> host "index.docker.io", path "" (versions are no paths). */
static void split_key(struct str key, struct str *ret_host, struct str *ret_path)
{
	ssize_t slash;
	if (str_starts(key, STR("https://")))
		key = str_skip(key, 8);
	else if (str_starts(key, STR("http://")))
		key = str_skip(key, 7);
	slash = str_chr(key, '/');
	*ret_host = slash < 0 ? key : str_n(key.p, (size_t)slash);
	*ret_path = slash < 0 ? STR("") : str_skip(key, (size_t)slash + 1);
	while (ret_path->len && ret_path->p[ret_path->len - 1] == '/')
		ret_path->len--;
	if (str_eq(*ret_path, STR("v1")) || str_eq(*ret_path, STR("v2")))
		*ret_path = STR("");
}

/* Globs stand for one part of a host name each: "*.example.com" is not a.b.example.com. */
static bool host_matches(struct str pattern, const char *host)
{
	struct str a = pattern, b = str_of(host), pa, pb;
	if (str_eqs(pattern, host))
		return true;
	if (strcmp(host, "docker.io") == 0 && (str_eq(pattern, STR("index.docker.io")) ||
					       str_eq(pattern, STR("registry-1.docker.io"))))
		return true;
	for (;;) {
		bool more_a = str_split(&a, '.', &pa), more_b = str_split(&b, '.', &pb);
		if (!more_a || !more_b)
			return more_a == more_b;
		CLEANUP_FREE char *glob = str_dup(pa);
		CLEANUP_FREE char *part = str_dup(pb);
		if (fnmatch(glob, part, 0) != 0)
			return false;
	}
}

static bool path_matches(struct str path, const char *repository)
{
	struct str repo = str_of(repository);
	return path.len == 0 ||
	       (str_starts(repo, path) && (repo.len == path.len || repo.p[path.len] == '/'));
}

/* Position in scratch of a NUL-terminated copy. */
static size_t keep(struct buf *scratch, struct str s)
{
	size_t at = scratch->len;
	buf_addstr(scratch, s);
	buf_addc(scratch, 0);
	return at;
}

static int take_entry(struct jv v, struct image_auth *ret, struct buf *scratch)
{
	CLEANUP(buf_done) struct buf plain = BUF_INIT, tmp = BUF_INIT;
	struct str user = jv_str(jv_get(v, "username"), &tmp), pass, auth, part;
	CLEANUP_FREE char *u = str_dup(user);
	CLEANUP_FREE char *p = jv_strdup(jv_get(v, "password"));
	size_t at[4];

	auth = jv_text(jv_get(v, "auth"));
	if (auth.len > 0) {
		if (base64_decode(auth, &plain) < 0)
			return -EINVAL;
		pass = buf_str(&plain);
		str_split(&pass, ':', &part);
		free(u);
		free(p);
		u = str_dup(part);
		p = str_dup(str_is_null(pass) ? STR("") : pass);
	}
	at[0] = keep(scratch, str_of(u));
	at[1] = keep(scratch, str_of(p));
	at[2] = keep(scratch, jv_text(jv_get(v, "identitytoken")));
	at[3] = keep(scratch, jv_text(jv_get(v, "registrytoken")));
	*ret = (struct image_auth){scratch->p + at[0], scratch->p + at[1], scratch->p + at[2],
				   scratch->p + at[3]};
	return 0;
}

int image_auth_from_docker_config(struct str json, const struct image_ref *ref,
				  struct image_auth *ret, struct buf *scratch)
{
	struct jv root, best = JV_NONE;
	size_t best_len = 0;

	if (json_scan(json, NULL, NULL) < 0)
		return -EINVAL;
	root = jv_of(json);
	if (jv_exists(jv_get(root, "auths")))
		root = jv_get(root, "auths"); /* else .dockercfg: the entries themselves */
	jv_for_each_member (it, root) {
		struct str host, path;
		split_key(it.key, &host, &path);
		if (!host_matches(host, ref->registry) || !path_matches(path, ref->repository))
			continue;
		if (!jv_exists(best) || path.len > best_len) {
			best = it.value;
			best_len = path.len;
		}
	}
	if (!jv_exists(best))
		return -ENOENT;
	return take_entry(best, ret, scratch);
}
