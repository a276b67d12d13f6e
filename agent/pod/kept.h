/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POD_KEPT_H
#define KNARR_POD_KEPT_H
#include "lib/base/buf.h"
/*
 * What a pod was given by the API, kept in POD_DIR/objects for a start without any master: the
 * ConfigMaps, Secrets and tokens it uses, a file each, 0600, gone with the pod. (The same bytes
 * stand in its volumes anyway.) A file that could not be written, or is torn, is as good as none.
 */
void kept_write(const char *pod_dir, const char *name, struct str bytes);
/* 0; -ENOENT. */
int kept_read(const char *pod_dir, const char *name, struct buf *ret);
/* Once everything was there: what is not kept did not exist then. */
bool kept_any(const char *pod_dir);
#endif
