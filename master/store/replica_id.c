/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/replica_internal.h"
#include "lib/base/codec.h"
#include "lib/base/log.h"
#include "master/store/le.h"

/*
 * Who talks to whom. In front of each message stands
 *
 *	u64 cluster (0: the sender does not know yet), u64 instance of the sender's data,
 *	u64 instance of the receiver's data as the sender knows it (0: not heard of),
 *	u64 digest of what the sender knows of the members
 *
 * and a message of another cluster, or from a member that is known with other data, goes no
 *further. A member whose disk was wiped may have promised votes and entries that it no longer knows
 *of: what it says is worth nothing until it is removed and comes back as a new one. The instances
 *of the members are kept in the file "known". Who follows a leader with another digest tells it
 *what it knows, and the other way round: so a member is known also to those it never spoke to,
 *which are the ones it could be asked to vote for.
 *
 * Two messages are not for raft: one byte, a refusal; and 'k', then pairs of id and instance.
 */
#define ENVELOPE 32u
#define TABLE 'k'
#define TABLE_GAP_MS 200u
#define KNOWN "known"
#define REFUSAL_GAP_MS 1000u

static const char magic[8] = {'K', 'n', 'a', 'r', 'r', 'K', 'n', '1'};

/* ---- the file ---- */

static int known_save(struct replica *r)
{
	const struct store_io *io = r->conf.io;
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	char n[16];
	int fd, x;

	buf_add(&b, magic, 8);
	for (size_t i = 0; i < r->n_known; i++) {
		if (!r->known[i].instance)
			continue;
		le64_put(n, r->known[i].id);
		le64_put(n + 8, r->known[i].instance);
		buf_add(&b, n, 16);
	}
	le32_put(n, crc32c(0, b.p, b.len));
	buf_add(&b, n, 4);
	fd = io->open(io->user, KNOWN ".tmp", O_RDWR | O_CREAT | O_TRUNC);
	if (fd < 0)
		return fd;
	x = io_pwrite(io, fd, b.p, b.len, 0);
	if (!x)
		x = io->datasync(io->user, fd);
	io->close(io->user, fd);
	if (!x)
		x = io->rename(io->user, KNOWN ".tmp", KNOWN);
	return x ? x : io->sync_dir(io->user);
}

