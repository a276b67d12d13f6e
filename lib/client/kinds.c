/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/client/client.h"

const struct client_kind client_pods = {"", "v1", "pods", "Pod", true};
const struct client_kind client_nodes = {"", "v1", "nodes", "Node", false};
const struct client_kind client_namespaces = {"", "v1", "namespaces", "Namespace", false};
const struct client_kind client_services = {"", "v1", "services", "Service", true};
const struct client_kind client_endpoints = {"", "v1", "endpoints", "Endpoints", true};
const struct client_kind client_configmaps = {"", "v1", "configmaps", "ConfigMap", true};
const struct client_kind client_secrets = {"", "v1", "secrets", "Secret", true};
const struct client_kind client_serviceaccounts = {"", "v1", "serviceaccounts", "ServiceAccount",
						   true};
const struct client_kind client_events = {"", "v1", "events", "Event", true};
const struct client_kind client_leases = {"coordination.k8s.io", "v1", "leases", "Lease", true};
const struct client_kind client_endpointslices = {"discovery.k8s.io", "v1", "endpointslices",
						  "EndpointSlice", true};
const struct client_kind client_deployments = {"apps", "v1", "deployments", "Deployment", true};
const struct client_kind client_replicasets = {"apps", "v1", "replicasets", "ReplicaSet", true};
const struct client_kind client_replicationcontrollers = {"", "v1", "replicationcontrollers",
							  "ReplicationController", true};
const struct client_kind client_controllerrevisions = {"apps", "v1", "controllerrevisions",
						       "ControllerRevision", true};
const struct client_kind client_daemonsets = {"apps", "v1", "daemonsets", "DaemonSet", true};
const struct client_kind client_statefulsets = {"apps", "v1", "statefulsets", "StatefulSet", true};
const struct client_kind client_pvcs = {"", "v1", "persistentvolumeclaims", "PersistentVolumeClaim",
					true};
const struct client_kind client_pvs = {"", "v1", "persistentvolumes", "PersistentVolume", false};
const struct client_kind client_storageclasses = {"storage.k8s.io", "v1", "storageclasses",
						  "StorageClass", false};
const struct client_kind client_jobs = {"batch", "v1", "jobs", "Job", true};
const struct client_kind client_hpas = {"autoscaling", "v2", "horizontalpodautoscalers",
					"HorizontalPodAutoscaler", true};
const struct client_kind client_cronjobs = {"batch", "v1", "cronjobs", "CronJob", true};
const struct client_kind client_poddisruptionbudgets = {"policy", "v1", "poddisruptionbudgets",
							"PodDisruptionBudget", true};
const struct client_kind client_priorityclasses = {"scheduling.k8s.io", "v1", "priorityclasses",
						   "PriorityClass", false};
const struct client_kind client_csrs = {"certificates.k8s.io", "v1", "certificatesigningrequests",
					"CertificateSigningRequest", false};
const struct client_kind client_resourceclaims = {"resource.k8s.io", "v1", "resourceclaims",
						  "ResourceClaim", true};
const struct client_kind client_resourceclaimtemplates = {
	"resource.k8s.io", "v1", "resourceclaimtemplates", "ResourceClaimTemplate", true};
const struct client_kind client_resourceslices = {"resource.k8s.io", "v1", "resourceslices",
						  "ResourceSlice", false};
const struct client_kind client_deviceclasses = {"resource.k8s.io", "v1", "deviceclasses",
						 "DeviceClass", false};
const struct client_kind client_networkpolicies = {"networking.k8s.io", "v1", "networkpolicies",
						   "NetworkPolicy", true};

void client_kind_api_version(const struct client_kind *k, struct buf *out)
{
	if (*k->group)
		buf_addf(out, "%s/", k->group);
	buf_adds(out, k->version);
}

bool client_kind_eq(const struct client_kind *a, const struct client_kind *b)
{
	return a == b || (!strcmp(a->group, b->group) && !strcmp(a->version, b->version) &&
			  !strcmp(a->plural, b->plural));
}

/* RFC 3986: everything but unreserved characters, and what is harmless in a path segment. */
static void add_escaped(struct buf *out, struct str s, const char *also)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    (c && strchr("-._~", c)) || (c && strchr(also, c)))
			buf_addc(out, (char)c);
		else
			buf_addf(out, "%%%02X", c);
	}
}

void client_query_add(struct buf *out, const char *name, struct str value)
{
	if (out->len)
		buf_addc(out, '&');
	buf_addf(out, "%s=", name);
	add_escaped(out, value, "");
}

void client_path(const struct client_req *req, struct buf *out)
{
	const struct client_kind *k = req->kind;

	if (*k->group)
		buf_addf(out, "/apis/%s/%s", k->group, k->version);
	else
		buf_addf(out, "/api/%s", k->version);
	if (k->namespaced && req->ns.len) {
		buf_adds(out, "/namespaces/");
		add_escaped(out, req->ns, ":");
	}
	buf_addf(out, "/%s", k->plural);
	if (req->name.len) {
		buf_addc(out, '/');
		add_escaped(out, req->name, ":");
	}
	if (req->sub)
		buf_addf(out, "/%s", req->sub);
	if (req->query && *req->query)
		buf_addf(out, "?%s", req->query);
}
