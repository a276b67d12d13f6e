/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_OBJECT_FILE_H
#define KNARR_OBJECT_FILE_H
#include "lib/base/timers.h"
/*
 * The objects of an informer in a file, one a line: what an agent that starts without a master
 * begins with. Read once, before the informer is started; written some seconds after a change, and
 * at the end, but only what a master has confirmed.
 */
struct object_file;
struct informer;

struct object_file *object_file_open(struct informer *in, struct timers *timers, const char *path);
/* Before the informer is freed. NULL is fine; returns NULL. */
struct object_file *object_file_close(struct object_file *f);
#endif
