/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/validate.h"

static enum name_rule rule_of(const struct api_kind *k)
{
	const char *rule = k->name_rule ? k->name_rule : "subdomain";

	if (strcmp(rule, "label") == 0)
		return NAME_DNS_LABEL;
	if (strcmp(rule, "label1035") == 0)
		return NAME_DNS_LABEL_1035;
	if (strcmp(rule, "path") == 0)
		return NAME_PATH_SEGMENT;
	return NAME_SUBDOMAIN;
}

/* A prefix may end in '-': something follows it. */
static void check_generate_name(const struct place *p, enum name_rule rule, struct str prefix)
{
	struct name_errors e;
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (!prefix.len)
		return;
	buf_addstr(&b, prefix);
	if (prefix.len > 1 && prefix.p[prefix.len - 1] == '-') {
		buf_setlen(&b, b.len - 2);
		buf_addc(&b, 'a');
	}
	name_errors(rule, buf_str(&b), &e);
	for (size_t i = 0; i < e.n; i++)
		place_invalid_str(p, prefix, e.v[i]);
}

static void check_owner(const struct place *p, struct json_object *o)
{
	static const char *const fields[] = {"kind", "name", "uid"};

	if (!text_of(o, "apiVersion").len)
		place_invalid_str(PLACE(p, "apiVersion"), STR(""), "version must not be empty");
	for (size_t f = 0; f < ARRAY_SIZE(fields); f++)
		if (!text_of(o, fields[f]).len)
			place_required(PLACE(p, fields[f]), "must not be empty");
	if (str_eqs(text_of(o, "apiVersion"), "v1") && str_eqs(text_of(o, "kind"), "Event"))
		place_invalid(p, o, "/v1, Kind=Event is disallowed from being an owner");
}

static void check_owners(const struct place *p, struct json_object *owners)
{
	struct json_object *first = NULL;

	for (size_t i = 0; i < list_len(owners); i++) {
		struct json_object *o = list_at(owners, i);
		CLEANUP_FREE char *why = NULL;

		check_owner(PLACE_AT(p, i), o);
		if (!bool_of(o, "controller"))
			continue;
		if (!first) {
			first = o;
			continue;
		}
		why = xasprintf("Only one reference can have Controller set to true. Found "
				"\"true\" in references for %.*s/%.*s and %.*s/%.*s",
				STR_ARG(text_of(first, "kind")), STR_ARG(text_of(first, "name")),
				STR_ARG(text_of(o, "kind")), STR_ARG(text_of(o, "name")));
		place_invalid(p, owners, why);
	}
}

void validate_finalizer_known(const struct place *p, struct str f)
{
	static const char *const plain[] = {"kubernetes", "orphan", "foregroundDeletion"};

	if (f.len && memchr(f.p, '/', f.len))
		return;
	for (size_t j = 0; j < ARRAY_SIZE(plain); j++)
		if (str_eqs(f, plain[j]))
			return;
	place_invalid_str(p, f,
			  "name is neither a standard finalizer name nor is it fully qualified");
}

static void check_finalizers(const struct place *p, struct json_object *list)
{
	bool orphan = false, foreground = false;

	for (size_t i = 0; i < list_len(list); i++) {
		struct str f = jsonc_str(list_at(list, i));

		check_name(p, NAME_QUALIFIED, f);
		orphan |= str_eqs(f, "orphan");
		foreground |= str_eqs(f, "foregroundDeletion");
	}
	if (orphan && foreground)
		place_invalid(p, list,
			      "finalizer orphan and foregroundDeletion cannot be both set");
	for (size_t i = 0; i < list_len(list); i++)
		validate_finalizer_known(PLACE_AT(p, i), jsonc_str(list_at(list, i)));
}

static void check_namespace(const struct api_kind *k, struct json_object *meta,
			    const struct place *p)
{
	struct str ns = text_of(meta, "namespace");

	if (!api_kind_namespaced(k)) {
		if (ns.len)
			place_forbidden(PLACE(p, "namespace"), "not allowed on this type");
		return;
	}
	if (!ns.len)
		place_required(PLACE(p, "namespace"), "");
	else
		check_name(PLACE(p, "namespace"), NAME_DNS_LABEL, ns);
}

void validate_metadata(const struct api_kind *k, struct json_object *obj, const struct place *root)
{
	struct json_object *meta = jsonc_get(obj, "metadata");
	const struct place *p = PLACE(root, "metadata");

	check_generate_name(PLACE(p, "generateName"), rule_of(k), text_of(meta, "generateName"));
	if (!text_of(meta, "name").len)
		place_required(PLACE(p, "name"), "name or generateName is required");
	else
		check_name(PLACE(p, "name"), rule_of(k), text_of(meta, "name"));
	check_namespace(k, meta, p);
	check_labels(PLACE(p, "labels"), jsonc_get(meta, "labels"));
	check_annotations(PLACE(p, "annotations"), jsonc_get(meta, "annotations"));
	check_owners(PLACE(p, "ownerReferences"), jsonc_get(meta, "ownerReferences"));
	check_finalizers(PLACE(p, "finalizers"), jsonc_get(meta, "finalizers"));
}

/* An object that is going may only lose finalizers. */
static void no_new_finalizers(const struct place *p, struct json_object *now,
			      struct json_object *old)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct seen seen = {0};

	for (size_t i = 0; i < list_len(old); i++)
		seen_add(&seen, jsonc_str(list_at(old, i)));
	for (size_t i = 0; i < list_len(now); i++) {
		struct str f = jsonc_str(list_at(now, i));

		if (!seen_add(&seen, f))
			continue;
		buf_adds(&b, b.len ? ", "
				   : "no new finalizers can be added if the object is being "
				     "deleted, found new finalizers []string{");
		json_quote(f, &b);
	}
	seen_done(&seen);
	if (!b.len)
		return;
	buf_addc(&b, '}');
	place_forbidden(p, b.p);
}

void validate_metadata_update(struct json_object *obj, struct json_object *old,
			      const struct place *root)
{
	static const char *const fixed[] = {"name",
					    "namespace",
					    "uid",
					    "creationTimestamp",
					    "deletionTimestamp",
					    "deletionGracePeriodSeconds"};
	struct json_object *meta = jsonc_get(obj, "metadata");
	struct json_object *was = jsonc_get(old, "metadata");
	const struct place *p = PLACE(root, "metadata");

	if (jsonc_get(was, "deletionTimestamp"))
		no_new_finalizers(PLACE(p, "finalizers"), jsonc_get(meta, "finalizers"),
				  jsonc_get(was, "finalizers"));
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		check_immutable(PLACE(p, fixed[i]), jsonc_get(meta, fixed[i]),
				jsonc_get(was, fixed[i]));
}
