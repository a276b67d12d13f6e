/* SPDX-License-Identifier: Apache-2.0 */
#include "master/auth/user.h"

struct user *user_new(struct str name)
{
	struct user *u = NEW(struct user);

	u->refs = 1;
	u->name = xstrndup(name.p ? name.p : "", name.len);
	return u;
}

bool user_in_group(const struct user *u, const char *group)
{
	for (size_t i = 0; i < u->n_groups; i++)
		if (!strcmp(u->groups[i], group))
			return true;
	return false;
}

void user_add_group(struct user *u, struct str group)
{
	for (size_t i = 0; i < u->n_groups; i++)
		if (str_eqs(group, u->groups[i]))
			return;
	*ARRAY_PUSH(u->groups, u->n_groups, u->cap_groups) = str_dup(group);
}

void user_add_extra(struct user *u, const char *key, struct str value)
{
	*ARRAY_PUSH(u->extra, u->n_extra, u->cap_extra) =
		(struct user_extra){xstrdup(key), str_dup(value)};
}

void user_set_uid(struct user *u, struct str uid)
{
	free(u->uid);
	u->uid = str_dup(uid);
}

struct user *user_ref(struct user *u)
{
	u->refs++;
	return u;
}

struct user *user_unref(struct user *u)
{
	if (!u || --u->refs)
		return NULL;
	for (size_t i = 0; i < u->n_groups; i++)
		free(u->groups[i]);
	for (size_t i = 0; i < u->n_extra; i++) {
		free(u->extra[i].key);
		free(u->extra[i].value);
	}
	free(u->groups);
	free(u->extra);
	free(u->name);
	free(u->uid);
	free(u);
	return NULL;
}

struct str user_node_name(const struct user *u)
{
	struct str name = str_of(u->name), prefix = STR(USER_NODE_PREFIX);

	if (!str_starts(name, prefix) || name.len == prefix.len || !user_in_group(u, GROUP_NODES))
		return STR_NULL;
	return str_skip(name, prefix.len);
}
