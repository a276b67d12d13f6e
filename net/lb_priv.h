/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NET_LB_PRIV_H
#define KNARR_NET_LB_PRIV_H
#include "net/lb.h"
#include "lib/base/hmap.h"
#include "net/slots.h"
#include "bpf/abi/lb.h"
/* Inside of the balancer: lb.c (programs, links), lb_maps.c (contents), lb_stale.c (sockets). */

/* What the services map has under a key: one row a map entry. */
struct lb_row {
	struct lb_svc_key key;
	uint32_t base; /* slots; meaningful with count > 0 */
	uint32_t affinity_s;
	uint16_t count;
	uint16_t flags; /* LB_SVC_* */
	uint32_t epoch; /* of the last sync that named it; 0: the place is empty */
};

/* Open addressing over the 8-byte key, one array, no allocation a row. */
struct lb_rows {
	struct lb_row *v;
	uint32_t n, cap; /* cap: a power of two, or 0 */
	uint64_t seed;
};

struct lb_row *lb_rows_find(const struct lb_rows *t, const struct lb_svc_key *key);
/* Room for n rows without moving any. */
void lb_rows_reserve(struct lb_rows *t, uint32_t n);
/* The key must not be there; room was reserved. Epoch must be set by the caller at once. */
struct lb_row *lb_rows_add(struct lb_rows *t, const struct lb_svc_key *key);
void lb_rows_del(struct lb_rows *t, struct lb_row *row); /* moves other rows */
void lb_rows_done(struct lb_rows *t);

/* Names of IPv6 addresses; NULL maps while there are none. */
struct lb_names {
	struct hmap *by_addr, *by_name;
	int fd, addrs_fd; /* names6, addrs6 */
	uint32_t last;
	size_t live; /* in use at the last sweep */
};

struct lb_bpf;
struct reap_bpf;

struct lb {
	struct lb_bpf *skel; /* NULL: a view only */
	struct reap_bpf *reap; /* loaded at the first lb_kill_stale */
	char *dir; /* pins: <bpffs>/knarr/<node>/lb-v<N> */
	char *node_dir;
	int services_fd, node_addrs_fd, sources_fd, sources6_fd, backends_fd, sockets_fd,
		tcp_peers_fd;
	uint32_t max_services, max_backends;
	volatile uint64_t *slot; /* the backends map, mapped; slot[i] is a struct lb_slot */
	size_t slot_bytes;
	uint64_t *slot_mapped; /* bit i: chunk i of the array is mapped; see lb_slots_map */
	int slot_prot;
	struct slots *slots;
	struct lb_rows rows;
	struct lb_names names;
	uint32_t epoch;
	size_t n_sources; /* entries of the sources maps */
	size_t n_inside; /* rows of scope inside: fronts */
	/* Backends of runs given up since the last lb_kill_stale; some may still be in use. */
	struct lb_gone_key *gone;
	size_t n_gone, cap_gone;
};

/*
 * A run of slots is about to be read or written: map the chunks it lies in. Address space is kept
 * for the whole array, but the kernel's pages count as ours only where they are mapped.
 */
int lb_slots_map(struct lb *lb, uint32_t base, uint32_t count);
/* lb_sources.c: ranges of a front, before it is written; of these fronts, afterwards (`whole`: of
 * all others, too). */
int lb_sources_add(struct lb *lb, const struct lb_front *f);
void lb_sources_trim(struct lb *lb, const struct lb_front *fronts, size_t n, bool whole);
void lb_sources_load(struct lb *lb);
/*
 * lb_names.c: what stands for an address in keys and slots, made if need be (-ENOSPC); the way
 * back (none: a name nobody has). Names that nothing has any more are taken out, in the second
 * sweep that finds them so; without `whole` only when there are many.
 */
int lb_name_of(struct lb *lb, struct ip_addr addr, uint32_t *ret);
struct ip_addr lb_name_addr(const struct lb *lb, uint32_t name, bool v6);
void lb_names_sweep(struct lb *lb, bool whole);
int lb_names_node(struct lb *lb, const struct ip_addr *addrs, size_t n);
void lb_names_load(struct lb *lb);
void lb_names_done(struct lb_names *t);
/* A front's key in the maps. */
int lb_svc_key_of(struct lb *lb, struct lb_key k, uint8_t scope, struct lb_svc_key *ret);
/* Read the services map into rows and claim their slots. */
int lb_maps_load(struct lb *lb);
#endif
