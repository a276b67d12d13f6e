/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLI_BACKUP_H
#define KNARR_CLI_BACKUP_H
#include "cli/cli.h"
#include "master/store/backup.h"

/* What a backup, or a store made anew, holds. */
void cli_print_backup(const struct store_backup_info *i, enum cli_output how);
/*
 * knarrctl member rebuild: a cluster of what this machine's master has, its others being lost. The
 * old store stays beside the new one; its name is appended to *ret_old.
 */
int member_rebuild(const char *data_dir, uint64_t bump, struct store_backup_info *ret,
		   struct buf *ret_old, struct err *err);
/* In DATA-DIR/master.json, if there is one: the store is of this cluster now. */
int member_set_cluster(const char *data_dir, uint64_t cluster, struct err *err);
#endif
