/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/admission_request.h"
#include "master/apiserver/admission_version.h"

/* ---- what rules look at ---- */

static enum webhook_op op_of(const struct write *w)
{
	switch (w->phase) {
	case WRITE_PHASE_CREATE:
		return WEBHOOK_CREATE;
	case WRITE_PHASE_UPDATE:
		return WEBHOOK_UPDATE;
	case WRITE_PHASE_CONNECT:
		return WEBHOOK_CONNECT;
	case WRITE_PHASE_DELETE:
	case WRITE_PHASE_OTHER:
		break;
	}
	return WEBHOOK_DELETE;
}

static struct jv labels_of(struct jv obj)
{
	struct jv labels = jv_path(obj, "metadata.labels");

	return jv_exists(labels) ? labels : jv_of(STR("{}"));
}

static void tree_labels(struct json_object *obj, struct buf *out)
{
	struct json_object *labels = jsonc_path(obj, "metadata.labels");

	if (labels)
		jsonc_write(labels, out);
	else
		buf_adds(out, "{}");
}

const struct store_obj *admission_namespace(const struct write *w)
{
	if (!api_kind_namespaced(w->kind))
		return NULL;
	return server_get(w->view, server_kind("", "v1", "namespaces"), STR(""), str_of(w->ns));
}

static bool is_namespace(const struct api_kind *k)
{
	return !*k->group && !strcmp(k->plural, "namespaces");
}

void admission_attrs(const struct write *w, struct webhook_attrs *ret, struct buf *labels,
		     struct buf *old_labels)
{
	struct json_object *obj = w->phase == WRITE_PHASE_DELETE ? NULL : write_seen(w);
	struct json_object *old = write_seen_old(w);
	bool has_labels = api_field_find(write_seen_kind(w)->type, STR("metadata"));
	const struct store_obj *ns = NULL;

	*ret = (struct webhook_attrs){.op = op_of(w),
				      .group = str_of(w->kind->group),
				      .version = str_of(w->kind->version),
				      .resource = str_of(w->kind->plural),
				      .sub = w->sub ? str_of(w->sub->name) : str_of(w->managed_sub),
				      .name = str_of(w->name),
				      .namespaced = api_kind_namespaced(w->kind),
				      .kinds = server_kinds(w->srv)};
	if (obj)
		tree_labels(obj, labels);
	if (old)
		tree_labels(old, old_labels);
	ret->labels = obj && has_labels ? jv_of(buf_str(labels)) : JV_NONE;
	ret->old_labels = old && has_labels ? jv_of(buf_str(old_labels)) : JV_NONE;
	if (is_namespace(w->kind))
		ret->ns_labels = obj ? ret->labels : ret->old_labels;
	else if (ret->namespaced)
		ns = admission_namespace(w);
	if (ns)
		ret->ns_labels = labels_of(jv_of(ns->value));
}

/* ---- the request of a review ---- */

static void gvk(struct jw *jw, const char *name, const struct api_kind *k)
{
	jw_key(jw, name);
	jw_begin_object(jw);
	jw_member_str(jw, "group", str_of(k->group));
	jw_member_str(jw, "version", str_of(k->version));
	jw_member_str(jw, "kind", str_of(k->kind));
	jw_end_object(jw);
}

static void gvr(struct jw *jw, const char *name, const struct api_kind *k)
{
	jw_key(jw, name);
	jw_begin_object(jw);
	jw_member_str(jw, "group", str_of(k->group));
	jw_member_str(jw, "version", str_of(k->version));
	jw_member_str(jw, "resource", str_of(k->plural));
	jw_end_object(jw);
}

