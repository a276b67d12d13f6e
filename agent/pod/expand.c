/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/expand.h"

size_t expand_vars(struct str in, expand_lookup_fn lookup, void *user, struct buf *out)
{
	size_t missing = 0;

	for (size_t i = 0; i < in.len; i++) {
		struct str rest = str_skip(in, i + 1), name, value;
		ssize_t end;

		if (in.p[i] != '$' || !rest.len) {
			buf_addc(out, in.p[i]);
			continue;
		}
		if (rest.p[0] == '$') {
			buf_addc(out, '$');
			i++;
			continue;
		}
		if (rest.p[0] != '(') {
			/* "$x" is no reference: both characters stand. */
			buf_add(out, in.p + i, 2);
			i++;
			continue;
		}
		end = str_chr(rest, ')');
		if (end < 0) {
			/* Unterminated: "$(" stands and reading goes on behind it. */
			buf_adds(out, "$(");
			i++;
			continue;
		}
		name = str_n(rest.p + 1, (size_t)end - 1);
		if (lookup(user, name, &value)) {
			buf_addstr(out, value);
		} else {
			buf_add(out, in.p + i, (size_t)end + 2);
			missing++;
		}
		i += (size_t)end + 1;
	}
	return missing;
}
