/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of resource.k8s.io; follows pkg/apis/resource/validation. */
#include "lib/api/device_cel.h"
#include "lib/api/device_claims.h"
#include "lib/api/kinds/types.h"
#include "lib/api/validate.h"
#include "lib/api/validate/devices.h"
#include "lib/api/validate/pod.h"
#include "lib/api/validate/rules.h"

#define SELECTORS_MAX 32
#define REQUESTS_MAX 32
#define ALTERNATIVES_MAX 8
#define CONSTRAINTS_MAX 32
#define CONFIGS_MAX 32
#define TOLERATIONS_MAX 16
#define PARAMETERS_MAX (10u << 10)
#define STATUS_DATA_MAX (10u << 10)
#define CONDITIONS_MAX 8
#define POOL_NAME_MAX 253
#define IPS_MAX 16
#define REQUEST_REF                                                                             \
	"must be the name of a request in the claim or the name of a request and a subrequest " \
	"separated by '/'"

bool check_at_most(const struct place *p, struct json_object *list, size_t max)
{
	if (list_len(list) <= max)
		return true;
	place_too_many(p, list_len(list), max);
	return false;
}

void check_device_driver(const struct place *p, struct str name)
{
	if (!name.len)
		place_required(p, "");
	else
		check_driver(p, name);
}

void check_pool_name(const struct place *p, struct str name)
{
	struct str rest = name, part;

	if (!name.len) {
		place_required(p, "");
		return;
	}
	if (name.len > POOL_NAME_MAX)
		place_too_long(p, POOL_NAME_MAX);
	while (str_split(&rest, '/', &part))
		check_name(p, NAME_SUBDOMAIN, part);
}

static void check_identifier(const struct place *p, struct str id)
{
	if (id.len > DEVICE_ID_MAX)
		place_too_long(p, DEVICE_ID_MAX);
	check_name(p, NAME_C_IDENTIFIER, id);
}

void check_qualified_name(const struct place *p, struct str name, bool with_domain)
{
	ssize_t slash = str_chr(name, '/');
	struct str domain = slash < 0 ? STR_NULL : str_n(name.p, (size_t)slash);
	struct str id = slash < 0 ? name : str_skip(name, (size_t)slash + 1);

	if (str_chr(id, '/') >= 0) {
		place_invalid_str(p, name, "must not contain more than one slash");
		return;
	}
	if (slash == 0)
		place_invalid_str(p, STR(""), "the domain must not be empty");
	else if (slash > 0)
		check_device_driver(p, domain);
	if (slash >= 0 && !id.len)
		place_invalid_str(p, STR(""), "the name must not be empty");
	else
		check_identifier(p, id);
	if (with_domain && slash < 0)
		place_invalid_str(p, name,
				  "a fully qualified name must be a domain and a name separated "
				  "by a slash");
}

static void check_expression(const struct place *p, struct str text)
{
	CLEANUP(err_done) struct err why = ERR_INIT;
	struct cel_program *program = NULL;

	if (text.len > DEVICE_CEL_TEXT_MAX) {
		place_too_long(p, DEVICE_CEL_TEXT_MAX);
		return;
	}
	if (device_cel_compile(text, &program, &why) < 0)
		place_invalid_str(p, text, err_text(&why));
	else if (cel_program_cost(program) > DEVICE_CEL_COST_MAX)
		place_forbidden(p, "too complex, exceeds cost limit");
	cel_program_free(program);
}

static void check_selectors(const struct place *p, struct json_object *list, bool stored)
{
	if (!check_at_most(p, list, SELECTORS_MAX))
		return;
	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *cel = jsonc_get(list_at(list, i), "cel");

		if (!cel)
			place_required(PLACE(PLACE_AT(p, i), "cel"), "");
		else if (!stored)
			check_expression(PLACE(PLACE_AT(p, i), "cel.expression"),
					 text_of(cel, "expression"));
	}
}

/* A driver's own settings or data: an object of JSON. */
static void check_raw(const struct place *p, struct json_object *v, size_t max)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (!v) {
		place_required(p, "");
		return;
	}
	jsonc_write(v, &b);
	if (max && b.len > max)
		place_too_long(p, max);
	else if (!json_object_is_type(v, json_type_object))
		place_invalid_str(p, STR("<value omitted>"), "must be a valid JSON object");
}

static void check_config(const struct place *p, struct json_object *config, bool stored)
{
	struct json_object *opaque = jsonc_get(config, "opaque");

	if (!opaque) {
		place_required(PLACE(p, "opaque"), "");
		return;
	}
	check_device_driver(PLACE(p, "opaque.driver"), text_of(opaque, "driver"));
	check_raw(PLACE(p, "opaque.parameters"), jsonc_get(opaque, "parameters"),
		  stored ? 0 : PARAMETERS_MAX);
}

