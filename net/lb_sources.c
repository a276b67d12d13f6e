/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may use a front from outside: an LPM trie of (front, source range). The ranges of a front are
 * there before the flag that makes programs look for them, and stay until after it is gone.
 */
#include "net/lb_priv.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>

#define FRONT_BITS (8 * sizeof(struct lb_svc_key))

/* An entry of either map. */
union key {
	struct {
		uint32_t prefixlen;
		struct lb_svc_key svc;
	};
	struct lb_source_key v4;
	struct lb_source6_key v6;
};

static int key_of(struct lb *lb, const struct lb_front *f, struct ip_prefix range, union key *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->prefixlen = FRONT_BITS + ip_prefix_bits(range);
	if (ip_is4(f->key.addr))
		ret->v4.saddr = ip_to4(range.addr);
	else
		memcpy(ret->v6.saddr, range.addr.b, sizeof(ret->v6.saddr));
	return lb_svc_key_of(lb, f->key, LB_SCOPE_OUTSIDE, &ret->svc);
}

/* The other family's say nothing: nobody of this one is let in by them. */
static bool is_for(const struct lb_front *f, size_t i)
{
	return ip_prefix_is4(f->sources[i]) == ip_is4(f->key.addr);
}

static int fd_of(const struct lb *lb, const union key *k)
{
	return k->svc.proto & LB_V6 ? lb->sources6_fd : lb->sources_fd;
}

int lb_sources_add(struct lb *lb, const struct lb_front *f)
{
	uint8_t one = 1;

	for (size_t i = 0; f->external && i < f->n_sources; i++) {
		union key k;
		int r = is_for(f, i) ? key_of(lb, f, f->sources[i], &k) : 0;

		if (r < 0)
			return r;
		if (!is_for(f, i))
			continue;
		if (bpf_map_update_elem(fd_of(lb, &k), &k, &one, BPF_NOEXIST) == 0)
			lb->n_sources++;
		else if (errno != EEXIST)
			return -errno;
	}
	return 0;
}

static bool wanted(struct lb *lb, const union key *k, const struct lb_front *f)
{
	for (size_t i = 0; f->external && i < f->n_sources; i++) {
		union key want;

		if (is_for(f, i) && key_of(lb, f, f->sources[i], &want) == 0 &&
		    memcmp(&want, k, sizeof(want)) == 0)
			return true;
	}
	return false;
}

/* May the entry stay, as far as these fronts say? */
static bool stays(struct lb *lb, const union key *k, const struct lb_front *fronts, size_t n,
		  bool whole)
{
	for (size_t i = 0; i < n; i++) {
		struct lb_svc_key svc;

		if (lb_svc_key_of(lb, fronts[i].key, LB_SCOPE_OUTSIDE, &svc) == 0 &&
		    memcmp(&svc, &k->svc, sizeof(svc)) == 0)
			return wanted(lb, k, &fronts[i]);
	}
	return !whole;
}

static void trim(struct lb *lb, int fd, const struct lb_front *fronts, size_t n, bool whole)
{
	union key *drop = NULL, key = {0}, next = {0}, *at = NULL;
	size_t n_drop = 0, cap = 0;

	while (bpf_map_get_next_key(fd, at, &next) == 0) {
		key = next;
		at = &key;
		if (!stays(lb, &key, fronts, n, whole))
			*ARRAY_PUSH(drop, n_drop, cap) = key;
	}
	for (size_t i = 0; i < n_drop; i++)
		if (bpf_map_delete_elem(fd, &drop[i]) == 0)
			lb->n_sources--;
	free(drop);
}

void lb_sources_trim(struct lb *lb, const struct lb_front *fronts, size_t n, bool whole)
{
	if (!lb->n_sources)
		return;
	trim(lb, lb->sources_fd, fronts, n, whole);
	trim(lb, lb->sources6_fd, fronts, n, whole);
}

static size_t count(int fd)
{
	union key key, next, *at = NULL;
	size_t n = 0;

	for (; bpf_map_get_next_key(fd, at, &next) == 0; n++) {
		key = next;
		at = &key;
	}
	return n;
}

void lb_sources_load(struct lb *lb)
{
	lb->n_sources = count(lb->sources_fd) + count(lb->sources6_fd);
}
