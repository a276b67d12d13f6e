/* SPDX-License-Identifier: Apache-2.0 */
/* Probes and lifecycle hooks. */
#include "lib/api/validate/pod.h"

static void check_exec(const struct place *p, struct json_object *h)
{
	if (!list_len(jsonc_get(h, "command")))
		place_required(PLACE(p, "command"), "");
}

static void check_http(const struct place *p, struct json_object *h)
{
	static const char *const schemes[] = {"HTTP", "HTTPS", NULL};
	struct json_object *headers = jsonc_get(h, "httpHeaders");
	struct str scheme = text_of(h, "scheme");

	if (!text_of(h, "path").len)
		place_required(PLACE(p, "path"), "");
	check_port_or_name(PLACE(p, "port"), jsonc_get(h, "port"));
	if (!str_eqs(scheme, "HTTP") && !str_eqs(scheme, "HTTPS"))
		place_unsupported(PLACE(p, "scheme"), scheme, schemes);
	for (size_t i = 0; i < list_len(headers); i++)
		check_name(PLACE(p, "httpHeaders"), NAME_HTTP_HEADER,
			   text_of(list_at(headers, i), "name"));
}

static void check_only_port(const struct place *p, struct json_object *h)
{
	check_port_or_name(PLACE(p, "port"), jsonc_get(h, "port"));
}

static void check_sleep(const struct place *p, struct json_object *h, const struct pod_ctx *c)
{
	int64_t s = int_of(h, "seconds");
	CLEANUP_FREE char *why = NULL;

	if (!c->has_grace || (s >= 0 && s <= c->grace_s))
		return;
	why = xasprintf("must be non-negative and less than terminationGracePeriodSeconds (%" PRId64
			")",
			c->grace_s);
	place_invalid_int(p, s, why);
}

/* Exactly one of the handlers; `c` is NULL for probes, which cannot sleep. */
static void check_handler(const struct place *p, struct json_object *h, const struct pod_ctx *c)
{
	static const struct {
		const char *name;
		void (*check)(const struct place *, struct json_object *);
	} handlers[] = {{"exec", check_exec},
			{"httpGet", check_http},
			{"tcpSocket", check_only_port},
			{"grpc", check_only_port}};
	struct json_object *sleep = c ? jsonc_get(h, "sleep") : NULL;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(handlers); i++) {
		struct json_object *v = jsonc_get(h, handlers[i].name);

		if (v && n)
			place_forbidden(PLACE(p, handlers[i].name),
					"may not specify more than 1 handler type");
		else if (v)
			handlers[i].check(PLACE(p, handlers[i].name), v);
		n += !!v;
	}
	if (sleep && n)
		place_forbidden(PLACE(p, "sleep"), "may not specify more than 1 handler type");
	else if (sleep)
		check_sleep(PLACE(p, "sleep"), sleep, c);
	if (!n && !sleep)
		place_required(p, "must specify a handler type");
}

void validate_probe(const struct place *p, struct json_object *probe, enum probe_kind kind)
{
	static const char *const counts[] = {"initialDelaySeconds", "timeoutSeconds",
					     "periodSeconds", "successThreshold",
					     "failureThreshold"};
	struct json_object *grace = jsonc_get(probe, "terminationGracePeriodSeconds");

	if (!probe)
		return;
	check_handler(p, probe, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		check_not_negative(p, probe, counts[i]);
	if (grace && jsonc_i64(grace, 0) <= 0)
		place_invalid(PLACE(p, "terminationGracePeriodSeconds"), grace,
			      "must be greater than 0");
	if (kind == PROBE_READINESS && grace)
		place_invalid(PLACE(p, "terminationGracePeriodSeconds"), grace,
			      "must not be set for readinessProbes");
	if (kind != PROBE_READINESS && int_of(probe, "successThreshold") != 1)
		place_invalid_int(PLACE(p, "successThreshold"), int_of(probe, "successThreshold"),
				  "must be 1");
}

void validate_lifecycle(const struct place *p, struct json_object *lifecycle,
			const struct pod_ctx *c)
{
	static const char *const hooks[] = {"postStart", "preStop"};

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		if (jsonc_get(lifecycle, hooks[i]))
			check_handler(PLACE(p, hooks[i]), jsonc_get(lifecycle, hooks[i]), c);
}
