/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/codec.h"
#include "master/store/consensus.h"
#include "master/store/machine.h"
#include "master/store/ops.h"
#include "master/store/pack.h"
#include "master/store/tree.h"
#include "master/store/vote.h"
#include "master/store/wal_format.h"
#include "tests/unit/store_disk.h"
#include "tests/unit/test.h"

/* ---- the tree, beside an array that does the same slowly ---- */

#define MODEL 3000u

struct model {
	struct tree tree;
	uint64_t rev[MODEL]; /* of the object with that number; 0: none */
};

static const char *model_key(unsigned i, char out[32])
{
	snprintf(out, 32, "/g/r/%c/%05u", 'a' + (char)(i % 7), i);
	return out;
}

static void model_put(struct model *m, unsigned i, uint64_t rev)
{
	char key[32];
	struct store_obj t = {.key = str_of(model_key(i, key)),
			      .value = STR("v"),
			      .rv_at = STORE_NO_RV,
			      .rev = rev};
	struct obj *old = tree_put(&m->tree, obj_new(&t));

	assert_int_equal(old ? old->pub.rev : 0, m->rev[i]);
	obj_unref(old);
	m->rev[i] = rev;
}

static void model_del(struct model *m, unsigned i)
{
	char key[32];
	struct obj *old = tree_del(&m->tree, str_of(model_key(i, key)));

	assert_int_equal(old ? old->pub.rev : 0, m->rev[i]);
	obj_unref(old);
	m->rev[i] = 0;
}

static void model_check(const struct tree_node *root, const uint64_t *rev)
{
	uint64_t count = 0, in_c = 0;
	struct store_iter it;
	struct obj *o;
	char key[32];

	tree_check(root);
	for (unsigned i = 0; i < MODEL; i++) {
		o = tree_get(root, str_of(model_key(i, key)));
		assert_int_equal(o ? o->pub.rev : 0, rev[i]);
		count += o != NULL;
		in_c += o && i % 7 == 2;
	}
	assert_int_equal(tree_count(root), count);
	assert_int_equal(tree_rank(root, (struct tree_bound){STR("/g/r/c/"), TREE_PREFIX}) -
				 tree_rank(root, (struct tree_bound){STR("/g/r/c/"), TREE_LT}),
			 in_c);
	tree_seek(root, (struct tree_bound){STR(""), TREE_LT}, &it);
	while (tree_next(&it))
		count--;
	assert_int_equal(count, 0);
	tree_seek(root, (struct tree_bound){STR("/g/r/c/"), TREE_LT}, &it);
	while ((o = tree_next(&it)) && str_starts(o->pub.key, STR("/g/r/c/")))
		in_c--;
	assert_int_equal(in_c, 0);
}

static void test_tree(void **state)
{
	static struct model m;
	static uint64_t old_rev[4][MODEL];
	struct tree_node *old[4] = {0};
	unsigned seed = 1;

	(void)state;
	for (uint64_t step = 1; step <= 60000; step++) {
		unsigned i = (unsigned)rand_r(&seed) % MODEL;
		/* Grow, shrink to nothing, grow again. */
		bool del = (unsigned)rand_r(&seed) % 10 < (step / 10000 % 2 ? 8u : 3u);

		if (del)
			model_del(&m, i);
		else
			model_put(&m, i, step);
		if (step % 3001 == 0) {
			unsigned k = (unsigned)(step / 3001 % 4);

			/* What an older root shows must not have changed. */
			if (old[k])
				model_check(old[k], old_rev[k]);
			tree_unref(old[k]);
			old[k] = tree_ref(m.tree.root);
			memcpy(old_rev[k], m.rev, sizeof(m.rev));
			model_check(m.tree.root, m.rev);
		}
	}
	for (unsigned i = 0; i < MODEL; i++)
		model_del(&m, i);
	assert_null(m.tree.root);
	for (unsigned k = 0; k < 4; k++) {
		model_check(old[k], old_rev[k]);
		tree_unref(old[k]);
	}
}

static void test_tree_in_order(void **state)
{
	static struct model m;

	(void)state;
	memset(&m, 0, sizeof(m));
	for (unsigned i = 0; i < MODEL; i++)
		model_put(&m, i / 7 * 7 % MODEL + i % 7, i + 1);
	model_check(m.tree.root, m.rev);
	tree_unref(m.tree.root);
}

/* ---- the log ---- */

struct found {
	uint64_t index[64], term[64];
	char first[64];
	size_t n;
};

static int each(void *user, const struct wal_entry *e)
{
	struct found *f = user;

	f->index[f->n] = e->index;
	f->term[f->n] = e->term;
	f->first[f->n++] = e->len ? *(const char *)e->data : 0;
	return 0;
}

