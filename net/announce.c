/* SPDX-License-Identifier: Apache-2.0 */
#include "net/announce.h"
#include "lib/base/log.h"
#include "lib/sys/file.h"
#include "net/announce_priv.h"
#include "net/link.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <uv.h>

#define FILE_NAME "announced"
#define FILE_MAX (64u << 10)

/* When an address is told of, after it was taken; the last repetitions are for lost packets. */
static const uint64_t told_ns[] = {0, 200 * NSEC_PER_MSEC, NSEC_PER_SEC, 3 * NSEC_PER_SEC};

struct held {
	struct ip_addr addr;
	bool gave_way, keep;
	unsigned told; /* times */
	uint64_t next_ns;
};

struct announce {
	struct announce_conf conf;
	struct nl_sock *rt;
	char *file;
	struct held *v;
	size_t n, cap;
	struct timer timer;
	uint8_t mac[LINK_MAC_LEN];
	struct socket_poll *sock; /* ARP; NULL while there is nothing to answer for */
	struct ndp *ndp; /* the same */
};

/* Lives until its handle is closed, which may be longer than the rest. */
struct socket_poll {
	uv_poll_t poll;
	int fd;
};

static struct held *find(const struct announce *a, struct ip_addr addr)
{
	for (size_t i = 0; i < a->n; i++)
		if (ip_eq(a->v[i].addr, addr))
			return &a->v[i];
	return NULL;
}

bool announce_holds(const struct announce *a, struct ip_addr addr)
{
	const struct held *h = find(a, addr);

	return h && !h->gave_way;
}

/* ---- packets ---- */

static uint32_t arp_addr(const uint8_t p[4])
{
	uint32_t addr;

	memcpy(&addr, p, sizeof(addr));
	return addr;
}

static void send_arp(struct announce *a, uint16_t op, uint32_t sender, uint32_t target,
		     const uint8_t target_mac[LINK_MAC_LEN], const uint8_t to[LINK_MAC_LEN])
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ARP),
				 .sll_ifindex = (int)a->conf.uplink,
				 .sll_halen = LINK_MAC_LEN};
	struct ether_arp arp = {
		.ea_hdr = {htons(ARPHRD_ETHER), htons(ETH_P_IP), LINK_MAC_LEN, 4, htons(op)}};

	memcpy(arp.arp_sha, a->mac, LINK_MAC_LEN);
	memcpy(arp.arp_spa, &sender, 4);
	memcpy(arp.arp_tha, target_mac, LINK_MAC_LEN);
	memcpy(arp.arp_tpa, &target, 4);
	memcpy(ll.sll_addr, to, LINK_MAC_LEN);
	(void)!sendto(a->sock->fd, &arp, sizeof(arp), MSG_DONTWAIT, (struct sockaddr *)&ll,
		      sizeof(ll));
}

/* ARP in both forms: some listen to requests only, some to replies only. */
static void tell(struct announce *a, struct ip_addr ip)
{
	static const uint8_t all[LINK_MAC_LEN] = {255, 255, 255, 255, 255, 255}, none[6];
	uint32_t addr = ip_to4(ip);

	if (!ip_is4(ip)) {
		if (a->ndp)
			ndp_tell(a->ndp, ip);
		return;
	}
	if (!a->sock)
		return;
	send_arp(a, ARPOP_REQUEST, addr, addr, none, all);
	send_arp(a, ARPOP_REPLY, addr, addr, all, all);
}

/* Another machine says that it has this one. */
static void claimed(void *user, struct ip_addr addr)
{
	struct announce *a = user;
	struct held *h = find(a, addr);
	char text[IP_TEXT];

	if (!h || h->gave_way)
		return;
	h->gave_way = true;
	log_notice("another machine announces %s: this one is silent about it",
		   ip_addr_format(addr, text));
	if (a->conf.lost)
		a->conf.lost(a->conf.user, addr);
}

static bool holds(void *user, struct ip_addr addr)
{
	return announce_holds(user, addr);
}

static void heard(struct announce *a, const struct ether_arp *arp)
{
	uint32_t sender = arp_addr(arp->arp_spa), target = arp_addr(arp->arp_tpa);

	if (memcmp(arp->arp_sha, a->mac, LINK_MAC_LEN) == 0)
		return;
	if (announce_holds(a, ip_of4(sender)))
		claimed(a, ip_of4(sender));
	else if (announce_holds(a, ip_of4(target)) && ntohs(arp->ea_hdr.ar_op) == ARPOP_REQUEST)
		send_arp(a, ARPOP_REPLY, target, sender, arp->arp_sha, arp->arp_sha);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct announce *a = poll->data;
	struct ether_arp arp;

	while (a->sock && recv(a->sock->fd, &arp, sizeof(arp), MSG_DONTWAIT) == sizeof(arp))
		if (arp.ea_hdr.ar_hrd == htons(ARPHRD_ETHER) &&
		    arp.ea_hdr.ar_pro == htons(ETH_P_IP) && arp.ea_hdr.ar_hln == LINK_MAC_LEN &&
		    arp.ea_hdr.ar_pln == 4)
			heard(a, &arp);
}

