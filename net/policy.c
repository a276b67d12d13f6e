/* SPDX-License-Identifier: Apache-2.0 */
#include "net/policy.h"
#include "lib/base/buf.h"
#include "lib/base/hmap.h"
#include "net/pod_net_priv.h"

#include <bpf/bpf.h>

/* Rules that some pod has. */
struct group {
	uint32_t id; /* from 2 on: 1 is what a pod without a guard of its own has */
	struct policy_rule *rules;
	size_t n;
};

/* Addresses with the same tags are the same to all rules. */
struct identity {
	uint32_t *tags; /* sorted */
	size_t n;
};

struct block {
	struct policy_block b;
	struct ip_prefix *except;
};

struct policy {
	struct pod_net *net;
	struct pod_maps fd;
	uint32_t space, epoch;
	bool building;
	struct block *blocks;
	size_t n_blocks, cap_blocks;
	struct group **groups;
	size_t n_groups, cap_groups;
	struct hmap *by_rules; /* bytes of the rules -> struct group */
	struct identity **identities; /* [0]: no tags */
	size_t n_identities, cap_identities;
	struct hmap *by_tags; /* bytes of the tags -> index + 1 */
	struct hmap *pods; /* told since policy_begin: address -> struct policy_guard */
};

static struct str addr_key(const uint32_t *addr)
{
	return str_n(addr, sizeof(*addr));
}

/* What was allowed is looked at again. */
static void bump(struct policy *p)
{
	uint32_t zero = 0;

	p->epoch++;
	bpf_map_update_elem(p->fd.epoch, &zero, &p->epoch, BPF_ANY);
}

/* ---- ranges ---- */

struct ranges {
	struct policy_range *v;
	size_t n, cap;
};

static int range_cmp(const void *a, const void *b)
{
	const struct policy_range *x = a, *y = b;

	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	return x->min < y->min ? -1 : x->min > y->min;
}

/* The same set in as few ranges as can be. */
static void ranges_merge(struct ranges *r)
{
	size_t n = 0;

	if (r->n)
		qsort(r->v, r->n, sizeof(*r->v), range_cmp);
	for (size_t i = 0; i < r->n; i++) {
		struct policy_range *last = n ? &r->v[n - 1] : NULL;

		if (last && last->proto == r->v[i].proto && r->v[i].min <= last->max + 1)
			last->max = MAX(last->max, r->v[i].max);
		else
			r->v[n++] = r->v[i];
	}
	r->n = n;
	if (n && r->v[0].proto == 0 && r->v[0].min == 0 && r->v[0].max == UINT16_MAX)
		r->n = 1;
}

static bool ranges_eq(const struct ranges *a, const struct ranges *b)
{
	return a->n == b->n && (!a->n || memcmp(a->v, b->v, a->n * sizeof(*a->v)) == 0);
}

