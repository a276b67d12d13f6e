/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/volume/claim.h"

#include <sys/stat.h>

#include "lib/api/volumes.h"
#include "lib/sys/file.h"
/*
 * persistentVolumeClaim and ephemeral volumes: the claim names a PersistentVolume, which says where
 * the bytes are. Once that is known it never changes, so it is written down beside the pod's other
 * volumes, and a new agent goes on from there without asking anybody:
 *
 *	POD_DIR/volumes/kubernetes.io~persistentvolumeclaim/NAME	"rw fs /srv/data"
 */
#define RECORD_MAX (PATH_MAX + 16)

static char *record_path(const struct volume *v)
{
	return xasprintf("%s/volumes/kubernetes.io~persistentvolumeclaim/%s",
			 volume_conf(v)->pod_dir, v->name);
}

static int record_write(const struct volume *v, struct err *err)
{
	CLEANUP_FREE char *path = record_path(v), *dir = xasprintf("%s", path);
	CLEANUP_FREE char *text = xasprintf("%s %s %s", v->read_only ? "ro" : "rw",
					    v->block ? "block" : "fs", v->path);
	CLEANUP_FD int fd = -1;
	int r;

	*strrchr(dir, '/') = 0;
	r = dir_make(dir, 0755);
	if (r == 0) {
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		r = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
	}
	return r < 0 ? err_sys(err, -r, "cannot write %s: %s", path, strerror(-r)) : 0;
}

static bool adopt(struct volume *v)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP_FREE char *path = record_path(v);
	struct str rest, access, mode;

	if (file_read(AT_FDCWD, path, RECORD_MAX, &b) < 0)
		return false;
	rest = buf_str(&b);
	if (!str_split(&rest, ' ', &access) || !str_split(&rest, ' ', &mode) || !rest.len ||
	    rest.p[0] != '/')
		return false;
	free(v->path);
	v->path = str_dup(rest);
	v->read_only = str_eqs(access, "ro");
	v->block = str_eqs(mode, "block");
	v->may_grow = csi_path_is(v);
	return nfs_stands(v) && csi_path_stands(v);
}

/* What the claim leads to */

static int unprocessed(const struct volume *v, const struct claim *c, int r, struct err *err)
{
	struct err e = ERR_INIT;

	if (r == -EAGAIN)
		return r;
	err_move(&e, err);
	err_sys(err, -r,
		"Unable to attach or mount volumes: unmounted volumes=[%s], unattached "
		"volumes=[], failed to process volumes=[%s]: error processing PVC %s/%s: %s",
		v->name, v->name, c->ns.p ? c->ns.p : "", c->name.p ? c->name.p : "", err_text(&e));
	err_done(&e);
	return r;
}

static int field(struct volume *v, const char *path, struct buf *out)
{
	struct pod_source *src = volume_conf(v)->source;

	return src->ops->field(src, str_of(path), out, NULL);
}

static int read_claim(struct volume *v, struct claim *c, struct err *err)
{
	struct pod_source *src = volume_conf(v)->source;
	int r = src->ops->object(src, SOURCE_CLAIM, buf_str(&c->name), &c->claim, err);

	if (r == -ENOENT)
		err_clear(err);
	if (r == -ENOENT)
		return err_sys(err, ENOENT,
			       "failed to fetch PVC from API server: persistentvolumeclaims "
			       "\"%s\" not found",
			       c->name.p);
	if (r < 0)
		return r;
	if (c->ephemeral && !ephemeral_claim_is_for(c->claim, buf_str(&c->uid)))
		return err_sys(err, ENOENT,
			       "PVC %s/%s was not created for pod %s/%s (pod is not owner)",
			       c->ns.p, c->name.p, c->ns.p, c->pod.p);
	if (jv_exists(jv_path(c->claim, "metadata.deletionTimestamp")))
		return err_sys(err, ENOENT, "PVC is being deleted");
	if (!jv_eqs(jv_path(c->claim, "status.phase"), "Bound"))
		return err_sys(err, ENOENT, "PVC is not bound");
	c->volume_name = jv_text(jv_path(c->claim, "spec.volumeName"));
	return c->volume_name.len ? 0 : err_sys(err, ENOENT, "PVC has empty pvc.Spec.VolumeName");
}

static int read_volume(struct volume *v, struct claim *c, struct err *err)
{
	struct pod_source *src = volume_conf(v)->source;
	int r = src->ops->object(src, SOURCE_VOLUME, c->volume_name, &c->volume, err);
	struct str uid, want = jv_text(jv_path(c->claim, "metadata.uid"));

	if (r == -ENOENT)
		err_clear(err);
	if (r == -ENOENT)
		return err_sys(err, ENOENT,
			       "failed to fetch PV %.*s from API server: persistentvolumes "
			       "\"%.*s\" not found",
			       STR_ARG(c->volume_name), STR_ARG(c->volume_name));
	if (r < 0)
		return r;
	uid = jv_text(jv_path(c->volume, "spec.claimRef.uid"));
	if (!uid.len)
		return err_sys(err, ENOENT,
			       "found PV object %.*s with nil pv.Spec.ClaimRef indicating it is "
			       "not yet bound to the claim",
			       STR_ARG(c->volume_name));
	if (!str_eq(uid, want))
		return err_sys(err, ENOENT,
			       "found PV object %.*s with pv.Spec.ClaimRef.UID %.*s that does not "
			       "point to claim.UID %.*s",
			       STR_ARG(c->volume_name), STR_ARG(uid), STR_ARG(want));
	return 0;
}

/* Node affinity. The labels that others gave the node are not known here: they are believed. */

static bool among(struct jv values, struct str s)
{
	jv_for_each (it, values)
		if (str_eq(jv_text(it.value), s))
			return true;
	return false;
}

