/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plugin/csi.h"

#include <openssl/sha.h>

#include "agent/volume/claim.h"
#include "lib/api/quantity.h"
#include "lib/api/volumes.h"
#include "lib/base/codec.h"
#include "lib/base/pb.h"
#include "lib/json/json_scan.h"
/*
 * Volumes of CSI drivers, as the source of a PersistentVolume or in the pod itself: the requests to
 * the driver's node service are written here; agent/plugin sends them (pkg/volume/csi
 * csi_mounter.go, csi_client.go).
 */
#define TOKEN_S 3600

struct request {
	struct volume *v;
	struct jv source, driver; /* of the volume; spec of the CSIDriver */
	struct jv modes, options; /* accessModes, mountOptions */
	struct csi_volume out;
	struct buf stage, publish, uid, ns, handle;
	bool multi_writer, mount_group;
};

static struct csi_node *csi_of(const struct volume *v)
{
	return volume_conf(v)->csi;
}

static int field(struct volume *v, const char *path, struct buf *out)
{
	struct pod_source *src = volume_conf(v)->source;

	return src->ops->field(src, str_of(path), out, NULL);
}

/* csi_client.go asCSIAccessModeV1 and its like for drivers that know single writers. */
static uint64_t access_mode(const struct request *q)
{
	struct str mode = STR("ReadWriteOnce");

	jv_for_each (it, q->modes) {
		mode = jv_text(it.value);
		break;
	}
	if (str_eqs(mode, "ReadOnlyMany"))
		return 3;
	if (str_eqs(mode, "ReadWriteMany"))
		return 5;
	if (!q->multi_writer)
		return 1;
	return str_eqs(mode, "ReadWriteOncePod") ? 6 : 7;
}

/* VolumeCapability{block 1, mount 2 {fs_type 1, mount_flags 2, volume_mount_group 3}, mode 3} */
static void put_capability(const struct request *q, uint32_t number, struct buf *out)
{
	int64_t gid = volume_conf(q->v)->fs_group;
	size_t at = pb_open(out, number), in;

	if (q->v->block) {
		pb_put_bytes(out, 1, STR(""));
	} else {
		in = pb_open(out, 2);
		pb_put_text(out, 1, jv_text(jv_get(q->source, "fsType")));
		jv_for_each (o, q->options) {
			CLEANUP(buf_done) struct buf scratch = BUF_INIT;

			pb_put_bytes(out, 2, jv_str(o.value, &scratch));
		}
		if (q->mount_group && gid >= 0) {
			char text[24];

			snprintf(text, sizeof(text), "%" PRId64, gid);
			pb_put_text(out, 3, str_of(text));
		}
		pb_close(out, in);
	}
	in = pb_open(out, 3);
	pb_put_u64(out, 1, access_mode(q));
	pb_close(out, in);
	pb_close(out, at);
}

static void put_attributes(const struct request *q, uint32_t number, struct buf *out)
{
	jv_for_each_member (it, jv_get(q->source, "volumeAttributes")) {
		CLEANUP(buf_done) struct buf key = BUF_INIT, value = BUF_INIT;

		jv_unescape(it.key, &key);
		pb_put_pair(out, number, buf_str(&key), jv_str(it.value, &value));
	}
}

static void put_pod_info(struct request *q)
{
	static const struct {
		const char *key, *path;
	} rows[] = {{"csi.storage.k8s.io/pod.name", "metadata.name"},
		    {"csi.storage.k8s.io/pod.namespace", "metadata.namespace"},
		    {"csi.storage.k8s.io/pod.uid", "metadata.uid"},
		    {"csi.storage.k8s.io/serviceAccount.name", "spec.serviceAccountName"}};

	if (!jv_bool(jv_get(q->driver, "podInfoOnMount"), false))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(buf_done) struct buf value = BUF_INIT;

		field(q->v, rows[i].path, &value);
		pb_put_pair(&q->publish, 8, str_of(rows[i].key), buf_str(&value));
	}
	pb_put_pair(&q->publish, 8, STR("csi.storage.k8s.io/ephemeral"),
		    q->out.ephemeral ? STR("true") : STR("false"));
}

