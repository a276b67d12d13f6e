/* SPDX-License-Identifier: Apache-2.0 */
/* Containers of the three sorts. */
#include "lib/api/validate/pod.h"

static void check_container_ports(const struct place *p, struct json_object *list)
{
	struct seen names = {0};

	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *port = list_at(list, i);
		struct str name = text_of(port, "name");
		const struct place *at = PLACE_AT(p, i);
		size_t before = place_mistakes(p);

		if (name.len)
			check_name(PLACE(at, "name"), NAME_PORT, name);
		if (name.len && place_mistakes(p) == before && !seen_add(&names, name))
			place_duplicate(PLACE(at, "name"), name);
		if (!int_of(port, "containerPort"))
			place_required(PLACE(at, "containerPort"), "");
		else
			check_port(PLACE(at, "containerPort"), int_of(port, "containerPort"));
		if (int_of(port, "hostPort"))
			check_port(PLACE(at, "hostPort"), int_of(port, "hostPort"));
		check_enum(at, port, "protocol", check_protocols, true);
	}
	seen_done(&names);
}

static void check_resize(const struct place *p, struct json_object *list, const struct pod_ctx *c)
{
	static const char *const resources[] = {"cpu", "memory", NULL};
	static const char *const policies[] = {"NotRequired", "RestartContainer", NULL};
	struct seen names = {0};

	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *r = list_at(list, i);
		struct str name = text_of(r, "resourceName"), policy = text_of(r, "restartPolicy");

		if (!seen_add(&names, name))
			place_duplicate(PLACE_AT(p, i), name);
		if (!name.len)
			place_required(p, "");
		else if (!str_eqs(name, "cpu") && !str_eqs(name, "memory"))
			place_unsupported(p, name, resources);
		if (!policy.len)
			place_required(p, "");
		else if (!str_eqs(policy, policies[0]) && !str_eqs(policy, policies[1]))
			place_unsupported(p, policy, policies);
		if (str_eqs(c->restart_policy, "Never") && !str_eqs(policy, "NotRequired"))
			place_invalid_str(p, policy,
					  "must be 'NotRequired' when `restartPolicy` is 'Never'");
	}
	seen_done(&names);
}

static void check_image(const struct place *p, struct json_object *ctr, const struct pod_ctx *c)
{
	struct str image = text_of(ctr, "image");

	if (!image.len)
		place_required(PLACE(p, "image"), "");
	else if (c->is_pod && str_trim(image).len != image.len)
		place_invalid_str(PLACE(p, "image"), image,
				  "must not have leading or trailing whitespace");
}

/* What holds for all sorts. */
static void check_container(const struct place *p, struct json_object *ctr, const struct pod_ctx *c)
{
	static const char *const messages[] = {"File", "FallbackToLogsOnError", NULL};
	static const char *const pulls[] = {"Always", "IfNotPresent", "Never", NULL};
	struct str name = text_of(ctr, "name");

	if (!name.len)
		place_required(PLACE(p, "name"), "");
	else
		check_name(PLACE(p, "name"), NAME_DNS_LABEL, name);
	check_image(p, ctr, c);
	check_enum(p, ctr, "terminationMessagePolicy", messages, true);
	check_container_ports(PLACE(p, "ports"), jsonc_get(ctr, "ports"));
	validate_env(PLACE(p, "env"), jsonc_get(ctr, "env"));
	validate_env_from(PLACE(p, "envFrom"), jsonc_get(ctr, "envFrom"));
	validate_volume_mounts(p, ctr, c);
	check_enum(p, ctr, "imagePullPolicy", pulls, true);
	validate_container_resources(PLACE(p, "resources"), jsonc_get(ctr, "resources"), c->claims);
	check_resize(PLACE(p, "resizePolicy"), jsonc_get(ctr, "resizePolicy"), c);
	validate_container_security(PLACE(p, "securityContext"), jsonc_get(ctr, "securityContext"),
				    c->host_users);
}

static void check_running(const struct place *p, struct json_object *ctr, const struct pod_ctx *c)
{
	if (jsonc_get(ctr, "lifecycle"))
		validate_lifecycle(PLACE(p, "lifecycle"), jsonc_get(ctr, "lifecycle"), c);
	validate_probe(PLACE(p, "livenessProbe"), jsonc_get(ctr, "livenessProbe"), PROBE_LIVENESS);
	validate_probe(PLACE(p, "readinessProbe"), jsonc_get(ctr, "readinessProbe"),
		       PROBE_READINESS);
	validate_probe(PLACE(p, "startupProbe"), jsonc_get(ctr, "startupProbe"), PROBE_STARTUP);
}

/*
 * No host port twice; `seen` may span containers and keeps its texts in `keep`, which must have
 * room for all of them.
 */
static void check_host_ports(const struct place *p, struct json_object *ctr, struct seen *seen,
			     struct buf *keep)
{
	struct json_object *ports = jsonc_get(ctr, "ports");

	for (size_t i = 0; i < list_len(ports); i++) {
		struct json_object *port = list_at(ports, i);
		struct str protocol = text_of(port, "protocol"), ip = text_of(port, "hostIP");
		size_t at = keep->len;

		if (!int_of(port, "hostPort"))
			continue;
		buf_addf(keep, "%.*s/%.*s/%" PRId64, STR_ARG(protocol), STR_ARG(ip),
			 int_of(port, "hostPort"));
		if (!seen_add(seen, str_skip(buf_str(keep), at)))
			place_duplicate(PLACE(PLACE_AT(PLACE(p, "ports"), i), "hostPort"),
					str_skip(buf_str(keep), at));
	}
}

