/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/kinds/defaults.h"
#include "lib/api/kinds/types.h"

static const char *const enum_PodFailurePolicyOnExitCodesOperator[] = {"In", "NotIn", NULL};

static const char *const enum_PodFailurePolicyAction[] = {"Count", "FailIndex", "FailJob", "Ignore",
							  NULL};

static const char *const enum_CompletionMode[] = {"Indexed", "NonIndexed", NULL};

static const char *const enum_PodReplacementPolicy[] = {"Failed", "TerminatingOrFailed", NULL};

static const char *const enum_ConcurrencyPolicy[] = {"Allow", "Forbid", "Replace", NULL};

static const struct api_field PodFailurePolicyOnExitCodesRequirement_fields[] = {
	{"containerName", API_STRING, .pb = 1, .flags = API_PTR,
	 .help = "Container name of this pod failure policy on exit codes requirement."},
	{"operator", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .enums = enum_PodFailurePolicyOnExitCodesOperator, .help = "How the values are compared."},
	{"values", API_INT32, API_LIST, API_SET, .pb = 3, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Values to compare with."},
};

const struct api_type api_t_batch_v1_PodFailurePolicyOnExitCodesRequirement = {
	.name = "io.k8s.api.batch.v1.PodFailurePolicyOnExitCodesRequirement",
	.fields = PodFailurePolicyOnExitCodesRequirement_fields,
	.n_fields = ARRAY_SIZE(PodFailurePolicyOnExitCodesRequirement_fields),
	.help = "Pod failure policy on exit codes requirement.",
};

static const struct api_field PodFailurePolicyOnPodConditionsPattern_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which type it is."},
	{"status", API_STRING, .pb = 2, .flags = API_KEEP_EMPTY, .help = "What is observed."},
};

const struct api_type api_t_batch_v1_PodFailurePolicyOnPodConditionsPattern = {
	.name = "io.k8s.api.batch.v1.PodFailurePolicyOnPodConditionsPattern",
	.fields = PodFailurePolicyOnPodConditionsPattern_fields,
	.n_fields = ARRAY_SIZE(PodFailurePolicyOnPodConditionsPattern_fields),
	.help = "Pod failure policy on pod conditions pattern.",
	.defaults = default_failure_pattern,
};

static const struct api_field PodFailurePolicyRule_fields[] = {
	{"action", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .enums = enum_PodFailurePolicyAction, .help = "Action of this pod failure policy rule."},
	{"onExitCodes", API_OBJECT, .pb = 2, .flags = API_PTR,
	 .ref = &api_t_batch_v1_PodFailurePolicyOnExitCodesRequirement,
	 .help = "On exit codes of this pod failure policy rule."},
	{"onPodConditions", API_OBJECT, API_LIST, .pb = 3,
	 .ref = &api_t_batch_v1_PodFailurePolicyOnPodConditionsPattern,
	 .help = "The on pod conditions of this pod failure policy rule."},
};

const struct api_type api_t_batch_v1_PodFailurePolicyRule = {
	.name = "io.k8s.api.batch.v1.PodFailurePolicyRule",
	.fields = PodFailurePolicyRule_fields,
	.n_fields = ARRAY_SIZE(PodFailurePolicyRule_fields),
	.help = "Pod failure policy rule.",
};

static const struct api_field PodFailurePolicy_fields[] = {
	{"rules", API_OBJECT, API_LIST, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .ref = &api_t_batch_v1_PodFailurePolicyRule,
	 .help = "The rules of this pod failure policy."},
};

const struct api_type api_t_batch_v1_PodFailurePolicy = {
	.name = "io.k8s.api.batch.v1.PodFailurePolicy",
	.fields = PodFailurePolicy_fields,
	.n_fields = ARRAY_SIZE(PodFailurePolicy_fields),
	.help = "Pod failure policy.",
};

static const struct api_field SuccessPolicyRule_fields[] = {
	{"succeededIndexes", API_STRING, .pb = 1, .flags = API_PTR,
	 .help = "Succeeded indexes of this success policy rule."},
	{"succeededCount", API_INT32, .pb = 2, .flags = API_PTR,
	 .help = "Succeeded count of this success policy rule."},
};

