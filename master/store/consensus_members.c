/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/consensus.h"
#include "master/store/le.h"

#include <raft.h>

/* Who belongs to the cluster: the bytes of a configuration, and changes of it. */

#define CONF_VERSION 1u /* of libraft's encoding */

bool consensus_conf_valid(struct str in)
{
	const uint8_t *p = (const uint8_t *)in.p;
	uint64_t n;

	if (in.len < 9 || in.len > PEER_CONF_MAX || p[0] != CONF_VERSION)
		return false;
	n = le64_get(p + 1);
	if (!n || n > CONSENSUS_MEMBERS_MAX)
		return false;
	in = str_skip(in, 9);
	while (n--) {
		const char *nul;

		if (in.len < 8 || !le64_get(in.p))
			return false;
		in = str_skip(in, 8);
		nul = memchr(in.p, '\0', in.len);
		if (!nul || nul + 1 == in.p + in.len || (uint8_t)nul[1] > MEMBER_SPARE)
			return false;
		in = str_skip(in, (size_t)(nul + 2 - in.p));
	}
	return in.len < 8; /* padding */
}

size_t consensus_conf_members(struct str in, struct consensus_member *ret, size_t max)
{
	size_t n = consensus_conf_valid(in) ? MIN((size_t)le64_get(in.p + 1), max) : 0;
	const char *p = in.p + 9;

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(p + 8);

		ret[i].id = le64_get(p);
		ret[i].address = p + 8;
		ret[i].role = (enum member_role)p[8 + len + 1];
		p += 8 + len + 2;
	}
	return n;
}

int consensus_conf_encode(const struct consensus_member *m, size_t n, struct buf *out)
{
	struct raft_configuration conf;
	struct raft_buffer b;
	int r = n && n <= CONSENSUS_MEMBERS_MAX ? 0 : -EINVAL;

	raft_configuration_init(&conf);
	for (size_t i = 0; !r && i < n; i++)
		if (!m[i].id ||
		    raft_configuration_add(&conf, m[i].id, m[i].address, (int)m[i].role) != 0)
			r = -EINVAL;
	if (!r && raft_configuration_encode(&conf, &b) != 0)
		abort(); /* only out of memory */
	raft_configuration_close(&conf);
	if (r)
		return r;
	buf_add(out, b.base, b.len);
	raft_free(b.base);
	return 0;
}

struct log_entry *consensus_conf_entry(const struct consensus_member *m, size_t n)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (consensus_conf_encode(m, n, &b) < 0)
		return NULL;
	return log_entry_new(LOG_ENTRY_CONFIG, xmemdup(b.p, b.len), (uint32_t)b.len);
}

static bool knows(const struct consensus *c, uint64_t id)
{
	return id == consensus_id(c) || consensus_match(c, id) >= consensus_configuration(c);
}

/*
 * Voters who don't know yet that they belong here would not vote: make no configuration that needs
 * them to elect a leader.
 */
static bool would_elect(const struct consensus *c, const struct consensus_member *v, size_t n)
{
	size_t voters = 0, knowing = 0;

	for (size_t i = 0; i < n; i++) {
		voters += v[i].role == MEMBER_VOTER;
		knowing += v[i].role == MEMBER_VOTER && knows(c, v[i].id);
	}
	return knowing > voters / 2;
}

static int submit_members(struct consensus *c, const struct consensus_member *v, size_t n,
			  uint64_t now_ms)
{
	struct log_entry *e;
	bool voter = false;
	int r;

	for (size_t i = 0; i < n; i++)
		voter |= v[i].role == MEMBER_VOTER;
	if (voter && !would_elect(c, v, n))
		return -EAGAIN;
	e = voter ? consensus_conf_entry(v, n) : NULL;
	if (!e)
		return -EINVAL;
	r = consensus_submit(c, e, now_ms);
	if (r < 0)
		log_entry_free(e);
	return r;
}

int consensus_set_member(struct consensus *c, const struct consensus_member *m, uint64_t now_ms)
{
	struct consensus_member v[CONSENSUS_MEMBERS_MAX + 1];
	size_t n = consensus_members(c, v, CONSENSUS_MEMBERS_MAX), i = 0;

	if (!consensus_is_leader(c))
		return -EREMOTE;
	while (i < n && v[i].id != m->id)
		i++;
	if (i < n && v[i].role == m->role)
		return -EINVAL;
	if (m->role == MEMBER_VOTER && (i == n || !knows(c, m->id)))
		return -EAGAIN;
	if (i < n)
		v[i].role = m->role;
	else
		v[n++] = *m;
	return submit_members(c, v, n, now_ms);
}

int consensus_remove_member(struct consensus *c, uint64_t id, uint64_t now_ms)
{
	struct consensus_member v[CONSENSUS_MEMBERS_MAX];
	size_t n = consensus_members(c, v, ARRAY_SIZE(v)), i = 0;

	if (!consensus_is_leader(c))
		return -EREMOTE;
	while (i < n && v[i].id != id)
		i++;
	if (i == n)
		return -ENOENT;
	v[i] = v[--n];
	return submit_members(c, v, n, now_ms);
}