static bool has_tag(const struct identity *id, uint32_t tag)
{
	size_t lo = 0, hi = id->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (id->tags[mid] == tag)
			return true;
		if (id->tags[mid] < tag)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

static bool rule_is_for(const struct policy_rule *r, const struct identity *id)
{
	for (size_t i = 0; !r->anyone && i < r->n_tags; i++)
		if (has_tag(id, r->tags[i]))
			return true;
	return r->anyone;
}

/* What peers of this identity may; the array is to be freed. */
static struct ranges ranges_of(const struct group *g, const struct identity *id)
{
	struct ranges ret = {0};

	for (size_t i = 0; i < g->n; i++) {
		const struct policy_rule *r = &g->rules[i];

		if (!rule_is_for(r, id))
			continue;
		for (size_t k = 0; k < r->n_ports; k++)
			*ARRAY_PUSH(ret.v, ret.n, ret.cap) = r->ports[k];
		if (!r->n_ports)
			*ARRAY_PUSH(ret.v, ret.n, ret.cap) =
				(struct policy_range){.max = UINT16_MAX};
	}
	ranges_merge(&ret);
	return ret;
}

/* ---- rows ---- */

/* The last chunk first: a row is whole once its first chunk is there. */
static int put_chunks(struct policy *p, struct policy_row_key key, const struct ranges *r)
{
	size_t chunks = (r->n + POLICY_RANGES - 1) / POLICY_RANGES;

	if (chunks > POLICY_CHUNKS)
		return -E2BIG;
	for (size_t c = chunks; c-- > 0;) {
		struct policy_row row = {.more = c + 1 < chunks};

		row.n = (uint32_t)MIN(r->n - c * POLICY_RANGES, (size_t)POLICY_RANGES);
		memcpy(row.ranges, r->v + c * POLICY_RANGES, row.n * sizeof(*row.ranges));
		key.chunk = (uint32_t)c;
		if (bpf_map_update_elem(p->fd.rows, &key, &row, BPF_ANY) < 0)
			return -errno;
	}
	return 0;
}

/* Identity 0's rows are what all others without one fall back to. */
static int put_row(struct policy *p, const struct group *g, size_t id)
{
	struct ranges any = ranges_of(g, p->identities[0]), r = {0};
	struct policy_row_key key = {.space = p->space, .group = g->id, .id = (uint32_t)id};
	int ret = 0;

	if (id == 0) {
		ret = put_chunks(p, key, &any);
	} else {
		r = ranges_of(g, p->identities[id]);
		if (!ranges_eq(&r, &any))
			ret = put_chunks(p, key, &r);
	}
	free(r.v);
	free(any.v);
	return ret;
}

/* ---- identities ---- */

static int tag_cmp(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static bool block_has(const struct policy_block *b, struct ip_prefix at)
{
	if (at.len < b->range.len || !ip_prefix_has(b->range, at.addr))
		return false;
	for (size_t i = 0; i < b->n_except; i++)
		if (at.len >= b->except[i].len && ip_prefix_has(b->except[i], at.addr))
			return false;
	return true;
}

/* Takes `tags` (any order, doubles allowed), with those of the blocks around `at` added. */
static int identity_of(struct policy *p, struct ip_prefix at, const uint32_t *tags, size_t n,
		       uint32_t *ret)
{
	CLEANUP_FREE uint32_t *v = xcalloc(n + p->n_blocks + 1, sizeof(*v));
	struct identity *id;
	size_t len = 0, m = 0;
	void *known;
	int r = 0;

	if (n)
		memcpy(v, tags, n * sizeof(*v));
	for (size_t i = 0; i < p->n_blocks; i++)
		if (block_has(&p->blocks[i].b, at))
			v[n++] = p->blocks[i].b.tag;
	qsort(v, n, sizeof(*v), tag_cmp);
	for (size_t i = 0; i < n; i++)
		if (!len || v[len - 1] != v[i])
			v[len++] = v[i];
	known = hmap_get(p->by_tags, str_n(v, len * sizeof(*v)));
	if (known) {
		*ret = (uint32_t)((uintptr_t)known - 1);
		return 0;
	}
	id = NEW(struct identity);
	id->tags = xmemdup(v, len * sizeof(*v) + 1);
	id->n = len;
	m = p->n_identities;
	*ARRAY_PUSH(p->identities, p->n_identities, p->cap_identities) = id;
	hmap_put(p->by_tags, str_n(v, len * sizeof(*v)), (void *)(uintptr_t)(m + 1));
	for (size_t i = 0; i < p->n_groups && r == 0; i++)
		r = put_row(p, p->groups[i], m);
	*ret = (uint32_t)m;
	return r;
}

static int put_id(struct policy *p, struct ip_addr addr, uint32_t id)
{
	struct policy_id_key key = {.space = p->space, .addr = ip_to4(addr)};
	struct policy_id value = {.id = id, .addr = key.addr};
	struct policy_id6_key key6 = {.space = p->space};
	struct policy_id6 value6 = {.id = id};

	if (ip_is4(addr))
		return bpf_map_update_elem(p->fd.ids, &key, &value, BPF_ANY) < 0 ? -errno : 0;
	memcpy(key6.addr, addr.b, sizeof(key6.addr));
	memcpy(value6.addr, addr.b, sizeof(value6.addr));
	return bpf_map_update_elem(p->fd.ids6, &key6, &value6, BPF_ANY) < 0 ? -errno : 0;
}

static int del_id(struct policy *p, struct ip_addr addr)
{
	struct policy_id_key key = {.space = p->space, .addr = ip_to4(addr)};
	struct policy_id6_key key6 = {.space = p->space};
	int r;

	memcpy(key6.addr, addr.b, sizeof(key6.addr));
	r = ip_is4(addr) ? bpf_map_delete_elem(p->fd.ids, &key)
			 : bpf_map_delete_elem(p->fd.ids6, &key6);
	return r < 0 && errno != ENOENT ? -errno : 0;
}

int policy_peer(struct policy *p, struct ip_addr addr, const uint32_t *tags, size_t n,
		struct err *err)
{
	char text[IP_TEXT];
	uint32_t id;
	int r;

	if (n) {
		r = identity_of(p, (struct ip_prefix){addr, 128}, tags, n, &id);
		if (r == 0)
			r = put_id(p, addr, id);
	} else {
		r = del_id(p, addr);
	}
	if (r < 0)
		return err_sys(err, -r, "cannot note the address %s for policies: %s",
			       ip_addr_format(addr, text), strerror(-r));
	if (!p->building)
		bump(p);
	return 0;
}

static int put_prefix(struct policy *p, struct ip_prefix at)
{
	struct policy_block_key key = {
		.prefixlen = 32u + ip_prefix_bits(at), .space = p->space, .addr = ip_to4(at.addr)};
	struct policy_block6_key key6 = {.prefixlen = 32u + at.len, .space = p->space};
	bool is4 = ip_prefix_is4(at);
	uint32_t id;
	int r = identity_of(p, at, NULL, 0, &id);

	memcpy(key6.addr, at.addr.b, sizeof(key6.addr));
	if (r == 0 && bpf_map_update_elem(is4 ? p->fd.blocks : p->fd.blocks6,
					  is4 ? (void *)&key : (void *)&key6, &id, BPF_ANY) < 0)
		r = -errno;
	return r;
}

/* ---- groups ---- */

static void group_free(struct group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		free((void *)(uintptr_t)g->rules[i].tags);
		free((void *)(uintptr_t)g->rules[i].ports);
	}
	free(g->rules);
	free(g);
}

static void side_bytes(const struct policy_side *s, struct buf *out)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct policy_rule *r = &s->rules[i];
		uint64_t head[3] = {r->anyone, r->n_tags, r->n_ports};

		buf_add(out, head, sizeof(head));
		if (r->n_tags)
			buf_add(out, r->tags, r->n_tags * sizeof(*r->tags));
		for (size_t k = 0; k < r->n_ports; k++) {
			uint16_t v[3] = {r->ports[k].min, r->ports[k].max, r->ports[k].proto};

			buf_add(out, v, sizeof(v));
		}
	}
}

