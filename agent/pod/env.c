/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/env.h"

#include <ctype.h>

#include "agent/pod/expand.h"
#include "lib/base/codec.h"
#include "lib/base/hmap.h"

void env_done(struct env *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->v[i].name);
		free(e->v[i].value);
	}
	free(e->v);
	hmap_free(e->index);
	*e = ENV_INIT;
}

void env_set(struct env *e, struct str name, struct str value)
{
	uintptr_t at;

	if (!e->index)
		e->index = hmap_new();
	at = (uintptr_t)hmap_get(e->index, name);
	if (at) {
		free(e->v[at - 1].value);
		e->v[at - 1].value = xstrndup(value.p ? value.p : "", value.len);
		return;
	}
	*ARRAY_PUSH(e->v, e->n, e->cap) = (struct env_var){
		xstrndup(name.p, name.len), xstrndup(value.p ? value.p : "", value.len)};
	hmap_put(e->index, name, (void *)(uintptr_t)e->n);
}

bool env_get(const struct env *e, struct str name, struct str *ret_value)
{
	uintptr_t at = e->index ? (uintptr_t)hmap_get(e->index, name) : 0;

	if (!at)
		return false;
	*ret_value = str_of(e->v[at - 1].value);
	return true;
}

void env_add_missing(struct env *e, const struct env *more)
{
	struct str ignored;

	for (size_t i = 0; i < more->n; i++)
		if (!env_get(e, str_of(more->v[i].name), &ignored))
			env_set(e, str_of(more->v[i].name), str_of(more->v[i].value));
}

char **env_strv(const struct env *e)
{
	char **v = xcalloc(e->n + 1, sizeof(*v));

	for (size_t i = 0; i < e->n; i++)
		v[i] = xasprintf("%s=%s", e->v[i].name, e->v[i].value);
	return v;
}

void env_strv_free(char **v)
{
	for (char **p = v; p && *p; p++)
		free(*p);
	free(v);
}

/* ---- Services ---- */

/* "my-svc" -> "MY_SVC" */
static void env_name(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++)
		buf_addc(out, s.p[i] == '-' ? '_' : (char)toupper((unsigned char)s.p[i]));
}

static void set_cat(struct env *e, struct str base, const char *suffix, const char *value)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT;

	buf_addstr(&name, base);
	buf_adds(&name, suffix);
	env_set(e, buf_str(&name), str_of(value));
}

static void add_port(struct env *e, struct str base, struct str ip, struct jv port, bool first)
{
	CLEANUP(buf_done) struct buf scratch = BUF_INIT, scratch2 = BUF_INIT, b = BUF_INIT;
	struct str proto = jv_str(jv_get(port, "protocol"), &scratch);
	struct str pname = jv_str(jv_get(port, "name"), &scratch2);
	int64_t number = jv_i64(jv_get(port, "port"), 0);
	char text[32], url[128], prefix[64], upper[8] = "TCP", lower[8] = "tcp";

	for (size_t i = 0; proto.len && i < proto.len && i < sizeof(upper) - 1; i++) {
		upper[i] = (char)toupper((unsigned char)proto.p[i]);
		lower[i] = (char)tolower((unsigned char)proto.p[i]);
		upper[i + 1] = lower[i + 1] = 0;
	}
	snprintf(text, sizeof(text), "%" PRId64, number);
	snprintf(url, sizeof(url), "%s://%.*s:%s", lower, STR_ARG(ip), text);
	if (first) {
		set_cat(e, base, "_SERVICE_PORT", text);
		set_cat(e, base, "_PORT", url);
	}
	if (pname.len) {
		buf_adds(&b, "_SERVICE_PORT_");
		env_name(pname, &b);
		set_cat(e, base, b.p, text);
	}
	snprintf(prefix, sizeof(prefix), "_PORT_%s_%s", text, upper);
	set_cat(e, base, prefix, url);
	buf_clear(&b);
	buf_addf(&b, "%s_PROTO", prefix);
	set_cat(e, base, b.p, lower);
	buf_clear(&b);
	buf_addf(&b, "%s_PORT", prefix);
	set_cat(e, base, b.p, text);
	buf_clear(&b);
	buf_addf(&b, "%s_ADDR", prefix);
	buf_clear(&scratch);
	buf_addstr(&scratch, ip);
	set_cat(e, base, b.p, scratch.p);
}

