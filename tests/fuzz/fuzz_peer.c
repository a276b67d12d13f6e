/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "master/store/consensus.h"
#include "master/store/le.h"
#include "tests/fuzz/fuzz.h"

/*
 * Messages from another master: u32 length, message, and so on, to a follower that has nothing but
 * its first entry. Whatever is let through must encode to the very same bytes, and do no harm.
 */
struct server {
	struct consensus *c;
	uint64_t seq;
	bool installing;
};

static int on_save_vote(void *user, uint64_t term, uint64_t voted_for)
{
	(void)user, (void)term, (void)voted_for;
	return 0;
}

static void on_append(void *user, struct log_entry *e)
{
	struct server *s = user;

	s->seq = e->seq;
	log_entry_free(e);
}

static void on_commit(void *user, uint64_t index)
{
	(void)user, (void)index;
}

static void on_role(void *user, bool leader)
{
	(void)user, (void)leader;
}

static void on_send(void *user, uint64_t to, const char *address, const struct peer_msg *m)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	(void)user, (void)to, (void)address;
	peer_msg_encode(m, &b);
}

static int on_read(void *user, uint64_t from, uint64_t to, consensus_each each, void *arg)
{
	(void)user, (void)from, (void)to, (void)each, (void)arg;
	return -ENODATA;
}

static void on_send_snapshot(void *user, uint64_t to, const char *address, uint64_t term)
{
	(void)user, (void)to, (void)address, (void)term;
}

static void on_install(void *user, const struct consensus_point *p, struct str data)
{
	struct server *s = user;

	(void)p, (void)data;
	s->installing = true;
}

static void on_confirmed(void *user, uint64_t seq, uint64_t index, int err)
{
	(void)user, (void)seq, (void)index, (void)err;
}

static void start(struct server *s)
{
	struct consensus_member v[3] = {
		{1, "a", MEMBER_VOTER}, {2, "b", MEMBER_VOTER}, {3, "c", MEMBER_VOTER}};
	struct consensus_ops ops = {.save_vote = on_save_vote,
				    .append = on_append,
				    .commit = on_commit,
				    .role = on_role,
				    .send = on_send,
				    .read = on_read,
				    .send_snapshot = on_send_snapshot,
				    .install = on_install,
				    .confirmed = on_confirmed,
				    .user = s};
	CLEANUP(buf_done) struct buf conf = BUF_INIT;
	struct err err = ERR_INIT;

	s->c = consensus_new(1, "a", &ops, 1);
	consensus_conf_encode(v, 3, &conf);
	consensus_recover(s->c, 1, 1, LOG_ENTRY_CONFIG, conf.p, (uint32_t)conf.len);
	consensus_start(s->c, 1, 0, NULL, 1000, &err);
	err_done(&err);
}

void fuzz_one(struct str in)
{
	struct server s = {NULL};
	struct peer_entry v[PEER_ENTRIES_MAX];
	uint64_t now = 1000;

	start(&s);
	while (in.len >= 4) {
		size_t len = MIN((size_t)le32_get(in.p), in.len - 4);
		struct str one = str_n(in.p + 4, len);
		CLEANUP(buf_done) struct buf again = BUF_INIT;
		struct peer_msg m;

		in = str_skip(in, 4 + len);
		if (peer_msg_decode(one, v, &m) < 0)
			continue;
		peer_msg_encode(&m, &again);
		if (!str_eq(buf_str(&again), one))
			abort();
		if (consensus_receive(s.c, 2 + (len & 1), &m, now += 10) < 0)
			break;
		if (s.installing && consensus_installed(s.c, now) < 0)
			break;
		s.installing = false;
		if (s.seq && consensus_written(s.c, s.seq, now) < 0)
			break;
	}
	consensus_free(s.c);
}