void admission_user_write(const struct user *u, struct jw *jw)
{
	jw_begin_object(jw);
	jw_member_str(jw, "username", str_of(u->name));
	if (u->uid)
		jw_member_str(jw, "uid", str_of(u->uid));
	jw_key(jw, "groups");
	jw_begin_array(jw);
	for (size_t i = 0; i < u->n_groups; i++)
		jw_str(jw, str_of(u->groups[i]));
	jw_end_array(jw);
	if (u->n_extra) {
		jw_key(jw, "extra");
		jw_begin_object(jw);
		for (size_t i = 0; i < u->n_extra; i++) {
			bool first = true;

			for (size_t j = 0; j < i; j++)
				first = first && strcmp(u->extra[j].key, u->extra[i].key) != 0;
			if (!first)
				continue;
			jw_key(jw, u->extra[i].key);
			jw_begin_array(jw);
			for (size_t j = i; j < u->n_extra; j++)
				if (!strcmp(u->extra[j].key, u->extra[i].key))
					jw_str(jw, str_of(u->extra[j].value));
			jw_end_array(jw);
		}
		jw_end_object(jw);
	}
	jw_end_object(jw);
}

static void tree(struct jw *jw, const char *name, struct json_object *obj)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;

	if (obj)
		jsonc_write(obj, &text);
	else
		buf_adds(&text, "null");
	jw_member_raw(jw, name, buf_str(&text));
}

static void options(struct jw *jw, const struct write *w)
{
	static const char *const kinds[] = {[WRITE_PHASE_DELETE] = "DeleteOptions",
					    [WRITE_PHASE_CREATE] = "CreateOptions",
					    [WRITE_PHASE_UPDATE] = "UpdateOptions"};

	jw_key(jw, "options");
	if (w->phase == WRITE_PHASE_CONNECT) {
		jw_null(jw);
		return;
	}
	jw_begin_object(jw);
	jw_member_str(jw, "kind", str_of(kinds[w->phase]));
	jw_member_str(jw, "apiVersion", STR("meta.k8s.io/v1"));
	if (w->phase != WRITE_PHASE_DELETE)
		jw_member_str(jw, "fieldManager", write_manager(w->r));
	if (request_dry_run(w->r)) {
		jw_key(jw, "dryRun");
		jw_begin_array(jw);
		jw_str(jw, STR("All"));
		jw_end_array(jw);
	}
	jw_end_object(jw);
}

static void seen(struct jw *jw, struct write *w, const char *name, const struct api_kind *as,
		 struct json_object *obj)
{
	CLEANUP_JSON struct json_object *other = as ? admission_in_version(w, as, obj) : NULL;

	tree(jw, name, as ? other : obj);
}

void admission_request_write(struct write *w, struct str uid, const struct api_kind *as,
			     bool with_objects, struct jw *jw)
{
	static const char *const ops[] = {[WRITE_PHASE_DELETE] = "DELETE",
					  [WRITE_PHASE_CREATE] = "CREATE",
					  [WRITE_PHASE_UPDATE] = "UPDATE",
					  [WRITE_PHASE_CONNECT] = "CONNECT"};
	struct str sub = w->sub ? str_of(w->sub->name) : str_of(w->managed_sub);

	jw_begin_object(jw);
	if (uid.p)
		jw_member_str(jw, "uid", uid);
	gvk(jw, "kind", as ? as : write_seen_kind(w));
	gvr(jw, "resource", as ? as : w->kind);
	if (sub.len)
		jw_member_str(jw, "subResource", sub);
	gvk(jw, "requestKind", write_seen_kind(w));
	gvr(jw, "requestResource", w->kind);
	if (sub.len)
		jw_member_str(jw, "requestSubResource", sub);
	jw_member_str(jw, "name", str_of(w->name));
	if (*w->ns)
		jw_member_str(jw, "namespace", str_of(w->ns));
	jw_member_str(jw, "operation", str_of(ops[w->phase]));
	jw_key(jw, "userInfo");
	admission_user_write(w->r->user, jw);
	if (with_objects) {
		seen(jw, w, "object", as, w->phase == WRITE_PHASE_DELETE ? NULL : write_seen(w));
		seen(jw, w, "oldObject", as, write_seen_old(w));
	}
	jw_member_bool(jw, "dryRun", request_dry_run(w->r));
	options(jw, w);
	jw_end_object(jw);
}
