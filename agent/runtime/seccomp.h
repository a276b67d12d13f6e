/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_SECCOMP_H
#define KNARR_SECCOMP_H
#include "lib/base/buf.h"
#include "lib/base/err.h"

#include <seccomp.h>
/*
 * Seccomp filters as the bytes the kernel takes. Making one costs milliseconds, so seccomp.c keeps
 * each in a file (seccomp_filter_file in internal.h).
 */
/* Rules of the RuntimeDefault profile for a container with these capabilities. */
int seccomp_fill_default(scmp_filter_ctx ctx, uint64_t caps);
/* Allow calls younger than libseccomp, by number: before a second architecture is added, for which
 * it could not translate them. */
int seccomp_add_numbers(scmp_filter_ctx ctx);
/* One rule for each of the names (blank between them); unknown names are left out. */
int seccomp_add_names(scmp_filter_ctx ctx, uint32_t action, const char *names);
/* A filter from a JSON profile as Docker, containerd and the OCI runtime specification have it. */
int seccomp_from_json(struct str json, scmp_filter_ctx *ret, struct err *err);
/* The default profile's filter. */
int seccomp_default(uint64_t caps, scmp_filter_ctx *ret, struct err *err);
/* struct sock_filter[] of it. */
int seccomp_bytes(scmp_filter_ctx ctx, struct buf *out, struct err *err);
#endif
