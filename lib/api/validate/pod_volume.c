/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes of a pod and the mounts of its containers. */
#include "lib/api/kinds/types.h"
#include "lib/api/quantity.h"
#include "lib/api/validate.h"
#include "lib/api/validate/pod.h"
#include "lib/base/hmap.h"

#define MODE_MSG "must be a number between 0 and 0777 (octal), both inclusive"
#define TOKEN_MIN_S 600
#define TOKEN_MAX_S (1ll << 32)

static void check_mode(const struct place *p, struct json_object *o, const char *name)
{
	int64_t mode = int_of(o, name);

	if (mode < 0 || mode > 0777)
		place_invalid_int(PLACE(p, name), mode, MODE_MSG);
}

static void need(const struct place *p, struct json_object *o, const char *name)
{
	if (!text_of(o, name).len)
		place_required(PLACE(p, name), "");
}

static void check_items(const struct place *p, struct json_object *list)
{
	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *kp = list_at(list, i);
		const struct place *at = PLACE_AT(p, i);

		need(at, kp, "key");
		need(at, kp, "path");
		check_path_unreserved(PLACE(at, "path"), text_of(kp, "path"));
		check_mode(at, kp, "mode");
	}
}

static void check_empty_dir(const struct place *p, struct json_object *v)
{
	struct quantity q;

	if (quantity_parse(text_of(v, "sizeLimit"), &q) == 0 && q.nano < 0)
		place_forbidden(PLACE(p, "sizeLimit"),
				"SizeLimit field must be a valid resource quantity");
}

static void check_host_path(const struct place *p, struct json_object *v)
{
	static const char *const types[] = {
		"",     "BlockDevice",  "CharDevice", "Directory", "DirectoryOrCreate",
		"File", "FileOrCreate", "Socket",     NULL};

	need(p, v, "path");
	if (!text_of(v, "path").len)
		return;
	check_path_no_backsteps(PLACE(p, "path"), text_of(v, "path"));
	check_enum(p, v, "type", types, false);
}

static void check_secret(const struct place *p, struct json_object *v)
{
	need(p, v, "secretName");
	check_mode(p, v, "defaultMode");
	check_items(PLACE(p, "items"), jsonc_get(v, "items"));
}

static void check_config_map(const struct place *p, struct json_object *v)
{
	need(p, v, "name");
	check_mode(p, v, "defaultMode");
	check_items(PLACE(p, "items"), jsonc_get(v, "items"));
}

static void check_downward_file(const struct place *p, struct json_object *f)
{
	struct json_object *field = jsonc_get(f, "fieldRef");
	struct json_object *resource = jsonc_get(f, "resourceFieldRef");

	need(p, f, "path");
	check_path_unreserved(PLACE(p, "path"), text_of(f, "path"));
	if (field) {
		validate_field_ref(PLACE(p, "fieldRef"), field, true);
		if (resource)
			place_invalid_str(p, STR("resource"),
					  "fieldRef and resourceFieldRef can not be specified "
					  "simultaneously");
	} else if (resource) {
		validate_resource_ref(PLACE(p, "resourceFieldRef"), resource, true);
	} else {
		place_required(p, "one of fieldRef and resourceFieldRef is required");
	}
	check_mode(p, f, "mode");
}

static void check_downward(const struct place *p, struct json_object *v)
{
	struct json_object *items = jsonc_get(v, "items");

	check_mode(p, v, "defaultMode");
	for (size_t i = 0; i < list_len(items); i++)
		check_downward_file(p, list_at(items, i));
}

/* No two sources write the same file; `what` is the value that the message shows. */
static void check_path_once(const struct place *p, struct seen *paths, struct str path,
			    struct str what)
{
	if (path.len && !seen_add(paths, path))
		place_invalid_str(p, what, "conflicting duplicate paths");
}

static void check_token(const struct place *volume, const struct place *p, struct json_object *t)
{
	int64_t s = int_of(t, "expirationSeconds");

	if (s < TOKEN_MIN_S)
		place_invalid_int(PLACE(p, "expirationSeconds"), s,
				  "may not specify a duration less than 10 minutes");
	if (s > TOKEN_MAX_S)
		place_invalid_int(PLACE(p, "expirationSeconds"), s,
				  "may not specify a duration larger than 2^32 seconds");
	need(volume, t, "path");
	check_path_unreserved(PLACE(volume, "path"), text_of(t, "path"));
}

