/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NET_SLOTS_H
#define KNARR_NET_SLOTS_H
#include "lib/base/clock.h"
/*
 * Which runs of the balancer's backend array are in use: a buddy allocator, runs of 2^order slots.
 * A run that was given back rests for SLOTS_REST_NS: a BPF program may just have read the service
 * entry that pointed to it. When only resting runs are left, a membarrier(2) (which waits for
 * every running program) makes them free at once.
 */
struct slots;

#define SLOTS_ORDER_MAX 16 /* 65,536 slots */
#define SLOTS_REST_NS NSEC_PER_SEC

struct slots *slots_new(uint32_t n, const struct clock *clock);
struct slots *slots_free(struct slots *s);
/* The order whose runs hold `count` (1..65536). */
uint8_t slots_order(uint32_t count);
/* First slot of a run, or -ENOSPC. */
int64_t slots_take(struct slots *s, uint8_t order);
/* Mark a run as in use (found in a map of an earlier agent); -EEXIST when part of it is. */
int slots_claim(struct slots *s, uint32_t base, uint8_t order);
/* Give back a run, which then rests; `unused`: nobody ever saw it, so it needs no rest. */
void slots_give(struct slots *s, uint32_t base, uint8_t order, bool unused);
uint32_t slots_used(const struct slots *s); /* resting ones not counted */
#endif
