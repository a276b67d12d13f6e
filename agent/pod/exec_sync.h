/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_EXEC_SYNC_H
#define KNARR_EXEC_SYNC_H
#include "agent/runtime/runtime.h"
#include "lib/base/timers.h"
/*
 * Run a program in a container and collect what it prints: for hooks and exec probes. Output
 * beyond 16 KB is thrown away (k8s.io/kubernetes/pkg/probe/exec: maxReadLength 10 KB).
 */
struct exec_sync;
struct uv_loop_s;
/* r < 0: it could not run, was lost, or -ETIMEDOUT; else its exit code. Runs exactly once. */
typedef void exec_sync_fn(void *user, int r, int code, struct str output, const struct err *err);
/* `argv` is NULL-terminated. Never calls back from inside. NULL is never returned. */
struct exec_sync *exec_sync_start(struct runtime *rt, struct uv_loop_s *loop, struct timers *timers,
				  const char *container_id, const char *const *argv,
				  uint64_t timeout_ns, exec_sync_fn *done, void *user);
/* Kill it; no callback any more. */
void exec_sync_cancel(struct exec_sync *x);
#endif