const struct api_type api_t_batch_v1_SuccessPolicyRule = {
	.name = "io.k8s.api.batch.v1.SuccessPolicyRule",
	.fields = SuccessPolicyRule_fields,
	.n_fields = ARRAY_SIZE(SuccessPolicyRule_fields),
	.help = "Success policy rule.",
};

static const struct api_field SuccessPolicy_fields[] = {
	{"rules", API_OBJECT, API_LIST, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .ref = &api_t_batch_v1_SuccessPolicyRule, .help = "The rules of this success policy."},
};

const struct api_type api_t_batch_v1_SuccessPolicy = {
	.name = "io.k8s.api.batch.v1.SuccessPolicy",
	.fields = SuccessPolicy_fields,
	.n_fields = ARRAY_SIZE(SuccessPolicy_fields),
	.help = "Success policy.",
};

static const struct api_field JobSchedulingConfiguration_fields[] = {
	{"schedulingPolicy", API_ANY, .pb = 1, .flags = API_PTR,
	 .help = "Scheduling policy of this job scheduling configuration."},
	{"schedulingConstraints", API_ANY, .pb = 2, .flags = API_PTR,
	 .help = "Scheduling constraints of this job scheduling configuration."},
	{"disruptionMode", API_ANY, .pb = 3, .flags = API_PTR,
	 .help = "Disruption mode of this job scheduling configuration."},
	{"resourceClaims", API_ANY, API_LIST, API_LISTMAP, .pb = 4, .flags = API_MERGE,
	 .keys = "name", .merge_key = "name",
	 .help = "The resource claims of this job scheduling configuration."},
};

const struct api_type api_t_batch_v1_JobSchedulingConfiguration = {
	.name = "io.k8s.api.batch.v1.JobSchedulingConfiguration",
	.fields = JobSchedulingConfiguration_fields,
	.n_fields = ARRAY_SIZE(JobSchedulingConfiguration_fields),
	.help = "Job scheduling configuration.",
};

static const struct api_field JobSpec_fields[] = {
	{"parallelism", API_INT32, .pb = 1, .flags = API_PTR,
	 .help = "Parallelism of this job spec."},
	{"completions", API_INT32, .pb = 2, .flags = API_PTR,
	 .help = "Completions of this job spec."},
	{"activeDeadlineSeconds", API_INT64, .pb = 3, .flags = API_PTR,
	 .help = "Seconds the pod may be active before it is failed."},
	{"podFailurePolicy", API_OBJECT, .pb = 11, .flags = API_PTR,
	 .ref = &api_t_batch_v1_PodFailurePolicy, .help = "Pod failure policy of this job spec."},
	{"successPolicy", API_OBJECT, .pb = 16, .flags = API_PTR,
	 .ref = &api_t_batch_v1_SuccessPolicy, .help = "Success policy of this job spec."},
	{"backoffLimit", API_INT32, .pb = 7, .flags = API_PTR,
	 .help = "Backoff limit of this job spec."},
	{"backoffLimitPerIndex", API_INT32, .pb = 12, .flags = API_PTR,
	 .help = "Backoff limit per index of this job spec."},
	{"maxFailedIndexes", API_INT32, .pb = 13, .flags = API_PTR,
	 .help = "Max failed indexes of this job spec."},
	{"selector", API_OBJECT, .pb = 4, .flags = API_PTR, .ref = &api_t_meta_v1_LabelSelector,
	 .help = "Selector of this job spec."},
	{"manualSelector", API_BOOL, .pb = 5, .flags = API_PTR,
	 .help = "The selector is the client's choice, not made by the server."},
	{"template", API_OBJECT, .pb = 6, .flags = API_REQUIRED,
	 .ref = &api_t_core_v1_PodTemplateSpec, .help = "What the pods look like."},
	{"ttlSecondsAfterFinished", API_INT32, .pb = 8, .flags = API_PTR,
	 .help = "Ttl seconds after finished of this job spec."},
	{"completionMode", API_STRING, .pb = 9, .flags = API_PTR, .enums = enum_CompletionMode,
	 .help = "Completion mode of this job spec."},
	{"suspend", API_BOOL, .pb = 10, .flags = API_PTR, .help = "Whether suspend holds."},
	{"podReplacementPolicy", API_STRING, .pb = 14, .flags = API_PTR,
	 .enums = enum_PodReplacementPolicy, .help = "Pod replacement policy of this job spec."},
	{"managedBy", API_STRING, .pb = 15, .flags = API_PTR,
	 .help = "Managed by of this job spec."},
	{"scheduling", API_OBJECT, .pb = 17, .flags = API_PTR,
	 .ref = &api_t_batch_v1_JobSchedulingConfiguration, .help = "Scheduling of this job spec."},
};

