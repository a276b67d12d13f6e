/* SPDX-License-Identifier: Apache-2.0 */
/* Pod and PodTemplateSpec as a whole. */
#include "lib/api/validate/pod.h"
#include "lib/api/validate/rules.h"
#include "lib/base/hmap.h"

#define NAMESERVERS_MAX 3
#define SEARCHES_MAX 32
#define SEARCH_CHARS_MAX 2048

static void check_dns(const struct place *p, struct json_object *conf, struct str policy)
{
	struct json_object *servers = jsonc_get(conf, "nameservers");
	struct json_object *searches = jsonc_get(conf, "searches");
	struct json_object *options = jsonc_get(conf, "options");
	size_t chars = 0;

	if (str_eqs(policy, "None") && !list_len(servers)) {
		place_required(conf ? PLACE(p, "nameservers") : p,
			       conf ? "must provide at least one DNS nameserver when `dnsPolicy` "
				      "is None"
				    : "must provide `dnsConfig` when `dnsPolicy` is None");
		return;
	}
	if (list_len(servers) > NAMESERVERS_MAX)
		place_invalid(PLACE(p, "nameservers"), servers,
			      "must not have more than 3 nameservers");
	for (size_t i = 0; i < list_len(servers); i++)
		check_ip(PLACE_AT(PLACE(p, "nameservers"), i), jsonc_str(list_at(servers, i)));
	if (list_len(searches) > SEARCHES_MAX)
		place_invalid(PLACE(p, "searches"), searches,
			      "must not have more than 32 search paths");
	for (size_t i = 0; i < list_len(searches); i++)
		chars += jsonc_str(list_at(searches, i)).len + (i > 0);
	if (chars > SEARCH_CHARS_MAX)
		place_invalid(PLACE(p, "searches"), searches,
			      "must not have more than 2048 characters (including spaces) in the "
			      "search list");
	for (size_t i = 0; i < list_len(searches); i++) {
		struct str s = jsonc_str(list_at(searches, i));

		if (str_eqs(s, "."))
			continue;
		if (str_ends(s, STR(".")))
			s.len--;
		check_name(PLACE_AT(PLACE(p, "searches"), i), NAME_SUBDOMAIN_RELAXED, s);
	}
	for (size_t i = 0; i < list_len(options); i++)
		if (!text_of(list_at(options, i), "name").len)
			place_required(PLACE_AT(PLACE(p, "options"), i), "must not be empty");
}

/* With the host's network a container's port is the host's. */
static void check_host_network(const struct place *p, const struct pod_ctx *c)
{
	struct json_object *list = jsonc_get(c->spec, "containers");

	for (size_t i = 0; c->host_network && i < list_len(list); i++) {
		struct json_object *ports = jsonc_get(list_at(list, i), "ports");

		for (size_t j = 0; j < list_len(ports); j++) {
			int64_t host = int_of(list_at(ports, j), "hostPort");
			int64_t port = int_of(list_at(ports, j), "containerPort");

			if ((c->is_pod || host) && host != port)
				place_invalid_int(
					PLACE(PLACE_AT(PLACE(PLACE_AT(PLACE(p, "containers"), i),
							     "ports"),
						       j),
					      "hostPort"),
					host,
					"must match `containerPort` when `hostNetwork` is true");
		}
	}
}

static void check_host_users(const struct place *p, const struct pod_ctx *c)
{
	static const char *const text = "when `pod.Spec.HostUsers` is false";

	if (c->host_users)
		return;
	if (c->host_network)
		place_forbidden(PLACE(p, "hostNetwork"), text);
	if (bool_of(c->spec, "hostPID"))
		place_forbidden(PLACE(p, "HostPID"), text);
	if (bool_of(c->spec, "hostIPC"))
		place_forbidden(PLACE(p, "HostIPC"), text);
}

static void check_gates(const struct place *p, struct json_object *spec)
{
	struct json_object *ready = jsonc_get(spec, "readinessGates");
	struct json_object *sched = jsonc_get(spec, "schedulingGates");
	struct seen names = {0};

	for (size_t i = 0; i < list_len(ready); i++)
		check_name(PLACE(PLACE_AT(PLACE(p, "readinessGates"), i), "conditionType"),
			   NAME_QUALIFIED, text_of(list_at(ready, i), "conditionType"));
	for (size_t i = 0; i < list_len(sched); i++) {
		struct str name = text_of(list_at(sched, i), "name");
		const struct place *at = PLACE_AT(PLACE(p, "schedulingGates"), i);

		check_name(at, NAME_QUALIFIED, name);
		if (!seen_add(&names, name))
			place_duplicate(at, name);
	}
	seen_done(&names);
}