static struct wal *open_log(struct store_io *io, struct found *f, uint64_t seed)
{
	struct wal *w;

	*f = (struct found){0};
	assert_int_equal(wal_open(io, WAL_SEGMENT_MIN, seed, each, f, &w, NULL), 0);
	return w;
}

static int append(struct wal *w, uint64_t index, uint64_t term, const char *data)
{
	struct wal_entry e = {index, term, 1, (uint32_t)strlen(data), data};

	return wal_append(w, &e, 1);
}

static void test_log(void **state)
{
	struct disk *d = disk_new();
	struct store_io io = disk_io(d);
	struct found f;
	struct wal *w = open_log(&io, &f, 1);

	(void)state;
	assert_int_equal(f.n, 0);
	for (uint64_t i = 1; i <= 5; i++)
		assert_int_equal(append(w, i, 1, (char[]){(char)('a' + i), 0}), 0);
	/* Entries 4 and 5 are taken back by another leader's 4. */
	assert_int_equal(append(w, 4, 2, "x"), 0);
	assert_int_equal(append(w, 5, 2, ""), 0);
	for (int pass = 0; pass < 2; pass++) {
		f = (struct found){0};
		assert_int_equal(wal_read(w, 2, 5, each, &f), 0);
		assert_int_equal(f.n, 4);
		assert_memory_equal(f.first, "cdx", 4);
		assert_int_equal(f.term[2], 2);
		assert_int_equal(wal_read(w, 5, 6, each, &f), -ENODATA);
		wal_close(w);
		w = open_log(&io, &f, 2);
		assert_int_equal(f.n, 7);
		assert_int_equal(f.index[5], 4);
	}
	wal_close(w);
	disk_free(d);
}

/*
 * A snapshot at entry 5 was installed: what stood in the log before, also behind 5, is no part of
 * it any more, neither now nor after a restart; and its segments may go.
 */
static void test_log_reset(void **state)
{
	struct disk *d = disk_new();
	struct store_io io = disk_io(d);
	struct wal_entry reset = {5, 3, WAL_RESET, 0, NULL};
	struct found f;
	struct wal *w = open_log(&io, &f, 1);
	static char big[3000];

	(void)state;
	memset(big, 'b', sizeof(big) - 1);
	for (uint64_t i = 1; i <= 40; i++) /* more than a segment */
		assert_int_equal(append(w, i, 1, big), 0);
	assert_int_equal(wal_append(w, &reset, 1), 0);
	assert_int_equal(append(w, 6, 3, "x"), 0);
	for (int pass = 0; pass < 2; pass++) {
		f = (struct found){0};
		assert_int_equal(wal_read(w, 4, 4, each, &f), -ENODATA);
		assert_int_equal(wal_read(w, 5, 5, each, &f), -ENODATA);
		assert_int_equal(wal_read(w, 7, 7, each, &f), -ENODATA);
		assert_int_equal(wal_read(w, 6, 6, each, &f), 0);
		assert_int_equal(f.first[0], 'x');
		wal_close(w);
		w = open_log(&io, &f, 2);
		assert_int_equal(f.n, 42);
		assert_int_equal(f.index[40], 5);
	}
	assert_int_equal(wal_release(w, 5), 6);
	wal_close(w);
	w = open_log(&io, &f, 3);
	assert_true(f.n < 42); /* what was before is gone with its segment */
	wal_close(w);
	disk_free(d);
}

static void on_commit(void *user, uint64_t index)
{
	(void)user, (void)index;
}

/* What is told of a log with such a record, when the snapshot is there, and when it is missing. */
static void test_recover_reset(void **state)
{
	struct consensus_member m[2] = {{1, "a", MEMBER_VOTER}, {2, "b", MEMBER_VOTER}};
	struct consensus_point p = {5, 3, 1, BUF_INIT};
	struct consensus_ops ops = {.commit = on_commit};
	CLEANUP(err_done) struct err err = ERR_INIT;

	(void)state;
	consensus_conf_encode(m, 2, &p.conf);
	for (unsigned with = 0; with < 2; with++) {
		struct consensus *c = consensus_new(1, "a", &ops, 1);

		for (uint64_t i = 2; i <= 9; i++) /* of an election that was lost */
			consensus_recover(c, i, 2, LOG_ENTRY_COMMAND, "x", 1);
		assert_int_equal(consensus_recover(c, 5, 3, LOG_ENTRY_RESET, NULL, 0), 0);
		assert_int_equal(consensus_recover(c, 6, 3, LOG_ENTRY_COMMAND, "y", 1), 0);
		assert_int_equal(consensus_start(c, 3, 0, with ? &p : NULL, 1000, &err),
				 with ? 0 : -EBADMSG);
		if (with)
			assert_int_equal(consensus_last_index(c), 6);
		assert_false(consensus_was_cut(c));
		consensus_free(c);
	}
	buf_done(&p.conf);
}