/* When a token ends is in its own middle part: {"exp": seconds}. */
static void token_expiry(struct str token, struct buf *out)
{
	CLEANUP(buf_done) struct buf claims = BUF_INIT;
	char text[TIME_LEN + 1];
	struct str part;

	str_split(&token, '.', &part);
	if (!str_split(&token, '.', &part) || base64url_decode(part, &claims) < 0 ||
	    json_scan(buf_str(&claims), NULL, NULL) < 0)
		return;
	time_format(jv_i64(jv_get(jv_of(buf_str(&claims)), "exp"), 0) * (int64_t)NSEC_PER_SEC,
		    text);
	buf_adds(out, text);
}

/* tokenRequests: {"AUDIENCE":{"token":"...","expirationTimestamp":"..."}} as one attribute. */
static int put_tokens(struct request *q, struct err *err)
{
	struct pod_source *src = volume_conf(q->v)->source;
	struct jv requests = jv_get(q->driver, "tokenRequests");
	CLEANUP(buf_done) struct buf all = BUF_INIT;
	struct jw w = jw_start(&all);

	if (!jv_len(requests))
		return 0;
	jw_begin_object(&w);
	jv_for_each (it, requests) {
		CLEANUP(buf_done)
		struct buf token = BUF_INIT, expiry = BUF_INIT, scratch = BUF_INIT;
		struct str audience = jv_str(jv_get(it.value, "audience"), &scratch);
		int r = src->ops->token(src, audience.len ? audience : STR_NULL,
					jv_i64(jv_get(it.value, "expirationSeconds"), TOKEN_S),
					&token, err);

		if (r < 0)
			return r;
		token_expiry(buf_str(&token), &expiry);
		jw_keyn(&w, audience);
		jw_begin_object(&w);
		jw_member_str(&w, "token", buf_str(&token));
		jw_member_str(&w, "expirationTimestamp", buf_str(&expiry));
		jw_end_object(&w);
	}
	jw_end_object(&w);
	pb_put_pair(&q->publish, 8, STR("csi.storage.k8s.io/serviceAccount.tokens"), buf_str(&all));
	return 0;
}

static void put_secret(struct jv ref, struct str own_ns, struct csi_secret_ref *ret)
{
	ret->name = jv_text(jv_get(ref, "name"));
	ret->ns = str_is_null(own_ns) ? jv_text(jv_get(ref, "namespace")) : own_ns;
}

static int write_requests(struct request *q, struct err *err)
{
	struct str handle = q->out.handle;
	int r;

	pb_put_text(&q->stage, 1, handle);
	put_capability(q, 4, &q->stage);
	put_attributes(q, 6, &q->stage);
	pb_put_text(&q->publish, 1, handle);
	put_capability(q, 5, &q->publish);
	pb_put_u64(&q->publish, 6, q->v->read_only);
	put_attributes(q, 8, &q->publish);
	put_pod_info(q);
	r = put_tokens(q, err);
	q->out.stage = buf_str(&q->stage);
	q->out.publish = buf_str(&q->publish);
	return r;
}

static bool has_once(struct jv modes)
{
	jv_for_each (it, modes)
		if (jv_eqs(it.value, "ReadWriteOnce") || jv_eqs(it.value, "ReadWriteOncePod"))
			return true;
	return false;
}

/* csi_mounter.go supportsFSGroup */
static bool takes_group(const struct request *q)
{
	struct jv policy = jv_get(q->driver, "fsGroupPolicy");

	if (volume_conf(q->v)->fs_group < 0 || q->v->read_only || q->v->block || q->mount_group ||
	    jv_eqs(policy, "None"))
		return false;
	if (jv_eqs(policy, "File"))
		return true;
	return jv_text(jv_get(q->source, "fsType")).len && has_once(q->modes);
}

