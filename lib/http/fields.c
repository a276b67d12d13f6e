/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/fields.h"

struct record {
	uint32_t name_len, value_len;
};

void fields_init(struct fields *f)
{
	buf_init(&f->b);
	f->last = 0;
	f->in_value = true;
}

void fields_done(struct fields *f)
{
	buf_done(&f->b);
	fields_init(f);
}

static struct record record_read(const struct fields *f, size_t at)
{
	struct record r;

	memcpy(&r, f->b.p + at, sizeof(r));
	return r;
}

static void add_lower(struct buf *b, struct str s)
{
	char *p = buf_reserve(b, s.len);

	for (size_t i = 0; i < s.len; i++)
		p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 32) : s.p[i];
	buf_setlen(b, b->len + s.len);
}

void fields_name_more(struct fields *f, struct str part)
{
	struct record r = {0, 0};

	if (f->in_value) {
		f->last = f->b.len;
		f->in_value = false;
		buf_add(&f->b, &r, sizeof(r));
	}
	r = record_read(f, f->last);
	r.name_len += (uint32_t)part.len;
	memcpy(f->b.p + f->last, &r, sizeof(r));
	add_lower(&f->b, part);
}

void fields_value_more(struct fields *f, struct str part)
{
	struct record r = record_read(f, f->last);

	f->in_value = true;
	r.value_len += (uint32_t)part.len;
	memcpy(f->b.p + f->last, &r, sizeof(r));
	buf_addstr(&f->b, part);
}

void fields_add(struct fields *f, struct str name, struct str value)
{
	f->in_value = true;
	fields_name_more(f, name);
	fields_value_more(f, value);
}

static bool next_raw(const struct fields *f, size_t *pos, struct http_header *ret)
{
	struct record r;

	if (*pos >= f->b.len)
		return false;
	r = record_read(f, *pos);
	*pos += sizeof(r);
	ret->name = str_n(f->b.p + *pos, r.name_len);
	*pos += r.name_len;
	ret->value = str_n(f->b.p + *pos, r.value_len);
	*pos += r.value_len;
	return true;
}

bool fields_next(const struct fields *f, size_t *pos, struct http_header *ret)
{
	if (!next_raw(f, pos, ret))
		return false;
	ret->value = str_trim(ret->value);
	return true;
}

struct str fields_get(const struct fields *f, struct str name)
{
	struct http_header h;
	size_t pos = 0;

	while (next_raw(f, &pos, &h))
		if (str_eq(h.name, name))
			return str_trim(h.value);
	return STR_NULL;
}

bool fields_at(const struct fields *f, size_t i, struct http_header *ret)
{
	size_t pos = 0;

	while (fields_next(f, &pos, ret))
		if (ret->name.len && ret->name.p[0] != ':' && i-- == 0)
			return true;
	return false;
}

void fields_shrink(struct fields *f)
{
	if (f->b.cap > f->b.len + 64) {
		f->b.p = xrealloc(f->b.p, f->b.len + 1);
		f->b.cap = f->b.len + 1;
	}
}
