/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const struct api_field ComponentCondition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which type it is."},
	{"status", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "What is observed."},
	{"message", API_STRING, .pb = 3, .help = "Why, for people."},
	{"error", API_STRING, .pb = 4, .help = "What is wrong."},
};

const struct api_type api_t_core_v1_ComponentCondition = {
	.name = "io.k8s.api.core.v1.ComponentCondition",
	.fields = ComponentCondition_fields,
	.n_fields = ARRAY_SIZE(ComponentCondition_fields),
	.help = "Component condition.",
};

static const struct api_field ComponentStatus_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 2, .flags = API_MERGE,
	 .keys = "type", .merge_key = "type", .ref = &api_t_core_v1_ComponentCondition,
	 .help = "What is known about the object, one entry a type."},
};

const struct api_type api_t_core_v1_ComponentStatus = {
	.name = "io.k8s.api.core.v1.ComponentStatus",
	.fields = ComponentStatus_fields,
	.n_fields = ARRAY_SIZE(ComponentStatus_fields),
	.help = "Component status.",
};
