/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/route_sync.h"

#include "lib/base/hmap.h"
#include "lib/base/log.h"
#include "lib/client/node_watch.h"
#include "lib/json/jv.h"
#include "lib/sys/file.h"
#include "net/pod_net.h"

#define RETRY_NS (5 * NSEC_PER_SEC)
#define SAVE_NS NSEC_PER_SEC
#define FILE_MAX (16u << 20)
/*
 * The file's line "KNOWN VERSION TOKEN" says of which state the others are
 * (lib/client/node_watch.h). A version that reads more out of a Node has another number: it has to
 * be told all of them again.
 */
#define KNOWN "known"
#define KNOWN_VERSION "2"

struct way { /* to one node's pods */
	struct ip4_prefix range;
	uint32_t via;
	struct ip_prefix range6; /* len 0: it has none */
	struct ip_addr via6; /* none: unknown */
	bool in_kernel, told; /* set; its failure is in the log */
	uint32_t generation; /* of the watch that told it last; 0: the file alone */
};

struct route_sync {
	struct route_sync_conf conf;
	struct node_watch *nodes;
	struct hmap *ways; /* node name -> way */
	uint32_t generation; /* of the watch under way */
	struct buf known; /* what `ways` are; empty: nothing stands for it */
	struct timer timer; /* failed routes are tried again */
	struct timer save;
};

static void put_way(struct route_sync *s, struct str node, struct way *w)
{
	struct err err = ERR_INIT;

	enum pod_net_way way = POD_NET_DIRECT;

	w->in_kernel = pod_net_route(s->conf.net, w->range, w->via, &way, &err) == 0 &&
		       pod_net_peer(s->conf.net, w->via, way == POD_NET_DIRECT, &err) == 0 &&
		       (!w->range6.len || pod_net_route6(s->conf.net, w->range6, w->via6, w->range,
							 w->via, &err) == 0);
	if (w->in_kernel && w->told)
		log_notice("the pods of node %.*s are in reach", STR_ARG(node));
	if (w->in_kernel) {
		w->told = false;
	} else {
		if (!w->told)
			log_warn("the pods of node %.*s are out of reach: %s", STR_ARG(node),
				 err_text(&err));
		w->told = true;
		timers_arm_in(s->conf.timers, &s->timer, RETRY_NS);
	}
	err_done(&err);
}

static bool is_taken(const struct route_sync *s, const struct ip4_prefix *range, uint32_t via)
{
	hmap_for_each (it, s->ways) {
		const struct way *w = it->value;

		if (range ? w->range.addr == range->addr && w->range.len == range->len
			  : w->via == via)
			return true;
	}
	return false;
}

static bool is_taken6(const struct route_sync *s, const struct ip_prefix *range)
{
	hmap_for_each (it, s->ways)
		if (ip_prefix_eq(((struct way *)it->value)->range6, *range))
			return true;
	return false;
}

static void save_soon(struct route_sync *s)
{
	if (!timer_armed(&s->save))
		timers_arm_in(s->conf.timers, &s->save, SAVE_NS);
}

static void forget(struct route_sync *s, struct str node)
{
	struct way *w = hmap_del(s->ways, node);
	struct err err = ERR_INIT;

	if (!w)
		return;
	/* A new node may have been given the range, or the address, of one that went. */
	if ((!is_taken(s, &w->range, 0) && pod_net_unroute(s->conf.net, w->range, &err) < 0) ||
	    (!is_taken(s, NULL, w->via) && pod_net_peer(s->conf.net, w->via, false, &err) < 0))
		log_warn("%s", err_text(&err));
	err_done(&err);
	if (w->range6.len && !is_taken6(s, &w->range6))
		pod_net_unroute6(s->conf.net, w->range6, NULL);
	free(w);
	save_soon(s);
}

static void learn(struct route_sync *s, struct str node, const struct way *is)
{
	struct way *w = hmap_get(s->ways, node);

	if (w && w->range.addr == is->range.addr && w->range.len == is->range.len &&
	    w->via == is->via && ip_prefix_eq(w->range6, is->range6) && ip_eq(w->via6, is->via6)) {
		w->generation = is->generation;
		return;
	}
	forget(s, node);
	w = xmemdup(is, sizeof(*is));
	hmap_put(s->ways, node, w);
	put_way(s, node, w);
	save_soon(s);
}

/* False: there is nothing to route to, yet. */
static bool way_of(struct jv node, struct way *ret)
{
	struct jv spec = jv_get(node, "spec"), first = jv_path(spec, "podCIDRs[0]");

	*ret = (struct way){0};
	if (ip4_prefix_parse(jv_text(jv_exists(first) ? first : jv_get(spec, "podCIDR")),
			     &ret->range) < 0)
		return false;
	jv_for_each (it, jv_get(spec, "podCIDRs")) {
		struct ip_prefix range;

		if (ip_prefix_parse(jv_text(it.value), &range) == 0 && !ip_prefix_is4(range))
			ret->range6 = range;
	}
	jv_for_each (a, jv_path(node, "status.addresses")) {
		struct ip_addr addr;

		if (!jv_eqs(jv_get(a.value, "type"), "InternalIP") ||
		    ip_addr_parse(jv_text(jv_get(a.value, "address")), &addr) < 0)
			continue;
		if (!ip_is4(addr))
			ret->via6 = addr;
		else if (!ret->via)
			ret->via = ip_to4(addr);
	}
	return ret->via != 0;
}

