/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Importing: an OCI image layout (a folder, or a tar of one), or a docker archive, which is turned
 * into the same manifest form on the way.
 */
#include "agent/image/helper/helper.h"
#include "agent/image/image.h"
#include "lib/json/json_scan.h"
#include "lib/json/jw.h"
#include "lib/sys/file.h"

#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define DOC_MAX (4 << 20)

struct layout {
	struct source source;
	int fd; /* the layout's folder */
	/* docker archives: digests of what is named by path there */
	struct file {
		char digest[DIGEST_LEN + 1];
		char *path;
	} * files;
	size_t n_files, cap_files;
};

static int open_beneath(int dir, const char *path)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EBADMSG;
	}
	return fd;
}

static int open_blob(struct source *s, struct str digest, struct err *err)
{
	struct layout *l = container_of(s, struct layout, source);
	CLEANUP_FREE char *path = NULL;
	int fd;

	for (size_t i = 0; i < l->n_files; i++)
		if (str_eqs(digest, l->files[i].digest))
			path = xstrdup(l->files[i].path);
	if (!path)
		path = xasprintf("blobs/sha256/%.*s", STR_ARG(str_skip(digest, 7)));
	fd = open_beneath(l->fd, path);
	return fd < 0 ? err_sys(err, fd, "%s: %s", path, strerror(-fd)) : fd;
}

static int read_doc(struct layout *l, const char *path, struct buf *out, struct err *err)
{
	CLEANUP_FD int fd = open_beneath(l->fd, path);
	ssize_t n;

	if (fd < 0)
		return err_sys(err, fd, "%s: %s", path, strerror(-fd));
	while ((n = read(fd, buf_reserve(out, 65536), 65536)) > 0) {
		buf_setlen(out, out->len + (size_t)n);
		if (out->len > DOC_MAX)
			return err_sys(err, EFBIG, "%s: more than 4 MiB", path);
	}
	if (n < 0)
		return err_sys(err, errno, "%s: %s", path, strerror(errno));
	n = json_scan(buf_str(out), NULL, err);
	if (n < 0)
		err_prefix(err, "%s: ", path);
	return (int)n;
}

static int write_name(struct jw *w, const char *name, struct err *err)
{
	char text[IMAGE_REF_MAX];
	struct image_ref ref;
	int r = image_ref_parse(name, &ref, err);

	if (r < 0)
		return r;
	image_ref_format(&ref, text);
	jw_str(w, str_of(text));
	return 0;
}

/* ["docker.io/library/busybox:latest"], or [] if there is no name. */
static int name_list(const char *name, struct buf *out, struct err *err)
{
	struct jw w = jw_start(out);
	int r;

	jw_begin_array(&w);
	r = name && *name ? write_name(&w, name, err) : 0;
	jw_end_array(&w);
	return r;
}

/*
 * What an entry of index.json is called: the caller's name if given (with the entry's tag if it
 * is only a tag), containerd's full name, or the reference if that is a whole name.
 */
static char *entry_name(struct jv entry, const char *given)
{
	struct jv a = jv_get(entry, "annotations");
	char *full = jv_strdup(jv_get(a, "io.containerd.image.name"));
	char *ref = jv_strdup(jv_get(a, "org.opencontainers.image.ref.name"));
	char *name;

	if (given) {
		const char *base = strrchr(given, '/');

		if (ref && !strpbrk(ref, "/:@") && !strpbrk(base ? base : given, ":@"))
			name = xasprintf("%s:%s", given, ref);
		else
			name = xstrdup(given);
	} else if (full) {
		name = xstrdup(full);
	} else {
		name = ref && strpbrk(ref, "/:") ? xstrdup(ref) : NULL;
	}
	free(full);
	free(ref);
	return name;
}

static int import_entry(struct helper *h, struct layout *l, struct jv entry, const char *given,
			struct err *err)
{
	CLEANUP(buf_done) struct buf doc = BUF_INIT;
	CLEANUP(buf_done) struct buf names = BUF_INIT;
	CLEANUP_FREE char *name = entry_name(entry, given);
	struct str digest = jv_text(jv_get(entry, "digest"));
	int r;

