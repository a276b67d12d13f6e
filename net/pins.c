/* SPDX-License-Identifier: Apache-2.0 */
#include "net/pins.h"
#include "lib/sys/file.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define BPF_FS_MAGIC 0xcafe4a11
#define SYS_BPFFS "/sys/fs/bpf"
#define RUN_DIR "/run/knarr/agent"

static char last_words[256]; /* libbpf's latest warning, for error messages */

static int keep_warning(enum libbpf_print_level level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
static int keep_warning(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	if (level == LIBBPF_WARN && !strstr(fmt, "failed to load object") &&
	    !strstr(fmt, "failed to load BPF skeleton")) {
		vsnprintf(last_words, sizeof(last_words), fmt, ap);
		last_words[strcspn(last_words, "\n")] = 0;
	}
	return 0;
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

/* The bpffs to use; with `create` it is there afterwards. */
static int find_bpffs(const char *run_dir, bool create, char **ret, struct err *err)
{
	CLEANUP_FREE char *own = xasprintf("%s/bpf", run_dir);
	int r;

	if (is_bpffs(own) || !is_bpffs(SYS_BPFFS)) {
		if (!is_bpffs(own)) {
			if (!create)
				return -ENOENT;
			r = dir_make(own, 0700);
			if (r < 0)
				return err_sys(err, -r, "cannot make %s", own);
			if (mount("bpf", own, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
				return err_sys(err, errno, "cannot mount a bpffs at %s: %s", own,
					       strerror(errno));
		}
		*ret = TAKE(own);
		return 0;
	}
	*ret = xstrdup(SYS_BPFFS);
	return 0;
}

/*
 * An agent with a run directory of its own (--root) is not the machine's: another may have a node
 * of the same name beside it. 0: the machine's.
 */
static uint32_t run_dir_mark(const char *run_dir)
{
	CLEANUP_FREE char *real = realpath(run_dir, NULL);
	uint32_t h = 0x811c9dc5; /* FNV-1a */

	if (real)
		run_dir = real;
	if (strcmp(run_dir, RUN_DIR) == 0)
		return 0;
	for (; *run_dir; run_dir++)
		h = (h ^ (unsigned char)*run_dir) * 0x01000193u;
	return h ? h : 1;
}

int pins_dir(const char *node, const char *run_dir, bool create, struct buf *ret_dir,
	     struct err *err)
{
	CLEANUP_FREE char *fs = NULL;
	CLEANUP_FREE char *dir = NULL;
	uint32_t mark;
	int r;

	if (!node || !*node || strchr(node, '/') || node[0] == '.')
		return err_sys(err, EINVAL, "a node name is needed");
	r = find_bpffs(run_dir, create, &fs, err);
	if (r < 0)
		return r;
	mark = strcmp(fs, SYS_BPFFS) == 0 ? run_dir_mark(run_dir) : 0;
	dir = mark ? xasprintf("%s/knarr/%s@%08x", fs, node, mark)
		   : xasprintf("%s/knarr/%s", fs, node);
	if (create) {
		r = dir_make(dir, 0700);
		if (r < 0)
			return err_sys(err, -r, "cannot make %s: %s", dir, strerror(-r));
	} else if (access(dir, F_OK) < 0) {
		return -errno;
	}
	buf_adds(ret_dir, dir);
	return 0;
}

/* Remove dir/<prefix>* except `keep` (may be NULL). */
static int remove_parts(const char *dir, const char *prefix, const char *keep)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(d))) {
		int q;

		if (strncmp(e->d_name, prefix, strlen(prefix)) != 0 || e->d_name[0] == '.' ||
		    (keep && strcmp(e->d_name, keep) == 0))
			continue;
		q = dir_remove_tree(dirfd(d), e->d_name);
		if (q < 0 && r == 0)
			r = q;
	}
	closedir(d);
	return r;
}

int pins_remove(const char *node, const char *run_dir, const char *part, struct err *err)
{
	CLEANUP(buf_done) struct buf dir = BUF_INIT;
	int r = pins_dir(node, run_dir, false, &dir, err);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	r = remove_parts(dir.p, part, NULL);
	if (r < 0)
		return err_sys(err, -r, "cannot unpin %s in %s: %s", part, dir.p, strerror(-r));
	/* The counters are everybody's: the last part takes them along. */
	if (rmdir(dir.p) < 0) {
		CLEANUP_FREE char *counters = xasprintf("%s/counters", dir.p);
		DIR *d = opendir(dir.p);
		int n = 0;

		for (struct dirent *e; d && (e = readdir(d));)
			n += e->d_name[0] != '.';
		if (d)
			closedir(d);
		if (n == 1 && unlink(counters) == 0)
			rmdir(dir.p);
	}
	*strrchr(dir.p, '/') = 0;
	rmdir(dir.p); /* "knarr", when no other node is left */
	pins_unmount(run_dir);
	return 0;
}

void pins_remove_other(const char *dir, const char *part, const char *keep)
{
	remove_parts(dir, part, keep);
}

void pins_unmount(const char *run_dir)
{
	CLEANUP_FREE char *own = xasprintf("%s/bpf", run_dir);
	CLEANUP_FREE char *knarr = xasprintf("%s/knarr", own);

	if (!is_bpffs(own) || access(knarr, F_OK) == 0)
		return;
	if (umount2(own, MNT_DETACH) == 0)
		rmdir(own);
}

int pins_use_map(struct bpf_map *map, const char *dir, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	CLEANUP_FD int fd = bpf_obj_get(path);
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);
	int r;

	if (fd >= 0) {
		if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
			return -errno;
		/* sk_storage has no size of its own: 0 in the object and in the kernel. */
		if (info.max_entries && info.max_entries != bpf_map__max_entries(map)) {
			r = bpf_map__set_max_entries(map, info.max_entries);
			if (r < 0)
				return r;
		}
	} else if (errno != ENOENT) {
		return -errno;
	}
	return bpf_map__set_pin_path(map, path);
}

int bpf_usable(struct err *err)
{
	libbpf_set_print(keep_warning);
	last_words[0] = 0;
	if (geteuid() != 0)
		return err_sys(err, EPERM, "the pod network needs root");
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return err_sys(
			err, EOPNOTSUPP,
			"no /sys/kernel/btf/vmlinux: the kernel needs CONFIG_DEBUG_INFO_BTF");
	return 0;
}

int bpf_load(struct bpf_object_skeleton *skel, const char *what, struct err *err)
{
	int r = bpf_object__load_skeleton(skel);

	if (r < 0)
		return err_sys(err, -r, "cannot load the %s BPF programs: %s%s%s", what,
			       strerror(-r), last_words[0] ? "; " : "", last_words);
	return 0;
}
