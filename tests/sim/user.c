/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/sim/model.h"
#include "tests/sim/sim.h"

#include "lib/client/client.h"
/* Users and operators: they ask for things through the API and don't wait. */

static struct proc proc;
static struct transport *transport;
static struct client *client;

#define NS STR("x")

static void on_done(void *user, const struct err *e, struct str body)
{
	trace("user: %s: %s", (const char *)user, e->errnum ? err_text(e) : "done");
}

static void create_namespace(void *arg);

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
	proc_start(&proc, "user");
	transport = link_new(&proc, PLACE_USER, "admin");
	client = client_new(&(struct client_conf){
		.transport = transport, .timers = &proc.timers, .user_agent = "kubectl"});
	create_namespace(NULL);
}

void user_done(void)
{
	struct proc *before = proc_enter(&proc);

	client = client_free(client);
	transport = transport_free(transport);
	proc_leave(before);
	proc_stop(&proc);
}

#define POD_SPEC                                                                                 \
	"\"metadata\":{\"labels\":{\"app\":\"%s\"}},\"spec\":{\"automountServiceAccountToken\":" \
	"false,\"terminationGracePeriodSeconds\":%u,\"containers\":[{\"name\":\"c\",\"image\":"  \
	"\"img\",\"imagePullPolicy\":\"IfNotPresent\",\"env\":[{\"name\":\"V\",\"value\":"       \
	"\"%u\"}],\"resources\":{\"requests\":{\"cpu\":\"%um\"}}}]}"

static void create(const struct client_kind *k, const char *what, const char *json)
{
	client_create(client, k, NS, str_of(json), on_done, (void *)(uintptr_t)what);
}

static void create_deployment(unsigned i)
{
	char name[16];
	CLEANUP_FREE char *json = NULL;

	snprintf(name, sizeof(name), "web%u", i);
	json = xasprintf(
		"{\"apiVersion\":\"apps/"
		"v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"%s\"},"
		"\"spec\":{\"replicas\":%u,\"selector\":{\"matchLabels\":{\"app\":\"%s\"}},"
		"\"template\":{" POD_SPEC "}}}",
		name, 1 + (unsigned)below(4), name, name, (unsigned)below(5), 0u, 100u);
	create(&client_deployments, "create a deployment", json);
	free(json);
	json = xasprintf(
		"{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"%s\"},"
		"\"spec\":{\"selector\":{\"app\":\"%s\"},\"ports\":[{\"port\":80}]}}",
		name, name);
	create(&client_services, "create a service", json);
}

void user_act(void)
{
	struct proc *before = proc_enter(&proc);

	create_deployment((unsigned)below(3));
	proc_leave(before);
}

void user_heal(void)
{
}
