/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/backup_internal.h"
#include "lib/sys/file.h"
#include "master/store/identity.h"
#include "master/store/machine.h"
#include "master/store/snapshot.h"
#include "master/store/vote.h"
#include "master/store/wal.h"

#include <dirent.h>
#include <sys/file.h>
#include <sys/stat.h>

/* Backups read, and data directories made and mended, while no master runs on them. */

#define FIRST_INDEX 2u

/* ---- reading a backup ---- */

struct file {
	const char *path;
	int fd;
};

struct counted {
	int (*each)(void *user, const struct store_obj *o);
	void *user;
	uint64_t bytes, sealed;
};

static int count_object(void *user, const struct store_obj *o)
{
	struct counted *c = user;

	c->sealed += o->sealed_by >= STORE_LOCKED_BARE;
	c->bytes += o->key.len + o->value.len + o->meta.len;
	return c->each ? c->each(c->user, o) : 0;
}

static int backup_error(int r, const char *path, uint64_t off, struct err *err)
{
	if (r == -EPROTO)
		return err_sys(err, EPROTO,
			       "%s: a backup of a newer format than this version of Knarr reads",
			       path);
	if (r == -EBADMSG && off)
		return err_sys(err, EBADMSG,
			       "%s: damaged or cut short near offset %" PRIu64
			       ": this is no whole backup",
			       path, off);
	if (r == -EBADMSG)
		return err_sys(err, EBADMSG, "%s: this is no backup of Knarr's store", path);
	return err_sys(err, -r, "cannot read %s: %s", path, strerror(-r));
}

static int read_backup(const char *path, struct store_backup_info *ret,
		       int (*each)(void *user, const struct store_obj *o), void *user,
		       struct err *err)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct store_io io = {.pread = store_io_pread};
	struct counted c = {each, user, 0, 0};
	uint64_t off = 0, count = 0;
	uint8_t head[BACKUP_HEAD];
	struct store_backup_info i = {0};
	struct stat st;
	uint32_t crc;
	ssize_t n;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot open %s: %s", path, strerror(errno));
	n = S_ISREG(st.st_mode) ? store_io_pread(NULL, fd, head, sizeof(head), 0) : -EINVAL;
	r = n < 0 ? (int)n : backup_head_decode(head, (size_t)n, &i, &crc);
	if (r < 0)
		return backup_error(r, path, n > 8 && r == -EBADMSG ? (uint64_t)n : 0, err);
	r = snapshot_decode(&io, NULL, fd, BACKUP_HEAD, crc, i.rev, count_object, &c, &count, &off);
	if (!r && (count != i.objects || off != (uint64_t)st.st_size))
		r = -EBADMSG;
	if (r < 0)
		return backup_error(r, path, off, err);
	i.file_bytes = (uint64_t)st.st_size;
	i.bytes = c.bytes;
	i.sealed = c.sealed;
	*ret = i;
	return 0;
}

int store_backup_check(const char *path, struct store_backup_info *ret, struct err *err)
{
	return read_backup(path, ret, NULL, NULL, err);
}

/* ---- a new directory ---- */

/* What it is made of. */
struct content {
	struct machine machine;
	const char *drop_prefix;
	uint64_t rev, term;
};

static int add_object(void *user, const struct store_obj *o)
{
	struct content *c = user;

	if (c->drop_prefix && str_starts(o->key, str_of(c->drop_prefix)))
		return 0;
	return machine_restore(&c->machine, o);
}

static uint64_t new_number(const struct store_restore *conf)
{
	uint64_t n = rng_u64(conf->rng ? conf->rng : &rng_system);

	return n ? n : 1;
}

/*
 * The snapshot is the cluster's beginning, with its configuration: one voter. The term is above all
 * that the old cluster had, so that nothing of it is ever taken for newer. At entry 2, as libraft
 * 0.22 takes a snapshot at entry 1 for the entry itself, and tries to send that to who joins.
 */
static int write_store(const struct store_io *io, const struct store_restore *conf,
		       struct content *c, struct store_backup_info *i, struct err *err)
{
	struct snapshot_head h = {.rev = c->rev + conf->bump};
	struct consensus_member m = {conf->id, conf->address, MEMBER_VOTER};
	struct identity id = {new_number(conf), conf->id, new_number(conf), false};
	atomic_bool cancel = false;
	struct vote vote;
	int r;

