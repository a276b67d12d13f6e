/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/snapshot.h"
#include "lib/base/codec.h"
#include "master/store/le.h"
#include "master/store/ops.h"

#define TMP_NAME "snapshot.tmp"
#define HEAD 48u
#define CONF_MAX (64u << 10)
#define CHUNK (256u << 10)
#define CHUNK_MAX (CHUNK + STORE_KEY_MAX + STORE_VALUE_MAX + STORE_META_MAX + 1024u)
#define RECORD 40u
#define SEALED (1u << 31) /* with the length of the key */
#define BARE (1u << 30)
/* Sync as it grows, so that the log's syncs never wait for hundreds of MB of it. */
#define SYNC_EVERY (8u << 20)

static const char magic[8] = {'K', 'n', 'a', 'r', 'r', 'S', 'n', '1'};

void snapshot_head_done(struct snapshot_head *h)
{
	buf_done(&h->at.conf);
}

static const char *file_name(uint64_t index, char out[40])
{
	snprintf(out, 40, "snapshot-%016" PRIx64, index);
	return out;
}

static void encode_head(const struct snapshot_head *h, struct buf *b)
{
	uint8_t p[HEAD];
	uint32_t crc;

	memcpy(p, magic, 8);
	le64_put(p + 8, h->at.index);
	le64_put(p + 16, h->at.term);
	le64_put(p + 24, h->at.conf_index);
	le64_put(p + 32, h->rev);
	le32_put(p + 40, (uint32_t)h->at.conf.len);
	crc = crc32c(crc32c(0, p, 44), h->at.conf.p, h->at.conf.len);
	le32_put(p + 44, crc);
	buf_add(b, p, HEAD);
	buf_addstr(b, buf_str(&h->at.conf));
}

static int encode_record(const struct store_obj *o, const struct store_seal *seal, struct buf *b)
{
	size_t at = b->len, begin = at + RECORD + o->key.len;
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;
	struct str value = store_obj_read(o, &scratch);
	uint32_t key_len = (uint32_t)o->key.len;
	uint8_t p[RECORD] = {0};
	int sealed = 0;

	buf_add(b, p, RECORD);
	buf_addstr(b, o->key);
	if (obj_is_locked(o)) {
		sealed = 1;
		key_len |= o->sealed_by == STORE_LOCKED_BARE ? BARE : 0;
		buf_addstr(b, obj_sealed(o));
	} else if (o->sealed_by != STORE_REFUSED) {
		sealed = ops_seal(seal, o->key, value, o->meta, b);
		if (sealed < 0)
			return sealed;
	}
	if (!sealed) {
		buf_addstr(b, value);
		buf_addstr(b, o->meta);
	}
	le32_put(p, key_len | (sealed ? SEALED : 0));
	le32_put(p + 4, sealed ? (uint32_t)(b->len - begin) : (uint32_t)o->value.len);
	le32_put(p + 8, sealed ? 0 : (uint32_t)o->meta.len);
	le32_put(p + 12, o->rv_at);
	le64_put(p + 16, o->rev);
	le64_put(p + 24, o->create_rev);
	le64_put(p + 32, (uint64_t)o->expires_s);
	memcpy(b->p + at, p, RECORD);
	return 0;
}

struct writer {
	const struct store_io *io;
	int fd;
	uint64_t off, unsynced;
	struct buf b;
};

static int write_out(struct writer *w)
{
	int r = io_pwrite(w->io, w->fd, w->b.p, w->b.len, w->off);

	w->off += w->b.len;
	w->unsynced += w->b.len;
	if (!r && w->unsynced >= SYNC_EVERY) {
		r = w->io->datasync(w->io->user, w->fd);
		w->unsynced = 0;
	}
	buf_clear(&w->b);
	return r;
}

void snapshot_encode_begin(struct snapshot_encoder *e, const struct tree_node *root,
			   const struct store_seal *seal, uint32_t head_crc)
{
	*e = (struct snapshot_encoder){.seal = seal, .count = tree_count(root), .crc = head_crc};
	tree_seek(root, (struct tree_bound){STR(""), TREE_LT}, &e->it);
}