/* ---- DeviceClass ---- */

static void check_class(struct json_object *obj, struct json_object *old, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec"), *was = jsonc_get(old, "spec");
	struct json_object *selectors = jsonc_get(spec, "selectors"),
			   *configs = jsonc_get(spec, "config");
	const struct place *p = PLACE(PLACE_OF(err), "spec");
	struct str extended = text_of(spec, "extendedResourceName");

	check_selectors(PLACE(p, "selectors"), selectors,
			old && json_object_equal(selectors, jsonc_get(was, "selectors")));
	if (check_at_most(PLACE(p, "config"), configs, CONFIGS_MAX))
		for (size_t i = 0; i < list_len(configs); i++)
			check_config(PLACE_AT(PLACE(p, "config"), i), list_at(configs, i),
				     old && json_object_equal(configs, jsonc_get(was, "config")));
	if (jsonc_get(spec, "extendedResourceName") &&
	    (str_chr(extended, '/') < 0 || str_starts(extended, STR("kubernetes.io/")) ||
	     str_starts(extended, STR("requests.")) || name_check_qualified(extended)))
		place_invalid_str(PLACE(p, "extendedResourceName"), extended,
				  "must be a valid extended resource name");
}

void validate_deviceclass_create(struct json_object *obj, struct err *err)
{
	check_class(obj, NULL, err);
}

void validate_deviceclass_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	check_class(obj, old, err);
}

/* ---- claims ---- */

static void check_toleration(const struct place *p, struct json_object *t)
{
	static const char *const operators[] = {"Equal", "Exists", NULL};
	static const char *const effects[] = {"NoExecute", "NoSchedule", "None", NULL};
	struct str key = text_of(t, "key"), value = text_of(t, "value");

	if (key.len)
		check_name(PLACE(p, "key"), NAME_QUALIFIED, key);
	if (str_eqs(text_of(t, "operator"), "Exists")) {
		if (value.len)
			place_invalid_str(PLACE(p, "value"), value,
					  "must be empty for operator `Exists`");
	} else if (str_eqs(text_of(t, "operator"), "Equal")) {
		check_name(PLACE(p, "value"), NAME_LABEL_VALUE, value);
	}
	check_enum(p, t, "operator", operators, true);
	check_enum(p, t, "effect", effects, false);
}

static void check_tolerations(const struct place *p, struct json_object *list)
{
	if (check_at_most(p, list, TOLERATIONS_MAX))
		for (size_t i = 0; i < list_len(list); i++)
			check_toleration(PLACE_AT(p, i), list_at(list, i));
}

static void check_ask(const struct place *p, struct json_object *r)
{
	static const char *const modes[] = {"All", "ExactCount", NULL};
	struct str mode = text_of(r, "allocationMode"), class = text_of(r, "deviceClassName");
	int64_t count = int_of(r, "count");

	if (!class.len)
		place_required(PLACE(p, "deviceClassName"), "");
	else
		check_name(PLACE(p, "deviceClassName"), NAME_SUBDOMAIN, class);
	check_selectors(PLACE(p, "selectors"), jsonc_get(r, "selectors"), false);
	check_enum(p, r, "allocationMode", modes, true);
	if (str_eqs(mode, "All") && count)
		place_invalid_int(PLACE(p, "count"), count,
				  "must not be specified when allocationMode is 'All'");
	if (str_eqs(mode, "ExactCount") && count <= 0)
		place_invalid_int(PLACE(p, "count"), count, "must be greater than zero");
	check_tolerations(PLACE(p, "tolerations"), jsonc_get(r, "tolerations"));
}

static void check_request_name(const struct place *p, struct str name)
{
	if (!name.len)
		place_required(p, "");
	else
		check_name(p, NAME_DNS_LABEL, name);
}

/* "name", and of alternatives "name/sub". */
static void add_name(struct hmap *names, struct str name, struct str sub)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	buf_addf(&b, "%.*s%s%.*s", STR_ARG(name), sub.len ? "/" : "", STR_ARG(sub));
	hmap_put(names, buf_str(&b), names);
}

static void gather_names(struct json_object *devices, struct hmap *names)
{
	struct json_object *list = jsonc_get(devices, "requests");

	for (size_t i = 0; i < list_len(list); i++) {
		struct str name = text_of(list_at(list, i), "name");
		struct json_object *subs = jsonc_get(list_at(list, i), "firstAvailable");

		add_name(names, name, STR_NULL);
		for (size_t k = 0; k < list_len(subs); k++)
			add_name(names, name, text_of(list_at(subs, k), "name"));
	}
}

