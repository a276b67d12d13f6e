/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/volume/content.h"
/* configMap, secret and downwardAPI volumes: one source each (pkg/volume/configmap and others). */

static int finish(struct volume *v, struct payload *p, int r, struct err *err)
{
	if (r == 0)
		return content_write(v, p, err);
	payload_done(p);
	return r;
}

static int config_map_setup(struct volume *v, struct err *err)
{
	struct payload p = {0};
	int r = content_add_object(v, &p, SOURCE_CONFIG_MAP, jv_text(jv_get(v->json, "name")),
				   v->json, content_mode(v), err);

	return finish(v, &p, r, err);
}

static int secret_setup(struct volume *v, struct err *err)
{
	struct payload p = {0};
	int r = content_add_object(v, &p, SOURCE_SECRET, jv_text(jv_get(v->json, "secretName")),
				   v->json, content_mode(v), err);

	return finish(v, &p, r, err);
}

static int downward_setup(struct volume *v, struct err *err)
{
	struct payload p = {0};
	int r = content_add_downward(v, &p, v->json, content_mode(v), err);

	return finish(v, &p, r, err);
}

const struct volume_plugin volume_config_map = {
	.key = "configMap",
	.dir = "kubernetes.io~configmap",
	.read_only = true,
	.setup = config_map_setup,
};
const struct volume_plugin volume_secret = {
	.key = "secret",
	.dir = "kubernetes.io~secret",
	.read_only = true,
	.setup = secret_setup,
};
const struct volume_plugin volume_downward = {
	.key = "downwardAPI",
	.dir = "kubernetes.io~downward-api",
	.read_only = true,
	.setup = downward_setup,
};