/* ---- the socket ---- */

/* About an address of ours, as sender or as target; offsets from the ARP header. */
static int set_filter(const struct announce *a, int fd)
{
	struct sock_filter *p = xcalloc(4 * a->n + 4, sizeof(*p)), *at = p;
	const uint32_t offsets[] = {offsetof(struct ether_arp, arp_tpa),
				    offsetof(struct ether_arp, arp_spa)};
	struct sock_fprog prog = {.filter = p};
	int r;

	for (size_t k = 0; k < ARRAY_SIZE(offsets); k++) {
		*at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsets[k]);
		for (size_t i = 0; i < a->n; i++) {
			if (!ip_is4(a->v[i].addr))
				continue;
			*at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							     ntohl(ip_to4(a->v[i].addr)), 0, 1);
			*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
		}
	}
	*at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	prog.len = (unsigned short)(at - p);
	r = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0 ? -errno : 0;
	free(p);
	return r;
}

static void on_closed(uv_handle_t *h)
{
	struct socket_poll *s = container_of((uv_poll_t *)h, struct socket_poll, poll);

	close(s->fd);
	free(s);
}

static void close_socket(struct announce *a)
{
	if (!a->sock)
		return;
	uv_poll_stop(&a->sock->poll);
	uv_close((uv_handle_t *)&a->sock->poll, on_closed);
	a->sock = NULL;
}

static int read_mac(struct announce *a)
{
	CLEANUP_FD int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {0};

	if (fd < 0 || !if_indextoname(a->conf.uplink, ifr.ifr_name) ||
	    ioctl(fd, SIOCGIFHWADDR, &ifr) < 0)
		return -errno;
	memcpy(a->mac, ifr.ifr_hwaddr.sa_data, LINK_MAC_LEN);
	return 0;
}

static int open_arp(struct announce *a)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ARP),
				 .sll_ifindex = (int)a->conf.uplink};
	CLEANUP_FD int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct socket_poll *s;
	int r;

	if (fd < 0)
		return -errno;
	r = set_filter(a, fd);
	if (r == 0 && bind(fd, (struct sockaddr *)&ll, sizeof(ll)) < 0)
		r = -errno;
	if (r < 0)
		return r;
	s = NEW(struct socket_poll);
	s->fd = fd;
	r = uv_poll_init(a->conf.loop, &s->poll, fd);
	if (r < 0) {
		free(s);
		return r;
	}
	fd = -1;
	s->poll.data = a;
	a->sock = s;
	return uv_poll_start(&s->poll, UV_READABLE, on_readable);
}

/* The former one goes when the new one is there: its groups are not left for a moment. */
static int open_ndp(struct announce *a)
{
	CLEANUP_FREE struct ip_addr *v = xcalloc(a->n + 1, sizeof(*v));
	struct ndp_conf conf = {.loop = a->conf.loop,
				.uplink = a->conf.uplink,
				.holds = holds,
				.claimed = claimed,
				.user = a};
	struct ndp *old = a->ndp;
	size_t n = 0;
	int r;

	for (size_t i = 0; i < a->n; i++)
		if (!ip_is4(a->v[i].addr))
			v[n++] = a->v[i].addr;
	a->ndp = NULL;
	memcpy(conf.mac, a->mac, sizeof(conf.mac));
	r = n ? ndp_open(&conf, v, n, &a->ndp) : 0;
	ndp_close(old);
	return r;
}

static int open_sockets(struct announce *a)
{
	bool any4 = false;
	int r = a->n ? read_mac(a) : 0;

	for (size_t i = 0; i < a->n; i++)
		any4 |= ip_is4(a->v[i].addr);
	close_socket(a); /* its filter is of the former addresses */
	if (r == 0 && any4)
		r = open_arp(a);
	return r < 0 ? r : open_ndp(a);
}

/* ---- what is ours ---- */

