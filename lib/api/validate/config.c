/* SPDX-License-Identifier: Apache-2.0 */
/* Namespace, ConfigMap and Secret; follows pkg/apis/core/validation. */
#include "lib/api/validate.h"
#include "lib/api/validate/rules.h"
#include "lib/base/codec.h"

#define SIZE_MAX_BYTES (1024 * 1024)
#define ACCOUNT_NAME "kubernetes.io/service-account.name"

/* ---- Namespace ---- */

static void check_finalizers(const struct place *p, struct json_object *list, bool each)
{
	for (size_t i = 0; i < list_len(list); i++) {
		struct str f = jsonc_str(list_at(list, i));
		const struct place *at = each ? PLACE_AT(p, i) : p;

		check_name(at, NAME_QUALIFIED, f);
		validate_finalizer_known(at, f);
	}
}

void validate_namespace(struct json_object *obj, struct err *err)
{
	check_finalizers(PLACE(PLACE_OF(err), "spec.finalizers"),
			 jsonc_path(obj, "spec.finalizers"), false);
}

void validate_namespace_finalize(struct json_object *obj, struct json_object *old, struct err *err)
{
	check_finalizers(PLACE(PLACE_OF(err), "spec.finalizers"),
			 jsonc_path(obj, "spec.finalizers"), true);
}

void validate_namespace_status(struct json_object *obj, struct json_object *old, struct err *err)
{
	bool going = jsonc_path(obj, "metadata.deletionTimestamp") != NULL;
	struct str phase = jsonc_path_str(obj, "status.phase");
	const struct place *at = PLACE(PLACE_OF(err), "status.Phase");

	if (!going && !str_eqs(phase, "Active"))
		place_invalid_str(at, phase,
				  "may only be 'Active' if `deletionTimestamp` is empty");
	if (going && !str_eqs(phase, "Terminating"))
		place_invalid_str(at, phase,
				  "may only be 'Terminating' if `deletionTimestamp` is not empty");
}

/* ---- Keys and values ---- */

/* Bytes that a base64 text stands for. */
static size_t decoded_len(struct str s)
{
	size_t pad = 0;

	while (pad < 2 && pad < s.len && s.p[s.len - 1 - pad] == '=')
		pad++;
	return s.len / 4 * 3 - (s.len >= 4 ? pad : 0);
}

/* The keys; gives the size of all values. */
static size_t check_data(const struct place *p, struct json_object *data, bool base64)
{
	size_t total = 0;

	map_for_each(it, data)
	{
		struct str value = jsonc_str(map_value(it));

		check_name(PLACE_KEY(p, map_key(it)), NAME_CONFIG_KEY, str_of(map_key(it)));
		total += base64 ? decoded_len(value) : value.len;
	}
	return total;
}

/* What `immutable` has frozen. */
static void check_frozen(struct json_object *obj, struct json_object *old, struct err *err)
{
	static const char *const text = "field is immutable when `immutable` is set";
	static const char *const fields[] = {"data", "binaryData"};
	const struct place *root = PLACE_OF(err);

	if (!bool_of(old, "immutable"))
		return;
	if (!bool_of(obj, "immutable"))
		place_forbidden(PLACE(root, "immutable"), text);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!jsonc_equal(jsonc_get(obj, fields[i]), jsonc_get(old, fields[i])))
			place_forbidden(PLACE(root, fields[i]), text);
}

/* ---- ConfigMap ---- */

void validate_configmap(struct json_object *obj, struct err *err)
{
	struct json_object *data = jsonc_get(obj, "data"), *binary = jsonc_get(obj, "binaryData");
	const struct place *root = PLACE_OF(err);
	size_t total = check_data(PLACE(root, "data"), data, false);

	map_for_each(it, data) if (jsonc_get(binary, map_key(it)))
		place_invalid_str(PLACE_KEY(PLACE(root, "data"), map_key(it)), str_of(map_key(it)),
				  "duplicate of key present in binaryData");
	total += check_data(PLACE(root, "binaryData"), binary, true);
	if (total > SIZE_MAX_BYTES)
		place_too_long(PLACE(root, "[]"),
			       SIZE_MAX_BYTES); /* sic: a path of one empty name */
}

void validate_configmap_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	check_frozen(obj, old, err);
}

/* ---- Secret ---- */

static void need_key(const struct place *data, struct json_object *obj, const char *key)
{
	if (!jsonc_get(jsonc_get(obj, "data"), key))
		place_required(PLACE_KEY(data, key), "");
}

static void need_json(const struct place *data, struct json_object *obj, const char *key)
{
	static const char *const hidden = "<secret contents redacted>";
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct json_object *v = jsonc_get(jsonc_get(obj, "data"), key), *parsed = NULL;
	struct err e = ERR_INIT;

	need_key(data, obj, key);
	if (!v)
		return;
	if (base64_decode(jsonc_str(v), &b) < 0 || !b.len)
		place_invalid_str(PLACE_KEY(data, key), str_of(hidden),
				  "unexpected end of JSON input");
	else if (jsonc_parse(buf_str(&b), NULL, &parsed, &e) < 0)
		place_invalid_str(PLACE_KEY(data, key), str_of(hidden), err_text(&e));
	else if (parsed && !json_object_is_type(parsed, json_type_object))
		place_invalid_str(PLACE_KEY(data, key), str_of(hidden),
				  "json: cannot unmarshal the value into an object");
	json_object_put(parsed);
	err_done(&e);
}

static void need_account(const struct place *root, struct json_object *obj)
{
	struct json_object *notes = jsonc_path(obj, "metadata.annotations");

	if (!text_of(notes, ACCOUNT_NAME).len)
		place_required(PLACE_KEY(PLACE(root, "metadata.annotations"), ACCOUNT_NAME), "");
}

/* What a type promises to its readers. */
static void check_type(const struct place *root, struct json_object *obj)
{
	const struct place *data = PLACE(root, "data");
	struct json_object *d = jsonc_get(obj, "data");
	struct str type = text_of(obj, "type");

	if (str_eqs(type, "kubernetes.io/service-account-token"))
		need_account(root, obj);
	else if (str_eqs(type, "kubernetes.io/dockercfg"))
		need_json(data, obj, ".dockercfg");
	else if (str_eqs(type, "kubernetes.io/dockerconfigjson"))
		need_json(data, obj, ".dockerconfigjson");
	else if (str_eqs(type, "kubernetes.io/ssh-auth") && !text_of(d, "ssh-privatekey").len)
		place_required(PLACE_KEY(data, "ssh-privatekey"), "");
	if (str_eqs(type, "kubernetes.io/tls")) {
		need_key(data, obj, "tls.crt");
		need_key(data, obj, "tls.key");
	}
	if (str_eqs(type, "kubernetes.io/basic-auth") && !jsonc_get(d, "username") &&
	    !jsonc_get(d, "password")) {
		need_key(data, obj, "username");
		need_key(data, obj, "password");
	}
}

void validate_secret(struct json_object *obj, struct err *err)
{
	const struct place *root = PLACE_OF(err), *data = PLACE(root, "data");

	if (check_data(data, jsonc_get(obj, "data"), true) > SIZE_MAX_BYTES)
		place_too_long(data, SIZE_MAX_BYTES);
	check_type(root, obj);
}

void validate_secret_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	check_immutable(PLACE(PLACE_OF(err), "type"), jsonc_get(obj, "type"),
			jsonc_get(old, "type"));
	check_frozen(obj, old, err);
}
