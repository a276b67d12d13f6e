/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/codec.h"
#include "lib/base/log.h"
#include "master/store/backup_internal.h"
#include "master/store/le.h"
#include "master/store/ship.h"
#include "master/store/snapshot.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/store_disk.h"

#include <sys/mman.h>
#include <unistd.h>

/*
 * What comes of snapshots from other masters, and of backups from anywhere. The first byte:
 *
 *	's'	messages (u8 what, u32 length, bytes) to a receiver ('i') and a sender ('o') of
 *		snapshots, with ticks ('t') and verdicts ('y', 'n') between them
 *	'b'	a backup; 'B': its checksums are mended first, so that what is behind them is
 *reached
 */
struct ship {
	struct disk *disk;
	struct store_io io;
	struct ship_ops ops;
	struct ship_in in;
	struct ship_out out;
	bool offered;
};

static void on_send(void *user, uint64_t to, const char *address, const struct peer_msg *m)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct peer_entry v[PEER_ENTRIES_MAX];
	struct peer_msg again;

	(void)user, (void)to, (void)address;
	peer_msg_encode(m, &b);
	/* Never anything that the other side would not take. */
	if (peer_msg_decode(buf_str(&b), v, &again) < 0)
		abort();
}

static int on_open(void *user, struct consensus_point *ret_at, uint64_t *ret_size)
{
	struct ship *s = user;

	return snapshot_open(&s->io, ret_at, ret_size);
}

static int each_object(void *user, const struct store_obj *o)
{
	struct obj *a = obj_restore(o);

	(void)user;
	obj_unref(a);
	return 0;
}

static int on_check(void *user, const struct consensus_point *at)
{
	struct snapshot_head h;
	struct ship *s = user;
	int r = snapshot_read_file(&s->io, NULL, SHIP_FILE, at->index, &h, each_object, NULL, NULL);

	if (r == 0)
		snapshot_head_done(&h);
	return r;
}

static void on_offer(void *user, uint64_t from, uint64_t term, const struct consensus_point *at)
{
	(void)from, (void)term, (void)at;
	((struct ship *)user)->offered = true;
}

static void on_forget(void *user)
{
	((struct ship *)user)->offered = false;
}

/* A small snapshot to be sent. */
static void put_snapshot(struct ship *s)
{
	struct consensus_member m = {1, "a", MEMBER_VOTER};
	struct snapshot_head h = {.at = {3, 2, 1, BUF_INIT}, .rev = 5};
	atomic_bool cancel = false;
	struct tree tree = {NULL};

	consensus_conf_encode(&m, 1, &h.at.conf);
	if (snapshot_write(&s->io, NULL, &h, tree.root, &cancel) < 0)
		abort();
	snapshot_head_done(&h);
}

static void verdict(struct ship *s, bool installing)
{
	if (s->in.state != SHIP_IN_OFFERED)
		return;
	ship_in_verdict(&s->in, installing);
	if (installing)
		ship_in_installed(&s->in);
}

static void messages(struct str in)
{
	struct ship s = {.disk = disk_new()};
	struct peer_entry v[PEER_ENTRIES_MAX];
	uint64_t now = 1000;

	s.io = disk_io(s.disk);
	s.ops = (struct ship_ops){on_send, on_open, on_check, on_offer, on_forget, &s};
	put_snapshot(&s);
	ship_in_init(&s.in, &s.io, &s.ops, 0);
	ship_out_init(&s.out, &s.io, &s.ops, 16, 100);
	ship_out_begin(&s.out, 2, "b", 2, now);
	while (in.len >= 5) {
		size_t len = MIN((size_t)le32_get(in.p + 1), in.len - 5);
		struct str one = str_n(in.p + 5, len);
		char what = in.p[0];
		struct peer_msg m;

		in = str_skip(in, 5 + len);
		now += 30;
		if (what == 't')
			ship_out_tick(&s.out, now);
		else if (what == 'y' || what == 'n')
			verdict(&s, what == 'y');
		else if (peer_msg_decode(one, v, &m) < 0)
			continue;
		else if (what == 'i' && m.type == PEER_SNAPSHOT)
			ship_in_chunk(&s.in, 2, &m, now);
		else if (what == 'o' && m.type == PEER_SNAPSHOT_RESULT)
			ship_out_result(&s.out, &m, now);
	}
	ship_in_end(&s.in);
	ship_out_end(&s.out);
	disk_free(s.disk);
}

static void mend(uint8_t *p, size_t len)
{
	size_t off = BACKUP_HEAD;
	uint32_t crc;

	if (len < off)
		return;
	crc = crc32c(0, p, off - 4);
	le32_put(p + off - 4, crc);
	while (off + 16 <= len) {
		size_t n = le32_get(p + off);

		n = n ? n : 8;
		if (n > len - off - 8)
			return;
		crc = crc32c(crc, p + off + 8, n);
		le32_put(p + off + 4, crc);
		off += 8 + n;
	}
}

static void backup(struct str in, bool mended)
{
	CLEANUP_FREE char *copy = xmemdup(in.p, in.len);
	struct store_backup_info info;
	struct err err = ERR_INIT;
	char path[64];
	int fd = memfd_create("backup", MFD_CLOEXEC);

	if (mended)
		mend((uint8_t *)copy, in.len);
	if (fd < 0 || write(fd, copy, in.len) != (ssize_t)in.len)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	store_backup_check(path, &info, &err);
	err_done(&err);
	close(fd);
}

void fuzz_one(struct str in)
{
	log_max = LOG_LEVEL_ERR; /* refusals are the rule here */
	if (!in.len)
		return;
	if (in.p[0] == 's')
		messages(str_skip(in, 1));
	else
		backup(str_skip(in, 1), in.p[0] == 'B');
}
