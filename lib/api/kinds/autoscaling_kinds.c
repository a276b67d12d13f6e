/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HorizontalPodAutoscaler: stored as autoscaling/v2. In v1 there is one target, that of cpu; what
 * else v2 says stands in annotations there, so that nothing is lost on the way through.
 */
#include "lib/api/kinds/defaults.h"
#include "lib/api/kinds/kinds.h"
#include "lib/api/kinds/strategies.h"
#include "lib/api/kinds/types.h"
#include "lib/api/validate/rules.h"
#include "lib/api/api.h"

/* ---- columns ---- */

static void cell_reference(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv ref = jv_path(obj, "spec.scaleTargetRef");

	buf_addf(&b, "%.*s/%.*s", STR_ARG(jv_text(jv_get(ref, "kind"))),
		 STR_ARG(jv_text(jv_get(ref, "name"))));
	jw_str(w, buf_str(&b));
}

/* The part of a metric that tells what is measured: "resource", "pods", ... */
static struct jv metric_body(struct jv m)
{
	static const char *const types[][2] = {{"Resource", "resource"},
					       {"ContainerResource", "containerResource"},
					       {"Pods", "pods"},
					       {"Object", "object"},
					       {"External", "external"}};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (jv_eqs(jv_get(m, "type"), types[i][0]))
			return jv_get(m, types[i][1]);
	return jv_get(m, "none");
}

static struct jv metric_nth(struct jv list, size_t n)
{
	size_t i = 0;

	jv_for_each (it, list)
		if (i++ == n)
			return it.value;
	return jv_get(list, "none");
}

/* "cpu: 12%/80%" */
static void add_target(struct jv want, struct jv have, struct buf *out)
{
	struct jv body = metric_body(want), target = jv_get(body, "target");
	struct jv current = jv_get(metric_body(have), "current");
	struct jv percent = jv_get(target, "averageUtilization");
	struct str name = jv_text(jv_get(body, "name"));

	if (name.len)
		buf_addf(out, "%.*s: ", STR_ARG(name));
	if (jv_exists(percent)) {
		struct jv now = jv_get(current, "averageUtilization");

		if (jv_exists(now))
			buf_addf(out, "%" PRId64 "%%", jv_i64(now, 0));
		else
			buf_adds(out, "<unknown>");
		buf_addf(out, "/%" PRId64 "%%", jv_i64(percent, 0));
		return;
	}
	{
		bool avg = jv_exists(jv_get(target, "averageValue"));
		const char *which = avg ? "averageValue" : "value";
		struct str now = jv_text(jv_get(current, which));

		buf_addf(out, "%.*s/%.*s%s", STR_ARG(now.len ? now : STR("<unknown>")),
			 STR_ARG(jv_text(jv_get(target, which))), avg ? " (avg)" : "");
	}
}

static void cell_targets(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv have = jv_path(obj, "status.currentMetrics");
	size_t n = 0;

	jv_for_each (it, jv_path(obj, "spec.metrics")) {
		if (n < 2) {
			buf_adds(&b, n ? ", " : "");
			add_target(it.value, metric_nth(have, n), &b);
		}
		n++;
	}
	if (n > 2)
		buf_addf(&b, " + %zu more...", n - 2);
	jw_str(w, b.len ? buf_str(&b) : STR("<none>"));
}

static void cell_targets_v1(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv want = jv_path(obj, "spec.targetCPUUtilizationPercentage");
	struct jv have = jv_path(obj, "status.currentCPUUtilizationPercentage");

	if (jv_exists(have))
		buf_addf(&b, "%" PRId64 "%%/", jv_i64(have, 0));
	else
		buf_adds(&b, "<unknown>/");
	if (jv_exists(want))
		buf_addf(&b, "%" PRId64 "%%", jv_i64(want, 0));
	else
		buf_adds(&b, "<unset>");
	jw_str(w, buf_str(&b));
}

#define CELL_NUMBER(fn, path, none)                                                      \
	static void fn(const struct api_table_ctx *c, struct jv obj, struct jw *w)       \
	{                                                                                \
		char text[24];                                                           \
                                                                                         \
		snprintf(text, sizeof(text), "%" PRId64, jv_i64(jv_path(obj, path), 0)); \
		jw_str(w, str_of(jv_exists(jv_path(obj, path)) ? text : (none)));        \
	}