static void check_bundle(const struct place *p, struct json_object *b)
{
	struct json_object *name = jsonc_get(b, "name"), *signer = jsonc_get(b, "signerName");

	if (name && signer)
		place_invalid(p, b, "only one of name and signerName may be used");
	else if (!name && !signer)
		place_required(p, "either name or signerName must be specified");
	else if (name && !jsonc_str(name).len)
		place_required(PLACE(p, "name"), "must be a valid object name");
	else if (signer && !jsonc_str(signer).len)
		place_required(PLACE(p, "signerName"), "must be a valid signer name");
	if (name && jsonc_get(b, "labelSelector"))
		place_invalid(PLACE(p, "labelSelector"), jsonc_get(b, "labelSelector"),
			      "labelSelector must be unset if name is specified");
	else
		check_label_selector(PLACE(p, "labelSelector"), jsonc_get(b, "labelSelector"));
	need(p, b, "path");
	check_path_unreserved(PLACE(p, "path"), text_of(b, "path"));
}

/* Secret or ConfigMap of a projected volume. */
static void check_projected_keys(const struct place *volume, const struct place *p,
				 struct json_object *src, struct seen *paths)
{
	struct json_object *items = jsonc_get(src, "items");

	need(p, src, "name");
	check_items(PLACE(p, "items"), items);
	for (size_t i = 0; i < list_len(items); i++)
		check_path_once(volume, paths, text_of(list_at(items, i), "path"),
				text_of(src, "name"));
}

static void check_source(const struct place *volume, const struct place *p, struct json_object *s,
			 struct seen *paths)
{
	static const char *const kinds[] = {"secret",
					    "configMap",
					    "downwardAPI",
					    "serviceAccountToken",
					    "clusterTrustBundle",
					    "podCertificate"};
	struct json_object *v, *items;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct place *at = PLACE(p, kinds[i]);

		v = jsonc_get(s, kinds[i]);
		if (!v)
			continue;
		n++;
		if (i < 2)
			check_projected_keys(volume, at, v, paths);
		items = i == 2 ? jsonc_get(v, "items") : NULL;
		for (size_t f = 0; f < list_len(items); f++) {
			struct str path = text_of(list_at(items, f), "path");

			check_downward_file(at, list_at(items, f));
			check_path_once(volume, paths, path, path);
		}
		if (i == 3)
			check_token(volume, at, v);
		if (i == 4) {
			check_bundle(at, v);
			check_path_once(volume, paths, text_of(v, "path"), text_of(v, "path"));
		}
	}
	if (n > 1)
		place_forbidden(p, "may not specify more than 1 volume type per source");
}

static void check_projected(const struct place *p, struct json_object *v)
{
	struct json_object *sources = jsonc_get(v, "sources");
	struct seen paths = {0};

	check_mode(p, v, "defaultMode");
	for (size_t i = 0; i < list_len(sources); i++)
		check_source(p, PLACE_AT(PLACE(p, "sources"), i), list_at(sources, i), &paths);
	seen_done(&paths);
}

static void check_claim(const struct place *p, struct json_object *v)
{
	need(p, v, "claimName");
}

static void check_nfs(const struct place *p, struct json_object *v)
{
	need(p, v, "server");
	need(p, v, "path");
	if (!str_starts(text_of(v, "path"), STR("/")))
		place_invalid_str(PLACE(p, "path"), text_of(v, "path"), "must be an absolute path");
}

static void check_csi(const struct place *p, struct json_object *v)
{
	if (!text_of(v, "driver").len)
		place_required(PLACE(p, "driver"), "");
	else if (text_of(v, "driver").len > 63)
		place_too_long(PLACE(p, "driver"), 63);
	else
		check_name(PLACE(p, "driver"), NAME_SUBDOMAIN, text_of(v, "driver"));
	if (jsonc_get(v, "nodePublishSecretRef"))
		need(PLACE(p, "nodePublishSecretRef"), jsonc_get(v, "nodePublishSecretRef"),
		     "name");
}

static void check_git(const struct place *p, struct json_object *v)
{
	need(p, v, "repository");
	check_path_descending(PLACE(p, "directory"), text_of(v, "directory"));
}

