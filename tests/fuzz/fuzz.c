/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "lib/sys/file.h"
#include "tests/fuzz/fuzz.h"

#include <dirent.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
	/* A heap copy without slack, so that AddressSanitizer sees one byte too many. */
	char *copy = xmemdup(p, len);

	fuzz_one(str_n(copy, len));
	free(copy);
	return 0;
}

#ifndef FUZZ_ENGINE
static uint64_t seed = 0x9e3779b97f4a7c15ull;

/* SplitMix64 (Steele, Lea, Flood 2014): the same mutations in each run. */
static uint64_t next(void)
{
	uint64_t z = (seed += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static void mutate_once(struct buf *b)
{
	static const char chars[] = "{}[]\",:\\\0\xff 0-";
	size_t at = b->len ? next() % b->len : 0;

	if (!b->len)
		return;
	switch (next() % 5) {
	case 0:
		b->p[at] = (char)next();
		break;
	case 1:
		b->p[at] = (char)(b->p[at] ^ (1 << next() % 8));
		break;
	case 2:
		buf_setlen(b, at);
		break;
	case 3: {
		CLEANUP_FREE char *tail = xmemdup(b->p + at, b->len - at);

		if (b->len - at < 4096)
			buf_add(b, tail, b->len - at);
		break;
	}
	case 4:
		b->p[at] = chars[next() % (sizeof(chars) - 1)];
		break;
	}
}

int main(int argc, char **argv)
{
	uint64_t rounds = 200;
	const char *folder = argc > 1 ? argv[1] : ".";
	struct dirent *de;
	size_t files = 0;
	DIR *d = opendir(folder);

	if (argc > 3 && strcmp(argv[2], "-r") == 0)
		str_to_u64(str_of(argv[3]), &rounds);
	if (!d) {
		fprintf(stderr, "%s: cannot open the corpus folder: %s\n", folder, strerror(errno));
		return 1;
	}
	while ((de = readdir(d))) {
		CLEANUP(buf_done) struct buf in = BUF_INIT;

		if (de->d_name[0] == '.' || file_read(dirfd(d), de->d_name, 4 << 20, &in) < 0)
			continue;
		files++;
		LLVMFuzzerTestOneInput((uint8_t *)in.p, in.len);
		for (uint64_t i = 0; i < rounds; i++) {
			CLEANUP(buf_done) struct buf m = BUF_INIT;

			buf_add(&m, in.p, in.len);
			for (int n = 1 + (int)(next() % 4); n; n--)
				mutate_once(&m);
			LLVMFuzzerTestOneInput((uint8_t *)m.p, m.len);
		}
	}
	closedir(d);
	if (!files) {
		fprintf(stderr, "%s: no files\n", folder);
		return 1;
	}
	printf("%zu files, %zu inputs\n", files, files * (size_t)(rounds + 1));
	return 0;
}
#endif