	if (!name)
		return err_sys(err, EINVAL,
			       "the image in the archive has no name: give it one with --name");
	r = name_list(name, &names, err);
	if (!r)
		r = blob_read(&l->source, digest, &doc, err);
	/* An index of platforms: one level, as docker and skopeo write them. */
	if (!r && is_index(jv_of(buf_str(&doc)), STR(""))) {
		CLEANUP(buf_done) struct buf inner = BUF_INIT;

		r = index_pick(jv_of(buf_str(&doc)), &digest, err);
		if (!r)
			r = blob_read(&l->source, digest, &inner, err);
		if (!r) {
			buf_done(&doc);
			doc = inner;
			inner = BUF_INIT;
		}
	}
	if (!r)
		r = manifest_add(h, &l->source, buf_str(&doc), buf_str(&names), STR("[]"), err);
	if (r < 0)
		err_prefix(err, "%s: ", name);
	return r;
}

static int import_oci(struct helper *h, struct layout *l, const char *given, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv manifests;
	int r = read_doc(l, "index.json", &b, err);

	if (r < 0)
		return r;
	manifests = jv_get(jv_of(buf_str(&b)), "manifests");
	if (!jv_len(manifests))
		return err_sys(err, EINVAL, "index.json: manifests: the layout holds no image");
	if (given && jv_len(manifests) > 1)
		return err_sys(err, EINVAL, "--name is for archives of one image, this holds %zu",
			       jv_len(manifests));
	jv_for_each (it, manifests) {
		r = import_entry(h, l, it.value, given, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Digest and size of a file of the archive, remembered so that open_blob finds it. */
static int describe(struct layout *l, const char *path, char digest[DIGEST_LEN + 1],
		    uint64_t *ret_size, struct err *err)
{
	CLEANUP_FD int fd = open_beneath(l->fd, path);
	CLEANUP_FREE char *block = xmalloc(65536);
	struct hash hash;
	struct file *f;
	uint64_t size = 0;
	ssize_t n;

	if (fd < 0)
		return err_sys(err, fd, "%s: %s", path, strerror(-fd));
	hash_init(&hash);
	while ((n = read(fd, block, 65536)) > 0) {
		hash_add(&hash, block, (size_t)n);
		size += (uint64_t)n;
	}
	hash_final(&hash, digest);
	if (n < 0)
		return err_sys(err, errno, "%s: %s", path, strerror(errno));
	f = ARRAY_PUSH(l->files, l->n_files, l->cap_files);
	f->path = xstrdup(path);
	str_copy(f->digest, sizeof(f->digest), str_n(digest, DIGEST_LEN));
	*ret_size = size;
	return 0;
}

static int write_descriptor(struct layout *l, struct jw *w, const char *path, const char *type,
			    struct err *err)
{
	char digest[DIGEST_LEN + 1];
	uint64_t size = 0;
	int r = describe(l, path, digest, &size, err);

	if (r < 0)
		return r;
	jw_begin_object(w);
	jw_member_str(w, "mediaType", str_of(type));
	jw_member_str(w, "digest", str_of(digest));
	jw_member_i64(w, "size", (int64_t)size);
	jw_end_object(w);
	return 0;
}

/* The OCI manifest that says what an element of docker's manifest.json says. */
static int docker_manifest(struct layout *l, struct jv entry, struct buf *out, struct err *err)
{
	CLEANUP_FREE char *config = jv_strdup(jv_get(entry, "Config"));
	struct jw w = jw_start(out);
	int r;

	if (!config)
		return err_sys(err, EINVAL, "manifest.json: Config: must be set");
	jw_begin_object(&w);
	jw_member_i64(&w, "schemaVersion", 2);
	jw_member_str(&w, "mediaType", STR("application/vnd.oci.image.manifest.v1+json"));
	jw_key(&w, "config");
	r = write_descriptor(l, &w, config, "application/vnd.oci.image.config.v1+json", err);
	if (r < 0)
		return r;
	jw_key(&w, "layers");
	jw_begin_array(&w);
	jv_for_each (it, jv_get(entry, "Layers")) {
		CLEANUP_FREE char *path = jv_strdup(it.value);

		r = path ? write_descriptor(l, &w, path, "application/vnd.oci.image.layer.v1.tar",
					    err)
			 : err_sys(err, EINVAL, "manifest.json: Layers: must be paths");
		if (r < 0)
			return r;
	}
	jw_end_array(&w);
	jw_end_object(&w);
	return 0;
}

static int docker_names(struct jv entry, const char *given, struct buf *out, struct err *err)
{
	struct jw w = jw_start(out);

	if (given)
		return name_list(given, out, err);
	if (!jv_len(jv_get(entry, "RepoTags")))
		return err_sys(err, EINVAL,
			       "the image in the archive has no name: give it one with --name");
	jw_begin_array(&w);
	jv_for_each (it, jv_get(entry, "RepoTags")) {
		CLEANUP_FREE char *name = jv_strdup(it.value);
		int r = write_name(&w, name ? name : "", err);

		if (r < 0)
			return r;
	}
	jw_end_array(&w);
	return 0;
}

static int import_docker(struct helper *h, struct layout *l, const char *given, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	int r = read_doc(l, "manifest.json", &b, err);

	if (r < 0)
		return r;
	if (!jv_len(jv_of(buf_str(&b))))
		return err_sys(err, EINVAL, "manifest.json: the archive holds no image");
	if (given && jv_len(jv_of(buf_str(&b))) > 1)
		return err_sys(err, EINVAL, "--name is for archives of one image");
	jv_for_each (it, jv_of(buf_str(&b))) {
		CLEANUP(buf_done) struct buf manifest = BUF_INIT;
		CLEANUP(buf_done) struct buf names = BUF_INIT;

		r = docker_names(it.value, given, &names, err);
		if (!r)
			r = docker_manifest(l, it.value, &manifest, err);
		if (!r)
			r = manifest_add(h, &l->source, buf_str(&manifest), buf_str(&names),
					 STR("[]"), err);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool has_file(int dir, const char *name)
{
	int fd = open_beneath(dir, name);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int import_folder(struct helper *h, int fd, const char *given, struct err *err)
{
	struct layout l = {.source.open_blob = open_blob, .fd = fd};
	int r;

	if (has_file(fd, "index.json"))
		r = import_oci(h, &l, given, err);
	else if (has_file(fd, "manifest.json"))
		r = import_docker(h, &l, given, err);
	else
		r = err_sys(err, EINVAL,
			    "neither an OCI image layout (index.json) nor a docker archive "
			    "(manifest.json)");
	for (size_t i = 0; i < l.n_files; i++)
		free(l.files[i].path);
	free(l.files);
	return r;
}

int import_run(struct helper *h, int from_fd, struct err *err)
{
	CLEANUP_FREE char *given = jv_strdup(jv_get(h->settings, "name"));
	CLEANUP_FREE char *tmp = xasprintf("tmp/import-%d", (int)getpid());
	CLEANUP_FD int to = -1;
	struct stat st;
	int r;

	if (fstat(from_fd, &st) < 0)
		return err_sys(err, errno, "%s", strerror(errno));
	if (S_ISDIR(st.st_mode))
		return import_folder(h, from_fd, given, err);
	h->step = "reading";
	if (mkdirat(h->dir_fd, tmp, 0700) < 0)
		return err_sys(err, errno, "cannot make %s: %s", tmp, strerror(errno));
	to = openat(h->dir_fd, tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = to < 0 ? err_sys(err, errno, "%s: %s", tmp, strerror(errno))
		   : unpack_tar(h, from_fd, to, false, NULL, err);
	if (!r)
		r = import_folder(h, to, given, err);
	dir_remove_tree(h->dir_fd, tmp);
	return r;
}
