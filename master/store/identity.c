/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/identity.h"
#include "lib/base/codec.h"
#include "master/store/le.h"

#define NAME "identity"
#define SIZE 44u

static const char magic[8] = {'K', 'n', 'a', 'r', 'r', 'I', 'd', '1'};

int identity_load(const struct store_io *io, struct identity *ret)
{
	int fd = io->open(io->user, NAME, O_RDONLY);
	uint8_t p[SIZE];
	ssize_t n;

	if (fd < 0)
		return fd;
	n = io->pread(io->user, fd, p, SIZE, 0);
	io->close(io->user, fd);
	if (n < 0)
		return (int)n;
	if (n != SIZE || memcmp(p, magic, 7) != 0)
		return -EBADMSG;
	if (p[7] != (uint8_t)magic[7])
		return -EPROTO;
	if (le32_get(p + 40) != crc32c(0, p, 40))
		return -EBADMSG;
	*ret = (struct identity){.cluster = le64_get(p + 8),
				 .member = le64_get(p + 16),
				 .instance = le64_get(p + 24),
				 .fresh = le64_get(p + 32) & 1};
	return 0;
}

int identity_save(const struct store_io *io, const struct identity *id)
{
	int fd = io->open(io->user, NAME ".tmp", O_RDWR | O_CREAT | O_TRUNC);
	uint8_t p[SIZE];
	int r;

	if (fd < 0)
		return fd;
	memcpy(p, magic, 8);
	le64_put(p + 8, id->cluster);
	le64_put(p + 16, id->member);
	le64_put(p + 24, id->instance);
	le64_put(p + 32, id->fresh);
	le32_put(p + 40, crc32c(0, p, 40));
	r = io_pwrite(io, fd, p, SIZE, 0);
	if (!r)
		r = io->datasync(io->user, fd);
	io->close(io->user, fd);
	if (!r)
		r = io->rename(io->user, NAME ".tmp", NAME);
	return r ? r : io->sync_dir(io->user);
}
