/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/wal.h"
#include "master/store/wal_format.h"

#include <pthread.h>
#include <stdatomic.h>

#define SPARES_MAX 2u
/* How far blocks are written ahead with zeros: little at first, so that a fresh start is quick. */
#define AHEAD_FIRST (1u << 20)
#define AHEAD (4u << 20)
#define ZEROS (64u << 10)
#define EXTENT_BYTES (64u << 10)
#define NAME_MAX_LEN 40

struct segment {
	uint64_t seq;
	uint64_t max_index; /* highest index in it, also if taken back later; 0: none */
	uint64_t end; /* offset behind the last record */
	struct seg_header h;
};

/* A run of records with consecutive indexes in one segment: where wal_read begins to look. */
struct extent {
	uint64_t first, last;
	uint64_t seq;
	uint32_t offset;
};

struct wal {
	const struct store_io *io;
	uint64_t segment_bytes;
	uint64_t rng; /* of segment seeds; need not be secret, only differ */

	struct segment *segs; /* oldest first; the last one is written to */
	size_t n_segs, cap_segs;
	int fd; /* of the last segment, or -1 */
	uint32_t prev_crc; /* of its last record */
	uint64_t written; /* its blocks below this offset are written */

	struct {
		uint64_t n; /* the number in its name */
		bool written; /* all its blocks are: it was a segment before */
	} spares[SPARES_MAX];
	size_t n_spares;
	uint64_t spare_next;

	pthread_mutex_t lock; /* of the extents and of segs, against wal_read */
	struct extent *extents;
	size_t n_extents, cap_extents;

	_Atomic uint64_t space, entries, bytes, syncs;
};

static const char *seg_name(uint64_t seq, char out[NAME_MAX_LEN])
{
	snprintf(out, NAME_MAX_LEN, "log-%016" PRIx64, seq);
	return out;
}

static const char *spare_name(uint64_t n, char out[NAME_MAX_LEN])
{
	snprintf(out, NAME_MAX_LEN, "log-spare-%" PRIu64, n);
	return out;
}

static struct segment *last_seg(struct wal *w)
{
	return w->n_segs ? &w->segs[w->n_segs - 1] : NULL;
}

static void update_space(struct wal *w)
{
	struct segment *s = last_seg(w);
	uint64_t space = w->n_spares * (w->segment_bytes - SEG_HEADER);

	atomic_store(&w->space, space + (s ? s->h.size - s->end : 0));
}

/* ---- where entries are ---- */

/* Nothing before counts: older segments may go as soon as a snapshot's end is told. */
static void note_reset(struct wal *w, uint64_t index)
{
	w->n_extents = 0;
	for (size_t i = 0; i < w->n_segs; i++)
		w->segs[i].max_index = MIN(w->segs[i].max_index, index);
}

/* This entry was written at `offset` of segment s, which may not be one of w->segs yet. */
static void note_entry(struct wal *w, const struct wal_entry *e, struct segment *s, uint32_t offset)
{
	uint64_t index = e->index, seq = s->seq;
	struct extent *x;

	if (e->type == WAL_RESET) {
		note_reset(w, index);
		s->max_index = index;
		return;
	}
	s->max_index = MAX(s->max_index, index);
	while (w->n_extents && w->extents[w->n_extents - 1].first >= index)
		w->n_extents--;
	x = w->n_extents ? &w->extents[w->n_extents - 1] : NULL;
	if (x && x->last >= index) {
		x->last = index - 1; /* taken back; the rest of its bytes is dead */
		x = NULL;
	}
	if (x && x->seq == seq && x->last + 1 == index && offset - x->offset < EXTENT_BYTES) {
		x->last = index;
		return;
	}
	*ARRAY_PUSH(w->extents, w->n_extents, w->cap_extents) =
		(struct extent){index, index, seq, offset};
}

