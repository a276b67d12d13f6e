/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_API_QUANTITY_H
#define KNARR_API_QUANTITY_H
#include "lib/base/buf.h"
/*
 * resource.Quantity ("100m", "1.5Gi", "2e3"): exact, as value * 10^scale in 128 bits, with the
 * canonical text form of k8s.io/apimachinery/pkg/api/resource: the largest suffix that leaves no
 * fraction, no digits after the point, finest step 1n (rounded up).
 */
enum quantity_format {
	QUANTITY_SI, /* m "" k M G T P E */
	QUANTITY_BINARY, /* Ki Mi Gi Ti Pi Ei */
	QUANTITY_EXPONENT, /* e3 */
};

struct quantity {
	__int128 nano; /* value in 10^-9 units; saturates */
	enum quantity_format format;
};

int quantity_parse(struct str s, struct quantity *ret); /* -EINVAL */
void quantity_format(struct quantity q, struct buf *out);
/* Parse and write back in canonical form; "0.5Gi" becomes "512Mi". -EINVAL. */
int quantity_canonical(struct str s, struct buf *out);
/* Rounded up, as Value() and MilliValue() do; saturate at INT64_MAX. */
int64_t quantity_value(struct quantity q);
int64_t quantity_milli(struct quantity q);
/* Straight from text: bytes of memory, or thousandths of a core; 0 when it is no quantity. */
int64_t quantity_str_value(struct str s);
int64_t quantity_str_milli(struct str s);
struct quantity quantity_of(int64_t v, enum quantity_format f);
struct quantity quantity_of_milli(int64_t v, enum quantity_format f);
static inline int quantity_cmp(struct quantity a, struct quantity b)
{
	return a.nano < b.nano ? -1 : a.nano > b.nano;
}
#endif
