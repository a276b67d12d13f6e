/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/impersonate.h"
#include "lib/base/codec.h"

#define EXTRA_PREFIX "impersonate-extra-"

/* "system:serviceaccount:NS:NAME" */
static bool split_account(const struct user *u, struct str *ns, struct str *name)
{
	struct str rest = str_of(u->name);

	if (!str_starts(rest, STR(USER_SERVICE_ACCOUNT_PREFIX)))
		return false;
	rest = str_skip(rest, strlen(USER_SERVICE_ACCOUNT_PREFIX));
	if (!str_split(&rest, ':', ns) || str_is_null(rest) || str_chr(rest, ':') >= 0)
		return false;
	*name = rest;
	return ns->len && name->len;
}

static void add_implied_groups(struct user *u)
{
	struct str ns, name;

	if (!strcmp(u->name, USER_ANONYMOUS)) {
		user_add_group(u, STR(GROUP_UNAUTHENTICATED));
		return;
	}
	if (!u->n_groups && split_account(u, &ns, &name)) {
		CLEANUP_FREE char *group = xasprintf(GROUP_SERVICE_ACCOUNTS ":%.*s", STR_ARG(ns));

		user_add_group(u, STR(GROUP_SERVICE_ACCOUNTS));
		user_add_group(u, str_of(group));
	}
	if (!user_in_group(u, GROUP_UNAUTHENTICATED))
		user_add_group(u, STR(GROUP_AUTHENTICATED));
}

char *impersonate_extra_key(struct str name)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;

	return percent_decode(name, &key) < 0 ? str_dup(name) : buf_take(&key);
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
			CLEANUP_FREE char *key =
				impersonate_extra_key(str_skip(h.name, strlen(EXTRA_PREFIX)));

			user_add_extra(u, key, h.value);
		}
	}
	*ret_bad = !u && others;
	return u;
}

/* A key is that of an extra field: a sub-resource of userextras. */
static int check(struct apiserver *s, const struct user *real, const char *resource, struct str ns,
		 const char *key, struct str name, struct err *err)
{
	bool of_authn = !strcmp(resource, "uids") || !strcmp(resource, "userextras");
	struct authz_attrs a = {.verb = "impersonate",
				.is_resource = true,
				.group = of_authn ? STR("authentication.k8s.io") : STR(""),
				.resource = str_of(resource),
				.subresource = str_of(key),
				.ns = ns,
				.name = name};
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	enum authz_decision d = authz_decide(&s->facts, real, &a, NULL);

	if (d == AUTHZ_ALLOW || d == AUTHZ_ASK)
		return d == AUTHZ_ALLOW ? 0 : -EINPROGRESS;
	authz_message(real, &a, NULL, &text);
	err_set(err, EACCES, "Forbidden", "%s%s \"%.*s\" is forbidden: %s", resource,
		of_authn ? ".authentication.k8s.io" : "", STR_ARG(name), text.p);
	if (err)
		err->http_code = 403;
	return -EACCES;
}

int impersonate_check(struct apiserver *s, const struct user *real, struct user *want,
		      struct err *err)
{
	struct str ns, name;
	int r = split_account(want, &ns, &name)
			? check(s, real, "serviceaccounts", ns, "", name, err)
			: check(s, real, "users", STR(""), "", str_of(want->name), err);

	for (size_t i = 0; r == 0 && i < want->n_groups; i++)
		r = check(s, real, "groups", STR(""), "", str_of(want->groups[i]), err);
	if (r == 0 && want->uid)
		r = check(s, real, "uids", STR(""), "", str_of(want->uid), err);
	for (size_t i = 0; r == 0 && i < want->n_extra; i++)
		r = check(s, real, "userextras", STR(""), want->extra[i].key,
			  str_of(want->extra[i].value), err);
	if (r == 0)
		add_implied_groups(want);
	return r;
}
