/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/image/store.h"
#include "lib/base/clock.h"
#include "lib/json/json_scan.h"
#include "lib/json/jw.h"
#include "lib/sys/file.h"

#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define LIST_MAX (16 << 20)
#define CONFIG_MAX (4 << 20)

static char *keep(struct image *m, char *take)
{
	*ARRAY_PUSH(m->strings, m->n_strings, m->cap_strings) = take;
	return take;
}

static void **keep_array(struct image *m, size_t n)
{
	void **a = xcalloc(n + 1, sizeof(*a));

	*ARRAY_PUSH(m->arrays, m->n_arrays, m->cap_arrays) = a;
	return a;
}

static void strings_free(char **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i]);
	free(v);
}

static void image_free(struct image *m)
{
	if (!m)
		return;
	strings_free(m->names, m->n_names);
	strings_free(m->repo_digests, m->n_digests);
	strings_free(m->layers, m->n_layers);
	strings_free(m->strings, m->n_strings);
	for (size_t i = 0; i < m->n_arrays; i++)
		free(m->arrays[i]);
	free(m->arrays);
	free(m);
}

static char **string_list(struct jv array, size_t *ret_n)
{
	char **v = xcalloc(jv_len(array) + 1, sizeof(*v));
	size_t n = 0;

	jv_for_each (it, array)
		if (jv_type(it.value) == JV_STRING)
			v[n++] = jv_strdup(it.value);
	*ret_n = n;
	return v;
}

static const char *const *config_list(struct image *m, struct jv array)
{
	void **a = keep_array(m, jv_len(array));
	size_t n = 0;

	jv_for_each (it, array)
		if (jv_type(it.value) == JV_STRING)
			a[n++] = keep(m, jv_strdup(it.value));
	return (const char *const *)a;
}

static const char *const *config_keys(struct image *m, struct jv object)
{
	void **a = keep_array(m, jv_len(object));
	size_t n = 0;

	jv_for_each_member (it, object) {
		struct buf b = BUF_INIT;

		jv_unescape(it.key, &b);
		a[n++] = keep(m, buf_take(&b));
	}
	return (const char *const *)a;
}

static const char *config_text(struct image *m, struct jv v)
{
	char *s = jv_strdup(v);

	return keep(m, s ? s : xstrdup(""));
}

/* A blob of the store, its digest checked: the helper wrote it from bytes of strangers. */
static int read_blob(struct image_store *s, struct str digest, struct buf *out, struct err *err)
{
	CLEANUP_FREE char *path = NULL;
	unsigned char md[32];
	char hex[65];
	int r;

	if (!str_starts(digest, STR("sha256:")) || digest.len != 71 || str_chr(digest, '/') >= 0)
		return err_sys(err, EINVAL, "\"%.*s\" is no sha256 digest", STR_ARG(digest));
	path = xasprintf("blobs/sha256/%.*s", 64, digest.p + 7);
	r = file_read(s->dir_fd, path, CONFIG_MAX, out);
	if (r < 0)
		return err_sys(err, r, "%s/%s: %s", s->dir, path, strerror(-r));
	EVP_Digest(out->p, out->len, md, NULL, EVP_sha256(), NULL);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", md[i]);
	if (memcmp(hex, digest.p + 7, 64) != 0)
		return err_sys(err, EBADMSG, "%s/%s: damaged, its bytes have another digest",
			       s->dir, path);
	return json_scan(buf_str(out), NULL, err);
}

/* Fills info.config from the image's config document. */
static int load_config(struct image_store *s, struct image *m, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct image_config *c = &m->info.config;
	struct jv doc, cfg;
	int r = read_blob(s, str_of(m->info.id), &b, err);

	if (r < 0)
		return r;
	doc = jv_of(buf_str(&b));
	cfg = jv_get(doc, "config");
	c->os = config_text(m, jv_get(doc, "os"));
	c->architecture = config_text(m, jv_get(doc, "architecture"));
	c->variant = config_text(m, jv_get(doc, "variant"));
	c->user = config_text(m, jv_get(cfg, "User"));
	c->working_dir = config_text(m, jv_get(cfg, "WorkingDir"));
	c->stop_signal = config_text(m, jv_get(cfg, "StopSignal"));
	c->env = config_list(m, jv_get(cfg, "Env"));
	c->entrypoint = config_list(m, jv_get(cfg, "Entrypoint"));
	c->cmd = config_list(m, jv_get(cfg, "Cmd"));
	c->volumes = config_keys(m, jv_get(cfg, "Volumes"));
	c->exposed_ports = config_keys(m, jv_get(cfg, "ExposedPorts"));
	return 0;
}

