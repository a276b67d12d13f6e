/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/image/helper/registry.h"

#include "lib/base/codec.h"
#include "lib/json/json_scan.h"

#include <curl/curl.h>
#include <sys/file.h>

#define DOC_MAX (4 << 20)
#define TRIES 5
#define ACCEPT                                                        \
	"Accept: application/vnd.oci.image.index.v1+json, "           \
	"application/vnd.oci.image.manifest.v1+json, "                \
	"application/vnd.docker.distribution.manifest.list.v2+json, " \
	"application/vnd.docker.distribution.manifest.v2+json"

struct registry {
	struct registry_conf conf;
	char *base; /* "https://HOST/v2/REPOSITORY" */
	char *authorization; /* "Authorization: Bearer ..." that worked last, or NULL */
};

struct response {
	struct buf body;
	struct buf challenge; /* WWW-Authenticate */
	long status;
	size_t max;
	char curl_error[CURL_ERROR_SIZE];
};

struct registry *registry_new(const struct registry_conf *conf)
{
	struct registry *r = NEW(struct registry);
	const char *host = conf->host;
	r->conf = *conf;
	if (strcmp(host, "docker.io") == 0)
		host = "registry-1.docker.io";
	r->base = xasprintf("%s://%s/v2/%s", conf->plain_http ? "http" : "https", host,
			    conf->repository);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	return r;
}

struct registry *registry_free(struct registry *r)
{
	if (!r)
		return NULL;
	free(r->base);
	free(r->authorization);
	free(r);
	curl_global_cleanup();
	return NULL;
}

/* ---- one request ---- */

static size_t on_body(char *p, size_t size, size_t n, void *user)
{
	struct response *rs = user;
	if (rs->body.len + n > rs->max)
		return 0; /* ends the transfer */
	buf_add(&rs->body, p, n);
	return n;
}

static size_t on_header(char *p, size_t size, size_t n, void *user)
{
	struct response *rs = user;
	struct str line = str_trim(str_n(p, n)), name = STR("www-authenticate:");
	if (line.len > name.len && str_eq_nocase(str_n(line.p, name.len), name)) {
		if (rs->challenge.len == 0 ||
		    str_eq_nocase(str_n(str_trim(str_skip(line, name.len)).p,
					MIN(line.len - name.len, 6ul)),
				  STR("bearer"))) {
			buf_clear(&rs->challenge);
			buf_addstr(&rs->challenge, str_trim(str_skip(line, name.len)));
		}
	}
	return n;
}

static CURL *handle_new(struct registry *r, const char *url, struct curl_slist *headers)
{
	CURL *c = curl_easy_init();
	if (!c)
		abort();
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	/*
	 * Only a registry configured for HTTP may send us to HTTP: by a redirect, or by the realm
	 * of its challenge, where the password goes.
	 */
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, r->conf.plain_http ? "http,https" : "https");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR,
			 r->conf.plain_http ? "http,https" : "https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L); /* curl drops Authorization on the way */
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, 10L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 30L);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 100L);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, 60L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "knarr/" PACKAGE_VERSION);
	if (r->conf.skip_verify) {
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (r->conf.ca_file)
		curl_easy_setopt(c, CURLOPT_CAINFO, r->conf.ca_file);
	return c;
}

static int curl_errno(CURLcode code, CURL *c)
{
	long os = 0;
	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_OPERATION_TIMEDOUT:
		return ETIMEDOUT;
	case CURLE_COULDNT_CONNECT:
		curl_easy_getinfo(c, CURLINFO_OS_ERRNO, &os);
		return os > 0 ? (int)os : ECONNREFUSED;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return EHOSTUNREACH;
	case CURLE_WRITE_ERROR:
		return EFBIG;
	default:
		return EIO;
	}
}

/* GET, or POST with `form`. 0 whatever the status was; an errno when there was no answer. */
static int request(struct registry *r, const char *url, const char *authorization, const char *form,
		   struct response *rs, struct err *err)
{
	struct curl_slist *headers = curl_slist_append(NULL, ACCEPT);
	CURLcode code;
	CURL *c;
	int e;

