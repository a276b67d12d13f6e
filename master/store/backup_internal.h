/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_BACKUP_INTERNAL_H
#define KNARR_STORE_BACKUP_INTERNAL_H
#include "master/store/backup.h"

#define BACKUP_HEAD 88u

/* The header's checksum, with which that of the chunks goes on. */
uint32_t backup_head_encode(const struct store_backup_info *i, uint8_t p[BACKUP_HEAD]);
int backup_head_decode(const uint8_t *p, size_t len, struct store_backup_info *ret,
		       uint32_t *ret_crc);
#endif
