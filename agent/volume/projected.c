/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/volume/content.h"
/* projected volumes: several sources in one directory (pkg/volume/projected). */

static int add_config_map(struct volume *v, struct payload *p, struct jv s, mode_t mode,
			  struct err *err)
{
	return content_add_object(v, p, SOURCE_CONFIG_MAP, jv_text(jv_get(s, "name")), s, mode,
				  err);
}

static int add_secret(struct volume *v, struct payload *p, struct jv s, mode_t mode,
		      struct err *err)
{
	return content_add_object(v, p, SOURCE_SECRET, jv_text(jv_get(s, "name")), s, mode, err);
}

static const struct {
	const char *key;
	int (*add)(struct volume *v, struct payload *p, struct jv source, mode_t mode,
		   struct err *err);
} sources[] = {
	{"configMap", add_config_map},
	{"secret", add_secret},
	{"downwardAPI", content_add_downward},
	{"serviceAccountToken", content_add_token},
};

static int add_source(struct volume *v, struct payload *p, struct jv source, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		struct jv s = jv_get(source, sources[i].key);

		if (jv_type(s) == JV_OBJECT)
			return sources[i].add(v, p, s, content_mode(v), err);
	}
	jv_for_each_member (it, source)
		return err_sys(err, EINVAL, "projected source %.*s is not supported on this node",
			       STR_ARG(it.key));
	return 0;
}

static int setup(struct volume *v, struct err *err)
{
	struct payload p = {0};
	int first = 0;

	/* All sources are asked at once, so that one pass starts every fetch. */
	jv_for_each (it, jv_get(v->json, "sources")) {
		struct err e = ERR_INIT;
		int r = add_source(v, &p, it.value, &e);

		if (r < 0 && (!first || first == -EAGAIN)) {
			first = r;
			err_move(err, &e);
		}
		err_done(&e);
	}
	if (!first)
		return content_write(v, &p, err);
	payload_done(&p);
	return first;
}

const struct volume_plugin volume_projected = {
	.key = "projected",
	.dir = "kubernetes.io~projected",
	.read_only = true,
	.setup = setup,
};
