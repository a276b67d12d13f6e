/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/codec.h"
#include "lib/sys/file.h"
#include "master/seal/seal.h"
#include "master/store/backup.h"
#include "master/store/store.h"
#include "tests/unit/test.h"

#include <dirent.h>
#include <uv.h>

/* The keys, and a store on real files that is sealed by them. */

#define HEAD "{apiVersion: apiserver.config.k8s.io/v1, kind: EncryptionConfiguration, resources: ["
#define K1 "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
#define K2 "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="
#define KEY(name, secret) "{name: " name ", secret: " secret "}"
#define GCM(keys) "{aesgcm: {keys: [" keys "]}}"
#define SECRETS(providers) HEAD "{resources: [secrets], providers: [" providers "]}]}"
#define PLAIN "{identity: {}}"
#define NAME "/core/secrets/default/s"

static void parse(const char *text, struct seal_keys *ret)
{
	CLEANUP(err_done) struct err err = ERR_INIT;

	if (seal_keys_parse(str_of(text), ret, &err) < 0)
		fail_msg("%s: %s", text, err_text(&err));
}

static void round_trip(const char *conf)
{
	static const char text[] =
		"hunter2 and more of it, longer than a block of any cipher here is";
	CLEANUP(buf_done) struct buf a = BUF_INIT, b = BUF_INIT, plain = BUF_INIT;
	struct seal_keys k;
	uint32_t id = 0;

	parse(conf, &k);
	for (size_t len = 0; len < sizeof(text); len++) {
		buf_clear(&a);
		buf_clear(&b);
		buf_clear(&plain);
		assert_int_equal(seal_seal(&k, STR(NAME), str_n(text, len), &a), 1);
		assert_int_equal(seal_seal(&k, STR(NAME), str_n(text, len), &b), 1);
		assert_false(str_eq(buf_str(&a), buf_str(&b)));
		assert_int_equal(seal_open(&k, STR(NAME), buf_str(&a), &plain, &id), 0);
		assert_int_equal(plain.len, len);
		assert_memory_equal(plain.p, text, len);
		assert_int_equal(id, seal_write_id(&k, STR(NAME)));
		assert_true(len < 8 || !memmem(a.p, a.len, text, 8));
	}
	/* Not under another name, and not with any bit changed. */
	assert_int_equal(seal_open(&k, STR("/core/secrets/default/t"), buf_str(&a), &plain, &id),
			 -EBADMSG);
	for (size_t i = 0; i < a.len; i++) {
		/* The name of the key is for people; the version, its length and the id find it. */
		if (i == 3 || (i >= 48 && i < 48 + (size_t)a.p[2]))
			continue;
		a.p[i] ^= 1;
		assert_true(seal_open(&k, STR(NAME), buf_str(&a), &plain, &id) < 0);
		a.p[i] ^= 1;
		assert_true(seal_open(&k, STR(NAME), str_n(a.p, i), &plain, &id) < 0);
	}
	seal_keys_done(&k);
}

static void test_providers(void **state)
{
	(void)state;
	round_trip(SECRETS(GCM(KEY("a", K1))));
	round_trip(SECRETS(GCM(KEY("a", "MDEyMzQ1Njc4OTAxMjM0NQ=="))));
	round_trip(SECRETS("{aescbc: {keys: [" KEY("a", K1) "]}}"));
	round_trip(SECRETS("{aescbc: {keys: [" KEY("a", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz") "]}}"));
	round_trip(SECRETS("{secretbox: {keys: [" KEY("a", K1) "]}}"));
}

static void test_rules(void **state)
{
	struct seal_keys k;
	uint32_t one, two;

	(void)state;
	parse(HEAD "{resources: [configmaps, secrets], providers: [" GCM(
		      KEY("a", K1)) "]},"
				    "{resources: [events, widgets.example.com], providers: [" PLAIN
				    "]},"
				    "{resources: [\"*.apps\"], providers: [" GCM(
					    KEY("b", K2)) "," PLAIN "]},"
							  "{resources: [\"*.\"], providers: [" GCM(
								  KEY("b", K2)) "]}]}",
	      &k);
	one = seal_write_id(&k, STR("/core/secrets/default/a"));
	two = seal_write_id(&k, STR("/core/pods/default/a"));
	assert_true(one && two && one != two);
	assert_int_equal(seal_write_id(&k, STR("/core/configmaps/default/a")), one);
	assert_int_equal(seal_write_id(&k, STR("/core/events/default/a")), 0);
	assert_true(seal_plain_ok(&k, STR("/core/events/default/a")));
	assert_int_equal(seal_write_id(&k, STR("/example.com/widgets/default/a")), 0);
	assert_int_equal(seal_write_id(&k, STR("/apps/deployments/default/a")), two);
	assert_true(seal_plain_ok(&k, STR("/apps/deployments/default/a")));
	assert_false(seal_plain_ok(&k, STR("/core/nodes//a")));
	assert_int_equal(seal_write_id(&k, STR("/batch/jobs/default/a")), 0);
	assert_true(seal_plain_ok(&k, STR("/batch/jobs/default/a")));
	seal_keys_done(&k);
	parse(HEAD "{resources: [\"*.*\"], providers: [" GCM(KEY("a", K1)) "]}]}", &k);
	assert_int_equal(seal_write_id(&k, STR("/batch/jobs/default/a")), one);
	seal_keys_done(&k);
}

