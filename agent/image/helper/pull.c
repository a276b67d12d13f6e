/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pulling. Two processes: the first talks to the network and writes blobs into tmp/, without a
 * capability and after giving up the way to get one; when it has ended the other, which never had
 * a socket, is shut into the store and unpacks.
 */
#include "agent/image/helper/registry.h"
#include "lib/base/clock.h"
#include "lib/json/json_scan.h"
#include "lib/json/jw.h"
#include "lib/sys/file.h"

#include <signal.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define LAYERS_MAX 500
#define SAID_SO 3 /* exit code: the error line is out already */

struct pull {
	struct helper *h;
	struct image_ref ref;
	int tmp; /* tmp/ of the store */
	char manifest_name[64]; /* in it */
	struct source source;
};

/* ---- fetching ---- */

static int give_up_privileges(struct err *err)
{
	cap_t none = cap_init();
	int r = !none || cap_set_proc(none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
			? -errno
			: 0;
	cap_free(none);
	return r < 0 ? err_sys(err, -r, "cannot drop privileges: %s", strerror(-r)) : 0;
}

static void on_bytes(void *user, size_t n)
{
	struct helper *h = user;
	h->bytes += n;
	helper_progress(h, false);
}

static bool have_file(int dir, const char *name)
{
	struct stat st;
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool have_blob(struct pull *p, const char *digest)
{
	char name[80];
	snprintf(name, sizeof(name), "blob-%s", digest + 7);
	return have_file(p->tmp, name);
}

static int fetch_one(struct pull *p, struct registry *r, struct str digest, int64_t size,
		     struct err *err)
{
	struct registry_blob b = {.size = size > 0 ? (uint64_t)size : 0};
	if (!digest_valid(digest))
		return err_sys(err, EBADMSG, "config: no sha256 digest");
	str_copy(b.digest, sizeof(b.digest), digest);
	return have_blob(p, b.digest) ? 0
				      : registry_blobs(r, p->tmp, &b, 1, 1, on_bytes, p->h, err);
}

/* Blobs of those layers whose unpacked form isn't in the store. */
static int fetch_layers(struct pull *p, struct registry *r, struct jv manifest, struct jv diff_ids,
			struct err *err)
{
	struct jv layers = jv_get(manifest, "layers");
	struct registry_blob *blobs;
	struct jv_iter id = jv_iter_start(diff_ids, false);
	size_t n = 0;
	int e = 0;

	if (jv_len(layers) > LAYERS_MAX || jv_len(layers) != jv_len(diff_ids))
		return err_sys(err, EBADMSG, "the manifest has %zu layers, its config %zu",
			       jv_len(layers), jv_len(diff_ids));
	blobs = xcalloc(jv_len(layers) + 1, sizeof(*blobs));
	jv_for_each (it, layers) {
		struct str digest = jv_text(jv_get(it.value, "digest"));
		struct str diff = jv_iter_next(&id) ? jv_text(id.value) : STR_NULL;
		int64_t size = jv_i64(jv_get(it.value, "size"), 0);
		char path[96] = "";
		bool twice = false;
		if (!digest_valid(digest) || !digest_valid(diff) || size <= 0) {
			e = err_sys(err, EBADMSG, "layers[%zu]: no %s", n,
				    size <= 0 ? "size" : "sha256 digest");
			break;
		}
		snprintf(path, sizeof(path), "layers/%.64s", diff.p + 7);
		str_copy(blobs[n].digest, sizeof(blobs[n].digest), digest);
		blobs[n].size = (uint64_t)size;
		for (size_t i = 0; i < n; i++)
			twice |= strcmp(blobs[i].digest, blobs[n].digest) == 0;
		if (twice || have_file(p->h->dir_fd, path) || have_blob(p, blobs[n].digest))
			continue;
		p->h->total += blobs[n++].size;
		if (p->h->max_bytes && p->h->total > p->h->max_bytes) {
			e = err_sys(err, EFBIG, "the image is larger than %" PRIu64 " bytes",
				    p->h->max_bytes);
			break;
		}
	}
	p->h->layers_total = (uint32_t)n;
	p->h->step = "fetching";
	if (!e)
		e = registry_blobs(r, p->tmp, blobs, n,
				   (unsigned int)jv_i64(jv_get(p->h->settings, "parallel"), 4),
				   on_bytes, p->h, err);
	free(blobs);
	helper_progress(p->h, true);
	return e;
}

static void digest_of(struct str bytes, char ret[DIGEST_LEN + 1])
{
	struct hash hash;
	hash_init(&hash);
	hash_add(&hash, bytes.p, bytes.len);
	hash_final(&hash, ret);
}

/* The manifest for this machine, its bytes checked against the digest that led to it. */
static int get_manifest(struct pull *p, struct registry *r, struct buf *out, struct err *err)
{
	CLEANUP(buf_done) struct buf index = BUF_INIT;
	char want[DIGEST_LEN + 1] = "", got[DIGEST_LEN + 1];
	struct str picked;
	int e;

	str_copy(want, sizeof(want), str_of(p->ref.digest));
	e = registry_manifest(r, *want ? want : p->ref.tag, out, err);
	for (int level = 0; !e; level++) {
		digest_of(buf_str(out), got);
		if (*want && strcmp(want, got) != 0)
			return err_sys(err, EBADMSG, "manifest %s has the digest %s", want, got);
		if (!is_index(jv_of(buf_str(out)), STR_NULL))
			return jv_i64(jv_get(jv_of(buf_str(out)), "schemaVersion"), 0) == 2
				       ? 0
				       : err_sys(err, EINVAL, "manifest of an unsupported version");
		if (level > 2)
			return err_sys(err, EBADMSG, "indexes within indexes");
		buf_clear(&index);
		buf_addstr(&index, buf_str(out));
		e = index_pick(jv_of(buf_str(&index)), &picked, err);
		if (e)
			return e;
		str_copy(want, sizeof(want), picked);
		buf_clear(out);
		e = registry_manifest(r, want, out, err);
	}
	return e;
}

static int fetch_from(struct pull *p, const struct registry_conf *conf, struct err *err)
{
	CLEANUP(buf_done) struct buf manifest = BUF_INIT, config = BUF_INIT;
	struct registry *r = registry_new(conf);
	struct jv doc;
	int e = get_manifest(p, r, &manifest, err);
	if (!e) {
		doc = jv_of(buf_str(&manifest));
		e = fetch_one(p, r, jv_text(jv_path(doc, "config.digest")),
			      jv_i64(jv_path(doc, "config.size"), 0), err);
	}
	if (!e)
		e = blob_read(&p->source, jv_text(jv_path(doc, "config.digest")), &config, err);
	if (!e)
		e = fetch_layers(p, r, doc, jv_path(jv_of(buf_str(&config)), "rootfs.diff_ids"),
				 err);
	if (!e)
		e = file_write_atomic(p->tmp, p->manifest_name, buf_str(&manifest), 0600);
	registry_free(r);
	return e;
}

static void conf_of(struct pull *p, struct jv row, const char *host, struct registry_conf *ret)
{
	*ret = (struct registry_conf){
		.host = host,
		.repository = p->ref.repository,
		.plain_http = jv_bool(jv_get(row, "plainHTTP"), false),
		.skip_verify = jv_bool(jv_get(row, "skipVerify"), false),
		.ca_file = jv_strdup(jv_get(row, "caFile")), /* this process is short */
		.auths = jv_get(p->h->settings, "auths"),
	};
}

/* Mirrors first; the registry's own name has the last word. */
static int fetch(struct pull *p, struct err *err)
{
	struct registry_conf conf;
	struct jv own = JV_NONE;
	int e;

	jv_for_each (it, jv_get(p->h->settings, "registries")) {
		CLEANUP_FREE char *host = jv_strdup(jv_get(it.value, "host"));
		struct err ignored = ERR_INIT;
		if (jv_eqs(jv_get(it.value, "host"), p->ref.registry))
			own = it.value;
		if (!host || !jv_eqs(jv_get(it.value, "mirrorOf"), p->ref.registry))
			continue;
		conf_of(p, it.value, host, &conf);
		conf.auths = JV_NONE; /* they are the registry's, not its mirror's */
		e = fetch_from(p, &conf, &ignored);
		err_done(&ignored);
		if (!e)
			return 0;
	}
	conf_of(p, own, p->ref.registry, &conf);
	return fetch_from(p, &conf, err);
}

/* ---- both ---- */

static int open_blob(struct source *s, struct str digest, struct err *err)
{
	struct pull *p = container_of(s, struct pull, source);
	char name[96];
	int fd;
	snprintf(name, sizeof(name), "blob-%.64s", digest.p + 7);
	fd = openat(p->tmp, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT) {
		/* A pull that shares it was quicker, and has stored what was worth keeping. */
		snprintf(name, sizeof(name), "blobs/sha256/%.64s", digest.p + 7);
		fd = openat(p->h->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	}
	return fd < 0 ? err_sys(err, errno, "blob %.*s: %s", STR_ARG(digest), strerror(errno)) : fd;
}

static int fetch_in_child(struct pull *p, struct err *err)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		struct err mine = ERR_INIT;
		int r = prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ? -errno : give_up_privileges(&mine);
		if (!r)
			r = fetch(p, &mine);
		if (r < 0) {
			err_sys(&mine, -r, "%s", strerror(-r));
			helper_error(&mine);
		}
		_exit(r < 0 ? SAID_SO : 0);
	}
	if (pid < 0)
		return err_sys(err, errno, "fork: %s", strerror(errno));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == SAID_SO)
		return HELPER_SAID_SO;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0
		       ? 0
		       : err_sys(err, EIO, "the fetching process ended with status %d", status);
}

