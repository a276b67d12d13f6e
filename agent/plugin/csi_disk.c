/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plugin/csi_private.h"

#include <dirent.h>
#include <openssl/sha.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/base/codec.h"
#include "lib/json/json_scan.h"
#include "lib/sys/file.h"

#define DATA_FILE "vol_data.json"
#define DATA_MAX 65536

void csi_hash(struct buf *out, struct str a, struct str b, struct str c)
{
	CLEANUP(buf_done) struct buf all = BUF_INIT;
	unsigned char sum[SHA256_DIGEST_LENGTH];

	buf_addstr(&all, a);
	buf_addstr(&all, b);
	buf_addstr(&all, c);
	SHA256((const unsigned char *)all.p, all.len, sum);
	hex_encode(str_n(sum, sizeof(sum)), out);
}

/* Names of PersistentVolumes hold no slash; one that did would be written as the kubelet does. */
static void add_name(struct buf *out, struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		buf_addc(out, name.p[i] == '/' ? '~' : name.p[i]);
}

char *csi_data_dir(const struct csi_node *n, struct str uid, struct str name)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "%s/pods/%.*s/volumes/kubernetes.io~csi/", n->dir, STR_ARG(uid));
	add_name(&b, name);
	return buf_take(&b);
}

char *csi_target(const struct csi_node *n, struct str uid, struct str name, bool block)
{
	struct buf b = BUF_INIT;

	if (!block) {
		CLEANUP_FREE char *dir = csi_data_dir(n, uid, name);

		return xasprintf("%s/mount", dir);
	}
	buf_addf(&b, "%s/plugins/kubernetes.io/csi/volumeDevices/publish/", n->dir);
	add_name(&b, name);
	buf_addf(&b, "/%.*s", STR_ARG(uid));
	return buf_take(&b);
}

char *csi_stage_dir(const struct csi_node *n, const char *driver, const char *handle)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "%s/plugins/kubernetes.io/csi/%s/", n->dir, driver);
	csi_hash(&b, str_of(handle), STR(""), STR(""));
	return buf_take(&b);
}

