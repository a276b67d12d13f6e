/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/volumes.h"
#include "lib/api/quantity.h"
#include "lib/json/jw.h"

struct jv volume_note(struct jv obj, const char *name)
{
	return jv_get(jv_path(obj, "metadata.annotations"), name);
}

struct str volume_class(struct jv obj)
{
	struct jv old = volume_note(obj, NOTE_OLD_CLASS);
	struct str name = jv_text(jv_exists(old) ? old : jv_path(obj, "spec.storageClassName"));

	return str_is_null(name) ? STR("") : name;
}

bool claim_has_class(struct jv claim)
{
	return jv_exists(volume_note(claim, NOTE_OLD_CLASS)) ||
	       jv_exists(jv_path(claim, "spec.storageClassName"));
}

struct str volume_mode(struct jv obj)
{
	struct str mode = jv_text(jv_path(obj, "spec.volumeMode"));

	return mode.len ? mode : STR("Filesystem");
}

bool volume_modes_include(struct jv volume, struct jv claim)
{
	struct jv have = jv_path(volume, "spec.accessModes");

	jv_for_each (want, jv_path(claim, "spec.accessModes")) {
		bool found = false;

		jv_for_each (h, have)
			found |= str_eq(jv_text(h.value), jv_text(want.value));
		if (!found)
			return false;
	}
	return true;
}

int64_t volume_capacity(struct jv volume)
{
	return quantity_str_value(jv_text(jv_path(volume, "spec.capacity.storage")));
}

int64_t claim_request(struct jv claim)
{
	return quantity_str_value(jv_text(jv_path(claim, "spec.resources.requests.storage")));
}

int volume_claimed(struct jv volume, struct jv claim)
{
	struct jv ref = jv_path(volume, "spec.claimRef"), meta = jv_get(claim, "metadata");
	struct str uid = jv_text(jv_get(ref, "uid"));

	if (!jv_exists(ref))
		return 0;
	if (!str_eq(jv_text(jv_get(ref, "name")), jv_text(jv_get(meta, "name"))) ||
	    !str_eq(jv_text(jv_get(ref, "namespace")), jv_text(jv_get(meta, "namespace"))))
		return -1;
	return !uid.len || str_eq(uid, jv_text(jv_get(meta, "uid"))) ? 1 : -1;
}

void volume_write_claim(struct jw *w, struct jv claim)
{
	static const char *const members[] = {"namespace", "name", "uid", "resourceVersion"};
	struct jv meta = jv_get(claim, "metadata");

	jw_key(w, "spec");
	jw_begin_object(w);
	jw_key(w, "claimRef");
	jw_begin_object(w);
	jw_member_str(w, "apiVersion", STR("v1"));
	jw_member_str(w, "kind", STR("PersistentVolumeClaim"));
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		jw_member_str(w, members[i], jv_text(jv_get(meta, members[i])));
	jw_end_object(w);
	jw_end_object(w);
}

const char *volume_mismatch(struct jv volume, struct jv claim)
{
	if (jv_exists(jv_path(volume, "metadata.deletionTimestamp")))
		return "the volume is marked for deletion";
	if (volume_capacity(volume) < claim_request(claim))
		return "requested PV is too small";
	if (!str_eq(volume_class(volume), volume_class(claim)))
		return "storageClassName does not match";
	if (!str_eq(volume_mode(volume), volume_mode(claim)))
		return "incompatible volumeMode";
	if (!volume_modes_include(volume, claim))
		return "incompatible accessMode";
	return NULL;
}

void ephemeral_claim_name(struct str pod, struct jv volume, struct buf *out)
{
	buf_addf(out, "%.*s-%.*s", STR_ARG(pod), STR_ARG(jv_text(jv_get(volume, "name"))));
}

bool ephemeral_claim_is_for(struct jv claim, struct str pod_uid)
{
	jv_for_each (ref, jv_path(claim, "metadata.ownerReferences"))
		if (jv_bool(jv_get(ref.value, "controller"), false) &&
		    str_eq(jv_text(jv_get(ref.value, "uid")), pod_uid))
			return true;
	return false;
}

bool pod_names_claim(struct jv pod, struct str claim)
{
	struct str name = jv_text(jv_path(pod, "metadata.name"));

	jv_for_each (v, jv_path(pod, "spec.volumes")) {
		CLEANUP(buf_done) struct buf own = BUF_INIT;
		struct jv source = jv_get(v.value, "persistentVolumeClaim");

		if (jv_exists(source)) {
			if (str_eq(jv_text(jv_get(source, "claimName")), claim))
				return true;
		} else if (str_starts(claim, name) && jv_exists(jv_get(v.value, "ephemeral"))) {
			ephemeral_claim_name(name, v.value, &own);
			if (str_eq(buf_str(&own), claim))
				return true;
		}
	}
	return false;
}