static int read_extent(struct wal *w, struct extent x, uint64_t from, uint64_t to, wal_each each,
		       void *user)
{
	char name[NAME_MAX_LEN];
	struct seg_header h;
	uint8_t head[SEG_HEADER];
	struct rec_reader rd;
	struct rec rec;
	uint64_t off = x.offset;
	int r, fd = w->io->open(w->io->user, seg_name(x.seq, name), O_RDONLY);

	if (fd < 0)
		return fd;
	r = (int)w->io->pread(w->io->user, fd, head, SEG_HEADER, 0);
	if (r >= 0)
		r = r == SEG_HEADER ? seg_header_decode(head, &h) : -ENODATA;
	if (r < 0) {
		w->io->close(w->io->user, fd);
		return r;
	}
	rec_reader_init(&rd, w->io, fd, &h);
	for (uint64_t i = x.first; i <= MIN(x.last, to); i++) {
		r = rec_read(&rd, off, &rec);
		if (r == 0 || (r > 0 && rec.e.index != i))
			r = -ENODATA;
		if (r < 0)
			break;
		off += rec_size(rec.e.len);
		r = i >= from ? each(user, &rec.e) : 0;
		if (r < 0)
			break;
	}
	rec_reader_done(&rd);
	w->io->close(w->io->user, fd);
	return MIN(r, 0);
}

int wal_read(struct wal *w, uint64_t from, uint64_t to, wal_each each, void *user)
{
	while (from <= to) {
		struct extent x = {0};
		size_t lo = 0, hi;
		int r;

		pthread_mutex_lock(&w->lock);
		hi = w->n_extents;
		while (lo < hi) { /* the first that ends at or behind `from` */
			size_t mid = (lo + hi) / 2;

			if (w->extents[mid].last < from)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (lo < w->n_extents)
			x = w->extents[lo];
		pthread_mutex_unlock(&w->lock);
		if (!x.seq || x.first > from)
			return -ENODATA;
		r = read_extent(w, x, from, to, each, user);
		if (r < 0)
			return r;
		from = x.last + 1;
	}
	return 0;
}

/* ---- segments and spares ---- */

int wal_prepare(struct wal *w, bool now)
{
	const struct segment *s = last_seg(w);
	char name[NAME_MAX_LEN];
	int fd, r;

	if (w->n_spares || (!now && s && s->end < s->h.size / 2))
		return 0;
	/* A third segment must leave room for the snapshot that lets the first one go. */
	if (w->n_segs >= 2) {
		int64_t space = w->io->free_bytes(w->io->user);

		if (space >= 0 && (uint64_t)space < 2 * w->segment_bytes)
			return -ENOSPC;
	}
	spare_name(w->spare_next, name);
	fd = w->io->open(w->io->user, name, O_RDWR | O_CREAT | O_TRUNC);
	if (fd < 0)
		return fd;
	r = w->io->allocate(w->io->user, fd, w->segment_bytes);
	if (!r)
		r = w->io->datasync(w->io->user, fd);
	w->io->close(w->io->user, fd);
	if (r < 0) {
		w->io->unlink(w->io->user, name);
		return r;
	}
	w->spares[w->n_spares].written = false;
	w->spares[w->n_spares++].n = w->spare_next++;
	update_space(w);
	return 0;
}

/* Segment `s` is no longer needed: rename it to a spare, or remove it when there are enough. */
static int retire(struct wal *w, const char *name, uint64_t size)
{
	char spare[NAME_MAX_LEN];
	int r;

	if (size != w->segment_bytes || w->n_spares == SPARES_MAX)
		return w->io->unlink(w->io->user, name);
	r = w->io->rename(w->io->user, name, spare_name(w->spare_next, spare));
	if (!r) {
		w->spares[w->n_spares].written = true;
		w->spares[w->n_spares++].n = w->spare_next++;
	}
	return r;
}

/* xorshift64: different seeds for successive uses of a file are all that is asked. */
static uint32_t next_seed(struct wal *w)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return (uint32_t)(w->rng >> 16) | 1;
}

