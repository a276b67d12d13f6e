/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/backup.h"
#include "lib/base/clock.h"
#include "lib/json/jv.h"
#include "lib/sys/file.h"

/* The number is always 16 digits: it is changed in its place, and all else stays as it is. */
int member_set_cluster(const char *data_dir, uint64_t cluster, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/master.json", data_dir);
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	char text[17];
	struct str old;
	int r = file_read(AT_FDCWD, path, 64u << 10, &b);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_sys(err, -r, "cannot read %s: %s", path, strerror(-r));
	old = jv_text(jv_get(jv_of(buf_str(&b)), "cluster"));
	if (old.len != 16)
		return 0; /* of a version that did not note it */
	snprintf(text, sizeof(text), "%016" PRIx64, cluster);
	memcpy(b.p + (old.p - b.p), text, 16);
	r = file_write_atomic(AT_FDCWD, path, buf_str(&b), 0600);
	return r < 0 ? err_sys(err, -r, "cannot write %s: %s", path, strerror(-r)) : 0;
}

int member_rebuild(const char *data_dir, uint64_t bump, struct store_backup_info *ret,
		   struct buf *ret_old, struct err *err)
{
	CLEANUP_FREE char *old = xasprintf("%s/store", data_dir);
	CLEANUP_FREE char *made = xasprintf("%s/store.rebuilt", data_dir);
	CLEANUP_FREE char *kept = xasprintf("%s/store.before-rebuild-%" PRId64, data_dir,
					    clock_real_ns(&clock_system) / (int64_t)NSEC_PER_SEC);
	struct store_restore conf = {
		.dir = made, .bump = bump, .drop_prefix = STORE_MASTERS_PREFIX};
	int r = store_rebuild(old, &conf, ret, err);

	if (r < 0)
		return r;
	if (rename(old, kept) < 0)
		return err_sys(err, errno, "cannot move %s away: %s", old, strerror(errno));
	if (rename(made, old) < 0)
		return err_sys(err, errno, "cannot put %s in place of %s: %s", made, old,
			       strerror(errno));
	buf_adds(ret_old, kept);
	return member_set_cluster(data_dir, ret->cluster, err);
}