/* Segments are released and used again, and old records never come back. */
static void test_log_reuse(void **state)
{
	struct disk *d = disk_new();
	struct store_io io = disk_io(d);
	struct found f;
	struct wal *w = open_log(&io, &f, 1);
	static char big[3000];
	uint64_t first = 0;

	(void)state;
	memset(big, 'b', sizeof(big) - 1);
	for (uint64_t i = 1; i <= 400; i++) {
		assert_int_equal(append(w, i, 1, big), 0);
		if (i % 30 == 0) {
			first = wal_release(w, i - 10);
			assert_true(first > 0 && first <= i - 9);
		}
		if (i % 37 == 0) {
			wal_close(w);
			w = open_log(&io, &f, i);
			assert_true(f.n > 0);
			assert_int_equal(f.index[f.n - 1], i);
			for (size_t k = 1; k < f.n; k++)
				assert_int_equal(f.index[k], f.index[k - 1] + 1);
		}
	}
	assert_true(first > 300);
	wal_close(w);
	disk_free(d);
}

/*
 * Two entries are written in one go, the first is lost in a crash and the second isn't. Another
 * entry of the same size is written over the first: the second must stay forgotten.
 */
static void test_log_ghost(void **state)
{
	struct disk *d = disk_new();
	struct store_io io = disk_io(d);
	struct found f;
	struct wal *w = open_log(&io, &f, 1);
	struct wal_entry two[] = {{2, 1, 1, 8, "first..."}, {3, 1, 1, 8, "second.."}};
	struct buf *b;

	(void)state;
	assert_int_equal(append(w, 1, 1, "start..."), 0);
	assert_int_equal(wal_append(w, two, 2), 0);
	wal_close(w);
	b = disk_file(d, disk_find(d, "log-0"));
	memset(b->p + SEG_HEADER + rec_size(8), 0, rec_size(8));
	w = open_log(&io, &f, 2);
	assert_int_equal(f.n, 1);
	assert_int_equal(append(w, 2, 1, "another."), 0);
	wal_close(w);
	w = open_log(&io, &f, 3);
	assert_int_equal(f.n, 2);
	assert_memory_equal(f.first, "sa", 2);
	wal_close(w);
	disk_free(d);
}

static void test_vote(void **state)
{
	struct disk *d = disk_new();
	struct store_io io = disk_io(d);
	struct vote v;
	struct err err = ERR_INIT;
	struct buf *b;

	(void)state;
	assert_int_equal(vote_open(&io, &v, &err), 0);
	assert_int_equal(v.term, 0);
	assert_int_equal(vote_save(&v, 7, 1), 0);
	assert_int_equal(vote_save(&v, 8, 2), 0);
	vote_done(&v);
	assert_int_equal(vote_open(&io, &v, &err), 0);
	assert_int_equal(v.term, 8);
	assert_int_equal(v.voted_for, 2);
	vote_done(&v);
	/* A torn write of the newest slot leaves the one before. */
	b = disk_file(d, "vote");
	b->p[4096 + 20] ^= 1;
	assert_int_equal(vote_open(&io, &v, &err), 0);
	assert_int_equal(v.term, 7);
	vote_done(&v);
	b->p[20] ^= 1;
	assert_int_equal(vote_open(&io, &v, &err), -EBADMSG);
	err_done(&err);
	disk_free(d);
}

static void test_ops(void **state)
{
	struct store_op ops[] = {
		{.type = STORE_PUT,
		 .expect = 5,
		 .key = STR("/a/b/c/d"),
		 .value = STR("v"),
		 .meta = STR("m"),
		 .rv_at = 1,
		 .ttl_s = 10},
		{.type = STORE_DELETE, .expect = STORE_ANY, .key = STR("/a/b/c/e")},
	};
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct ops_array a = {0};
	struct str in;
	size_t bytes;

	(void)state;
	assert_int_equal(ops_check(ops, 2, &bytes), 0);
	ops_encode(ops, 2, 100, NULL, &b);
	assert_int_equal(b.len, bytes);
	in = buf_str(&b);
	assert_int_equal(ops_decode(&in, NULL, &a), 2);
	assert_int_equal(in.len, 0);
	assert_int_equal(a.v[0].expires_s, 110);
	assert_streq_n(a.v[0].op.meta, "m");
	assert_streq_n(a.v[1].op.key, "/a/b/c/e");
	for (size_t cut = 0; cut < b.len; cut++) {
		in = str_n(b.p, cut);
		assert_int_equal(ops_decode(&in, NULL, &a), -EBADMSG);
	}
	ops_done(&a);
}

