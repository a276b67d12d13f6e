/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/runtime/rootfs.h"

#include "agent/runtime/pod/kernel.h"
#include "lib/sys/file.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* What the kernel had to say about a failed fsconfig. */
static void fs_message(int fs, char *ret, size_t size)
{
	ssize_t n = read(fs, ret, size - 1);
	ret[0] = n > 0 ? ret[0] : 0;
	if (n > 0)
		ret[ret[n - 1] == '\n' ? n - 1 : n] = 0;
}

static int set(int fs, const char *key, const char *value)
{
	return k_fsconfig(fs, value ? K_FSCONFIG_SET_STRING : K_FSCONFIG_SET_FLAG, key, value);
}

/* One option a layer (Linux 6.8), which has no limit; before that one string of at most 4 KB. */
static int set_lower(int fs, const char *const *lower, size_t n)
{
	CLEANUP(buf_done) struct buf all = BUF_INIT;
	int r = 0;
	for (size_t i = 0; i < n && r >= 0; i++)
		r = set(fs, "lowerdir+", lower[i]);
	if (r != -EINVAL)
		return r;
	for (size_t i = 0; i < n; i++)
		buf_addf(&all, "%s%s", i ? ":" : "", lower[i]);
	return set(fs, "lowerdir", all.p);
}

static int overlay_config(int fs, const char *const *lower, size_t n, const char *upper,
			  const char *work)
{
	int r = set(fs, "source", "overlay");
	if (r >= 0)
		r = set_lower(fs, lower, n);
	if (r >= 0)
		r = set(fs, "upperdir", upper);
	if (r >= 0)
		r = set(fs, "workdir", work);
	if (r >= 0)
		set(fs, "volatile", NULL); /* since 5.10; a container's layer needs no sync */
	return r >= 0 ? k_fsconfig(fs, K_FSCONFIG_CMD_CREATE, NULL, NULL) : r;
}

int rootfs_overlay(const char *const *lower, size_t n, const char *upper, const char *work,
		   struct err *err)
{
	char why[256] = "";
	int r, mnt, fs;

	if (n == 0)
		return err_sys(err, EINVAL, "the image has no layers");
	fs = k_fsopen("overlay");
	if (fs < 0)
		return err_sys(err, -fs, "the kernel has no overlayfs: %s", strerror(-fs));
	r = overlay_config(fs, lower, n, upper, work);
	mnt = r < 0 ? r : k_fsmount(fs, 0);
	if (mnt < 0)
		fs_message(fs, why, sizeof(why));
	close(fs);
	if (mnt < 0)
		return err_sys(err, -mnt, "cannot mount the root file system: %s%s%s",
			       strerror(-mnt), *why ? ": " : "", why);
	return mnt;
}

/* Path inside a volume: links are resolved as if the volume were the whole world. */
static int open_sub_path(int base, const char *sub)
{
	char part[PATH_MAX];
	int fd = k_openat2(base, sub, O_PATH | O_CLOEXEC, 0,
			   K_RESOLVE_IN_ROOT | K_RESOLVE_NO_MAGICLINKS);
	if (fd != -ENOENT || str_copy(part, sizeof(part), str_of(sub)) < 0)
		return fd;
	/* Make what is missing, directory by directory, each parent opened inside the volume. */
	for (char *p = part;; p++) {
		char *slash = strchr(p, '/'), *name, end;
		CLEANUP_FD int parent = -1;
		p = slash ? slash : p + strlen(p);
		end = *p;
		*p = 0;
		name = strrchr(part, '/');
		name = name ? name + 1 : part;
		if (*name && strcmp(name, "..") != 0 && strcmp(name, ".") != 0) {
			char save = *name;
			*name = 0;
			parent = k_openat2(base, *part ? part : ".",
					   O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
					   K_RESOLVE_IN_ROOT | K_RESOLVE_NO_MAGICLINKS);
			*name = save;
			if (parent < 0)
				return parent;
			if (mkdirat(parent, name, 0750) < 0 && errno != EEXIST)
				return -errno;
		}
		if (!end)
			break;
		*p = end;
	}
	return k_openat2(base, sub, O_PATH | O_CLOEXEC, 0,
			 K_RESOLVE_IN_ROOT | K_RESOLVE_NO_MAGICLINKS);
}

static int open_source(const struct runtime_mount *m)
{
	CLEANUP_FD int base = open(m->source, O_PATH | O_CLOEXEC);
	if (base < 0)
		return -errno;
	if (!m->sub_path || !*m->sub_path)
		return TAKE_FD(base);
	return open_sub_path(base, m->sub_path);
}

