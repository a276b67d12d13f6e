/* SPDX-License-Identifier: Apache-2.0 */
/* OCI image manifests and indexes (image-spec 1.1), and docker's schema 2, which has the same form.
 */
#include "agent/image/helper/helper.h"
#include "lib/json/json_scan.h"
#include "lib/json/jw.h"

#include <sys/stat.h>
#include <sys/utsname.h>

#define DOC_MAX (4 << 20)
#define LAYERS_MAX 500

/* Go's name of this machine's architecture. */
static const char *machine(void)
{
	static const char *const names[][2] = {
		{"x86_64", "amd64"},    {"aarch64", "arm64"}, {"riscv64", "riscv64"},
		{"ppc64le", "ppc64le"}, {"s390x", "s390x"},   {"armv7l", "arm"},
	};
	static struct utsname u;

	uname(&u);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(u.machine, names[i][0]) == 0)
			return names[i][1];
	return u.machine;
}

bool is_index(struct jv doc, struct str media_type)
{
	if (jv_type(jv_get(doc, "mediaType")) == JV_STRING)
		media_type = jv_text(jv_get(doc, "mediaType"));
	return str_eqs(media_type, "application/vnd.oci.image.index.v1+json") ||
	       str_eqs(media_type, "application/vnd.docker.distribution.manifest.list.v2+json") ||
	       jv_type(jv_get(doc, "manifests")) == JV_ARRAY;
}

int index_pick(struct jv index, struct str *ret_digest, struct err *err)
{
	CLEANUP(buf_done) struct buf has = BUF_INIT;

	jv_for_each (it, jv_get(index, "manifests")) {
		struct jv p = jv_get(it.value, "platform");
		struct str os = jv_text(jv_get(p, "os")), arch = jv_text(jv_get(p, "architecture"));
		struct str digest = jv_text(jv_get(it.value, "digest"));

		if (!digest_valid(digest))
			return err_sys(err, EBADMSG, "manifests[].digest: no sha256 digest");
		/* An index of one without platforms means it for everybody. */
		if ((str_eqs(os, "linux") && str_eqs(arch, machine())) || !os.len) {
			*ret_digest = digest;
			return 0;
		}
		buf_addf(&has, "%s%.*s/%.*s", has.len ? ", " : "", STR_ARG(os), STR_ARG(arch));
	}
	return err_sys(err, ENOEXEC, "no image for linux/%s, only for: %s", machine(),
		       has.len ? has.p : "none");
}

int blob_read(struct source *s, struct str digest, struct buf *out, struct err *err)
{
	CLEANUP_FD int fd = -1;
	char got[DIGEST_LEN + 1];
	struct hash hash;
	ssize_t n;

	if (!digest_valid(digest))
		return err_sys(err, EBADMSG, "\"%.*s\" is no sha256 digest", STR_ARG(digest));
	fd = s->open_blob(s, digest, err);
	if (fd < 0)
		return fd;
	do {
		n = read(fd, buf_reserve(out, 65536), 65536);
		if (n > 0)
			buf_setlen(out, out->len + (size_t)n);
		if (out->len > DOC_MAX)
			return err_sys(err, EFBIG, "%.*s: more than 4 MiB", STR_ARG(digest));
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		return err_sys(err, errno, "cannot read %.*s: %s", STR_ARG(digest),
			       strerror(errno));
	hash_init(&hash);
	hash_add(&hash, out->p, out->len);
	hash_final(&hash, got);
	if (!str_eqs(digest, got))
		return err_sys(err, EBADMSG, "%.*s: its bytes have the digest %s", STR_ARG(digest),
			       got);
	return json_scan(buf_str(out), NULL, err);
}

static int check_platform(struct jv config, struct err *err)
{
	struct str os = jv_text(jv_get(config, "os")),
		   arch = jv_text(jv_get(config, "architecture"));

	if ((os.len && !str_eqs(os, "linux")) || (arch.len && !str_eqs(arch, machine())))
		return err_sys(err, ENOEXEC, "the image is for %.*s/%.*s, this machine is linux/%s",
			       STR_ARG(os), STR_ARG(arch), machine());
	return 0;
}

static int add_layer(struct helper *h, struct source *s, struct jv layer, struct str diff_id,
		     struct err *err)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP_FD int fd = -1;
	struct str digest = jv_text(jv_get(layer, "digest"));
	struct stat st;
	int r;

	if (!digest_valid(digest) || !digest_valid(diff_id))
		return err_sys(err, EBADMSG, "layers[%u]: no sha256 digest", h->layers_done);
	path = xasprintf("layers/%.*s", 64, diff_id.p + 7);
	if (fstatat(h->dir_fd, path, &st, 0) == 0)
		return 0;
	fd = s->open_blob(s, digest, err);
	if (fd < 0)
		return fd;
	r = layer_add(h, fd, diff_id, err);
	if (r < 0)
		err_prefix(err, "layer %.*s: ", STR_ARG(digest));
	return r;
}

static void report(struct helper *h, struct str manifest_digest, struct str config_digest,
		   struct str names, struct str repo_digests, struct jv diff_ids)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jw w = jw_start(&b);

	jw_begin_object(&w);
	jw_key(&w, "image");
	jw_begin_object(&w);
	jw_member_str(&w, "manifest", manifest_digest);
	jw_member_str(&w, "config", config_digest);
	jw_member_raw(&w, "names", names);
	jw_member_raw(&w, "repoDigests", repo_digests);
	jw_member_raw(&w, "layers", diff_ids.p ? jv_raw(diff_ids) : STR("[]"));
	jw_member_i64(&w, "size", (int64_t)h->bytes);
	jw_end_object(&w);
	jw_end_object(&w);
	buf_addc(&b, '\n');
	fwrite(b.p, 1, b.len, stdout);
	fflush(stdout);
}

int manifest_add(struct helper *h, struct source *s, struct str manifest, struct str names,
		 struct str repo_digests, struct err *err)
{
	CLEANUP(buf_done) struct buf config = BUF_INIT;
	char digest[DIGEST_LEN + 1], config_digest[DIGEST_LEN + 1];
	struct jv doc = jv_of(manifest), layers = jv_get(doc, "layers"), diff_ids;
	struct jv_iter id;
	int r = blob_read(s, jv_text(jv_path(doc, "config.digest")), &config, err);

	if (r < 0) {
		err_prefix(err, "config: ");
		return r;
	}
	diff_ids = jv_path(jv_of(buf_str(&config)), "rootfs.diff_ids");
	r = check_platform(jv_of(buf_str(&config)), err);
	if (r < 0)
		return r;
	if (jv_len(layers) != jv_len(diff_ids) || jv_len(layers) > LAYERS_MAX)
		return err_sys(err, EBADMSG,
			       "the manifest has %zu layers, its config %zu (at most %d)",
			       jv_len(layers), jv_len(diff_ids), LAYERS_MAX);
	h->step = "unpacking";
	h->layers_total = (uint32_t)jv_len(layers);
	h->layers_done = 0;
	h->bytes = 0;
	id = jv_iter_start(diff_ids, false);
	jv_for_each (layer, layers) {
		jv_iter_next(&id);
		r = add_layer(h, s, layer.value, jv_text(id.value), err);
		if (r < 0)
			return r;
		h->layers_done++;
		helper_progress(h, true);
	}
	r = blob_put(h, buf_str(&config), config_digest, err);
	if (!r)
		r = blob_put(h, manifest, digest, err);
	if (!r)
		report(h, str_of(digest), str_of(config_digest), names, repo_digests, diff_ids);
	return r;
}