/* Make a spare the segment that is written to. Its header is durable before its name is. */
static int roll(struct wal *w)
{
	struct segment *old = last_seg(w);
	struct segment s = {.seq = old ? old->seq + 1 : 1, .end = SEG_HEADER};
	char from[NAME_MAX_LEN], to[NAME_MAX_LEN];
	uint8_t head[SEG_HEADER];
	int fd, r;

	assert(w->n_spares);
	spare_name(w->spares[w->n_spares - 1].n, from);
	s.h = (struct seg_header){.seq = s.seq,
				  .size = w->segment_bytes,
				  .prev_end = old ? old->end : 0,
				  .seed = next_seed(w)};
	seg_header_encode(&s.h, head);
	fd = w->io->open(w->io->user, from, O_RDWR);
	if (fd < 0)
		return fd;
	r = io_pwrite(w->io, fd, head, SEG_HEADER, 0);
	if (!r)
		r = w->io->datasync(w->io->user, fd);
	if (!r)
		r = w->io->rename(w->io->user, from, seg_name(s.seq, to));
	if (!r)
		r = w->io->sync_dir(w->io->user);
	if (r) {
		w->io->close(w->io->user, fd);
		return r;
	}
	if (w->fd >= 0)
		w->io->close(w->io->user, w->fd);
	w->fd = fd;
	w->prev_crc = 0;
	w->n_spares--;
	w->written = w->spares[w->n_spares].written ? s.h.size : SEG_HEADER;
	pthread_mutex_lock(&w->lock);
	*ARRAY_PUSH(w->segs, w->n_segs, w->cap_segs) = s;
	pthread_mutex_unlock(&w->lock);
	update_space(w);
	return 0;
}

uint64_t wal_release(struct wal *w, uint64_t index)
{
	char name[NAME_MAX_LEN];
	uint64_t first = 0;
	size_t n = 0, x = 0;

	while (n + 1 < w->n_segs && w->segs[n].max_index <= index) {
		/* What can't be renamed stays where it is and is tried again at the next open. */
		retire(w, seg_name(w->segs[n].seq, name), w->segs[n].h.size);
		n++;
	}
	pthread_mutex_lock(&w->lock);
	if (n) {
		memmove(w->segs, w->segs + n, (w->n_segs - n) * sizeof(w->segs[0]));
		w->n_segs -= n;
		while (x < w->n_extents && w->extents[x].seq < w->segs[0].seq)
			x++;
		memmove(w->extents, w->extents + x, (w->n_extents - x) * sizeof(w->extents[0]));
		w->n_extents -= x;
	}
	if (w->n_extents)
		first = w->extents[0].first;
	pthread_mutex_unlock(&w->lock);
	if (n)
		w->io->sync_dir(w->io->user);
	update_space(w);
	return first;
}

/* ---- appending ---- */

size_t wal_entry_max(const struct wal *w)
{
	return w->segment_bytes - SEG_HEADER - REC_HEADER - REC_ALIGN;
}

uint64_t wal_space(const struct wal *w)
{
	return atomic_load(&((struct wal *)(uintptr_t)w)->space);
}

void wal_counters(const struct wal *cw, uint64_t *entries, uint64_t *bytes, uint64_t *syncs)
{
	struct wal *w = (struct wal *)(uintptr_t)cw;

	*entries = atomic_load(&w->entries);
	*bytes = atomic_load(&w->bytes);
	*syncs = atomic_load(&w->syncs);
}

