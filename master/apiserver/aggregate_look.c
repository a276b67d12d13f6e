/* SPDX-License-Identifier: Apache-2.0 */
/* Does an aggregated server answer, and what does it say it serves? */
#include "master/apiserver/aggregate_internal.h"

#define LOOK_NS (30 * NSEC_PER_SEC)
#define LOOK_FAILED_NS (2 * NSEC_PER_SEC)
#define LOOK_TIMEOUT_NS (5 * NSEC_PER_SEC)
#define ANSWER_MAX (2u << 20)

static const struct api_kind *apiservice_kind(void)
{
	return server_kind("apiregistration.k8s.io", "v1", "apiservices");
}

static void set_condition(struct apiserver *s, struct json_object *obj, const char *status,
			  const char *reason, const char *message)
{
	struct json_object *c = json_object_new_object(), *list = json_object_new_array();
	char now[TIME_LEN + 1];

	time_format(server_now_ns(s), now);
	jsonc_set_str(c, "type", STR("Available"));
	jsonc_set_str(c, "status", str_of(status));
	jsonc_set_str(c, "lastTransitionTime", str_of(now));
	jsonc_set_str(c, "reason", str_of(reason));
	jsonc_set_str(c, "message", str_of(message));
	json_object_array_add(list, c);
	jsonc_set(jsonc_ensure(obj, "status"), "conditions", list);
}

static bool says_already(struct jv obj, const char *status, const char *reason, const char *message)
{
	jv_for_each (c, jv_path(obj, "status.conditions")) {
		CLEANUP_FREE char *m = jv_strdup(jv_get(c.value, "message"));

		if (jv_eqs(jv_get(c.value, "type"), "Available"))
			return jv_eqs(jv_get(c.value, "status"), status) &&
			       jv_eqs(jv_get(c.value, "reason"), reason) && m &&
			       !strcmp(m, message);
	}
	return false;
}

static void on_stored(void *user, const struct store_result *res)
{
	/* Another writer was first: the next look tells it again. */
}

/* The leader alone writes it; every master knows it for itself. */
void aggregate_tell(struct apiserver *s, struct str key, bool available, const char *reason,
		    const char *message)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(s->store);
	const struct store_obj *o = store_get(v, key);
	CLEANUP_JSON struct json_object *obj = NULL;
	const char *status = available ? "True" : "False";

	if (!o || store_role(s->store) != STORE_LEADER ||
	    says_already(jv_of(o->value), status, reason, message) ||
	    jsonc_parse(o->value, NULL, &obj, NULL) < 0)
		return;
	set_condition(s, obj, status, reason, message);
	server_rewrite(s, apiservice_kind(), o, obj, on_stored, NULL);
}

static void tell(struct remote *r, bool available, const char *reason, const char *message)
{
	r->available = available;
	aggregate_tell(r->all->s, str_of(r->key), available, reason, message);
}

static void again(struct remote *r, bool fine)
{
	timers_arm_in(r->all->s->timers, &r->look, fine ? LOOK_NS : LOOK_FAILED_NS);
}

static void on_response(struct http_call *call, int status, void *user)
{
	((struct remote *)user)->status = status;
}

/* Nobody waits for the rest of it, which may have no end. */
static void too_large(struct remote *r, struct http_call *call)
{
	CLEANUP_FREE char *why =
		xasprintf("failing or missing response from /apis/%s/%s: the answer is too large",
			  r->group, r->version);

	r->call = NULL;
	http_call_cancel(call);
	buf_done(&r->fresh);
	r->fresh = BUF_INIT;
	tell(r, false, "FailedDiscoveryCheck", why);
	again(r, false);
}

/* What cannot be understood is as nothing: the group is there, what it holds is not known. */
static void take(struct remote *r)
{
	buf_clear(&r->resources);
	buf_clear(&r->listed);
	if (aggregate_understand(r, buf_str(&r->fresh), &r->listed) == 0)
		buf_addstr(&r->resources, buf_str(&r->fresh));
	else
		buf_clear(&r->listed);
}

static void on_data(struct http_call *call, struct str data, void *user)
{
	struct remote *r = user;

	if (r->fresh.len + data.len <= ANSWER_MAX)
		buf_addstr(&r->fresh, data);
	else
		too_large(r, call);
}

static void on_end(struct http_call *call, int err, void *user)
{
	struct remote *r = user;
	CLEANUP(buf_done) struct buf why = BUF_INIT;
	bool fine = err == 0 && r->status >= 200 && r->status < 300;

	r->call = NULL;
	if (fine) {
		take(r);
		tell(r, true, "Passed", "all checks passed");
	} else {
		struct str urls = buf_str(&r->urls), first;

		str_split(&urls, '\n', &first);
		buf_addf(&why, "failing or missing response from %.*s/apis/%s/%s: ", STR_ARG(first),
			 r->group, r->version);
		if (err < 0)
			buf_adds(&why, http_call_error(call));
		else
			buf_addf(&why, "bad status from %.*s/apis/%s/%s: %d", STR_ARG(first),
				 r->group, r->version, r->status);
		tell(r, false, "FailedDiscoveryCheck", why.p);
	}
	buf_clear(&r->fresh);
	again(r, fine);
}

static const struct http_call_ops look_ops = {on_response, on_data, on_end};

void aggregate_look(struct remote *r)
{
	const struct http_header headers[] = {
		HTTP_HEADER("Accept", STR("application/json")),
		HTTP_HEADER("X-Remote-User", STR("system:kube-aggregator")),
		HTTP_HEADER("X-Remote-Group", STR("system:masters")),
	};
	CLEANUP_FREE char *path = xasprintf("/apis/%s/%s", r->group, r->version);
	struct http_call_req req = {.method = "GET",
				    .path = path,
				    .headers = headers,
				    .n_headers = ARRAY_SIZE(headers),
				    .timeout_ns = LOOK_TIMEOUT_NS};
	CLEANUP(buf_done) struct buf why = BUF_INIT;
	struct http_client *client;
	const char *reason;

	if (r->call)
		return;
	client = aggregate_client(r, &reason, &why);
	if (!client) {
		tell(r, false, reason, why.p);
		again(r, false);
		return;
	}
	r->status = 0;
	buf_clear(&r->fresh);
	r->call = http_client_request(client, &req, &look_ops, r);
}

void aggregate_look_stop(struct remote *r)
{
	timers_disarm(r->all->s->timers, &r->look);
	if (r->call)
		http_call_cancel(TAKE(r->call));
}

void aggregate_on_look(struct timer *t)
{
	aggregate_look(container_of(t, struct remote, look));
}
