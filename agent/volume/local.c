/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/volume/claim.h"

#include <sys/stat.h>
/* Persistent volumes on the node itself: hostPath and local (pkg/volume/hostpath, local). */

int claim_host_path(struct volume *v, const struct claim *c, struct jv source, struct err *err)
{
	CLEANUP_FREE char *path = jv_strdup(jv_get(source, "path"));
	int r;

	if (v->block)
		return err_sys(err, EOPNOTSUPP, "hostPath volumes have no block mode");
	r = host_path_check(path, jv_text(jv_get(source, "type")), err);
	if (r < 0)
		return r;
	free(v->path);
	v->path = TAKE(path);
	return 0;
}

int claim_local(struct volume *v, const struct claim *c, struct jv source, struct err *err)
{
	CLEANUP_FREE char *path = jv_strdup(jv_get(source, "path"));
	struct stat st;
	int r = 0;

	if (!path || path[0] != '/')
		return err_sys(err, EINVAL, "local volume has no absolute path");
	if (stat(path, &st) < 0)
		return err_sys(err, errno == ENOENT ? ENODEV : errno, "path \"%s\" does not exist",
			       path);
	if (v->block && !S_ISBLK(st.st_mode))
		return err_sys(err, EINVAL, "path \"%s\" is not a block device", path);
	if (!v->block && !S_ISDIR(st.st_mode))
		return err_sys(err, EINVAL,
			       "path \"%s\" is not a directory: this node makes no file systems on "
			       "devices",
			       path);
	if (!v->block && !v->read_only)
		r = volume_give_to_group(v, path, err);
	if (r < 0)
		return r;
	free(v->path);
	v->path = TAKE(path);
	return 0;
}
