/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const struct api_field PolicyRule_fields[] = {
	{"verbs", API_STRING, API_LIST, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "The verbs of this policy rule."},
	{"apiGroups", API_STRING, API_LIST, .pb = 2, .help = "The api groups of this policy rule."},
	{"resources", API_STRING, API_LIST, .pb = 3,
	 .help = "What it needs and may use of cpu, memory and the like."},
	{"resourceNames", API_STRING, API_LIST, .pb = 4,
	 .help = "The resource names of this policy rule."},
	{"nonResourceURLs", API_STRING, API_LIST, .pb = 5,
	 .help = "The non resource UR ls of this policy rule."},
};

const struct api_type api_t_rbac_v1_PolicyRule = {
	.name = "io.k8s.api.rbac.v1.PolicyRule",
	.fields = PolicyRule_fields,
	.n_fields = ARRAY_SIZE(PolicyRule_fields),
	.help = "Policy rule.",
};

static const struct api_field Role_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"rules", API_OBJECT, API_LIST, .pb = 2, .flags = API_KEEP_EMPTY,
	 .ref = &api_t_rbac_v1_PolicyRule, .help = "The rules of this role."},
};

const struct api_type api_t_rbac_v1_Role = {
	.name = "io.k8s.api.rbac.v1.Role",
	.fields = Role_fields,
	.n_fields = ARRAY_SIZE(Role_fields),
	.help = "Role.",
};

static const struct api_field AggregationRule_fields[] = {
	{"clusterRoleSelectors", API_OBJECT, API_LIST, .pb = 1, .ref = &api_t_meta_v1_LabelSelector,
	 .help = "The cluster role selectors of this aggregation rule."},
};

const struct api_type api_t_rbac_v1_AggregationRule = {
	.name = "io.k8s.api.rbac.v1.AggregationRule",
	.fields = AggregationRule_fields,
	.n_fields = ARRAY_SIZE(AggregationRule_fields),
	.help = "Aggregation rule.",
};

static const struct api_field ClusterRole_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"rules", API_OBJECT, API_LIST, .pb = 2, .flags = API_KEEP_EMPTY,
	 .ref = &api_t_rbac_v1_PolicyRule, .help = "The rules of this cluster role."},
	{"aggregationRule", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_rbac_v1_AggregationRule, .help = "Aggregation rule of this cluster role."},
};

const struct api_type api_t_rbac_v1_ClusterRole = {
	.name = "io.k8s.api.rbac.v1.ClusterRole",
	.fields = ClusterRole_fields,
	.n_fields = ARRAY_SIZE(ClusterRole_fields),
	.help = "Cluster role.",
};

static const struct api_field Subject_fields[] = {
	{"kind", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Kind of this subject."},
	{"apiGroup", API_STRING, .pb = 2, .help = "Api group of this subject."},
	{"name", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
	{"namespace", API_STRING, .pb = 4, .help = "Its namespace."},
};

const struct api_type api_t_rbac_v1_Subject = {
	.name = "io.k8s.api.rbac.v1.Subject",
	.fields = Subject_fields,
	.n_fields = ARRAY_SIZE(Subject_fields),
	.flags = API_WHOLE,
	.help = "Subject.",
};

static const struct api_field RoleRef_fields[] = {
	{"apiGroup", API_STRING, .pb = 1, .flags = API_KEEP_EMPTY,
	 .help = "Api group of this role ref."},
	{"kind", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Kind of this role ref."},
	{"name", API_STRING, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its name."},
};

const struct api_type api_t_rbac_v1_RoleRef = {
	.name = "io.k8s.api.rbac.v1.RoleRef",
	.fields = RoleRef_fields,
	.n_fields = ARRAY_SIZE(RoleRef_fields),
	.flags = API_WHOLE,
	.help = "Role ref.",
};

static const struct api_field RoleBinding_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"subjects", API_OBJECT, API_LIST, .pb = 2, .ref = &api_t_rbac_v1_Subject,
	 .help = "The subjects of this role binding."},
	{"roleRef", API_OBJECT, .pb = 3, .flags = API_REQUIRED, .ref = &api_t_rbac_v1_RoleRef,
	 .help = "Role ref of this role binding."},
};

const struct api_type api_t_rbac_v1_RoleBinding = {
	.name = "io.k8s.api.rbac.v1.RoleBinding",
	.fields = RoleBinding_fields,
	.n_fields = ARRAY_SIZE(RoleBinding_fields),
	.help = "Role binding.",
};

static const struct api_field ClusterRoleBinding_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"subjects", API_OBJECT, API_LIST, .pb = 2, .ref = &api_t_rbac_v1_Subject,
	 .help = "The subjects of this cluster role binding."},
	{"roleRef", API_OBJECT, .pb = 3, .flags = API_REQUIRED, .ref = &api_t_rbac_v1_RoleRef,
	 .help = "Role ref of this cluster role binding."},
};

const struct api_type api_t_rbac_v1_ClusterRoleBinding = {
	.name = "io.k8s.api.rbac.v1.ClusterRoleBinding",
	.fields = ClusterRoleBinding_fields,
	.n_fields = ARRAY_SIZE(ClusterRoleBinding_fields),
	.help = "Cluster role binding.",
};
