/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/log.h"
#include "lib/base/buf.h"

enum log_level log_max = LOG_LEVEL_INFO;

static const char *const names[] = {"emerg",   "alert",  "crit", "err",
				    "warning", "notice", "info", "debug"};

int log_level_parse(const char *name)
{
	for (int i = 0; i < (int)ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -EINVAL;
}

int log_write(enum log_level level, int r, const char *fmt, ...)
{
	static int tty = -1;
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	va_list ap;
	ssize_t n;

	if (tty < 0)
		tty = isatty(STDERR_FILENO);
	if (!tty)
		buf_addf(&b, "<%d>", (int)level);
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	if (r < 0)
		buf_addf(&b, ": %s", strerror(-r));
	/* One line stays one line, whatever bytes a message quotes. */
	for (size_t i = 0; i < b.len; i++)
		if (b.p[i] == '\n')
			b.p[i] = ' ';
	buf_addc(&b, '\n');
	n = write(STDERR_FILENO, b.p, b.len);
	(void)n;
	return r;
}