static size_t host_port_room(struct json_object *ctr)
{
	struct json_object *ports = jsonc_get(ctr, "ports");
	size_t room = 1;

	for (size_t i = 0; i < list_len(ports); i++)
		room += text_of(list_at(ports, i), "protocol").len +
			text_of(list_at(ports, i), "hostIP").len + 24;
	return room;
}

static void check_all_host_ports(const struct place *p, struct json_object *list)
{
	CLEANUP(buf_done) struct buf keep = BUF_INIT;
	struct seen seen = {0};
	size_t room = 0;

	for (size_t i = 0; i < list_len(list); i++)
		room += host_port_room(list_at(list, i));
	buf_reserve(&keep, room);
	for (size_t i = 0; i < list_len(list); i++)
		check_host_ports(PLACE_AT(p, i), list_at(list, i), &seen, &keep);
	seen_done(&seen);
}

void validate_containers(const struct place *spec, const struct pod_ctx *c)
{
	struct json_object *list = jsonc_get(c->spec, "containers");
	const struct place *p = PLACE(spec, "containers");
	struct seen names = {0};

	if (!list_len(list)) {
		place_required(p, "");
		return;
	}
	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *ctr = list_at(list, i);
		const struct place *at = PLACE_AT(p, i);

		check_container(at, ctr, c);
		if (!seen_add(&names, text_of(ctr, "name")))
			place_duplicate(PLACE(at, "name"), text_of(ctr, "name"));
		check_running(at, ctr, c);
		if (jsonc_get(ctr, "restartPolicy"))
			place_forbidden(PLACE(at, "restartPolicy"),
					"may not be set for non-init containers");
	}
	seen_done(&names);
	check_all_host_ports(p, list);
}

static void add_names(struct seen *names, struct json_object *list)
{
	for (size_t i = 0; i < list_len(list); i++)
		seen_add(names, text_of(list_at(list, i), "name"));
}

bool container_restarts(struct json_object *init)
{
	return str_eqs(text_of(init, "restartPolicy"), "Always");
}

static void check_init(const struct place *at, struct json_object *ctr, const struct pod_ctx *c)
{
	static const char *const always[] = {"Always", NULL};
	static const char *const running[] = {"lifecycle", "livenessProbe", "readinessProbe",
					      "startupProbe"};

	check_container(at, ctr, c);
	check_enum(at, ctr, "restartPolicy", always, false);
	if (container_restarts(ctr)) {
		check_running(at, ctr, c);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(running); i++)
		if (jsonc_get(ctr, running[i]))
			place_forbidden(PLACE(at, running[i]),
					"may not be set for init containers without "
					"restartPolicy=Always");
}

void validate_init_containers(const struct place *spec, const struct pod_ctx *c)
{
	struct json_object *list = jsonc_get(c->spec, "initContainers");
	const struct place *p = PLACE(spec, "initContainers");
	struct seen names = {0};

	add_names(&names, jsonc_get(c->spec, "containers"));
	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *ctr = list_at(list, i);
		struct str name = text_of(ctr, "name");
		CLEANUP(buf_done) struct buf keep = BUF_INIT;
		struct seen ports = {0};

		check_init(PLACE_AT(p, i), ctr, c);
		if (name.len && !seen_add(&names, name))
			place_duplicate(PLACE(PLACE_AT(p, i), "name"), name);
		/* They run one after the other: only its own ports matter to each. */
		buf_reserve(&keep, host_port_room(ctr));
		check_host_ports(PLACE_AT(p, i), ctr, &ports, &keep);
		seen_done(&ports);
	}
	seen_done(&names);
}

/* A debugging guest has no part in what the pod is for. */
static void check_guest(const struct place *at, struct json_object *ctr)
{
	static const char *const forbidden[] = {"ports",          "resources",    "livenessProbe",
						"readinessProbe", "startupProbe", "lifecycle",
						"resizePolicy",   "restartPolicy"};
	static const char *const text = "cannot be set for an Ephemeral Container";
	struct json_object *mounts = jsonc_get(ctr, "volumeMounts");

	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++) {
		struct json_object *v = jsonc_get(ctr, forbidden[i]);

		if (v && (!json_object_is_type(v, json_type_object) || map_len(v)))
			place_forbidden(PLACE(at, forbidden[i]), text);
	}
	for (size_t i = 0; i < list_len(mounts); i++) {
		const struct place *m = PLACE_AT(PLACE(at, "volumeMounts"), i);

		if (text_of(list_at(mounts, i), "subPath").len)
			place_forbidden(PLACE(m, "subPath"), text);
		if (text_of(list_at(mounts, i), "subPathExpr").len)
			place_forbidden(PLACE(m, "subPathExpr"), text);
	}
}

void validate_ephemeral_containers(const struct place *spec, const struct pod_ctx *c)
{
	struct json_object *list = jsonc_get(c->spec, "ephemeralContainers");
	const struct place *p = PLACE(spec, "ephemeralContainers");
	struct seen names = {0}, others = {0};

	if (!list_len(list))
		return;
	add_names(&names, jsonc_get(c->spec, "containers"));
	add_names(&names, jsonc_get(c->spec, "initContainers"));
	add_names(&others, jsonc_get(c->spec, "containers"));
	add_names(&others, jsonc_get(c->spec, "initContainers"));
	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *ctr = list_at(list, i);
		struct str target = text_of(ctr, "targetContainerName");
		const struct place *at = PLACE_AT(p, i);

		check_container(at, ctr, c);
		if (!seen_add(&names, text_of(ctr, "name")))
			place_duplicate(PLACE(at, "name"), text_of(ctr, "name"));
		if (target.len && !seen_has(&others, target))
			place_not_found(PLACE(at, "targetContainerName"), target);
		check_guest(at, ctr);
	}
	seen_done(&names);
	seen_done(&others);
}