int snapshot_encode_next(struct snapshot_encoder *e, struct buf *out)
{
	const struct obj *o = NULL;
	size_t at = out->len;
	uint8_t count[8];

	if (e->ended)
		return 0;
	memset(buf_reserve(out, 8), 0, 8);
	buf_setlen(out, at + 8);
	while (out->len - at < CHUNK && (o = tree_next(&e->it))) {
		int r = encode_record(&o->pub, e->seal, out);

		if (r < 0)
			return r;
	}
	if (out->len > at + 8) {
		e->crc = crc32c(e->crc, out->p + at + 8, out->len - at - 8);
		le32_put(out->p + at, (uint32_t)(out->len - at - 8));
	} else {
		le64_put(count, e->count);
		e->crc = crc32c(e->crc, count, 8);
		buf_add(out, count, 8);
		e->ended = true;
	}
	le32_put(out->p + at + 4, e->crc);
	return e->ended ? 0 : 1;
}

static int write_objects(struct writer *w, const struct tree_node *root,
			 const struct store_seal *seal, uint32_t head_crc,
			 const atomic_bool *cancel)
{
	struct snapshot_encoder e;
	int r, more;

	snapshot_encode_begin(&e, root, seal, head_crc);
	do {
		if (atomic_load_explicit(cancel, memory_order_relaxed))
			return -ECANCELED;
		more = snapshot_encode_next(&e, &w->b);
		r = more < 0 ? more : write_out(w);
	} while (!r && more);
	return r ? r : w->io->datasync(w->io->user, w->fd);
}

struct names {
	uint64_t *v;
	size_t n, cap;
};

static void found_name(void *arg, const char *name)
{
	struct names *f = arg;
	uint64_t v;
	char *end;

	if (strncmp(name, "snapshot-", 9) != 0)
		return;
	v = strtoull(name + 9, &end, 16);
	if (!*end && v)
		*ARRAY_PUSH(f->v, f->n, f->cap) = v;
}

static void remove_older(const struct store_io *io, uint64_t index)
{
	struct names f = {0};
	char name[40];

	if (io->list(io->user, found_name, &f) == 0)
		for (size_t i = 0; i < f.n; i++)
			if (f.v[i] < index)
				io->unlink(io->user, file_name(f.v[i], name));
	free(f.v);
}

int snapshot_write(const struct store_io *io, const struct store_seal *seal,
		   const struct snapshot_head *h, const struct tree_node *root,
		   const atomic_bool *cancel)
{
	struct writer w = {.io = io, .b = BUF_INIT};
	char name[40];
	uint32_t crc;
	int r;

	w.fd = io->open(io->user, TMP_NAME, O_RDWR | O_CREAT | O_TRUNC);
	if (w.fd < 0)
		return w.fd;
	encode_head(h, &w.b);
	crc = le32_get(w.b.p + HEAD - 4);
	r = write_out(&w);
	if (!r)
		r = write_objects(&w, root, seal, crc, cancel);
	io->close(io->user, w.fd);
	buf_done(&w.b);
	if (!r)
		r = io->rename(io->user, TMP_NAME, file_name(h->at.index, name));
	if (r) {
		io->unlink(io->user, TMP_NAME);
		return r;
	}
	r = io->sync_dir(io->user);
	if (!r)
		remove_older(io, h->at.index);
	return r;
}

/* ---- reading ---- */

struct reader {
	const struct store_io *io;
	int fd;
	uint64_t off, rev, count;
	uint32_t crc;
	struct buf b, plain;
	const struct store_seal *seal;
	int (*each)(void *user, const struct store_obj *o);
	void *user;
};

/* len bytes at the reader's place into its buffer. -EBADMSG if the file ends before. */
static int read_in(struct reader *rd, size_t len)
{
	ssize_t n;

	buf_clear(&rd->b);
	buf_reserve(&rd->b, len);
	n = rd->io->pread(rd->io->user, rd->fd, rd->b.p, len, rd->off);
	if (n < 0)
		return (int)n;
	if ((size_t)n < len)
		return -EBADMSG;
	buf_setlen(&rd->b, len);
	rd->off += len;
	return 0;
}

