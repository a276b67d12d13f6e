/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/wal_format.h"
#include "lib/base/codec.h"
#include "master/store/le.h"

static const char magic[8] = {'K', 'n', 'a', 'r', 'r', 'L', 'o', 'g'};
#define FORMAT_VERSION 1u
#define READ_AHEAD (256u << 10)
/* How far behind damage a later record is looked for: more than all but the largest entries. */
#define LATER_MAX (4u << 20)

void seg_header_encode(const struct seg_header *h, uint8_t out[SEG_HEADER])
{
	memset(out, 0, SEG_HEADER);
	memcpy(out, magic, sizeof(magic));
	le32_put(out + 8, FORMAT_VERSION);
	le32_put(out + 12, h->seed);
	le64_put(out + 16, h->seq);
	le64_put(out + 24, h->size);
	le64_put(out + 32, h->prev_end);
	le32_put(out + 40, crc32c(0, out, 40));
}

int seg_header_decode(const uint8_t in[SEG_HEADER], struct seg_header *ret)
{
	if (memcmp(in, magic, sizeof(magic)) != 0 || le32_get(in + 40) != crc32c(0, in, 40))
		return -EBADMSG;
	if (le32_get(in + 8) != FORMAT_VERSION)
		return -EPROTO;
	*ret = (struct seg_header){
		.seed = le32_get(in + 12),
		.seq = le64_get(in + 16),
		.size = le64_get(in + 24),
		.prev_end = le64_get(in + 32),
	};
	if (ret->size < WAL_SEGMENT_MIN || ret->size > UINT32_MAX || ret->prev_end > UINT32_MAX)
		return -EBADMSG;
	return 0;
}

uint32_t rec_encode(const struct wal_entry *e, uint32_t seed, uint32_t prev, uint32_t batch,
		    uint8_t out[REC_HEADER])
{
	uint32_t crc;

	memset(out, 0, REC_HEADER);
	le32_put(out + 4, prev);
	le32_put(out + 8, e->len);
	le32_put(out + 12, batch);
	le64_put(out + 16, e->index);
	le64_put(out + 24, e->term);
	out[32] = e->type;
	crc = crc32c(seed, out + 4, REC_HEADER - 4);
	crc = crc32c(crc, e->data, e->len);
	le32_put(out, crc);
	return crc;
}

void rec_reader_init(struct rec_reader *r, const struct store_io *io, int fd,
		     const struct seg_header *h)
{
	*r = (struct rec_reader){.io = io, .fd = fd, .seed = h->seed, .size = h->size};
}

void rec_reader_done(struct rec_reader *r)
{
	free(r->buf);
	r->buf = NULL;
}

/* Bytes [off, off + len) of the file, in the buffer; NULL in *ret if the file ends before. */
static int need(struct rec_reader *r, uint64_t off, size_t len, const uint8_t **ret)
{
	ssize_t n;

	*ret = NULL;
	if (off > r->size || len > r->size - off)
		return 0;
	if (!r->buf || off < r->at || off + len > r->at + r->len) {
		size_t want = MAX(len, (size_t)READ_AHEAD);

		if (want > r->cap) {
			r->buf = xrealloc(r->buf, want);
			r->cap = want;
		}
		r->len = 0;
		n = r->io->pread(r->io->user, r->fd, r->buf, r->cap, off);
		if (n < 0)
			return (int)n;
		r->at = off;
		r->len = (size_t)n;
	}
	if (off + len <= r->at + r->len)
		*ret = r->buf + (off - r->at);
	return 0;
}

int rec_read(struct rec_reader *r, uint64_t off, struct rec *ret)
{
	const uint8_t *h;
	uint32_t len;
	int err = need(r, off, REC_HEADER, &h);

	if (err < 0 || !h)
		return err;
	len = le32_get(h + 8);
	if (len > r->size - off - REC_HEADER || h[32] == 0)
		return 0;
	err = need(r, off, REC_HEADER + len, &h);
	if (err < 0 || !h)
		return err;
	if (le32_get(h) != crc32c(r->seed, h + 4, REC_HEADER - 4 + len))
		return 0;
	*ret = (struct rec){
		.e = {.index = le64_get(h + 16),
		      .term = le64_get(h + 24),
		      .type = h[32],
		      .len = len,
		      .data = h + REC_HEADER},
		.crc = le32_get(h),
		.prev = le32_get(h + 4),
		.batch = le32_get(h + 12),
	};
	return 1;
}

/* Cheap signs that a record could stand here, before its bytes are summed. */
static int plausible(struct rec_reader *r, uint64_t off, uint64_t end)
{
	const uint8_t *h;
	uint32_t batch;
	int err = need(r, off, REC_HEADER, &h);

	if (err < 0 || !h)
		return err;
	batch = le32_get(h + 12);
	return batch > end && batch <= off && h[32] != 0 && le32_get(h + 33) == 0 &&
	       le64_get(h + 16) != 0 && le32_get(h + 8) <= r->size - off - REC_HEADER;
}

int rec_find_later(struct rec_reader *r, uint64_t end)
{
	uint64_t limit = MIN(r->size, end + LATER_MAX);
	struct rec rec;

	for (uint64_t off = end + REC_ALIGN; off + REC_HEADER <= limit; off += REC_ALIGN) {
		int found = plausible(r, off, end);

		if (found > 0)
			found = rec_read(r, off, &rec);
		if (found != 0)
			return found;
	}
	return 0;
}
