/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRI log lines: `2006-01-02T15:04:05.999999999Z stdout F text`, tag P for a piece of a line that
 * goes on in the next one (k8s.io/cri-api, kubelet/pkg/cri/streaming logs format).
 */
#include "agent/runtime/pod/pod.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define STAMP_LEN 30
static char line_buf[2 * POD_CHUNK];

static char *put_num(char *p, unsigned long v, int width)
{
	for (int i = width - 1; i >= 0; i--, v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + width;
}

/* Days to civil date: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", 2013. */
static void stamp(char out[STAMP_LEN])
{
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	long days = ts.tv_sec / 86400, sec = ts.tv_sec % 86400;
	unsigned long z = (unsigned long)days + 719468, era = z / 146097, doe = z - era * 146097;
	unsigned long yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned long doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	unsigned long d = doy - (153 * mp + 2) / 5 + 1, m = mp < 10 ? mp + 3 : mp - 9;
	char *p = put_num(out, yoe + era * 400 + (m <= 2), 4);
	*p++ = '-';
	p = put_num(p, m, 2);
	*p++ = '-';
	p = put_num(p, d, 2);
	*p++ = 'T';
	p = put_num(p, (unsigned long)sec / 3600, 2);
	*p++ = ':';
	p = put_num(p, (unsigned long)sec / 60 % 60, 2);
	*p++ = ':';
	p = put_num(p, (unsigned long)sec % 60, 2);
	*p++ = '.';
	p = put_num(p, (unsigned long)ts.tv_nsec, 9);
	*p = 'Z';
}

int log_open(struct pod_log *l)
{
	struct stat st;
	l->fd = openat(l->dir, l->name,
		       O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0640);
	if (l->fd < 0)
		return -errno;
	if (fstat(l->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		pod_close(&l->fd);
		return -EINVAL;
	}
	l->size = (uint64_t)st.st_size;
	return 0;
}

void log_close(struct pod_log *l)
{
	pod_close(&l->fd);
	pod_close(&l->dir);
}

/* NAME.n into out, which has room for it. */
static void numbered(char *out, const char *name, unsigned int n)
{
	size_t len = strlen(name);
	memcpy(out, name, len);
	out[len++] = '.';
	if (n >= 10)
		out[len++] = (char)('0' + n / 10 % 10);
	out[len++] = (char)('0' + n % 10);
	out[len] = 0;
}

int log_rotate(struct pod_log *l)
{
	char from[POD_NAME_MAX + 8], to[POD_NAME_MAX + 8];
	if (l->dir < 0)
		return 0;
	for (unsigned int i = l->files - 1; i > 1; i--) {
		numbered(from, l->name, i - 1);
		numbered(to, l->name, i);
		renameat(l->dir, from, l->dir, to);
	}
	numbered(to, l->name, 1);
	if (l->files > 1)
		renameat(l->dir, l->name, l->dir, to);
	else
		unlinkat(l->dir, l->name, 0);
	pod_close(&l->fd);
	return log_open(l);
}

/* Errors are swallowed: a full disk must not stop the container. */
static void log_flush(struct pod_log *l, size_t len)
{
	size_t done = 0;
	if (l->fd >= 0 && l->size > 0 && l->size + len > l->max)
		log_rotate(l);
	while (l->fd >= 0 && done < len) {
		ssize_t n = write(l->fd, line_buf + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	l->size += done;
}

void log_write(struct pod_log *l, bool is_err, const char *p, size_t len)
{
	char head[STAMP_LEN + 10];
	size_t used = 0;

	if (l->dir < 0)
		return;
	stamp(head);
	memcpy(head + STAMP_LEN, is_err ? " stderr F " : " stdout F ", 10);
	while (len > 0) {
		const char *nl = memchr(p, '\n', len);
		size_t text = nl ? (size_t)(nl - p) : len;
		if (used + STAMP_LEN + 10 + text + 1 > sizeof(line_buf)) {
			log_flush(l, used);
			used = 0;
		}
		memcpy(line_buf + used, head, STAMP_LEN + 10);
		if (!nl)
			line_buf[used + STAMP_LEN + 8] = 'P';
		used += STAMP_LEN + 10;
		memcpy(line_buf + used, p, text);
		used += text;
		line_buf[used++] = '\n';
		p += text + (nl ? 1 : 0);
		len -= text + (nl ? 1 : 0);
	}
	log_flush(l, used);
}