const struct api_type api_t_batch_v1_JobSpec = {
	.name = "io.k8s.api.batch.v1.JobSpec",
	.fields = JobSpec_fields,
	.n_fields = ARRAY_SIZE(JobSpec_fields),
	.help = "Job spec.",
};

static const struct api_field JobCondition_fields[] = {
	{"type", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Which type it is."},
	{"status", API_STRING, .pb = 2, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "What is observed."},
	{"lastProbeTime", API_TIME, .pb = 3, .help = "Last probe time of this job condition."},
	{"lastTransitionTime", API_TIME, .pb = 4, .help = "When the status last changed."},
	{"reason", API_STRING, .pb = 5, .help = "Why, as one word."},
	{"message", API_STRING, .pb = 6, .help = "Why, for people."},
};

const struct api_type api_t_batch_v1_JobCondition = {
	.name = "io.k8s.api.batch.v1.JobCondition",
	.fields = JobCondition_fields,
	.n_fields = ARRAY_SIZE(JobCondition_fields),
	.help = "Job condition.",
};

static const struct api_field UncountedTerminatedPods_fields[] = {
	{"succeeded", API_STRING, API_LIST, API_SET, .pb = 1,
	 .help = "The succeeded of this uncounted terminated pods."},
	{"failed", API_STRING, API_LIST, API_SET, .pb = 2,
	 .help = "The failed of this uncounted terminated pods."},
};

const struct api_type api_t_batch_v1_UncountedTerminatedPods = {
	.name = "io.k8s.api.batch.v1.UncountedTerminatedPods",
	.fields = UncountedTerminatedPods_fields,
	.n_fields = ARRAY_SIZE(UncountedTerminatedPods_fields),
	.help = "Uncounted terminated pods.",
};

static const struct api_field JobStatus_fields[] = {
	{"conditions", API_OBJECT, API_LIST, .pb = 1, .flags = API_MERGE,
	 .ref = &api_t_batch_v1_JobCondition, .merge_key = "type",
	 .help = "What is known about the object, one entry a type."},
	{"startTime", API_TIME, .pb = 2, .flags = API_PTR,
	 .help = "Start time of this job status."},
	{"completionTime", API_TIME, .pb = 3, .flags = API_PTR,
	 .help = "Completion time of this job status."},
	{"active", API_INT32, .pb = 4, .help = "Active of this job status."},
	{"succeeded", API_INT32, .pb = 5, .help = "Succeeded of this job status."},
	{"failed", API_INT32, .pb = 6, .help = "Failed of this job status."},
	{"terminating", API_INT32, .pb = 11, .flags = API_PTR,
	 .help = "Terminating of this job status."},
	{"completedIndexes", API_STRING, .pb = 7, .help = "Completed indexes of this job status."},
	{"failedIndexes", API_STRING, .pb = 10, .flags = API_PTR,
	 .help = "Failed indexes of this job status."},
	{"uncountedTerminatedPods", API_OBJECT, .pb = 8, .flags = API_PTR,
	 .ref = &api_t_batch_v1_UncountedTerminatedPods,
	 .help = "Uncounted terminated pods of this job status."},
	{"ready", API_INT32, .pb = 9, .flags = API_PTR, .help = "Ready of this job status."},
};

const struct api_type api_t_batch_v1_JobStatus = {
	.name = "io.k8s.api.batch.v1.JobStatus",
	.fields = JobStatus_fields,
	.n_fields = ARRAY_SIZE(JobStatus_fields),
	.help = "Job status.",
};

static const struct api_field Job_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_batch_v1_JobSpec, .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_batch_v1_JobStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_batch_v1_Job = {
	.name = "io.k8s.api.batch.v1.Job",
	.fields = Job_fields,
	.n_fields = ARRAY_SIZE(Job_fields),
	.help = "Job.",
};

static const struct api_field JobTemplateSpec_fields[] = {
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .ref = &api_t_batch_v1_JobSpec, .help = "What is wanted."},
};