CELL_NUMBER(cell_min_pods, "spec.minReplicas", "<unset>")
CELL_NUMBER(cell_max_pods, "spec.maxReplicas", "0")
CELL_NUMBER(cell_pods_now, "status.currentReplicas", "0")

#define HPA_COLUMNS(targets_)                                                                       \
	{                                                                                           \
		COLUMN_NAME,                                                                        \
			{"Reference", "string", NULL, 0, NULL, cell_reference, "What is scaled"},   \
			{"Targets", "string", NULL, 0, NULL, targets_, "Measured and wanted"},      \
			{"MinPods", "string", NULL, 0, NULL, cell_min_pods, "The fewest pods"},     \
			{"MaxPods", "string", NULL, 0, NULL, cell_max_pods, "The most pods"},       \
			{"Replicas", "string", NULL, 0, NULL, cell_pods_now, "How many there are"}, \
			COLUMN_AGE,                                                                 \
	}

static const struct api_column hpa_columns[] = HPA_COLUMNS(cell_targets);
static const struct api_column hpa_v1_columns[] = HPA_COLUMNS(cell_targets_v1);
static const struct api_subresource hpa_subs[] = {SUB_STATUS};

/* ---- v1 and v2 ---- */

#define NOTE "autoscaling.alpha.kubernetes.io/"

static bool is_cpu_percent(struct json_object *m)
{
	return str_eqs(jsonc_path_str(m, "type"), "Resource") &&
	       str_eqs(jsonc_path_str(m, "resource.name"), "cpu");
}

static void note_put(struct json_object *obj, const char *name, struct json_object *value)
{
	struct json_object *meta = jsonc_ensure(obj, "metadata");
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	jsonc_write(value, &b);
	jsonc_set_str(jsonc_ensure(meta, "annotations"), name, buf_str(&b));
}

/* One value of an annotation by its table; NULL: it is none. Anybody may write annotations. */
static struct json_object *typed(const struct api_type *t, struct json_object *v)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct json_object *o = NULL;

	if (!json_object_is_type(v, json_type_object))
		return NULL;
	jsonc_write(v, &b);
	return api_decode_type(t, buf_str(&b), API_IGNORE, &o, NULL, NULL) < 0 ? NULL : o;
}

/* The annotation as a tree, taken out of the object; NULL when there is none that can be read. */
static struct json_object *note_take(struct json_object *obj, const char *name,
				     const struct api_type *t, bool list)
{
	struct json_object *notes = jsonc_path(obj, "metadata.annotations"), *out, *one;
	struct json_object *text = notes ? jsonc_get(notes, name) : NULL;
	CLEANUP_JSON struct json_object *v = NULL;

	if (!text)
		return NULL;
	jsonc_parse(jsonc_str(text), NULL, &v, NULL);
	json_object_object_del(notes, name);
	if (!json_object_object_length(notes))
		json_object_object_del(jsonc_get(obj, "metadata"), "annotations");
	if (!list)
		return typed(t, v);
	out = json_object_new_array();
	for (size_t i = 0;
	     json_object_is_type(v, json_type_array) && i < json_object_array_length(v); i++) {
		one = typed(t, json_object_array_get_idx(v, i));
		if (one)
			json_object_array_add(out, one);
	}
	return out;
}

static struct json_object *cpu_metric(const char *kind, int64_t percent)
{
	struct json_object *m = json_object_new_object(), *r = jsonc_ensure(m, "resource");
	struct json_object *t = jsonc_ensure(r, kind);

	jsonc_set_str(m, "type", STR("Resource"));
	jsonc_set_str(r, "name", STR("cpu"));
	if (strcmp(kind, "target") == 0)
		jsonc_set_str(t, "type", STR("Utilization"));
	jsonc_set(t, "averageUtilization", json_object_new_int64(percent));
	return m;
}

