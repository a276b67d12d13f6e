/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/types.h"

static const struct api_field ServiceReference_fields[] = {
	{"namespace", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Namespace of the Service."},
	{"name", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Name of the Service."},
	{"path", API_STRING, .pb = 3, .flags = API_PTR, .help = "Path of the requests."},
	{"port", API_INT32, .pb = 4, .flags = API_PTR,
	 .help = "Port of the Service, 443 by default."},
};

const struct api_type api_t_apiextensions_v1_ServiceReference = {
	.name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.ServiceReference",
	.fields = ServiceReference_fields,
	.n_fields = ARRAY_SIZE(ServiceReference_fields),
	.help = "Where a Service answers.",
};

static const struct api_field WebhookClientConfig_fields[] = {
	{"url", API_STRING, .pb = 3, .flags = API_PTR, .help = "https://host:port/path."},
	{"service", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_apiextensions_v1_ServiceReference,
	 .help = "A Service of the cluster in its place."},
	{"caBundle", API_BYTES, .pb = 2,
	 .help = "PEM certificates that may have signed the webhook's."},
};

const struct api_type api_t_apiextensions_v1_WebhookClientConfig = {
	.name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.WebhookClientConfig",
	.fields = WebhookClientConfig_fields,
	.n_fields = ARRAY_SIZE(WebhookClientConfig_fields),
	.help = "How to reach a webhook.",
};

static const struct api_field WebhookConversion_fields[] = {
	{"clientConfig", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_apiextensions_v1_WebhookClientConfig, .help = "How to reach it."},
	{"conversionReviewVersions", API_STRING, API_LIST, .pb = 3,
	 .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Versions of ConversionReview it understands."},
};

const struct api_type api_t_apiextensions_v1_WebhookConversion = {
	.name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.WebhookConversion",
	.fields = WebhookConversion_fields,
	.n_fields = ARRAY_SIZE(WebhookConversion_fields),
	.help = "Conversion by a webhook.",
};

static const struct api_field CustomResourceConversion_fields[] = {
	{"strategy", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "None (only apiVersion changes) or Webhook."},
	{"webhook", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_apiextensions_v1_WebhookConversion, .help = "The webhook."},
};

const struct api_type api_t_apiextensions_v1_CustomResourceConversion = {
	.name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceConversion",
	.fields = CustomResourceConversion_fields,
	.n_fields = ARRAY_SIZE(CustomResourceConversion_fields),
	.help = "How objects get from one version to another.",
};

static const struct api_field CustomResourceDefinitionNames_fields[] = {
	{"plural", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "In paths, lower case."},
	{"singular", API_STRING, .pb = 2, .help = "In commands, lower case."},
	{"shortNames", API_STRING, API_LIST, .pb = 3, .help = "Abbreviations."},
	{"kind", API_STRING, .pb = 4, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "In objects, CamelCase."},
	{"listKind", API_STRING, .pb = 5, .help = "Kind of lists."},
	{"categories", API_STRING, API_LIST, .pb = 6,
	 .help = "Groups of resources it is part of, such as all."},
};

const struct api_type api_t_apiextensions_v1_CustomResourceDefinitionNames = {
	.name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
		"CustomResourceDefinitionNames",
	.fields = CustomResourceDefinitionNames_fields,
	.n_fields = ARRAY_SIZE(CustomResourceDefinitionNames_fields),
	.help = "Names of the new kind.",
};

static const struct api_field ExternalDocumentation_fields[] = {
	{"description", API_STRING, .pb = 1, .help = "What it is."},
	{"url", API_STRING, .pb = 2, .help = "Where it is."},
};

const struct api_type api_t_apiextensions_v1_ExternalDocumentation = {
	.name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.ExternalDocumentation",
	.fields = ExternalDocumentation_fields,
	.n_fields = ARRAY_SIZE(ExternalDocumentation_fields),
	.help = "A document elsewhere.",
};

static const struct api_field ValidationRule_fields[] = {
	{"rule", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "The expression; self is the value at hand."},
	{"message", API_STRING, .pb = 2, .help = "What is said when it fails."},
	{"messageExpression", API_STRING, .pb = 3, .help = "An expression that gives the message."},
	{"reason", API_STRING, .pb = 4, .flags = API_PTR, .help = "Reason of the failure."},
	{"fieldPath", API_STRING, .pb = 5, .help = "Field that is named, below the value at hand."},
	{"optionalOldSelf", API_BOOL, .pb = 6, .flags = API_PTR,
	 .help = "Also on create; oldSelf is an optional then."},
};

const struct api_type api_t_apiextensions_v1_ValidationRule = {
	.name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.ValidationRule",
	.fields = ValidationRule_fields,
	.n_fields = ARRAY_SIZE(ValidationRule_fields),
	.help = "A rule in CEL.",
};

static const struct api_field JSONSchemaProps_fields[] = {
	{"id", API_STRING, .pb = 1, .help = "Not allowed."},
	{"$schema", API_STRING, .pb = 2, .help = "Which schema language."},
	{"$ref", API_STRING, .pb = 3, .flags = API_PTR, .help = "Not allowed."},
	{"description", API_STRING, .pb = 4, .help = "For people."},
	{"type", API_STRING, .pb = 5, .help = "object, array, string, integer, number or boolean."},
	{"format", API_STRING, .pb = 6, .help = "Form of a text or number."},
	{"title", API_STRING, .pb = 7, .help = "For people."},
	{"default", API_ANY, .pb = 8, .help = "What stands for an absent value."},
	{"maximum", API_DOUBLE, .pb = 9, .flags = API_PTR, .help = "Largest number."},
	{"exclusiveMaximum", API_BOOL, .pb = 10, .help = "The maximum itself is too large."},
	{"minimum", API_DOUBLE, .pb = 11, .flags = API_PTR, .help = "Smallest number."},
	{"exclusiveMinimum", API_BOOL, .pb = 12, .help = "The minimum itself is too small."},
	{"maxLength", API_INT64, .pb = 13, .flags = API_PTR, .help = "Characters at most."},
	{"minLength", API_INT64, .pb = 14, .flags = API_PTR, .help = "Characters at least."},
	{"pattern", API_STRING, .pb = 15, .help = "Regular expression a text matches."},
	{"maxItems", API_INT64, .pb = 16, .flags = API_PTR, .help = "Elements at most."},
	{"minItems", API_INT64, .pb = 17, .flags = API_PTR, .help = "Elements at least."},
	{"uniqueItems", API_BOOL, .pb = 18, .help = "Not allowed."},
	{"multipleOf", API_DOUBLE, .pb = 19, .flags = API_PTR, .help = "What divides the number."},
	{"enum", API_ANY, API_LIST, .pb = 20, .help = "All allowed values."},
	{"maxProperties", API_INT64, .pb = 21, .flags = API_PTR, .help = "Members at most."},
	{"minProperties", API_INT64, .pb = 22, .flags = API_PTR, .help = "Members at least."},
	{"required", API_STRING, API_LIST, .pb = 23, .help = "Members that must be there."},
	{"items", API_OBJECT, .pb = 24, .flags = API_PTR | API_PB_INNER,
	 .ref = &api_t_apiextensions_v1_JSONSchemaProps, .help = "Schema of the elements."},
	{"allOf", API_OBJECT, API_LIST, .pb = 25, .ref = &api_t_apiextensions_v1_JSONSchemaProps,
	 .help = "All of these hold."},
	{"oneOf", API_OBJECT, API_LIST, .pb = 26, .ref = &api_t_apiextensions_v1_JSONSchemaProps,
	 .help = "Exactly one of these holds."},
	{"anyOf", API_OBJECT, API_LIST, .pb = 27, .ref = &api_t_apiextensions_v1_JSONSchemaProps,
	 .help = "One of these holds."},
	{"not", API_OBJECT, .pb = 28, .flags = API_PTR,
	 .ref = &api_t_apiextensions_v1_JSONSchemaProps, .help = "This does not hold."},
	{"properties", API_OBJECT, API_MAP, .pb = 29,
	 .ref = &api_t_apiextensions_v1_JSONSchemaProps, .help = "Schemas of the members by name."},
	{"additionalProperties", API_OBJECT, .pb = 30, .flags = API_PTR | API_OR_BOOL,
	 .ref = &api_t_apiextensions_v1_JSONSchemaProps,
	 .help = "Schema of other members, or true."},
	{"patternProperties", API_OBJECT, API_MAP, .pb = 31,
	 .ref = &api_t_apiextensions_v1_JSONSchemaProps, .help = "Not allowed."},
	{"dependencies", API_ANY, API_MAP, .pb = 32, .help = "Not allowed."},
	{"additionalItems", API_OBJECT, .pb = 33, .flags = API_PTR | API_OR_BOOL,
	 .ref = &api_t_apiextensions_v1_JSONSchemaProps, .help = "Not allowed."},
	{"definitions", API_OBJECT, API_MAP, .pb = 34,
	 .ref = &api_t_apiextensions_v1_JSONSchemaProps, .help = "Not allowed."},
	{"externalDocs", API_OBJECT, .pb = 35, .flags = API_PTR,
	 .ref = &api_t_apiextensions_v1_ExternalDocumentation, .help = "More to read."},
	{"example", API_ANY, .pb = 36, .help = "An example."},
	{"nullable", API_BOOL, .pb = 37, .help = "null is a value."},
	{"x-kubernetes-preserve-unknown-fields", API_BOOL, .pb = 38, .flags = API_PTR,
	 .help = "Members without a schema are kept."},
	{"x-kubernetes-embedded-resource", API_BOOL, .pb = 39,
	 .help = "The value is an object with apiVersion, kind and metadata."},
	{"x-kubernetes-int-or-string", API_BOOL, .pb = 40, .help = "An integer or a string."},
	{"x-kubernetes-list-map-keys", API_STRING, API_LIST, .pb = 41,
	 .help = "Members that tell elements apart."},
	{"x-kubernetes-list-type", API_STRING, .pb = 42, .flags = API_PTR,
	 .help = "atomic, set or map."},
	{"x-kubernetes-map-type", API_STRING, .pb = 43, .flags = API_PTR,
	 .help = "granular or atomic."},
	{"x-kubernetes-validations", API_OBJECT, API_LIST, API_LISTMAP, .pb = 44,
	 .ref = &api_t_apiextensions_v1_ValidationRule, .keys = "rule", .help = "Rules in CEL."},
};

const struct api_type api_t_apiextensions_v1_JSONSchemaProps = {
	.name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps",
	.fields = JSONSchemaProps_fields,
	.n_fields = ARRAY_SIZE(JSONSchemaProps_fields),
	.help = "A schema in OpenAPI's form.",
};

static const struct api_field CustomResourceValidation_fields[] = {
	{"openAPIV3Schema", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_apiextensions_v1_JSONSchemaProps, .help = "The schema."},
};

const struct api_type api_t_apiextensions_v1_CustomResourceValidation = {
	.name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceValidation",
	.fields = CustomResourceValidation_fields,
	.n_fields = ARRAY_SIZE(CustomResourceValidation_fields),
	.help = "Schema of a version.",
};

static const struct api_field CustomResourceSubresourceScale_fields[] = {
	{"specReplicasPath", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Path below spec."},
	{"statusReplicasPath", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Path below status."},
	{"labelSelectorPath", API_STRING, .pb = 3, .flags = API_PTR,
	 .help = "Path of a selector's text."},
};

const struct api_type api_t_apiextensions_v1_CustomResourceSubresourceScale = {
	.name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
		"CustomResourceSubresourceScale",
	.fields = CustomResourceSubresourceScale_fields,
	.n_fields = ARRAY_SIZE(CustomResourceSubresourceScale_fields),
	.help = "Paths of the scale subresource.",
};

const struct api_type api_t_apiextensions_v1_CustomResourceSubresourceStatus = {
	.name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
		"CustomResourceSubresourceStatus",
	.help = "Nothing more is to be said.",
};

static const struct api_field CustomResourceSubresources_fields[] = {
	{"status", API_OBJECT, .pb = 1, .flags = API_PTR,
	 .ref = &api_t_apiextensions_v1_CustomResourceSubresourceStatus,
	 .help = "There is a status subresource."},
	{"scale", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_apiextensions_v1_CustomResourceSubresourceScale,
	 .help = "There is a scale subresource."},
};

const struct api_type api_t_apiextensions_v1_CustomResourceSubresources = {
	.name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
		"CustomResourceSubresources",
	.fields = CustomResourceSubresources_fields,
	.n_fields = ARRAY_SIZE(CustomResourceSubresources_fields),
	.help = "Subresources of a version.",
};

static const struct api_field CustomResourceColumnDefinition_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY, .help = "Its title."},
	{"type", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "integer, number, string, boolean or date."},
	{"format", API_STRING, .pb = 3, .help = "Form of the value."},
	{"description", API_STRING, .pb = 4, .help = "For people."},
	{"priority", API_INT32, .pb = 5, .help = "Above 0: shown with -o wide only."},
	{"jsonPath", API_STRING, .pb = 6, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Where the value stands."},
};

const struct api_type api_t_apiextensions_v1_CustomResourceColumnDefinition = {
	.name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
		"CustomResourceColumnDefinition",
	.fields = CustomResourceColumnDefinition_fields,
	.n_fields = ARRAY_SIZE(CustomResourceColumnDefinition_fields),
	.help = "A column of kubectl get.",
};

static const struct api_field SelectableField_fields[] = {
	{"jsonPath", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Simple path of the field."},
};

const struct api_type api_t_apiextensions_v1_SelectableField = {
	.name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.SelectableField",
	.fields = SelectableField_fields,
	.n_fields = ARRAY_SIZE(SelectableField_fields),
	.help = "A field for field selectors.",
};

static const struct api_field CustomResourceDefinitionVersion_fields[] = {
	{"name", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Its name, such as v1beta1."},
	{"served", API_BOOL, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "The API offers it."},
	{"storage", API_BOOL, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Objects are stored so; one version has it."},
	{"deprecated", API_BOOL, .pb = 7, .help = "Clients are warned."},
	{"deprecationWarning", API_STRING, .pb = 8, .flags = API_PTR, .help = "In which words."},
	{"schema", API_OBJECT, .pb = 4, .flags = API_PTR,
	 .ref = &api_t_apiextensions_v1_CustomResourceValidation, .help = "Its schema."},
	{"subresources", API_OBJECT, .pb = 5, .flags = API_PTR,
	 .ref = &api_t_apiextensions_v1_CustomResourceSubresources, .help = "Its subresources."},
	{"additionalPrinterColumns", API_OBJECT, API_LIST, .pb = 6,
	 .ref = &api_t_apiextensions_v1_CustomResourceColumnDefinition,
	 .help = "Columns of kubectl get."},
	{"selectableFields", API_OBJECT, API_LIST, .pb = 9,
	 .ref = &api_t_apiextensions_v1_SelectableField, .help = "Fields for field selectors."},
};

const struct api_type api_t_apiextensions_v1_CustomResourceDefinitionVersion = {
	.name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
		"CustomResourceDefinitionVersion",
	.fields = CustomResourceDefinitionVersion_fields,
	.n_fields = ARRAY_SIZE(CustomResourceDefinitionVersion_fields),
	.help = "A version of the new kind.",
};

static const struct api_field CustomResourceDefinitionSpec_fields[] = {
	{"group", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "API group."},
	{"names", API_OBJECT, .pb = 3, .flags = API_REQUIRED,
	 .ref = &api_t_apiextensions_v1_CustomResourceDefinitionNames, .help = "Names."},
	{"scope", API_STRING, .pb = 4, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Namespaced or Cluster."},
	{"versions", API_OBJECT, API_LIST, .pb = 7, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .ref = &api_t_apiextensions_v1_CustomResourceDefinitionVersion, .help = "All versions."},
	{"conversion", API_OBJECT, .pb = 9, .flags = API_PTR,
	 .ref = &api_t_apiextensions_v1_CustomResourceConversion,
	 .help = "How objects get from one version to another."},
	{"preserveUnknownFields", API_BOOL, .pb = 10, .help = "Not allowed in v1."},
};

const struct api_type api_t_apiextensions_v1_CustomResourceDefinitionSpec = {
	.name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
		"CustomResourceDefinitionSpec",
	.fields = CustomResourceDefinitionSpec_fields,
	.n_fields = ARRAY_SIZE(CustomResourceDefinitionSpec_fields),
	.help = "What is wanted.",
};

static const struct api_field CustomResourceDefinitionCondition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which aspect."},
	{"status", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "True, False or Unknown."},
	{"lastTransitionTime", API_TIME, .pb = 3, .help = "When status changed."},
	{"reason", API_STRING, .pb = 4, .help = "Why, as one word."},
	{"message", API_STRING, .pb = 5, .help = "Why, for people."},
	{"observedGeneration", API_INT64, .pb = 6, .help = "Generation this is about."},
};

const struct api_type api_t_apiextensions_v1_CustomResourceDefinitionCondition = {
	.name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
		"CustomResourceDefinitionCondition",
	.fields = CustomResourceDefinitionCondition_fields,
	.n_fields = ARRAY_SIZE(CustomResourceDefinitionCondition_fields),
	.help = "One aspect of the definition's state.",
};

static const struct api_field CustomResourceDefinitionStatus_fields[] = {
	{"conditions", API_OBJECT, API_LIST, API_LISTMAP, .pb = 1,
	 .ref = &api_t_apiextensions_v1_CustomResourceDefinitionCondition, .keys = "type",
	 .help = "One entry a type."},
	{"acceptedNames", API_OBJECT, .pb = 2,
	 .ref = &api_t_apiextensions_v1_CustomResourceDefinitionNames, .help = "Names in use."},
	{"storedVersions", API_STRING, API_LIST, .pb = 3,
	 .help = "Versions in which objects may be stored."},
	{"observedGeneration", API_INT64, .pb = 4, .help = "Generation that was looked at."},
};

const struct api_type api_t_apiextensions_v1_CustomResourceDefinitionStatus = {
	.name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
		"CustomResourceDefinitionStatus",
	.fields = CustomResourceDefinitionStatus_fields,
	.n_fields = ARRAY_SIZE(CustomResourceDefinitionStatus_fields),
	.help = "What is observed.",
};

static const struct api_field CustomResourceDefinition_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED,
	 .ref = &api_t_apiextensions_v1_CustomResourceDefinitionSpec, .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3,
	 .ref = &api_t_apiextensions_v1_CustomResourceDefinitionStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_apiextensions_v1_CustomResourceDefinition = {
	.name = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
	.fields = CustomResourceDefinition_fields,
	.n_fields = ARRAY_SIZE(CustomResourceDefinition_fields),
	.help = "A kind of the users' own, served like a built-in one.",
};
