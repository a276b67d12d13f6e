/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const struct api_field EventSeries_fields[] = {
	{"count", API_INT32, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "How often it happened."},
	{"lastObservedTime", API_MICROTIME, .pb = 2, .flags = API_REQUIRED,
	 .help = "Last observed time of this event series."},
};

const struct api_type api_t_events_v1_EventSeries = {
	.name = "io.k8s.api.events.v1.EventSeries",
	.fields = EventSeries_fields,
	.n_fields = ARRAY_SIZE(EventSeries_fields),
	.help = "Event series.",
};

static const struct api_field Event_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"eventTime", API_MICROTIME, .pb = 2, .flags = API_REQUIRED,
	 .help = "Event time of this event."},
	{"series", API_OBJECT, .pb = 3, .flags = API_PTR, .ref = &api_t_events_v1_EventSeries,
	 .help = "Series of this event."},
	{"reportingController", API_STRING, .pb = 4, .help = "Who reports it."},
	{"reportingInstance", API_STRING, .pb = 5, .help = "Reporting instance of this event."},
	{"action", API_STRING, .pb = 6, .help = "Action of this event."},
	{"reason", API_STRING, .pb = 7, .help = "Why, as one word."},
	{"regarding", API_OBJECT, .pb = 8, .ref = &api_t_core_v1_ObjectReference,
	 .help = "What the event is about."},
	{"related", API_OBJECT, .pb = 9, .flags = API_PTR, .ref = &api_t_core_v1_ObjectReference,
	 .help = "Related of this event."},
	{"note", API_STRING, .pb = 10, .help = "Note of this event."},
	{"type", API_STRING, .pb = 11, .help = "Which type it is."},
	{"deprecatedSource", API_OBJECT, .pb = 12, .ref = &api_t_core_v1_EventSource,
	 .help = "Deprecated source of this event."},
	{"deprecatedFirstTimestamp", API_TIME, .pb = 13,
	 .help = "Deprecated first timestamp of this event."},
	{"deprecatedLastTimestamp", API_TIME, .pb = 14,
	 .help = "Deprecated last timestamp of this event."},
	{"deprecatedCount", API_INT32, .pb = 15, .help = "Deprecated count of this event."},
};

const struct api_type api_t_events_v1_Event = {
	.name = "io.k8s.api.events.v1.Event",
	.fields = Event_fields,
	.n_fields = ARRAY_SIZE(Event_fields),
	.help = "Event.",
};
