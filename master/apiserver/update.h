/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_UPDATE_H
#define KNARR_APISERVER_UPDATE_H
#include "master/apiserver/write.h"
/* What PUT and PATCH share. */

/*
 * From the stored tree to a complete new one as the client has sent or patched it: names,
 * revision, defaults, and all of write_begin_update (or _create where PUT may create).
 */
int update_to(struct write *w, struct json_object *cur, struct json_object *obj, struct err *err);
/* 409 when obj names another revision or uid than the stored object has. */
int update_check_rv(struct write *w, struct json_object *obj, struct err *err);
#endif