static int read_head(struct reader *rd, struct snapshot_head *h)
{
	uint8_t p[HEAD];
	uint32_t len;
	int r = read_in(rd, HEAD);

	if (r < 0)
		return r;
	memcpy(p, rd->b.p, HEAD);
	len = le32_get(p + 40);
	if (memcmp(p, magic, 7) != 0 || len > CONF_MAX)
		return -EBADMSG;
	if (p[7] != magic[7])
		return -EPROTO;
	r = read_in(rd, len);
	if (r < 0)
		return r;
	rd->crc = crc32c(crc32c(0, p, 44), rd->b.p, len);
	if (rd->crc != le32_get(p + 44))
		return -EBADMSG;
	h->at.index = le64_get(p + 8);
	h->at.term = le64_get(p + 16);
	h->at.conf_index = le64_get(p + 24);
	h->rev = rd->rev = le64_get(p + 32);
	buf_init(&h->at.conf);
	buf_addstr(&h->at.conf, buf_str(&rd->b));
	return h->at.index && h->at.term ? 0 : -EBADMSG;
}

/* The digits into a value that was kept as the log had it. */
static void add_digits(struct store_obj *o, struct buf *plain, size_t *value)
{
	char digits[OBJ_DIGITS_MAX];
	size_t n = obj_digits(o->rev, digits);
	char *p;

	if (o->rv_at == STORE_NO_RV)
		return;
	buf_reserve(plain, n);
	p = plain->p + o->rv_at;
	memmove(p + n, p, plain->len - o->rv_at);
	memcpy(p, digits, n);
	buf_setlen(plain, plain->len + n);
	*value += n;
}

static int open_record(struct reader *rd, struct store_obj *o, bool bare)
{
	size_t value;

	buf_clear(&rd->plain);
	if (ops_open(rd->seal, o->key, o->value, &rd->plain, &value, &o->sealed_by) < 0) {
		o->sealed_by = bare ? STORE_LOCKED_BARE : STORE_LOCKED;
		return 0;
	}
	if (o->rv_at != STORE_NO_RV && o->rv_at > value)
		return -EBADMSG;
	if (bare)
		add_digits(o, &rd->plain, &value);
	o->value = str_n(rd->plain.p, value);
	o->meta = str_skip(buf_str(&rd->plain), value);
	return 0;
}

/* One record off the front of *in. */
static int read_record(struct reader *rd, struct str *in)
{
	uint32_t bits;
	struct store_obj o = {0};
	const char *p = in->p;
	uint64_t size;
	int r;

	if (in->len < RECORD)
		return -EBADMSG;
	bits = le32_get(p);
	o.key.len = bits & ~(SEALED | BARE);
	o.value.len = le32_get(p + 4);
	o.meta.len = le32_get(p + 8);
	o.rv_at = le32_get(p + 12);
	o.rev = le64_get(p + 16);
	o.create_rev = le64_get(p + 24);
	o.expires_s = (int64_t)le64_get(p + 32);
	size = RECORD + (uint64_t)o.key.len + o.value.len + o.meta.len;
	if (size > in->len || o.rev > rd->rev || o.create_rev > o.rev ||
	    (o.rv_at != STORE_NO_RV && o.rv_at > o.value.len) ||
	    (bits & SEALED ? o.meta.len != 0 : bits & BARE))
		return -EBADMSG;
	o.key.p = p + RECORD;
	o.value.p = o.key.p + o.key.len;
	o.meta.p = o.value.p + o.value.len;
	*in = str_skip(*in, size);
	rd->count++;
	r = bits & SEALED ? open_record(rd, &o, bits & BARE) : 0;
	if (!(bits & SEALED) && rd->seal && !rd->seal->plain_ok(rd->seal->user, o.key))
		o.sealed_by = STORE_REFUSED;
	return r < 0 ? r : rd->each(rd->user, &o);
}

/* 1: one more was read; 0: that was the end. */
static int read_chunk(struct reader *rd)
{
	uint32_t len, crc;
	struct str in;
	int r = read_in(rd, 8);

	if (r < 0)
		return r;
	len = le32_get(rd->b.p);
	crc = le32_get(rd->b.p + 4);
	if (len > CHUNK_MAX)
		return -EBADMSG;
	r = read_in(rd, len ? len : 8);
	if (r < 0)
		return r;
	rd->crc = crc32c(rd->crc, rd->b.p, rd->b.len);
	if (crc != rd->crc)
		return -EBADMSG;
	if (len == 0)
		return le64_get(rd->b.p) == rd->count ? 0 : -EBADMSG;
	in = buf_str(&rd->b);
	while (!r && in.len)
		r = read_record(rd, &in);
	return r < 0 ? r : 1;
}