	if (authorization)
		headers = curl_slist_append(headers, authorization);
	buf_clear(&rs->body);
	buf_clear(&rs->challenge);
	rs->max = DOC_MAX;
	rs->curl_error[0] = 0;
	c = handle_new(r, url, headers);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, rs->curl_error);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, rs);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, rs);
	if (form) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, form);
		/* 307 and 308 would take the refresh token in it along, to any host. */
		curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	}
	code = curl_easy_perform(c);
	e = curl_errno(code, c);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &rs->status);
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
	if (e)
		return err_sys(err, e, "%s: %s", url,
			       *rs->curl_error ? rs->curl_error : curl_easy_strerror(code));
	return 0;
}

/* ---- authorization: distribution/docs/spec/auth ---- */

/* key="value" of a challenge; the caller frees. */
static char *parameter(struct str challenge, const char *key)
{
	CLEANUP_FREE char *want = xasprintf("%s=\"", key);
	CLEANUP_FREE char *text = str_dup(challenge);
	char *at = text ? strcasestr(text, want) : NULL, *end;
	if (!at)
		return NULL;
	at += strlen(want);
	end = strchr(at, '"');
	return end ? xstrndup(at, (size_t)(end - at)) : NULL;
}

static char *basic(struct jv auth)
{
	CLEANUP(buf_done) struct buf plain = BUF_INIT, b64 = BUF_INIT;
	CLEANUP_FREE char *user = jv_strdup(jv_get(auth, "username"));
	CLEANUP_FREE char *pass = jv_strdup(jv_get(auth, "password"));
	if (!user || !*user)
		return NULL;
	buf_addf(&plain, "%s:%s", user, pass ? pass : "");
	base64_encode(buf_str(&plain), &b64);
	return xasprintf("Authorization: Basic %s", b64.p);
}

static void add_escaped(struct buf *b, const char *name, const char *value)
{
	char *e = value ? curl_easy_escape(NULL, value, 0) : NULL;
	if (e)
		buf_addf(b, "%s%s=%s", b->len ? "&" : "", name, e);
	curl_free(e);
}

static int token(struct registry *r, struct str challenge, struct jv auth, char **ret,
		 struct err *err)
{
	CLEANUP_FREE char *realm = parameter(challenge, "realm");
	CLEANUP_FREE char *service = parameter(challenge, "service");
	CLEANUP_FREE char *scope = parameter(challenge, "scope");
	CLEANUP_FREE char *identity = jv_strdup(jv_get(auth, "identityToken"));
	CLEANUP_FREE char *login = basic(auth);
	CLEANUP(buf_done) struct buf query = BUF_INIT;
	struct response rs = {.body = BUF_INIT, .challenge = BUF_INIT};
	struct jv v;
	int e;

	if (!realm)
		return err_sys(err, EIO, "%s: challenge without a realm", r->conf.host);
	if (!scope)
		scope = xasprintf("repository:%s:pull", r->conf.repository);
	add_escaped(&query, "service", service);
	add_escaped(&query, "scope", scope);
	if (identity && *identity) {
		add_escaped(&query, "grant_type", "refresh_token");
		add_escaped(&query, "client_id", "knarr");
		add_escaped(&query, "refresh_token", identity);
		e = request(r, realm, NULL, query.p, &rs, err);
	} else {
		CLEANUP_FREE char *url =
			xasprintf("%s%c%s", realm, strchr(realm, '?') ? '&' : '?', query.p);
		e = request(r, url, login, NULL, &rs, err);
	}
	if (!e && (rs.status != 200 || json_scan(buf_str(&rs.body), NULL, NULL) < 0))
		e = err_sys(err, rs.status == 401 || rs.status == 403 ? EACCES : EIO,
			    "%s answers %ld", realm, rs.status);
	if (!e) {
		v = jv_of(buf_str(&rs.body));
		CLEANUP_FREE char *t = jv_strdup(jv_get(v, "token"));
		if (!t)
			t = jv_strdup(jv_get(v, "access_token"));
		if (t)
			*ret = xasprintf("Authorization: Bearer %s", t);
		else
			e = err_sys(err, EIO, "%s gives no token", realm);
	}
	buf_done(&rs.body);
	buf_done(&rs.challenge);
	return e;
}

