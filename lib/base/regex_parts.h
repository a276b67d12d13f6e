/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_REGEX_PARTS_H
#define KNARR_REGEX_PARTS_H
#include "lib/base/arena.h"
#include "lib/base/regex.h"

#include <ctype.h>
/* What regex.c and regex_parse.c share. */
#define RX_GROUPS_MAX 100
#define RX_NODES_MAX 10000

enum rx_op { RX_EMPTY, RX_CLASS, RX_ANY, RX_CAT, RX_ALT, RX_REPEAT, RX_GROUP, RX_ASSERT };
enum rx_assert { RX_BEGIN_TEXT, RX_END_TEXT, RX_BEGIN_LINE, RX_END_LINE, RX_WORD, RX_NO_WORD };
enum { RX_FOLD = 1, RX_MULTI = 2, RX_DOTNL = 4, RX_LAZY = 8 };

struct rx_range {
	uint32_t lo, hi;
	char pred; /* a class of characters in place of lo..hi */
	bool negate; /* of pred */
};

struct rx_node {
	enum rx_op op;
	unsigned flags;
	int min, max; /* RX_REPEAT (max -1: no end); group number; enum rx_assert */
	bool lazy, negate;
	struct rx_node *a, *b;
	struct rx_range *ranges;
	size_t n_ranges, cap_ranges;
};

struct rx_node *rx_parse(struct str pattern, struct arena *arena, size_t *ret_groups,
			 const char **names, struct err *err);
/* Next character; bytes that are no UTF-8 count as U+FFFD, one each. *at < end. */
uint32_t rx_utf8(const char **at, const char *end);
#endif