static bool requires(struct jv list, const char *key, struct str node)
{
	jv_for_each (e, list) {
		struct jv op = jv_get(e.value, "operator"), values = jv_get(e.value, "values");

		if (!jv_eqs(jv_get(e.value, "key"), key))
			continue;
		if ((jv_eqs(op, "In") && !among(values, node)) ||
		    (jv_eqs(op, "NotIn") && among(values, node)) || jv_eqs(op, "DoesNotExist"))
			return false;
	}
	return true;
}

bool claim_volume_reaches(struct jv volume, struct str node)
{
	struct jv terms = jv_path(volume, "spec.nodeAffinity.required.nodeSelectorTerms");

	if (!jv_exists(terms))
		return true;
	jv_for_each (t, terms)
		if (requires(jv_get(t.value, "matchExpressions"), "kubernetes.io/hostname", node) &&
		    requires(jv_get(t.value, "matchFields"), "metadata.name", node))
			return true;
	return false;
}

int volume_give_to_group(struct volume *v, const char *path, struct err *err)
{
	const struct volume_conf *conf = volume_conf(v);

	return conf->fs_group < 0
		       ? 0
		       : conf->source->ops->give_to_group(conf->source, path, conf->fs_group,
							  conf->fs_group_on_mismatch, err);
}

/* Where the bytes are */

static const struct {
	const char *key;
	int (*setup)(struct volume *v, const struct claim *c, struct jv source, struct err *err);
	bool own_words;
} sources[] = {
	{"hostPath", claim_host_path, false},
	{"local", claim_local, false},
	{"nfs", claim_nfs, false},
	{"csi", claim_csi, true},
};

static int set_up_source(struct volume *v, const struct claim *c, struct err *err)
{
	int r = err_sys(err, EOPNOTSUPP, "no volume plugin matched");
	bool own_words = false;

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		struct jv source = jv_path(c->volume, "spec");

		source = jv_get(source, sources[i].key);
		if (jv_type(source) != JV_OBJECT)
			continue;
		err_clear(err);
		own_words = sources[i].own_words;
		r = sources[i].setup(v, c, source, err);
		break;
	}
	if (r < 0 && r != -EAGAIN && !own_words)
		err_prefix(err, "%s failed for volume \"%.*s\" : ",
			   v->block ? "MapVolume.SetUpDevice" : "MountVolume.SetUp",
			   STR_ARG(c->volume_name));
	return r;
}

static int set_up(struct volume *v, struct claim *c, struct err *err)
{
	struct pod_source *src = volume_conf(v)->source;
	struct jv ro = jv_get(v->json, "readOnly");
	int r = read_claim(v, c, err);

	if (r == 0)
		r = read_volume(v, c, err);
	if (r < 0)
		return unprocessed(v, c, r, err);
	if (!claim_volume_reaches(c->volume, buf_str(&c->node)))
		return err_sys(err, EINVAL,
			       "MountVolume.NodeAffinity check failed for volume \"%.*s\" : no "
			       "matching NodeSelectorTerms",
			       STR_ARG(c->volume_name));
	v->read_only = jv_bool(ro, false);
	v->block = str_eqs(volume_mode(c->claim), "Block");
	r = set_up_source(v, c, err);
	if (r == 0)
		r = record_write(v, err);
	if (r < 0)
		return r;
	if (v->may_grow) {
		csi_claim_grow(v, c);
		return 0;
	}
	/* A binding lasts: a node does not watch the claims of all of its pods for ever. */
	src->ops->release(src, SOURCE_VOLUME, c->volume_name);
	src->ops->release(src, SOURCE_CLAIM, buf_str(&c->name));
	return 0;
}

/* It stands. Whatever is wrong with the claim now is no matter of the pod's. */
static int look_again(struct volume *v, struct claim *c)
{
	struct err err = ERR_INIT;

	if (read_claim(v, c, &err) == 0 && read_volume(v, c, &err) == 0)
		csi_claim_grow(v, c);
	err_done(&err);
	return 0;
}

static int setup(struct volume *v, struct err *err)
{
	struct claim c = {.ephemeral = v->plugin == &volume_ephemeral};
	int r;

	if (v->ready && !v->may_grow)
		return 0;
	buf_init(&c.name);
	buf_init(&c.ns);
	buf_init(&c.pod);
	buf_init(&c.uid);
	buf_init(&c.node);
	r = field(v, "metadata.namespace", &c.ns);
	r = r < 0 ? r : field(v, "metadata.name", &c.pod);
	r = r < 0 ? r : field(v, "metadata.uid", &c.uid);
	r = r < 0 ? r : field(v, "spec.nodeName", &c.node);
	if (c.ephemeral)
		buf_addf(&c.name, "%s-%s", c.pod.p, v->name);
	else
		buf_addstr(&c.name, jv_text(jv_get(v->json, "claimName")));
	if (r == 0)
		r = v->ready ? look_again(v, &c) : set_up(v, &c, err);
	buf_done(&c.name);
	buf_done(&c.ns);
	buf_done(&c.pod);
	buf_done(&c.uid);
	buf_done(&c.node);
	return r;
}

static int teardown(struct volume *v, struct err *err)
{
	int r = nfs_unmount_all(v, err);

	return r < 0 ? r : csi_unpublish_all(v, err);
}

const struct volume_plugin volume_claim = {
	.key = "persistentVolumeClaim",
	.own_words = true,
	.setup = setup,
	.teardown = teardown,
	.adopt = adopt,
};
const struct volume_plugin volume_ephemeral = {
	.key = "ephemeral",
	.own_words = true,
	.setup = setup,
	.teardown = teardown,
	.adopt = adopt,
};
