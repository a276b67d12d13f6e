/* SPDX-License-Identifier: Apache-2.0 */
/* Security contexts of pods and containers, and the operating system they are for. */
#include "lib/api/validate/pod.h"

#define ID_MAX INT32_MAX
#define MIRROR "kubernetes.io/config.mirror"
#define DELETION_COST "controller.kubernetes.io/pod-deletion-cost"
#define APPARMOR "container.apparmor.security.beta.kubernetes.io/"

static const char *const profiles[] = {"Localhost", "RuntimeDefault", "Unconfined", NULL};

static void check_id(const struct place *p, struct json_object *o, const char *name)
{
	struct json_object *v = jsonc_get(o, name);

	if (v)
		check_range(PLACE(p, name), jsonc_i64(v, 0), 0, ID_MAX);
}

static void check_seccomp(const struct place *p, struct json_object *sp)
{
	struct str type = text_of(sp, "type");
	struct json_object *file = jsonc_get(sp, "localhostProfile");

	if (!sp)
		return;
	if (!type.len)
		place_required(PLACE(p, "type"), "type is required when seccompProfile is set");
	else
		check_enum(p, sp, "type", profiles, false);
	if (!str_eqs(type, "Localhost")) {
		if (file)
			place_invalid(PLACE(p, "localhostProfile"), sp,
				      "can only be set when seccomp type is Localhost");
	} else if (!file) {
		place_required(PLACE(p, "localhostProfile"),
			       "must be set when seccomp type is Localhost");
	} else {
		check_path_descending(PLACE(p, "localhostProfile"), jsonc_str(file));
	}
}

static void check_apparmor_file(const struct place *p, struct json_object *file)
{
	struct str name = jsonc_str(file), bare = str_trim(name);

	if (!bare.len && bare.len == name.len)
		place_required(p, "must be set when AppArmor type is Localhost");
	else if (bare.len != name.len)
		place_invalid_str(p, name, "must not be padded with whitespace");
	if (name.len > 4095)
		place_too_long(p, 4095);
}

static void check_apparmor(const struct place *p, struct json_object *a)
{
	struct str type = text_of(a, "type");
	struct json_object *file = jsonc_get(a, "localhostProfile");

	if (!a)
		return;
	if (!type.len)
		place_required(PLACE(p, "type"), "type is required when appArmorProfile is set");
	else if (str_eqs(type, "Localhost"))
		check_apparmor_file(PLACE(p, "localhostProfile"), file);
	else if (!str_eqs(type, "RuntimeDefault") && !str_eqs(type, "Unconfined"))
		place_unsupported(PLACE(p, "type"), type, profiles);
	else if (file)
		place_invalid(PLACE(p, "localhostProfile"), file,
			      "can only be set when AppArmor type is Localhost");
}

/* ---- Sysctls ---- */

/* Words of lower-case letters, digits, '-' and '_', joined by '.' or '/'. */
static bool is_sysctl(struct str s)
{
	bool word = false; /* the last character may end a word */

	if (s.len > 253)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.p[i];
		bool alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		bool inner = c == '-' || c == '_';
		bool start = i == 0 || s.p[i - 1] == '.' || s.p[i - 1] == '/';

		if (c == '.' || c == '/') {
			if (!word)
				return false;
		} else if (!alnum && (!inner || start)) {
			return false;
		}
		word = alnum;
	}
	return word;
}

/* The name with dots: "net/ipv4.conf" is another way to write "net.ipv4/conf". */
static bool in_family(struct str name, const char *const *families)
{
	for (size_t i = 0; families[i]; i++)
		if (str_starts(name, str_of(families[i])))
			return true;
	return false;
}

