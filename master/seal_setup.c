/* SPDX-License-Identifier: Apache-2.0 */
#include "master/seal_setup.h"
#include "lib/base/log.h"
#include "lib/sys/file.h"
#include "master/seal/seal.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <uv.h>

#define FILE_MAX (1u << 20)
/* An editor's several steps are one change. */
#define QUIET_NS (200 * NSEC_PER_MSEC)
/* What was sealed before is in the log by then. */
#define SETTLE_NS (5 * NSEC_PER_SEC)

struct seal_setup {
	struct seal_setup_conf conf;
	struct store_seal store;
	pthread_rwlock_t lock; /* of the keys: the store's threads read them */
	struct seal_keys now, *old;
	size_t n_old, cap_old;
	pthread_mutex_t reading; /* one reads the file at a time */
	struct buf text; /* of the file as it was last looked at; behind `reading` */
	atomic_bool changed;
	uv_fs_event_t watch;
	uv_signal_t hup;
	uv_async_t async;
	struct timer quiet, settle;
	unsigned handles;
};

/* ---- the keys in force ---- */

/*
 * Read the file, from any thread. 1: new keys are in force; 0: nothing changed. The first call has
 * nothing to keep.
 */
static int read_file(struct seal_setup *s, struct err *err)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct seal_keys keys;
	int r = file_read(AT_FDCWD, s->conf.file, FILE_MAX, &text);

	if (r < 0)
		return err_sys(err, -r, "cannot read %s: %s", s->conf.file, strerror(-r));
	if (str_eq(buf_str(&text), buf_str(&s->text))) {
		OPENSSL_cleanse(text.p, text.len);
		return 0;
	}
	OPENSSL_cleanse(s->text.p, s->text.len);
	buf_clear(&s->text);
	buf_addstr(&s->text, buf_str(&text));
	r = seal_keys_parse(buf_str(&text), &keys, err);
	OPENSSL_cleanse(text.p, text.len);
	if (r < 0) {
		err_prefix(err, "%s: ", s->conf.file);
		return r;
	}
	pthread_rwlock_wrlock(&s->lock);
	if (s->now.n_rules)
		*ARRAY_PUSH(s->old, s->n_old, s->cap_old) = s->now;
	s->now = keys;
	pthread_rwlock_unlock(&s->lock);
	return 1;
}

/* From any thread; whether there are new keys. */
static bool reload(struct seal_setup *s)
{
	CLEANUP(err_done) struct err err = ERR_INIT;
	int r;

	pthread_mutex_lock(&s->reading);
	r = read_file(s, &err);
	pthread_mutex_unlock(&s->reading);
	if (r < 0)
		log_err("--encryption-provider-config: %s; the keys stay as they were",
			err_text(&err));
	if (r <= 0)
		return false;
	log_notice("--encryption-provider-config: %s is in force as it is now", s->conf.file);
	atomic_store(&s->changed, true);
	uv_async_send(&s->async);
	return true;
}

/* ---- for the store ---- */

static int do_seal(void *user, struct str key, struct str plain, struct buf *out)
{
	struct seal_setup *s = user;
	int r;

	pthread_rwlock_rdlock(&s->lock);
	r = seal_seal(&s->now, key, plain, out);
	pthread_rwlock_unlock(&s->lock);
	return r;
}

static int open_by_all(struct seal_setup *s, struct str key, struct str sealed, struct buf *out,
		       uint32_t *ret_id)
{
	int r;

	pthread_rwlock_rdlock(&s->lock);
	r = seal_open(&s->now, key, sealed, out, ret_id);
	for (size_t i = s->n_old; r == -ENOKEY && i--;)
		r = seal_open(&s->old[i], key, sealed, out, ret_id);
	pthread_rwlock_unlock(&s->lock);
	return r;
}

static int do_open(void *user, struct str key, struct str sealed, struct buf *out, uint32_t *ret_id)
{
	struct seal_setup *s = user;
	int r = open_by_all(s, key, sealed, out, ret_id);

	/* Another master may have read its file a moment before we see that ours changed. */
	if (r == -ENOKEY && reload(s))
		r = open_by_all(s, key, sealed, out, ret_id);
	return r;
}

static bool do_plain_ok(void *user, struct str key)
{
	struct seal_setup *s = user;
	bool ok;

	pthread_rwlock_rdlock(&s->lock);
	ok = seal_plain_ok(&s->now, key);
	for (size_t i = 0; !ok && i < s->n_old; i++)
		ok = seal_plain_ok(&s->old[i], key);
	pthread_rwlock_unlock(&s->lock);
	return ok;
}

static uint32_t do_write_id(void *user, struct str key)
{
	struct seal_setup *s = user;
	uint32_t id;

	pthread_rwlock_rdlock(&s->lock);
	id = seal_write_id(&s->now, key);
	pthread_rwlock_unlock(&s->lock);
	return id;
}

const struct store_seal *seal_setup_store(struct seal_setup *s)
{
	return s ? &s->store : NULL;
}

