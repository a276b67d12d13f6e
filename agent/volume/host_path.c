/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/stat.h>

#include "agent/volume/volume.h"
#include "lib/sys/file.h"
/* hostPath: a path of the node itself, checked by its `type` (pkg/volume/hostpath). */

static const struct {
	const char *type, *what;
	mode_t format;
	bool create;
} types[] = {
	{"DirectoryOrCreate", "a directory", S_IFDIR, true},
	{"Directory", "a directory", S_IFDIR, false},
	{"FileOrCreate", "a file", S_IFREG, true},
	{"File", "a file", S_IFREG, false},
	{"Socket", "a socket", S_IFSOCK, false},
	{"CharDevice", "a character device", S_IFCHR, false},
	{"BlockDevice", "a block device", S_IFBLK, false},
};

static int create(const char *path, mode_t format, struct err *err)
{
	int fd, r;

	if (format == S_IFDIR) {
		r = dir_make(path, 0755);
		return r < 0 ? err_sys(err, -r, "cannot make %s: %s", path, strerror(-r)) : 0;
	}
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(err, errno, "cannot make %s: %s", path, strerror(errno));
	close(fd);
	return 0;
}

int host_path_check(const char *path, struct str type, struct err *err)
{
	struct stat st;
	int r;

	if (!path || path[0] != '/')
		return err_sys(err, EINVAL, "hostPath \"%s\" is not an absolute path",
			       path ? path : "");
	if (!type.len)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (!str_eqs(type, types[i].type))
			continue;
		if (stat(path, &st) < 0) {
			if (errno != ENOENT || !types[i].create)
				return err_sys(err, errno == ENOENT ? ENODEV : errno,
					       "hostPath type check failed: %s is not %s", path,
					       types[i].what);
			r = create(path, types[i].format, err);
			if (r < 0)
				return r;
		} else if ((st.st_mode & S_IFMT) != types[i].format) {
			return err_sys(err, EINVAL, "hostPath type check failed: %s is not %s",
				       path, types[i].what);
		}
		return 0;
	}
	return err_sys(err, EINVAL, "%.*s is an invalid volume type", STR_ARG(type));
}

static int setup(struct volume *v, struct err *err)
{
	if (!v->path)
		v->path = jv_strdup(jv_get(v->json, "path"));
	return host_path_check(v->path, jv_text(jv_get(v->json, "type")), err);
}

const struct volume_plugin volume_host_path = {.key = "hostPath", .setup = setup};