static void names_of(const struct pull *p, const char *digest, struct buf *names,
		     struct buf *digests)
{
	char text[IMAGE_REF_MAX];
	struct image_ref ref = p->ref;
	struct jw w = jw_start(names);
	ref.digest[0] = 0;
	jw_begin_array(&w);
	if (ref.tag[0]) {
		image_ref_format(&ref, text);
		jw_str(&w, str_of(text));
	}
	jw_end_array(&w);
	ref.tag[0] = 0;
	w = jw_start(digests);
	jw_begin_array(&w);
	/* By what was asked for (it may be an index), and by the manifest itself. */
	if (p->ref.digest[0] && strcmp(p->ref.digest, digest) != 0) {
		image_ref_format(&p->ref, text);
		str_copy(ref.digest, sizeof(ref.digest), str_of(p->ref.digest));
		image_ref_format(&ref, text);
		jw_str(&w, str_of(text));
	}
	str_copy(ref.digest, sizeof(ref.digest), str_of(digest));
	image_ref_format(&ref, text);
	jw_str(&w, str_of(text));
	jw_end_array(&w);
}

/* Blobs have been unpacked: only what a failure left for the next try stays. */
static void drop_blobs(struct pull *p, struct str manifest)
{
	char name[80];
	struct jv doc = jv_of(manifest);
	struct str config = jv_text(jv_path(doc, "config.digest"));
	snprintf(name, sizeof(name), "blob-%.64s", config.p + 7);
	unlinkat(p->tmp, name, 0);
	jv_for_each (it, jv_get(doc, "layers")) {
		struct str digest = jv_text(jv_get(it.value, "digest"));
		if (!digest_valid(digest))
			continue;
		snprintf(name, sizeof(name), "blob-%.64s", digest.p + 7);
		unlinkat(p->tmp, name, 0);
	}
}