static void set_lower_dirs(struct image_store *s, struct image *m)
{
	void **a = keep_array(m, m->n_layers);

	/* layers stand bottom first, overlay wants the top-most first */
	for (size_t i = 0; i < m->n_layers; i++)
		a[i] = keep(m, xasprintf("%s/layers/%s", s->dir,
					 m->layers[m->n_layers - 1 - i] + strlen("sha256:")));
	m->info.lower_dirs = (const char *const *)a;
	m->info.n_lower_dirs = m->n_layers;
}

static void set_names(struct image *m)
{
	m->info.names = (const char *const *)m->names;
	m->info.repo_digests = (const char *const *)m->repo_digests;
}

/* One element of images.json, or what the helper reports (the same members). */
static int image_from_json(struct image_store *s, struct jv v, struct image **ret, struct err *err)
{
	struct image *m = NEW(struct image);
	int r;

	m->info.id = config_text(m, jv_get(v, "config"));
	m->info.digest = config_text(m, jv_get(v, "manifest"));
	m->names = string_list(jv_get(v, "names"), &m->n_names);
	m->repo_digests = string_list(jv_get(v, "repoDigests"), &m->n_digests);
	m->layers = string_list(jv_get(v, "layers"), &m->n_layers);
	m->info.size_bytes = (uint64_t)jv_i64(jv_get(v, "size"), 0);
	m->info.pinned = jv_bool(jv_get(v, "pinned"), false);
	m->info.created_ns = jv_i64(jv_get(v, "created"), 0);
	m->info.last_used_ns = jv_i64(jv_get(v, "lastUsed"), 0);
	r = load_config(s, m, err);
	for (size_t i = 0; !r && i < m->n_layers; i++)
		if (strlen(m->layers[i]) != 71 || strchr(m->layers[i], '/'))
			r = err_sys(err, EINVAL, "layers[%zu]: no digest", i);
	if (r < 0) {
		image_free(m);
		return r;
	}
	set_lower_dirs(s, m);
	set_names(m);
	*ret = m;
	return 0;
}

static void insert(struct image_store *s, struct image *m)
{
	size_t at = 0;

	while (at < s->n && strcmp(s->images[at]->info.id, m->info.id) < 0)
		at++;
	(void)ARRAY_PUSH(s->images, s->n, s->cap);
	memmove(s->images + at + 1, s->images + at, (s->n - 1 - at) * sizeof(*s->images));
	s->images[at] = m;
}

static void drop(struct image_store *s, size_t at)
{
	image_free(s->images[at]);
	memmove(s->images + at, s->images + at + 1, (s->n - at - 1) * sizeof(*s->images));
	s->n--;
}

struct image *image_store_by_id(struct image_store *s, struct str id)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_eqs(id, s->images[i]->info.id))
			return s->images[i];
	return NULL;
}

static int read_list(struct image_store *s, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct image **old = s->images;
	size_t n_old = s->n;
	int r = file_read(s->dir_fd, "images.json", LIST_MAX, &b);

	if (r == -ENOENT)
		buf_adds(&b, "{\"images\":[]}");
	else if (r < 0)
		return err_sys(err, r, "%s/images.json: %s", s->dir, strerror(-r));
	r = json_scan(buf_str(&b), NULL, err);
	if (r < 0) {
		err_prefix(err, "%s/images.json: ", s->dir);
		return r;
	}
	s->images = NULL;
	s->n = s->cap = 0;
	jv_for_each (it, jv_get(jv_of(buf_str(&b)), "images")) {
		struct image *m;

		/* A damaged image is left out: pulling it again mends it. */
		if (image_from_json(s, it.value, &m, NULL) == 0)
			insert(s, m);
	}
	for (size_t i = 0; i < n_old; i++) {
		struct image *m = image_store_by_id(s, str_of(old[i]->info.id));

		if (m)
			m->info.last_used_ns = MAX(m->info.last_used_ns, old[i]->info.last_used_ns);
		image_free(old[i]);
	}
	free(old);
	return 0;
}

int image_store_refresh(struct image_store *s, struct err *err)
{
	struct stat st = {0};
	uint64_t mtime;

	if (fstatat(s->dir_fd, "images.json", &st, 0) < 0 && errno != ENOENT)
		return err_sys(err, errno, "%s/images.json: %s", s->dir, strerror(errno));
	mtime = (uint64_t)st.st_mtim.tv_sec * NSEC_PER_SEC + (uint64_t)st.st_mtim.tv_nsec;
	if (st.st_ino == s->list_ino && mtime == s->list_mtime_ns)
		return 0;
	s->list_ino = st.st_ino;
	s->list_mtime_ns = mtime;
	return read_list(s, err);
}

