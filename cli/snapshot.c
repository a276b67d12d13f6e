/* SPDX-License-Identifier: Apache-2.0 */
/* Backups: saved from a running cluster; looked at and restored without one. */
#include "cli/backup.h"
#include "cli/session.h"
#include "lib/base/clock.h"
#include "lib/json/jw.h"
#include "lib/sys/file.h"

#include <sys/stat.h>

#define PATH "/knarr/v1/snapshot"

struct snapshot_options {
	struct cli_common common;
	const char *data_dir;
	bool local;
	uint64_t bump;
};

static const struct option_row rows[] = {
	CLI_COMMON_ROWS(struct snapshot_options, common),
	CLI_OUTPUT_ROW(struct snapshot_options, common),
	{"local", 0, OPTION_FLAG, offsetof(struct snapshot_options, local), NULL,
	 "save: what the master that is asked has, also when no master leads"},
	{"data-dir", 'd', OPTION_STRING, offsetof(struct snapshot_options, data_dir), "DIR",
	 "restore: of the new master, as knarr-master's (/var/lib/knarr/master)"},
	{"bump-revision", 0, OPTION_U64, offsetof(struct snapshot_options, bump), "N",
	 "restore: how much higher resourceVersions begin than they were (1000000000)"},
};
static const struct options_spec spec = {
	"knarrctl snapshot",
	"save FILE | status FILE | restore FILE",
	"Saves everything that the cluster stores, and makes a new cluster of it.",
	rows,
	ARRAY_SIZE(rows),
	"save writes FILE when all of it is there and its checksums are right. restore needs a "
	"machine on which no master runs."};

/* ---- save ---- */

struct saving {
	int fd;
	uint64_t bytes;
	int err;
};

static int on_data(void *user, struct str piece)
{
	struct saving *s = user;

	while (piece.len) {
		ssize_t n = write(s->fd, piece.p, piece.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			s->err = -errno;
			return -1;
		}
		s->bytes += (uint64_t)n;
		piece = str_skip(piece, (size_t)n);
	}
	return 0;
}

static int fetch(struct session *s, bool local, struct saving *w, const char *tmp, struct err *err)
{
	struct session_req req = {.method = "GET",
				  .path = local ? PATH "?local=true" : PATH,
				  .accept = "application/octet-stream",
				  .on_data = on_data,
				  .user = w};
	int r = session_do(s, &req, NULL, err);

	if (w->err) {
		if (r < 0)
			err_clear(err);
		return err_sys(err, -w->err, "cannot write %s: %s", tmp, strerror(-w->err));
	}
	if (r < 0)
		return r;
	if (fsync(w->fd) < 0)
		return err_sys(err, errno, "cannot write %s: %s", tmp, strerror(errno));
	return 0;
}

/* A file under its name is a whole one. */
static int save(const struct snapshot_options *o, const char *path, struct store_backup_info *ret,
		struct err *err)
{
	CLEANUP(session_closep) struct session *s = NULL;
	CLEANUP_FREE char *tmp = xasprintf("%s.part", path);
	struct saving w = {0};
	int r = session_open(&o->common, &s, err);

	if (r < 0)
		return r;
	unlink(tmp);
	w.fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (w.fd < 0)
		return err_sys(err, errno, "cannot make %s: %s", tmp, strerror(errno));
	r = fetch(s, o->local, &w, tmp, err);
	close(w.fd);
	if (r >= 0)
		r = store_backup_check(tmp, ret, err);
	if (r >= 0 && rename(tmp, path) < 0)
		r = err_sys(err, errno, "cannot name %s: %s", path, strerror(errno));
	if (r < 0)
		unlink(tmp);
	return r;
}

/* ---- restore ---- */

/* "id" of a master.json that is there already: the new store is this master's. */
static uint64_t member_id(const char *data_dir)
{
	CLEANUP_FREE char *path = xasprintf("%s/master.json", data_dir);
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	char text[17];
	uint64_t id = 0;

	if (file_read(AT_FDCWD, path, 64u << 10, &b) == 0 &&
	    str_copy(text, sizeof(text), jv_text(jv_get(jv_of(buf_str(&b)), "id"))) >= 0)
		id = strtoull(text, NULL, 16);
	return id ? id : 1;
}

