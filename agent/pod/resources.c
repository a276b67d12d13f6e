/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/resources.h"

#include "lib/api/quantity.h"

#define SYSTEM_CRITICAL_PRIORITY 2000000000
#define OOM_GUARANTEED (-997)
#define OOM_BEST_EFFORT 1000
#define CPU_PERIOD_US 100000
#define CPU_QUOTA_MIN_US 1000
#define SHARES_MIN 2u
#define SHARES_MAX 262144u

const char *qos_class_name(enum qos_class q)
{
	static const char *const names[] = {"Guaranteed", "Burstable", "BestEffort"};

	return names[q];
}

const char *qos_class_dir(enum qos_class q)
{
	static const char *const names[] = {"", "burstable", "besteffort"};

	return names[q];
}

/* The quantity of list[name] ("limits", "cpu"); false when it is not there. */
static bool amount(struct jv resources, const char *list, const char *name, struct quantity *ret)
{
	CLEANUP(buf_done) struct buf scratch = BUF_INIT;
	struct jv v = jv_get(jv_get(resources, list), name);
	struct str s;

	if (jv_type(v) == JV_STRING)
		s = jv_str(v, &scratch);
	else if (jv_type(v) == JV_NUMBER)
		s = jv_raw(v);
	else
		return false;
	return quantity_parse(str_trim(s), ret) == 0;
}

static int64_t amount_milli(struct jv resources, const char *list, const char *name)
{
	struct quantity q;

	return amount(resources, list, name, &q) ? quantity_milli(q) : -1;
}

static int64_t amount_value(struct jv resources, const char *list, const char *name)
{
	struct quantity q;

	return amount(resources, list, name, &q) ? quantity_value(q) : -1;
}

static void amounts_of(struct jv resources, struct resource_amounts *ret)
{
	ret->cpu_milli_request = amount_milli(resources, "requests", "cpu");
	ret->cpu_milli_limit = amount_milli(resources, "limits", "cpu");
	ret->mem_request = amount_value(resources, "requests", "memory");
	ret->mem_limit = amount_value(resources, "limits", "memory");
	ret->ephemeral_limit = amount_value(resources, "limits", "ephemeral-storage");
	/* Defaulting: a request that is not given is the limit. Static pods come without it. */
	if (ret->cpu_milli_request < 0)
		ret->cpu_milli_request = ret->cpu_milli_limit;
	if (ret->mem_request < 0)
		ret->mem_request = ret->mem_limit;
}

void container_resources(const struct container_view *c, struct resource_amounts *ret)
{
	amounts_of(jv_get(c->json, "resources"), ret);
}

enum qos_class pod_qos(const struct pod_view *v)
{
	bool any = false, all_equal = true;

	for (size_t i = 0; i < v->n; i++) {
		struct resource_amounts a;

		if (v->containers[i].kind == CONTAINER_EPHEMERAL)
			continue;
		container_resources(&v->containers[i], &a);
		if (a.cpu_milli_request > 0 || a.mem_request > 0 || a.cpu_milli_limit > 0 ||
		    a.mem_limit > 0)
			any = true;
		if (a.cpu_milli_limit <= 0 || a.mem_limit <= 0 ||
		    a.cpu_milli_request != a.cpu_milli_limit || a.mem_request != a.mem_limit)
			all_equal = false;
	}
	if (!any)
		return QOS_BEST_EFFORT;
	return all_equal ? QOS_GUARANTEED : QOS_BURSTABLE;
}

/* The same operation over each amount of a pod: sums and maxima of requests and limits. */
#define N_AMOUNTS (sizeof(struct resource_amounts) / sizeof(int64_t))
_Static_assert(sizeof(struct resource_amounts) == 5 * sizeof(int64_t), "only int64_t members");

static int64_t *nth(struct resource_amounts *a, size_t i)
{
	return (int64_t *)a + i;
}

static bool is_limit(size_t i)
{
	return i == offsetof(struct resource_amounts, cpu_milli_limit) / sizeof(int64_t) ||
	       i == offsetof(struct resource_amounts, mem_limit) / sizeof(int64_t) ||
	       i == offsetof(struct resource_amounts, ephemeral_limit) / sizeof(int64_t);
}