static int ask_driver(struct request *q, struct err *err)
{
	struct csi_node *n = csi_of(q->v);
	struct str driver = q->out.driver;
	int r = csi_driver_spec(n, driver, &q->driver);

	if (r < 0)
		return err_sys(err, -r, "waiting for the CSIDriver objects");
	if ((r = csi_driver_can(n, driver, CSI_SINGLE_NODE_MULTI_WRITER, err)) < 0)
		return r;
	q->multi_writer = r;
	q->mount_group = csi_driver_can(n, driver, CSI_MOUNT_GROUP, NULL) > 0;
	q->out.attach = !q->out.ephemeral && jv_bool(jv_get(q->driver, "attachRequired"), true);
	return 0;
}

/* "volume mode \"Ephemeral\" not supported by driver x (only supports [\"Persistent\"])" */
static int check_mode(const struct request *q, struct err *err)
{
	struct jv modes = jv_get(q->driver, "volumeLifecycleModes");
	CLEANUP(buf_done) struct buf all = BUF_INIT;

	if (!q->out.ephemeral && !jv_exists(q->driver))
		return 0;
	if (!jv_exists(q->driver))
		return err_sys(err, EOPNOTSUPP,
			       "volume mode \"Ephemeral\" not supported by driver %.*s (no "
			       "CSIDriver object)",
			       STR_ARG(q->out.driver));
	jv_for_each (it, modes) {
		if (jv_eqs(it.value, q->out.ephemeral ? "Ephemeral" : "Persistent"))
			return 0;
		buf_addf(&all, "%s\"%.*s\"", all.len ? " " : "", STR_ARG(jv_text(it.value)));
	}
	return err_sys(err, EOPNOTSUPP,
		       "volume mode \"%s\" not supported by driver %.*s (only supports [%s])",
		       q->out.ephemeral ? "Ephemeral" : "Persistent", STR_ARG(q->out.driver),
		       all.p);
}

static int group_of_pod(struct request *q, struct err *err)
{
	int r = volume_give_to_group(q->v, q->v->path, err);

	if (r < 0 && r != -EAGAIN)
		err_prefix(err,
			   "MountVolume.SetUp failed for volume \"%.*s\" : ", STR_ARG(q->out.name));
	return r;
}

static int publish(struct request *q, struct err *err)
{
	struct csi_node *n = csi_of(q->v);
	int r = ask_driver(q, err);

	r = r < 0 ? r : check_mode(q, err);
	r = r < 0 ? r : write_requests(q, err);
	if (r < 0 && r != -EAGAIN)
		err_prefix(err, "%s failed for volume \"%.*s\" : ",
			   q->v->block ? "MapVolume.SetUpDevice" : "MountVolume.SetUp",
			   STR_ARG(q->out.name));
	if (r == 0)
		r = csi_publish(n, &q->out, err);
	if (r < 0)
		return r;
	free(q->v->path);
	q->v->path = csi_target(n, q->out.pod_uid, q->out.name, q->v->block);
	if (takes_group(q))
		r = group_of_pod(q, err);
	return r;
}

static void request_init(struct request *q, struct volume *v)
{
	*q = (struct request){.v = v};
	buf_init(&q->stage);
	buf_init(&q->publish);
	buf_init(&q->uid);
	buf_init(&q->ns);
	buf_init(&q->handle);
	field(v, "metadata.uid", &q->uid);
	field(v, "metadata.namespace", &q->ns);
	q->out.pod_uid = buf_str(&q->uid);
	q->out.block = v->block;
}

static void request_done(struct request *q)
{
	buf_done(&q->stage);
	buf_done(&q->publish);
	buf_done(&q->uid);
	buf_done(&q->ns);
	buf_done(&q->handle);
}