static void test_wrong_files(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"{}", "no apiserver.config.k8s.io/v1 EncryptionConfiguration"},
		{HEAD "]}", "resources: Required value: names none"},
		{HEAD "{resources: [secrets]}]}", "resources[0].providers: Required value"},
		{HEAD "{providers: [" PLAIN "]}]}", "resources[0].resources: Required value"},
		{HEAD "{resources: [\"*\"], providers: [" PLAIN "]}]}", "write *.* for everything"},
		{HEAD "{resources: [sec*], providers: [" PLAIN "]}]}", "stands for a whole name"},
		{SECRETS("{kms: {name: x, endpoint: y}}"),
		 "providers[0].kms: keys of a KMS plugin"},
		{SECRETS("{rot13: {}}"), "no such provider"},
		{SECRETS("{}"), "names no provider"},
		{SECRETS("{identity: {}, aesgcm: {}}"), "more than one provider"},
		{SECRETS("{aesgcm: {keys: []}}"), "aesgcm.keys: Required value"},
		{SECRETS("{aesgcm: {key: []}}"), "unknown field \"key\""},
		{SECRETS(GCM("{name: a, secret: \"!\"}")),
		 "keys[0].secret: must be given in base64"},
		{SECRETS(GCM("{name: a, secret: YWJj}")), "is 3 bytes long, expected 16, 24 or 32"},
		{SECRETS(GCM("{name: \"a:b\", secret: " K1 "}")), "keys[0].name"},
		{SECRETS(GCM("{secret: " K1 "}")), "keys[0].name"},
		{SECRETS("{secretbox: {keys: [{name: a, secret: MDEyMzQ1Njc4OTAxMjM0NQ==}]}}"),
		 "is 16 bytes long, expected 32"},
		{SECRETS(GCM(KEY("a", K1) "," KEY("b", K1))), "the same secret as of key \"a\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(err_done) struct err err = ERR_INIT;
		struct seal_keys k;

		assert_true(seal_keys_parse(str_of(rows[i].text), &k, &err) < 0);
		if (!strstr(err_text(&err), rows[i].why))
			fail_msg("row %zu: %s", i, err_text(&err));
	}
}

static void test_generated(void **state)
{
	static const char *const providers[] = {"aesgcm", "aescbc", "secretbox"};
	struct seal_keys k;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(providers); i++) {
		CLEANUP(buf_done) struct buf a = BUF_INIT, b = BUF_INIT;

		assert_int_equal(seal_generate(providers[i], &a, NULL), 0);
		assert_int_equal(seal_generate(providers[i], &b, NULL), 0);
		assert_false(str_eq(buf_str(&a), buf_str(&b)));
		parse(a.p, &k);
		assert_true(seal_write_id(&k, STR(NAME)) && seal_plain_ok(&k, STR(NAME)));
		seal_keys_done(&k);
	}
}

/* ---- a store ---- */

struct fix {
	char dir[64], store[80];
	uv_loop_t loop;
	struct seal_keys keys;
	struct store_seal seal;
	struct store *s;
	unsigned answers;
	int err;
};

static int do_seal(void *user, struct str key, struct str plain, struct buf *out)
{
	return seal_seal(&((struct fix *)user)->keys, key, plain, out);
}
static int do_open(void *user, struct str key, struct str sealed, struct buf *out, uint32_t *id)
{
	return seal_open(&((struct fix *)user)->keys, key, sealed, out, id);
}
static bool do_plain_ok(void *user, struct str key)
{
	return seal_plain_ok(&((struct fix *)user)->keys, key);
}
static uint32_t do_write_id(void *user, struct str key)
{
	return seal_write_id(&((struct fix *)user)->keys, key);
}