/* Are there segments for all of it? Makes one if the spares don't do. */
static int reserve(struct wal *w, const struct wal_entry *entries, size_t n)
{
	const struct segment *s = last_seg(w);
	uint64_t room = s ? s->h.size - s->end : 0;
	size_t spares = w->n_spares;

	for (size_t i = 0; i < n; i++) {
		size_t size = rec_size(entries[i].len);

		if (entries[i].len > wal_entry_max(w))
			return -EMSGSIZE;
		if (size > room) {
			if (spares == 0) {
				int r = w->n_spares ? -ENOSPC : wal_prepare(w, true);

				if (r < 0)
					return r;
				spares = w->n_spares;
			}
			if (spares == 0)
				return -ENOSPC;
			spares--;
			room = w->segment_bytes - SEG_HEADER;
		}
		room -= size;
	}
	return 0;
}

/* Write zeros ahead when the records to come reach beyond what is written. */
static int write_ahead(struct wal *w, struct segment *s, uint64_t end)
{
	static const uint8_t zeros[ZEROS];
	uint64_t upto = w->written <= SEG_HEADER && s->seq == 1 ? AHEAD_FIRST : AHEAD;
	struct iovec iov[AHEAD / ZEROS + 1];
	uint64_t off = w->written;
	int n = 0, r;

	if (end <= w->written)
		return 0;
	upto = MIN(s->h.size, MAX(end, w->written + upto));
	while (off < upto) {
		size_t len = MIN((uint64_t)ZEROS, upto - off);

		iov[n++] = (struct iovec){(void *)(uintptr_t)zeros, len};
		off += len;
		if (n == (int)ARRAY_SIZE(iov) || off == upto) {
			r = w->io->pwritev(w->io->user, w->fd, iov, n, w->written);
			if (r < 0)
				return r;
			w->written = off;
			n = 0;
		}
	}
	return 0;
}

#define GROUP 256u /* records in one pwritev */

/* Write entries that fit into the current segment; sync is the caller's. */
static int write_group(struct wal *w, const struct wal_entry *entries, size_t n, uint32_t batch)
{
	struct segment *s = last_seg(w);
	static const uint8_t pad[REC_ALIGN];
	uint8_t heads[GROUP][REC_HEADER];
	struct iovec iov[GROUP * 3];
	uint64_t start = s->end, off = start;
	int k = 0, r;

	for (size_t i = 0; i < n; i++) {
		const struct wal_entry *e = &entries[i];
		size_t size = rec_size(e->len), tail = size - REC_HEADER - e->len;

		w->prev_crc = rec_encode(e, s->h.seed, w->prev_crc, batch, heads[i]);
		iov[k++] = (struct iovec){heads[i], REC_HEADER};
		if (e->len)
			iov[k++] = (struct iovec){(void *)(uintptr_t)e->data, e->len};
		if (tail)
			iov[k++] = (struct iovec){(void *)(uintptr_t)pad, tail};
		off += size;
	}
	r = write_ahead(w, s, off);
	if (!r)
		r = w->io->pwritev(w->io->user, w->fd, iov, k, s->end);
	if (r < 0)
		return r;
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < n; i++) {
		note_entry(w, &entries[i], s, (uint32_t)s->end);
		s->end += rec_size(entries[i].len);
	}
	pthread_mutex_unlock(&w->lock);
	atomic_fetch_add(&w->entries, n);
	atomic_fetch_add(&w->bytes, off - start);
	return 0;
}

static int sync_segment(struct wal *w)
{
	atomic_fetch_add(&w->syncs, 1);
	return w->io->datasync(w->io->user, w->fd);
}

int wal_append(struct wal *w, const struct wal_entry *entries, size_t n)
{
	struct segment *s;
	uint32_t batch = 0;
	bool dirty = false;
	size_t i = 0;
	int r = reserve(w, entries, n);

	if (r)
		return r == -EDQUOT ? -ENOSPC : r;
	while (!r && i < n) {
		uint64_t room;
		size_t k = 0;

		s = last_seg(w);
		room = s ? s->h.size - s->end : 0;
		while (i + k < n && k < GROUP && rec_size(entries[i + k].len) <= room)
			room -= rec_size(entries[i + k++].len);
		if (k == 0) {
			/* A segment is whole on disk before the next one exists. */
			r = dirty ? sync_segment(w) : 0;
			dirty = false;
			if (!r)
				r = roll(w);
			continue;
		}
		if (!dirty)
			batch = (uint32_t)s->end;
		dirty = true;
		r = write_group(w, entries + i, k, batch);
		i += k;
	}
	if (!r && dirty)
		r = sync_segment(w);
	update_space(w);
	return r == -ENOSPC ? -EIO : r; /* half of it may be there: no case for trying again */
}

