/* SPDX-License-Identifier: Apache-2.0 */
/* `knarr-pod remove DIR`: delete what is in DIR, for the agent, which has better things to do. */
#include "agent/runtime/pod/pod.h"

#include <ftw.h>
#include <stdio.h>

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
