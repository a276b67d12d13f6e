/* SPDX-License-Identifier: Apache-2.0 */
/* The API engine's share of a create: body to tree, defaults, validation, ownership, bytes. */
#include "lib/base/base.h"
#include "lib/api/apply.h"
#include "lib/api/index.h"
#include "lib/api/strategy.h"
#include "lib/base/clock.h"

#define POD                                                                                        \
	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"web-5d9c7b-x2x4z\","     \
	"\"namespace\":\"default\",\"labels\":{\"app\":\"web\",\"pod-template-hash\":\"5d9c7b\"}," \
	"\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\",\"name\":"       \
	"\"web-5d9c7b\",\"uid\":\"0c0a6a5e-96bd-4b0c-9d0f-d8ad2d6f2c11\",\"controller\":true}]},"  \
	"\"spec\":{\"containers\":[{\"name\":\"web\",\"image\":\"registry.example.com/"            \
	"web:1.2.3\","                                                                             \
	"\"ports\":[{\"containerPort\":8080,\"name\":\"http\"}],\"env\":[{\"name\":\"A\","         \
	"\"value\":"                                                                               \
	"\"1\"},{\"name\":\"B\",\"value\":\"2\"}],\"resources\":{\"requests\":{\"cpu\":\"100m\","  \
	"\"memory\":\"128Mi\"},\"limits\":{\"memory\":\"256Mi\"}},\"readinessProbe\":{"            \
	"\"httpGet\":"                                                                             \
	"{\"path\":\"/healthz\",\"port\":\"http\"}}}],\"nodeSelector\":{\"disk\":\"ssd\"}}}"

static void create(const struct api_kind *k, bool ownership)
{
	const struct api_manager by = {STR("bench"), STR(""), 0};
	CLEANUP(buf_done) struct buf b = BUF_INIT, meta = BUF_INIT;
	CLEANUP_JSON struct json_object *o = NULL;
	size_t at;

	if (api_decode(k, STR("application/json"), STR(POD), API_STRICT, &o, NULL, NULL) < 0)
		abort();
	api_default(k, o);
	api_prepare_create(k, o);
	if (api_validate_create(k, o, NULL) < 0)
		abort();
	if (ownership)
		api_managed_fields_update(k, NULL, o, &by);
	api_index_extract(k, o, &meta);
	api_encode(o, &b, &at);
}

static void run(const char *name, bool ownership)
{
	const struct api_kind *k = api_kind_find(STR(""), STR("v1"), STR("pods"));
	uint64_t start = clock_mono_ns(&clock_system), ns;
	const int n = 20000;

	for (int i = 0; i < n; i++)
		create(k, ownership);
	ns = clock_mono_ns(&clock_system) - start;
	printf("{\"name\":\"%s\",\"value\":%.0f,\"unit\":\"pods/"
	       "s\",\"peer\":null,\"peer_value\":null,"
	       "\"ratio\":null}\n",
	       name, n * 1e9 / (double)ns);
}

int main(void)
{
	run("api-create-decode-to-bytes", false);
	run("api-create-with-managed-fields", true);
	return 0;
}