static struct group *group_copy(const struct policy_side *s, uint32_t id)
{
	struct group *g = NEW(struct group);

	g->id = id;
	g->n = s->n;
	g->rules = xcalloc(s->n + 1, sizeof(*g->rules));
	for (size_t i = 0; i < s->n; i++) {
		const struct policy_rule *from = &s->rules[i];
		struct policy_rule *to = &g->rules[i];
		struct policy_range *ports = xcalloc(from->n_ports + 1, sizeof(*ports));

		*to = *from;
		to->tags = from->n_tags ? xmemdup(from->tags, from->n_tags * sizeof(*from->tags))
					: NULL;
		for (size_t k = 0; k < from->n_ports; k++) /* comparable: no padding left */
			ports[k] = (struct policy_range){.min = from->ports[k].min,
							 .max = from->ports[k].max,
							 .proto = from->ports[k].proto};
		to->ports = ports;
	}
	return g;
}

static int group_of(struct policy *p, const struct policy_side *s, uint32_t *ret)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	struct group *g;
	int r = 0;

	*ret = 0;
	if (!s->isolated)
		return 0;
	side_bytes(s, &key);
	g = hmap_get(p->by_rules, buf_str(&key));
	if (!g) {
		g = group_copy(s, (uint32_t)p->n_groups + 2);
		*ARRAY_PUSH(p->groups, p->n_groups, p->cap_groups) = g;
		hmap_put(p->by_rules, buf_str(&key), g);
		for (size_t i = 0; i < p->n_identities && r == 0; i++)
			r = put_row(p, g, i);
	}
	*ret = g->id;
	return r;
}

/* ---- guards ---- */