/* conf NULL: no encryption. */
static void begin(struct fix *f, const char *conf)
{
	struct store_conf c = {.dir = f->store, .loop = &f->loop};
	CLEANUP(err_done) struct err err = ERR_INIT;

	uv_loop_init(&f->loop);
	seal_keys_done(&f->keys);
	if (conf) {
		parse(conf, &f->keys);
		f->seal = (struct store_seal){do_seal, do_open, do_plain_ok, do_write_id, f};
		c.seal = &f->seal;
	}
	if (store_open(&c, &f->s, &err) < 0)
		fail_msg("%s", err_text(&err));
}

static void end(struct fix *f)
{
	f->s = store_close(f->s);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
}

static int setup(void **state)
{
	struct fix *f = NEW(struct fix);

	str_copy(f->dir, sizeof(f->dir), STR("/tmp/knarr-seal-XXXXXX"));
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->store, sizeof(f->store), "%s/store", f->dir);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	if (f->s)
		end(f);
	seal_keys_done(&f->keys);
	dir_remove_tree(AT_FDCWD, f->dir);
	free(f);
	return 0;
}

static void answered(void *user, const struct store_result *r)
{
	((struct fix *)user)->answers++;
	((struct fix *)user)->err = r->err;
}

static void put(struct fix *f, const char *key, const char *text)
{
	CLEANUP_FREE char *value = xasprintf("{\"rv\":\"\",\"data\":\"%s\"}", text);
	struct store_op op = {.expect = STORE_ANY,
			      .key = str_of(key),
			      .value = str_of(value),
			      .meta = STR("label-of-it"),
			      .rv_at = 7};
	unsigned n = f->answers;

	assert_int_equal(store_txn(f->s, &op, 1, answered, f), 0);
	while (f->answers == n)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(f->err, 0);
}

static void check(struct fix *f, const char *key, const char *text)
{
	struct store_view *v = store_view(f->s);
	const struct store_obj *o = store_get(v, str_of(key));
	CLEANUP_FREE char *want = NULL;

	assert_non_null(o);
	want = xasprintf("{\"rv\":\"%" PRIu64 "\",\"data\":\"%s\"}", o->rev, text);
	assert_true(str_eqs(o->value, want));
	assert_true(str_eqs(o->meta, "label-of-it"));
	store_view_unref(v);
}

static bool stale(struct fix *f, const char *key)
{
	struct store_view *v = store_view(f->s);
	bool r = store_stale(f->s, store_get(v, str_of(key)));

	store_view_unref(v);
	return r;
}

/* Whether any file of the store has the text. */
static bool on_disk(struct fix *f, const char *text)
{
	bool found = false;
	struct dirent *de;
	DIR *d = opendir(f->store);

	while ((de = readdir(d))) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;
		CLEANUP_FREE char *path = xasprintf("%s/%s", f->store, de->d_name);

		if (file_read(AT_FDCWD, path, 256u << 20, &b) == 0)
			found |= memmem(b.p, b.len, text, strlen(text)) != NULL;
	}
	closedir(d);
	return found;
}

static void snapshot(struct fix *f)
{
	struct store_stats st;

	store_snapshot_now(f->s);
	do {
		uv_run(&f->loop, UV_RUN_ONCE);
		store_stats(f->s, &st);
	} while (!st.snapshots);
}

#define CHECK_LOCKED(f, n_, name)                                            \
	do {                                                                 \
		struct str key_ = STR_NULL, sealed_;                         \
		assert_int_equal(store_locked((f)->s, &key_, &sealed_), n_); \
		assert_true((n_) == 0 || str_eqs(key_, name));               \
	} while (0)

static void test_log_and_snapshot(void **state)
{
	struct fix *f = *state;

	for (int pass = 0; pass < 2; pass++) {
		begin(f, SECRETS(GCM(KEY("a", K1))));
		put(f, NAME, "hunter2");
		put(f, NAME, "hunter3");
		put(f, "/core/configmaps/default/c", "visible");
		check(f, NAME, "hunter3");
		if (pass)
			snapshot(f);
		end(f);
		assert_false(on_disk(f, "hunter"));
		assert_true(on_disk(f, "visible"));
		begin(f, SECRETS(GCM(KEY("a", K1))));
		check(f, NAME, "hunter3");
		check(f, "/core/configmaps/default/c", "visible");
		CHECK_LOCKED(f, 0, "");
		end(f);
	}
}

