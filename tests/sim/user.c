/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/sim/model.h"
#include "tests/sim/sim.h"

#include "lib/client/client.h"
#include "master/store/store.h"
/* Users and operators: they ask for things through the API and don't wait. */

#define NS STR("x")
#define SETS 3u

static struct proc proc;
static struct transport *transport;
static struct client *client;
static unsigned version;

static const unsigned cpu_of[SETS] = {100, 250, 400};
static const unsigned max_of[SETS] = {5, 4, 3};

static void on_done(void *user, const struct err *e, struct str body)
{
	trace("user: %s: %s", (const char *)user, e->errnum ? err_text(e) : "done");
}

static void *text(const char *what)
{
	return (void *)(uintptr_t)what;
}

/* ---- the namespace ---- */

static void create_namespace(void *arg);
static void look(void *arg);

static void on_namespace(void *user, const struct err *e, struct str body)
{
	trace("user: namespace: %s", e->errnum ? err_text(e) : "made");
	if (e->errnum && e->errnum != EEXIST)
		event_in(MSEC(300), create_namespace, NULL);
}

static void create_namespace(void *arg)
{
	struct proc *before = proc_enter(&proc);

	client_create(client, &client_namespaces, STR_NULL,
		      STR("{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":"
			  "\"x\"}}"),
		      on_namespace, NULL);
	proc_leave(before);
}

void user_begin(void)
{
	version = 0;
	proc_start(&proc, "user");
	transport = link_new(&proc, PLACE_USER, "admin");
	client = client_new(&(struct client_conf){
		.transport = transport, .timers = &proc.timers, .user_agent = "kubectl"});
	create_namespace(NULL);
	event_in(SEC(2), look, NULL);
}

void user_done(void)
{
	struct proc *before = proc_enter(&proc);

	client = client_free(client);
	transport = transport_free(transport);
	proc_leave(before);
	proc_stop(&proc);
}

/* ---- workloads ---- */

#define POD_SPEC                                                                                 \
	"\"metadata\":{\"labels\":{\"app\":\"%s\"}},\"spec\":{\"automountServiceAccountToken\":" \
	"false,\"terminationGracePeriodSeconds\":%u,\"containers\":[{\"name\":\"c\",\"image\":"  \
	"\"img\",\"imagePullPolicy\":\"IfNotPresent\",\"env\":[{\"name\":\"V\",\"value\":"       \
	"\"%u\"}],\"resources\":{\"requests\":{\"cpu\":\"%um\"}}}]}"

static void create(const struct client_kind *k, const char *what, char *take_json)
{
	client_create(client, k, NS, str_of(take_json), on_done, text(what));
	free(take_json);
}

static void patch(const struct client_kind *k, const char *name, const char *what, char *take_json)
{
	client_do(client,
		  &(struct client_req){.method = "PATCH",
				       .kind = k,
				       .ns = k->namespaced ? NS : STR_NULL,
				       .name = str_of(name),
				       .content_type = CLIENT_STRATEGIC_PATCH,
				       .body = str_of(take_json)},
		  on_done, text(what));
	free(take_json);
}

static void name_of(char name[16], const char *stem, unsigned i)
{
	snprintf(name, 16, "%s%u", stem, i);
}

static void create_service(const char *name)
{
	create(&client_services, "create a service",
	       xasprintf(
		       "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"%s\"},"
		       "\"spec\":{\"selector\":{\"app\":\"%s\"},\"ports\":[{\"port\":80}]}}",
		       name, name));
}

static unsigned grace(void)
{
	return chance(300) ? 30 : 1 + (unsigned)below(4); /* 0 is a forced delete */
}