static void write_strings(struct jw *w, const char *name, char **v, size_t n)
{
	jw_key(w, name);
	jw_begin_array(w);
	for (size_t i = 0; i < n; i++)
		jw_str(w, str_of(v[i]));
	jw_end_array(w);
}

static int write_list(struct image_store *s, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jw w = jw_start(&b);
	struct stat st;
	int r;

	jw_begin_object(&w);
	jw_key(&w, "images");
	jw_begin_array(&w);
	for (size_t i = 0; i < s->n; i++) {
		struct image *m = s->images[i];

		jw_begin_object(&w);
		jw_member_str(&w, "config", str_of(m->info.id));
		jw_member_str(&w, "manifest", str_of(m->info.digest));
		write_strings(&w, "names", m->names, m->n_names);
		write_strings(&w, "repoDigests", m->repo_digests, m->n_digests);
		write_strings(&w, "layers", m->layers, m->n_layers);
		jw_member_i64(&w, "size", (int64_t)m->info.size_bytes);
		jw_member_bool(&w, "pinned", m->info.pinned);
		jw_member_i64(&w, "created", m->info.created_ns);
		jw_member_i64(&w, "lastUsed", m->info.last_used_ns);
		jw_end_object(&w);
	}
	jw_end_array(&w);
	jw_end_object(&w);
	buf_addc(&b, '\n');
	r = file_write_atomic(s->dir_fd, "images.json", buf_str(&b), 0644);
	if (r < 0)
		return err_sys(err, r, "cannot write %s/images.json: %s", s->dir, strerror(-r));
	if (fstatat(s->dir_fd, "images.json", &st, 0) == 0) {
		s->list_ino = st.st_ino;
		s->list_mtime_ns =
			(uint64_t)st.st_mtim.tv_sec * NSEC_PER_SEC + (uint64_t)st.st_mtim.tv_nsec;
	}
	return 0;
}

int image_store_change(struct image_store *s, int (*change)(struct image_store *s, void *user),
		       void *user, struct err *err)
{
	CLEANUP_FD int lock = openat(s->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int r;

	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_sys(err, errno, "cannot lock %s: %s", s->dir, strerror(errno));
	r = image_store_refresh(s, err);
	if (!r)
		r = change(s, user);
	return r < 0 ? r : write_list(s, err);
}

static void remove_name(struct image *m, size_t at)
{
	free(m->names[at]);
	memmove(m->names + at, m->names + at + 1, (m->n_names - at) * sizeof(*m->names));
	m->n_names--;
}

static void add_string(char ***v, size_t *n, const char *text)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp((*v)[i], text) == 0)
			return;
	*v = xrealloc(*v, (*n + 2) * sizeof(**v));
	(*v)[(*n)++] = xstrdup(text);
	(*v)[*n] = NULL;
}

struct add {
	struct jv made;
	bool pinned;
	struct image *result;
	struct err *err;
};

static int add_image(struct image_store *s, void *user)
{
	struct add *a = user;
	struct image *m, *have;
	int r = image_from_json(s, a->made, &m, a->err);

	if (r < 0)
		return r;
	/* A name means one image: it moves from whatever had it. */
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < m->n_names; k++)
			for (size_t j = s->images[i]->n_names; j-- > 0;)
				if (strcmp(s->images[i]->names[j], m->names[k]) == 0)
					remove_name(s->images[i], j);
	have = image_store_by_id(s, str_of(m->info.id));
	if (have) {
		for (size_t i = 0; i < m->n_names; i++)
			add_string(&have->names, &have->n_names, m->names[i]);
		for (size_t i = 0; i < m->n_digests; i++)
			add_string(&have->repo_digests, &have->n_digests, m->repo_digests[i]);
		set_names(have);
		image_free(m);
		m = have;
	} else {
		m->info.created_ns = clock_real_ns(&clock_system);
		insert(s, m);
	}
	m->info.pinned |= a->pinned;
	a->result = m;
	return 0;
}

int image_store_add(struct image_store *s, struct jv made, bool pinned,
		    const struct image_info **ret, struct err *err)
{
	struct add a = {.made = made, .pinned = pinned, .err = err};
	int r = image_store_change(s, add_image, &a, err);

	if (!r)
		*ret = &a.result->info;
	return r;
}

