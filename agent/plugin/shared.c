/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plugin/shared.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/base/buf.h"
#include "lib/sys/file.h"

/* "36 35 98:0 / /mnt rw,noatime shared:1 - ext3 ...": number first, marks up to the dash. */
static bool line_is_shared(struct str line, uint64_t id)
{
	struct str word;
	uint64_t n;

	if (!str_split(&line, ' ', &word) || str_to_u64(word, &n) < 0 || n != id)
		return false;
	while (str_split(&line, ' ', &word) && !str_eqs(word, "-"))
		if (str_starts(word, STR("shared:")))
			return true;
	return false;
}

/* 1: mounts below it are seen by others; 0: they are not. */
static int is_shared(const char *dir)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct str rest, line;
	struct statx st;
	int r;

	if (statx(AT_FDCWD, dir, AT_STATX_DONT_SYNC, STATX_MNT_ID, &st) < 0)
		return -errno;
	r = file_read(AT_FDCWD, "/proc/self/mountinfo", 64 << 20, &b);
	if (r < 0)
		return r;
	rest = buf_str(&b);
	while (str_split(&rest, '\n', &line))
		if (line_is_shared(line, st.stx_mnt_id))
			return 1;
	return 0;
}

int dir_share(const char *dir, struct err *err)
{
	int r = is_shared(dir);

	if (r < 0)
		return err_sys(err, -r, "cannot look at the mount of %s: %s", dir, strerror(-r));
	if (r)
		return 0;
	if (mount(dir, dir, NULL, MS_BIND | MS_REC, NULL) < 0 ||
	    mount(NULL, dir, NULL, MS_SHARED | MS_REC, NULL) < 0)
		return err_sys(err, errno, "cannot make %s a shared mount: %s", dir,
			       strerror(errno));
	return 0;
}
