/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/peer_msg.h"
#include "master/store/le.h"

#define ENTRY_HEAD 16u
#define SNAPSHOT_HEAD 16u
#define ENTRY_TYPE_MAX 3u /* LOG_ENTRY_CONFIG */

/* How each type uses the head: which of its flags may be set, and whether a payload follows. */
static const struct {
	uint8_t flags;
	bool numbers[3]; /* a, b, c: used, else 0 */
	bool payload;
} shapes[PEER_MSG_MAX] = {
	[PEER_APPEND] = {0, {true, true, true}, true},
	[PEER_APPEND_RESULT] = {0, {true, true, false}, false},
	[PEER_VOTE] = {3, {true, true, true}, false},
	[PEER_VOTE_RESULT] = {3, {false, false, false}, false},
	[PEER_SNAPSHOT] = {1, {true, true, true}, true},
	[PEER_TIMEOUT_NOW] = {0, {true, true, false}, false},
	[PEER_CONFIRM] = {0, {true, false, false}, false},
	[PEER_CONFIRM_RESULT] = {0, {true, false, false}, false},
	[PEER_SNAPSHOT_RESULT] = {1, {true, true, true}, false},
	[PEER_READ_INDEX] = {0, {true, false, false}, false},
	[PEER_READ_INDEX_RESULT] = {1, {true, true, false}, false},
};

struct head {
	uint8_t flags;
	uint32_t count;
	uint64_t n[3];
};

static void add_u32(struct buf *out, uint32_t v)
{
	char b[4];

	le32_put(b, v);
	buf_add(out, b, sizeof(b));
}

static void add_u64(struct buf *out, uint64_t v)
{
	char b[8];

	le64_put(b, v);
	buf_add(out, b, sizeof(b));
}

static struct head head_of(const struct peer_msg *m)
{
	struct head h = {0};

	switch (m->type) {
	case PEER_APPEND:
		h = (struct head){0,
				  m->append.n_entries,
				  {m->append.prev_index, m->append.prev_term, m->append.commit}};
		break;
	case PEER_APPEND_RESULT:
		h.n[0] = m->append_result.rejected;
		h.n[1] = m->append_result.last_index;
		break;
	case PEER_VOTE:
		h.flags = (uint8_t)(m->vote.disrupt | m->vote.pre << 1);
		h.n[0] = m->vote.candidate;
		h.n[1] = m->vote.last_index;
		h.n[2] = m->vote.last_term;
		break;
	case PEER_VOTE_RESULT:
		h.flags = (uint8_t)(m->vote_result.granted | m->vote_result.pre << 1);
		break;
	case PEER_SNAPSHOT:
		h = (struct head){
			m->snapshot.last,
			0,
			{m->snapshot.last_index, m->snapshot.last_term, m->snapshot.conf_index}};
		break;
	case PEER_TIMEOUT_NOW:
		h.n[0] = m->timeout_now.last_index;
		h.n[1] = m->timeout_now.last_term;
		break;
	case PEER_CONFIRM:
	case PEER_CONFIRM_RESULT:
	case PEER_READ_INDEX:
		h.n[0] = m->confirm.seq;
		break;
	case PEER_SNAPSHOT_RESULT:
		h = (struct head){m->snapshot_result.again,
				  0,
				  {m->snapshot_result.last_index, m->snapshot_result.last_term,
				   m->snapshot_result.have}};
		break;
	case PEER_READ_INDEX_RESULT:
		h.flags = m->read_index_result.ok;
		h.n[0] = m->read_index_result.seq;
		h.n[1] = m->read_index_result.index;
		break;
	case PEER_MSG_MAX:
	case PEER_MSG_INVALID:
		break;
	}
	return h;
}

void peer_msg_encode(const struct peer_msg *m, struct buf *out)
{
	struct head h = head_of(m);
	char first[4] = {PEER_MSG_VERSION, (char)m->type, (char)h.flags, 0};

	buf_add(out, first, sizeof(first));
	add_u32(out, h.count);
	add_u64(out, m->term);
	for (size_t i = 0; i < ARRAY_SIZE(h.n); i++)
		add_u64(out, h.n[i]);
	if (m->type == PEER_APPEND) {
		for (uint32_t i = 0; i < h.count; i++) {
			const struct peer_entry *e = &m->append.entries[i];
			char type[4] = {(char)e->type, 0, 0, 0};

			add_u64(out, e->term);
			add_u32(out, (uint32_t)e->data.len);
			buf_add(out, type, sizeof(type));
			buf_addstr(out, e->data);
		}
	}
	if (m->type == PEER_SNAPSHOT) {
		add_u64(out, m->snapshot.offset);
		add_u32(out, (uint32_t)m->snapshot.conf.len);
		add_u32(out, (uint32_t)m->snapshot.data.len);
		buf_addstr(out, m->snapshot.conf);
		buf_addstr(out, m->snapshot.data);
	}
}

/* An index and the term of its entry: the log's beginning has neither. */
static bool is_place(uint64_t index, uint64_t term, uint64_t newest_term)
{
	return (index == 0) == (term == 0) && term <= newest_term && index < UINT64_MAX / 2;
}

static int decode_entries(struct str in, uint32_t n, struct peer_entry *v, struct peer_msg *m)
{
	uint64_t term = m->append.prev_term;

	if (n > PEER_ENTRIES_MAX)
		return -EBADMSG;
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *p = (const uint8_t *)in.p;
		size_t len;

		if (in.len < ENTRY_HEAD)
			return -EBADMSG;
		len = le32_get(p + 8);
		v[i] = (struct peer_entry){le64_get(p), p[12], {in.p + ENTRY_HEAD, len}};
		if (len > in.len - ENTRY_HEAD || p[13] || p[14] || p[15] || !v[i].type ||
		    v[i].type > ENTRY_TYPE_MAX || !v[i].term || v[i].term < term ||
		    v[i].term > m->term)
			return -EBADMSG;
		term = v[i].term;
		in = str_skip(in, ENTRY_HEAD + len);
	}
	m->append.entries = v;
	m->append.n_entries = n;
	return in.len ? -EBADMSG : 0;
}

