/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/impersonate.h"

#define EXTRA_PREFIX "impersonate-extra-"

static void add_implied_groups(struct user *u)
{
	struct str name = str_of(u->name), rest, ns;

	if (str_eqs(name, USER_ANONYMOUS)) {
		user_add_group(u, STR(GROUP_UNAUTHENTICATED));
		return;
	}
	if (!u->n_groups && str_starts(name, STR(USER_SERVICE_ACCOUNT_PREFIX))) {
		rest = str_skip(name, strlen(USER_SERVICE_ACCOUNT_PREFIX));
		if (str_split(&rest, ':', &ns)) {
			CLEANUP_FREE char *group =
				xasprintf(GROUP_SERVICE_ACCOUNTS ":%.*s", STR_ARG(ns));

			user_add_group(u, STR(GROUP_SERVICE_ACCOUNTS));
			user_add_group(u, str_of(group));
		}
	}
	user_add_group(u, STR(GROUP_AUTHENTICATED));
}

struct user *impersonate_wanted(struct http_req *req, bool *ret_bad)
{
	struct str name = http_req_header(req, "impersonate-user");
	struct user *u = name.len ? user_new(name) : NULL;
	struct http_header h;
	bool others = false;

	for (size_t i = 0; http_req_header_at(req, i, &h); i++) {
		if (!str_starts(h.name, STR("impersonate-")))
			continue;
		others |= !str_eqs(h.name, "impersonate-user");
		if (!u)
			continue;
		if (str_eqs(h.name, "impersonate-group")) {
			user_add_group(u, h.value);
		} else if (str_eqs(h.name, "impersonate-uid")) {
			user_set_uid(u, h.value);
		} else if (str_starts(h.name, STR(EXTRA_PREFIX))) {
			CLEANUP_FREE char *key = str_dup(str_skip(h.name, strlen(EXTRA_PREFIX)));

			user_add_extra(u, key, h.value);
		}
	}
	*ret_bad = !u && others;
	if (u)
		add_implied_groups(u);
	return u;
}

/* A key is that of an extra field: a sub-resource of userextras. */
static int check(struct apiserver *s, const struct user *real, const char *resource,
		 const char *key, const char *name, struct err *err)
{
	bool of_authn = !strcmp(resource, "uids") || !strcmp(resource, "userextras");
	struct authz_attrs a = {.verb = "impersonate",
				.is_resource = true,
				.group = of_authn ? STR("authentication.k8s.io") : STR(""),
				.resource = str_of(resource),
				.subresource = str_of(key),
				.name = str_of(name)};
	CLEANUP(buf_done) struct buf text = BUF_INIT;

	if (authz_allow(&s->facts, real, &a, NULL))
		return 0;
	authz_message(real, &a, NULL, &text);
	err_set(err, EACCES, "Forbidden", "%s \"%s\" is forbidden: %s", resource, name, text.p);
	if (err)
		err->http_code = 403;
	return -EACCES;
}

int impersonate_check(struct apiserver *s, const struct user *real, const struct user *want,
		      struct err *err)
{
	bool sa = str_starts(str_of(want->name), STR(USER_SERVICE_ACCOUNT_PREFIX));
	int r = check(s, real, sa ? "serviceaccounts" : "users", "", want->name, err);

	for (size_t i = 0; r == 0 && i < want->n_groups; i++)
		r = check(s, real, "groups", "", want->groups[i], err);
	if (r == 0 && want->uid)
		r = check(s, real, "uids", "", want->uid, err);
	for (size_t i = 0; r == 0 && i < want->n_extra; i++)
		r = check(s, real, "userextras", want->extra[i].key, want->extra[i].value, err);
	return r;
}
