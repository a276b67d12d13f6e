/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/runtime/user.h"

/* One line of passwd or group as up to seven fields. */
struct entry {
	struct str field[7];
	size_t n;
};

static bool next_entry(struct str *rest, struct entry *e)
{
	struct str line;
	while (str_split(rest, '\n', &line)) {
		line = str_trim(line);
		if (line.len == 0 || line.p[0] == '#')
			continue;
		e->n = 0;
		while (e->n < ARRAY_SIZE(e->field) && str_split(&line, ':', &e->field[e->n]))
			e->n++;
		if (e->n >= 3)
			return true;
	}
	return false;
}

static bool number(struct str s, uint32_t *ret)
{
	uint64_t v;
	if (str_to_u64(s, &v) < 0 || v > UINT32_MAX - 1)
		return false;
	*ret = (uint32_t)v;
	return true;
}

/* The entry of a name, or else of a number. */
static bool find(struct str text, struct str name, struct entry *ret)
{
	struct str rest = text;
	uint32_t want, have;
	while (next_entry(&rest, ret))
		if (str_eq(ret->field[0], name))
			return true;
	if (!number(name, &want))
		return false;
	rest = text;
	while (next_entry(&rest, ret))
		if (number(ret->field[2], &have) && have == want)
			return true;
	return false;
}

static void add_group(struct user *u, uint32_t gid)
{
	size_t i = 0;
	while (i < u->n_groups && u->groups[i] < gid)
		i++;
	if ((i < u->n_groups && u->groups[i] == gid) || u->n_groups == USER_GROUPS_MAX)
		return;
	memmove(&u->groups[i + 1], &u->groups[i], (u->n_groups - i) * sizeof(u->groups[0]));
	u->groups[i] = gid;
	u->n_groups++;
}

/* All groups of /etc/group that list the user by name. */
static void add_memberships(struct user *u, struct str group, struct str name)
{
	struct entry e;
	uint32_t gid;
	while (next_entry(&group, &e)) {
		struct str members = e.n > 3 ? e.field[3] : STR(""), one;
		while (str_split(&members, ',', &one))
			if (one.len && str_eq(str_trim(one), name) && number(e.field[2], &gid))
				add_group(u, gid);
	}
}

static int resolve_group(struct str name, struct str group, uint32_t *ret, struct err *err)
{
	struct entry e;
	if (find(group, name, &e) && number(e.field[2], ret))
		return 0;
	if (number(name, ret))
		return 0;
	return err_sys(err, EINVAL, "unable to find group %.*s: no matching entries in group file",
		       STR_ARG(name));
}

int user_resolve(const struct user_query *q, struct str passwd, struct str group, struct user *ret,
		 struct err *err)
{
	struct str spec = str_of(q->spec ? q->spec : ""), user, group_name = STR_NULL;
	char digits[24];
	struct entry e;
	bool known;
	int r;

	*ret = (struct user){.home = "/"};
	str_split(&spec, ':', &user);
	if (!str_is_null(spec))
		group_name = spec;
	if (q->uid >= 0) {
		snprintf(digits, sizeof(digits), "%" PRId64, q->uid);
		user = str_of(digits);
		group_name = STR_NULL; /* it belonged to the image's user */
	} else if (user.len == 0) {
		user = STR("0");
	}
	known = find(passwd, user, &e);
	if (known && !number(e.field[2], &ret->uid))
		known = false;
	if (!known && !number(user, &ret->uid))
		return err_sys(err, EINVAL,
			       "unable to find user %.*s: no matching entries in passwd file",
			       STR_ARG(user));
	if (known && e.n > 3)
		number(e.field[3], &ret->gid);
	if (known && e.n > 5 && e.field[5].len > 0)
		str_copy(ret->home, sizeof(ret->home), e.field[5]);
	if (known && !q->strict_groups && group_name.len == 0)
		add_memberships(ret, group, e.field[0]);
	if (q->gid >= 0) {
		ret->gid = (uint32_t)q->gid;
	} else if (group_name.len > 0) {
		r = resolve_group(group_name, group, &ret->gid, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < q->n_groups; i++)
		add_group(ret, q->groups[i]);
	/* As runc does: the primary group is among the supplementary ones. */
	add_group(ret, ret->gid);
	return 0;
}
