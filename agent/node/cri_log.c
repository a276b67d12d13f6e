/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/cri_log.h"

#include "lib/base/clock.h"

bool cri_log_line(struct log_filter *f, struct str line, struct buf *out)
{
	struct str when, stream, tag, rest = line;
	size_t before = out->len, add;
	bool partial;
	int64_t at;

	if (!str_split(&rest, ' ', &when) || !str_split(&rest, ' ', &stream) ||
	    !str_split(&rest, ' ', &tag) || str_is_null(rest))
		return true; /* no log line: a torn write */
	partial = str_eqs(tag, "P");
	if ((str_eqs(stream, "stdout") && !f->want_stdout) ||
	    (str_eqs(stream, "stderr") && !f->want_stderr))
		return true;
	if (f->since_ns && (time_parse(when, &at) < 0 || at < f->since_ns))
		return true;
	if (f->timestamps && !f->middle) {
		buf_addstr(out, when);
		buf_addc(out, ' ');
	}
	buf_addstr(out, rest);
	if (!partial)
		buf_addc(out, '\n');
	f->middle = partial;
	add = out->len - before;
	if (f->limit == UINT64_MAX)
		return true;
	if (add >= f->limit) {
		buf_setlen(out, before + (size_t)f->limit);
		f->limit = 0;
		return false;
	}
	f->limit -= add;
	return true;
}

static bool is_partial(struct str line)
{
	struct str skip;

	return str_split(&line, ' ', &skip) && str_split(&line, ' ', &skip) &&
	       str_split(&line, ' ', &skip) && str_eqs(skip, "P");
}

size_t cri_log_tail(struct str text, uint64_t n)
{
	size_t end = text.len;
	uint64_t lines = 0;

	if (!n)
		return text.len;
	while (end > 0) {
		size_t start = end - 1; /* the '\n' that ends this line */
		struct str line;

		while (start > 0 && text.p[start - 1] != '\n')
			start--;
		line = str_n(text.p + start, end - start);
		/* Going backwards, an F part (or the last line) begins a new one. */
		if ((!is_partial(line) || end == text.len) && ++lines > n)
			return end;
		end = start;
	}
	return 0;
}