static int no_drivers(const struct volume *v, struct str name, struct jv source, struct err *err)
{
	return err_sys(err, EOPNOTSUPP,
		       "MountVolume.SetUp failed for volume \"%.*s\" : kubernetes.io/csi: "
		       "mounter.SetUpAt failed to get CSI client: driver name %.*s not found in "
		       "the list of registered CSI drivers",
		       STR_ARG(name), STR_ARG(jv_text(jv_get(source, "driver"))));
}

int claim_csi(struct volume *v, const struct claim *c, struct jv source, struct err *err)
{
	struct request q;
	int r;

	if (!csi_of(v))
		return no_drivers(v, c->volume_name, source, err);
	request_init(&q, v);
	q.source = source;
	q.modes = jv_path(c->volume, "spec.accessModes");
	q.options = jv_path(c->volume, "spec.mountOptions");
	q.out.name = c->volume_name;
	q.out.driver = jv_text(jv_get(source, "driver"));
	q.out.handle = jv_str(jv_get(source, "volumeHandle"), &q.handle);
	put_secret(jv_get(source, "nodeStageSecretRef"), STR_NULL, &q.out.stage_secret);
	put_secret(jv_get(source, "nodePublishSecretRef"), STR_NULL, &q.out.publish_secret);
	r = publish(&q, err);
	v->may_grow = r == 0 && csi_driver_can(csi_of(v), q.out.driver, CSI_EXPAND, NULL) > 0;
	request_done(&q);
	return r;
}

static const char *const resizing[] = {"Resizing", "FileSystemResizePending",
				       "ControllerResizeError", "NodeResizeError"};

/* resize.MarkFSResizeFinished: the capacity, and none of the conditions of a resize. */
static void grown_status(const struct claim *c, struct buf *out)
{
	struct jv status = jv_get(c->claim, "status");
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "resourceVersion",
		      jv_text(jv_path(c->claim, "metadata.resourceVersion")));
	jw_end_object(&w);
	jw_key(&w, "status");
	jw_begin_object(&w);
	jw_key(&w, "capacity");
	jw_begin_object(&w);
	jw_member_raw(&w, "storage", jv_raw(jv_path(c->volume, "spec.capacity.storage")));
	jw_end_object(&w);
	if (jv_exists(jv_get(status, "conditions"))) {
		jw_key(&w, "conditions");
		jw_begin_array(&w);
		jv_for_each (it, jv_get(status, "conditions")) {
			bool drop = false;

			for (size_t i = 0; i < ARRAY_SIZE(resizing); i++)
				drop = drop || jv_eqs(jv_get(it.value, "type"), resizing[i]);
			if (!drop)
				jw_raw(&w, jv_raw(it.value));
		}
		jw_end_array(&w);
	}
	if (jv_exists(jv_path(status, "allocatedResourceStatuses.storage")))
		jw_member_raw(&w, "allocatedResourceStatuses", STR("{\"storage\":null}"));
	jw_end_object(&w);
	jw_end_object(&w);
}

/* operation_generator.go, node_expander.go */
static void tell_growth(struct volume *v, const struct claim *c, int r, const struct err *err)
{
	struct pod_source *src = volume_conf(v)->source;
	CLEANUP_FREE char *text = NULL;

	if (r == -EIO) {
		text = xasprintf("NodeExpandVolume.NodeExpandVolume failed for volume \"%.*s\" : "
				 "Expander.NodeExpand failed to expand the volume : %s",
				 STR_ARG(c->volume_name), err_text(err));
		src->ops->event(src, JV_NONE, "Warning", "VolumeResizeFailed", text);
	} else if (r == 1) {
		text = xasprintf("MountVolume.NodeExpandVolume succeeded for volume \"%.*s\" %s",
				 STR_ARG(c->volume_name), c->node.p);
		src->ops->event(src, JV_NONE, "Normal", "FileSystemResizeSuccessful", text);
		src->ops->event(src, c->claim, "Normal", "FileSystemResizeSuccessful", text);
	}
}