static void check_sysctls(const struct place *p, struct json_object *list, struct json_object *spec)
{
	static const char *const ipc[] = {"kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.",
					  NULL};
	static const char *const net[] = {"net.", NULL};
	struct seen names = {0};

	for (size_t i = 0; i < list_len(list); i++) {
		struct str name = text_of(list_at(list, i), "name");
		const struct place *at = PLACE(PLACE_AT(p, i), "name");

		if (!name.len)
			place_required(at, "");
		else if (!is_sysctl(name))
			place_invalid_str(at, name,
					  "must have at most 253 characters and match regex "
					  "^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-"
					  "z0-9]*[a-z0-9])?$");
		else if (!seen_add(&names, name))
			place_duplicate(at, name);
		if (bool_of(spec, "hostNetwork") && in_family(name, net))
			place_invalid_str(at, name,
					  "may not be specified when 'hostNetwork' is true");
		if (bool_of(spec, "hostIPC") && in_family(name, ipc))
			place_invalid_str(at, name, "may not be specified when 'hostIPC' is true");
	}
	seen_done(&names);
}

/* ---- Contexts ---- */

void validate_pod_security(const struct place *p, struct json_object *sc, struct json_object *spec)
{
	static const char *const fs[] = {"Always", "OnRootMismatch", NULL};
	static const char *const groups_policy[] = {"Merge", "Strict", NULL};
	static const char *const selinux[] = {"MountOption", "Recursive", NULL};
	struct json_object *groups = jsonc_get(sc, "supplementalGroups");

	check_id(p, sc, "fsGroup");
	check_id(p, sc, "runAsUser");
	check_id(p, sc, "runAsGroup");
	for (size_t i = 0; i < list_len(groups); i++)
		check_range(PLACE_AT(PLACE(p, "supplementalGroups"), i),
			    jsonc_i64(list_at(groups, i), 0), 0, ID_MAX);
	if (bool_of(spec, "shareProcessNamespace") && bool_of(spec, "hostPID"))
		place_invalid(PLACE(p, "shareProcessNamespace"),
			      jsonc_get(spec, "shareProcessNamespace"),
			      "ShareProcessNamespace and HostPID cannot both be enabled");
	check_sysctls(PLACE(p, "sysctls"), jsonc_get(sc, "sysctls"), spec);
	check_enum(p, sc, "fsGroupChangePolicy", fs, false);
	check_seccomp(PLACE(p, "seccompProfile"), jsonc_get(sc, "seccompProfile"));
	check_apparmor(PLACE(p, "appArmorProfile"), jsonc_get(sc, "appArmorProfile"));
	check_enum(p, sc, "supplementalGroupsPolicy", groups_policy, false);
	check_enum(p, sc, "seLinuxChangePolicy", selinux, false);
}

static bool is_false(struct json_object *o, const char *name)
{
	return jsonc_get(o, name) && !bool_of(o, name);
}

void validate_container_security(const struct place *p, struct json_object *sc, bool host_users)
{
	static const char *const mounts[] = {"Default", "Unmasked", NULL};
	struct json_object *add = jsonc_get(jsonc_get(sc, "capabilities"), "add");

	if (!sc)
		return;
	check_id(p, sc, "runAsUser");
	check_id(p, sc, "runAsGroup");
	check_enum(p, sc, "procMount", mounts, false);
	if (host_users && str_eqs(text_of(sc, "procMount"), "Unmasked"))
		place_invalid(PLACE(p, "procMount"), jsonc_get(sc, "procMount"),
			      "`hostUsers` must be false to use `Unmasked`");
	check_seccomp(PLACE(p, "seccompProfile"), jsonc_get(sc, "seccompProfile"));
	if (is_false(sc, "allowPrivilegeEscalation")) {
		if (bool_of(sc, "privileged"))
			place_invalid(p, sc,
				      "cannot set `allowPrivilegeEscalation` to false and "
				      "`privileged` to true");
		for (size_t i = 0; i < list_len(add); i++)
			if (str_eqs(jsonc_str(list_at(add, i)), "CAP_SYS_ADMIN"))
				place_invalid(p, sc,
					      "cannot set `allowPrivilegeEscalation` to false and "
					      "`capabilities.Add` CAP_SYS_ADMIN");
	}
	check_apparmor(PLACE(p, "appArmorProfile"), jsonc_get(sc, "appArmorProfile"));
}

/* ---- Operating system ---- */

static void forbid(const struct place *p, struct json_object *o, const char *const *names,
		   const char *detail)
{
	for (size_t i = 0; names[i]; i++)
		if (jsonc_get(o, names[i]))
			place_forbidden(PLACE(p, names[i]), detail);
}