static int known_load(struct replica *r)
{
	uint8_t p[8 + 16 * CONSENSUS_MEMBERS_MAX + 4];
	const struct store_io *io = r->conf.io;
	int fd = io->open(io->user, KNOWN, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	n = io->pread(io->user, fd, p, sizeof(p), 0);
	io->close(io->user, fd);
	if (n < 0)
		return (int)n;
	if (n < 12 || (n - 12) % 16 || memcmp(p, magic, 8) != 0 ||
	    le32_get(p + n - 4) != crc32c(0, p, (size_t)n - 4))
		return -EBADMSG;
	r->n_known = 0;
	for (size_t at = 8; at + 16 <= (size_t)n - 4; at += 16)
		r->known[r->n_known++] =
			(struct known){.id = le64_get(p + at), .instance = le64_get(p + at + 8)};
	return 0;
}

/* ---- who we are ---- */

static uint64_t cluster_of(const struct replica *r)
{
	uint32_t a = 1, b = 2;

	/* Founded by several at once: by all of them under the same number. */
	for (size_t i = 0; i < r->conf.n_members; i++) {
		const struct consensus_member *m = &r->conf.members[i];

		a = crc32c(crc32c(a, &m->id, sizeof(m->id)), m->address, strlen(m->address));
		b = crc32c(crc32c(b, &m->id, sizeof(m->id)), m->address, strlen(m->address));
	}
	return (uint64_t)a << 32 | b;
}

static int make_identity(struct replica *r, bool fresh)
{
	/* xorshift of the seed: it has only to differ from others. */
	uint64_t v[2] = {r->conf.seed ^ 0x9e3779b97f4a7c15ull, 0};

	for (unsigned i = 0; i < 2; i++) {
		v[0] ^= v[0] << 13, v[0] ^= v[0] >> 7, v[0] ^= v[0] << 17;
		v[1] = i ? v[1] : v[0];
	}
	r->id.member = r->conf.id;
	r->id.instance = v[0] ? v[0] : 1;
	r->id.fresh = fresh;
	if (r->conf.cluster || r->conf.join)
		r->id.cluster = r->conf.cluster;
	else
		r->id.cluster = r->conf.n_members ? cluster_of(r) : v[1];
	return identity_save(r->conf.io, &r->id);
}

int replica_identify(struct replica *r, bool fresh, struct err *err)
{
	int x = identity_load(r->conf.io, &r->id);

	if (x == -ENOENT)
		x = make_identity(r, fresh);
	else if (x == 0)
		x = known_load(r);
	if (x == -EPROTO)
		return err_sys(err, EPROTO, "the file identity was written by another version");
	if (x < 0)
		return err_sys(err, -x, "the files identity and " KNOWN " cannot be used");
	if (r->id.member != r->conf.id)
		return err_sys(err, EINVAL,
			       "this is the data of master %016" PRIx64 ", not of %016" PRIx64,
			       r->id.member, r->conf.id);
	if (r->conf.cluster && r->id.cluster && r->conf.cluster != r->id.cluster)
		return err_sys(err, EINVAL,
			       "this is data of the cluster %016" PRIx64 ", not of %016" PRIx64,
			       r->id.cluster, r->conf.cluster);
	return 0;
}

static struct known *find(struct replica *r, uint64_t id)
{
	for (size_t i = 0; i < r->n_known; i++)
		if (r->known[i].id == id)
			return &r->known[i];
	return NULL;
}

void replica_know(struct replica *r, struct str conf)
{
	struct consensus_member v[CONSENSUS_MEMBERS_MAX];
	size_t n = consensus_conf_members(conf, v, ARRAY_SIZE(v));
	struct known now[CONSENSUS_MEMBERS_MAX];
	bool gone = false;

	pthread_mutex_lock(&r->id_lock);
	for (size_t i = 0; i < n; i++) {
		struct known *k = find(r, v[i].id);

		now[i] = k ? *k : (struct known){.id = v[i].id};
		if (v[i].id == r->conf.id)
			now[i].instance = r->id.instance;
	}
	for (size_t i = 0; i < r->n_known; i++) {
		bool there = false;

		for (size_t k = 0; k < n; k++)
			there |= now[k].id == r->known[i].id;
		gone |= !there && r->known[i].instance;
	}
	memcpy(r->known, now, n * sizeof(now[0]));
	r->n_known = n;
	if (gone && known_save(r) < 0)
		log_warn("store: cannot write the file " KNOWN);
	pthread_mutex_unlock(&r->id_lock);
}

/* ---- messages ---- */

static uint64_t digest(const struct replica *r)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < r->n_known; i++)
		if (r->known[i].instance)
			sum += (r->known[i].id ^ r->known[i].instance << 1) * 0x9e3779b97f4a7c15ull;
	return sum;
}

static void envelope(struct replica *r, uint64_t to, struct buf *bytes)
{
	char e[ENVELOPE];
	struct known *k;

	pthread_mutex_lock(&r->id_lock);
	k = find(r, to);
	le64_put(e, r->id.cluster);
	le64_put(e + 8, r->id.instance);
	le64_put(e + 16, k ? k->instance : 0);
	le64_put(e + 24, digest(r));
	pthread_mutex_unlock(&r->id_lock);
	buf_clear(bytes);
	buf_add(bytes, e, sizeof(e));
}

static void send_bytes(struct replica *r, struct buf *bytes, uint64_t to, const char *address)
{
	struct iovec iov = {bytes->p, bytes->len};

	/* One that is lost is said again. */
	(void)r->conf.transport->send(r->conf.transport->user, to, address, &iov, 1);
}

