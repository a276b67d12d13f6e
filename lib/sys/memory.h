/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_MEMORY_H
#define KNARR_MEMORY_H
#include "lib/base/base.h"
/*
 * Giving memory back that a start has used and nothing needs any more. For processes of one thread.
 */
/*
 * Pages of a shared library's zeroed data (bss) that hold nothing but zeros are given back: some
 * libraries clear large tables at their start, which makes each page of them real. Their contents
 * do not change by it. `name` is a part of the file's name ("libcgroup.so"). The bytes given back.
 */
size_t memory_drop_zeros(const char *name);
/* What free() keeps for later goes back to the system. */
void memory_trim(void);
/*
 * The same, if that is at least `least` bytes, and more than what is in use: looking is cheap, for
 * a timer. What it was before; 0: left as it is.
 */
size_t memory_trim_loose(size_t least);
#endif
