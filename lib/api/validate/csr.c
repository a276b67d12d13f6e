/* SPDX-License-Identifier: Apache-2.0 */
/* CertificateSigningRequest; follows pkg/apis/certificates/validation. */
#include "lib/api/validate/check.h"
#include "lib/api/kinds/types.h"
#include "lib/api/validate/rules.h"
#include "lib/base/codec.h"

#define EXPIRATION_MIN_S 600

static const char *const decisions[] = {"Approved", "Denied", "Failed", NULL};

static bool contains(struct str base64, const char *marker)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	return base64_decode(base64, &b) == 0 && memmem(b.p, b.len, marker, strlen(marker));
}

static void check_segment(const struct place *p, struct str segment)
{
	struct str rest = segment, label;

	while (str_split(&rest, '.', &label)) {
		struct name_errors e;

		name_errors(NAME_DNS_LABEL, label, &e);
		for (size_t i = 0; i < e.n; i++) {
			CLEANUP_FREE char *why =
				xasprintf("validating label \"%.*s\": %s", STR_ARG(label), e.v[i]);

			place_invalid_str(p, segment, why);
		}
		if (e.n)
			return;
	}
}

/* "example.com/signer-name" */
static void check_signer(const struct place *p, struct str name)
{
	ssize_t slash = str_chr(name, '/');
	struct str domain, path;

	if (!name.len) {
		place_required(p, "");
		return;
	}
	if (slash < 0 || str_rchr(name, '/') != slash) {
		place_invalid_str(p, name,
				  "must be a fully qualified domain and path of the form "
				  "'example.com/signer-name'");
		return;
	}
	domain = str_n(name.p, (size_t)slash);
	path = str_skip(name, (size_t)slash + 1);
	if (domain.len > 253)
		place_too_long(p, 253);
	check_segment(p, domain);
	if (str_chr(domain, '.') < 0)
		place_invalid_str(
			p, domain,
			"should be a domain with at least two segments separated by dots");
	check_segment(p, path);
	if (str_eqs(name, "kubernetes.io/legacy-unknown"))
		place_invalid_str(p, name,
				  "the legacy signerName is not allowed via this API version");
}

static void check_usages(const struct place *p, struct json_object *list)
{
	struct seen seen = {0};

	if (!list_len(list))
		place_required(p, "");
	for (size_t i = 0; i < list_len(list); i++) {
		struct str usage = jsonc_str(list_at(list, i));
		bool good = false;

		for (size_t k = 0; !good && api_key_usages[k]; k++)
			good = str_eqs(usage, api_key_usages[k]);
		if (!good)
			place_unsupported(PLACE_AT(p, i), usage, api_key_usages);
		if (!seen_add(&seen, usage))
			place_duplicate(PLACE_AT(p, i), usage);
	}
	seen_done(&seen);
}

static bool is_decision(struct str type)
{
	for (size_t i = 0; decisions[i]; i++)
		if (str_eqs(type, decisions[i]))
			return true;
	return false;
}

static void check_conditions(const struct place *p, struct json_object *list)
{
	static const char *const all[] = {"False", "True", "Unknown", NULL};
	static const char *const true_only[] = {"True", NULL};
	struct seen seen = {0};

	for (size_t i = 0; i < list_len(list); i++) {
		struct json_object *c = list_at(list, i);
		struct str type = text_of(c, "type");
		const struct place *at = PLACE_AT(p, i);

		if (!type.len)
			place_required(PLACE(at, "type"), "");
		check_enum(at, c, "status", is_decision(type) ? true_only : all, true);
		if ((str_eqs(type, "Approved") && seen_has(&seen, STR("Denied"))) ||
		    (str_eqs(type, "Denied") && seen_has(&seen, STR("Approved"))))
			place_invalid_str(PLACE(at, "type"), type,
					  "Approved and Denied conditions are mutually exclusive");
		if (!seen_add(&seen, type))
			place_duplicate(PLACE(at, "type"), type);
	}
	seen_done(&seen);
}

void validate_csr(struct json_object *obj, struct err *err)
{
	struct json_object *spec = jsonc_get(obj, "spec");
	struct json_object *seconds = jsonc_get(spec, "expirationSeconds");
	struct json_object *cert = jsonc_path(obj, "status.certificate");
	const struct place *root = PLACE_OF(err), *p = PLACE(root, "spec");

	if (!contains(text_of(spec, "request"), "-----BEGIN CERTIFICATE REQUEST-----"))
		place_invalid_str(PLACE(p, "request"), text_of(spec, "request"),
				  "PEM block type must be CERTIFICATE REQUEST");
	check_usages(PLACE(p, "usages"), jsonc_get(spec, "usages"));
	check_signer(PLACE(p, "signerName"), text_of(spec, "signerName"));
	if (seconds && jsonc_i64(seconds, 0) < EXPIRATION_MIN_S)
		place_invalid(PLACE(p, "expirationSeconds"), seconds,
			      "may not specify a duration less than 600 seconds (10 minutes)");
	check_conditions(PLACE(root, "status.conditions"), jsonc_path(obj, "status.conditions"));
	if (cert && jsonc_str(cert).len &&
	    !contains(jsonc_str(cert), "-----BEGIN CERTIFICATE-----"))
		place_invalid_str(PLACE(root, "status.certificate"), STR("<certificate data>"),
				  "must contain at least one CERTIFICATE PEM block");
}

static size_t count_of(struct json_object *obj, const char *type)
{
	struct json_object *list = jsonc_path(obj, "status.conditions");
	size_t n = 0;

	for (size_t i = 0; i < list_len(list); i++)
		n += str_eqs(text_of(list_at(list, i), "type"), type);
	return n;
}

/* A decision stays, and so does a certificate that has been issued. */
void validate_csr_update(struct json_object *obj, struct json_object *old, struct err *err)
{
	struct str was = jsonc_path_str(old, "status.certificate");
	const struct place *p = PLACE(PLACE_OF(err), "status");

	validate_csr(obj, err);
	for (size_t i = 0; decisions[i]; i++) {
		CLEANUP_FREE char *why = xasprintf(
			"updates may not remove a condition of type \"%s\"", decisions[i]);

		if (count_of(obj, decisions[i]) < count_of(old, decisions[i]))
			place_forbidden(PLACE(p, "conditions"), why);
	}
	if (was.len && !str_eq(was, jsonc_path_str(obj, "status.certificate")))
		place_forbidden(PLACE(p, "certificate"),
				"updates may not modify existing certificate content");
}