static void create_deployment(void)
{
	static const char *const strategies[] = {
		"", "\"strategy\":{\"rollingUpdate\":{\"maxSurge\":1,\"maxUnavailable\":0}},",
		"\"strategy\":{\"rollingUpdate\":{\"maxSurge\":0,\"maxUnavailable\":1}},",
		"\"strategy\":{\"rollingUpdate\":{\"maxSurge\":\"50%\",\"maxUnavailable\":\"50%\"}}"
		",",
		"\"strategy\":{\"type\":\"Recreate\"},"};
	unsigned i = (unsigned)below(SETS);
	char name[16];

	name_of(name, "web", i);
	create(&client_deployments, "create a deployment",
	       xasprintf(
		       "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":"
		       "\"%s\"},\"spec\":{\"replicas\":%u,%s\"minReadySeconds\":%u,\"selector\":{"
		       "\"matchLabels\":{\"app\":\"%s\"}},\"template\":{" POD_SPEC "}}}",
		       name, 1 + (unsigned)below(max_of[i]),
		       strategies[below(ARRAY_SIZE(strategies))],
		       chance(300) ? 1 + (unsigned)below(4) : 0, name, name, grace(), version,
		       cpu_of[i]));
	create_service(name);
}

static void create_set(void)
{
	char name[16];

	name_of(name, "sts", (unsigned)below(2));
	create(&client_statefulsets, "create a stateful set",
	       xasprintf("{\"apiVersion\":\"apps/"
			 "v1\",\"kind\":\"StatefulSet\",\"metadata\":{\"name\":"
			 "\"%s\"},\"spec\":{\"replicas\":%u,\"serviceName\":\"%s\","
			 "\"podManagementPolicy\":\"%s\",\"selector\":{"
			 "\"matchLabels\":{\"app\":\"%s\"}},\"template\":{" POD_SPEC "}}}",
			 name, 1 + (unsigned)below(3), name,
			 chance(500) ? "Parallel" : "OrderedReady", name, name, grace(), version,
			 100u));
	create_service(name);
}

/* They ask for nothing: on a node that is full one would be left pending, and rightly so. */
static void create_daemons(void)
{
	create(&client_daemonsets, "create a daemon set",
	       xasprintf("{\"apiVersion\":\"apps/"
			 "v1\",\"kind\":\"DaemonSet\",\"metadata\":{\"name\":\"ds\"},"
			 "\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"ds\"}},\"template\":"
			 "{" POD_SPEC "}}}",
			 "ds", grace(), version, 0u));
}

static void change_daemons(void)
{
	if (chance(300))
		client_delete(client, &client_daemonsets, NS, STR("ds"), STR_NULL, on_done,
			      text("delete the daemon set"));
	else
		patch(&client_daemonsets, "ds", "update the daemon set",
		      xasprintf(
			      "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\","
			      "\"env\":[{\"name\":\"V\",\"value\":\"%u\"}]}]}}}}",
			      ++version));
}

/* Containers of pods whose name begins with "job" end by themselves: runtime.c. */
static void create_job(void)
{
	char name[16];

	name_of(name, "job", (unsigned)below(3));
	create(&client_jobs, "create a job",
	       xasprintf("{\"apiVersion\":\"batch/"
			 "v1\",\"kind\":\"Job\",\"metadata\":{\"name\":\"%s\"},"
			 "\"spec\":{\"completions\":%u,\"parallelism\":%u,\"backoffLimit\":20,%s"
			 "\"template\":{\"spec\":{\"automountServiceAccountToken\":false,"
			 "\"restartPolicy\":\"%s\",\"terminationGracePeriodSeconds\":%u,"
			 "\"containers\":[{\"name\":\"c\",\"image\":\"img\",\"imagePullPolicy\":"
			 "\"IfNotPresent\",\"resources\":{\"requests\":{\"cpu\":\"50m\"}}}]}}}}",
			 name, 1 + (unsigned)below(4), 1 + (unsigned)below(3),
			 chance(300) ? "\"ttlSecondsAfterFinished\":5," : "",
			 chance(500) ? "Never" : "OnFailure", grace()));
}

