/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_TESTS_NET_LAB_H
#define KNARR_TESTS_NET_LAB_H
#include "lib/base/base.h"
#include "net/lb.h"
#include "net/pod_net.h"
/*
 * A node for tests, in one process: a new network namespace is "the node", others are pods, and
 * the process sits in a cgroup of its own, where the balancer is attached. Sockets are made in
 * whatever namespace is entered and used from anywhere, so tests need no threads.
 */
#define LAB_PODS_MAX 8
#define LAB_NODE "lab"
#define LAB_VIP "10.96.0.7"

struct lab {
	char dir[64]; /* run dir */
	char cgroup[128];
	int home, node; /* namespaces */
	struct pod_net *net;
	struct lb *lb;
	int pod[LAB_PODS_MAX]; /* namespaces */
	uint32_t addr[LAB_PODS_MAX];
	struct ip_addr addr6[LAB_PODS_MAX];
	size_t n_pods;
};

/* Not root, or no cgroup v2 or BPF: why, else NULL. */
const char *lab_missing(void);
void lab_open(struct lab *l);
void lab_add_pods(struct lab *l, size_t n);
/* Takes everything away and asserts that nothing is left. */
void lab_close(struct lab *l);
void lab_conf(const struct lab *l, struct lb_conf *lb, struct pod_net_conf *net);

/* Sockets made from now on are (not) in the balancer's reach. */
void lab_served(struct lab *l, bool served);
/* Socket made in pod `pod` (-1: on the node): SOCK_STREAM or SOCK_DGRAM, non-blocking. */
int lab_socket(struct lab *l, int pod, int type);
/* Bound (and listening) there at any address and this port. */
int lab_listen(struct lab *l, int pod, int type, uint16_t port);
/* connect with a limit of 3 s: 0 or a negative errno. */
int lab_connect(int fd, uint32_t addr, uint16_t port);
/* Which of the listeners has something to read; -1 after 3 s. */
int lab_ready(const int *fds, size_t n);
uint32_t lab_ip(const char *text);
void lab_peer(int fd, uint32_t *ret_addr, uint16_t *ret_port);
/* A front with backends at these pods. */
void lab_put(struct lab *l, const char *vip, uint16_t port, uint8_t proto, uint32_t affinity_s,
	     const int *pods, size_t n, uint16_t target);
#endif
