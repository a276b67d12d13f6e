/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/convert.h"
#include "lib/api/crd/custom.h"
#include "lib/json/jsonc.h"

static void rename_members(const struct api_kind *k, const struct api_kind *to, bool store,
			   struct json_object *obj)
{
	CLEANUP(buf_done) struct buf v = BUF_INIT;

	for (const struct api_rename *r = k->renames; r && r->name; r++) {
		const char *from = store ? r->name : r->stored, *as = store ? r->stored : r->name;
		struct json_object *val = jsonc_get(obj, from);

		if (!val)
			continue;
		val = json_object_get(val);
		json_object_object_del(obj, from);
		jsonc_set(obj, as, val);
	}
	if (k->convert)
		k->convert(obj, store);
	api_kind_api_version(to, &v);
	jsonc_set_str(obj, "apiVersion", buf_str(&v));
	jsonc_set_str(obj, "kind", str_of(to->kind));
}

void api_to_storage(const struct api_kind *k, struct json_object *obj)
{
	if (k->storage)
		rename_members(k, k->storage, true, obj);
}

void api_from_storage(const struct api_kind *k, struct json_object *obj)
{
	if (k->custom)
		custom_read_tree(k, obj);
	else if (k->storage)
		rename_members(k, k, false, obj);
}

int api_convert_tree(const struct api_kind *from, const struct api_kind *to,
		     struct json_object *obj)
{
	CLEANUP(buf_done) struct buf version = BUF_INIT;

	if (from->custom && (custom_has_webhook(from) || custom_has_webhook(to)))
		return -ENOTSUP;
	if (!from->custom) {
		api_to_storage(from, obj);
		api_from_storage(to, obj);
	}
	api_kind_api_version(to, &version);
	jsonc_set_str(obj, "apiVersion", buf_str(&version));
	return 0;
}

bool api_is_served_form(const struct api_kind *k, struct str value, uint64_t rev)
{
	return k->custom ? custom_is_fresh(k, value, rev) : !k->storage;
}

static struct str served_name(const struct api_kind *k, struct str key)
{
	for (const struct api_rename *r = k->renames; r && r->name; r++)
		if (str_eqs(key, r->stored))
			return str_of(r->name);
	return key;
}

static void convert_tree(const struct api_kind *k, struct jv stored, struct buf *out)
{
	CLEANUP_JSON struct json_object *obj = NULL;

	if (jsonc_parse(jv_raw(stored), &json_stored_limits, &obj, NULL) < 0)
		return;
	api_from_storage(k, obj);
	jsonc_write(obj, out);
}

void api_convert_bytes(const struct api_kind *k, struct jv stored, struct buf *out)
{
	struct jw w = jw_start(out);

	if (k->custom) {
		custom_read(k, stored, out);
		return;
	}
	if (!k->storage) {
		buf_addstr(out, jv_raw(stored));
		return;
	}
	if (k->convert) {
		convert_tree(k, stored, out);
		return;
	}
	jw_begin_object(&w);
	jv_for_each_member (it, stored) {
		jw_keyn(&w, served_name(k, it.key));
		if (str_eqs(it.key, "apiVersion")) {
			CLEANUP(buf_done) struct buf v = BUF_INIT;

			api_kind_api_version(k, &v);
			jw_str(&w, buf_str(&v));
		} else if (str_eqs(it.key, "kind")) {
			jw_str(&w, str_of(k->kind));
		} else {
			jw_raw(&w, jv_raw(it.value));
		}
	}
	jw_end_object(&w);
}
