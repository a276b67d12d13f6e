/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/sys/memory.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>

struct search {
	const char *name;
	uintptr_t page;
	size_t dropped;
};

static bool is_zero(const char *p, size_t len)
{
	return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

/* [from, to) is whole pages of the library's own bss. */
static void drop(struct search *s, uintptr_t from, uintptr_t to)
{
	uintptr_t start = 0;

	for (uintptr_t at = from; at <= to; at += s->page) {
		bool zero = at < to && is_zero((const char *)at, s->page);

		if (zero && !start)
			start = at;
		if (zero || !start)
			continue;
		if (madvise((void *)start, at - start, MADV_DONTNEED) == 0)
			s->dropped += at - start;
		start = 0;
	}
}

static int on_object(struct dl_phdr_info *info, size_t size, void *user)
{
	struct search *s = user;

	if (!info->dlpi_name || !strstr(info->dlpi_name, s->name))
		return 0;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t at = info->dlpi_addr + p->p_vaddr;

		/* What stands behind the file's part is anonymous memory, zero at first. */
		if (p->p_type == PT_LOAD && p->p_flags & PF_W && p->p_memsz > p->p_filesz)
			drop(s, (at + p->p_filesz + s->page - 1) & ~(s->page - 1),
			     (at + p->p_memsz) & ~(s->page - 1));
	}
	return 1;
}

size_t memory_drop_zeros(const char *name)
{
	struct search s = {.name = name, .page = (uintptr_t)sysconf(_SC_PAGESIZE)};

	dl_iterate_phdr(on_object, &s);
	return s.dropped;
}

void memory_trim(void)
{
	malloc_trim(0);
}

size_t memory_trim_loose(size_t least)
{
	struct mallinfo2 m = mallinfo2();

	if (m.fordblks < least || m.fordblks < m.uordblks)
		return 0;
	malloc_trim(0);
	return m.fordblks;
}
