/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_LE_H
#define KNARR_STORE_LE_H
#include "lib/base/base.h"

#include <endian.h>
/* Little-endian numbers at any alignment: the byte order of everything the store writes. */
static inline void le32_put(void *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, 4);
}
static inline void le64_put(void *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, 8);
}
static inline uint32_t le32_get(const void *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return le32toh(v);
}
static inline uint64_t le64_get(const void *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return le64toh(v);
}
#endif
