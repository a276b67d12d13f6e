/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/commands.h"
#include "agent/pod/field_ref.h"
#include "agent/pod/objects.h"
#include "agent/pod/ownership.h"
#include "agent/pod/pod.h"
/* The pod_source of a pod: where its volumes and its containers' environment read from. */

static struct pod *pod_of(struct pod_source *s)
{
	return container_of(s, struct pod, source);
}

static int source_object(struct pod_source *s, enum source_kind kind, struct str name,
			 struct jv *ret, struct err *err)
{
	return refs_object(pod_of(s), kind, name, ret, err);
}

static void source_release(struct pod_source *s, enum source_kind kind, struct str name)
{
	refs_release(pod_of(s), kind, name);
}

static int source_token(struct pod_source *s, struct str audience, int64_t expiration_s,
			struct buf *out, struct err *err)
{
	return refs_token(pod_of(s), audience, expiration_s, out, err);
}

static int source_field(struct pod_source *s, struct str path, struct buf *out, struct err *err)
{
	struct pod *p = pod_of(s);
	struct field_facts f = {
		.node_name = str_of(p->all->conf.node_name),
		.host_ip = str_of(p->all->host_ip),
		.pod_ip = str_of(p->view->host_network ? p->all->host_ip : p->ip),
		.host_ip6 = str_of(p->all->host_ip6),
		.pod_ip6 = str_of(p->view->host_network ? p->all->host_ip6 : p->ip6),
	};

	return field_ref(p->view, &f, path, out, err);
}

static int source_resource(struct pod_source *s, struct str container, struct str resource,
			   struct str divisor, struct buf *out, struct err *err)
{
	struct pod *p = pod_of(s);
	const struct pods_conf *conf = &p->all->conf;
	const struct container_view *cv = pod_view_container(p->view, container);
	struct node_amounts node = {conf->node_cpu_milli, conf->node_mem_bytes,
				    conf->node_ephemeral_bytes};

	if (!cv)
		return err_sys(err, EINVAL, "container %.*s not found", STR_ARG(container));
	return resource_field(cv, resource, divisor, &node, out, err);
}

static int source_command(struct pod_source *s, const char *const *argv, struct err *err)
{
	return commands_run(pod_of(s), argv, err);
}

static int source_give_to_group(struct pod_source *s, const char *path, int64_t gid,
				bool on_root_mismatch, struct err *err)
{
	return ownership_give(pod_of(s), path, gid, on_root_mismatch, err);
}

static void source_event(struct pod_source *s, struct jv claim, const char *type,
			 const char *reason, const char *text)
{
	if (jv_exists(claim))
		pod_claim_event(pod_of(s), claim, type, reason, text);
	else
		pod_event(pod_of(s), type, reason, "%s", text);
}

static void source_claim_status(struct pod_source *s, struct str claim, struct str body)
{
	refs_claim_status(pod_of(s), claim, body);
}

const struct pod_source_ops pod_source_ops = {
	.object = source_object,
	.release = source_release,
	.token = source_token,
	.field = source_field,
	.resource = source_resource,
	.command = source_command,
	.give_to_group = source_give_to_group,
	.event = source_event,
	.claim_status = source_claim_status,
};
