/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cloud/cloud.h"
#include "lib/base/cidr.h"
#include "lib/api/names.h"

const struct cloud_provider *const cloud_providers[] = {&cloud_metal, &cloud_exec, NULL};

#define LIST_MAX 100 /* addresses of a machine or a balancer */

static struct cloud_base *base(const struct cloud *c)
{
	return (struct cloud_base *)c;
}

const char *cloud_verb_name(enum cloud_verb v)
{
	switch (v) {
	case CLOUD_INSTANCE:
		return "instance";
	case CLOUD_ENSURE_BALANCER:
		return "ensureLoadBalancer";
	case CLOUD_DELETE_BALANCER:
		return "deleteLoadBalancer";
	case CLOUD_SYNC_ROUTES:
		return "syncRoutes";
	case CLOUD_VERB_MAX:
		break;
	}
	return "";
}

int cloud_open(const char *name, const struct cloud_conf *conf, struct cloud **ret, struct err *err)
{
	for (size_t i = 0; cloud_providers[i]; i++) {
		if (strcmp(cloud_providers[i]->name, name) != 0)
			continue;
		if (!conf->file)
			return err_sys(err, EINVAL, "--cloud %s needs --cloud-config", name);
		return cloud_providers[i]->open(conf, ret, err);
	}
	return err_sys(err, EINVAL, "--cloud: \"%s\" is none of metal, exec", name);
}

struct cloud *cloud_close(struct cloud *c)
{
	if (c)
		base(c)->provider->close(c);
	return NULL;
}

const char *cloud_name(const struct cloud *c)
{
	return base(c)->provider->name;
}

bool cloud_does(const struct cloud *c, enum cloud_verb v)
{
	return base(c)->provider->does(c, v);
}

void cloud_on_change(struct cloud *c, void (*fn)(void *user), void *user)
{
	base(c)->changed = fn;
	base(c)->user = user;
}

struct cloud_call *cloud_ask(struct cloud *c, enum cloud_verb v, struct str params, cloud_fn *done,
			     void *user)
{
	return base(c)->provider->call(c, v, params, done, user);
}

void cloud_cancel(struct cloud_call *call)
{
	if (call)
		((struct cloud_call_base *)call)->provider->cancel(call);
}

void cloud_hold(struct cloud *c, struct str owner, struct str address)
{
	if (base(c)->provider->hold)
		base(c)->provider->hold(c, owner, address);
}

void cloud_release(struct cloud *c, struct str owner)
{
	if (base(c)->provider->release)
		base(c)->provider->release(c, owner);
}

/* ---- Reading answers ---- */

static int wrong(struct err *err, const char *what)
{
	return err_set(err, EPROTO, NULL, "the cloud provider's answer: %s", what);
}

/* A string, or absent. */
static int text(struct jv obj, const char *name, bool label, struct str *ret, struct err *err)
{
	struct jv v = jv_get(obj, name);
	struct str s = jv_text(v);
	const char *why = NULL;

	*ret = STR_NULL;
	if (!jv_exists(v))
		return 0;
	if (jv_type(v) != JV_STRING || s.len > 253 || (s.len && memchr(s.p, '\\', s.len)))
		why = "no short text";
	else if (label)
		why = name_check_label_value(s);
	if (why)
		return err_set(err, EPROTO, NULL, "the cloud provider's answer: %s: %s", name, why);
	*ret = s.len ? s : STR_NULL;
	return 0;
}

static int boolean(struct jv obj, const char *name, bool *ret, struct err *err)
{
	struct jv v = jv_get(obj, name);

	*ret = jv_bool(v, false);
	if (jv_exists(v) && jv_type(v) != JV_BOOL)
		return err_set(err, EPROTO, NULL,
			       "the cloud provider's answer: %s is neither true nor false", name);
	return 0;
}

static bool is_ip(struct str s)
{
	struct ip a;

	return ip_parse(s, &a);
}

static bool is_host(struct str s)
{
	return !name_check_dns_subdomain(s);
}

static int address(struct jv a, struct err *err)
{
	static const char *const types[] = {"InternalIP", "ExternalIP", "Hostname", "InternalDNS",
					    "ExternalDNS"};
	struct str value = jv_text(jv_get(a, "address"));

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (jv_eqs(jv_get(a, "type"), types[i]))
			return (i < 2 ? is_ip(value) : is_host(value))
				       ? 0
				       : err_set(err, EPROTO, NULL,
						 "the cloud provider's answer: addresses: "
						 "\"%.*s\" is no %s",
						 STR_ARG(value), types[i]);
	return wrong(err, "addresses: a type that is none of InternalIP, ExternalIP, Hostname, "
			  "InternalDNS, ExternalDNS");
}

int cloud_read_instance(struct jv result, struct cloud_instance *ret, struct err *err)
{
	struct cloud_instance i = {0};
	int r;

	if (jv_type(result) != JV_OBJECT || jv_type(jv_get(result, "exists")) != JV_BOOL)
		return wrong(err, "\"exists\" is missing");
	if ((r = boolean(result, "exists", &i.exists, err)) < 0 ||
	    (r = boolean(result, "shutdown", &i.shutdown, err)) < 0 ||
	    (r = text(result, "providerID", false, &i.provider_id, err)) < 0 ||
	    (r = text(result, "instanceType", true, &i.type, err)) < 0 ||
	    (r = text(result, "zone", true, &i.zone, err)) < 0 ||
	    (r = text(result, "region", true, &i.region, err)) < 0)
		return r;
	i.addresses = jv_get(result, "addresses");
	if ((jv_exists(i.addresses) && jv_type(i.addresses) != JV_ARRAY) ||
	    jv_len(i.addresses) > LIST_MAX)
		return wrong(err, "addresses is no short list");
	jv_for_each (a, i.addresses)
		if ((r = address(a.value, err)) < 0)
			return r;
	*ret = i;
	return 0;
}

static int ingress(struct jv v, struct err *err)
{
	struct jv mode = jv_get(v, "ipMode");
	struct str ip = jv_text(jv_get(v, "ip")), host = jv_text(jv_get(v, "hostname"));

	if (ip.len && !is_ip(ip))
		return wrong(err, "ingress: ip is no address");
	if (host.len && !is_host(host))
		return wrong(err, "ingress: hostname is no DNS name");
	if (!ip.len && !host.len)
		return wrong(err, "ingress: neither ip nor hostname");
	if (jv_exists(mode) && !jv_eqs(mode, "VIP") && !jv_eqs(mode, "Proxy"))
		return wrong(err, "ingress: ipMode is neither VIP nor Proxy");
	return 0;
}

int cloud_read_balancer(struct jv result, struct cloud_balancer *ret, struct err *err)
{
	struct cloud_balancer b = {.ingress = jv_get(result, "ingress"),
				   .zones = jv_get(result, "zones")};
	int r;

	if (jv_type(b.ingress) != JV_ARRAY || !jv_len(b.ingress) || jv_len(b.ingress) > LIST_MAX)
		return wrong(err, "\"ingress\" is no list of addresses");
	jv_for_each (v, b.ingress)
		if ((r = ingress(v.value, err)) < 0)
			return r;
	if (jv_exists(b.zones) && jv_type(b.zones) != JV_ARRAY)
		return wrong(err, "zones is no list");
	r = boolean(result, "announce", &b.announce, err);
	if (r == 0)
		*ret = b;
	return r;
}
