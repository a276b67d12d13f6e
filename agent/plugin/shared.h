/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_PLUGIN_SHARED_H
#define KNARR_PLUGIN_SHARED_H
#include "lib/base/err.h"
/*
 * Makes mounts below a directory be seen on both sides: by the node, and by containers that share
 * it (mountPropagation Bidirectional). Does nothing where the directory's mount is shared, as it is
 * wherever systemd runs; else it becomes a mount of its own.
 */
int dir_share(const char *dir, struct err *err);
#endif