static void delete_job(void)
{
	char name[16];

	name_of(name, "job", (unsigned)below(3));
	client_delete(client, &client_jobs, NS, str_of(name),
		      STR("{\"propagationPolicy\":\"Background\"}"), on_done, text("delete a job"));
}

static void scale(void)
{
	unsigned i = (unsigned)below(SETS);
	char name[16];

	if (chance(700)) {
		name_of(name, "web", i);
		patch(&client_deployments, name, "scale a deployment",
		      xasprintf("{\"spec\":{\"replicas\":%u}}", (unsigned)below(max_of[i] + 1)));
	} else {
		name_of(name, "sts", i % 2);
		patch(&client_statefulsets, name, "scale a stateful set",
		      xasprintf("{\"spec\":{\"replicas\":%u}}", (unsigned)below(4)));
	}
}

static void update(void)
{
	unsigned i = (unsigned)below(SETS);
	bool web = chance(700);
	char name[16];

	name_of(name, web ? "web" : "sts", web ? i : i % 2);
	/* Now and then back to an earlier one. */
	patch(web ? &client_deployments : &client_statefulsets, name, "update a template",
	      xasprintf(
		      "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"env\":"
		      "[{\"name\":\"V\",\"value\":\"%u\"}]}]}}}}",
		      chance(200) ? (unsigned)below(version + 1) : ++version));
}

static void delete_set(void)
{
	bool web = chance(600);
	char name[16];

	name_of(name, web ? "web" : "sts", (unsigned)below(web ? SETS : 2));
	client_delete(client, web ? &client_deployments : &client_statefulsets, NS, str_of(name),
		      STR_NULL, on_done, text("delete a set"));
}

static void create_budget(void)
{
	bool web = chance(600);
	char name[16];

	name_of(name, web ? "web" : "sts", (unsigned)below(web ? SETS : 2));
	create(&client_poddisruptionbudgets, "create a budget",
	       xasprintf("{\"apiVersion\":\"policy/"
			 "v1\",\"kind\":\"PodDisruptionBudget\",\"metadata\":"
			 "{\"name\":\"%s\"},\"spec\":{\"%s\":%u,\"selector\":{\"matchLabels\":{"
			 "\"app\":\"%s\"}}}}",
			 name, chance(500) ? "minAvailable" : "maxUnavailable", 1u, name));
}

static void delete_budget(void)
{
	bool web = chance(600);
	char name[16];

	name_of(name, web ? "web" : "sts", (unsigned)below(web ? SETS : 2));
	client_delete(client, &client_poddisruptionbudgets, NS, str_of(name), STR_NULL, on_done,
		      text("delete a budget"));
}

static struct str pod_name(const struct store_obj *o)
{
	return jv_text(jv_path(jv_of(o->value), "metadata.name"));
}

static void delete_pod(void)
{
	const struct store_obj *o = model_nth("/core/pods/x/", below(model_n("/core/pods/x/")));

	if (o)
		client_delete(client, &client_pods, NS, pod_name(o), STR_NULL, on_done,
			      text("delete a pod"));
}

/* ---- nodes ---- */

struct drain {
	unsigned node;
	uint64_t until_ns;
};

static void cordon(unsigned node, bool on)
{
	patch(&client_nodes, node_name(node), on ? "cordon" : "uncordon",
	      xasprintf("{\"spec\":{\"unschedulable\":%s}}", on ? "true" : "null"));
}

static void evict(struct str name)
{
	CLEANUP_FREE char *json = xasprintf(
		"{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{\"name\":"
		"\"%.*s\",\"namespace\":\"x\"}}",
		STR_ARG(name));

	client_do(client,
		  &(struct client_req){.method = "POST",
				       .kind = &client_pods,
				       .ns = NS,
				       .name = name,
				       .sub = "eviction",
				       .body = str_of(json)},
		  on_done, text("evict"));
}