static void check_image(const struct place *p, struct json_object *v)
{
	static const char *const policies[] = {"Always", "IfNotPresent", "Never", NULL};

	need(p, v, "reference");
	check_enum(p, v, "pullPolicy", policies, true);
}

/* Sources whose rules are more than the table's; in Kubernetes' order where it matters. */
static const struct {
	const char *name;
	void (*check)(const struct place *, struct json_object *);
} sources[] = {{"emptyDir", check_empty_dir},
	       {"hostPath", check_host_path},
	       {"gitRepo", check_git},
	       {"secret", check_secret},
	       {"nfs", check_nfs},
	       {"persistentVolumeClaim", check_claim},
	       {"downwardAPI", check_downward},
	       {"configMap", check_config_map},
	       {"projected", check_projected},
	       {"csi", check_csi},
	       {"image", check_image}};

/* The others: required fields and enums by their table. */
static void check_by_table(const struct place *p, const char *name, struct json_object *v)
{
	const struct api_field *f = api_field_find(&api_t_core_v1_Volume, str_of(name));

	if (f && f->type == API_OBJECT && f->shape == API_ONE)
		validate_table(f->ref, v, p);
}

static bool is_source(const char *name)
{
	return strcmp(name, "name") != 0;
}

static void check_volume_source(const struct place *p, struct json_object *v)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		struct json_object *s = jsonc_get(v, sources[i].name);

		if (s && n)
			place_forbidden(PLACE(p, sources[i].name),
					"may not specify more than 1 volume type");
		else if (s)
			sources[i].check(PLACE(p, sources[i].name), s);
		n += !!s;
	}
	map_for_each(it, v)
	{
		bool known = !is_source(map_key(it)) || !map_value(it);

		for (size_t i = 0; !known && i < ARRAY_SIZE(sources); i++)
			known = strcmp(map_key(it), sources[i].name) == 0;
		if (known)
			continue;
		if (n)
			place_forbidden(PLACE(p, map_key(it)),
					"may not specify more than 1 volume type");
		else
			check_by_table(PLACE(p, map_key(it)), map_key(it), map_value(it));
		n++;
	}
	if (!n)
		place_required(p, "must specify a volume type");
}

void validate_volumes(const struct place *p, struct json_object *list, struct pod_ctx *c)
{
	struct seen names = {0};

	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *v = list_at(list, i);
		struct str name = text_of(v, "name");
		const struct place *at = PLACE_AT(p, i);
		size_t before = place_mistakes(p);

		check_volume_source(at, v);
		if (!name.len)
			place_required(PLACE(at, "name"), "");
		else
			check_name(PLACE(at, "name"), NAME_DNS_LABEL, name);
		if (seen_has(&names, name))
			place_duplicate(PLACE(at, "name"), name);
		if (place_mistakes(p) != before)
			continue;
		seen_add(&names, name);
		if (!c->volumes)
			c->volumes = hmap_new();
		hmap_put(c->volumes, name, v);
	}
	seen_done(&names);
}

/* ---- Mounts ---- */

static void check_propagation(const struct place *p, struct json_object *m, struct json_object *ctr)
{
	static const char *const modes[] = {"Bidirectional", "HostToContainer", "None", NULL};
	bool privileged = bool_of(jsonc_get(ctr, "securityContext"), "privileged");

	check_enum(p, m, "mountPropagation", modes, false);
	if (str_eqs(text_of(m, "mountPropagation"), "Bidirectional") && !privileged)
		place_forbidden(PLACE(p, "mountPropagation"),
				"Bidirectional mount propagation is available only to privileged "
				"containers");
}

static void check_recursive(const struct place *p, struct json_object *m)
{
	static const char *const modes[] = {"Disabled", "Enabled", "IfPossible", NULL};
	struct str mode = text_of(m, "recursiveReadOnly");
	struct str propagation = text_of(m, "mountPropagation");
	const struct place *at = PLACE(p, "recursiveReadOnly");

	check_enum(p, m, "recursiveReadOnly", modes, false);
	if (!str_eqs(mode, "Enabled") && !str_eqs(mode, "IfPossible"))
		return;
	if (!bool_of(m, "readOnly"))
		place_forbidden(at, "may only be specified when readOnly is true");
	if (propagation.len && !str_eqs(propagation, "None"))
		place_forbidden(at, "may only be specified when mountPropagation is None or not "
				    "specified");
}

