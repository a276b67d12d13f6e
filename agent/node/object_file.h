/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_OBJECT_FILE_H
#define KNARR_OBJECT_FILE_H
#include "lib/base/timers.h"
/*
 * The objects of an informer in a file: what an agent that starts without a master begins with.
 * Read once, before the informer is started. Each change that a master tells is appended at once (a
 * line is an object, or "-NAMESPACE/NAME" of one that went), so a killed agent loses nothing; it is
 * synced within a second, and written anew when half of it is outdated.
 */
struct object_file;
struct informer;

struct object_file *object_file_open(struct informer *in, struct timers *timers, const char *path);
/* Before the informer is freed. NULL is fine; returns NULL. */
struct object_file *object_file_close(struct object_file *f);
#endif