static int decode_snapshot(struct str in, struct peer_msg *m)
{
	const uint8_t *p = (const uint8_t *)in.p;
	size_t conf, data;

	if (in.len < SNAPSHOT_HEAD)
		return -EBADMSG;
	m->snapshot.offset = le64_get(p);
	conf = le32_get(p + 8);
	data = le32_get(p + 12);
	in = str_skip(in, SNAPSHOT_HEAD);
	if (conf > PEER_CONF_MAX || !conf || conf > in.len || data != in.len - conf ||
	    !m->snapshot.last_index || m->snapshot.conf_index > m->snapshot.last_index ||
	    m->snapshot.offset > UINT64_MAX / 2)
		return -EBADMSG;
	m->snapshot.conf = str_n(in.p, conf);
	m->snapshot.data = str_skip(in, conf);
	return 0;
}

static void set_numbers(struct peer_msg *m, uint8_t flags, const uint64_t n[3])
{
	switch (m->type) {
	case PEER_APPEND:
		m->append.prev_index = n[0];
		m->append.prev_term = n[1];
		m->append.commit = n[2];
		break;
	case PEER_APPEND_RESULT:
		m->append_result.rejected = n[0];
		m->append_result.last_index = n[1];
		break;
	case PEER_VOTE:
		m->vote.candidate = n[0];
		m->vote.last_index = n[1];
		m->vote.last_term = n[2];
		m->vote.disrupt = flags & 1;
		m->vote.pre = flags & 2;
		break;
	case PEER_VOTE_RESULT:
		m->vote_result.granted = flags & 1;
		m->vote_result.pre = flags & 2;
		break;
	case PEER_SNAPSHOT:
		m->snapshot.last_index = n[0];
		m->snapshot.last_term = n[1];
		m->snapshot.conf_index = n[2];
		m->snapshot.last = flags & 1;
		break;
	case PEER_TIMEOUT_NOW:
		m->timeout_now.last_index = n[0];
		m->timeout_now.last_term = n[1];
		break;
	case PEER_CONFIRM:
	case PEER_CONFIRM_RESULT:
	case PEER_READ_INDEX:
		m->confirm.seq = n[0];
		break;
	case PEER_SNAPSHOT_RESULT:
		m->snapshot_result.last_index = n[0];
		m->snapshot_result.last_term = n[1];
		m->snapshot_result.have = n[2];
		m->snapshot_result.again = flags & 1;
		break;
	case PEER_READ_INDEX_RESULT:
		m->read_index_result.seq = n[0];
		m->read_index_result.index = n[1];
		m->read_index_result.ok = flags & 1;
		break;
	case PEER_MSG_MAX:
	case PEER_MSG_INVALID:
		break;
	}
}

static bool makes_sense(const struct peer_msg *m, const uint64_t n[3])
{
	switch (m->type) {
	case PEER_APPEND:
	case PEER_SNAPSHOT:
	case PEER_SNAPSHOT_RESULT:
	case PEER_TIMEOUT_NOW:
		return is_place(n[0], n[1], m->term) && n[2] < UINT64_MAX / 2;
	case PEER_APPEND_RESULT:
		return n[0] < UINT64_MAX / 2 && n[1] < UINT64_MAX / 2;
	case PEER_VOTE:
		return n[0] && is_place(n[1], n[2], m->term);
	case PEER_READ_INDEX_RESULT:
		return n[1] < UINT64_MAX / 2;
	case PEER_VOTE_RESULT:
	case PEER_CONFIRM:
	case PEER_CONFIRM_RESULT:
	case PEER_READ_INDEX:
		return true;
	case PEER_MSG_MAX:
	case PEER_MSG_INVALID:
		break;
	}
	return false;
}

int peer_msg_decode(struct str in, struct peer_entry *entries, struct peer_msg *ret)
{
	const uint8_t *p = (const uint8_t *)in.p;
	struct peer_msg m = {0};
	uint64_t n[3];
	uint32_t count;
	int r = 0;

	if (in.len < PEER_MSG_HEAD || in.len > PEER_MSG_BYTES_MAX)
		return -EBADMSG;
	if (p[0] != PEER_MSG_VERSION)
		return -EPROTO;
	if (p[1] == 0 || p[1] >= PEER_MSG_MAX || p[2] & ~shapes[p[1]].flags || p[3])
		return -EBADMSG;
	m.type = (enum peer_msg_type)p[1];
	count = le32_get(p + 4);
	m.term = le64_get(p + 8);
	for (size_t i = 0; i < 3; i++) {
		n[i] = le64_get(p + 16 + 8 * i);
		if (n[i] && !shapes[m.type].numbers[i])
			return -EBADMSG;
	}
	if (!m.term || m.term > UINT64_MAX / 2 || (count && m.type != PEER_APPEND) ||
	    !makes_sense(&m, n))
		return -EBADMSG;
	in = str_skip(in, PEER_MSG_HEAD);
	if (in.len && !shapes[m.type].payload)
		return -EBADMSG;
	set_numbers(&m, p[2], n);
	if (m.type == PEER_APPEND)
		r = decode_entries(in, count, entries, &m);
	else if (m.type == PEER_SNAPSHOT)
		r = decode_snapshot(in, &m);
	if (r == 0)
		*ret = m;
	return r;
}
