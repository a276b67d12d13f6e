/* SPDX-License-Identifier: Apache-2.0 */
/* Event in both of its versions; core's form is what is stored. */
#include "lib/api/kinds/kinds.h"
#include "lib/api/kinds/strategies.h"
#include "lib/api/kinds/types.h"

/* Either form of the object, in core's names. */
static struct jv get(struct jv obj, const char *core, const char *events)
{
	struct jv v = jv_get(obj, core);

	return jv_exists(v) ? v : jv_get(obj, events);
}

static struct jv first_seen(struct jv obj)
{
	struct jv t = get(obj, "firstTimestamp", "deprecatedFirstTimestamp");

	return jv_exists(t) ? t : jv_get(obj, "eventTime");
}

static struct jv last_seen(struct jv obj)
{
	struct jv t = jv_path(obj, "series.lastObservedTime");

	if (!jv_exists(t))
		t = get(obj, "lastTimestamp", "deprecatedLastTimestamp");
	return jv_exists(t) ? t : first_seen(obj);
}

static int64_t count(struct jv obj)
{
	struct jv n = jv_path(obj, "series.count");

	if (!jv_exists(n))
		n = get(obj, "count", "deprecatedCount");
	return MAX(jv_i64(n, 1), 1);
}

static void cell_last_seen(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	column_age(c, last_seen(obj), &b);
	jw_str(w, buf_str(&b));
}

static void cell_first_seen(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	column_age(c, first_seen(obj), &b);
	jw_str(w, buf_str(&b));
}

static void cell_object(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv ref = get(obj, "involvedObject", "regarding");
	struct str kind = jv_text(jv_get(ref, "kind")), name = jv_text(jv_get(ref, "name"));

	for (size_t i = 0; i < kind.len; i++) {
		char ch = kind.p[i];

		buf_addc(&b, ch >= 'A' && ch <= 'Z' ? (char)(ch + 32) : ch);
	}
	if (name.len)
		buf_addf(&b, "/%.*s", STR_ARG(name));
	jw_str(w, buf_str(&b));
}

static void cell_subobject(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	struct str s = jv_text(jv_get(get(obj, "involvedObject", "regarding"), "fieldPath"));

	jw_str(w, s.len ? s : STR(""));
}

static void cell_source(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv src = get(obj, "source", "deprecatedSource");
	struct str who = jv_text(jv_get(src, "component")), host = jv_text(jv_get(src, "host"));

	if (!who.len)
		who = jv_text(get(obj, "reportingComponent", "reportingController"));
	if (!host.len)
		host = jv_text(jv_get(obj, "reportingInstance"));
	buf_addstr(&b, who);
	if (host.len)
		buf_addf(&b, ", %.*s", STR_ARG(host));
	jw_str(w, buf_str(&b));
}

static void cell_message(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct str s = str_trim(jv_str(get(obj, "message", "note"), &b));

	jw_str(w, s.p ? s : STR(""));
}

static void cell_count(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	jw_i64(w, count(obj));
}

static const struct api_column event_columns[] = {
	{"Last Seen", "string", NULL, 0, NULL, cell_last_seen, "When it last happened"},
	{"Type", "string", NULL, 0, "type", NULL, "Normal or Warning"},
	{"Reason", "string", NULL, 0, "reason", NULL, "Why, in one word"},
	{"Object", "string", NULL, 0, NULL, cell_object, "What it is about"},
	{"Subobject", "string", NULL, 1, NULL, cell_subobject, "Which part of it"},
	{"Source", "string", NULL, 1, NULL, cell_source, "Who reports it"},
	{"Message", "string", NULL, 0, NULL, cell_message, "What happened"},
	{"First Seen", "string", NULL, 1, NULL, cell_first_seen, "When it first happened"},
	{"Count", "integer", NULL, 1, NULL, cell_count, "How often"},
	{"Name", "string", "name", 1, "metadata.name", NULL, "Name of the event"},
};

const struct api_kind api_kind_event = {
	.group = "",
	.version = "v1",
	.kind = "Event",
	.plural = "events",
	.singular = "event",
	.short_names = (const char *const[]){"ev", NULL},
	.list_kind = "EventList",
	.verbs = API_VERB_ALL,
	.flags = API_K_NAMESPACED | API_K_UNCONDITIONAL | API_K_CREATE_ON_UPDATE,
	.type = &api_t_core_v1_Event,
	.strategy = &event_strategy,
	.columns = event_columns,
	.n_columns = ARRAY_SIZE(event_columns),
	.selectable =
		(const char *const[]){"involvedObject.kind", "involvedObject.namespace",
				      "involvedObject.name", "involvedObject.uid",
				      "involvedObject.apiVersion", "involvedObject.resourceVersion",
				      "involvedObject.fieldPath", "reason", "reportingComponent",
				      "source", "type", NULL},
	.name_rule = "path",
	.short_help = "Something that happened to an object.",
};

static const struct api_rename event_renames[] = {
	{"regarding", "involvedObject"},
	{"note", "message"},
	{"reportingController", "reportingComponent"},
	{"deprecatedSource", "source"},
	{"deprecatedFirstTimestamp", "firstTimestamp"},
	{"deprecatedLastTimestamp", "lastTimestamp"},
	{"deprecatedCount", "count"},
	{NULL, NULL},
};

const struct api_kind api_kind_event_v1 = {
	.group = "events.k8s.io",
	.version = "v1",
	.kind = "Event",
	.plural = "events",
	.singular = "event",
	.short_names = (const char *const[]){"ev", NULL},
	.list_kind = "EventList",
	.verbs = API_VERB_ALL,
	.flags = API_K_NAMESPACED | API_K_UNCONDITIONAL | API_K_CREATE_ON_UPDATE,
	.type = &api_t_events_v1_Event,
	.strategy = &event_v1_strategy,
	.columns = event_columns,
	.n_columns = ARRAY_SIZE(event_columns),
	/* In the stored names: selectors are matched against what the store holds. */
	.selectable = (const char *const[]){"regarding.kind", "regarding.namespace",
					    "regarding.name", "regarding.uid", "reason",
					    "reportingController", "type", NULL},
	.storage = &api_kind_event,
	.renames = event_renames,
	.short_help = "Something that happened to an object.",
};