bool csi_mounted(const char *path)
{
	struct statx st;

	return statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW, 0,
		     &st) == 0 &&
	       (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

bool csi_stands(const char *path, bool block)
{
	struct stat st;

	return block ? stat(path, &st) == 0 && S_ISBLK(st.st_mode) : csi_mounted(path);
}

static void members(struct jw *w, const struct csi_target *t, const struct csi_stage *s)
{
	jw_member_str(w, "driverName", str_of(t ? t->driver : s->driver));
	jw_member_str(w, "volumeHandle", str_of(t ? t->handle : s->handle));
	jw_member_str(w, "specVolID", str_of(t ? t->name : s->name));
	if (t ? t->block : s->block)
		jw_member_str(w, "volumeMode", STR("Block"));
	if (!t)
		return;
	jw_member_str(w, "nodeName", str_of(t->node->name));
	jw_member_str(w, "volumeLifecycleMode",
		      t->ephemeral ? STR("Ephemeral") : STR("Persistent"));
}

int csi_data_write(const char *dir, const struct csi_target *t, const struct csi_stage *s,
		   struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP_FREE char *path = xasprintf("%s/" DATA_FILE, dir);
	struct jw w = jw_start(&b);
	int r;

	jw_begin_object(&w);
	members(&w, t, s);
	if (t) {
		CLEANUP(buf_done) struct buf id = BUF_INIT;

		buf_adds(&id, "csi-");
		csi_hash(&id, str_of(t->handle), str_of(t->driver), str_of(t->node->name));
		jw_member_str(&w, "attachmentID", buf_str(&id));
	}
	jw_end_object(&w);
	r = dir_make(dir, 0750);
	if (r == 0)
		r = file_write_atomic(AT_FDCWD, path, buf_str(&b), 0600);
	return r < 0 ? err_sys(err, -r,
			       "kubernetes.io/csi: failed to save volume info data in %s: %s", dir,
			       strerror(-r))
		     : 0;
}

/* Only what is empty goes: a mount that was left behind is never walked into. */
int csi_place_remove(const char *path, const char *data_dir)
{
	CLEANUP_FREE char *data = xasprintf("%s/" DATA_FILE, data_dir);

	if (csi_mounted(path))
		return -EBUSY;
	if (unlink(path) < 0 && rmdir(path) < 0 && errno != ENOENT)
		return -errno;
	if (unlink(data) < 0 && errno != ENOENT)
		return -errno;
	if (rmdir(data_dir) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

/* ---- at the start ---- */

static void each_in(const char *dir, void (*fn)(struct csi_node *n, const char *dir, struct str a),
		    struct csi_node *n)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			fn(n, dir, str_of(e->d_name));
	if (d)
		closedir(d);
}

static bool data_read(const char *dir, struct buf *out)
{
	CLEANUP_FREE char *path = xasprintf("%s/" DATA_FILE, dir);

	return file_read(AT_FDCWD, path, DATA_MAX, out) == 0 &&
	       json_scan(buf_str(out), NULL, NULL) == 0;
}

static void load_target(struct csi_node *n, const char *dir, struct str name)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP_FREE char *path = xasprintf("%s/%.*s", dir, STR_ARG(name));
	struct str uid = str_skip(str_of(dir), strlen(n->dir) + strlen("/pods/"));
	struct csi_target *t;
	struct jv j;

	if (!data_read(path, &b))
		return;
	j = jv_of(buf_str(&b));
	t = NEW(struct csi_target);
	t->node = n;
	t->uid = xstrndup(uid.p, (size_t)MAX(str_chr(uid, '/'), (ssize_t)0));
	t->name = jv_strdup(jv_get(j, "specVolID"));
	t->driver = jv_strdup(jv_get(j, "driverName"));
	t->handle = jv_strdup(jv_get(j, "volumeHandle"));
	t->block = jv_eqs(jv_get(j, "volumeMode"), "Block");
	t->ephemeral = jv_eqs(jv_get(j, "volumeLifecycleMode"), "Ephemeral");
	t->attach = !t->ephemeral;
	t->made = true;
	buf_init(&t->stage);
	buf_init(&t->publish);
	buf_init(&t->context);
	buf_init(&t->stage_secrets);
	buf_init(&t->publish_secrets);
	list_append(&n->targets, &t->in_node);
	if (!t->name || !t->driver || !t->handle || !*t->uid) {
		csi_target_free(t);
		return;
	}
	t->path = csi_target(n, str_of(t->uid), str_of(t->name), t->block);
	t->step = csi_stands(t->path, t->block) ? CSI_READY : CSI_IDLE;
}

static void load_pod(struct csi_node *n, const char *dir, struct str uid)
{
	CLEANUP_FREE char *path = xasprintf("%s/%.*s/volumes/kubernetes.io~csi", dir, STR_ARG(uid));

	each_in(path, load_target, n);
}

static void load_stage(struct csi_node *n, const char *dir, struct str hash)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP_FREE char *path = xasprintf("%s/%.*s", dir, STR_ARG(hash));
	CLEANUP_FREE char *driver = NULL, *handle = NULL, *name = NULL;
	struct jv j;

	if (!data_read(path, &b))
		return;
	j = jv_of(buf_str(&b));
	driver = jv_strdup(jv_get(j, "driverName"));
	handle = jv_strdup(jv_get(j, "volumeHandle"));
	name = jv_strdup(jv_get(j, "specVolID"));
	if (driver && handle)
		csi_stage_new(n, driver, handle, name ? name : "",
			      jv_eqs(jv_get(j, "volumeMode"), "Block"))
			->state = STAGE_UNCERTAIN;
}

static void load_driver(struct csi_node *n, const char *dir, struct str driver)
{
	CLEANUP_FREE char *path = xasprintf("%s/%.*s", dir, STR_ARG(driver));

	each_in(path, load_stage, n);
}

void csi_load(struct csi_node *n)
{
	CLEANUP_FREE char *pods = xasprintf("%s/pods", n->dir);
	CLEANUP_FREE char *stages = xasprintf("%s/plugins/kubernetes.io/csi", n->dir);

	each_in(pods, load_pod, n);
	each_in(stages, load_driver, n);
}