const struct api_type api_t_batch_v1_JobTemplateSpec = {
	.name = "io.k8s.api.batch.v1.JobTemplateSpec",
	.fields = JobTemplateSpec_fields,
	.n_fields = ARRAY_SIZE(JobTemplateSpec_fields),
	.help = "Job template spec.",
};

static const struct api_field CronJobSpec_fields[] = {
	{"schedule", API_STRING, .pb = 1, .flags = API_REQUIRED | API_KEEP_EMPTY,
	 .help = "Schedule of this cron job spec."},
	{"timeZone", API_STRING, .pb = 8, .flags = API_PTR,
	 .help = "Time zone of this cron job spec."},
	{"startingDeadlineSeconds", API_INT64, .pb = 2, .flags = API_PTR,
	 .help = "Starting deadline seconds of this cron job spec."},
	{"concurrencyPolicy", API_STRING, .pb = 3, .def = "\"Allow\"",
	 .enums = enum_ConcurrencyPolicy, .help = "Concurrency policy of this cron job spec."},
	{"suspend", API_BOOL, .pb = 4, .flags = API_PTR, .def = "false",
	 .help = "Whether suspend holds."},
	{"jobTemplate", API_OBJECT, .pb = 5, .flags = API_REQUIRED,
	 .ref = &api_t_batch_v1_JobTemplateSpec, .help = "Job template of this cron job spec."},
	{"successfulJobsHistoryLimit", API_INT32, .pb = 6, .flags = API_PTR, .def = "3",
	 .help = "Successful jobs history limit of this cron job spec."},
	{"failedJobsHistoryLimit", API_INT32, .pb = 7, .flags = API_PTR, .def = "1",
	 .help = "Failed jobs history limit of this cron job spec."},
};

const struct api_type api_t_batch_v1_CronJobSpec = {
	.name = "io.k8s.api.batch.v1.CronJobSpec",
	.fields = CronJobSpec_fields,
	.n_fields = ARRAY_SIZE(CronJobSpec_fields),
	.help = "Cron job spec.",
};

static const struct api_field CronJobStatus_fields[] = {
	{"active", API_OBJECT, API_LIST, .pb = 1, .ref = &api_t_core_v1_ObjectReference,
	 .help = "The active of this cron job status."},
	{"lastScheduleTime", API_TIME, .pb = 4, .flags = API_PTR,
	 .help = "Last schedule time of this cron job status."},
	{"lastSuccessfulTime", API_TIME, .pb = 5, .flags = API_PTR,
	 .help = "Last successful time of this cron job status."},
};

const struct api_type api_t_batch_v1_CronJobStatus = {
	.name = "io.k8s.api.batch.v1.CronJobStatus",
	.fields = CronJobStatus_fields,
	.n_fields = ARRAY_SIZE(CronJobStatus_fields),
	.help = "Cron job status.",
};

static const struct api_field CronJob_fields[] = {
	{"apiVersion", API_STRING, .help = "Group and version of this object's form."},
	{"kind", API_STRING, .help = "What kind of object this is."},
	{"metadata", API_OBJECT, .pb = 1, .ref = &api_t_meta_v1_ObjectMeta,
	 .help = "Name, labels and the like."},
	{"spec", API_OBJECT, .pb = 2, .flags = API_REQUIRED, .ref = &api_t_batch_v1_CronJobSpec,
	 .help = "What is wanted."},
	{"status", API_OBJECT, .pb = 3, .ref = &api_t_batch_v1_CronJobStatus,
	 .help = "What is observed."},
};

const struct api_type api_t_batch_v1_CronJob = {
	.name = "io.k8s.api.batch.v1.CronJob",
	.fields = CronJob_fields,
	.n_fields = ARRAY_SIZE(CronJob_fields),
	.help = "Cron job.",
};