static int explain(int r, const char *name, uint64_t off, struct err *err)
{
	if (r == -EPROTO)
		return err_sys(err, EPROTO, "%s: written by another version", name);
	if (r == -EBADMSG)
		return err_sys(err, EBADMSG, "%s is damaged near offset %" PRIu64, name, off);
	return err_sys(err, -r, "cannot read %s", name);
}

int snapshot_read_file(const struct store_io *io, const struct store_seal *seal, const char *name,
		       uint64_t index, struct snapshot_head *ret,
		       int (*each)(void *user, const struct store_obj *o), void *user,
		       struct err *err)
{
	struct reader rd = {.io = io,
			    .b = BUF_INIT,
			    .plain = BUF_INIT,
			    .seal = seal,
			    .each = each,
			    .user = user};
	struct snapshot_head h = {.at.conf = BUF_INIT};
	int r;

	rd.fd = io->open(io->user, name, O_RDONLY);
	if (rd.fd < 0)
		return err_sys(err, -rd.fd, "cannot open %s", name);
	r = read_head(&rd, &h);
	if (!r && index && h.at.index != index)
		r = -EBADMSG;
	while (!r && (r = read_chunk(&rd)) > 0)
		r = 0;
	io->close(io->user, rd.fd);
	buf_done(&rd.b);
	buf_done(&rd.plain);
	if (r < 0) {
		snapshot_head_done(&h);
		return explain(r, name, rd.off, err);
	}
	*ret = h;
	return 0;
}

/* 0: there is none. */
static int newest(const struct store_io *io, uint64_t *ret)
{
	struct names f = {0};
	int r = io->list(io->user, found_name, &f);

	*ret = 0;
	for (size_t i = 0; i < f.n; i++)
		*ret = MAX(*ret, f.v[i]);
	free(f.v);
	return r;
}

int snapshot_read(const struct store_io *io, const struct store_seal *seal,
		  struct snapshot_head *ret, int (*each)(void *user, const struct store_obj *o),
		  void *user, struct err *err)
{
	uint64_t index;
	char name[40];
	int r = newest(io, &index);

	if (r < 0)
		return err_sys(err, -r, "cannot list the store's directory");
	io->unlink(io->user, TMP_NAME);
	if (!index)
		return 0;
	r = snapshot_read_file(io, seal, file_name(index, name), index, ret, each, user, err);
	if (r < 0)
		return r;
	remove_older(io, index);
	return 1;
}

int snapshot_open(const struct store_io *io, struct consensus_point *ret, uint64_t *ret_size)
{
	struct reader rd = {.io = io, .b = BUF_INIT};
	struct snapshot_head h = {.at.conf = BUF_INIT};
	uint64_t index;
	char name[40];
	int64_t size;
	int r = newest(io, &index);

	if (r < 0 || !index)
		return r < 0 ? r : -ENOENT;
	rd.fd = io->open(io->user, file_name(index, name), O_RDONLY);
	if (rd.fd < 0)
		return rd.fd;
	r = read_head(&rd, &h);
	buf_done(&rd.b);
	size = io->size(io->user, rd.fd);
	if (!r && size < 0)
		r = (int)size;
	if (r < 0) {
		snapshot_head_done(&h);
		io->close(io->user, rd.fd);
		return r;
	}
	*ret = h.at;
	*ret_size = (uint64_t)size;
	return rd.fd;
}

int snapshot_adopt(const struct store_io *io, const char *name, uint64_t index)
{
	char own[40];
	int r = io->rename(io->user, name, file_name(index, own));

	return r ? r : io->sync_dir(io->user);
}

int snapshot_decode(const struct store_io *io, const struct store_seal *seal, int fd, uint64_t off,
		    uint32_t head_crc, uint64_t rev,
		    int (*each)(void *user, const struct store_obj *o), void *user,
		    uint64_t *ret_count, uint64_t *ret_off)
{
	struct reader rd = {.io = io,
			    .fd = fd,
			    .off = off,
			    .rev = rev,
			    .crc = head_crc,
			    .b = BUF_INIT,
			    .plain = BUF_INIT,
			    .seal = seal,
			    .each = each,
			    .user = user};
	int r;

	while ((r = read_chunk(&rd)) > 0)
		;
	buf_done(&rd.b);
	buf_done(&rd.plain);
	*ret_off = rd.off;
	*ret_count = rd.count;
	return r;
}
