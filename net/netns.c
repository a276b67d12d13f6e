/* SPDX-License-Identifier: Apache-2.0 */
#include "net/netns.h"

#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

int netns_current(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int netns_enter(int netns_fd, int *ret_back)
{
	int back = netns_current();

	if (back < 0)
		return back;
	if (setns(netns_fd, CLONE_NEWNET) < 0) {
		int r = -errno;

		close(back);
		return r;
	}
	*ret_back = back;
	return 0;
}

void netns_leave(int back)
{
	if (setns(back, CLONE_NEWNET) < 0)
		abort();
	close(back);
}

bool netns_same(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

int netns_cookie(uint64_t *ret)
{
	CLEANUP_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*ret);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, ret, &len) < 0)
		return -errno;
	return 0;
}

int sysctl_write(const char *name, const char *value)
{
	CLEANUP_FREE char *path = xasprintf("/proc/sys/%s", name);
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return -errno;
	return 0;
}

int link_sysctl6(const char *link, const char *name, const char *value)
{
	CLEANUP_FREE char *path = xasprintf("net/ipv6/conf/%s/%s", link, name);

	return sysctl_write(path, value);
}
