/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent has done elsewhere because trees may be large:
 *	knarr-pod remove DIR	delete what is in DIR
 *	knarr-pod usage DIR	print "BYTES INODES" of DIR on stdout
 */
#include "agent/runtime/pod/pod.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st, (void)type;
	if (f->level > 0)
		remove(path); /* what can't be removed now is tried again at the next start */
	return 0;
}

int remove_main(const char *dir)
{
	return nftw(dir, remove_one, 64, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 ? 1 : 0;
}

static int64_t used_bytes, used_inodes;

static int count_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)path, (void)f;
	if (type != FTW_NS && type != FTW_DNR) {
		used_bytes += (int64_t)st->st_blocks * 512;
		used_inodes++;
	}
	return 0;
}

int usage_main(const char *dir)
{
	char text[64], *end;
	if (nftw(dir, count_one, 64, FTW_PHYS | FTW_MOUNT) < 0)
		return 1;
	end = put_i64(text, used_bytes);
	*end++ = ' ';
	end = put_i64(end, used_inodes);
	return write(1, text, (size_t)(end - text)) < 0;
}
