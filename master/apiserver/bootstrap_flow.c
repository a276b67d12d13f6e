/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/bootstrap_flow.h"
#include "lib/base/base.h"

#define API "/apis/flowcontrol.apiserver.k8s.io/v1/"
#define GROUP "\"apiVersion\":\"flowcontrol.apiserver.k8s.io/v1\""

static const struct {
	const char *name;
	int shares, lendable, queues, hand; /* queues 0: full means refused */
} levels[] = {
	{"catch-all", 5, 0, 0, 0},          {"system", 30, 33, 64, 6},
	{"node-high", 40, 25, 64, 6},       {"leader-election", 10, 0, 16, 4},
	{"workload-high", 40, 50, 128, 6},  {"workload-low", 100, 90, 128, 6},
	{"global-default", 20, 50, 128, 6},
};

#define G(name) "{\"kind\":\"Group\",\"group\":{\"name\":\"" name "\"}}"
#define U(name) "{\"kind\":\"User\",\"user\":{\"name\":\"" name "\"}}"
#define SA(name)                                                          \
	"{\"kind\":\"ServiceAccount\",\"serviceAccount\":{\"namespace\":" \
	"\"kube-system\",\"name\":\"" name "\"}}"
#define EVERYTHING                                                           \
	"\"resourceRules\":[{\"verbs\":[\"*\"],\"apiGroups\":[\"*\"],"       \
	"\"resources\":[\"*\"],\"clusterScope\":true,\"namespaces\":[\"*\"]" \
	"}],\"nonResourceRules\":[{\"verbs\":[\"*\"],\"nonResourceURLs\":["  \
	"\"*\"]}]"
#define LEASES(ns)                                                            \
	"\"resourceRules\":[{\"verbs\":[\"get\",\"create\",\"update\"],"      \
	"\"apiGroups\":[\"coordination.k8s.io\"],\"resources\":[\"leases\"]," \
	"\"namespaces\":[\"" ns "\"]}]"

static const struct {
	const char *name, *level;
	int precedence;
	const char *by; /* NULL: all are one flow */
	const char *subjects, *rules;
} schemas[] = {
	{"exempt", "exempt", 1, NULL, G("system:masters"), EVERYTHING},
	{"probes", "exempt", 2, NULL, G("system:unauthenticated") "," G("system:authenticated"),
	 "\"nonResourceRules\":[{\"verbs\":[\"get\"],\"nonResourceURLs\":[\"/healthz\","
	 "\"/readyz\",\"/livez\"]}]"},
	{"system-leader-election", "leader-election", 100, "ByUser",
	 U("system:kube-controller-manager") "," U("system:kube-scheduler") "," SA("*"),
	 LEASES("kube-system")},
	{"endpoint-controller", "workload-high", 150, "ByUser",
	 U("system:kube-controller-manager") "," SA("endpoint-controller") "," SA(
		 "endpointslicemirroring-controller"),
	 "\"resourceRules\":[{\"verbs\":[\"get\",\"create\",\"update\"],\"apiGroups\":[\"\"],"
	 "\"resources\":[\"endpoints\"],\"namespaces\":[\"*\"]}]"},
	{"workload-leader-election", "leader-election", 200, "ByUser", G("system:serviceaccounts"),
	 LEASES("*")},
	{"system-node-high", "node-high", 400, "ByUser", G("system:nodes"),
	 "\"resourceRules\":[{\"verbs\":[\"*\"],\"apiGroups\":[\"\"],\"resources\":[\"nodes\","
	 "\"nodes/status\"],\"clusterScope\":true,\"namespaces\":[\"*\"]},{\"verbs\":[\"*\"],"
	 "\"apiGroups\":[\"coordination.k8s.io\"],\"resources\":[\"leases\"],\"namespaces\":["
	 "\"*\"]}]"},
	{"system-nodes", "system", 500, "ByUser", G("system:nodes"), EVERYTHING},
	{"kube-controller-manager", "workload-high", 800, "ByNamespace",
	 U("system:kube-controller-manager"), EVERYTHING},
	{"kube-scheduler", "workload-high", 800, "ByNamespace", U("system:kube-scheduler"),
	 EVERYTHING},
	{"kube-system-service-accounts", "workload-high", 900, "ByNamespace", SA("*"), EVERYTHING},
	{"service-accounts", "workload-low", 9000, "ByUser", G("system:serviceaccounts"),
	 EVERYTHING},
	{"global-default", "global-default", 9900, "ByUser",
	 G("system:unauthenticated") "," G("system:authenticated"), EVERYTHING},
	{"catch-all", "catch-all", 10000, "ByUser",
	 G("system:unauthenticated") "," G("system:authenticated"), EVERYTHING},
};

static char *level_json(size_t i)
{
	CLEANUP_FREE char *how = NULL;

	if (levels[i].queues)
		how = xasprintf("{\"type\":\"Queue\",\"queuing\":{\"queues\":%d,\"handSize\":%d,"
				"\"queueLengthLimit\":50}}",
				levels[i].queues, levels[i].hand);
	else
		how = xstrdup("{\"type\":\"Reject\"}");
	return xasprintf(
		"{" GROUP ",\"kind\":\"PriorityLevelConfiguration\",\"metadata\":{"
		"\"name\":\"%s\",\"annotations\":{\"apf.kubernetes.io/autoupdate-spec\":"
		"\"true\"}},\"spec\":{\"type\":\"Limited\",\"limited\":{"
		"\"nominalConcurrencyShares\":%d,\"lendablePercent\":%d,\"limitResponse\":%s}}"
		"}",
		levels[i].name, levels[i].shares, levels[i].lendable, how);
}

static char *schema_json(size_t i)
{
	CLEANUP_FREE char *by = xstrdup("");

	if (schemas[i].by) {
		free(by);
		by = xasprintf("\"distinguisherMethod\":{\"type\":\"%s\"},", schemas[i].by);
	}
	return xasprintf("{" GROUP ",\"kind\":\"FlowSchema\",\"metadata\":{\"name\":\"%s\","
			 "\"annotations\":{\"apf.kubernetes.io/autoupdate-spec\":\"true\"}},"
			 "\"spec\":{\"priorityLevelConfiguration\":{\"name\":\"%s\"},"
			 "\"matchingPrecedence\":%d,%s\"rules\":[{\"subjects\":[%s],%s}]}}",
			 schemas[i].name, schemas[i].level, schemas[i].precedence, by,
			 schemas[i].subjects, schemas[i].rules);
}

void bootstrap_flow(void (*add)(void *user, const char *collection, const char *name,
				char *take_json),
		    void *user)
{
	add(user, API "prioritylevelconfigurations", "exempt",
	    xstrdup("{" GROUP ",\"kind\":\"PriorityLevelConfiguration\",\"metadata\":{\"name\":"
		    "\"exempt\",\"annotations\":{\"apf.kubernetes.io/autoupdate-spec\":\"true\"}},"
		    "\"spec\":{\"type\":\"Exempt\"}}"));
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		add(user, API "prioritylevelconfigurations", levels[i].name, level_json(i));
	for (size_t i = 0; i < ARRAY_SIZE(schemas); i++)
		add(user, API "flowschemas", schemas[i].name, schema_json(i));
}