static void check_claims(const struct place *p, struct json_object *list)
{
	static const char *const one = "must specify one of: `resourceClaimName`, "
				       "`resourceClaimTemplateName`";
	static const char *const sources[] = {"resourceClaimName", "resourceClaimTemplateName"};
	struct seen names = {0};

	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *c = list_at(list, i);
		struct str name = text_of(c, "name");
		const struct place *at = PLACE_AT(p, i);
		size_t n = 0;

		if (!name.len)
			place_required(PLACE(at, "name"), "");
		else if (!seen_add(&names, name))
			place_duplicate(PLACE(at, "name"), name);
		else
			check_name(PLACE(at, "name"), NAME_DNS_LABEL, name);
		for (size_t s = 0; s < ARRAY_SIZE(sources); s++)
			n += jsonc_get(c, sources[s]) != NULL;
		if (n != 1)
			place_invalid(at, c,
				      n ? "at most one of `resourceClaimName` or "
					  "`resourceClaimTemplateName` may be specified"
					: one);
		for (size_t s = 0; s < ARRAY_SIZE(sources); s++)
			if (jsonc_get(c, sources[s]))
				check_name(PLACE(at, sources[s]), NAME_SUBDOMAIN,
					   text_of(c, sources[s]));
	}
	seen_done(&names);
}

static void check_host_aliases(const struct place *p, struct json_object *list)
{
	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *names = jsonc_get(list_at(list, i), "hostnames");
		const struct place *at = PLACE_AT(p, i);

		check_ip(PLACE(at, "ip"), text_of(list_at(list, i), "ip"));
		for (size_t j = 0; j < list_len(names); j++)
			check_name(PLACE_AT(PLACE(at, "hostnames"), j), NAME_SUBDOMAIN,
				   jsonc_str(list_at(names, j)));
	}
}

/* Names of other things, each by its rule, where they are given. */
static void check_names(const struct place *p, struct json_object *spec)
{
	static const struct {
		const char *name;
		enum name_rule rule;
	} names[] = {{"serviceAccountName", NAME_SUBDOMAIN}, {"nodeName", NAME_SUBDOMAIN},
		     {"hostname", NAME_DNS_LABEL},           {"subdomain", NAME_DNS_LABEL},
		     {"priorityClassName", NAME_SUBDOMAIN},  {"runtimeClassName", NAME_SUBDOMAIN}};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct str s = text_of(spec, names[i].name);

		if (s.len)
			check_name(PLACE(p, names[i].name), names[i].rule, s);
	}
}

static void check_policies(const struct place *p, struct json_object *spec)
{
	static const char *const restart[] = {"Always", "OnFailure", "Never", NULL};
	static const char *const dns[] = {"ClusterFirstWithHostNet", "ClusterFirst", "Default",
					  "None", NULL};

	check_enum(p, spec, "restartPolicy", restart, true);
	check_enum(p, spec, "dnsPolicy", dns, true);
	check_labels(PLACE(p, "nodeSelector"), jsonc_get(spec, "nodeSelector"));
}

