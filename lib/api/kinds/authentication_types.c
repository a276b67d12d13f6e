/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const struct api_field BoundObjectReference_fields[] = {
	{"kind", API_STRING, .pb = 1, .help = "Kind of this bound object reference."},
	{"apiVersion", API_STRING, .pb = 2, .help = "Group and version of the object's form."},
	{"name", API_STRING, .pb = 3, .help = "Its name."},
	{"uid", API_STRING, .pb = 4,
	 .help = "Unique identity in time and space, given by the server."},
};

const struct api_type api_t_authentication_v1_BoundObjectReference = {
	.name = "io.k8s.api.authentication.v1.BoundObjectReference",
	.fields = BoundObjectReference_fields,
	.n_fields = ARRAY_SIZE(BoundObjectReference_fields),
	.help = "Bound object reference.",
};

static const struct api_field TokenRequestSpec_fields[] = {
	{"audiences", API_STRING, API_LIST, .pb = 1, .flags = API_KEEP_EMPTY,
	 .help = "For whom the token is valid."},
	{"expirationSeconds", API_INT64, .pb = 4, .flags = API_PTR | API_KEEP_EMPTY, .def = "3600",
	 .help = "Seconds it is valid."},
	{"boundObjectRef", API_OBJECT, .pb = 3, .flags = API_PTR,
	 .ref = &api_t_authentication_v1_BoundObjectReference,
	 .help = "Bound object ref of this token request spec."},
	{"attestations", API_STRING, API_MAP, .pb = 5, .flags = API_PB_WRAPPED | API_MAP_OF_LISTS,
	 .help = "Attestations of this token request spec."},
};

const struct api_type api_t_authentication_v1_TokenRequestSpec = {
	.name = "io.k8s.api.authentication.v1.TokenRequestSpec",
	.fields = TokenRequestSpec_fields,
	.n_fields = ARRAY_SIZE(TokenRequestSpec_fields),
	.help = "Token request spec.",
};

static const struct api_field TokenRequestStatus_fields[] = {
	{"token", API_STRING, .pb = 1, .flags = API_KEEP_EMPTY,
	 .help = "Token of this token request status."},
	{"expirationTimestamp", API_TIME, .pb = 2,
	 .help = "Expiration timestamp of this token request status."},
};

const struct api_type api_t_authentication_v1_TokenRequestStatus = {
	.name = "io.k8s.api.authentication.v1.TokenRequestStatus",
	.fields = TokenRequestStatus_fields,
	.n_fields = ARRAY_SIZE(TokenRequestStatus_fields),
	.help = "Token request status.",
};

static const struct api_field TokenRequest_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_authentication_v1_TokenRequestSpec,
	 .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_authentication_v1_TokenRequestStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_authentication_v1_TokenRequest = {
	.name = "io.k8s.api.authentication.v1.TokenRequest",
	.fields = TokenRequest_fields,
	.n_fields = ARRAY_SIZE(TokenRequest_fields),
	.help = "Token request.",
};

static const struct api_field UserInfo_fields[] = {
	{"username", API_STRING, .pb = 1, .help = "Username of this user info."},
	{"uid", API_STRING, .pb = 2,
	 .help = "Unique identity in time and space, given by the server."},
	{"groups", API_STRING, API_LIST, .pb = 3, .help = "The groups of this user info."},
	{"extra", API_STRING, API_MAP, .pb = 4, .flags = API_PB_WRAPPED | API_MAP_OF_LISTS,
	 .help = "Extra of this user info."},
};

const struct api_type api_t_authentication_v1_UserInfo = {
	.name = "io.k8s.api.authentication.v1.UserInfo",
	.fields = UserInfo_fields,
	.n_fields = ARRAY_SIZE(UserInfo_fields),
	.help = "User info.",
};

static const struct api_field SelfSubjectReviewStatus_fields[] = {
	{"userInfo", API_OBJECT, .pb = 1, .ref = &api_t_authentication_v1_UserInfo,
	 .help = "User info of this self subject review status."},
};

const struct api_type api_t_authentication_v1_SelfSubjectReviewStatus = {
	.name = "io.k8s.api.authentication.v1.SelfSubjectReviewStatus",
	.fields = SelfSubjectReviewStatus_fields,
	.n_fields = ARRAY_SIZE(SelfSubjectReviewStatus_fields),
	.help = "Self subject review status.",
};

static const struct api_field SelfSubjectReview_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"status", API_OBJECT, .pb = 2, .ref = &api_t_authentication_v1_SelfSubjectReviewStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_authentication_v1_SelfSubjectReview = {
	.name = "io.k8s.api.authentication.v1.SelfSubjectReview",
	.fields = SelfSubjectReview_fields,
	.n_fields = ARRAY_SIZE(SelfSubjectReview_fields),
	.help = "Self subject review.",
};

static const struct api_field TokenReviewSpec_fields[] = {
	{"token", API_STRING, .pb = 1, .flags = API_REQUIRED,
	 .help = "Token of this token review spec."},
	{"audiences", API_STRING, API_LIST, .pb = 2, .help = "For whom the token is valid."},
};

const struct api_type api_t_authentication_v1_TokenReviewSpec = {
	.name = "io.k8s.api.authentication.v1.TokenReviewSpec",
	.fields = TokenReviewSpec_fields,
	.n_fields = ARRAY_SIZE(TokenReviewSpec_fields),
	.help = "Token review spec.",
};

static const struct api_field TokenReviewStatus_fields[] = {
	{"authenticated", API_BOOL, .pb = 1, .help = "Whether authenticated holds."},
	{"user", API_OBJECT, .pb = 2, .ref = &api_t_authentication_v1_UserInfo,
	 .help = "User of this token review status."},
	{"audiences", API_STRING, API_LIST, .pb = 4, .help = "For whom the token is valid."},
	{"error", API_STRING, .pb = 3, .help = "Error of this token review status."},
};

const struct api_type api_t_authentication_v1_TokenReviewStatus = {
	.name = "io.k8s.api.authentication.v1.TokenReviewStatus",
	.fields = TokenReviewStatus_fields,
	.n_fields = ARRAY_SIZE(TokenReviewStatus_fields),
	.help = "Token review status.",
};

static const struct api_field TokenReview_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_authentication_v1_TokenReviewSpec, .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_authentication_v1_TokenReviewStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_authentication_v1_TokenReview = {
	.name = "io.k8s.api.authentication.v1.TokenReview",
	.fields = TokenReview_fields,
	.n_fields = ARRAY_SIZE(TokenReview_fields),
	.help = "Token review.",
};
