/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NET_NETNS_H
#define KNARR_NET_NETNS_H
#include "lib/base/err.h"
/*
 * Work in another network namespace and come back. The caller has one thread (or means this one
 * only). Sockets stay in the namespace they were made in, so few steps need to be taken there.
 */
/* Descriptor of the current namespace, or a negative errno. */
int netns_current(void);
/* Enter; *ret_back is what netns_leave wants. */
int netns_enter(int netns_fd, int *ret_back);
/* Go back and close `back`. Aborts if that fails: going on in the wrong namespace is worse. */
void netns_leave(int back);
/* Are both the same namespace? */
bool netns_same(int a, int b);
/* SO_NETNS_COOKIE of the current namespace. */
int netns_cookie(uint64_t *ret);
/* Write to /proc/sys (of the current namespace): "net/ipv4/ip_forward", "1". */
int sysctl_write(const char *name, const char *value);
/* A link's "net/ipv6/conf/LINK/NAME". */
int link_sysctl6(const char *link, const char *name, const char *value);
#endif