static void check_alternatives(const struct place *p, struct json_object *list)
{
	CLEANUP(seen_done) struct seen names = {0};

	if (!check_at_most(p, list, ALTERNATIVES_MAX))
		return;
	for (size_t i = 0; i < list_len(list); i++) {
		struct str name = text_of(list_at(list, i), "name");

		check_request_name(PLACE(PLACE_AT(p, i), "name"), name);
		check_ask(PLACE_AT(p, i), list_at(list, i));
		if (name.len && !seen_add(&names, name))
			place_duplicate(PLACE_AT(p, i), name);
	}
}

static void check_request(const struct place *p, struct json_object *r, struct seen *names)
{
	struct json_object *exact = jsonc_get(r, "exactly"), *list = jsonc_get(r, "firstAvailable");
	struct str name = text_of(r, "name");

	check_request_name(PLACE(p, "name"), name);
	if (!exact && !list_len(list))
		place_required(p, "exactly one of `exactly` or `firstAvailable` is required");
	else if (exact && list_len(list))
		place_invalid(p, NULL,
			      "exactly one of `exactly` or `firstAvailable` is required, but "
			      "multiple fields are set");
	else if (exact)
		check_ask(PLACE(p, "exactly"), exact);
	else
		check_alternatives(PLACE(p, "firstAvailable"), list);
	if (name.len && !seen_add(names, name))
		place_duplicate(p, name);
}

static void check_ref(const struct place *p, struct str name, const struct hmap *names)
{
	struct str rest = name, part;
	int n = 0;

	while (str_split(&rest, '/', &part))
		if (++n <= 2)
			check_request_name(p, part);
	if (n > 2 || !hmap_has(names, name))
		place_invalid_str(p, name, REQUEST_REF);
}

static void check_refs(const struct place *p, struct json_object *list, const struct hmap *names)
{
	CLEANUP(seen_done) struct seen seen = {0};

	if (!check_at_most(p, list, REQUESTS_MAX))
		return;
	for (size_t i = 0; i < list_len(list); i++) {
		struct str name = jsonc_str(list_at(list, i));

		check_ref(PLACE_AT(p, i), name, names);
		if (!seen_add(&seen, name))
			place_duplicate(PLACE_AT(p, i), name);
	}
}

static void check_constraint(const struct place *p, struct json_object *c, const struct hmap *names)
{
	check_refs(PLACE(p, "requests"), jsonc_get(c, "requests"), names);
	if (jsonc_get(c, "matchAttribute"))
		check_qualified_name(PLACE(p, "matchAttribute"), text_of(c, "matchAttribute"),
				     true);
	else if (jsonc_get(c, "distinctAttribute"))
		check_qualified_name(PLACE(p, "distinctAttribute"), text_of(c, "distinctAttribute"),
				     true);
	else
		place_required(p, "exactly one of \"matchAttribute\" or \"distinctAttribute\" is "
				  "required, but multiple fields are set");
}

static void check_claim(const struct place *p, struct json_object *devices)
{
	CLEANUP(hmap_freep) struct hmap *names = hmap_new();
	CLEANUP(seen_done) struct seen seen = {0};
	struct json_object *list = jsonc_get(devices, "requests");
	const struct place *at = PLACE(p, "requests");

	gather_names(devices, names);
	if (check_at_most(at, list, REQUESTS_MAX))
		for (size_t i = 0; i < list_len(list); i++)
			check_request(PLACE_AT(at, i), list_at(list, i), &seen);
	list = jsonc_get(devices, "constraints");
	at = PLACE(p, "constraints");
	if (check_at_most(at, list, CONSTRAINTS_MAX))
		for (size_t i = 0; i < list_len(list); i++)
			check_constraint(PLACE_AT(at, i), list_at(list, i), names);
	list = jsonc_get(devices, "config");
	at = PLACE(p, "config");
	if (!check_at_most(at, list, CONFIGS_MAX))
		return;
	for (size_t i = 0; i < list_len(list); i++) {
		check_refs(PLACE(PLACE_AT(at, i), "requests"),
			   jsonc_get(list_at(list, i), "requests"), names);
		check_config(PLACE_AT(at, i), list_at(list, i), false);
	}
}

/* The spec never changes: it is looked at once. */
void validate_resourceclaim_create(struct json_object *obj, struct err *err)
{
	check_claim(PLACE(PLACE_OF(err), "spec.devices"), jsonc_path(obj, "spec.devices"));
}