int image_store_open(const struct image_conf *conf, struct image_store **ret, struct err *err)
{
	static const char *const subs[] = {"blobs/sha256", "layers", "tmp"};
	struct image_store *s;
	int r = 0, fd;

	for (size_t i = 0; !r && i < ARRAY_SIZE(subs); i++) {
		CLEANUP_FREE char *p = xasprintf("%s/%s", conf->dir, subs[i]);

		r = dir_make(p, 0711);
		if (r < 0)
			return err_sys(err, r, "cannot make the image store %s: %s", p,
				       strerror(-r));
	}
	fd = open(conf->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "cannot open the image store %s: %s", conf->dir,
			       strerror(errno));
	/* Set-id programs of images are not for the users of this machine. */
	if (fchmod(fd, 0700) < 0) {
		r = err_sys(err, errno, "cannot set the mode of %s: %s", conf->dir,
			    strerror(errno));
		close(fd);
		return r;
	}
	s = NEW(struct image_store);
	s->dir = xstrdup(conf->dir);
	s->helper = xstrdup(conf->helper);
	s->loop = conf->loop;
	s->n_registries = conf->n_registries;
	s->registries = xmemdup(conf->registries, conf->n_registries * sizeof(*conf->registries));
	for (size_t i = 0; i < s->n_registries; i++) {
		struct image_registry *g = &s->registries[i];

		g->host = xstrdup(g->host);
		g->mirror_of = xstrdup(g->mirror_of);
		g->ca_file = xstrdup(g->ca_file);
	}
	s->parallel_layers = conf->parallel_layers ? conf->parallel_layers : 4;
	s->max_image_bytes = conf->max_image_bytes ? conf->max_image_bytes : 64ull << 30;
	s->dir_fd = fd;
	list_init(&s->jobs);
	r = image_store_refresh(s, err);
	if (r < 0) {
		image_store_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* An id, or at least twelve digits of its start. */
static bool is_id_of(const char *ref, const char *id)
{
	size_t n;

	if (strncmp(ref, "sha256:", 7) == 0)
		ref += 7;
	n = strlen(ref);
	return n >= 12 && n <= 64 && strncmp(ref, id + 7, n) == 0;
}

static bool has_text(char **v, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i], text) == 0)
			return true;
	return false;
}

/* By name, digest or id; NULL if it is not here. */
static struct image *find(struct image_store *s, const char *ref, struct err *err)
{
	char name[IMAGE_REF_MAX], digest[IMAGE_REF_MAX];
	struct image_ref r;

	for (size_t i = 0; i < s->n; i++)
		if (is_id_of(ref, s->images[i]->info.id))
			return s->images[i];
	if (image_ref_parse(ref, &r, err) < 0)
		return NULL;
	snprintf(digest, sizeof(digest), "%s/%s@%s", r.registry, r.repository, r.digest);
	/* With a digest the tag says nothing. */
	if (r.digest[0])
		r.tag[0] = 0;
	image_ref_format(&r, name);
	for (size_t i = 0; i < s->n; i++) {
		struct image *m = s->images[i];

		if (r.digest[0] ? has_text(m->repo_digests, m->n_digests, digest)
				: has_text(m->names, m->n_names, name))
			return m;
	}
	err_sys(err, ENOENT, "image \"%s\" is not on this node", ref);
	return NULL;
}

int image_resolve(struct image_store *s, const char *ref, const struct image_info **ret,
		  struct err *err)
{
	struct err e = ERR_INIT;
	struct image *m;
	int r = image_store_refresh(s, err);

	if (r < 0)
		return r;
	m = find(s, ref, &e);
	if (!m) {
		r = -e.errnum;
		err_move(err, &e);
		return r;
	}
	err_done(&e);
	m->info.last_used_ns = clock_real_ns(&clock_system);
	*ret = &m->info;
	return 0;
}

const struct image_info *image_next(struct image_store *s, const struct image_info *after)
{
	if (!after)
		image_store_refresh(s, NULL);
	for (size_t i = 0; i < s->n; i++)
		if (!after || strcmp(s->images[i]->info.id, after->id) > 0)
			return &s->images[i]->info;
	return NULL;
}

/* Deletes layers and blobs that no image has any more. */
static void sweep(struct image_store *s, struct image *gone)
{
	for (size_t l = 0; l < gone->n_layers; l++) {
		CLEANUP_FREE char *path = NULL;
		bool used = false;

		for (size_t i = 0; i < s->n && !used; i++)
			used = s->images[i] != gone &&
			       has_text(s->images[i]->layers, s->images[i]->n_layers,
					gone->layers[l]);
		if (used)
			continue;
		path = xasprintf("layers/%s", gone->layers[l] + 7);
		dir_remove_tree(s->dir_fd, path);
	}
	for (int k = 0; k < 2; k++) {
		const char *digest = k ? gone->info.digest : gone->info.id;
		CLEANUP_FREE char *path = xasprintf("blobs/sha256/%s", digest + 7);

		if (strlen(digest) == 71)
			unlinkat(s->dir_fd, path, 0);
	}
}