void pod_resources(const struct pod_view *v, struct resource_amounts *ret)
{
	struct resource_amounts sum = {0}, sidecars = {0}, peak = {0}, level, over;
	bool unlimited[N_AMOUNTS] = {false};

	for (size_t c = 0; c < v->n; c++) {
		const struct container_view *cv = &v->containers[c];
		struct resource_amounts a;

		if (cv->kind == CONTAINER_EPHEMERAL)
			continue;
		container_resources(cv, &a);
		for (size_t i = 0; i < N_AMOUNTS; i++) {
			int64_t n = MAX(*nth(&a, i), 0);

			if (is_limit(i) && *nth(&a, i) <= 0)
				unlimited[i] = true;
			if (cv->kind == CONTAINER_SIDECAR)
				*nth(&sidecars, i) += n;
			else if (cv->kind == CONTAINER_INIT)
				*nth(&peak, i) = MAX(*nth(&peak, i), n + *nth(&sidecars, i));
			else
				*nth(&sum, i) += n;
		}
	}
	amounts_of(jv_get(v->spec, "resources"), &level);
	over = (struct resource_amounts){0};
	over.cpu_milli_request = over.cpu_milli_limit =
		MAX(amount_milli(v->spec, "overhead", "cpu"), 0);
	over.mem_request = over.mem_limit = MAX(amount_value(v->spec, "overhead", "memory"), 0);
	for (size_t i = 0; i < N_AMOUNTS; i++) {
		int64_t n = MAX(*nth(&sum, i) + *nth(&sidecars, i), *nth(&peak, i));

		n = unlimited[i] ? -1 : n + *nth(&over, i);
		*nth(ret, i) = *nth(&level, i) > 0 ? *nth(&level, i) : n;
	}
}

void cgroup_numbers_of(const struct resource_amounts *a, struct cgroup_numbers *ret)
{
	uint64_t shares =
		a->cpu_milli_request > 0 ? (uint64_t)a->cpu_milli_request * 1024 / 1000 : 0;

	*ret = (struct cgroup_numbers){0};
	ret->cpu_shares = MIN(MAX(shares, SHARES_MIN), SHARES_MAX);
	if (a->cpu_milli_limit > 0)
		ret->cpu_quota_us =
			MAX(a->cpu_milli_limit * CPU_PERIOD_US / 1000, CPU_QUOTA_MIN_US);
	if (a->mem_limit > 0)
		ret->mem_limit = a->mem_limit;
}

int oom_score_adj(const struct pod_view *v, const struct container_view *c, int64_t node_mem_bytes)
{
	struct resource_amounts a;
	int64_t adj;

	if (v->priority >= SYSTEM_CRITICAL_PRIORITY || v->is_static)
		return OOM_GUARANTEED;
	switch (pod_qos(v)) {
	case QOS_GUARANTEED:
		return OOM_GUARANTEED;
	case QOS_BEST_EFFORT:
		return OOM_BEST_EFFORT;
	case QOS_BURSTABLE:
		break;
	}
	container_resources(c, &a);
	adj = node_mem_bytes > 0 ? 1000 - (1000 * (__int128)MAX(a.mem_request, 0)) / node_mem_bytes
				 : 999;
	/* Between the guaranteed and the best-effort ones, whatever the arithmetic says. */
	return (int)MIN(MAX(adj, 1000 + OOM_GUARANTEED), OOM_BEST_EFFORT - 1);
}

int resource_field(const struct container_view *c, struct str resource, struct str divisor,
		   const struct node_amounts *node, struct buf *out, struct err *err)
{
	struct jv resources = jv_get(c->json, "resources");
	char name[128];
	struct quantity q = quantity_of(0, QUANTITY_SI), d = quantity_of(1, QUANTITY_SI);
	struct str list, rest = resource;
	bool cpu, limit;
	__int128 n;

	if (!str_split(&rest, '.', &list) || !rest.len || str_copy(name, sizeof(name), rest) < 0 ||
	    (!str_eqs(list, "limits") && !str_eqs(list, "requests")))
		return err_sys(err, EINVAL, "unsupported resource \"%.*s\" in resourceFieldRef",
			       STR_ARG(resource));
	if (divisor.len && (quantity_parse(divisor, &d) < 0 || d.nano < 0))
		return err_sys(err, EINVAL, "divisor \"%.*s\" is not a quantity", STR_ARG(divisor));
	if (d.nano == 0) /* "0" is the API's way of writing "not given" */
		d = quantity_of(1, QUANTITY_SI);
	limit = str_eqs(list, "limits");
	cpu = strcmp(name, "cpu") == 0;
	if (!amount(resources, limit ? "limits" : "requests", name, &q) &&
	    (limit || !amount(resources, "limits", name, &q)) && limit) {
		if (cpu)
			q = quantity_of_milli(node->cpu_milli, QUANTITY_SI);
		else if (strcmp(name, "memory") == 0)
			q = quantity_of(node->mem_bytes, QUANTITY_BINARY);
		else if (strcmp(name, "ephemeral-storage") == 0)
			q = quantity_of(node->ephemeral_bytes, QUANTITY_BINARY);
	}
	n = (q.nano + d.nano - 1) / d.nano;
	buf_addf(out, "%" PRId64, (int64_t)n);
	return 0;
}