/* As upstream, some mistakes are reported at the list (`p`), not at the mount (`at`). */
static void check_sub_path(const struct place *p, const struct place *at, struct json_object *m,
			   struct json_object *volume)
{
	static const char *const fields[] = {"subPath", "subPathExpr"};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct str path = text_of(m, fields[i]);

		if (!path.len)
			continue;
		if (jsonc_get(volume, "image"))
			place_invalid_str(PLACE(at, fields[i]), path,
					  "not allowed in image volume sources");
		if (i && text_of(m, "subPath").len)
			place_invalid_str(PLACE(at, fields[i]), path,
					  "subPathExpr and subPath are mutually exclusive");
		check_path_descending(PLACE(p, fields[i]), path);
	}
}

static void names_of(struct json_object *list, const char *field, struct seen *ret)
{
	for (size_t i = 0; i < list_len(list); i++)
		seen_add(ret, text_of(list_at(list, i), field));
}

static void check_mounts(const struct place *p, struct json_object *ctr, const struct pod_ctx *c)
{
	struct json_object *list = jsonc_get(ctr, "volumeMounts");
	struct seen points = {0}, device_names = {0}, device_paths = {0};

	names_of(jsonc_get(ctr, "volumeDevices"), "name", &device_names);
	names_of(jsonc_get(ctr, "volumeDevices"), "devicePath", &device_paths);
	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *m = list_at(list, i);
		struct str name = text_of(m, "name"), path = text_of(m, "mountPath");
		struct json_object *volume = c->volumes ? hmap_get(c->volumes, name) : NULL;
		const struct place *at = PLACE_AT(p, i);

		need(at, m, "name");
		if (!volume)
			place_not_found(PLACE(at, "name"), name);
		need(at, m, "mountPath");
		if (!seen_add(&points, path))
			place_invalid_str(PLACE(at, "mountPath"), path, "must be unique");
		if (seen_has(&device_names, name))
			place_invalid_str(PLACE(at, "name"), name,
					  "must not already exist in volumeDevices");
		if (seen_has(&device_paths, path))
			place_invalid_str(PLACE(at, "mountPath"), path,
					  "must not already exist as a path in volumeDevices");
		check_sub_path(p, at, m, volume);
		check_propagation(p, m, ctr);
		check_recursive(p, m);
	}
	seen_done(&points);
	seen_done(&device_names);
	seen_done(&device_paths);
}

static void check_device(const struct place *p, struct json_object *d, const struct pod_ctx *c)
{
	struct str name = text_of(d, "name"), path = text_of(d, "devicePath");
	struct json_object *volume = c->volumes ? hmap_get(c->volumes, name) : NULL;

	need(p, d, "name");
	if (!volume)
		place_not_found(PLACE(p, "name"), name);
	else if (!jsonc_get(volume, "persistentVolumeClaim") && !jsonc_get(volume, "ephemeral"))
		place_invalid_str(PLACE(p, "name"), name,
				  "can only use volume source type of PersistentVolumeClaim or "
				  "Ephemeral for block mode");
	need(p, d, "devicePath");
	check_path_no_backsteps(PLACE(p, "devicePath"), path);
}

static void check_devices(const struct place *p, struct json_object *list, const struct pod_ctx *c)
{
	struct seen names = {0}, paths = {0};

	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *d = list_at(list, i);
		struct str name = text_of(d, "name"), path = text_of(d, "devicePath");
		const struct place *at = PLACE_AT(p, i);

		check_device(at, d, c);
		if (name.len && !seen_add(&names, name))
			place_invalid_str(PLACE(at, "name"), name, "must be unique");
		if (path.len && !seen_add(&paths, path))
			place_invalid_str(PLACE(at, "devicePath"), path, "must be unique");
	}
	seen_done(&names);
	seen_done(&paths);
}

void validate_volume_mounts(const struct place *container, struct json_object *ctr,
			    const struct pod_ctx *c)
{
	check_mounts(PLACE(container, "volumeMounts"), ctr, c);
	check_devices(PLACE(container, "volumeDevices"), jsonc_get(ctr, "volumeDevices"), c);
}