	h.at = (struct consensus_point){FIRST_INDEX, c->term + 1, FIRST_INDEX, BUF_INIT};
	r = consensus_conf_encode(&m, 1, &h.at.conf);
	if (!r)
		r = vote_open(io, &vote, err);
	if (!r) {
		r = vote_save(&vote, h.at.term, 0);
		vote_done(&vote);
	}
	if (!r)
		r = identity_save(io, &id);
	if (!r)
		r = snapshot_write(io, NULL, &h, c->machine.tree.root, &cancel);
	snapshot_head_done(&h);
	if (r < 0)
		return err_sys(err, -r, "cannot write the new directory: %s", strerror(-r));
	i->sealed = c->machine.n_locked;
	i->cluster = id.cluster;
	i->rev = h.rev;
	i->objects = tree_count(c->machine.tree.root);
	i->bytes = c->machine.bytes;
	return 0;
}

/* -ENOTEMPTY unless it does not exist or is an empty directory. */
static int check_free(const char *dir, struct err *err)
{
	struct dirent *de;
	bool empty = true;
	DIR *d = opendir(dir);

	if (!d && errno == ENOENT)
		return 0;
	if (!d)
		return err_sys(err, errno, "%s: %s", dir, strerror(errno));
	while (empty && (de = readdir(d)))
		empty = !strcmp(de->d_name, ".") || !strcmp(de->d_name, "..");
	closedir(d);
	return empty ? 0
		     : err_sys(err, ENOTEMPTY,
			       "%s is not empty: nothing is ever written over a store", dir);
}

static int make_dir(const struct store_restore *conf, struct content *c,
		    struct store_backup_info *ret, struct err *err)
{
	CLEANUP_FREE char *tmp = xasprintf("%s.part", conf->dir);
	struct store_backup_info i = {0};
	struct store_io io;
	int r = check_free(conf->dir, err);

	if (r < 0)
		return r;
	dir_remove_tree(AT_FDCWD, tmp);
	r = store_io_files(tmp, &io);
	if (r < 0)
		return err_sys(err, -r, "cannot make %s: %s", tmp, strerror(-r));
	r = write_store(&io, conf, c, &i, err);
	store_io_files_done(&io);
	if (!r && rmdir(conf->dir) < 0 && errno != ENOENT)
		r = err_sys(err, errno, "%s: %s", conf->dir, strerror(errno));
	if (!r && rename(tmp, conf->dir) < 0)
		r = err_sys(err, errno, "cannot name %s: %s", conf->dir, strerror(errno));
	if (r < 0)
		dir_remove_tree(AT_FDCWD, tmp);
	else if (ret)
		*ret = i;
	return r;
}

int store_restore(const char *path, const struct store_restore *conf, struct store_backup_info *ret,
		  struct err *err)
{
	struct content c = {.drop_prefix = conf->drop_prefix};
	struct store_backup_info i;
	int r = check_free(conf->dir, err);

	if (!r)
		r = read_backup(path, &i, add_object, &c, err);
	if (!r) {
		c.rev = i.rev;
		c.term = i.raft_term;
		r = make_dir(conf, &c, ret, err);
	}
	machine_done(&c.machine);
	return r;
}

/* ---- what one survivor has ---- */

/* The log whole: an index that goes back takes back what was there. */
struct old_log {
	uint64_t first; /* of v[0] */
	struct log_entry **v;
	size_t n, cap;
};

static void log_cut(struct old_log *l, size_t n)
{
	while (l->n > n)
		log_entry_free(l->v[--l->n]);
}

static int log_add(void *user, const struct wal_entry *w)
{
	struct old_log *l = user;
	struct log_entry *e;

	if (w->type == LOG_ENTRY_RESET || w->index < l->first || w->index > l->first + l->n)
		log_cut(l, 0);
	if (w->type == LOG_ENTRY_RESET)
		return 0;
	if (!l->n)
		l->first = w->index;
	log_cut(l, w->index - l->first);
	e = log_entry_new((enum log_entry_type)w->type, xmemdup(w->data, w->len), w->len);
	e->index = w->index;
	e->term = w->term;
	*ARRAY_PUSH(l->v, l->n, l->cap) = e;
	return 0;
}

static int apply_old(struct machine *m, const struct log_entry *e)
{
	struct str in = str_n(e->data, e->len);
	struct changes changes = {0};
	struct ops_array ops = {0};
	int r = 0;

	while (e->type == LOG_ENTRY_COMMAND && in.len && (r = ops_decode(&in, NULL, &ops)) >= 0) {
		struct obj *current;
		size_t failed;

		machine_apply(m, &ops, &changes, &failed, &current);
		changes_clear(&changes);
	}
	free(changes.v);
	ops_done(&ops);
	return MIN(r, 0);
}

