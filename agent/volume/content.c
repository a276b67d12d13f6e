/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/volume/content.h"

#include "lib/base/codec.h"

#define TOKEN_EXPIRATION_S 3600

mode_t content_mode(const struct volume *v)
{
	return (mode_t)jv_i64(jv_get(v->json, "defaultMode"), 0644) & 0777;
}

/* One value of data (text, or base64 for secrets) or binaryData (base64). */
static int add_value(struct payload *p, struct jv value, bool base64, struct str path, mode_t mode,
		     struct err *err)
{
	CLEANUP(buf_done) struct buf scratch = BUF_INIT, bytes = BUF_INIT;
	struct str s = jv_str(value, &scratch);

	if (!base64)
		return payload_add(p, path, s, mode, err);
	if (base64_decode(s, &bytes) < 0)
		return err_sys(err, EINVAL, "the value for \"%.*s\" is not base64", STR_ARG(path));
	return payload_add(p, path, buf_str(&bytes), mode, err);
}

/* The object's value for a key; *ret_base64 says how it is encoded. */
static struct jv value_of(struct jv obj, enum source_kind kind, struct str key, bool *ret_base64)
{
	struct jv v = jv_getn(jv_get(obj, "data"), key);

	*ret_base64 = kind == SOURCE_SECRET;
	if (jv_exists(v) || kind == SOURCE_SECRET)
		return v;
	*ret_base64 = true;
	return jv_getn(jv_get(obj, "binaryData"), key);
}

static int add_all(struct payload *p, struct jv obj, enum source_kind kind, mode_t mode,
		   struct err *err)
{
	int r = 0;

	jv_for_each_member (it, jv_get(obj, "data")) {
		r = add_value(p, it.value, kind == SOURCE_SECRET, it.key, mode, err);
		if (r < 0)
			return r;
	}
	if (kind == SOURCE_CONFIG_MAP)
		jv_for_each_member (it, jv_get(obj, "binaryData")) {
			r = add_value(p, it.value, true, it.key, mode, err);
			if (r < 0)
				return r;
		}
	return 0;
}

int content_add_object(struct volume *v, struct payload *p, enum source_kind kind, struct str name,
		       struct jv source, mode_t mode, struct err *err)
{
	struct pod_source *src = volume_conf(v)->source;
	bool optional = jv_bool(jv_get(source, "optional"), false), base64;
	struct jv obj, items = jv_get(source, "items");
	int r = src->ops->object(src, kind, name, &obj, err);

	if (r == -ENOENT && optional) {
		err_clear(err);
		return 0;
	}
	if (r < 0)
		return r;
	if (!jv_len(items))
		return add_all(p, obj, kind, mode, err);
	jv_for_each (it, items) {
		CLEANUP(buf_done) struct buf s1 = BUF_INIT, s2 = BUF_INIT;
		struct str key = jv_str(jv_get(it.value, "key"), &s1),
			   path = jv_str(jv_get(it.value, "path"), &s2);
		mode_t m = (mode_t)jv_i64(jv_get(it.value, "mode"), mode);
		struct jv value = value_of(obj, kind, key, &base64);

		if (!jv_exists(value)) {
			if (optional)
				continue;
			return err_sys(err, ENOENT, "references non-existent %s key: %.*s",
				       kind == SOURCE_SECRET ? "secret" : "config", STR_ARG(key));
		}
		r = add_value(p, value, base64, path, m, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int content_add_downward(struct volume *v, struct payload *p, struct jv source, mode_t mode,
			 struct err *err)
{
	struct pod_source *src = volume_conf(v)->source;

	jv_for_each (it, jv_get(source, "items")) {
		CLEANUP(buf_done) struct buf value = BUF_INIT, s1 = BUF_INIT, s2 = BUF_INIT;
		struct jv field = jv_get(it.value, "fieldRef"),
			  res = jv_get(it.value, "resourceFieldRef");
		struct str path = jv_str(jv_get(it.value, "path"), &s1);
		mode_t m = (mode_t)jv_i64(jv_get(it.value, "mode"), mode);
		int r = 0;

		if (jv_exists(field))
			r = src->ops->field(src, jv_str(jv_get(field, "fieldPath"), &s2), &value,
					    err);
		else if (jv_exists(res))
			r = src->ops->resource(src, jv_text(jv_get(res, "containerName")),
					       jv_text(jv_get(res, "resource")),
					       jv_text(jv_get(res, "divisor")), &value, err);
		if (r == 0)
			r = payload_add(p, path, buf_str(&value), m, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int content_add_token(struct volume *v, struct payload *p, struct jv source, mode_t mode,
		      struct err *err)
{
	const struct volume_conf *conf = volume_conf(v);
	CLEANUP(buf_done) struct buf token = BUF_INIT, s1 = BUF_INIT;
	struct str path = jv_str(jv_get(source, "path"), &s1);
	int r = conf->source->ops->token(
		conf->source, jv_text(jv_get(source, "audience")),
		jv_i64(jv_get(source, "expirationSeconds"), TOKEN_EXPIRATION_S), &token, err);

	if (r < 0)
		return r;
	/* A token that belongs to somebody is for nobody else (projected.go, collectData). */
	if (conf->fs_user >= 0 || conf->fs_group >= 0)
		mode = 0600;
	r = payload_add(p, path, buf_str(&token), mode, err);
	if (r == 0)
		p->v[p->n - 1].uid = conf->fs_user;
	return r;
}

int content_write(struct volume *v, struct payload *p, struct err *err)
{
	const struct volume_conf *conf = volume_conf(v);
	int r = atomic_write(v->path, p, conf->fs_group, clock_real_ns(conf->clock), err);

	payload_done(p);
	return r;
}
