/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/volume/claim.h"

#include <dirent.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/sys/file.h"
/*
 * nfs: mounted by mount(8) for each pod that uses it (pkg/volume/nfs), as a volume of its own or as
 * the source of a PersistentVolume:
 *
 *	POD_DIR/volumes/kubernetes.io~nfs/NAME
 *
 * A server that doesn't answer must hold up nobody: mounting is a program beside the agent,
 * unmounting lets go at once, and nothing here looks at what is on the server.
 */
#define DIR_OF "kubernetes.io~nfs"

static bool is_mounted(const char *path)
{
	struct statx st;

	return statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW, 0,
		     &st) == 0 &&
	       (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

bool nfs_stands(const struct volume *v)
{
	CLEANUP_FREE char *top = xasprintf("%s/volumes/" DIR_OF "/", volume_conf(v)->pod_dir);

	return !str_starts(str_of(v->path), str_of(top)) || is_mounted(v->path);
}

static int let_go(const char *path)
{
	int r = 0;

	while (r == 0 && umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		r = errno == EINVAL || errno == ENOENT ? 1 : -errno;
	return r < 0 ? r : 0;
}

int nfs_unmount_all(struct volume *v, struct err *err)
{
	CLEANUP_FREE char *top = xasprintf("%s/volumes/" DIR_OF, volume_conf(v)->pod_dir);
	DIR *d = opendir(top);
	struct dirent *e;
	int first = 0;

	while (d && (e = readdir(d))) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", top, e->d_name);
		int r = e->d_name[0] == '.' ? 0 : let_go(path);

		if (r < 0 && !first)
			first = err_sys(err, -r, "cannot unmount %s: %s", path, strerror(-r));
	}
	if (d)
		closedir(d);
	return first;
}

/* mountOptions of a PersistentVolume, and ro. */
static void options_of(struct jv list, bool read_only, struct buf *out)
{
	jv_for_each (o, list) {
		CLEANUP(buf_done) struct buf scratch = BUF_INIT;

		buf_addf(out, "%s%.*s", out->len ? "," : "", STR_ARG(jv_str(o.value, &scratch)));
	}
	if (read_only)
		buf_addf(out, "%sro", out->len ? "," : "");
}

static int mount_it(struct volume *v, struct str name, struct jv source, struct jv options,
		    struct err *err)
{
	struct pod_source *src = volume_conf(v)->source;
	CLEANUP_FREE char *server = jv_strdup(jv_get(source, "server"));
	CLEANUP_FREE char *path = jv_strdup(jv_get(source, "path")), *from = NULL, *to = NULL;
	CLEANUP(buf_done) struct buf with = BUF_INIT;
	const char *argv[10] = {"mount", "-t", "nfs"};
	size_t n = 3;
	int r;

	if (!server || !path || path[0] != '/' || server[0] == '-')
		return err_sys(err, EINVAL, "nfs volume without server and absolute path");
	to = xasprintf("%s/volumes/" DIR_OF "/%.*s", volume_conf(v)->pod_dir, STR_ARG(name));
	from = xasprintf(strchr(server, ':') && server[0] != '[' ? "[%s]:%s" : "%s:%s", server,
			 path);
	options_of(options, v->read_only, &with);
	if (with.len) {
		argv[n++] = "-o";
		argv[n++] = with.p;
	}
	argv[n++] = from;
	argv[n++] = to;
	if (!is_mounted(to)) {
		r = dir_make(to, 0750);
		if (r < 0)
			return err_sys(err, -r, "cannot make %s: %s", to, strerror(-r));
		r = src->ops->command(src, argv, err);
		if (r < 0)
			return r;
		if (!is_mounted(to))
			return err_sys(err, EIO, "mount of %s made no mount at %s", from, to);
	}
	free(v->path);
	v->path = TAKE(to);
	return 0;
}

int claim_nfs(struct volume *v, const struct claim *c, struct jv source, struct err *err)
{
	if (v->block)
		return err_sys(err, EOPNOTSUPP, "nfs volumes have no block mode");
	v->read_only |= jv_bool(jv_get(source, "readOnly"), false);
	return mount_it(v, c->volume_name, source, jv_path(c->volume, "spec.mountOptions"), err);
}

static int setup(struct volume *v, struct err *err)
{
	v->read_only = jv_bool(jv_get(v->json, "readOnly"), false);
	return v->ready ? 0 : mount_it(v, str_of(v->name), v->json, JV_NONE, err);
}

static bool adopt(struct volume *v)
{
	free(v->path);
	v->path = xasprintf("%s/volumes/" DIR_OF "/%s", volume_conf(v)->pod_dir, v->name);
	v->read_only = jv_bool(jv_get(v->json, "readOnly"), false);
	return is_mounted(v->path);
}

const struct volume_plugin volume_nfs = {
	.key = "nfs",
	.setup = setup,
	.teardown = nfs_unmount_all,
	.adopt = adopt,
};
