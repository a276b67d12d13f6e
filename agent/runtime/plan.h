/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_PLAN_H
#define KNARR_PLAN_H
#include "agent/runtime/pod/proto.h"
#include "lib/base/buf.h"
/*
 * Builds plans (pod/proto.h): operations in order, strings, argv, environment, and the descriptors
 * that go along. Pure: nothing is opened here.
 *
 *	struct plan p;
 *	plan_init(&p);
 *	plan_op(&p, PLAN_CHDIR)->s1 = plan_string(&p, "/app");	// one statement, see plan_op
 *	plan_argv(&p, argv);
 *	plan_write(&p, &bytes);
 *	plan_done(&p);
 */
struct plan {
	struct plan_op *ops;
	size_t n_ops, cap_ops;
	struct buf strings;
	uint32_t *argv, *env; /* string references */
	size_t n_argv, cap_argv, n_env, cap_env;
	uint64_t clone_flags;
	int fds[POD_FDS_MAX]; /* owned */
	size_t n_fds;
};

void plan_init(struct plan *p);
void plan_done(struct plan *p); /* closes the descriptors */
/* A new operation, zeroed, fd -1. The pointer is good until the next one is added. */
struct plan_op *plan_op(struct plan *p, enum plan_code code);
/* Reference to a copy of s (NULL gives 0, "none"). */
uint32_t plan_string(struct plan *p, const char *s);
/* Shorthand: an operation with up to two strings and a. */
struct plan_op *plan_add(struct plan *p, enum plan_code code, const char *s1, const char *s2,
			 uint64_t a);
/* Takes fd; its index for plan_op.fd or pod_msg.fd, or -EMFILE (fd closed). */
int plan_fd(struct plan *p, int fd);
void plan_add_arg(struct plan *p, const char *s);
void plan_add_env(struct plan *p, const char *s);
/* The finished bytes; -E2BIG beyond PLAN_SIZE_MAX or PLAN_OPS_MAX. */
int plan_write(const struct plan *p, struct buf *out);

/* The whole plan as text, one operation a line: for traces and tests. plan_check has passed. */
void plan_format(const struct plan_hdr *plan, struct buf *out);
const char *plan_code_name(enum plan_code code);
/* String of a checked plan; NULL for 0. */
static inline const char *plan_text(const struct plan_hdr *plan, uint32_t off)
{
	return off ? (const char *)plan + off : NULL;
}
#endif
