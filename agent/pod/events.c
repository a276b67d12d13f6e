/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/client/events.h"

#include "agent/pod/pod.h"

static void record(struct pod *p, struct str field_path, const char *type, const char *reason,
		   const char *fmt, va_list ap)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct event_ref about = {
		.kind = &client_pods,
		.ns = p->view->ns,
		.name = p->view->name,
		.uid = p->mirror_uid ? str_of(p->mirror_uid) : p->view->uid,
		.rv = p->view->resource_version,
		.field_path = field_path,
	};

	buf_vaddf(&b, fmt, ap);
	if (strcmp(type, EVENT_WARNING) == 0)
		pod_log(LOG_LEVEL_INFO, p, 0, "%s: %s", reason, b.p);
	else
		pod_log(LOG_LEVEL_DEBUG, p, 0, "%s: %s", reason, b.p);
	if (p->all->recorder)
		recorder_event(p->all->recorder, &about, type, reason, "%s", b.p);
}

void pod_event(struct pod *p, const char *type, const char *reason, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	record(p, STR_NULL, type, reason, fmt, ap);
	va_end(ap);
}

void pod_container_event(struct container *c, const char *type, const char *reason, const char *fmt,
			 ...)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT;
	va_list ap;

	buf_addf(&path, "spec.%s{%s}", container_kind_name(c->kind), c->name);
	va_start(ap, fmt);
	record(c->pod, buf_str(&path), type, reason, fmt, ap);
	va_end(ap);
}

void pod_claim_event(struct pod *p, struct jv claim, const char *type, const char *reason,
		     const char *text)
{
	struct jv meta = jv_get(claim, "metadata");
	struct event_ref about = {
		.kind = &client_pvcs,
		.ns = p->view->ns,
		.name = jv_text(jv_get(meta, "name")),
		.uid = jv_text(jv_get(meta, "uid")),
		.rv = jv_text(jv_get(meta, "resourceVersion")),
	};

	if (p->all->recorder)
		recorder_event(p->all->recorder, &about, type, reason, "%s", text);
}