static int restore(const struct snapshot_options *o, const char *path,
		   struct store_backup_info *ret, struct err *err)
{
	CLEANUP_FREE char *dir = xasprintf("%s/store", o->data_dir);
	struct store_restore conf = {.dir = dir,
				     .id = member_id(o->data_dir),
				     .address = "",
				     .bump = o->bump,
				     .drop_prefix = STORE_MASTERS_PREFIX};
	int r = store_backup_check(path, ret, err);

	if (r < 0)
		return r;
	r = dir_make(o->data_dir, 0700);
	if (r < 0)
		return err_sys(err, -r, "cannot make %s: %s", o->data_dir, strerror(-r));
	r = store_restore(path, &conf, ret, err);
	return r < 0 ? r : member_set_cluster(o->data_dir, ret->cluster, err);
}

/* ---- telling ---- */

static void tell_json(const struct store_backup_info *i, enum cli_output how)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jw w = jw_start(&b);
	char cluster[17], taken[TIME_LEN + 1];

	snprintf(cluster, sizeof(cluster), "%016" PRIx64, i->cluster);
	time_format(i->taken_s * (int64_t)NSEC_PER_SEC, taken);
	jw_begin_object(&w);
	jw_member_str(&w, "cluster", str_of(cluster));
	jw_member_i64(&w, "revision", (int64_t)i->rev);
	jw_member_i64(&w, "objects", (int64_t)i->objects);
	jw_member_i64(&w, "bytes", (int64_t)i->bytes);
	jw_member_i64(&w, "sealed", (int64_t)i->sealed);
	if (i->file_bytes) {
		jw_member_i64(&w, "fileBytes", (int64_t)i->file_bytes);
		jw_member_str(&w, "taken", str_of(taken));
	}
	jw_end_object(&w);
	cli_print_object(buf_str(&b), how);
}

void cli_print_backup(const struct store_backup_info *i, enum cli_output how)
{
	char taken[TIME_LEN + 1];

	if (how == CLI_JSON || how == CLI_YAML) {
		tell_json(i, how);
		return;
	}
	printf("cluster:   %016" PRIx64 "\nrevision:  %" PRIu64 "\nobjects:   %" PRIu64
	       "\nbytes:     %" PRIu64 "\n",
	       i->cluster, i->rev, i->objects, i->bytes);
	if (i->sealed)
		printf("encrypted: %" PRIu64 " objects; a master needs the keys that wrote them\n",
		       i->sealed);
	if (!i->file_bytes)
		return;
	time_format(i->taken_s * (int64_t)NSEC_PER_SEC, taken);
	printf("file:      %" PRIu64 " bytes, whole\ntaken:     %s\n", i->file_bytes, taken);
}

static int run(const struct snapshot_options *o, const char **args, size_t n,
	       struct store_backup_info *ret, struct err *err)
{
	if (n != 2)
		return 1;
	if (!strcmp(args[0], "save"))
		return save(o, args[1], ret, err);
	if (!strcmp(args[0], "status"))
		return store_backup_check(args[1], ret, err);
	if (!strcmp(args[0], "restore"))
		return restore(o, args[1], ret, err);
	return 1;
}

int cmd_snapshot(int argc, char **argv, void *user)
{
	struct snapshot_options o = {.data_dir = "/var/lib/knarr/master",
				     .bump = STORE_REVISION_BUMP};
	CLEANUP_FREE const char **args = NULL;
	struct store_backup_info info;
	struct err err = ERR_INIT;
	enum cli_output how;
	size_t n;
	int r = options_parse(&spec, argc, argv, &o, &args, &n, &err);

	(void)user;
	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0)
		return cli_fail("snapshot", &err) + 1;
	how = cli_output_parse(o.common.output, &err);
	if ((int)how < 0)
		return cli_fail("snapshot", &err) + 1;
	r = run(&o, args, n, &info, &err);
	if (r > 0)
		return cli_usage("snapshot", "save FILE, status FILE or restore FILE?");
	if (r < 0)
		return cli_fail("snapshot", &err);
	cli_print_backup(&info, how);
	return 0;
}
