/* SPDX-License-Identifier: Apache-2.0 */
/* Event in both of its versions; follows pkg/apis/core/validation/events.go. */
#include "lib/api/validate/check.h"
#include "lib/api/validate/rules.h"

#define WORD_MAX 128
#define NOTE_MAX 1024

/* Where the two versions differ in names; messages use those of the stored one. */
struct names {
	const char *involved, *controller, *message;
};
static const struct names core = {"involvedObject", "reportingComponent", "message"};
static const struct names events = {"regarding", "reportingController", "note"};

static void check_word(const struct place *p, struct json_object *obj, const char *name,
		       const char *field, size_t max, bool required)
{
	struct str s = text_of(obj, name);
	CLEANUP_FREE char *why = xasprintf("can have at most %zu characters", max);

	if (required && !s.len)
		place_required(PLACE(p, field), "");
	if (s.len > max)
		place_invalid_str(PLACE(p, field), STR(""), why);
}

static void check_event(const struct place *p, struct json_object *obj, const struct names *n)
{
	struct str ns = jsonc_path_str(obj, "metadata.namespace");
	struct str about = text_of(jsonc_get(obj, n->involved), "namespace");
	bool is_new = jsonc_get(obj, "eventTime") != NULL, good;

	if (about.len)
		good = is_new || str_eq(about, ns);
	else
		good = !ns.len || str_eqs(ns, "default") || (is_new && str_eqs(ns, "kube-system"));
	if (!good)
		place_invalid_str(PLACE(p, "involvedObject.namespace"), about,
				  "does not match event.namespace");
	if (!is_new)
		return;
	if (!text_of(obj, n->controller).len)
		place_required(PLACE(p, "reportingController"), "");
	check_name(PLACE(p, "reportingController"), NAME_QUALIFIED, text_of(obj, n->controller));
	check_word(p, obj, "reportingInstance", "reportingInstance", WORD_MAX, true);
	check_word(p, obj, "action", "action", WORD_MAX, true);
	check_word(p, obj, "reason", "reason", WORD_MAX, true);
	check_word(p, obj, n->message, "message", NOTE_MAX, false);
}

void validate_event(struct json_object *obj, struct err *err)
{
	check_event(PLACE_OF(err), obj, &core);
}

/* ---- events.k8s.io ---- */

static void check_series(const struct place *p, struct json_object *obj)
{
	struct json_object *s = jsonc_get(obj, "series");

	if (!s)
		return;
	if (int_of(s, "count") < 2)
		place_invalid_str(PLACE(p, "series.count"), STR(""), "should be at least 2");
	if (!jsonc_get(s, "lastObservedTime"))
		place_required(PLACE(p, "series.lastObservedTime"), "");
}

static void must_be_unset(const struct place *p, struct json_object *obj, const char *name,
			  const char *field)
{
	struct json_object *v = jsonc_get(obj, name);

	if (v && (!json_object_is_type(v, json_type_object) || map_len(v)))
		place_invalid_str(PLACE(p, field), STR(""), "needs to be unset");
}

void validate_event_v1(struct json_object *obj, struct err *err)
{
	check_event(PLACE_OF(err), obj, &events);
}

void validate_event_v1_create(struct json_object *obj, struct err *err)
{
	struct str type = text_of(obj, "type");
	const struct place *p = PLACE_OF(err);

	check_series(p, obj);
	if (!jsonc_get(obj, "eventTime"))
		place_required(PLACE(p, "eventTime"), "");
	if (!str_eqs(type, "Normal") && !str_eqs(type, "Warning")) {
		CLEANUP_FREE char *why = xasprintf("has invalid value: %.*s", STR_ARG(type));

		place_invalid_str(PLACE(p, "type"), STR(""), why);
	}
	must_be_unset(p, obj, "deprecatedFirstTimestamp", "firstTimestamp");
	must_be_unset(p, obj, "deprecatedLastTimestamp", "lastTimestamp");
	must_be_unset(p, obj, "deprecatedCount", "count");
	must_be_unset(p, obj, "deprecatedSource", "source");
}

void validate_event_v1_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	static const char *const fixed[][2] = {{"regarding", "involvedObject"},
					       {"reason", "reason"},
					       {"note", "message"},
					       {"deprecatedSource", "source"},
					       {"deprecatedFirstTimestamp", "firstTimestamp"},
					       {"deprecatedLastTimestamp", "lastTimestamp"},
					       {"deprecatedCount", "count"},
					       {"type", "type"},
					       {"eventTime", "eventTime"},
					       {"action", "action"},
					       {"related", "related"},
					       {"reportingController", "reportingController"},
					       {"reportingInstance", "reportingInstance"}};
	const struct place *p = PLACE_OF(err);

	if (!jsonc_equal(jsonc_get(obj, "series"), jsonc_get(old, "series")))
		check_series(p, obj);
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		check_immutable(PLACE(p, fixed[i][1]), jsonc_get(obj, fixed[i][0]),
				jsonc_get(old, fixed[i][0]));
}