void validate_resourceclaim_update(struct json_object *obj, struct json_object *old,
				   struct err *err)
{
	check_immutable(PLACE(PLACE_OF(err), "spec"), jsonc_get(obj, "spec"),
			jsonc_get(old, "spec"));
}

void validate_resourceclaimtemplate_create(struct json_object *obj, struct err *err)
{
	struct json_object *meta = jsonc_path(obj, "spec.metadata");
	const struct place *p = PLACE(PLACE_OF(err), "spec.metadata");

	check_labels(PLACE(p, "labels"), jsonc_get(meta, "labels"));
	check_annotations(PLACE(p, "annotations"), jsonc_get(meta, "annotations"));
	check_claim(PLACE(PLACE_OF(err), "spec.spec.devices"),
		    jsonc_path(obj, "spec.spec.devices"));
}

void validate_resourceclaimtemplate_update(struct json_object *obj, struct json_object *old,
					   struct err *err)
{
	check_immutable(PLACE(PLACE_OF(err), "spec"), jsonc_get(obj, "spec"),
			jsonc_get(old, "spec"));
}

/* ---- a claim's status ---- */

/* "driver/pool/device[/share]" */
static void device_id(struct json_object *r, struct buf *out)
{
	buf_clear(out);
	buf_addf(out, "%.*s/%.*s/%.*s", STR_ARG(text_of(r, "driver")), STR_ARG(text_of(r, "pool")),
		 STR_ARG(text_of(r, "device")));
	if (text_of(r, "shareID").len)
		buf_addf(out, "/%.*s", STR_ARG(text_of(r, "shareID")));
}

static void check_share(const struct place *p, struct str id)
{
	bool good = id.len == 36;

	for (size_t i = 0; good && i < id.len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		good = dash ? id.p[i] == '-'
			    : (id.p[i] >= '0' && id.p[i] <= '9') ||
				       (id.p[i] >= 'a' && id.p[i] <= 'f');
	}
	if (!good)
		place_invalid_str(p, id,
				  "uid must be in RFC 4122 normalized form, "
				  "`xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase "
				  "hexadecimal characters");
}

static void check_result(const struct place *p, struct json_object *r, const struct hmap *names)
{
	check_ref(PLACE(p, "request"), text_of(r, "request"), names);
	check_device_driver(PLACE(p, "driver"), text_of(r, "driver"));
	check_pool_name(PLACE(p, "pool"), text_of(r, "pool"));
	check_name(PLACE(p, "device"), NAME_DNS_LABEL, text_of(r, "device"));
	check_binding_conditions(p, r);
	check_tolerations(PLACE(p, "tolerations"), jsonc_get(r, "tolerations"));
	if (jsonc_get(r, "shareID"))
		check_share(PLACE(p, "shareID"), text_of(r, "shareID"));
}

static void check_allocation(const struct place *p, struct json_object *a, const struct hmap *names)
{
	static const char *const sources[] = {"FromClaim", "FromClass", NULL};
	struct json_object *devices = jsonc_get(a, "devices"),
			   *list = jsonc_get(devices, "results");
	const struct place *at = PLACE(p, "devices.results");

	if (check_at_most(at, list, CLAIM_RESULTS_MAX))
		for (size_t i = 0; i < list_len(list); i++)
			check_result(PLACE_AT(at, i), list_at(list, i), names);
	list = jsonc_get(devices, "config");
	at = PLACE(p, "devices.config");
	if (check_at_most(at, list, 2 * CONFIGS_MAX))
		for (size_t i = 0; i < list_len(list); i++) {
			check_enum(PLACE_AT(at, i), list_at(list, i), "source", sources, true);
			check_refs(PLACE(PLACE_AT(at, i), "requests"),
				   jsonc_get(list_at(list, i), "requests"), names);
			check_config(PLACE_AT(at, i), list_at(list, i), false);
		}
	if (jsonc_get(a, "nodeSelector"))
		check_node_selector(PLACE(p, "nodeSelector"), jsonc_get(a, "nodeSelector"));
}

static void check_users(const struct place *p, struct json_object *list)
{
	CLEANUP(seen_done) struct seen uids = {0};
	static const char *const fields[] = {"resource", "name", "uid"};

	if (!check_at_most(p, list, CLAIM_USERS_MAX))
		return;
	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *u = list_at(list, i);

		for (size_t k = 0; k < ARRAY_SIZE(fields); k++)
			if (!text_of(u, fields[k]).len)
				place_required(PLACE(PLACE_AT(p, i), fields[k]), "");
		if (!seen_add(&uids, text_of(u, "uid")))
			place_duplicate(PLACE_AT(p, i), text_of(u, "uid"));
	}
}

