/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
#ifndef KNARR_BPF_ABI_REASON_H
#define KNARR_BPF_ABI_REASON_H
/*
 * Why a program did what it did: one row a reason, counted per CPU in the map `counters`.
 *	X(ENUM, "name in CLI and metrics", is it a drop?, "help")
 */
#define NET_REASONS(X)                                                                            \
	X(CONNECT, "service-connect", 0, "connections to a service given a backend")              \
	X(UDP_SEND, "service-udp", 0, "datagrams of unconnected sockets sent to a backend")       \
	X(AFFINITY, "affinity-hit", 0, "connections that kept their backend (ClientIP)")          \
	X(NO_ENDPOINTS, "no-endpoints", 1, "service without ready endpoints: refused")            \
	X(NO_LOCAL, "no-local-endpoints", 1, "Local policy and no endpoint on this node")         \
	X(BACKEND_BAD, "backend-slot-bad", 1, "backend slot out of range: a bug")                 \
	X(STORAGE_FULL, "socket-storage-failed", 0, "no memory to remember a service address")    \
	X(PEER, "pod-to-pod", 0, "packets handed straight to a local pod")                        \
	X(TO_STACK, "pod-to-stack", 0, "packets of pods given to the node's IP stack")            \
	X(SPOOFED, "spoofed-source", 1, "packet of a pod with an address not its own")            \
	X(NOT_IP, "not-ip", 1, "frame of a pod that is neither IPv4, IPv6 nor ARP")               \
	X(SHORT, "short-packet", 1, "truncated headers")                                          \
	X(MASQ, "masquerade", 0, "packets that left with the node's address")                     \
	X(MASQ_BACK, "masquerade-back", 0, "answers given back to pods")                          \
	X(MASQ_NO_PORT, "masquerade-no-port", 1, "no free source port")                           \
	X(MASQ_FULL, "conntrack-full", 1, "no room in the connection table")                      \
	X(NODE_PORT, "external-in", 0, "packets from outside given to a backend")                 \
	X(NODE_PORT_BACK, "external-back", 0, "answers to clients outside")                       \
	X(FRAGMENT, "fragment", 1, "later fragment of a packet to be translated")                 \
	X(TOO_BIG, "too-big-for-overlay", 1, "packet from outside larger than the overlay takes") \
	X(ICMP_ERROR, "icmp-error", 0, "ICMP errors translated for the sender they are about")    \
	X(NOT_ALLOWED, "source-not-allowed", 1, "client outside the front's source ranges")       \
	X(SOCK_KILLED, "stale-socket-closed", 0, "sockets closed because their backend is gone")  \
	X(POLICY_OUT, "policy-out", 1, "packet of a pod that its network policies don't allow")   \
	X(POLICY_IN, "policy-in", 1, "packet to a pod that its network policies don't allow")

enum net_reason {
#define X(e, name, drop, help) NET_REASON_##e,
	NET_REASONS(X)
#undef X
		NET_REASON_MAX,
};

_Static_assert(NET_REASON_MAX <= 64, "counters map has 64 slots");
#endif
