/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_ADMISSION_H
#define KNARR_APISERVER_ADMISSION_H
#include "lib/json/jsonc.h"
#include "master/apiserver/request.h"
/*
 * Admission: rules about an object that need to know more than the object. One plugin a file part,
 * one row each in the table of admission.c, run in its order; a plugin may change `obj` on create
 * and update.
 */
enum admission_op {
	ADMIT_CREATE = 1 << 0,
	ADMIT_UPDATE = 1 << 1,
	ADMIT_DELETE = 1 << 2,
	/* Of a plugin: it only judges, and sees what all others and the webhooks have made. */
	ADMIT_LATE = 1 << 3,
};

struct admission {
	struct apiserver *srv;
	struct store_view *view; /* what the rules look at */
	const struct user *user;
	enum admission_op op;
	bool late; /* the plugins that only judge; else those that may change the object */
	const struct api_kind *kind;
	const char *sub; /* "" for the object itself */
	struct str ns, name;
	struct json_object *obj; /* NULL on delete */
	struct json_object *old; /* NULL on create */
	struct api_warnings *warnings;
	struct request *r; /* for notes in the audit log */
};

int admission_run(struct admission *a, struct err *err);
/* Which rows of the table run, by s->plugins_off. */
void admission_setup(struct apiserver *s);

/* The plugins. */
int admit_namespace_lifecycle(struct admission *a, struct err *err);
int admit_csr_signer(struct admission *a, struct err *err);
int admit_csr_user(struct admission *a, struct err *err);
int admit_namespace_label(struct admission *a, struct err *err);
int admit_service_account(struct admission *a, struct err *err);
int admit_tolerations(struct admission *a, struct err *err);
int admit_priority(struct admission *a, struct err *err);
int admit_node_restriction(struct admission *a, struct err *err);
int admit_node_taint(struct admission *a, struct err *err);
/* What LimitRanges give to containers, and what they refuse (admission_limitranger.c). */
int admit_limit_defaults(struct admission *a, struct err *err);
int admit_limits(struct admission *a, struct err *err);
int admit_pod_security(struct admission *a, struct err *err); /* admission_podsecurity.c */
/* Classes that are named, or the default ones (admission_classes.c). */
int admit_runtime_class(struct admission *a, struct err *err);
int admit_storage_class(struct admission *a, struct err *err);
int admit_volume_protection(struct admission *a, struct err *err);
int admit_ingress_class(struct admission *a, struct err *err);
int admit_claim_resize(struct admission *a, struct err *err);
/* Nobody gives away rights that he hasn't himself (admission_rbac.c). */
int admit_role(struct admission *a, struct err *err);
int admit_role_binding(struct admission *a, struct err *err);
int admit_device_admin(struct admission *a, struct err *err); /* admission_devices.c */
int admit_owner_references(struct admission *a, struct err *err); /* admission_owner.c */
#endif