/* ---- changes of the file ---- */

static void settle_fire(struct timer *t)
{
	struct seal_setup *s = container_of(t, struct seal_setup, settle);

	if (s->conf.on_settled)
		s->conf.on_settled(s->conf.user);
}

static void on_async(uv_async_t *a)
{
	struct seal_setup *s = a->data;

	if (atomic_exchange(&s->changed, false))
		timers_arm_in(s->conf.timers, &s->settle, SETTLE_NS);
}

static void quiet_fire(struct timer *t)
{
	reload(container_of(t, struct seal_setup, quiet));
}

/* The folder is watched, as editors and secret managers put a new file in place of the old one. */
static void on_folder(uv_fs_event_t *h, const char *name, int events, int status)
{
	struct seal_setup *s = h->data;

	(void)name, (void)events;
	if (status == 0 && !timer_armed(&s->quiet))
		timers_arm_in(s->conf.timers, &s->quiet, QUIET_NS);
}

static void on_hup(uv_signal_t *h, int number)
{
	(void)number;
	reload(h->data);
}

static void start_watching(struct seal_setup *s)
{
	CLEANUP_FREE char *dir = xstrdup(s->conf.file);
	char *slash = strrchr(dir, '/');
	int r;

	if (slash)
		slash[slash == dir] = '\0';
	uv_fs_event_init(s->conf.loop, &s->watch);
	uv_signal_init(s->conf.loop, &s->hup);
	uv_async_init(s->conf.loop, &s->async, on_async);
	s->watch.data = s->hup.data = s->async.data = s;
	s->handles = 3;
	uv_signal_start(&s->hup, on_hup, SIGHUP);
	r = uv_fs_event_start(&s->watch, on_folder, slash ? dir : ".", 0);
	if (r < 0)
		log_warn_r(r, "--encryption-provider-config: changes are only read at SIGHUP");
	uv_unref((uv_handle_t *)&s->watch);
	uv_unref((uv_handle_t *)&s->hup);
	uv_unref((uv_handle_t *)&s->async);
}

/* ---- life ---- */

static void destroy(struct seal_setup *s)
{
	seal_keys_done(&s->now);
	for (size_t i = 0; i < s->n_old; i++)
		seal_keys_done(&s->old[i]);
	free(s->old);
	OPENSSL_cleanse(s->text.p, s->text.len);
	buf_done(&s->text);
	pthread_mutex_destroy(&s->reading);
	pthread_rwlock_destroy(&s->lock);
	free(s);
}

int seal_setup_open(const struct seal_setup_conf *conf, struct seal_setup **ret, struct err *err)
{
	struct seal_setup *s = NEW(struct seal_setup);
	int r;

	s->conf = *conf;
	s->store = (struct store_seal){do_seal, do_open, do_plain_ok, do_write_id, s};
	s->quiet.fire = quiet_fire;
	s->settle.fire = settle_fire;
	buf_init(&s->text);
	pthread_rwlock_init(&s->lock, NULL);
	pthread_mutex_init(&s->reading, NULL);
	r = read_file(s, err);
	if (r < 0) {
		err_prefix(err, "--encryption-provider-config: ");
		destroy(s);
		return r;
	}
	if (!r) { /* an empty file is like the empty text we began with */
		destroy(s);
		return err_sys(err, EINVAL, "--encryption-provider-config: %s is empty",
			       conf->file);
	}
	start_watching(s);
	*ret = s;
	return 0;
}

static void on_closed(uv_handle_t *h)
{
	struct seal_setup *s = h->data;

	if (--s->handles == 0)
		destroy(s);
}

struct seal_setup *seal_setup_free(struct seal_setup *s)
{
	if (!s)
		return NULL;
	timers_disarm(s->conf.timers, &s->quiet);
	timers_disarm(s->conf.timers, &s->settle);
	uv_close((uv_handle_t *)&s->watch, on_closed);
	uv_close((uv_handle_t *)&s->hup, on_closed);
	uv_close((uv_handle_t *)&s->async, on_closed);
	return NULL;
}

int seal_setup_check(const struct store *store, const char *file, struct err *err)
{
	CLEANUP(buf_done) struct buf what = BUF_INIT;
	struct str key, sealed;
	size_t n = store_locked(store, &key, &sealed);

	if (!n)
		return 0;
	seal_object_name(key, &what);
	if (sealed.p) {
		buf_adds(&what, " is sealed by ");
		seal_describe(sealed, &what);
		if (file)
			buf_addf(&what,
				 ", and %s has no such key, or another secret under its name",
				 file);
		else
			buf_adds(&what, ", and there is no --encryption-provider-config");
	} else {
		buf_addf(&what, " is stored in plain, and %s has no identity provider to read it",
			 file ? file : "nothing");
	}
	return err_sys(err, ENOKEY,
		       "%s; %zu object(s) can't be read. Nothing was changed: start again with the "
		       "keys that wrote them",
		       what.p, n);
}