static size_t position(struct image_store *s, const struct image *m)
{
	size_t i = 0;

	while (s->images[i] != m)
		i++;
	return i;
}

struct change_ref {
	const char *ref;
	bool pinned;
	struct err *err;
};

static int remove_image(struct image_store *s, void *user)
{
	struct change_ref *c = user;
	char name[IMAGE_REF_MAX];
	struct err e = ERR_INIT;
	struct image *m = find(s, c->ref, &e);
	struct image_ref r;

	if (!m) {
		int n = -e.errnum;

		err_move(c->err, &e);
		return n;
	}
	err_done(&e);
	if (!is_id_of(c->ref, m->info.id) && image_ref_parse(c->ref, &r, NULL) == 0) {
		image_ref_format(&r, name);
		for (size_t i = m->n_names; i-- > 0;)
			if (strcmp(m->names[i], name) == 0)
				remove_name(m, i);
		if (m->n_names)
			return 0;
	}
	sweep(s, m);
	drop(s, position(s, m));
	return 0;
}

int image_remove(struct image_store *s, const char *ref, struct err *err)
{
	struct change_ref c = {.ref = ref, .err = err};

	return image_store_change(s, remove_image, &c, err);
}

static int pin_image(struct image_store *s, void *user)
{
	struct change_ref *c = user;
	struct err e = ERR_INIT;
	struct image *m = find(s, c->ref, &e);

	if (m)
		m->info.pinned = c->pinned;
	else
		err_move(c->err, &e);
	return m ? 0 : -ENOENT;
}

int image_pin(struct image_store *s, const char *ref, bool pinned, struct err *err)
{
	struct change_ref c = {.ref = ref, .pinned = pinned, .err = err};

	return image_store_change(s, pin_image, &c, err);
}

struct gc {
	const struct image_gc_conf *conf;
	uint64_t freed;
};

static int collect(struct image_store *s, void *user)
{
	struct gc *g = user;
	int64_t now = clock_real_ns(&clock_system);

	while (g->freed < g->conf->want_free_bytes) {
		struct image *oldest = NULL;

		for (size_t i = 0; i < s->n; i++) {
			struct image *m = s->images[i];
			int64_t used = MAX(m->info.last_used_ns, m->info.created_ns);

			if (m->info.pinned || used + (int64_t)g->conf->min_age_ns > now ||
			    (g->conf->in_use && g->conf->in_use(g->conf->user, m->info.id)))
				continue;
			if (!oldest ||
			    used < MAX(oldest->info.last_used_ns, oldest->info.created_ns))
				oldest = m;
		}
		if (!oldest)
			break;
		g->freed += oldest->info.size_bytes;
		sweep(s, oldest);
		drop(s, position(s, oldest));
	}
	return 0;
}

int image_gc(struct image_store *s, const struct image_gc_conf *conf, uint64_t *ret_freed)
{
	struct gc g = {.conf = conf};
	int r = image_store_change(s, collect, &g, NULL);

	if (!r && ret_freed)
		*ret_freed = g.freed;
	return r;
}

int image_fs_usage(struct image_store *s, struct image_fs_usage *ret)
{
	struct statvfs v;

	if (fstatvfs(s->dir_fd, &v) < 0)
		return -errno;
	*ret = (struct image_fs_usage){
		.capacity_bytes = (uint64_t)v.f_blocks * v.f_frsize,
		.available_bytes = (uint64_t)v.f_bavail * v.f_frsize,
		.inodes = v.f_files,
		.inodes_free = v.f_ffree,
		.inodes_used = v.f_files - v.f_ffree,
	};
	for (size_t i = 0; i < s->n; i++)
		ret->used_bytes += s->images[i]->info.size_bytes;
	return 0;
}

void image_store_free(struct image_store *s)
{
	for (size_t i = 0; i < s->n; i++)
		image_free(s->images[i]);
	free(s->images);
	for (size_t i = 0; i < s->n_registries; i++) {
		free((char *)s->registries[i].host);
		free((char *)s->registries[i].mirror_of);
		free((char *)s->registries[i].ca_file);
	}
	free(s->registries);
	close(s->dir_fd);
	free(s->helper);
	free(s->dir);
	free(s);
}
