/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may use a front from outside: an LPM trie of (front, source range). The ranges of a front are
 * there before the flag that makes programs look for them, and stay until after it is gone.
 */
#include "net/lb_priv.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>

#define FRONT_BITS (8 * sizeof(struct lb_svc_key))

static struct lb_source_key key_of(const struct lb_front *f, struct ip4_prefix range)
{
	return (struct lb_source_key){
		.prefixlen = FRONT_BITS + range.len,
		.svc = {f->key.addr, htons(f->key.port), f->key.proto, LB_SCOPE_OUTSIDE},
		.saddr = range.addr,
	};
}

int lb_sources_add(struct lb *lb, const struct lb_front *f)
{
	uint8_t one = 1;

	for (size_t i = 0; f->external && i < f->n_sources; i++) {
		struct lb_source_key k = key_of(f, f->sources[i]);

		if (bpf_map_update_elem(lb->sources_fd, &k, &one, BPF_NOEXIST) == 0)
			lb->n_sources++;
		else if (errno != EEXIST)
			return -errno;
	}
	return 0;
}

static bool wanted(const struct lb_source_key *k, const struct lb_front *f)
{
	for (size_t i = 0; f->external && i < f->n_sources; i++) {
		struct lb_source_key want = key_of(f, f->sources[i]);

		if (memcmp(&want, k, sizeof(want)) == 0)
			return true;
	}
	return false;
}

static bool is_of(const struct lb_source_key *k, const struct lb_front *f)
{
	return k->svc.addr == f->key.addr && k->svc.port == htons(f->key.port) &&
	       k->svc.proto == f->key.proto;
}

/* May the entry stay, as far as these fronts say? */
static bool stays(const struct lb_source_key *k, const struct lb_front *fronts, size_t n,
		  bool whole)
{
	for (size_t i = 0; i < n; i++)
		if (is_of(k, &fronts[i]))
			return wanted(k, &fronts[i]);
	return !whole;
}

void lb_sources_trim(struct lb *lb, const struct lb_front *fronts, size_t n, bool whole)
{
	struct lb_source_key *drop = NULL, key, next, *at = NULL;
	size_t n_drop = 0, cap = 0;

	if (!lb->n_sources)
		return;
	while (bpf_map_get_next_key(lb->sources_fd, at, &next) == 0) {
		key = next;
		at = &key;
		if (!stays(&key, fronts, n, whole))
			*ARRAY_PUSH(drop, n_drop, cap) = key;
	}
	for (size_t i = 0; i < n_drop; i++)
		if (bpf_map_delete_elem(lb->sources_fd, &drop[i]) == 0)
			lb->n_sources--;
	free(drop);
}

void lb_sources_load(struct lb *lb)
{
	struct lb_source_key key, next, *at = NULL;

	for (lb->n_sources = 0; bpf_map_get_next_key(lb->sources_fd, at, &next) == 0;) {
		key = next;
		at = &key;
		lb->n_sources++;
	}
}
