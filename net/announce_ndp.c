/* SPDX-License-Identifier: Apache-2.0 */
#include "net/announce_priv.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>
#include <sys/socket.h>
#include <uv.h>

#define HOPS 255 /* less: it came from beyond the link */
#define OPTION_MAC 2 /* target link-layer address */

static const struct ip_addr all_nodes = {{0xff, 0x02, [15] = 1}};

/* Lives until its handle is closed, which may be longer than the user wants it. */
struct ndp {
	uv_poll_t poll;
	struct ndp_conf conf;
	bool closed;
	int fd; /* packets */
	int groups; /* holds the memberships */
};

/* A whole advertisement: header, message, its one option. */
struct advertisement {
	struct ip6_hdr ip;
	struct nd_neighbor_advert na;
	uint8_t option[2];
	uint8_t mac[LINK_MAC_LEN];
};
_Static_assert(sizeof(struct advertisement) == 72, "advertisement");

/* Of the message and its pseudo header (RFC 8200 section 8.1). */
static uint16_t checksum(const struct advertisement *a)
{
	const uint8_t *p = (const uint8_t *)&a->ip.ip6_src;
	size_t len = sizeof(*a) - offsetof(struct advertisement, ip.ip6_src);
	uint32_t sum = IPPROTO_ICMPV6 + sizeof(*a) - sizeof(a->ip);

	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* The group's frames go to 33:33 and its last four bytes (RFC 2464). */
static void group_mac(struct ip_addr group, uint8_t ret[LINK_MAC_LEN])
{
	ret[0] = ret[1] = 0x33;
	memcpy(ret + 2, group.b + 12, 4);
}

/* Who solicits `addr` asks this group (RFC 4291 section 2.7.1). */
static struct ip_addr group_of(struct ip_addr addr)
{
	struct ip_addr g = {{0xff, 0x02, [11] = 1, [12] = 0xff}};

	memcpy(g.b + 13, addr.b + 13, 3);
	return g;
}

static void advertise(struct ndp *n, struct ip_addr addr, struct ip_addr to, uint32_t flags,
		      const uint8_t mac[LINK_MAC_LEN])
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_IPV6),
				 .sll_ifindex = (int)n->conf.uplink,
				 .sll_halen = LINK_MAC_LEN};
	struct advertisement a = {.na.nd_na_type = ND_NEIGHBOR_ADVERT,
				  .na.nd_na_flags_reserved = flags | ND_NA_FLAG_OVERRIDE,
				  .option = {OPTION_MAC, 1}};

	a.ip.ip6_flow = htonl(6u << 28);
	a.ip.ip6_plen = htons(sizeof(a) - sizeof(a.ip));
	a.ip.ip6_nxt = IPPROTO_ICMPV6;
	a.ip.ip6_hlim = HOPS;
	memcpy(&a.ip.ip6_src, addr.b, sizeof(addr.b));
	memcpy(&a.ip.ip6_dst, to.b, sizeof(to.b));
	memcpy(&a.na.nd_na_target, addr.b, sizeof(addr.b));
	memcpy(a.mac, n->conf.mac, LINK_MAC_LEN);
	a.na.nd_na_cksum = checksum(&a);
	memcpy(ll.sll_addr, mac, LINK_MAC_LEN);
	(void)!sendto(n->fd, &a, sizeof(a), MSG_DONTWAIT, (struct sockaddr *)&ll, sizeof(ll));
}

void ndp_tell(struct ndp *n, struct ip_addr addr)
{
	uint8_t mac[LINK_MAC_LEN];

	group_mac(all_nodes, mac);
	advertise(n, addr, all_nodes, 0, mac);
}

/* Somebody asks; from no address when it wants to know whether it may have this one itself. */
static void asked(struct ndp *n, struct ip_addr target, struct ip_addr from,
		  const struct sockaddr_ll *ll)
{
	if (!n->conf.holds(n->conf.user, target))
		return;
	if (ip_is_none(from))
		ndp_tell(n, target);
	else
		advertise(n, target, from, ND_NA_FLAG_SOLICITED, ll->sll_addr);
}