static void begun(void *user)
{
	((struct route_sync *)user)->generation++;
}

static void node_seen(void *user, struct str name, struct jv node)
{
	struct route_sync *s = user;
	struct way w;

	if (str_eqs(name, s->conf.node_name))
		return;
	if (!way_of(node, &w)) {
		forget(s, name);
		return;
	}
	w.generation = s->generation;
	learn(s, name, &w);
}

static void node_gone(void *user, struct str name)
{
	forget(user, name);
}

/* Nodes that went while nobody looked. */
static void complete(void *user, bool all)
{
	struct route_sync *s = user;
	char **gone = NULL;
	size_t n = 0, cap = 0;

	hmap_for_each (it, s->ways)
		if (all && ((struct way *)it->value)->generation != s->generation)
			*ARRAY_PUSH(gone, n, cap) = str_dup(it->key);
	for (size_t i = 0; i < n; i++) {
		forget(s, str_of(gone[i]));
		free(gone[i]);
	}
	free(gone);
}

static void known(void *user, struct str token)
{
	struct route_sync *s = user;

	buf_clear(&s->known);
	buf_addstr(&s->known, token);
	save_soon(s);
}

static const struct node_watch_ops watch_ops = {begun, node_seen, node_gone, complete, known};

static void write_file(struct timer *t)
{
	struct route_sync *s = container_of(t, struct route_sync, save);
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	char range[IP_TEXT], via[IP_TEXT];
	int r;

	if (s->known.len)
		buf_addf(&b, KNOWN " " KNOWN_VERSION " %.*s\n", STR_ARG(buf_str(&s->known)));
	hmap_for_each (it, s->ways) {
		const struct way *w = it->value;

		buf_addf(&b, "%.*s %s/%u %s", STR_ARG(it->key), ip4_format(w->range.addr, range),
			 w->range.len, ip4_format(w->via, via));
		if (w->range6.len)
			buf_addf(&b, " %s/%u %s", ip_addr_format(w->range6.addr, range),
				 w->range6.len, ip_addr_format(w->via6, via));
		buf_addc(&b, '\n');
	}
	r = file_write_atomic(AT_FDCWD, s->conf.file, buf_str(&b), 0644);
	if (r < 0)
		log_warn("cannot write %s: %s", s->conf.file, strerror(-r));
}

static void read_file(struct route_sync *s)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct str rest, line, name, range;

	if (file_read(AT_FDCWD, s->conf.file, FILE_MAX, &b) < 0)
		return;
	rest = buf_str(&b);
	while (str_split(&rest, '\n', &line)) {
		struct way w = {0};
		struct str via, range6;

		if (!str_split(&line, ' ', &name) || !str_split(&line, ' ', &range))
			continue;
		if (str_eqs(name, KNOWN) && str_eqs(range, KNOWN_VERSION))
			buf_addstr(&s->known, line);
		else if (ip4_prefix_parse(range, &w.range) == 0 && str_split(&line, ' ', &via) &&
			 ip4_parse(via, &w.via) == 0) {
			if (str_split(&line, ' ', &range6) &&
			    (ip_prefix_parse(range6, &w.range6) < 0 ||
			     ip_addr_parse(line, &w.via6) < 0))
				continue;
			learn(s, name, &w);
		}
	}
	timers_disarm(s->conf.timers, &s->save);
}

static void on_timer(struct timer *t)
{
	struct route_sync *s = container_of(t, struct route_sync, timer);

	hmap_for_each (it, s->ways) {
		struct way *w = it->value;

		if (!w->in_kernel)
			put_way(s, it->key, w);
	}
}

struct route_sync *route_sync_start(const struct route_sync_conf *conf)
{
	struct route_sync *s = NEW(struct route_sync);

	s->conf = *conf;
	s->ways = hmap_new();
	s->timer.fire = on_timer;
	s->save.fire = write_file;
	buf_init(&s->known);
	read_file(s);
	if (conf->client)
		s->nodes = node_watch_start(conf->client, buf_str(&s->known), &watch_ops, s);
	return s;
}

struct route_sync *route_sync_stop(struct route_sync *s)
{
	if (!s)
		return NULL;
	node_watch_stop(s->nodes);
	timers_disarm(s->conf.timers, &s->timer);
	if (timer_armed(&s->save)) {
		timers_disarm(s->conf.timers, &s->save);
		write_file(&s->save);
	}
	buf_done(&s->known);
	hmap_free_full(s->ways, free);
	free(s);
	return NULL;
}
