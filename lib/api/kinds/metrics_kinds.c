/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.k8s.io: what nodes and pods use now. Nothing is stored; nodes are asked. */
#include "lib/api/kinds/kinds.h"
#include "lib/api/kinds/types.h"

/* Summed over containers; canonical text of the one unit that the server writes. */
static void sum(struct jv obj, const char *what, const char *unit, struct jw *w)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv own = jv_get(jv_get(obj, "usage"), what);
	int64_t total = 0;

	if (jv_exists(own)) {
		jw_str(w, jv_text(own));
		return;
	}
	jv_for_each (it, jv_get(obj, "containers")) {
		struct str s = jv_text(jv_get(jv_get(it.value, "usage"), what));
		int64_t n = 0;

		if (s.len > strlen(unit))
			str_to_i64(str_n(s.p, s.len - strlen(unit)), &n);
		total += n;
	}
	buf_addf(&b, "%" PRId64 "%s", total, unit);
	jw_str(w, buf_str(&b));
}

static void cell_cpu(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	sum(obj, "cpu", "n", w);
}

static void cell_memory(const struct api_table_ctx *c, struct jv obj, struct jw *w)
{
	sum(obj, "memory", "Ki", w);
}

static const struct api_column columns[] = {
	COLUMN_NAME,
	{"cpu", "string", NULL, 0, NULL, cell_cpu, "Cores in use"},
	{"memory", "string", NULL, 0, NULL, cell_memory, "Memory in use"},
	{"Window", "string", NULL, 0, "window", NULL, "Over which time cpu was measured"},
};

#define METRICS(var, kind_, plural_, singular_, flags_, type_, help_) \
	const struct api_kind var = {                                 \
		.group = "metrics.k8s.io",                            \
		.version = "v1beta1",                                 \
		.kind = kind_,                                        \
		.plural = plural_,                                    \
		.singular = singular_,                                \
		.list_kind = kind_ "List",                            \
		.verbs = API_VERB_GET | API_VERB_LIST,                \
		.flags = API_K_VIRTUAL | (flags_),                    \
		.type = &(type_),                                     \
		KIND_COLUMNS(columns),                                \
		.short_help = help_,                                  \
	}

METRICS(api_kind_node_metrics, "NodeMetrics", "nodes", "", 0, api_t_metrics_v1beta1_NodeMetrics,
	"What a node uses now.");
METRICS(api_kind_pod_metrics, "PodMetrics", "pods", "", API_K_NAMESPACED,
	api_t_metrics_v1beta1_PodMetrics, "What a pod uses now.");
