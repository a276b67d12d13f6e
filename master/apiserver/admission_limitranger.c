/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LimitRanger (k8s.io/kubernetes plugin/pkg/admission/limitranger): the LimitRanges of a namespace
 * give containers that say nothing their requests and limits, and refuse what is beyond them.
 */
#include "lib/api/kinds/strategies.h"
#include "lib/api/quantity.h"
#include "lib/api/status.h"
#include "master/apiserver/admission.h"
#include "master/apiserver/server.h"

#define ANNOTATION "kubernetes.io/limit-ranger"

static const struct store_obj *first_range(const struct admission *a, struct buf *prefix,
					   struct store_iter *it)
{
	request_key(server_kind("", "v1", "limitranges"), a->ns, STR_NULL, prefix);
	store_range(a->view, buf_str(prefix), STR_NULL, it);
	return store_iter_next(it);
}

static bool is_kind(const struct admission *a, const char *plural)
{
	return !*a->kind->group && !strcmp(a->kind->plural, plural);
}

static bool is_mirror(struct json_object *pod)
{
	return jsonc_get(jsonc_path(pod, "metadata.annotations"), "kubernetes.io/config.mirror");
}

#define for_each_container(pod, c)                                                \
	for (size_t c##_k = 0; c##_k < 2; c##_k++)                                \
		for (size_t c##_i = 0; c##_i < n_containers(pod, c##_k); c##_i++) \
			for (struct json_object *c = container_at(pod, c##_k, c##_i); c; c = NULL)

static const char *const container_lists[] = {"spec.containers", "spec.initContainers"};

static size_t n_containers(struct json_object *pod, size_t k)
{
	struct json_object *list = jsonc_path(pod, container_lists[k]);

	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static struct json_object *container_at(struct json_object *pod, size_t k, size_t i)
{
	return json_object_array_get_idx(jsonc_path(pod, container_lists[k]), i);
}

/* ---- defaults ---- */

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Sets what the container does not say; "cpu, memory request for container c" into notes. */
static void fill(struct json_object *c, const char *list, struct jv defaults, const char *word,
		 struct buf *notes)
{
	struct json_object *have = jsonc_get(jsonc_get(c, "resources"), list);
	struct str set[32];
	size_t n = 0;

	jv_for_each_member (it, defaults) {
		CLEANUP_FREE char *name = str_dup(it.key);

		if (n == ARRAY_SIZE(set) || jsonc_get(have, name))
			continue;
		have = jsonc_ensure(jsonc_ensure(c, "resources"), list);
		jsonc_set_str(have, name, jv_text(it.value));
		set[n++] = it.key;
	}
	if (!n)
		return;
	qsort(set, n, sizeof(*set), by_text);
	buf_adds(notes, notes->len ? "; " : "");
	for (size_t i = 0; i < n; i++)
		buf_addf(notes, "%s%.*s", i ? ", " : "", STR_ARG(set[i]));
	buf_addf(notes, " %s for container %.*s", word, STR_ARG(jsonc_path_str(c, "name")));
}

int admit_limit_defaults(struct admission *a, struct err *err)
{
	CLEANUP(buf_done) struct buf prefix = BUF_INIT, notes = BUF_INIT;
	const struct store_obj *o;
	struct store_iter it;

	for (o = first_range(a, &prefix, &it); o && !is_mirror(a->obj); o = store_iter_next(&it))
		jv_for_each (limit, jv_path(jv_of(o->value), "spec.limits")) {
			if (!jv_eqs(jv_get(limit.value, "type"), "Container"))
				continue;
			for_each_container(a->obj, c)
			{
				fill(c, "requests", jv_get(limit.value, "defaultRequest"),
				     "request", &notes);
				fill(c, "limits", jv_get(limit.value, "default"), "limit", &notes);
			}
		}
	if (notes.len) {
		CLEANUP_FREE char *text = xasprintf("LimitRanger plugin set: %s", notes.p);
		struct json_object *meta = jsonc_ensure(a->obj, "metadata");

		jsonc_set_str(jsonc_ensure(meta, "annotations"), ANNOTATION, str_of(text));
		api_set_str(a->obj, "status.qosClass",
			    str_of(pod_qos_class(jsonc_get(a->obj, "spec"))));
	}
	return 0;
}

/* ---- limits ---- */

/* What is said of one resource, by a container or in sum. */
struct said {
	bool request, limit;
	struct quantity req, lim;
};

struct check {
	struct buf text; /* what is wrong, joined */
	size_t n;
	struct str type; /* "Container" */
};

static void complain(struct check *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void complain(struct check *c, const char *fmt, ...)
{
	va_list ap;

	buf_adds(&c->text, c->n++ ? ", " : "");
	va_start(ap, fmt);
	buf_vaddf(&c->text, fmt, ap);
	va_end(ap);
}

static void check_bound(struct check *c, bool is_max, struct str name, struct quantity bound,
			const struct said *s)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT, r = BUF_INIT, l = BUF_INIT;
	const char *word = is_max ? "maximum" : "minimum";
	int sign = is_max ? 1 : -1;
	/* A minimum is about requests first, a maximum about limits. */
	bool must = is_max ? s->limit : s->request;

	quantity_format(bound, &b);
	quantity_format(s->req, &r);
	quantity_format(s->lim, &l);
	if (!must)
		complain(c, "%s %.*s usage per %.*s is %s.  No %s is specified", word,
			 STR_ARG(name), STR_ARG(c->type), b.p, is_max ? "limit" : "request");
	else if (!is_max && quantity_cmp(s->req, bound) < 0)
		complain(c, "%s %.*s usage per %.*s is %s, but request is %s", word, STR_ARG(name),
			 STR_ARG(c->type), b.p, r.p);
	else if (s->limit && quantity_cmp(s->lim, bound) * sign > 0)
		complain(c, "%s %.*s usage per %.*s is %s, but limit is %s", word, STR_ARG(name),
			 STR_ARG(c->type), b.p, l.p);
	else if (is_max && s->request && quantity_cmp(s->req, bound) > 0)
		complain(c, "%s %.*s usage per %.*s is %s, but request is %s", word, STR_ARG(name),
			 STR_ARG(c->type), b.p, r.p);
}

static void check_ratio(struct check *c, struct str name, struct quantity bound,
			const struct said *s)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	double ratio;

	quantity_format(bound, &b);
	if (!s->request || !s->req.nano) {
		complain(c,
			 "%.*s max limit to request ratio per %.*s is %s, but no request is "
			 "specified or request is 0",
			 STR_ARG(name), STR_ARG(c->type), b.p);
		return;
	}
	if (!s->limit || !s->lim.nano) {
		complain(c,
			 "%.*s max limit to request ratio per %.*s is %s, but no limit is "
			 "specified or limit is 0",
			 STR_ARG(name), STR_ARG(c->type), b.p);
		return;
	}
	ratio = (double)s->lim.nano / (double)s->req.nano;
	if (ratio > (double)bound.nano / 1e9)
		complain(c,
			 "%.*s max limit to request ratio per %.*s is %s, but provided ratio is %f",
			 STR_ARG(name), STR_ARG(c->type), b.p, ratio);
}

static bool get(struct json_object *c, const char *list, struct str name, struct quantity *ret)
{
	CLEANUP_FREE char *key = str_dup(name);
	struct json_object *q = jsonc_get(jsonc_get(jsonc_get(c, "resources"), list), key);

	*ret = quantity_of(0, QUANTITY_SI);
	return q && quantity_parse(jsonc_str(q), ret) == 0;
}

/* Of all containers together: said only when each says it (init containers where larger). */
static void sum_pod(struct json_object *pod, struct str name, struct said *ret)
{
	size_t with_req = 0, with_lim = 0, n = n_containers(pod, 0);
	struct quantity q;

	*ret = (struct said){.req = quantity_of(0, QUANTITY_SI),
			     .lim = quantity_of(0, QUANTITY_SI)};
	for (size_t i = 0; i < n; i++) {
		struct json_object *c = container_at(pod, 0, i);

		if (get(c, "requests", name, &q)) {
			ret->req = (struct quantity){ret->req.nano + q.nano, q.format};
			with_req++;
		}
		if (get(c, "limits", name, &q)) {
			ret->lim = (struct quantity){ret->lim.nano + q.nano, q.format};
			with_lim++;
		}
	}
	for (size_t i = 0; i < n_containers(pod, 1); i++) {
		struct json_object *c = container_at(pod, 1, i);

		if (get(c, "requests", name, &q) && quantity_cmp(q, ret->req) > 0)
			ret->req = q;
		if (get(c, "limits", name, &q) && quantity_cmp(q, ret->lim) > 0)
			ret->lim = q;
	}
	ret->request = n && with_req == n;
	ret->limit = n && with_lim == n;
}

static void check_lists(struct check *c, struct jv limit, struct json_object *container,
			struct json_object *pod)
{
	static const char *const lists[] = {"min", "max", "maxLimitRequestRatio"};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		jv_for_each_member (it, jv_get(limit, lists[i])) {
			struct quantity bound;
			struct said s;

			if (quantity_parse(jv_text(it.value), &bound) < 0)
				continue;
			if (container) {
				s.request = get(container, "requests", it.key, &s.req);
				s.limit = get(container, "limits", it.key, &s.lim);
			} else {
				sum_pod(pod, it.key, &s);
			}
			if (i == 2)
				check_ratio(c, it.key, bound, &s);
			else
				check_bound(c, i == 1, it.key, bound, &s);
		}
}

static void check_claim(struct check *c, struct jv limit, struct json_object *pvc)
{
	static const char *const lists[] = {"min", "max"};
	struct json_object *asked = jsonc_path(pvc, "spec");

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		jv_for_each_member (it, jv_get(limit, lists[i])) {
			CLEANUP(buf_done) struct buf b = BUF_INIT, r = BUF_INIT;
			struct quantity bound, q;
			bool there = get(asked, "requests", it.key, &q);
			const char *word = i ? "maximum" : "minimum";

			if (quantity_parse(jv_text(it.value), &bound) < 0)
				continue;
			quantity_format(bound, &b);
			quantity_format(q, &r);
			if (!there)
				complain(c,
					 "%s %.*s usage per PersistentVolumeClaim is %s.  No "
					 "request is specified",
					 word, STR_ARG(it.key), b.p);
			else if (i ? quantity_cmp(q, bound) > 0 : quantity_cmp(q, bound) < 0)
				complain(c,
					 "%s %.*s usage per PersistentVolumeClaim is %s, but "
					 "request is %s",
					 word, STR_ARG(it.key), b.p, r.p);
		}
}

int admit_limits(struct admission *a, struct err *err)
{
	CLEANUP(buf_done) struct buf prefix = BUF_INIT;
	CLEANUP_FREE char *why = NULL;
	struct check check = {BUF_INIT, 0, STR_NULL};
	const struct store_obj *o;
	struct store_iter it;

	if (is_kind(a, "pods") && (a->op != ADMIT_CREATE || is_mirror(a->obj)))
		return 0;
	for (o = first_range(a, &prefix, &it); o; o = store_iter_next(&it))
		jv_for_each (limit, jv_path(jv_of(o->value), "spec.limits")) {
			check.type = jv_text(jv_get(limit.value, "type"));
			if (is_kind(a, "persistentvolumeclaims")) {
				if (str_eqs(check.type, "PersistentVolumeClaim"))
					check_claim(&check, limit.value, a->obj);
			} else if (str_eqs(check.type, "Container")) {
				for_each_container(a->obj, c)
					check_lists(&check, limit.value, c, NULL);
			} else if (str_eqs(check.type, "Pod")) {
				check_lists(&check, limit.value, NULL, a->obj);
			}
		}
	if (check.n)
		why = xasprintf(check.n > 1 ? "[%s]" : "%s", check.text.p);
	buf_done(&check.text);
	return why ? api_err_forbidden(err, a->kind, a->name, why) : 0;
}