/* ---- large values ---- */

#define LARGE 20000u

static struct obj *put_large(struct machine *m, const char *key, bool noise)
{
	CLEANUP_FREE char *value = xmalloc(LARGE);
	struct obj *o;
	uint32_t x = 1;

	for (size_t i = 0; i < LARGE; i++) {
		x = x * 1664525u + 1013904223u;
		value[i] = (char)(noise ? x >> 24 : (uint32_t)'a' + i % 7);
	}
	o = obj_restore(&(struct store_obj){.key = str_of(key),
					    .value = str_n(value, LARGE),
					    .meta = STR("meta"),
					    .rv_at = 3,
					    .rev = 7});
	m->bytes += obj_bytes(o);
	pack_add(m->pack, o);
	obj_unref(tree_put(&m->tree, o));
	return o;
}

static void ticks(struct pack *p, unsigned n)
{
	size_t freed;

	while (n--)
		pack_tick(p, &freed);
}

static void check_value(struct str value)
{
	assert_int_equal(value.len, LARGE);
	for (size_t i = 0; i < LARGE; i++)
		if (value.p[i] != (char)('a' + i % 7))
			fail_msg("at %zu", i);
	assert_int_equal(value.p[LARGE], 0);
}

static void test_pack(void **state)
{
	struct machine m = {.pack = pack_new()};
	struct pack *p = m.pack;
	struct obj *o = put_large(&m, "/g/r/n/a", false), *old;
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;
	size_t freed;

	(void)state;
	/* In use, by a reference, then by a view. */
	store_obj_ref(&o->pub);
	ticks(p, 4);
	assert_int_equal(p->n_packed, 0);
	store_obj_unref(&o->pub);
	ticks(p, 1);
	assert_int_equal(p->n_packed, 0);
	p->views++;
	ticks(p, 4);
	assert_int_equal(p->n_packed, 0);
	p->views--;
	/* Kept, but not at hand: it is packed, and can be read. */
	store_obj_keep(&o->pub);
	assert_int_equal(pack_tick(p, &freed), 0);
	assert_int_equal(p->n_packed, 1);
	assert_true(freed > LARGE / 2 && p->packed_bytes + freed == LARGE);
	assert_null(o->pub.value.p);
	assert_int_equal(o->pub.value.len, LARGE);
	buf_addc(&scratch, 'x');
	check_value(store_obj_read(&o->pub, &scratch));
	assert_int_equal(p->n_packed, 1);
	/* Opened it stays so while it is used; then it is packed again. */
	check_value(obj_open(o)->pub.value);
	assert_int_equal(p->n_packed, 0);
	ticks(p, 1);
	check_value(obj_open(o)->pub.value);
	ticks(p, 1);
	assert_int_equal(p->n_packed, 0);
	ticks(p, 1);
	assert_int_equal(p->n_packed, 1);
	/* A tombstone is made of it. */
	old = tree_del(&m.tree, STR("/g/r/n/a"));
	assert_ptr_equal(old, o);
	struct obj *grave = obj_tombstone(old, 8);

	assert_int_equal(grave->pub.value.len, LARGE);
	assert_int_equal(grave->pub.value.p[3], '8');
	obj_unref(grave);
	ticks(p, 4);
	store_obj_drop(&o->pub);
	assert_int_equal(p->n_packed, 1);
	obj_unref(old); /* the last one, of a packed value */
	assert_int_equal(p->n_packed, 0);
	assert_int_equal(p->packed_bytes, 0);
	/* What doesn't get smaller is tried once; it outlives its store. */
	o = put_large(&m, "/g/r/n/b", true);
	ticks(p, 4);
	assert_int_equal(p->n_packed, 0);
	assert_true(list_empty(&p->plain));
	store_obj_ref(&o->pub);
	machine_done(&m);
	pack_unref(p);
	assert_int_equal(o->pub.value.len, LARGE);
	store_obj_unref(&o->pub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),          cmocka_unit_test(test_tree_in_order),
		cmocka_unit_test(test_log),           cmocka_unit_test(test_log_reuse),
		cmocka_unit_test(test_log_ghost),     cmocka_unit_test(test_vote),
		cmocka_unit_test(test_ops),           cmocka_unit_test(test_log_reset),
		cmocka_unit_test(test_recover_reset), cmocka_unit_test(test_pack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