/* What to answer a challenge with, for one set of credentials (JV_NONE: anonymous). */
static int answer(struct registry *r, struct str challenge, struct jv auth, char **ret,
		  struct err *err)
{
	CLEANUP_FREE char *given = jv_strdup(jv_get(auth, "registryToken"));
	*ret = NULL;
	if (given && *given) {
		*ret = xasprintf("Authorization: Bearer %s", given);
		return 0;
	}
	if (challenge.len >= 6 && str_eq_nocase(str_n(challenge.p, 6), STR("bearer")))
		return token(r, challenge, auth, ret, err);
	*ret = basic(auth);
	return *ret ? 0 : err_sys(err, EACCES, "no basic auth credentials");
}

static int status_error(struct registry *r, const char *what, const struct response *rs,
			struct err *err)
{
	CLEANUP_FREE char *message = NULL;
	int e = rs->status == 404                        ? ENOENT
		: rs->status == 401 || rs->status == 403 ? EACCES
		: rs->status == 429                      ? EBUSY
							 : EIO;
	if (json_scan(buf_str(&rs->body), NULL, NULL) >= 0)
		message = jv_strdup(jv_path(jv_of(buf_str(&rs->body)), "errors[0].message"));
	if (e == ENOENT)
		return err_sys(err, e, "%s/%s:%s: not found", r->conf.host, r->conf.repository,
			       what);
	if (e == EACCES)
		return err_sys(err, e,
			       "pull access denied for %s/%s, repository does not exist or may "
			       "require authorization: %s",
			       r->conf.host, r->conf.repository,
			       message ? message : "unauthorized");
	return err_sys(err, e, "%s/%s:%s: the registry answers %ld%s%s", r->conf.host,
		       r->conf.repository, what, rs->status, message ? ": " : "",
		       message ? message : "");
}

/* Ask again with each of the credentials; the first that is let in is kept. */
static int authorize(struct registry *r, const char *url, struct response *rs, struct err *err)
{
	CLEANUP_FREE char *challenge = xstrdup(rs->challenge.p);
	size_t n = jv_len(r->conf.auths), i = 0;
	struct jv_iter it = jv_iter_start(r->conf.auths, false);
	int e = -EACCES;

	for (; i <= n; i++) {
		struct jv auth = i < n && jv_iter_next(&it) ? it.value : JV_NONE;
		char *authorization;
		err_clear(err);
		e = answer(r, str_of(challenge), auth, &authorization, err);
		if (e < 0)
			continue;
		e = request(r, url, authorization, NULL, rs, err);
		free(r->authorization);
		r->authorization = authorization;
		if (e < 0 || (rs->status != 401 && rs->status != 403))
			return e;
	}
	return rs->status == 401 || rs->status == 403 ? 0 : e;
}

int registry_manifest(struct registry *r, const char *reference, struct buf *out, struct err *err)
{
	CLEANUP_FREE char *url = xasprintf("%s/manifests/%s", r->base, reference);
	struct response rs = {.body = BUF_INIT, .challenge = BUF_INIT};
	struct err mine = ERR_INIT;
	int e = 0;

	for (int try = 0; try < 3; try++) {
		err_clear(&mine);
		e = request(r, url, r->authorization, NULL, &rs, &mine);
		if (!e && rs.status == 401)
			e = authorize(r, url, &rs, &mine);
		if (!e && rs.status < 500 && rs.status != 429)
			break;
		if (e == -ECONNREFUSED || e == -EHOSTUNREACH || e == -EACCES)
			break;
		usleep(200000u << try);
	}
	if (!e && rs.status != 200)
		e = status_error(r, reference, &rs, &mine);
	if (!e)
		e = json_scan(buf_str(&rs.body), NULL, &mine);
	if (!e)
		buf_addstr(out, buf_str(&rs.body));
	err_move(err, &mine);
	buf_done(&rs.body);
	buf_done(&rs.challenge);
	return e;
}

