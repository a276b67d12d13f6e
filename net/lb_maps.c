/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands in the balancer's maps: turning fronts into rows, writing only what differs.
 *
 * One apply() goes through four stages, and only the third can be seen by programs:
 *   1 plan     each front becomes one or two map entries; find its row, compare its backends
 *   2 slots    for those that differ: take a free run, write the backends into it
 *   3 entries  one batch update of the services map: each entry switches runs at once
 *   4 commit   rows take the new runs, old runs are given back to rest; what no front names goes
 * An error in 1 or 2 is undone, so it changes nothing.
 */
#include "net/lb_priv.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>

#define GONE_MAX 65536

struct plan_item {
	struct lb_row *row;
	const struct lb_backend *backends;
	size_t n;
	uint32_t base;
	uint32_t affinity_s;
	uint16_t flags;
	bool fresh; /* the row is new */
	bool differs;
};

struct plan {
	struct plan_item *v;
	size_t n, n_differ;
	size_t added, unchanged; /* fronts */
};

static uint64_t slot_raw(struct lb *lb, const struct lb_backend *b)
{
	struct lb_slot s = {.port = htons(b->port), .flags = ip_is4(b->addr) ? 0 : LB_SLOT_V6};
	uint64_t raw;

	lb_name_of(lb, b->addr, &s.addr); /* plan_add made sure of it */
	memcpy(&raw, &s, sizeof(raw));
	return raw;
}

static struct lb_slot slot_at(const struct lb *lb, uint32_t at)
{
	uint64_t raw = lb->slot[at];
	struct lb_slot s;

	memcpy(&s, &raw, sizeof(s));
	return s;
}

int lb_svc_key_of(struct lb *lb, struct lb_key k, uint8_t scope, struct lb_svc_key *ret)
{
	*ret = (struct lb_svc_key){
		.port = htons(k.port),
		.proto = (uint8_t)(k.proto | (ip_is4(k.addr) ? 0 : LB_V6)),
		.scope = scope,
	};
	return lb_name_of(lb, k.addr, &ret->addr);
}