void validate_os(const struct place *p, struct json_object *spec)
{
	static const char *const known[] = {"linux", "windows", NULL};
	static const char *const windows[] = {"windowsOptions", NULL};
	static const char *const pod[] = {"hostUsers", "hostPID", "hostIPC",
					  "shareProcessNamespace", NULL};
	static const char *const linux_only[] = {"appArmorProfile",
						 "seLinuxOptions",
						 "seccompProfile",
						 "fsGroup",
						 "fsGroupChangePolicy",
						 "sysctls",
						 "runAsUser",
						 "runAsGroup",
						 "supplementalGroups",
						 "supplementalGroupsPolicy",
						 "seLinuxChangePolicy",
						 "capabilities",
						 "readOnlyRootFilesystem",
						 "privileged",
						 "allowPrivilegeEscalation",
						 "procMount",
						 NULL};
	static const char *const lists[] = {"initContainers", "containers", "ephemeralContainers"};
	struct json_object *os = jsonc_get(spec, "os");
	struct str name = text_of(os, "name");
	bool win = str_eqs(name, "windows");
	const char *const *names = win ? linux_only : windows;
	const char *detail = win ? "cannot be set for a windows pod"
				 : "windows options cannot be set for a linux pod";

	if (!os)
		return;
	if (!name.len)
		place_required(PLACE(p, "os.name"), "cannot be empty");
	else if (!win && !str_eqs(name, "linux"))
		place_unsupported(PLACE(p, "os"), name, known);
	if (!win && !str_eqs(name, "linux"))
		return;
	if (win)
		forbid(p, spec, pod, detail);
	forbid(PLACE(p, "securityContext"), jsonc_get(spec, "securityContext"), names, detail);
	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		struct json_object *list = jsonc_get(spec, lists[l]);

		for (size_t i = 0; i < list_len(list); i++)
			forbid(PLACE(PLACE_AT(PLACE(p, lists[l]), i), "securityContext"),
			       jsonc_get(list_at(list, i), "securityContext"), names, detail);
	}
}

/* ---- Annotations with a meaning ---- */

static bool has_container(struct json_object *spec, const char *name)
{
	static const char *const lists[] = {"initContainers", "containers", "ephemeralContainers"};

	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		struct json_object *list = jsonc_get(spec, lists[l]);

		for (size_t i = 0; i < list_len(list); i++)
			if (str_eqs(text_of(list_at(list, i), "name"), name))
				return true;
	}
	return false;
}

static void check_apparmor_note(const struct place *p, const char *container, struct str profile,
				struct json_object *spec)
{
	CLEANUP_FREE char *why = NULL;

	if (!has_container(spec, container))
		place_invalid_str(p, str_of(container), "container not found");
	if (!profile.len || str_eqs(profile, "runtime/default") || str_eqs(profile, "unconfined") ||
	    str_starts(profile, STR("localhost/")))
		return;
	why = xasprintf("invalid AppArmor profile name: \"%.*s\"", STR_ARG(profile));
	place_invalid_str(p, profile, why);
}

void validate_pod_annotations(const struct place *p, struct json_object *notes,
			      struct json_object *spec)
{
	struct json_object *mirror = jsonc_get(notes, MIRROR);
	struct json_object *cost = jsonc_get(notes, DELETION_COST);
	int64_t n;

	if (mirror && !text_of(spec, "nodeName").len)
		place_invalid(PLACE_KEY(p, MIRROR), mirror,
			      "must set spec.nodeName if mirror pod annotation is set");
	if (cost && (str_to_i64(jsonc_str(cost), &n) < 0 || n < INT32_MIN || n > INT32_MAX))
		place_invalid(PLACE_KEY(p, DELETION_COST), cost, "must be a 32bit integer");
	map_for_each(it, notes) if (str_starts(str_of(map_key(it)), STR(APPARMOR)))
		check_apparmor_note(PLACE_KEY(p, map_key(it)), map_key(it) + strlen(APPARMOR),
				    jsonc_str(map_value(it)), spec);
}