/* ---- blobs, several at once ---- */

struct fetch {
	struct registry *r;
	const struct registry_blob *blob;
	CURL *c;
	struct curl_slist *headers;
	struct hash hash;
	int dir, fd, tries, error;
	uint64_t have;
	char name[96], curl_error[CURL_ERROR_SIZE];
	void (*on_bytes)(void *user, size_t n);
	void *user;
	bool checked_status;
};

static size_t on_blob(char *p, size_t size, size_t n, void *user)
{
	struct fetch *f = user;
	long status = 0;

	curl_easy_getinfo(f->c, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200 && status != 206)
		return n; /* an error's text */
	if (!f->checked_status && f->have > 0 && status == 200) {
		/* It does not do ranges: from the beginning. */
		if (ftruncate(f->fd, 0) < 0 || lseek(f->fd, 0, SEEK_SET) < 0)
			return 0;
		f->have = 0;
		hash_init(&f->hash);
	}
	f->checked_status = true;
	if (f->blob->size && f->have + n > f->blob->size) {
		f->error = EFBIG;
		return 0;
	}
	for (size_t at = 0; at < n;) {
		ssize_t w = write(f->fd, p + at, n - at);
		if (w < 0) {
			f->error = errno;
			return 0;
		}
		at += (size_t)w;
	}
	hash_add(&f->hash, p, n);
	f->have += n;
	f->on_bytes(f->user, n);
	return n;
}