static void heard(struct ndp *n, const uint8_t *p, size_t len, const struct sockaddr_ll *ll)
{
	const struct ip6_hdr *ip = (const void *)p;
	const struct nd_neighbor_solicit *m = (const void *)(p + sizeof(*ip));
	struct ip_addr target, from;

	if (len < sizeof(*ip) + sizeof(*m) || ip->ip6_nxt != IPPROTO_ICMPV6 ||
	    ip->ip6_hlim != HOPS || ll->sll_pkttype == PACKET_OUTGOING ||
	    ll->sll_halen != LINK_MAC_LEN || m->nd_ns_code != 0 ||
	    memcmp(ll->sll_addr, n->conf.mac, LINK_MAC_LEN) == 0)
		return;
	memcpy(target.b, &m->nd_ns_target, sizeof(target.b)); /* at the same place in both */
	memcpy(from.b, &ip->ip6_src, sizeof(from.b));
	if (m->nd_ns_type == ND_NEIGHBOR_SOLICIT)
		asked(n, target, from, ll);
	else if (m->nd_ns_type == ND_NEIGHBOR_ADVERT)
		n->conf.claimed(n->conf.user, target);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct ndp *n = container_of(poll, struct ndp, poll);
	struct sockaddr_ll ll;
	socklen_t ll_len = sizeof(ll);
	_Alignas(8) uint8_t p[256];
	ssize_t len;

	while (!n->closed && (len = recvfrom(n->fd, p, sizeof(p), MSG_DONTWAIT,
					     (struct sockaddr *)&ll, &ll_len)) >= 0) {
		heard(n, p, (size_t)len, &ll);
		ll_len = sizeof(ll);
	}
}

/*
 * Solicitations and advertisements whose target ends like an address of ours; offsets from the
 * IPv6 header. heard() looks at the rest.
 */
static int set_filter(int fd, const struct ip_addr *addrs, size_t n)
{
	struct sock_filter *p = xcalloc(2 * n + 16, sizeof(*p)), *at = p;
	struct sock_fprog prog = {.filter = p};
	uint32_t last;
	int r;

	*at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4); /* length, next, hops */
	*at++ = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffff);
	*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6 << 8 | HOPS,
					     1, 0);
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	*at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_B | BPF_ABS, sizeof(struct ip6_hdr));
	*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_SOLICIT, 2, 0);
	*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_NEIGHBOR_ADVERT, 1, 0);
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	*at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof(struct ip6_hdr) + 20);
	for (size_t i = 0; i < n; i++) {
		memcpy(&last, addrs[i].b + 12, sizeof(last));
		*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(last), 0, 1);
		*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
	}
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	prog.len = (unsigned short)(at - p);
	r = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0 ? -errno : 0;
	free(p);
	return r;
}

/*
 * By the kernel's IPv6, which also tells switches (MLD). Where that refuses (no IPv6 on the link,
 * too many for a socket) at least the card is told.
 */
static void join(struct ndp *n, struct ip_addr addr)
{
	struct ip_addr g = group_of(addr);
	struct ipv6_mreq m = {.ipv6mr_interface = n->conf.uplink};
	struct packet_mreq pm = {.mr_ifindex = (int)n->conf.uplink,
				 .mr_type = PACKET_MR_MULTICAST,
				 .mr_alen = LINK_MAC_LEN};

	memcpy(&m.ipv6mr_multiaddr, g.b, sizeof(g.b));
	if (n->groups >= 0 &&
	    (setsockopt(n->groups, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m, sizeof(m)) == 0 ||
	     errno == EADDRINUSE))
		return;
	group_mac(g, pm.mr_address);
	setsockopt(n->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &pm, sizeof(pm));
}

static void close_fds(struct ndp *n)
{
	if (n->fd >= 0)
		close(n->fd);
	if (n->groups >= 0)
		close(n->groups);
	free(n);
}

static void on_closed(uv_handle_t *h)
{
	close_fds(container_of((uv_poll_t *)h, struct ndp, poll));
}

int ndp_open(const struct ndp_conf *conf, const struct ip_addr *addrs, size_t n_addrs,
	     struct ndp **ret)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_IPV6),
				 .sll_ifindex = (int)conf->uplink};
	struct ndp *n = NEW(struct ndp);
	int r;

	n->conf = *conf;
	n->groups = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	n->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r = n->fd < 0 ? -errno : set_filter(n->fd, addrs, n_addrs);
	if (r == 0 && bind(n->fd, (struct sockaddr *)&ll, sizeof(ll)) < 0)
		r = -errno;
	if (r == 0)
		r = uv_poll_init(conf->loop, &n->poll, n->fd);
	if (r < 0) {
		close_fds(n);
		return r;
	}
	for (size_t i = 0; i < n_addrs; i++)
		join(n, addrs[i]);
	*ret = n;
	return uv_poll_start(&n->poll, UV_READABLE, on_readable);
}

struct ndp *ndp_close(struct ndp *n)
{
	if (!n)
		return NULL;
	n->closed = true;
	uv_poll_stop(&n->poll);
	uv_close((uv_handle_t *)&n->poll, on_closed);
	return NULL;
}
