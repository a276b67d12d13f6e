/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/pages.h"
#include "lib/base/codec.h"

#define PAGES_MAX 32

struct page_views {
	struct timers *timers;
	struct timer expire;
	struct {
		struct store_view *view;
		struct buf prefix;
		uint64_t used_ns;
	} v[PAGES_MAX];
};

/* Drop what has stood unused for too long and come back when the next one is due. */
static void expire_fire(struct timer *t)
{
	struct page_views *p = container_of(t, struct page_views, expire);
	uint64_t now = timers_now_ns(p->timers), next = UINT64_MAX;

	for (size_t i = 0; i < PAGES_MAX; i++) {
		if (!p->v[i].view)
			continue;
		if (p->v[i].used_ns + PAGES_KEEP_NS <= now) {
			store_view_unref(p->v[i].view);
			p->v[i].view = NULL;
		} else {
			next = MIN(next, p->v[i].used_ns + PAGES_KEEP_NS);
		}
	}
	if (next != UINT64_MAX)
		timers_arm(p->timers, t, next);
}

struct page_views *pages_new(struct timers *timers)
{
	struct page_views *p = NEW(struct page_views);

	p->timers = timers;
	p->expire.fire = expire_fire;
	return p;
}

struct page_views *pages_free(struct page_views *p)
{
	if (!p)
		return NULL;
	timers_disarm(p->timers, &p->expire);
	for (size_t i = 0; i < PAGES_MAX; i++) {
		store_view_unref(p->v[i].view);
		buf_done(&p->v[i].prefix);
	}
	free(p);
	return NULL;
}

static bool holds(const struct page_views *p, size_t i, uint64_t rev, struct str prefix)
{
	return p->v[i].view && store_view_rev(p->v[i].view) == rev &&
	       str_starts(prefix, buf_str(&p->v[i].prefix));
}

void pages_keep(struct page_views *p, struct store_view *v, struct str prefix)
{
	size_t at = 0;

	for (size_t i = 0; i < PAGES_MAX; i++) {
		if (holds(p, i, store_view_rev(v), prefix)) {
			p->v[i].used_ns = timers_now_ns(p->timers);
			return;
		}
		if (!p->v[i].view || (p->v[at].view && p->v[i].used_ns < p->v[at].used_ns))
			at = i;
	}
	store_view_unref(p->v[at].view);
	p->v[at].view = store_view_ref(v);
	buf_clear(&p->v[at].prefix);
	buf_addstr(&p->v[at].prefix, prefix);
	p->v[at].used_ns = timers_now_ns(p->timers);
	if (!timer_armed(&p->expire))
		timers_arm_in(p->timers, &p->expire, PAGES_KEEP_NS);
}

struct store_view *pages_find(struct page_views *p, uint64_t rev, struct str prefix)
{
	for (size_t i = 0; i < PAGES_MAX; i++)
		if (holds(p, i, rev, prefix))
			return store_view_ref(p->v[i].view);
	return NULL;
}

void pages_token(uint64_t rev, struct str last_key, struct buf *out)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;

	buf_addu64(&text, rev);
	buf_addc(&text, ' ');
	buf_addstr(&text, last_key);
	base64url_encode(buf_str(&text), out);
}

int pages_token_parse(struct str token, uint64_t *ret_rev, struct buf *last_key)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct str rest, rev;

	if (token.len > 2 * STORE_KEY_MAX || base64url_decode(token, &text) < 0)
		return -EINVAL;
	rest = buf_str(&text);
	if (!str_split(&rest, ' ', &rev) || str_to_u64(rev, ret_rev) < 0 || !rest.len)
		return -EINVAL;
	buf_addstr(last_key, rest);
	return 0;
}