static int unpack(struct pull *p, struct err *err)
{
	CLEANUP(buf_done) struct buf manifest = BUF_INIT, names = BUF_INIT, digests = BUF_INIT;
	char digest[DIGEST_LEN + 1];
	int r = file_read(p->tmp, p->manifest_name, 4 << 20, &manifest);
	unlinkat(p->tmp, p->manifest_name, 0);
	if (r < 0)
		return err_sys(err, -r, "the manifest is gone: %s", strerror(-r));
	r = json_scan(buf_str(&manifest), NULL, err);
	if (r < 0)
		return r;
	digest_of(buf_str(&manifest), digest);
	names_of(p, digest, &names, &digests);
	r = manifest_add(p->h, &p->source, buf_str(&manifest), buf_str(&names), buf_str(&digests),
			 err);
	if (r >= 0)
		drop_blobs(p, buf_str(&manifest));
	return r;
}

int pull_run(struct helper *h, struct err *err)
{
	struct pull p = {.h = h, .source.open_blob = open_blob};
	CLEANUP_FREE char *ref = jv_strdup(jv_get(h->settings, "ref"));
	int r = image_ref_parse(ref ? ref : "", &p.ref, err);
	if (r < 0)
		return r;
	if (mkdirat(h->dir_fd, "tmp", 0700) < 0 && errno != EEXIST)
		return err_sys(err, errno, "cannot make tmp: %s", strerror(errno));
	p.tmp = openat(h->dir_fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p.tmp < 0)
		return err_sys(err, errno, "cannot open tmp: %s", strerror(errno));
	snprintf(p.manifest_name, sizeof(p.manifest_name), "manifest-%d", (int)getpid());
	h->step = "resolving";
	helper_progress(h, true);
	r = fetch_in_child(&p, err);
	if (r == 0)
		r = helper_confine(h, err);
	if (r == 0)
		r = unpack(&p, err);
	close(p.tmp);
	return r;
}