static void drop_objects(struct machine *m, const char *prefix)
{
	struct str p = str_of(prefix);
	struct store_iter it;
	struct obj *o;

	for (;;) {
		CLEANUP_FREE char *key = NULL;

		tree_seek(m->tree.root, (struct tree_bound){p, TREE_LT}, &it);
		o = tree_next(&it);
		if (!o || !str_starts(o->pub.key, p))
			return;
		key = xstrndup(o->pub.key.p, o->pub.key.len);
		m->bytes -= obj_bytes(o);
		machine_expiry_drop(m, o);
		obj_unref(tree_del(&m->tree, str_of(key)));
	}
}

/* The address this master had in the newest configuration. */
static char *own_address(struct str conf, uint64_t id)
{
	struct consensus_member v[CONSENSUS_MEMBERS_MAX];
	size_t n = consensus_conf_members(conf, v, ARRAY_SIZE(v));

	for (size_t i = 0; i < n; i++)
		if (v[i].id == id)
			return xstrdup(v[i].address);
	return xstrdup("");
}

struct survivor {
	struct content c;
	struct identity id;
	struct old_log log;
	struct snapshot_head head;
	struct vote vote;
	struct wal *wal;
	struct buf conf;
};

/* Behind the snapshot, as far as the log goes without a gap. */
static int replay(struct survivor *s, struct err *err)
{
	uint64_t next = s->head.at.index + 1;

	if (s->log.n && s->log.first > next)
		return err_sys(err, EBADMSG,
			       "the log begins at entry %" PRIu64
			       ", the snapshot ends before it: a file is missing",
			       s->log.first);
	for (size_t i = 0; i < s->log.n; i++) {
		const struct log_entry *e = s->log.v[i];

		/* Of an election that was lost before the snapshot came: see consensus.c. */
		if (e->index == s->head.at.index && e->term != s->head.at.term)
			break;
		if (e->index < next)
			continue;
		if (apply_old(&s->c.machine, e) < 0)
			return err_sys(err, EBADMSG, "log entry %" PRIu64 " is not readable",
				       e->index);
		if (e->type == LOG_ENTRY_CONFIG) {
			buf_clear(&s->conf);
			buf_add(&s->conf, e->data, e->len);
		}
		s->c.term = MAX(s->c.term, e->term);
	}
	return 0;
}

static int read_old(const struct store_io *io, struct survivor *s, struct err *err)
{
	int r = snapshot_read(io, NULL, &s->head, add_object, &s->c, err), had = r;

	if (r < 0)
		return r;
	s->c.machine.rev = s->head.rev;
	if (had)
		buf_addstr(&s->conf, buf_str(&s->head.at.conf));
	r = identity_load(io, &s->id);
	if (r < 0)
		return err_sys(err, -r, "the file identity: %s", strerror(-r));
	r = vote_open(io, &s->vote, err);
	if (!r)
		r = wal_open(io, WAL_SEGMENT_MIN, 1, log_add, &s->log, &s->wal, err);
	if (r < 0)
		return r;
	s->c.term = MAX(s->vote.term, s->head.at.term);
	if (!had && !s->log.n)
		return err_sys(err, ENODATA, "there is nothing in it");
	return replay(s, err);
}

int store_rebuild(const char *from, const struct store_restore *conf, struct store_backup_info *ret,
		  struct err *err)
{
	struct survivor s = {.head.at.conf = BUF_INIT, .conf = BUF_INIT, .vote.fd = -1};
	struct store_restore to = *conf;
	CLEANUP_FREE char *address = NULL;
	struct store_io io;
	struct stat st;
	int r = check_free(conf->dir, err);

	if (r < 0)
		return r;
	if (stat(from, &st) < 0)
		return err_sys(err, errno, "%s: %s", from, strerror(errno));
	r = store_io_files(from, &io);
	if (r == -EWOULDBLOCK)
		return err_sys(err, EWOULDBLOCK, "%s is in use: stop the master first", from);
	if (r < 0)
		return err_sys(err, -r, "cannot open %s: %s", from, strerror(-r));
	r = read_old(&io, &s, err);
	if (!r) {
		if (conf->drop_prefix)
			drop_objects(&s.c.machine, conf->drop_prefix);
		s.c.rev = s.c.machine.rev;
		to.id = to.id ? to.id : s.id.member;
		address = own_address(buf_str(&s.conf), s.id.member);
		to.address = to.address ? to.address : address;
		r = make_dir(&to, &s.c, ret, err);
	}
	log_cut(&s.log, 0);
	free(s.log.v);
	wal_close(s.wal);
	vote_done(&s.vote);
	snapshot_head_done(&s.head);
	buf_done(&s.conf);
	machine_done(&s.c.machine);
	store_io_files_done(&io);
	return r;
}