static void on_timer(struct timer *t)
{
	struct announce *a = container_of(t, struct announce, timer);
	uint64_t now = timers_now_ns(a->conf.timers), next = UINT64_MAX;

	for (size_t i = 0; i < a->n; i++) {
		struct held *h = &a->v[i];

		if (h->gave_way || h->told >= ARRAY_SIZE(told_ns))
			continue;
		if (now >= h->next_ns) {
			tell(a, h->addr);
			if (++h->told < ARRAY_SIZE(told_ns))
				h->next_ns = now + told_ns[h->told] - told_ns[h->told - 1];
		}
		if (h->told < ARRAY_SIZE(told_ns))
			next = MIN(next, h->next_ns);
	}
	if (next != UINT64_MAX)
		timers_arm(a->conf.timers, &a->timer, next);
}

static struct ip_route refusal(struct ip_addr addr)
{
	return (struct ip_route){.dst = {addr, 128}, .unreachable = true};
}

static void write_file(struct announce *a)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	char text[IP_TEXT];

	for (size_t i = 0; i < a->n; i++)
		buf_addf(&b, "%s\n", ip_addr_format(a->v[i].addr, text));
	if (!a->n)
		unlink(a->file);
	else
		file_write_atomic(AT_FDCWD, a->file, buf_str(&b), 0600);
}

static bool drop_old(struct announce *a)
{
	size_t n = 0;
	bool changed;

	for (size_t i = 0; i < a->n; i++) {
		if (a->v[i].keep)
			a->v[n++] = a->v[i];
		else
			ip_route_del_unreachable(a->rt, refusal(a->v[i].addr).dst);
	}
	changed = n != a->n;
	a->n = n;
	return changed;
}

int announce_set(struct announce *a, const struct ip_addr *addrs, size_t n, struct err *err)
{
	bool changed = false;
	int r;

	if (n > ANNOUNCE_MAX)
		return err_sys(err, ENOSPC, "a node announces %d addresses at most", ANNOUNCE_MAX);
	for (size_t i = 0; i < a->n; i++)
		a->v[i].keep = false;
	for (size_t i = 0; i < n; i++) {
		struct held *h = find(a, addrs[i]);
		struct ip_route way = refusal(addrs[i]);

		if (!h) {
			h = ARRAY_PUSH(a->v, a->n, a->cap);
			*h = (struct held){.addr = addrs[i],
					   .next_ns = timers_now_ns(a->conf.timers)};
			ip_route_add(a->rt, &way);
			changed = true;
		}
		h->keep = true;
	}
	changed |= drop_old(a);
	if (!changed)
		return 0;
	write_file(a);
	r = open_sockets(a);
	if (r < 0)
		return err_sys(err, -r, "cannot answer neighbours on the uplink: %s", strerror(-r));
	if (a->n)
		timers_soon(a->conf.timers, &a->timer);
	return 0;
}

void announce_retake(struct announce *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].gave_way) {
			a->v[i].gave_way = false;
			a->v[i].told = 0;
			a->v[i].next_ns = timers_now_ns(a->conf.timers);
			timers_soon(a->conf.timers, &a->timer);
		}
}

/* What an earlier agent answered for: refused by the kernel until it is ours again or is not. */
static void read_file(struct announce *a)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct str rest, line;
	struct ip_addr addr;

	if (file_read(AT_FDCWD, a->file, FILE_MAX, &b) < 0)
		return;
	rest = buf_str(&b);
	while (str_split(&rest, '\n', &line))
		if (ip_addr_parse(line, &addr) == 0)
			ip_route_del_unreachable(a->rt, refusal(addr).dst);
}

int announce_open(const struct announce_conf *conf, struct announce **ret, struct err *err)
{
	struct announce *a = NEW(struct announce);
	int r = rt_open(&a->rt);

	if (r < 0) {
		free(a);
		return err_sys(err, -r, "cannot open rtnetlink: %s", strerror(-r));
	}
	a->conf = *conf;
	a->file = xasprintf("%s/net/" FILE_NAME, conf->run_dir);
	a->conf.run_dir = NULL;
	a->timer.fire = on_timer;
	read_file(a);
	*ret = a;
	return 0;
}

struct announce *announce_close(struct announce *a)
{
	if (!a)
		return NULL;
	timers_disarm(a->conf.timers, &a->timer);
	close_socket(a);
	ndp_close(a->ndp);
	rt_close(a->rt);
	free(a->v);
	free(a->file);
	free(a);
	return NULL;
}

void announce_reset(const char *run_dir)
{
	struct announce a = {.file = xasprintf("%s/net/" FILE_NAME, run_dir)};

	if (rt_open(&a.rt) == 0)
		read_file(&a);
	rt_close(a.rt);
	free(a.file);
}