/* Continue a file of an earlier attempt: its bytes are hashed again. */
static int fetch_open(struct fetch *f)
{
	char b[65536];
	ssize_t n;
	snprintf(f->name, sizeof(f->name), "blob-%s.part", f->blob->digest + 7);
	f->fd = openat(f->dir, f->name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->fd >= 0 && flock(f->fd, LOCK_EX | LOCK_NB) < 0) {
		/* Another pull is at it (images share layers): then a file of our own. */
		close(f->fd);
		snprintf(f->name, sizeof(f->name), "blob-%.40s-%d.part", f->blob->digest + 7,
			 (int)getpid());
		f->fd = openat(f->dir, f->name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	if (f->fd < 0)
		return -errno;
	f->have = 0;
	hash_init(&f->hash);
	while ((n = read(f->fd, b, sizeof(b))) > 0) {
		hash_add(&f->hash, b, (size_t)n);
		f->have += (uint64_t)n;
	}
	return n < 0 ? -errno : 0;
}

static int fetch_start(struct fetch *f, CURLM *multi)
{
	CLEANUP_FREE char *url = xasprintf("%s/blobs/%s", f->r->base, f->blob->digest);
	CLEANUP_FREE char *range = NULL;
	int e = fetch_open(f);
	if (e < 0)
		return e;
	f->tries++;
	f->error = 0;
	f->checked_status = false;
	f->headers = curl_slist_append(NULL, "Accept: */*");
	if (f->r->authorization)
		f->headers = curl_slist_append(f->headers, f->r->authorization);
	f->c = handle_new(f->r, url, f->headers);
	if (f->have > 0 && (!f->blob->size || f->have < f->blob->size)) {
		range = xasprintf("%" PRIu64 "-", f->have);
		curl_easy_setopt(f->c, CURLOPT_RANGE, range);
	}
	curl_easy_setopt(f->c, CURLOPT_WRITEFUNCTION, on_blob);
	curl_easy_setopt(f->c, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(f->c, CURLOPT_ERRORBUFFER, f->curl_error);
	curl_easy_setopt(f->c, CURLOPT_PRIVATE, f);
	f->curl_error[0] = 0;
	curl_multi_add_handle(multi, f->c);
	return 0;
}

static void fetch_stop(struct fetch *f, CURLM *multi)
{
	if (f->c) {
		curl_multi_remove_handle(multi, f->c);
		curl_easy_cleanup(TAKE(f->c));
		curl_slist_free_all(TAKE(f->headers));
	}
	if (f->fd >= 0)
		close(TAKE_FD(f->fd));
}

/* 0: whole and right; 1: try again; negative: it makes no sense to. */
static int fetch_judge(struct fetch *f, CURLcode code, struct err *err)
{
	char got[DIGEST_LEN + 1], final[80];
	long status = 0;
	int e = f->error ? f->error : curl_errno(code, f->c);

	curl_easy_getinfo(f->c, CURLINFO_RESPONSE_CODE, &status);
	hash_final(&f->hash, got);
	if (!e && (status == 200 || status == 206 || status == 416)) {
		if (strcmp(got, f->blob->digest) == 0) {
			snprintf(final, sizeof(final), "blob-%s", f->blob->digest + 7);
			return renameat(f->dir, f->name, f->dir, final) < 0 ? -errno : 0;
		}
		unlinkat(f->dir, f->name, 0);
		e = EBADMSG;
	} else if (!e) {
		e = status == 404 ? ENOENT : status == 401 || status == 403 ? EACCES : EIO;
	}
	if (e == EFBIG || e == EBADMSG)
		unlinkat(f->dir, f->name, 0);
	if (f->tries < TRIES && (e == EIO || e == ETIMEDOUT || e == ECONNRESET || e == EBADMSG))
		return 1;
	return err_sys(err, e, "blob %s: %s", f->blob->digest,
		       *f->curl_error  ? f->curl_error
		       : e == EBADMSG  ? "its bytes have another digest"
		       : e == EFBIG    ? "it is longer than its manifest says"
		       : status >= 400 ? "the registry refuses it"
				       : strerror(e));
}

struct fetches {
	struct fetch *v;
	CURLM *multi;
	size_t n, next, running;
	unsigned int parallel;
	struct err *err;
};

static int fetches_fill(struct fetches *fs)
{
	while (fs->running < fs->parallel && fs->next < fs->n) {
		struct fetch *f = &fs->v[fs->next++];
		int r = fetch_start(f, fs->multi);
		if (r < 0)
			return err_sys(fs->err, -r, "cannot write blob %s: %s", f->blob->digest,
				       strerror(-r));
		fs->running++;
	}
	return 0;
}

static int fetches_collect(struct fetches *fs)
{
	CURLMsg *m;
	int left, r = 0;
	while (r >= 0 && (m = curl_multi_info_read(fs->multi, &left))) {
		struct fetch *f = NULL;
		CURLcode code = m->data.result;
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&f);
		r = fetch_judge(f, code, fs->err);
		fetch_stop(f, fs->multi);
		fs->running--;
		if (r == 1) {
			usleep(100000u * (unsigned int)f->tries);
			r = fetch_start(f, fs->multi);
			fs->running += r >= 0;
		}
	}
	return r < 0 ? r : 0;
}

int registry_blobs(struct registry *r, int dir_fd, const struct registry_blob *blobs, size_t n,
		   unsigned int parallel, void (*on_bytes)(void *user, size_t n), void *user,
		   struct err *err)
{
	struct fetches fs = {.v = xcalloc(n + 1, sizeof(struct fetch)),
			     .n = n,
			     .multi = curl_multi_init(),
			     .parallel = parallel,
			     .err = err};
	int e = 0, still = 0;

	for (size_t i = 0; i < n; i++)
		fs.v[i] = (struct fetch){.r = r,
					 .blob = &blobs[i],
					 .dir = dir_fd,
					 .fd = -1,
					 .on_bytes = on_bytes,
					 .user = user};
	while (e >= 0) {
		e = fetches_fill(&fs);
		if (e < 0 || fs.running == 0)
			break;
		curl_multi_perform(fs.multi, &still);
		e = fetches_collect(&fs);
		if (e >= 0 && still)
			curl_multi_poll(fs.multi, NULL, 0, 1000, NULL);
	}
	for (size_t i = 0; i < n; i++)
		fetch_stop(&fs.v[i], fs.multi);
	curl_multi_cleanup(fs.multi);
	free(fs.v);
	return e < 0 ? e : 0;
}
