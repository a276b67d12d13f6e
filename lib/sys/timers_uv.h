/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_TIMERS_UV_H
#define KNARR_TIMERS_UV_H
#include <uv.h>
#include "lib/base/timers.h"
/*
 * Drives a `struct timers` by one uv_timer_t of a libuv loop. Nothing wakes the process while no
 * timer is armed.
 */
struct timers_uv;
/* `ts` must outlive the driver. */
struct timers_uv *timers_uv_attach(struct timers *ts, uv_loop_t *loop);
/* Stops; the memory goes when the loop has run once more. NULL is fine. Returns NULL. */
struct timers_uv *timers_uv_detach(struct timers_uv *d);
#endif
