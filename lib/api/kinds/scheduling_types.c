/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const char *const enum_PreemptionPolicy[] = {"Never", "PreemptLowerPriority", NULL};

static const struct api_field PriorityClass_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"value", API_INT32, .pb = 2, .flags = API_KEEP_EMPTY, .help = "The value."},
	{"globalDefault", API_BOOL, .pb = 3, .help = "The class of pods that name none."},
	{"description", API_STRING, .pb = 4, .help = "Description of this priority class."},
	{"preemptionPolicy", API_STRING, .pb = 5, .flags = API_PTR,
	 .def = "\"PreemptLowerPriority\"", .enums = enum_PreemptionPolicy,
	 .help = "Whether pods of lower priority may be pushed out."},
};

const struct api_type api_t_scheduling_v1_PriorityClass = {
	.name = "io.k8s.api.scheduling.v1.PriorityClass",
	.fields = PriorityClass_fields,
	.n_fields = ARRAY_SIZE(PriorityClass_fields),
	.help = "Priority class.",
};
