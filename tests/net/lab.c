/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/net/lab.h"
#include "lib/sys/file.h"
#include "net/netns.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

static const char *cgroup2(void)
{
	static const char *const roots[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		CLEANUP_FREE char *p = xasprintf("%s/cgroup.procs", roots[i]);

		if (access(p, W_OK) == 0)
			return roots[i];
	}
	return NULL;
}

const char *lab_missing(void)
{
	if (geteuid() != 0)
		return "needs root";
	if (!cgroup2())
		return "needs a cgroup v2 mount";
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return "needs a kernel with BTF";
	return NULL;
}

static int new_netns(void)
{
	int fd;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = netns_current();
	assert_true(fd >= 0);
	return fd;
}

static void must_enter(int netns)
{
	assert_int_equal(setns(netns, CLONE_NEWNET), 0);
}

static void join_cgroup(const char *dir)
{
	CLEANUP_FREE char *procs = xasprintf("%s/cgroup.procs", dir);
	CLEANUP_FD int fd = open(procs, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "0", 1), 1);
}

static void loopback_up(void)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	CLEANUP_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
}

void lab_conf(const struct lab *l, struct lb_conf *lb, struct pod_net_conf *net)
{
	if (lb)
		*lb = (struct lb_conf){
			.node = LAB_NODE, .run_dir = l->dir, .cgroup_root = l->cgroup};
	if (!net)
		return;
	*net = (struct pod_net_conf){.node = LAB_NODE, .run_dir = l->dir, .uplink = ""};
	assert_int_equal(ip4_prefix_parse(STR("10.244.9.0/24"), &net->pod_range), 0);
	assert_int_equal(ip_prefix_parse(STR("fd00:244:0:9::/64"), &net->pod_range6), 0);
	assert_int_equal(ip_prefix_parse(STR("fd00:244::/56"), &net->cluster_range6), 0);
}

#define must(call)                                          \
	do {                                                \
		struct err e_ = ERR_INIT;                   \
		struct err *err = &e_;                      \
		int r_ = (call);                            \
		if (r_ < 0)                                 \
			print_error("%s\n", err_text(err)); \
		assert_true(r_ >= 0);                       \
		err_done(err);                              \
	} while (0)

void lab_open(struct lab *l)
{
	struct pod_net_conf nc;
	struct lb_conf lc;

	*l = (struct lab){.dir = "/tmp/knarr-net-XXXXXX"};
	assert_non_null(mkdtemp(l->dir));
	snprintf(l->cgroup, sizeof(l->cgroup), "%s/knarr-test-%d", cgroup2(), (int)getpid());
	assert_int_equal(mkdir(l->cgroup, 0755), 0);
	join_cgroup(l->cgroup);
	l->home = netns_current();
	l->node = new_netns();
	loopback_up();
	lab_conf(l, &lc, &nc);
	must(pod_net_open(&nc, &l->net, err));
	must(lb_open(&lc, &l->lb, err));
}

void lab_add_pods(struct lab *l, size_t n)
{
	for (; n; n--) {
		size_t i = l->n_pods++;
		CLEANUP_FREE char *id = xasprintf("pod-%zu", i);
		struct pod_net_addr a;

		l->pod[i] = new_netns();
		must_enter(l->node);
		must(pod_net_attach(l->net, str_of(id), l->pod[i], &a, err));
		l->addr[i] = a.addr;
		l->addr6[i] = a.addr6;
	}
}

static size_t count_links(void)
{
	struct if_nameindex *v = if_nameindex();
	size_t n = 0;

	while (v && v[n].if_index) {
		assert_true(strncmp(v[n].if_name, "kn", 2) != 0);
		n++;
	}
	if_freenameindex(v);
	return n;
}

void lab_close(struct lab *l)
{
	CLEANUP_FREE char *bpf = xasprintf("%s/bpf", l->dir);
	struct pod_net_conf nc;
	struct lb_conf lc;

	must_enter(l->node);
	lab_conf(l, &lc, &nc);
	for (size_t i = 0; i < l->n_pods; i++) {
		CLEANUP_FREE char *id = xasprintf("pod-%zu", i);

		must(pod_net_detach(l->net, str_of(id), err));
		close(l->pod[i]);
	}
	l->net = pod_net_close(l->net);
	l->lb = lb_close(l->lb);
	must(pod_net_reset(&nc, err));
	must(lb_reset(&lc, err));
	count_links();
	assert_int_equal(access(bpf, F_OK), -1);
	must_enter(l->home);
	close(l->node);
	close(l->home);
	join_cgroup(cgroup2());
	assert_int_equal(rmdir(l->cgroup), 0);
	assert_int_equal(rmdir(l->dir), 0);
}

void lab_served(struct lab *l, bool served)
{
	join_cgroup(served ? l->cgroup : cgroup2());
}

int lab_socket(struct lab *l, int pod, int type)
{
	int fd;

	must_enter(pod < 0 ? l->node : l->pod[pod]);
	fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	must_enter(l->node);
	assert_true(fd >= 0);
	return fd;
}

int lab_listen(struct lab *l, int pod, int type, uint16_t port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = lab_socket(l, pod, type), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 512), 0);
	return fd;
}

int lab_connect(int fd, uint32_t addr, uint16_t port)
{
	struct sockaddr_in sa = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = addr};
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int e = 0;

	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	if (poll(&p, 1, 3000) <= 0)
		return -ETIMEDOUT;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len);
	return -e;
}

int lab_ready(const int *fds, size_t n)
{
	struct pollfd p[LAB_PODS_MAX];

	for (size_t i = 0; i < n; i++)
		p[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	if (poll(p, n, 3000) <= 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (p[i].revents & POLLIN)
			return (int)i;
	return -1;
}

uint32_t lab_ip(const char *text)
{
	uint32_t a;

	assert_int_equal(ip4_parse(str_of(text), &a), 0);
	return a;
}

void lab_peer(int fd, uint32_t *ret_addr, uint16_t *ret_port)
{
	struct sockaddr_in sa = {0};
	socklen_t len = sizeof(sa);

	assert_int_equal(getpeername(fd, (struct sockaddr *)&sa, &len), 0);
	*ret_addr = sa.sin_addr.s_addr;
	*ret_port = ntohs(sa.sin_port);
}

void lab_put(struct lab *l, const char *vip, uint16_t port, uint8_t proto, uint32_t affinity_s,
	     const int *pods, size_t n, uint16_t target)
{
	struct lb_backend b[LAB_PODS_MAX];
	struct lb_front f = {
		.key = {ip_of4(vip ? lab_ip(vip) : 0), port, proto},
		.affinity_s = affinity_s,
		.backends = b,
		.n_backends = n,
		.external = !vip,
	};

	for (size_t i = 0; i < n; i++)
		b[i] = (struct lb_backend){ip_of4(l->addr[pods[i]]), target};
	must(lb_put(l->lb, &f, err));
}
