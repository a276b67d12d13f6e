/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/device_claims.h"

struct jv pod_claim_status(struct jv pod, struct str name)
{
	jv_for_each (s, jv_path(pod, "status.resourceClaimStatuses"))
		if (str_eq(jv_text(jv_get(s.value, "name")), name))
			return s.value;
	return JV_NONE;
}

struct pod_claim pod_claim(struct jv pod, struct jv entry)
{
	struct str direct = jv_text(jv_get(entry, "resourceClaimName"));
	struct pod_claim r = {.name = STR_NULL};
	struct jv status;

	if (direct.len) {
		r.name = direct;
		return r;
	}
	r.generated = true;
	status = pod_claim_status(pod, jv_text(jv_get(entry, "name")));
	if (!jv_exists(status))
		return r;
	r.name = jv_text(jv_get(status, "resourceClaimName"));
	r.none = !r.name.len;
	return r;
}

bool claim_is_for(struct jv claim, struct str pod_uid)
{
	jv_for_each (ref, jv_path(claim, "metadata.ownerReferences"))
		if (jv_bool(jv_get(ref.value, "controller"), false))
			return str_eq(jv_text(jv_get(ref.value, "uid")), pod_uid);
	return false;
}

bool claim_reserved_for(struct jv claim, struct str pod_uid)
{
	jv_for_each (ref, jv_path(claim, "status.reservedFor"))
		if (str_eq(jv_text(jv_get(ref.value, "uid")), pod_uid))
			return true;
	return false;
}

bool claim_held(struct jv claim)
{
	jv_for_each (f, jv_path(claim, "metadata.finalizers"))
		if (jv_eqs(f.value, CLAIM_DEVICE_FINALIZER))
			return true;
	return false;
}

void claim_write_reserve(struct jw *w, struct jv claim, struct str pod_name, struct str pod_uid,
			 struct str allocation)
{
	struct jv meta = jv_get(claim, "metadata");

	jw_begin_object(w);
	jw_key(w, "metadata");
	jw_begin_object(w);
	jw_member_str(w, "uid", jv_text(jv_get(meta, "uid")));
	jw_member_str(w, "resourceVersion", jv_text(jv_get(meta, "resourceVersion")));
	jw_end_object(w);
	jw_key(w, "status");
	jw_begin_object(w);
	if (allocation.len)
		jw_member_raw(w, "allocation", allocation);
	jw_key(w, "reservedFor");
	jw_begin_array(w);
	jv_for_each (ref, jv_path(claim, "status.reservedFor"))
		jw_raw(w, jv_raw(ref.value));
	jw_begin_object(w);
	jw_member_str(w, "resource", STR("pods"));
	jw_member_str(w, "name", pod_name);
	jw_member_str(w, "uid", pod_uid);
	jw_end_object(w);
	jw_end_array(w);
	jw_end_object(w);
	jw_end_object(w);
}
