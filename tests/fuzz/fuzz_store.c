/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/codec.h"
#include "master/store/le.h"
#include "master/store/ops.h"
#include "master/store/snapshot.h"
#include "master/store/wal_format.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/store_disk.h"

/*
 * The first byte says what the rest is taken for: a log segment, a snapshot, or transactions; and
 * whether checksums are mended first, so that what is behind them is reached too.
 */

static void mend_snapshot(uint8_t *p, size_t len)
{
	size_t off = 48, conf;
	uint32_t crc;

	if (len < off)
		return;
	conf = le32_get(p + 40);
	if (conf > len - off)
		return;
	crc = crc32c(crc32c(0, p, 44), p + off, conf);
	le32_put(p + 44, crc);
	for (off += conf; off + 16 <= len;) {
		size_t n = le32_get(p + off);

		n = n ? n : 8;
		if (n > len - off - 8)
			return;
		crc = crc32c(crc, p + off + 8, n);
		le32_put(p + off + 4, crc);
		off += 8 + n;
	}
}

static void mend_log(uint8_t *p, size_t len)
{
	uint32_t seed, prev = 0;

	if (len < SEG_HEADER)
		return;
	le32_put(p + 40, crc32c(0, p, 40));
	seed = le32_get(p + 12);
	for (size_t off = SEG_HEADER; off + REC_HEADER <= len;) {
		size_t n = le32_get(p + off + 8);

		if (n > len - off - REC_HEADER)
			return;
		le32_put(p + off + 4, prev);
		prev = crc32c(seed, p + off + 4, REC_HEADER - 4 + n);
		le32_put(p + off, prev);
		off += rec_size((uint32_t)n);
	}
}

static int each_entry(void *user, const struct wal_entry *e)
{
	size_t *sum = user;

	for (uint32_t i = 0; i < e->len; i++)
		*sum += ((const uint8_t *)e->data)[i];
	return 0;
}

static int each_object(void *user, const struct store_obj *o)
{
	struct obj *a = obj_restore(o), *b = obj_tombstone(a, o->rev + 1);

	*(size_t *)user += a->pub.value.len + b->pub.value.len;
	obj_unref(a);
	obj_unref(b);
	return 0;
}

static void put_file(struct disk *d, struct store_io *io, const char *name, struct str content)
{
	int fd = io->open(d, name, O_RDWR | O_CREAT);

	if (content.len)
		io_pwrite(io, fd, content.p, content.len, 0);
	io->close(d, fd);
}

void fuzz_one(struct str in)
{
	struct disk *d = disk_new();
	struct store_io io = disk_io(d);
	struct snapshot_head head;
	struct ops_array ops = {0};
	struct wal *w = NULL;
	struct err err = ERR_INIT;
	CLEANUP_FREE char *copy = xmemdup(in.p, in.len);
	struct str rest = str_skip(str_n(copy, in.len), 1);
	bool mend = in.len && in.p[0] & 8;
	size_t sum = 0;

	switch (in.len ? in.p[0] & 3 : 0) {
	case 0:
		if (mend)
			mend_log((uint8_t *)copy + 1, rest.len);
		put_file(d, &io, "log-0000000000000001", rest);
		if (wal_open(&io, WAL_SEGMENT_MIN, 1, each_entry, &sum, &w, &err) == 0)
			wal_read(w, 1, 10, each_entry, &sum);
		wal_close(w);
		break;
	case 1:
		if (mend)
			mend_snapshot((uint8_t *)copy + 1, rest.len);
		put_file(d, &io, "snapshot-0000000000000001", rest);
		if (snapshot_read(&io, NULL, &head, each_object, &sum, &err) > 0)
			snapshot_head_done(&head);
		break;
	default:
		while (rest.len && ops_decode(&rest, NULL, &ops) > 0)
			;
		ops_done(&ops);
	}
	err_done(&err);
	disk_free(d);
}
