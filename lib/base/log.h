/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_LOG_H
#define KNARR_LOG_H
#include "lib/base/str.h"
/*
 * Log lines of the daemons: one failure, one line, saying what it is about. Libraries below a
 * daemon's own modules return errors instead. Lines go to stderr as "<N>message" (sd-daemon(3)),
 * so that journald keeps the priority; on a terminal the prefix is left out.
 */
enum log_level {
	LOG_LEVEL_ERR = 3,
	LOG_LEVEL_WARN = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

extern enum log_level log_max; /* lines above it are dropped; LOG_LEVEL_INFO at start */
/* "err", "warning", "notice", "info", "debug", or -EINVAL. */
int log_level_parse(const char *name);
/* Logs and returns `r` (a negative errno is appended as text when negative, 0 is not). */
int log_write(enum log_level level, int r, const char *fmt, ...) PRINTF_LIKE(3, 4);
#define log_at(level, r, ...) ((level) <= log_max ? log_write((level), (r), __VA_ARGS__) : (r))
#define log_err(...) log_at(LOG_LEVEL_ERR, 0, __VA_ARGS__)
#define log_warn(...) log_at(LOG_LEVEL_WARN, 0, __VA_ARGS__)
#define log_notice(...) log_at(LOG_LEVEL_NOTICE, 0, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, 0, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, 0, __VA_ARGS__)
/* With an errno: log_err_r(-ENOENT, "cannot open %s", p) -> "cannot open p: No such file ..." */
#define log_err_r(r, ...) log_at(LOG_LEVEL_ERR, r, __VA_ARGS__)
#define log_warn_r(r, ...) log_at(LOG_LEVEL_WARN, r, __VA_ARGS__)
#endif
