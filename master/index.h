/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_MASTER_INDEX_H
#define KNARR_MASTER_INDEX_H
#include "lib/api/index.h"
/* struct store_conf.index_value: how the store, which knows no API, finds a selectable field. */
static inline struct str index_value(void *user, struct str meta, struct str field)
{
	return api_index_field(meta, field);
}
#endif