/* As kubectl drain: evict what is there, and again what a budget held back. */
static void drain_on(void *arg)
{
	struct drain *d = arg;
	struct proc *before = proc_enter(&proc);
	const struct store_obj *o;

	for (size_t i = 0; !world.healed && (o = model_nth("/core/pods/x/", i)); i++) {
		struct jv pod = jv_of(o->value);

		if (jv_eqs(jv_path(pod, "spec.nodeName"), node_name(d->node)) &&
		    !jv_eqs(jv_path(pod, "metadata.ownerReferences[0].kind"), "DaemonSet") &&
		    !jv_exists(jv_path(pod, "metadata.deletionTimestamp")))
			evict(pod_name(o));
	}
	if (world.healed || world.now_ns > d->until_ns) {
		cordon(d->node, false);
		free(d);
	} else {
		event_in(SEC(2), drain_on, d);
	}
	proc_leave(before);
}

static void drain(void)
{
	struct drain *d = NEW(struct drain);

	*d = (struct drain){(unsigned)below(n_nodes), world.now_ns + below(SEC(30))};
	trace("user: drain n%u", d->node);
	cordon(d->node, true);
	event_in(MSEC(50), drain_on, d);
}

static void delete_node(unsigned i)
{
	client_delete(client, &client_nodes, STR_NULL, str_of(node_name(i)), STR_NULL, on_done,
		      text("delete a node"));
}

/* A machine goes for good, or comes. */
static void change_nodes(void)
{
	unsigned i = (unsigned)below(n_nodes), there = 0;

	for (unsigned k = 0; k < n_nodes; k++)
		there += node_exists(k);
	if (!node_exists(i)) {
		node_return(i);
	} else if (there > NODES_MIN) {
		node_remove(i);
		delete_node(i);
	}
}

static const struct {
	void (*fn)(void);
	unsigned weight;
} rows[] = {{create_deployment, 14},
	    {create_set, 6},
	    {scale, 12},
	    {update, 14},
	    {delete_set, 3},
	    {create_budget, 8},
	    {delete_budget, 1},
	    {delete_pod, 4},
	    {drain, 8},
	    {change_nodes, 2},
	    {create_daemons, 3},
	    {change_daemons, 3},
	    {create_job, 5},
	    {delete_job, 1}};

void user_begin_with(void)
{
	struct proc *before = proc_enter(&proc);

	for (unsigned i = 0; i < 2; i++) {
		create_deployment();
		create_budget();
	}
	create_set();
	proc_leave(before);
}

void user_act(void)
{
	struct proc *before = proc_enter(&proc);
	unsigned sum = 0, at;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		sum += rows[i].weight;
	at = (unsigned)below(sum);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (at < rows[i].weight) {
			rows[i].fn();
			break;
		}
		at -= rows[i].weight;
	}
	proc_leave(before);
}

/* Somebody looks at something, again and again. */
static void look(void *arg)
{
	static const char *const prefixes[] = {"/core/pods/x/", "/apps/deployments/x/"};
	static const struct client_kind *const kinds[] = {&client_pods, &client_deployments};
	unsigned k = (unsigned)below(2);
	const struct store_obj *o = model_nth(prefixes[k], below(model_n(prefixes[k])));
	struct proc *before = proc_enter(&proc);

	if (o)
		client_get(client, kinds[k], NS, pod_name(o), NULL, NULL);
	event_in(MSEC(below(500)), look, NULL);
	proc_leave(before);
}

/* What an operator sees to in the end: no node cordoned, none that is gone. */
void user_heal(void *arg)
{
	struct proc *before = proc_enter(&proc);
	const struct store_obj *o;

	for (unsigned i = 0; i < n_nodes; i++) {
		CLEANUP_FREE char *key = xasprintf("/core/nodes//%s", node_name(i));

		if (!(o = model_get(str_of(key))))
			continue;
		if (!node_exists(i))
			delete_node(i);
		else if (jv_bool(jv_path(jv_of(o->value), "spec.unschedulable"), false))
			cordon(i, false);
	}
	event_in(SEC(5), user_heal, NULL);
	proc_leave(before);
}