static int table_make(int outer, uint32_t key_size)
{
	uint32_t zero = 0, id;
	CLEANUP_FD int fd = -1;

	if (bpf_map_lookup_elem(outer, &zero, &id) == 0)
		return 0;
	fd = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "policy_conns", key_size,
			    sizeof(struct policy_conn), POLICY_CONNS_MAX, NULL);
	if (fd < 0)
		return fd;
	return bpf_map_update_elem(outer, &zero, &fd, BPF_ANY) < 0 ? -errno : 0;
}

static int conns_make(struct policy *p)
{
	int r = table_make(p->fd.conns, sizeof(struct policy_conn_key));

	if (r == 0 && !ip_is_none(pod_net_node_addr6(p->net)))
		r = table_make(p->fd.conns6, sizeof(struct policy_conn6_key));
	return r;
}

static int put_guard(struct policy *p, uint32_t addr, const struct policy_guard *g)
{
	int r;

	if (!g->in && !g->out) {
		r = pod_net_guard(p->net, addr, false);
		bpf_map_delete_elem(p->fd.guards, &addr);
		return r;
	}
	r = conns_make(p);
	if (r == 0 && bpf_map_update_elem(p->fd.guards, &addr, g, BPF_ANY) < 0)
		r = -errno;
	if (r == 0)
		r = pod_net_guard(p->net, addr, true);
	if (r == -ENOENT)
		bpf_map_delete_elem(p->fd.guards, &addr);
	return r;
}

int policy_pod(struct policy *p, uint32_t addr, const struct policy_side *in,
	       const struct policy_side *out, struct err *err)
{
	struct policy_guard g = {.space = p->space};
	char text[IP4_TEXT];
	int r = group_of(p, in, &g.in);

	if (r == 0)
		r = group_of(p, out, &g.out);
	if (r == 0 && p->building) {
		free(hmap_put(p->pods, addr_key(&addr), xmemdup(&g, sizeof(g))));
	} else if (r == 0) {
		r = put_guard(p, addr, &g);
		bump(p);
	}
	if (r < 0)
		return err_sys(err, -r, "cannot guard the pod at %s: %s", ip4_format(addr, text),
			       strerror(-r));
	return 0;
}

static void forget_rules(struct policy *p)
{
	for (size_t i = 0; i < p->n_blocks; i++)
		free(p->blocks[i].except);
	for (size_t i = 0; i < p->n_groups; i++)
		group_free(p->groups[i]);
	for (size_t i = 0; i < p->n_identities; i++) {
		free(p->identities[i]->tags);
		free(p->identities[i]);
	}
	p->n_blocks = p->n_groups = p->n_identities = 0;
	p->by_rules = hmap_free(p->by_rules);
	p->by_tags = hmap_free(p->by_tags);
	p->pods = hmap_free_full(p->pods, free);
}

static void new_rules(struct policy *p)
{
	struct identity *none = NEW(struct identity);

	none->tags = NEW(uint32_t);
	p->by_rules = hmap_new();
	p->by_tags = hmap_new();
	p->pods = hmap_new();
	*ARRAY_PUSH(p->identities, p->n_identities, p->cap_identities) = none;
	hmap_put(p->by_tags, STR(""), (void *)(uintptr_t)1);
}

int policy_begin(struct policy *p, const struct policy_block *blocks, size_t n, struct err *err)
{
	int r = 0;

	forget_rules(p);
	new_rules(p);
	p->building = true;
	p->space++;
	policy_collect(p); /* room for two states, not for one that was given up besides */
	for (size_t i = 0; i < n; i++) {
		struct block *b = ARRAY_PUSH(p->blocks, p->n_blocks, p->cap_blocks);

		b->b = blocks[i];
		b->except = blocks[i].n_except
				    ? xmemdup(blocks[i].except,
					      blocks[i].n_except * sizeof(*blocks[i].except))
				    : NULL;
		b->b.except = b->except;
	}
	for (size_t i = 0; i < n && r == 0; i++) {
		r = put_prefix(p, blocks[i].range);
		for (size_t k = 0; k < blocks[i].n_except && r == 0; k++)
			r = put_prefix(p, blocks[i].except[k]);
	}
	return r < 0 ? err_sys(err, -r, "cannot program address blocks: %s", strerror(-r)) : 0;
}