void csi_claim_grow(struct volume *v, const struct claim *c)
{
	struct pod_source *src = volume_conf(v)->source;
	struct jv source = jv_path(c->volume, "spec.csi");
	int64_t want = volume_capacity(c->volume);
	int64_t have = quantity_str_value(jv_text(jv_path(c->claim, "status.capacity.storage")));
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	struct err err = ERR_INIT;
	struct request q;
	int r;

	if (!csi_of(v) || !jv_exists(source) || v->read_only || want <= have || v->block ||
	    csi_driver_can(csi_of(v), jv_text(jv_get(source, "driver")), CSI_EXPAND, NULL) <= 0)
		return;
	request_init(&q, v);
	q.source = source;
	q.modes = jv_path(c->volume, "spec.accessModes");
	q.options = jv_path(c->volume, "spec.mountOptions");
	put_capability(&q, 5, &q.publish);
	r = csi_grow(csi_of(v), q.out.pod_uid, c->volume_name, want, buf_str(&q.publish), &err);
	request_done(&q);
	tell_growth(v, c, r, &err);
	err_done(&err);
	if (r < 0)
		return;
	grown_status(c, &body);
	src->ops->claim_status(src, buf_str(&c->name), buf_str(&body));
}

/* csi_mounter.go makeVolumeHandle */
static void own_handle(struct request *q)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	unsigned char sum[SHA256_DIGEST_LENGTH];

	buf_addf(&text, "%s%s", q->uid.p, q->v->name);
	SHA256((const unsigned char *)text.p, text.len, sum);
	buf_adds(&q->handle, "csi-");
	hex_encode(str_n(sum, sizeof(sum)), &q->handle);
	q->out.handle = buf_str(&q->handle);
}

static int setup(struct volume *v, struct err *err)
{
	struct request q;
	int r;

	if (v->ready)
		return 0;
	if (!csi_of(v))
		return no_drivers(v, str_of(v->name), v->json, err);
	v->read_only = jv_bool(jv_get(v->json, "readOnly"), false);
	request_init(&q, v);
	q.source = v->json;
	q.out.ephemeral = true;
	q.out.name = str_of(v->name);
	q.out.driver = jv_text(jv_get(v->json, "driver"));
	own_handle(&q);
	put_secret(jv_get(v->json, "nodePublishSecretRef"), buf_str(&q.ns), &q.out.publish_secret);
	r = publish(&q, err);
	request_done(&q);
	return r;
}

bool csi_path_is(const struct volume *v)
{
	return csi_of(v) && (strstr(v->path, "/volumes/kubernetes.io~csi/") ||
			     strstr(v->path, "/plugins/kubernetes.io/csi/"));
}

bool csi_path_stands(const struct volume *v)
{
	return !csi_path_is(v) || csi_stands(v->path, v->block);
}

static bool adopt(struct volume *v)
{
	CLEANUP(buf_done) struct buf uid = BUF_INIT;

	if (!csi_of(v))
		return false;
	field(v, "metadata.uid", &uid);
	free(v->path);
	v->path = csi_target(csi_of(v), buf_str(&uid), str_of(v->name), false);
	v->read_only = jv_bool(jv_get(v->json, "readOnly"), false);
	return csi_stands(v->path, false);
}

int csi_unpublish_all(struct volume *v, struct err *err)
{
	CLEANUP(buf_done) struct buf uid = BUF_INIT;

	if (!csi_of(v) || field(v, "metadata.uid", &uid) < 0)
		return 0;
	return csi_unpublish(csi_of(v), buf_str(&uid), err);
}

const struct volume_plugin volume_csi = {
	.key = "csi",
	.own_words = true,
	.setup = setup,
	.teardown = csi_unpublish_all,
	.adopt = adopt,
};