void env_add_service(struct env *e, struct jv service)
{
	CLEANUP(buf_done) struct buf s1 = BUF_INIT, s2 = BUF_INIT, base = BUF_INIT, ip0 = BUF_INIT;
	struct jv ports = jv_path(service, "spec.ports");
	struct str ip = jv_str(jv_path(service, "spec.clusterIP"), &s1);
	struct str type = jv_str(jv_path(service, "spec.type"), &s2);
	bool first = true;

	if (!ip.len || str_eqs(ip, "None") || str_eqs(type, "ExternalName"))
		return;
	buf_clear(&s2);
	env_name(jv_str(jv_path(service, "metadata.name"), &s2), &base);
	buf_addstr(&ip0, ip);
	set_cat(e, buf_str(&base), "_SERVICE_HOST", ip0.p);
	if (jv_type(ports) != JV_ARRAY)
		return;
	jv_for_each (it, ports) {
		add_port(e, buf_str(&base), buf_str(&ip0), it.value, first);
		first = false;
	}
}

/* ---- envFrom and env ---- */

/* Anything that is printable and no "=" (relaxed since 1.30). */
static bool name_good(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == '=' || s.p[i] == 0x7f)
			return false;
	return s.len > 0;
}

static const char *kind_word(enum source_kind k)
{
	return k == SOURCE_SECRET ? "secret" : "configmap";
}

/* All keys of one configMap or secret, with a prefix. */
static int from_object(const struct pod_view *v, struct jv ref, enum source_kind kind,
		       struct str prefix, struct pod_source *src, struct env *ret, struct err *err)
{
	CLEANUP(buf_done) struct buf scratch = BUF_INIT, value = BUF_INIT, name = BUF_INIT;
	struct str oname = pod_view_text(v, jv_get(ref, "name"));
	struct jv obj, data;
	int r = src->ops->object(src, kind, oname, &obj, err);

	if (r == -ENOENT && jv_bool(jv_get(ref, "optional"), false)) {
		err_clear(err);
		return 0;
	}
	if (r < 0)
		return r;
	data = jv_get(obj, "data");
	if (jv_type(data) != JV_OBJECT)
		return 0;
	jv_for_each_member (it, data) {
		buf_clear(&name);
		buf_clear(&value);
		buf_clear(&scratch);
		buf_addstr(&name, prefix);
		buf_addstr(&name, it.key);
		if (!name_good(buf_str(&name)))
			continue;
		if (kind == SOURCE_CONFIG_MAP)
			buf_addstr(&value, jv_str(it.value, &scratch));
		else if (base64_decode(jv_str(it.value, &scratch), &value) < 0)
			continue;
		env_set(ret, buf_str(&name), buf_str(&value));
	}
	return 0;
}

static int env_from(const struct pod_view *v, struct jv list, struct pod_source *src,
		    struct env *ret, struct err *err)
{
	int r;