/* part[scalar] of v1 and part[list] of v2. */
static void to_v2(struct json_object *obj, const char *part, const char *scalar, const char *list,
		  const char *kind, const char *note)
{
	struct json_object *p = jsonc_get(obj, part), *v = p ? jsonc_get(p, scalar) : NULL;
	const struct api_type *t = strcmp(part, "spec") == 0 ? &api_t_autoscaling_v2_MetricSpec
							     : &api_t_autoscaling_v2_MetricStatus;
	struct json_object *all = json_object_new_array(), *rest = note_take(obj, note, t, true);

	if (v)
		json_object_array_add(all, cpu_metric(kind, jsonc_i64(v, 0)));
	for (size_t i = 0; rest && i < json_object_array_length(rest); i++)
		json_object_array_add(all, json_object_get(json_object_array_get_idx(rest, i)));
	json_object_put(rest);
	if (p)
		json_object_object_del(p, scalar);
	if (p && json_object_array_length(all))
		jsonc_set(p, list, all);
	else
		json_object_put(all);
}

static void to_v1(struct json_object *obj, const char *part, const char *scalar, const char *list,
		  const char *kind, const char *note)
{
	struct json_object *p = jsonc_get(obj, part), *all = p ? jsonc_get(p, list) : NULL;
	struct json_object *rest, *percent;
	bool had = false;

	if (!all)
		return;
	rest = json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct json_object *m = json_object_array_get_idx(all, i);

		percent =
			jsonc_get(jsonc_get(jsonc_get(m, "resource"), kind), "averageUtilization");
		if (!had && is_cpu_percent(m) && percent) {
			jsonc_set(p, scalar, json_object_new_int64(jsonc_i64(percent, 0)));
			had = true;
		} else {
			json_object_array_add(rest, json_object_get(m));
		}
	}
	if (json_object_array_length(rest))
		note_put(obj, note, rest);
	json_object_put(rest);
	json_object_object_del(p, list);
}

static void move_note(struct json_object *obj, const char *part, const char *member,
		      const char *note, bool to_storage)
{
	struct json_object *p = jsonc_get(obj, part), *v;

	if (!p)
		return;
	if (to_storage) {
		v = strcmp(part, "spec") == 0
			    ? note_take(obj, note,
					&api_t_autoscaling_v2_HorizontalPodAutoscalerBehavior,
					false)
			    : note_take(obj, note,
					&api_t_autoscaling_v2_HorizontalPodAutoscalerCondition,
					true);
		if (v)
			jsonc_set(p, member, v);
	} else if (jsonc_get(p, member)) {
		note_put(obj, note, jsonc_get(p, member));
		json_object_object_del(p, member);
	}
}

static void hpa_convert(struct json_object *obj, bool to_storage)
{
	void (*move)(struct json_object *, const char *, const char *, const char *, const char *,
		     const char *) = to_storage ? to_v2 : to_v1;

	move(obj, "spec", "targetCPUUtilizationPercentage", "metrics", "target", NOTE "metrics");
	move(obj, "status", "currentCPUUtilizationPercentage", "currentMetrics", "current",
	     NOTE "current-metrics");
	move_note(obj, "spec", "behavior", NOTE "behavior", to_storage);
	move_note(obj, "status", "conditions", NOTE "conditions", to_storage);
}

const struct api_kind api_kind_hpa_v2 = {
	KIND_NAMES("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers",
		   "horizontalpodautoscaler"),
	.short_names = KIND_TEXTS("hpa"),
	.categories = KIND_TEXTS("all"),
	.flags = API_K_NAMESPACED | API_K_STATUS | API_K_UNCONDITIONAL,
	.type = &api_t_autoscaling_v2_HorizontalPodAutoscaler,
	KIND_SUBS(hpa_subs),
	KIND_COLUMNS(hpa_columns),
	.strategy = &hpa_strategy,
	.defaults = default_hpa,
	.short_help = "How many pods there shall be, by what is measured.",
};

const struct api_kind api_kind_hpa_v1 = {
	KIND_NAMES("autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers",
		   "horizontalpodautoscaler"),
	.short_names = KIND_TEXTS("hpa"),
	.categories = KIND_TEXTS("all"),
	.flags = API_K_NAMESPACED | API_K_STATUS | API_K_UNCONDITIONAL,
	.type = &api_t_autoscaling_v1_HorizontalPodAutoscaler,
	KIND_SUBS(hpa_subs),
	KIND_COLUMNS(hpa_v1_columns),
	.strategy = &hpa_v1_strategy,
	.storage = &api_kind_hpa_v2,
	.convert = hpa_convert,
	.short_help = "How many pods there shall be, by their cpu use.",
};