static int set_attributes(int mnt, const struct runtime_mount *m)
{
	static const uint64_t propagation[] = {
		[RUNTIME_MOUNT_PRIVATE] = MS_PRIVATE,
		[RUNTIME_MOUNT_SLAVE] = MS_SLAVE,
		[RUNTIME_MOUNT_SHARED] = MS_SHARED,
	};
	struct k_mount_attr a = {.propagation = propagation[m->propagation]};
	int r;
	if (m->nosuid)
		a.attr_set |= K_MOUNT_ATTR_NOSUID;
	if (m->nodev)
		a.attr_set |= K_MOUNT_ATTR_NODEV;
	if (m->noexec)
		a.attr_set |= K_MOUNT_ATTR_NOEXEC;
	r = k_mount_setattr(mnt, "", K_AT_EMPTY_PATH | K_AT_RECURSIVE, &a);
	if (r < 0 || !m->read_only)
		return r;
	a = (struct k_mount_attr){.attr_set = K_MOUNT_ATTR_RDONLY};
	return k_mount_setattr(mnt, "",
			       K_AT_EMPTY_PATH | (m->recursive_read_only ? K_AT_RECURSIVE : 0), &a);
}

int rootfs_bind(const struct runtime_mount *m, bool *ret_is_dir, struct err *err)
{
	CLEANUP_FD int src = open_source(m);
	CLEANUP_FD int mnt = -1;
	struct stat st;
	int r;

	if (src < 0)
		return err_sys(err, -src, "cannot mount %s%s%s on %s: %s", m->source,
			       m->sub_path ? "/" : "", m->sub_path ? m->sub_path : "", m->target,
			       strerror(-src));
	if (fstat(src, &st) < 0)
		return err_sys(err, errno, "cannot look at %s: %s", m->source, strerror(errno));
	if (S_ISLNK(st.st_mode))
		return err_sys(err, ELOOP, "cannot mount the link %s", m->source);
	mnt = k_open_tree(src, "",
			  K_OPEN_TREE_CLONE | K_AT_EMPTY_PATH | K_AT_RECURSIVE | O_CLOEXEC);
	r = mnt < 0 ? mnt : set_attributes(mnt, m);
	if (r < 0)
		return err_sys(err, -r, "cannot bind %s for %s: %s", m->source, m->target,
			       strerror(-r));
	*ret_is_dir = S_ISDIR(st.st_mode);
	return TAKE_FD(mnt);
}

int rootfs_read(int root_fd, const char *path, size_t max, struct buf *out)
{
	char proc[64];
	struct stat st;
	CLEANUP_FD int fd = k_openat2(root_fd, path, O_PATH | O_CLOEXEC, 0,
				      K_RESOLVE_IN_ROOT | K_RESOLVE_NO_MAGICLINKS);
	if (fd < 0)
		return fd;
	/* Only now is it opened for reading: an image's FIFO or device would block or act. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -ENOENT;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	return file_read(AT_FDCWD, proc, max, out);
}

static int make_blank(void)
{
	static const char *const dirs[] = {"r", "shm", "empty", "proc"};
	const char *at = "/proc"; /* any directory does: nobody else sees this namespace */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("knarr", at, "tmpfs", MS_NODEV | MS_NOSUID | MS_NOEXEC, "mode=755,size=64k") <
		    0 ||
	    chdir(at) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdir(dirs[i], 0555) < 0)
			return -errno;
	if (syscall(SYS_pivot_root, ".", "r") < 0 || chdir("/") < 0 ||
	    umount2("/r", MNT_DETACH) < 0)
		return -errno;
	return 0;
}

int rootfs_blank_ns(struct err *err)
{
	int ready[2], hold[2], fd = -1, r = -EIO, status;
	char path[64], c;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe: %s", strerror(errno));
	if (pipe2(hold, O_CLOEXEC) < 0) {
		r = -errno;
		close(ready[0]);
		close(ready[1]);
		return err_sys(err, -r, "pipe: %s", strerror(-r));
	}
	pid = fork();
	if (pid == 0) {
		r = make_blank();
		close(hold[1]);
		if (write(ready[1], &r, sizeof(r)) == sizeof(r) && read(hold[0], &c, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(ready[1]);
	close(hold[0]);
	if (pid > 0 && read(ready[0], &r, sizeof(r)) == sizeof(r) && r == 0) {
		snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		r = fd < 0 ? -errno : 0;
	}
	close(ready[0]);
	close(hold[1]);
	if (pid > 0)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	if (r < 0)
		return err_sys(err, -r, "cannot make a mount namespace: %s", strerror(-r));
	return fd;
}