	if (jv_type(list) != JV_ARRAY)
		return 0;
	jv_for_each (it, list) {
		struct str prefix = pod_view_text(v, jv_get(it.value, "prefix"));
		struct jv cm = jv_get(it.value, "configMapRef"),
			  sec = jv_get(it.value, "secretRef");

		if (jv_exists(cm)) {
			r = from_object(v, cm, SOURCE_CONFIG_MAP, prefix, src, ret, err);
			if (r < 0)
				return r;
		}
		if (jv_exists(sec)) {
			r = from_object(v, sec, SOURCE_SECRET, prefix, src, ret, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* One key; 1: it is absent and that is fine. */
static int from_key(const struct pod_view *v, struct jv ref, enum source_kind kind,
		    struct pod_source *src, struct buf *out, struct err *err)
{
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;
	struct str oname = pod_view_text(v, jv_get(ref, "name")),
		   key = pod_view_text(v, jv_get(ref, "key"));
	bool optional = jv_bool(jv_get(ref, "optional"), false);
	struct jv obj, data, found = JV_NONE;
	int r = src->ops->object(src, kind, oname, &obj, err);

	if (r == -ENOENT && optional) {
		err_clear(err);
		return 1;
	}
	if (r < 0)
		return r;
	data = jv_get(obj, "data");
	if (jv_type(data) == JV_OBJECT)
		jv_for_each_member (it, data)
			if (str_eq(it.key, key))
				found = it.value;
	if (!jv_exists(found)) {
		if (optional)
			return 1;
		return err_sys(err, ENOENT, "couldn't find key %.*s in %s %.*s/%.*s", STR_ARG(key),
			       kind == SOURCE_SECRET ? "Secret" : "ConfigMap", STR_ARG(v->ns),
			       STR_ARG(oname));
	}
	if (kind == SOURCE_CONFIG_MAP)
		buf_addstr(out, jv_str(found, &scratch));
	else if (base64_decode(jv_str(found, &scratch), out) < 0)
		return err_sys(err, EINVAL, "key %.*s of %s %.*s is not base64", STR_ARG(key),
			       kind_word(kind), STR_ARG(oname));
	return 0;
}

static int value_from(const struct pod_view *v, const struct container_view *c, struct jv from,
		      struct pod_source *src, struct buf *out, struct err *err)
{
	struct jv field = jv_get(from, "fieldRef"), res = jv_get(from, "resourceFieldRef"),
		  cm = jv_get(from, "configMapKeyRef"), sec = jv_get(from, "secretKeyRef");
	struct str container;

	if (jv_exists(field))
		return src->ops->field(src, pod_view_text(v, jv_get(field, "fieldPath")), out, err);
	if (jv_exists(cm))
		return from_key(v, cm, SOURCE_CONFIG_MAP, src, out, err);
	if (jv_exists(sec))
		return from_key(v, sec, SOURCE_SECRET, src, out, err);
	if (!jv_exists(res))
		return 0;
	container = pod_view_text(v, jv_get(res, "containerName"));
	if (!container.len)
		container = c->name;
	return src->ops->resource(src, container, pod_view_text(v, jv_get(res, "resource")),
				  pod_view_text(v, jv_get(res, "divisor")), out, err);
}

struct lookup {
	const struct env *own, *services;
};

static bool lookup_var(void *user, struct str name, struct str *ret_value)
{
	const struct lookup *l = user;

	return env_get(l->own, name, ret_value) ||
	       (l->services && env_get(l->services, name, ret_value));
}

void env_expand(const struct env *e, struct str in, struct buf *out)
{
	struct lookup l = {e, NULL};

	expand_vars(in, lookup_var, &l, out);
}

int env_build(const struct pod_view *v, const struct container_view *c, const struct env *services,
	      struct pod_source *src, struct env *ret, struct err *err)
{
	CLEANUP(buf_done) struct buf value = BUF_INIT;
	struct lookup l = {ret, services};
	struct jv list = jv_get(c->json, "env");
	int r = env_from(v, jv_get(c->json, "envFrom"), src, ret, err);

	if (r < 0 || jv_type(list) != JV_ARRAY)
		return r;
	jv_for_each (it, list) {
		struct str name = pod_view_text(v, jv_get(it.value, "name"));
		struct jv plain = jv_get(it.value, "value"), from = jv_get(it.value, "valueFrom");

		buf_clear(&value);
		r = 0;
		if (jv_type(from) == JV_OBJECT)
			r = value_from(v, c, from, src, &value, err);
		else
			expand_vars(pod_view_text(v, plain), lookup_var, &l, &value);
		if (r < 0)
			return r;
		if (r == 0)
			env_set(ret, name, buf_str(&value));
	}
	return 0;
}