int policy_commit(struct policy *p, struct err *err)
{
	char text[IP4_TEXT];
	int ret = 0;

	p->building = false;
	hmap_for_each (it, p->pods) {
		uint32_t addr;
		int r;

		memcpy(&addr, it->key.p, sizeof(addr));
		r = put_guard(p, addr, it->value);
		if (r < 0 && r != -ENOENT) /* ENOENT: it went meanwhile */
			ret = err_sys(err, -r, "cannot guard the pod at %s: %s",
				      ip4_format(addr, text), strerror(-r));
	}
	bump(p);
	return ret;
}

/* ---- what an earlier state left ---- */

static bool in_use(const struct policy *p, const uint32_t *spaces, size_t n, uint32_t space)
{
	for (size_t i = 0; i < n; i++)
		if (spaces[i] == space)
			return true;
	return space == p->space;
}

/* Each key of a map has its space at an offset of its own. */
static void sweep(struct policy *p, int fd, size_t size, size_t space_at, const uint32_t *spaces,
		  size_t n_spaces)
{
	char key[32], next[32];
	CLEANUP(buf_done) struct buf gone = BUF_INIT;
	bool first = true;

	while (bpf_map_get_next_key(fd, first ? NULL : key, next) == 0) {
		uint32_t space;

		memcpy(&space, next + space_at, sizeof(space));
		if (!in_use(p, spaces, n_spaces, space))
			buf_add(&gone, next, size);
		memcpy(key, next, size);
		first = false;
	}
	for (size_t at = 0; at < gone.len; at += size)
		bpf_map_delete_elem(fd, gone.p + at);
}

/* The spaces of all guards, to be freed; *ret_n guards there are. */
static uint32_t *guard_spaces(struct policy *p, size_t *ret_n)
{
	uint32_t addr, next, *at = NULL, *v = NULL;
	struct policy_guard g;
	size_t n = 0, cap = 0;

	while (bpf_map_get_next_key(p->fd.guards, at, &next) == 0) {
		addr = next;
		at = &addr;
		if (bpf_map_lookup_elem(p->fd.guards, &addr, &g) == 0)
			*ARRAY_PUSH(v, n, cap) = g.space;
	}
	*ret_n = n;
	return v;
}

void policy_collect(struct policy *p)
{
	size_t n;
	CLEANUP_FREE uint32_t *spaces = guard_spaces(p, &n);
	uint32_t zero = 0;

	sweep(p, p->fd.ids, sizeof(struct policy_id_key), offsetof(struct policy_id_key, space),
	      spaces, n);
	sweep(p, p->fd.blocks, sizeof(struct policy_block_key),
	      offsetof(struct policy_block_key, space), spaces, n);
	sweep(p, p->fd.rows, sizeof(struct policy_row_key), offsetof(struct policy_row_key, space),
	      spaces, n);
	sweep(p, p->fd.ids6, sizeof(struct policy_id6_key), offsetof(struct policy_id6_key, space),
	      spaces, n);
	sweep(p, p->fd.blocks6, sizeof(struct policy_block6_key),
	      offsetof(struct policy_block6_key, space), spaces, n);
	if (n)
		return;
	bpf_map_delete_elem(p->fd.conns, &zero);
	bpf_map_delete_elem(p->fd.conns6, &zero);
}

size_t policy_guarded(struct policy *p)
{
	size_t n;

	free(guard_spaces(p, &n));
	return n;
}

int policy_open(struct pod_net *net, struct policy **ret, struct err *err)
{
	struct policy *p = NEW(struct policy);
	CLEANUP_FREE uint32_t *spaces = NULL;
	uint32_t zero = 0;
	size_t n;

	p->net = net;
	pod_net_maps(net, &p->fd);
	if (bpf_map_lookup_elem(p->fd.epoch, &zero, &p->epoch) < 0) {
		policy_close(p);
		return err_sys(err, errno, "cannot read the policy maps: %s", strerror(errno));
	}
	spaces = guard_spaces(p, &n);
	for (size_t i = 0; i < n; i++)
		p->space = MAX(p->space, spaces[i]);
	policy_collect(p); /* also what an agent that was killed had half written */
	new_rules(p);
	*ret = p;
	return 0;
}

struct policy *policy_close(struct policy *p)
{
	if (!p)
		return NULL;
	forget_rules(p);
	free(p->blocks);
	free(p->groups);
	free(p->identities);
	free(p);
	return NULL;
}
