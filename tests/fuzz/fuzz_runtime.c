/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/image/image.h"
#include "agent/runtime/plan.h"
#include "agent/runtime/user.h"
#include "tests/fuzz/fuzz.h"

/*
 * What the runtime reads and did not write itself, and plans a torn disk may hold. The first byte
 * chooses: P plan, U passwd and group with a user before the first newline, D docker credentials,
 * R image reference.
 */
static void plan(struct str in)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT;
	if (in.len == 0)
		return;
	CLEANUP_FREE char *aligned = xmemdup(in.p, in.len);
	if (plan_check((const void *)aligned, in.len, 3))
		plan_format((const void *)aligned, &out);
}

static void user(struct str in)
{
	CLEANUP_FREE struct user *u = NEW(struct user);
	struct user_query q = {.uid = -1, .gid = -1};
	struct err err = ERR_INIT;
	struct str name;
	str_split(&in, '\n', &name);
	CLEANUP_FREE char *spec = str_dup(name);
	q.spec = spec;
	if (user_resolve(&q, in, in, u, &err) == 0)
		assert(u->n_groups >= 1 && u->n_groups <= USER_GROUPS_MAX);
	err_done(&err);
}

static void credentials(struct str in)
{
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;
	struct image_auth a;
	struct image_ref ref;
	if (image_ref_parse("reg.io:5000/team/app", &ref, NULL) == 0 &&
	    image_auth_from_docker_config(in, &ref, &a, &scratch) == 0)
		assert(a.username && a.password);
}

/* What parses is written and parsed again to the same. */
static void reference(struct str in)
{
	CLEANUP_FREE char *text = str_dup(in);
	char once[IMAGE_REF_MAX], twice[IMAGE_REF_MAX];
	struct image_ref ref;
	struct err err = ERR_INIT;
	if (image_ref_parse(text, &ref, &err) == 0) {
		image_ref_format(&ref, once);
		int r = image_ref_parse(once, &ref, NULL);
		assert(r == 0);
		image_ref_format(&ref, twice);
		assert(strcmp(once, twice) == 0);
	}
	err_done(&err);
}

void fuzz_one(struct str in)
{
	if (in.len == 0)
		return;
	switch (in.p[0]) {
	case 'P':
		plan(str_skip(in, 1));
		break;
	case 'U':
		user(str_skip(in, 1));
		break;
	case 'D':
		credentials(str_skip(in, 1));
		break;
	default:
		reference(str_skip(in, 1));
	}
}