void replica_send(struct replica *r, struct buf *bytes, uint64_t to, const char *address,
		  const struct peer_msg *m)
{
	if (!r->conf.transport)
		return;
	envelope(r, to, bytes);
	peer_msg_encode(m, bytes);
	send_bytes(r, bytes, to, address);
	if (bytes->cap > (4u << 20))
		buf_done(bytes);
}

/* Tell what is known of the members; not too often, as two may contradict each other for ever. */
static void send_table(struct replica *r, uint64_t to)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	uint64_t now = replica_now_ms(r);
	struct known *k;
	bool tell;
	char n[16];

	envelope(r, to, &b);
	buf_addc(&b, TABLE);
	pthread_mutex_lock(&r->id_lock);
	k = find(r, to);
	tell = k && (!k->table_ms || now - k->table_ms >= TABLE_GAP_MS);
	if (tell)
		k->table_ms = now;
	for (size_t i = 0; i < r->n_known; i++) {
		if (!r->known[i].instance)
			continue;
		le64_put(n, r->known[i].id);
		le64_put(n + 8, r->known[i].instance);
		buf_add(&b, n, 16);
	}
	pthread_mutex_unlock(&r->id_lock);
	if (tell && b.len > ENVELOPE + 1)
		send_bytes(r, &b, to, "");
}

/*
 * What was not known before is believed, and all that the leader says: it has seen members go and
 * come back that this one has not, if a snapshot was all it got of that time. A leader believes
 * nobody but the member itself: others may know it from before it was replaced. False: this one is
 * not who it says.
 */
static bool take_table(struct replica *r, uint64_t from, struct str in)
{
	bool leads = from == atomic_load(&r->leader_id), more = false, me = true;

	pthread_mutex_lock(&r->id_lock);
	for (; in.len >= 16; in = str_skip(in, 16)) {
		struct known *k = find(r, le64_get(in.p));

		if (!k)
			continue;
		if (k->id == r->conf.id)
			me = le64_get(in.p + 8) == r->id.instance;
		else if ((!k->instance && !replica_is_leader(r)) ||
			 (leads && k->instance != le64_get(in.p + 8))) {
			k->instance = le64_get(in.p + 8);
			more = true;
		}
	}
	if (more && known_save(r) < 0)
		log_warn("store: cannot write the file " KNOWN);
	pthread_mutex_unlock(&r->id_lock);
	return me;
}

/* A message of one byte says why nothing else is taken. Now and then. */
static void refuse(struct replica *r, uint64_t to, enum replica_refusal why)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	static const char *const reasons[] = {
		[REPLICA_WELCOME] = "",
		[REPLICA_OTHER_CLUSTER] = "it belongs to another cluster",
		[REPLICA_OTHER_DATA] = "it is known here with another data directory: remove it "
				       "from the cluster and let it join anew",
	};
	uint64_t now = replica_now_ms(r);
	struct known *k;
	bool tell;

	pthread_mutex_lock(&r->id_lock);
	k = find(r, to);
	k = k ? k : &r->stranger;
	tell = !k->refused_ms || now - k->refused_ms >= REFUSAL_GAP_MS;
	if (tell && !k->refused_ms)
		log_warn("store: master %016" PRIx64 " is refused: %s", to, reasons[why]);
	if (tell)
		k->refused_ms = now;
	pthread_mutex_unlock(&r->id_lock);
	if (!tell)
		return;
	envelope(r, to, &b);
	buf_addc(&b, (char)why);
	send_bytes(r, &b, to, "");
}

static void told(struct replica *r, uint64_t by, enum replica_refusal why)
{
	bool first;

	pthread_mutex_lock(&r->id_lock);
	first = r->refused != why;
	r->refused = why;
	r->refused_by = by;
	pthread_mutex_unlock(&r->id_lock);
	if (!first)
		return;
	log_err("store: master %016" PRIx64 " takes nothing from this one: %s", by,
		why == REPLICA_OTHER_CLUSTER
			? "it is of another cluster"
			: "it knows a master of this id with other data; this one has to be "
			  "removed from the cluster and join anew with an empty directory");
	r->conf.wake(r->conf.user);
}

