/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_BASE_H
#define KNARR_BASE_H
/*
 * First include of every C file: the standard headers, the few macros used everywhere, and the
 * ban on unsafe libc calls (banned.h), which must come after the system's own declarations.
 *
 * Ownership: one owner a pointer. Parameters are borrowed unless the function's name says `take`;
 * outputs are `ret_*` and are set only on success. Destructors take NULL and return NULL.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)                                  \
	({                                         \
		__typeof__(a) min_a_ = (a);        \
		__typeof__(b) min_b_ = (b);        \
		min_a_ < min_b_ ? min_a_ : min_b_; \
	})
#define MAX(a, b)                                  \
	({                                         \
		__typeof__(a) max_a_ = (a);        \
		__typeof__(b) max_b_ = (b);        \
		max_a_ > max_b_ ? max_a_ : max_b_; \
	})
#define container_of(ptr, type, member) \
	((type *)((char *)(1 ? (ptr) : &((type *)0)->member) - offsetof(type, member)))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NONNULL(...) __attribute__((nonnull(__VA_ARGS__)))
#define MUST_CHECK __attribute__((warn_unused_result))

#define NSEC_PER_SEC 1000000000ull
#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_USEC 1000ull

/*
 * CLEANUP(fn) runs fn(&var) when the variable leaves scope. DEFINE_CLEANUP(type, name, fn) makes
 * such a function from a destructor, e.g.
 *
 *	DEFINE_CLEANUP(struct hmap *, hmap_freep, hmap_free)
 *	CLEANUP(hmap_freep) struct hmap *m = hmap_new();
 *	...
 *	return TAKE(m);		// ownership moves out, nothing is freed
 */
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define DEFINE_CLEANUP(type, name, fn)    \
	static inline void name(type *p_) \
	{                                 \
		if (*p_)                  \
			fn(*p_);          \
	}
#define TAKE(p)                                \
	({                                     \
		__typeof__(p) take_tmp_ = (p); \
		(p) = NULL;                    \
		take_tmp_;                     \
	})
#define TAKE_FD(fd)                  \
	({                           \
		int take_fd_ = (fd); \
		(fd) = -1;           \
		take_fd_;            \
	})

static inline void base_freep(void *p)
{
	free(*(void **)p);
}
static inline void base_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define CLEANUP_FREE CLEANUP(base_freep)
#define CLEANUP_FD CLEANUP(base_closep)

/*
 * Allocation for sizes our own code chose: never returns NULL, aborts when memory is out. What
 * has a size from outside is bounded by the caller first.
 */
void *xmalloc(size_t size) __attribute__((malloc, alloc_size(1)));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, alloc_size(1, 2)));
void *xrealloc(void *p, size_t size) MUST_CHECK;
void *xmemdup(const void *p, size_t size);
char *xstrdup(const char *s); /* NULL gives NULL */
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);
#define NEW(type) ((type *)xcalloc(1, sizeof(type)))

/*
 * Grow a plain array: ARRAY_PUSH(v, n, cap) makes room for one more element and yields a pointer
 * to it (not zeroed). `v`, `n`, `cap` are lvalues; n is raised by one.
 */
#define ARRAY_PUSH(v, n, cap)                                      \
	({                                                         \
		if ((n) == (cap)) {                                \
			(cap) = (cap) ? (cap)*2 : 8;               \
			(v) = xrealloc((v), (cap) * sizeof(*(v))); \
		}                                                  \
		&(v)[(n)++];                                       \
	})

#include "lib/base/banned.h"
#endif
