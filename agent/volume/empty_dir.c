/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "agent/volume/volume.h"
#include "lib/api/quantity.h"
/*
 * emptyDir: a directory of the node's disk, or a tmpfs with medium Memory, which lives as long as
 * the pod on this node (pkg/volume/emptydir).
 */
#define TMPFS_MAGIC_NUMBER 0x01021994

static bool in_memory(const struct volume *v)
{
	return jv_eqs(jv_get(v->json, "medium"), "Memory");
}

static bool is_tmpfs_mount(const char *path)
{
	CLEANUP_FREE char *parent = xasprintf("%s/..", path);
	struct statfs fs;
	struct stat st, up;

	return statfs(path, &fs) == 0 && fs.f_type == TMPFS_MAGIC_NUMBER && stat(path, &st) == 0 &&
	       stat(parent, &up) == 0 && st.st_dev != up.st_dev;
}

static int mount_memory(struct volume *v, struct err *err)
{
	uint64_t bytes = volume_conf(v)->mem_limit_bytes;
	int64_t limit = quantity_str_value(jv_text(jv_get(v->json, "sizeLimit")));
	char options[64] = "mode=0777";

	if (is_tmpfs_mount(v->path))
		return 0;
	if (limit > 0 && (!bytes || (uint64_t)limit < bytes))
		bytes = (uint64_t)limit;
	if (bytes)
		snprintf(options, sizeof(options), "mode=0777,size=%" PRIu64, bytes);
	if (mount("tmpfs", v->path, "tmpfs", MS_NOSUID | MS_NODEV, options) < 0)
		return err_sys(err, errno, "cannot mount tmpfs at %s: %s", v->path,
			       strerror(errno));
	return 1;
}

static int setup(struct volume *v, struct err *err)
{
	int64_t gid = volume_conf(v)->fs_group;
	mode_t mode = gid >= 0 ? 02777 : 0777;
	struct stat st;
	int r = 0;

	if (jv_exists(jv_get(v->json, "medium")) && !in_memory(v) &&
	    jv_text(jv_get(v->json, "medium")).len)
		return err_sys(err, EINVAL, "medium \"%.*s\" is not supported",
			       STR_ARG(jv_text(jv_get(v->json, "medium"))));
	if (v->ready)
		return 0;
	if (in_memory(v))
		r = mount_memory(v, err);
	if (r < 0)
		return r;
	if (stat(v->path, &st) < 0)
		return err_sys(err, errno, "cannot read %s: %s", v->path, strerror(errno));
	/* Only while it is as we made it: a container may have changed the directory since. */
	if ((st.st_mode & 07777) == 0755 && chmod(v->path, mode) < 0)
		return err_sys(err, errno, "cannot set mode of %s: %s", v->path, strerror(errno));
	if (gid >= 0 && st.st_gid != (gid_t)gid) {
		if (chown(v->path, (uid_t)-1, (gid_t)gid) < 0 || chmod(v->path, mode) < 0)
			return err_sys(err, errno, "cannot set group of %s: %s", v->path,
				       strerror(errno));
	}
	return r;
}

static int teardown(struct volume *v, struct err *err)
{
	while (is_tmpfs_mount(v->path))
		if (umount2(v->path, MNT_DETACH) < 0)
			return err_sys(err, errno, "cannot unmount %s: %s", v->path,
				       strerror(errno));
	return 0;
}

const struct volume_plugin volume_empty_dir = {
	.key = "emptyDir",
	.dir = "kubernetes.io~empty-dir",
	.setup = setup,
	.teardown = teardown,
};
