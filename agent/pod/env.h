/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_ENV_H
#define KNARR_ENV_H
#include "agent/pod/pod_view.h"
#include "agent/volume/source.h"
/*
 * A container's environment as pkg/kubelet/kubelet_pods.go makeEnvironmentVariables builds it.
 * Later sources win: image config < services < envFrom < env; $(NAME) sees what came before.
 */
struct env_var {
	char *name, *value;
};
struct env {
	struct env_var *v;
	size_t n, cap;
	struct hmap *index; /* name -> position + 1 */
};
#define ENV_INIT ((struct env){0})
void env_done(struct env *e);
/* Sets or replaces; both texts are copied. */
void env_set(struct env *e, struct str name, struct str value);
bool env_get(const struct env *e, struct str name, struct str *ret_value);
/* What is not in `e` yet is added from `more`. */
void env_add_missing(struct env *e, const struct env *more);
/* "NAME=value" strings, NULL-terminated; free each and the array (env_strv_free). */
char **env_strv(const struct env *e);
void env_strv_free(char **v);

/*
 * The variables that announce a Service to later pods (FOO_SERVICE_HOST, FOO_SERVICE_PORT,
 * FOO_SERVICE_PORT_<NAME>, FOO_PORT and docker-link style FOO_PORT_80_TCP...), as
 * pkg/kubelet/envvars writes them. Nothing for a headless or ExternalName Service.
 */
void env_add_service(struct env *e, struct jv service);

/*
 * envFrom and env of one container. `services` is what $(NAME) may also refer to; the caller adds
 * it to the result. -EAGAIN: an object has not come yet; -ENOENT: one that is not optional is
 * absent, or a key in it is ("couldn't find key ..."), with the kubelet's message in err.
 */
int env_build(const struct pod_view *v, const struct container_view *c, const struct env *services,
	      struct pod_source *src, struct env *ret, struct err *err);
/* $(NAME) expansion of one text with an environment. */
void env_expand(const struct env *e, struct str in, struct buf *out);
#endif
