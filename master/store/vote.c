/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/vote.h"
#include "lib/base/codec.h"
#include "master/store/le.h"

#define SLOT 4096u /* apart, so that no sector or page holds both */
#define USED 40u
#define FILE_NAME "vote"
static const char magic[8] = {'K', 'n', 'a', 'r', 'r', 'V', 'o', '1'};

static bool slot_decode(const uint8_t *p, struct vote *v)
{
	if (memcmp(p, magic, 8) != 0 || le32_get(p + 32) != crc32c(0, p, 32))
		return false;
	if (le64_get(p + 8) < v->seq)
		return false;
	v->seq = le64_get(p + 8);
	v->term = le64_get(p + 16);
	v->voted_for = le64_get(p + 24);
	return true;
}

/* The file appears under its name only with a whole first slot in it. */
static int create(const struct store_io *io, struct vote *v)
{
	static const uint8_t zeros[2 * SLOT];
	int r;

	v->fd = io->open(io->user, FILE_NAME ".tmp", O_RDWR | O_CREAT | O_TRUNC);
	if (v->fd < 0)
		return v->fd;
	r = io_pwrite(io, v->fd, zeros, sizeof(zeros), 0);
	if (!r)
		r = vote_save(v, 0, 0);
	if (!r)
		r = io->rename(io->user, FILE_NAME ".tmp", FILE_NAME);
	if (!r)
		r = io->sync_dir(io->user);
	return r;
}

int vote_open(const struct store_io *io, struct vote *ret, struct err *err)
{
	struct vote v = {.io = io, .fd = io->open(io->user, FILE_NAME, O_RDWR)};
	uint8_t both[2 * SLOT] = {0};
	ssize_t n;
	int r;

	if (v.fd == -ENOENT) {
		r = create(io, &v);
		if (r < 0) {
			vote_done(&v);
			return err_sys(err, -r, "cannot make the file " FILE_NAME);
		}
		*ret = v;
		return 0;
	}
	if (v.fd < 0)
		return err_sys(err, -v.fd, "cannot open the file " FILE_NAME);
	n = io->pread(io->user, v.fd, both, sizeof(both), 0);
	if (n < 0)
		r = err_sys(err, (int)-n, "cannot read the file " FILE_NAME);
	else
		r = (int)slot_decode(both, &v) + (int)slot_decode(both + SLOT, &v);
	if (r == 0)
		r = err_sys(err, EBADMSG, "the file " FILE_NAME " is damaged");
	if (r < 0) {
		vote_done(&v);
		return r;
	}
	*ret = v;
	return 0;
}

int vote_save(struct vote *v, uint64_t term, uint64_t voted_for)
{
	uint8_t p[USED] = {0};
	int r;

	memcpy(p, magic, 8);
	le64_put(p + 8, v->seq + 1);
	le64_put(p + 16, term);
	le64_put(p + 24, voted_for);
	le32_put(p + 32, crc32c(0, p, 32));
	r = io_pwrite(v->io, v->fd, p, USED, (v->seq + 1) % 2 * SLOT);
	if (!r)
		r = v->io->datasync(v->io->user, v->fd);
	if (r < 0)
		return r;
	v->seq++;
	v->term = term;
	v->voted_for = voted_for;
	return 0;
}

void vote_done(struct vote *v)
{
	if (v->io && v->fd >= 0)
		v->io->close(v->io->user, v->fd);
	*v = (struct vote){.fd = -1};
}
