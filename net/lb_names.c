/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short names of IPv6 addresses (bpf/abi/lb.h). A name is taken when an address is first met, and
 * goes some time after no row, slot or node address has it; numbers are not used again before
 * there are no others, so what an LRU still remembers names nobody else.
 */
#include "net/lb_priv.h"

#include <bpf/bpf.h>

struct lb_name_entry {
	struct ip_addr addr;
	uint32_t name;
	uint16_t flags;
	bool used, idle; /* at this sweep; not at the one before */
};

static struct str addr_key(const struct ip_addr *a)
{
	return str_n(a->b, sizeof(a->b));
}

static struct str name_key(const uint32_t *name)
{
	return str_n(name, sizeof(*name));
}

static void remember(struct lb_names *t, struct ip_addr addr, uint32_t name, uint16_t flags)
{
	struct lb_name_entry *e = NEW(struct lb_name_entry);

	if (!t->by_addr) {
		t->by_addr = hmap_new();
		t->by_name = hmap_new();
	}
	*e = (struct lb_name_entry){.addr = addr, .name = name, .flags = flags};
	hmap_put(t->by_addr, addr_key(&addr), e);
	hmap_put(t->by_name, name_key(&name), e);
}

static int write_name(struct lb *lb, const struct lb_name_entry *e)
{
	struct lb_name n = {.name = e->name, .flags = e->flags};
	__be32 a[4];

	memcpy(a, e->addr.b, sizeof(a));
	n.check = lb_name_check(a);
	return bpf_map_update_elem(lb->names.fd, e->addr.b, &n, BPF_ANY) < 0 ? -errno : 0;
}

static struct lb_name_entry *take(struct lb *lb, struct ip_addr addr)
{
	struct lb_names *t = &lb->names;
	struct lb_name_entry e = {.addr = addr, .flags = LB_SLOT_V6};
	struct lb_addr6 a;

	if (t->fd <= 0 || (t->by_addr && hmap_len(t->by_addr) >= LB_NAMES_MAX))
		return NULL;
	do
		e.name = ++t->last;
	while (!e.name || (t->by_name && hmap_has(t->by_name, name_key(&e.name))));
	memcpy(a.addr, addr.b, sizeof(a.addr));
	a.name = e.name;
	if (bpf_map_update_elem(t->addrs_fd, &e.name, &a, BPF_ANY) < 0)
		return NULL;
	if (write_name(lb, &e) < 0) {
		bpf_map_delete_elem(t->addrs_fd, &e.name);
		return NULL;
	}
	remember(t, addr, e.name, e.flags);
	return hmap_get(t->by_addr, addr_key(&addr));
}

int lb_name_of(struct lb *lb, struct ip_addr addr, uint32_t *ret)
{
	struct lb_name_entry *e;

	if (ip_is4(addr)) {
		*ret = ip_to4(addr);
		return 0;
	}
	*ret = 0;
	if (ip_is_none(addr))
		return 0;
	e = lb->names.by_addr ? hmap_get(lb->names.by_addr, addr_key(&addr)) : NULL;
	if (!e)
		e = take(lb, addr);
	if (!e)
		return -ENOSPC;
	e->idle = false;
	*ret = e->name;
	return 0;
}

struct ip_addr lb_name_addr(const struct lb *lb, uint32_t name, bool v6)
{
	const struct lb_name_entry *e;

	if (!v6)
		return ip_of4(name);
	e = lb->names.by_name ? hmap_get(lb->names.by_name, name_key(&name)) : NULL;
	return e ? e->addr : (struct ip_addr){0};
}

static void use(struct lb *lb, uint32_t name)
{
	struct lb_name_entry *e = hmap_get(lb->names.by_name, name_key(&name));

	if (e)
		e->used = true;
}

static void mark_rows(struct lb *lb)
{
	for (uint32_t i = 0; i < lb->rows.cap; i++) {
		const struct lb_row *row = &lb->rows.v[i];

		if (!row->epoch || !(row->key.proto & LB_V6))
			continue;
		use(lb, row->key.addr);
		for (uint32_t k = 0; k < row->count; k++) {
			uint64_t raw = lb->slot[row->base + k];
			struct lb_slot s;

			memcpy(&s, &raw, sizeof(s));
			use(lb, s.addr);
		}
	}
}

void lb_names_sweep(struct lb *lb, bool whole)
{
	struct lb_names *t = &lb->names;
	struct lb_name_entry **gone = NULL;
	size_t n = 0, cap = 0;

	if (!t->by_addr || (!whole && hmap_len(t->by_addr) < 4 * t->live + 1024))
		return;
	mark_rows(lb);
	t->live = 0;
	hmap_for_each (it, t->by_addr) {
		struct lb_name_entry *e = it->value;

		if (!e->used && !(e->flags & ~LB_SLOT_V6) && e->idle)
			*ARRAY_PUSH(gone, n, cap) = e;
		t->live += e->used;
		e->idle = !e->used;
		e->used = false;
	}
	for (size_t i = 0; i < n; i++) {
		hmap_del(t->by_name, name_key(&gone[i]->name));
		bpf_map_delete_elem(t->fd, gone[i]->addr.b);
		bpf_map_delete_elem(t->addrs_fd, &gone[i]->name);
		hmap_del(t->by_addr, addr_key(&gone[i]->addr));
		free(gone[i]);
	}
	free(gone);
}

static int set_flags(struct lb *lb, struct ip_addr addr, uint16_t flags)
{
	struct lb_name_entry *e;
	uint32_t name;
	int r = lb_name_of(lb, addr, &name);

	if (r < 0)
		return r;
	e = hmap_get(lb->names.by_addr, addr_key(&addr));
	if (e->flags == (LB_SLOT_V6 | flags))
		return 0;
	e->flags = LB_SLOT_V6 | flags;
	return write_name(lb, e);
}

int lb_names_node(struct lb *lb, const struct ip_addr *addrs, size_t n)
{
	static const struct ip_addr loopback = {{[15] = 1}};
	bool any = false;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		if (!ip_is4(addrs[i])) {
			any = true;
			r = set_flags(lb, addrs[i], LB_SLOT_NODE);
		}
	if (any && r == 0)
		r = set_flags(lb, loopback, LB_SLOT_LOOPBACK);
	if (!lb->names.by_addr)
		return r;
	hmap_for_each (it, lb->names.by_addr) {
		struct lb_name_entry *e = it->value;
		size_t i = 0;

		while (i < n && !ip_eq(addrs[i], e->addr))
			i++;
		if (i < n || !(e->flags & LB_SLOT_NODE))
			continue;
		e->flags = LB_SLOT_V6;
		write_name(lb, e);
	}
	return r;
}

void lb_names_load(struct lb *lb)
{
	struct lb_names *t = &lb->names;
	uint32_t name, next, *at = NULL;

	while (t->fd > 0 && bpf_map_get_next_key(t->addrs_fd, at, &next) == 0) {
		struct lb_name n = {0};
		struct lb_addr6 a;
		struct ip_addr addr;

		name = next;
		at = &name;
		if (bpf_map_lookup_elem(t->addrs_fd, &name, &a) < 0)
			continue;
		memcpy(addr.b, a.addr, sizeof(addr.b));
		t->last = MAX(t->last, name);
		/* One half only: its writer was killed. Whoever wants it writes it anew. */
		if (bpf_map_lookup_elem(t->fd, addr.b, &n) == 0 && n.name == name)
			remember(t, addr, name, n.flags);
	}
}

void lb_names_done(struct lb_names *t)
{
	hmap_free(t->by_name);
	hmap_free_full(t->by_addr, free);
}