/* ---- opening ---- */

struct found {
	uint64_t *seqs;
	size_t n, cap;
	uint64_t *spares;
	size_t n_spares, cap_spares;
};

static void found_name(void *arg, const char *name)
{
	struct found *f = arg;
	char *end;
	uint64_t v;

	if (strncmp(name, "log-spare-", 10) == 0) {
		v = strtoull(name + 10, &end, 10);
		if (!*end)
			*ARRAY_PUSH(f->spares, f->n_spares, f->cap_spares) = v;
	} else if (strncmp(name, "log-", 4) == 0) {
		v = strtoull(name + 4, &end, 16);
		if (!*end && v)
			*ARRAY_PUSH(f->seqs, f->n, f->cap) = v;
	}
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Header of segment file `seq`: 0, -EBADMSG, or that the file can't be read. */
static int read_header(struct wal *w, uint64_t seq, int *ret_fd, struct seg_header *h,
		       struct err *err)
{
	uint8_t head[SEG_HEADER] = {0};
	char name[NAME_MAX_LEN];
	int fd = w->io->open(w->io->user, seg_name(seq, name), O_RDWR);
	int r;

	if (fd < 0)
		return err_sys(err, -fd, "cannot open %s", name);
	r = (int)w->io->pread(w->io->user, fd, head, SEG_HEADER, 0);
	if (r >= 0)
		r = seg_header_decode(head, h);
	if (!r && h->seq != seq)
		r = -EBADMSG;
	if (r == -EBADMSG)
		err_sys(err, EBADMSG, "%s: the segment's header is damaged", name);
	else if (r == -EPROTO)
		err_sys(err, EPROTO, "%s: written by another version", name);
	else if (r < 0)
		err_sys(err, -r, "cannot read %s", name);
	if (r < 0) {
		w->io->close(w->io->user, fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

/* Walk the records of a segment. Its end and the last crc are left in s and w. */
static int scan(struct wal *w, struct segment *s, struct rec_reader *rd, wal_each each, void *user)
{
	struct rec rec;
	uint32_t prev = 0;
	int r;

	s->end = SEG_HEADER;
	for (;;) {
		r = rec_read(rd, s->end, &rec);
		if (r <= 0 || rec.prev != prev || rec.e.index == 0)
			break;
		note_entry(w, &rec.e, s, (uint32_t)s->end);
		r = each(user, &rec.e);
		if (r < 0)
			break;
		prev = rec.crc;
		s->end += rec_size(rec.e.len);
	}
	w->prev_crc = prev;
	return MIN(r, 0);
}

static int open_segment(struct wal *w, const struct seg_header *h, int fd, uint64_t want_end,
			wal_each each, void *user, struct err *err)
{
	struct segment s = {.seq = h->seq, .h = *h};
	char name[NAME_MAX_LEN];
	struct rec_reader rd;
	int r;

	seg_name(s.seq, name);
	rec_reader_init(&rd, w->io, fd, h);
	r = scan(w, &s, &rd, each, user);
	if (r < 0 && !(err && err->errnum))
		err_sys(err, -r, "cannot read %s", name);
	if (r == 0 && (want_end ? want_end != s.end : rec_find_later(&rd, s.end) > 0))
		r = err_sys(err, EBADMSG,
			    "%s: data that was safely written is damaged at offset %" PRIu64, name,
			    s.end);
	rec_reader_done(&rd);
	if (r < 0)
		return r;
	*ARRAY_PUSH(w->segs, w->n_segs, w->cap_segs) = s;
	return 0;
}

/*
 * The segments in use are the newest ones without a gap; before a gap are leftovers of a release
 * that a crash cut short. The same goes for files whose header isn't theirs, unless they are newer
 * than everything else.
 */
static int open_segments(struct wal *w, const struct found *f, wal_each each, void *user,
			 struct err *err)
{
	struct seg_header *h = xcalloc(f->n + 1, sizeof(*h));
	int *fds = xcalloc(f->n + 1, sizeof(*fds));
	size_t from = f->n;
	char name[NAME_MAX_LEN];
	int r = 0;

	for (size_t i = 0; i < f->n; i++)
		fds[i] = -1;
	while (from > 0 && (from == f->n || f->seqs[from - 1] + 1 == f->seqs[from])) {
		r = read_header(w, f->seqs[from - 1], &fds[from - 1], &h[from - 1], err);
		if (r == -EBADMSG && from < f->n) {
			r = 0;
			if (err)
				err_clear(err);
			break;
		}
		if (r < 0)
			break;
		from--;
	}
	for (size_t i = from; !r && i < f->n; i++)
		r = open_segment(w, &h[i], fds[i], i + 1 < f->n ? h[i + 1].prev_end : 0, each, user,
				 err);
	for (size_t i = 0; !r && i < from; i++)
		retire(w, seg_name(f->seqs[i], name), 0);
	for (size_t i = 0; i < f->n; i++) {
		if (fds[i] < 0)
			continue;
		if (!r && i + 1 == f->n)
			w->fd = fds[i];
		else
			w->io->close(w->io->user, fds[i]);
	}
	free(fds);
	free(h);
	return r;
}

/* Spares of the right size are kept; others and too many are removed. */
static void open_spares(struct wal *w, const struct found *f)
{
	for (size_t i = 0; i < f->n_spares; i++) {
		char name[NAME_MAX_LEN];
		int64_t size = -1;
		int fd = w->io->open(w->io->user, spare_name(f->spares[i], name), O_RDWR);

		if (fd >= 0) {
			size = w->io->size(w->io->user, fd);
			w->io->close(w->io->user, fd);
		}
		if (size == (int64_t)w->segment_bytes && w->n_spares < SPARES_MAX)
			w->spares[w->n_spares++].n = f->spares[i]; /* written: unknown */
		else
			w->io->unlink(w->io->user, name);
		w->spare_next = MAX(w->spare_next, f->spares[i] + 1);
	}
}

int wal_open(const struct store_io *io, size_t segment_bytes, uint64_t seed, wal_each each,
	     void *user, struct wal **ret, struct err *err)
{
	struct wal *w = NEW(struct wal);
	struct found f = {0};
	int r;

	w->io = io;
	w->fd = -1;
	w->segment_bytes = MIN(MAX(segment_bytes, (size_t)WAL_SEGMENT_MIN), (size_t)1 << 30);
	w->rng = seed | 1;
	pthread_mutex_init(&w->lock, NULL);
	r = io->list(io->user, found_name, &f);
	if (r < 0)
		err_sys(err, -r, "cannot list the store's directory");
	if (!r) {
		if (f.n)
			qsort(f.seqs, f.n, sizeof(f.seqs[0]), by_number);
		open_spares(w, &f);
		r = open_segments(w, &f, each, user, err);
	}
	free(f.seqs);
	free(f.spares);
	if (r < 0) {
		wal_close(w);
		return r;
	}
	w->written = w->n_segs ? last_seg(w)->end : 0;
	update_space(w);
	*ret = w;
	return 0;
}

struct wal *wal_close(struct wal *w)
{
	if (!w)
		return NULL;
	if (w->fd >= 0)
		w->io->close(w->io->user, w->fd);
	pthread_mutex_destroy(&w->lock);
	free(w->segs);
	free(w->extents);
	free(w);
	return NULL;
}