static void check_spec(const struct place *p, struct pod_ctx *c)
{
	static const char *const preemption[] = {"PreemptLowerPriority", "Never", NULL};
	struct json_object *spec = c->spec, *deadline = jsonc_get(spec, "activeDeadlineSeconds");

	if (!c->has_grace)
		place_required(PLACE(p, "terminationGracePeriodSeconds"), "");
	validate_volumes(PLACE(p, "volumes"), jsonc_get(spec, "volumes"), c);
	check_claims(PLACE(p, "resourceClaims"), c->claims);
	validate_containers(p, c);
	validate_init_containers(p, c);
	validate_ephemeral_containers(p, c);
	validate_pod_resources(PLACE(p, "resources"), spec);
	check_host_network(p, c);
	check_policies(p, spec);
	validate_pod_security(PLACE(p, "securityContext"), jsonc_get(spec, "securityContext"),
			      spec);
	validate_affinity(PLACE(p, "affinity"), jsonc_get(spec, "affinity"));
	check_dns(PLACE(p, "dnsConfig"), jsonc_get(spec, "dnsConfig"), text_of(spec, "dnsPolicy"));
	check_gates(p, spec);
	validate_topology_spread(PLACE(p, "topologySpreadConstraints"),
				 jsonc_get(spec, "topologySpreadConstraints"));
	check_host_users(p, c);
	check_names(p, spec);
	if (deadline)
		check_range(PLACE(p, "activeDeadlineSeconds"), jsonc_i64(deadline, 0), 1,
			    INT32_MAX);
	validate_tolerations(PLACE(p, "tolerations"), jsonc_get(spec, "tolerations"));
	check_host_aliases(PLACE(p, "hostAliases"), jsonc_get(spec, "hostAliases"));
	check_enum(p, spec, "preemptionPolicy", preemption, false);
	validate_overhead(PLACE(p, "overhead"), jsonc_get(spec, "overhead"));
	validate_os(p, spec);
}

static void validate_pod_spec(const struct place *p, struct json_object *spec, bool is_pod)
{
	struct json_object *grace = jsonc_get(spec, "terminationGracePeriodSeconds");
	struct json_object *users = jsonc_get(spec, "hostUsers");
	struct pod_ctx c = {.spec = spec,
			    .is_pod = is_pod,
			    .host_users = !users || json_object_get_boolean(users),
			    .host_network = bool_of(spec, "hostNetwork"),
			    .has_grace = grace != NULL,
			    .grace_s = jsonc_i64(grace, 0),
			    .restart_policy = text_of(spec, "restartPolicy"),
			    .claims = jsonc_get(spec, "resourceClaims")};

	check_spec(p, &c);
	hmap_free(c.volumes);
}

void validate_pod_template(const struct place *p, struct json_object *tmpl)
{
	struct json_object *meta = jsonc_get(tmpl, "metadata"), *spec = jsonc_get(tmpl, "spec");

	check_labels(PLACE(p, "labels"), jsonc_get(meta, "labels"));
	check_annotations(PLACE(p, "annotations"), jsonc_get(meta, "annotations"));
	validate_pod_annotations(PLACE(p, "annotations"), jsonc_get(meta, "annotations"), spec);
	validate_pod_spec(PLACE(p, "spec"), spec, false);
	if (list_len(jsonc_get(spec, "ephemeralContainers")))
		place_forbidden(PLACE(p, "spec.ephemeralContainers"),
				"ephemeral containers not allowed in pod template");
}

/* A token needs an account to speak for. */
static void check_token_volumes(const struct place *p, struct json_object *spec)
{
	struct json_object *volumes = jsonc_get(spec, "volumes");

	if (text_of(spec, "serviceAccountName").len)
		return;
	for (size_t i = 0; i < list_len(volumes); i++) {
		struct json_object *sources =
			jsonc_get(jsonc_get(list_at(volumes, i), "projected"), "sources");
		const struct place *at =
			PLACE(PLACE_AT(PLACE(p, "volumes"), i), "projected.sources");

		for (size_t j = 0; j < list_len(sources); j++)
			if (jsonc_get(list_at(sources, j), "serviceAccountToken"))
				place_forbidden(
					PLACE(PLACE_AT(at, j), "serviceAccountToken"),
					"must not be specified when serviceAccountName is not set");
	}
}

void validate_pod(struct json_object *obj, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec"), *meta = jsonc_get(obj, "metadata");
	const struct place *root = PLACE_OF(err), *p = PLACE(root, "spec");

	validate_pod_annotations(PLACE(root, "metadata.annotations"),
				 jsonc_get(meta, "annotations"), spec);
	validate_pod_spec(p, spec, true);
	check_token_volumes(p, spec);
}

void validate_pod_create(struct json_object *obj, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec");
	const struct place *p = PLACE(PLACE_OF(err), "spec");

	if (list_len(jsonc_get(spec, "ephemeralContainers")))
		place_forbidden(PLACE(p, "ephemeralContainers"), "cannot be set on create");
	if (text_of(spec, "nodeName").len && list_len(jsonc_get(spec, "schedulingGates")))
		place_forbidden(PLACE(p, "nodeName"),
				"cannot be set until all schedulingGates have been cleared");
}