/* Without the key: said, kept through snapshots and log, and there again with the key. */
static void test_missing_key(void **state)
{
	struct fix *f = *state;

	begin(f, SECRETS(GCM(KEY("a", K1))));
	put(f, NAME, "hunter2");
	put(f, "/core/secrets/default/other", "hunter3");
	end(f);
	for (int pass = 0; pass < 3; pass++) {
		const char *confs[] = {NULL, SECRETS(GCM(KEY("a", K2))), SECRETS(PLAIN)};

		begin(f, confs[pass]);
		CHECK_LOCKED(f, 2u, "/core/secrets/default/other");
		snapshot(f);
		end(f);
	}
	begin(f, SECRETS(GCM(KEY("a", K1))));
	CHECK_LOCKED(f, 0, "");
	check(f, NAME, "hunter2");
	check(f, "/core/secrets/default/other", "hunter3");
	assert_false(stale(f, NAME));
	snapshot(f);
	end(f);
	begin(f, SECRETS(GCM(KEY("a", K1))));
	check(f, NAME, "hunter2");
	end(f);
	assert_false(on_disk(f, "hunter"));
}

/* What the log has of a key that is gone does no harm once it was written anew. */
static void test_rotation(void **state)
{
	struct fix *f = *state;

	begin(f, SECRETS(PLAIN));
	put(f, NAME, "hunter2");
	assert_false(stale(f, NAME));
	end(f);
	begin(f, SECRETS(GCM(KEY("a", K1)) "," PLAIN));
	assert_true(stale(f, NAME));
	put(f, NAME, "hunter3");
	assert_false(stale(f, NAME));
	end(f);
	begin(f, SECRETS(GCM(KEY("b", K2) "," KEY("a", K1))));
	CHECK_LOCKED(f, 0, "");
	assert_true(stale(f, NAME));
	put(f, NAME, "hunter4");
	assert_false(stale(f, NAME));
	end(f);
	begin(f, SECRETS(GCM(KEY("renamed", K2))));
	CHECK_LOCKED(f, 0, "");
	check(f, NAME, "hunter4");
	end(f);
}

/* Plain where it must not be is refused, and is not made respectable by a snapshot. */
static void test_plain_refused(void **state)
{
	struct fix *f = *state;

	begin(f, NULL);
	put(f, NAME, "hunter2");
	end(f);
	for (int pass = 0; pass < 2; pass++) {
		begin(f, SECRETS(GCM(KEY("a", K1))));
		CHECK_LOCKED(f, 1u, NAME);
		snapshot(f);
		end(f);
	}
	begin(f, SECRETS(GCM(KEY("a", K1)) "," PLAIN));
	CHECK_LOCKED(f, 0, "");
	/* A snapshot seals what it has. */
	snapshot(f);
	end(f);
	begin(f, SECRETS(GCM(KEY("a", K1))));
	CHECK_LOCKED(f, 0, "");
	check(f, NAME, "hunter2");
	end(f);
}

static void saved(void *user, int err, const struct store_backup_info *info)
{
	(void)info;
	((struct fix *)user)->answers++;
	((struct fix *)user)->err = err;
}

static void test_backup(void **state)
{
	struct fix *f = *state;
	CLEANUP_FREE char *path = xasprintf("%s/backup", f->dir);
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP(err_done) struct err err = ERR_INIT;
	struct store_restore conf = {.dir = f->store, .id = 1, .address = "", .bump = 1000};

	begin(f, SECRETS(GCM(KEY("a", K1))));
	put(f, NAME, "hunter2");
	f->answers = 0;
	store_backup_save(f->s, path, saved, f);
	while (!f->answers)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(f->err, 0);
	end(f);
	assert_int_equal(file_read(AT_FDCWD, path, 1u << 20, &b), 0);
	assert_null(memmem(b.p, b.len, "hunter", 6));
	assert_null(memmem(b.p, b.len, "label-of-it", 11));

	dir_remove_tree(AT_FDCWD, f->store);
	if (store_restore(path, &conf, NULL, &err) < 0)
		fail_msg("%s", err_text(&err));
	begin(f, NULL);
	CHECK_LOCKED(f, 1u, NAME);
	end(f);
	begin(f, SECRETS(GCM(KEY("a", K1))));
	check(f, NAME, "hunter2");
	end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_providers),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_wrong_files),
		cmocka_unit_test(test_generated),
		cmocka_unit_test_setup_teardown(test_log_and_snapshot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rotation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plain_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_backup, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