static bool same_backends(struct lb *lb, const struct lb_row *row, const struct lb_backend *v,
			  size_t n)
{
	if (row->count != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (lb->slot[row->base + i] != slot_raw(lb, &v[i]))
			return false;
	return true;
}

/* The front's key, and that each of its backends can be written. */
static int name_all(struct lb *lb, const struct lb_front *f, const struct plan_item *it,
		    uint8_t scope, struct lb_svc_key *ret, struct err *err)
{
	int r = lb_svc_key_of(lb, f->key, scope, ret);
	uint32_t name;

	for (size_t i = 0; i < it->n && r == 0; i++) {
		if (ip_is4(it->backends[i].addr) != ip_is4(f->key.addr))
			return err_sys(err, EINVAL, "a front and its backend are of two families");
		r = lb_name_of(lb, it->backends[i].addr, &name);
	}
	return r < 0 ? err_sys(err, -r, "more than %d IPv6 addresses on this node", LB_NAMES_MAX)
		     : 0;
}

/* Stages 1 and 2 for one map entry. */
static int plan_add(struct lb *lb, struct plan *p, const struct lb_front *f, uint8_t scope,
		    struct err *err)
{
	struct lb_svc_key key;
	struct plan_item *it = &p->v[p->n];
	bool out = scope == LB_SCOPE_OUTSIDE && f->outside_differs;
	int64_t base = 0;
	int r;

	*it = (struct plan_item){
		.backends = out ? f->outside : f->backends,
		.n = out ? f->n_outside : f->n_backends,
		.affinity_s = f->affinity_s,
		.flags = (uint16_t)((f->empty == LB_EMPTY_DROP ? LB_SVC_EMPTY_DROP : 0) |
				    (f->external ? LB_SVC_EXTERNAL : 0) |
				    (f->n_sources && scope == LB_SCOPE_OUTSIDE ? LB_SVC_SOURCES
									       : 0)),
	};
	if (it->n > LB_BACKENDS_MAX)
		return err_sys(err, EINVAL, "%zu backends for one front, more than %d", it->n,
			       LB_BACKENDS_MAX);
	r = name_all(lb, f, it, scope, &key, err);
	if (r < 0)
		return r;
	it->row = lb_rows_find(&lb->rows, &key);
	if (it->row && it->row->epoch == lb->epoch)
		return err_sys(err, EINVAL, "two fronts have the same address, port and protocol");
	if (!it->row) {
		if (lb->rows.n >= lb->max_services)
			return err_sys(err, ENOSPC, "more than %u services on this node",
				       lb->max_services);
		it->row = lb_rows_add(&lb->rows, &key);
		it->fresh = it->differs = true;
	} else {
		it->differs = it->row->affinity_s != it->affinity_s ||
			      it->row->flags != it->flags ||
			      !same_backends(lb, it->row, it->backends, it->n);
	}
	it->row->epoch = lb->epoch;
	if (it->differs && it->n) {
		base = slots_take(lb->slots, slots_order((uint32_t)it->n));
		if (base >= 0 && lb_slots_map(lb, (uint32_t)base, (uint32_t)it->n) < 0) {
			slots_give(lb->slots, (uint32_t)base, slots_order((uint32_t)it->n), true);
			base = -ENOMEM;
		}
		if (base < 0) {
			it->n = 0;
			p->n++; /* so that the row is undone */
			return err_sys(err, ENOSPC, "more than %u backends on this node",
				       lb->max_backends);
		}
		for (size_t i = 0; i < it->n; i++)
			lb->slot[base + (int64_t)i] = slot_raw(lb, &it->backends[i]);
	}
	it->base = (uint32_t)base;
	p->n++;
	p->n_differ += it->differs;
	if (scope == LB_SCOPE_INSIDE) {
		p->added += it->fresh;
		p->unchanged += !it->differs;
	}
	return 0;
}

static void plan_undo(struct lb *lb, struct plan *p)
{
	/* Rows may move when one is deleted: look each up by its key again. */
	for (size_t i = p->n; i-- > 0;) {
		struct plan_item *it = &p->v[i];

		if (it->differs && it->n)
			slots_give(lb->slots, it->base, slots_order((uint32_t)it->n), true);
		if (it->fresh)
			it->row->epoch = UINT32_MAX; /* marked; taken out below */
	}
	for (uint32_t i = 0; i < lb->rows.cap;) {
		if (lb->rows.v[i].epoch == UINT32_MAX)
			lb_rows_del(&lb->rows, &lb->rows.v[i]);
		else
			i++;
	}
}

/* Remember backends whose run is given up, unless the new list has them. */
static void note_gone(struct lb *lb, const struct lb_row *row, const struct plan_item *it)
{
	size_t n = it && row->count ? it->n : 0;
	CLEANUP_FREE uint64_t *now = xcalloc(n + 1, sizeof(*now));

	for (size_t i = 0; i < n; i++)
		now[i] = slot_raw(lb, &it->backends[i]);
	for (uint32_t i = 0; i < row->count && lb->n_gone < GONE_MAX; i++) {
		struct lb_slot s = slot_at(lb, row->base + i);
		size_t j = 0;

		while (j < n && now[j] != lb->slot[row->base + i])
			j++;
		if (j < n)
			continue;
		*ARRAY_PUSH(lb->gone, lb->n_gone, lb->cap_gone) = (struct lb_gone_key){
			.addr = s.addr, .port = s.port, .proto = row->key.proto};
	}
}

static void row_drop_run(struct lb *lb, struct lb_row *row)
{
	if (row->count)
		slots_give(lb->slots, row->base, slots_order(row->count), false);
	row->count = 0;
}

static void commit(struct lb *lb, const struct plan_item *it)
{
	struct lb_row *row = it->row;

	note_gone(lb, row, it);
	row_drop_run(lb, row);
	row->base = it->base;
	row->count = (uint16_t)it->n;
	row->affinity_s = it->affinity_s;
	row->flags = it->flags;
	lb->n_inside += it->fresh && row->key.scope == LB_SCOPE_INSIDE;
}

/* Stages 3 and 4. After an error of the kernel what it took stands, the rest is undone. */
static int plan_apply(struct lb *lb, struct plan *p, struct err *err)
{
	CLEANUP_FREE struct lb_svc_key *keys = xcalloc(p->n_differ + 1, sizeof(*keys));
	CLEANUP_FREE struct lb_svc *vals = xcalloc(p->n_differ + 1, sizeof(*vals));
	uint32_t n = 0, done;
	size_t i;
	int r = 0;

	if (!p->n_differ)
		return 0;
	for (i = 0; i < p->n; i++) {
		const struct plan_item *it = &p->v[i];

		if (!it->differs)
			continue;
		keys[n] = it->row->key;
		vals[n++] = (struct lb_svc){
			.base = it->base,
			.count = (uint16_t)it->n,
			.flags = it->flags,
			.affinity_s = it->affinity_s,
			.check = lb_svc_check(&it->row->key),
		};
	}
	done = n;
	if (n == 1)
		r = bpf_map_update_elem(lb->services_fd, keys, vals, BPF_ANY) < 0 ? -errno : 0;
	else if (bpf_map_update_batch(lb->services_fd, keys, vals, &done, NULL) < 0)
		r = -errno;
	if (r < 0 && n == 1)
		done = 0;
	for (i = 0, n = 0; i < p->n; i++) {
		struct plan_item *it = &p->v[i];

		if (it->differs && n++ < done) {
			commit(lb, it);
			it->differs = it->fresh = false;
		}
	}
	if (r < 0) {
		plan_undo(lb, p);
		return err_sys(err, -r, "cannot write the services map: %s", strerror(-r));
	}
	return 0;
}

/* A row and its map entry go. */
static void remove_row(struct lb *lb, struct lb_row *row)
{
	note_gone(lb, row, NULL);
	row_drop_run(lb, row);
	lb->n_inside -= row->key.scope == LB_SCOPE_INSIDE;
	lb_rows_del(&lb->rows, row);
}

static int remove_unnamed(struct lb *lb, size_t *ret_fronts, struct err *err)
{
	CLEANUP_FREE struct lb_svc_key *keys = xcalloc(lb->rows.n + 1, sizeof(*keys));
	uint32_t n = 0, done;
	int r = 0;

	*ret_fronts = 0;
	for (uint32_t i = 0; i < lb->rows.cap; i++)
		if (lb->rows.v[i].epoch && lb->rows.v[i].epoch != lb->epoch)
			keys[n++] = lb->rows.v[i].key;
	if (!n)
		return 0;
	done = n;
	if (bpf_map_delete_batch(lb->services_fd, keys, &done, NULL) < 0) {
		r = -errno;
		if (r == -EINVAL || r == -EFAULT)
			done = 0;
	}
	for (uint32_t i = 0; i < done; i++) {
		*ret_fronts += keys[i].scope == LB_SCOPE_INSIDE;
		remove_row(lb, lb_rows_find(&lb->rows, &keys[i]));
	}
	return r < 0 ? err_sys(err, -r, "cannot remove services: %s", strerror(-r)) : 0;
}

static int check_front(const struct lb_front *f, struct err *err)
{
	if (f->key.proto != LB_TCP && f->key.proto != LB_UDP)
		return err_sys(err, EINVAL, "protocol %u is neither TCP nor UDP", f->key.proto);
	if (!f->key.port)
		return err_sys(err, EINVAL, "port 0");
	return 0;
}

/* Stages 1 to 4 without the removal. */
static int apply(struct lb *lb, const struct lb_front *fronts, size_t n, struct lb_result *ret,
		 struct err *err)
{
	struct plan p = {.v = xcalloc(2 * n + 1, sizeof(*p.v))};
	int r = 0;

	if (++lb->epoch >= UINT32_MAX - 1)
		lb->epoch = 1;
	lb_rows_reserve(&lb->rows, (uint32_t)(lb->rows.n + 2 * n));
	for (size_t i = 0; i < n && r == 0; i++) {
		r = check_front(&fronts[i], err);
		if (r == 0 && (r = lb_sources_add(lb, &fronts[i])) < 0)
			r = err_sys(err, -r, "cannot write source ranges: %s", strerror(-r));
		if (r == 0)
			r = plan_add(lb, &p, &fronts[i], LB_SCOPE_INSIDE, err);
		if (r == 0 && fronts[i].external)
			r = plan_add(lb, &p, &fronts[i], LB_SCOPE_OUTSIDE, err);
	}
	if (r < 0)
		plan_undo(lb, &p);
	else
		r = plan_apply(lb, &p, err);
	*ret = (struct lb_result){.added = p.added, .unchanged = p.unchanged};
	ret->changed = n - p.added - p.unchanged;
	free(p.v);
	return r;
}

int lb_sync(struct lb *lb, const struct lb_front *fronts, size_t n, struct lb_result *ret,
	    struct err *err)
{
	struct lb_result res;
	size_t gone_before = lb->n_gone;
	int r;

	if (n > lb->max_services)
		return err_sys(err, ENOSPC, "%zu services, more than %u", n, lb->max_services);
	r = apply(lb, fronts, n, &res, err);
	if (r == 0)
		r = remove_unnamed(lb, &res.removed, err);
	if (r == 0) {
		lb_sources_trim(lb, fronts, n, true);
		lb_names_sweep(lb, true);
	}
	res.backends_gone = lb->n_gone - gone_before;
	if (r == 0 && ret)
		*ret = res;
	return r;
}

static int del_scope(struct lb *lb, struct lb_key key, uint8_t scope, struct err *err)
{
	struct lb_svc_key k;
	struct lb_row *row = NULL;

	if (lb_svc_key_of(lb, key, scope, &k) == 0)
		row = lb_rows_find(&lb->rows, &k);
	if (!row)
		return 0;
	if (bpf_map_delete_elem(lb->services_fd, &k) < 0 && errno != ENOENT)
		return err_sys(err, errno, "cannot remove a service: %s", strerror(errno));
	remove_row(lb, row);
	return 0;
}

int lb_put(struct lb *lb, const struct lb_front *front, struct err *err)
{
	struct lb_result res;
	int r = apply(lb, front, 1, &res, err);

	if (r == 0 && !front->external)
		r = del_scope(lb, front->key, LB_SCOPE_OUTSIDE, err);
	if (r == 0)
		lb_sources_trim(lb, front, 1, false);
	lb_names_sweep(lb, false);
	return r;
}

int lb_del(struct lb *lb, struct lb_key key, struct err *err)
{
	struct lb_front none = {.key = key};
	int r = del_scope(lb, key, LB_SCOPE_INSIDE, err);

	if (r == 0)
		r = del_scope(lb, key, LB_SCOPE_OUTSIDE, err);
	if (r == 0)
		lb_sources_trim(lb, &none, 1, false);
	lb_names_sweep(lb, false);
	return r;
}

static int node_addrs4(struct lb *lb, const uint32_t *addrs, size_t n, struct err *err)
{
	uint32_t key, next, *at = NULL, drop[1024];
	size_t n_drop = 0;
	uint8_t one = 1;

	while (bpf_map_get_next_key(lb->node_addrs_fd, at, &next) == 0) {
		size_t i = 0;

		while (i < n && addrs[i] != next)
			i++;
		if (i == n && n_drop < ARRAY_SIZE(drop))
			drop[n_drop++] = next;
		key = next;
		at = &key;
	}
	for (size_t i = 0; i < n; i++)
		if (bpf_map_update_elem(lb->node_addrs_fd, &addrs[i], &one, BPF_ANY) < 0)
			return err_sys(err, errno, "cannot note the node's addresses: %s",
				       strerror(errno));
	for (size_t i = 0; i < n_drop; i++)
		bpf_map_delete_elem(lb->node_addrs_fd, &drop[i]);
	return 0;
}

int lb_node_addrs(struct lb *lb, const struct ip_addr *addrs, size_t n, struct err *err)
{
	CLEANUP_FREE uint32_t *v = xcalloc(n + 1, sizeof(*v));
	size_t n4 = 0;
	int r = lb_names_node(lb, addrs, n);

	if (r < 0)
		return err_sys(err, -r, "cannot note the node's addresses: %s", strerror(-r));
	for (size_t i = 0; i < n; i++)
		if (ip_is4(addrs[i]))
			v[n4++] = ip_to4(addrs[i]);
	return node_addrs4(lb, v, n4, err);
}

int lb_maps_load(struct lb *lb)
{
	struct lb_svc_key key, *at = NULL, next;
	struct lb_svc svc;

	lb_names_load(lb);
	lb->epoch = 1;
	while (bpf_map_get_next_key(lb->services_fd, at, &next) == 0) {
		struct lb_row *row;

		key = next;
		at = &key;
		if (bpf_map_lookup_elem(lb->services_fd, &key, &svc) < 0)
			continue; /* a view beside a running agent: deleted meanwhile */
		if (svc.count && slots_claim(lb->slots, svc.base, slots_order(svc.count)) < 0)
			continue; /* nobody's work but a bug's; the next sync writes it anew */
		if (svc.count && lb_slots_map(lb, svc.base, svc.count) < 0)
			return -errno;
		lb_rows_reserve(&lb->rows, lb->rows.n + 1);
		row = lb_rows_add(&lb->rows, &key);
		row->base = svc.base;
		row->count = svc.count;
		row->affinity_s = svc.affinity_s;
		row->flags = svc.flags;
		row->epoch = lb->epoch;
		lb->n_inside += key.scope == LB_SCOPE_INSIDE;
	}
	return errno == ENOENT ? 0 : -errno;
}

int lb_each(struct lb *lb, int (*cb)(const struct lb_front_view *f, void *user), void *user)
{
	struct lb_backend *b = NULL;
	size_t cap = 0;
	int r = 0;

	for (uint32_t i = 0; i < lb->rows.cap && r == 0; i++) {
		const struct lb_row *row = &lb->rows.v[i];
		bool v6 = row->key.proto & LB_V6;
		struct lb_front_view f = {
			.key = {lb_name_addr(lb, row->key.addr, v6), ntohs(row->key.port),
				row->key.proto & (uint8_t)~LB_V6},
			.affinity_s = row->affinity_s,
			.external = row->flags & LB_SVC_EXTERNAL,
			.n_backends = row->count,
		};

		if (!row->epoch || row->key.scope != LB_SCOPE_INSIDE)
			continue;
		if (row->count > cap) {
			cap = row->count;
			b = xrealloc(b, cap * sizeof(*b));
		}
		for (uint32_t j = 0; j < row->count; j++) {
			struct lb_slot s = slot_at(lb, row->base + j);

			b[j] = (struct lb_backend){lb_name_addr(lb, s.addr, v6), ntohs(s.port)};
		}
		f.backends = b;
		r = cb(&f, user);
	}
	free(b);
	return r;
}

size_t lb_count(const struct lb *lb)
{
	return lb->n_inside;
}

size_t lb_backend_slots_used(const struct lb *lb)
{
	return slots_used(lb->slots);
}