static void check_network(const struct place *p, struct json_object *n)
{
	struct json_object *ips = jsonc_get(n, "ips");

	if (text_of(n, "interfaceName").len > 256)
		place_too_long(PLACE(p, "interfaceName"), 256);
	if (text_of(n, "hardwareAddress").len > 128)
		place_too_long(PLACE(p, "hardwareAddress"), 128);
	check_at_most(PLACE(p, "ips"), ips, IPS_MAX);
	for (size_t i = 0; i < list_len(ips) && i < IPS_MAX; i++)
		if (str_chr(jsonc_str(list_at(ips, i)), '/') < 0)
			place_invalid_str(PLACE_AT(PLACE(p, "ips"), i), jsonc_str(list_at(ips, i)),
					  "must be a valid address in CIDR form, (e.g. "
					  "10.9.8.7/24 or 2001:db8::1/64)");
}

static void check_device_status(const struct place *p, struct json_object *d,
				const struct hmap *given)
{
	CLEANUP(buf_done) struct buf id = BUF_INIT;

	check_device_driver(PLACE(p, "driver"), text_of(d, "driver"));
	check_pool_name(PLACE(p, "pool"), text_of(d, "pool"));
	check_name(PLACE(p, "device"), NAME_DNS_LABEL, text_of(d, "device"));
	if (jsonc_get(d, "shareID"))
		check_share(PLACE(p, "shareID"), text_of(d, "shareID"));
	device_id(d, &id);
	if (!hmap_has(given, buf_str(&id)))
		place_invalid_str(p, buf_str(&id), "must be an allocated device in the claim");
	check_at_most(PLACE(p, "conditions"), jsonc_get(d, "conditions"), CONDITIONS_MAX);
	if (jsonc_get(d, "data"))
		check_raw(PLACE(p, "data"), jsonc_get(d, "data"), STATUS_DATA_MAX);
	check_network(PLACE(p, "networkData"), jsonc_get(d, "networkData"));
}

static bool has_new_user(struct json_object *now, struct json_object *old)
{
	CLEANUP(seen_done) struct seen uids = {0};

	for (size_t i = 0; i < list_len(old); i++)
		seen_add(&uids, text_of(list_at(old, i), "uid"));
	for (size_t i = 0; i < list_len(now); i++)
		if (!seen_has(&uids, text_of(list_at(now, i), "uid")))
			return true;
	return false;
}

static void check_devices_status(const struct place *p, struct json_object *status)
{
	CLEANUP(hmap_freep) struct hmap *given = hmap_new(), *seen = hmap_new();
	struct json_object *results = jsonc_path(status, "allocation.devices.results"),
			   *list = jsonc_get(status, "devices");
	CLEANUP(buf_done) struct buf id = BUF_INIT;

	for (size_t i = 0; i < list_len(results); i++) {
		device_id(list_at(results, i), &id);
		hmap_put(given, buf_str(&id), given);
	}
	for (size_t i = 0; i < list_len(list); i++) {
		check_device_status(PLACE_AT(p, i), list_at(list, i), given);
		device_id(list_at(list, i), &id);
		if (hmap_put(seen, buf_str(&id), seen))
			place_duplicate(PLACE_AT(p, i), buf_str(&id));
	}
}

void validate_resourceclaim_status(struct json_object *obj, struct json_object *old,
				   struct err *err)
{
	struct json_object *status = jsonc_get(obj, "status"), *was = jsonc_get(old, "status");
	struct json_object *allocation = jsonc_get(status, "allocation"),
			   *users = jsonc_get(status, "reservedFor");
	const struct place *p = PLACE(PLACE_OF(err), "status");
	CLEANUP(hmap_freep) struct hmap *names = hmap_new();

	check_users(PLACE(p, "reservedFor"), users);
	check_devices_status(PLACE(p, "devices"), status);
	if (list_len(users) && !allocation)
		place_forbidden(PLACE(p, "reservedFor"),
				"may not be specified when `allocated` is not set");
	else if (jsonc_path(obj, "metadata.deletionTimestamp") &&
		 has_new_user(users, jsonc_get(was, "reservedFor")))
		place_forbidden(PLACE(p, "reservedFor"),
				"new entries may not be added while `deallocationRequested` or "
				"`deletionTimestamp` are set");
	if (allocation && jsonc_get(was, "allocation")) {
		check_immutable(PLACE(p, "allocation"), allocation, jsonc_get(was, "allocation"));
	} else if (allocation) {
		gather_names(jsonc_path(obj, "spec.devices"), names);
		check_allocation(PLACE(p, "allocation"), allocation, names);
	}
}