enum verdict { ADMIT, DROP, OTHER_CLUSTER, OTHER_DATA, IMPOSTOR };

/* With the lock held. */
static enum verdict judge(struct replica *r, uint64_t from, const char *e, bool leads, bool votes)
{
	uint64_t cluster = le64_get(e), instance = le64_get(e + 8), mine = le64_get(e + 16);
	struct known *k = find(r, from);
	int x;

	if (cluster && r->id.cluster && cluster != r->id.cluster)
		return OTHER_CLUSTER;
	if (mine && mine != r->id.instance)
		return IMPOSTOR;
	if (k && k->instance && k->instance != instance)
		return OTHER_DATA;
	if (k && !k->instance) {
		k->instance = instance;
		x = known_save(r);
		if (x < 0) { /* then it is not known, and not believed */
			k->instance = 0;
			return DROP;
		}
	}
	if (!r->id.fresh)
		return ADMIT;
	if (votes)
		return DROP;
	if (leads && (mine || (!r->id.cluster && cluster))) {
		struct identity now = r->id;

		now.cluster = cluster;
		now.fresh = !mine;
		if (identity_save(r->conf.io, &now) < 0)
			return DROP;
		r->id = now;
	}
	return ADMIT;
}

bool replica_admit(struct replica *r, uint64_t from, struct str *msg)
{
	const char *e = msg->p;
	enum verdict v;
	bool differs;
	uint8_t type;

	if (msg->len <= ENVELOPE)
		return false;
	*msg = str_skip(*msg, ENVELOPE);
	if (msg->len == 1) {
		if (msg->p[0] == REPLICA_OTHER_CLUSTER || msg->p[0] == REPLICA_OTHER_DATA)
			told(r, from, (enum replica_refusal)msg->p[0]);
		return false;
	}
	type = msg->p[0] == TABLE ? 0 : (uint8_t)msg->p[1];
	pthread_mutex_lock(&r->id_lock);
	v = judge(r, from, e, type == PEER_APPEND || type == PEER_SNAPSHOT,
		  type == PEER_VOTE || type == PEER_TIMEOUT_NOW);
	differs = v == ADMIT && le64_get(e + 24) != digest(r) &&
		  (type == PEER_APPEND || msg->p[0] == TABLE);
	pthread_mutex_unlock(&r->id_lock);
	if (v == ADMIT && msg->p[0] == TABLE) {
		v = DROP;
		if (!take_table(r, from, str_skip(*msg, 1)))
			v = IMPOSTOR;
	}
	if (differs)
		send_table(r, from);
	if (v == OTHER_CLUSTER)
		refuse(r, from, REPLICA_OTHER_CLUSTER);
	if (v == OTHER_DATA)
		refuse(r, from, REPLICA_OTHER_DATA);
	if (v == IMPOSTOR)
		told(r, from, REPLICA_OTHER_DATA);
	return v == ADMIT;
}

enum replica_refusal replica_refused(const struct replica *cr, uint64_t *ret_by)
{
	struct replica *r = (struct replica *)(uintptr_t)cr;
	enum replica_refusal why;

	pthread_mutex_lock(&r->id_lock);
	why = r->refused;
	*ret_by = r->refused_by;
	pthread_mutex_unlock(&r->id_lock);
	return why;
}

uint64_t replica_cluster(const struct replica *cr)
{
	struct replica *r = (struct replica *)(uintptr_t)cr;
	uint64_t cluster;

	pthread_mutex_lock(&r->id_lock);
	cluster = r->id.cluster;
	pthread_mutex_unlock(&r->id_lock);
	return cluster;
}
