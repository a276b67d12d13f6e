/* SPDX-License-Identifier: Apache-2.0 */
#include "master/scheduler/config.h"
#include "lib/json/json_scan.h"
#include "lib/json/yaml.h"

#define API_VERSION "kubescheduler.config.k8s.io/v1"

/* Where a mistake is: "profiles[0].plugins.score". */
struct where {
	struct err *err;
	char path[160];
};

static int bad(const struct where *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
static int bad(const struct where *w, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	return err_sys(w->err, EINVAL, "%s: %s", w->path, b.p);
}

static struct where below(const struct where *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
static struct where below(const struct where *w, const char *fmt, ...)
{
	struct where r = {.err = w->err};
	size_t n;
	va_list ap;

	str_copy(r.path, sizeof(r.path), str_of(w->path));
	n = strlen(r.path);
	va_start(ap, fmt);
	vsnprintf(r.path + n, sizeof(r.path) - n, fmt, ap);
	va_end(ap);
	return r;
}

static int number(const struct where *w, struct jv obj, const char *name, int64_t lo, int64_t hi,
		  int64_t *ret)
{
	struct jv v = jv_get(obj, name);
	int64_t n = jv_i64(v, INT64_MIN);

	if (!jv_exists(v))
		return 0;
	if (n < lo || n > hi)
		return bad(w, "%s must be a number from %" PRId64 " to %" PRId64, name, lo, hi);
	*ret = n;
	return 0;
}

/* Plugins */

static const char *const elsewhere[] = {
	/* Parts of the default profile that are no rows of sched_plugins. */
	"PrioritySort",
	"SchedulingGates",
	"DefaultBinder",
};
#define PREEMPTION "DefaultPreemption"

/* Index in sched_plugins; -ENOENT: it is one, but not there; -EINVAL: there is none such. */
static int plugin_index(struct str name)
{
	for (int i = 0; sched_plugins[i]; i++)
		if (str_eqs(name, sched_plugins[i]->name))
			return i;
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
		if (str_eqs(name, elsewhere[i]))
			return -ENOENT;
	return str_eqs(name, PREEMPTION) ? -ENOENT : -EINVAL;
}

enum { POINT_FILTER = 1, POINT_SCORE = 2, POINT_POST = 4 };
static const struct {
	const char *name;
	int what;
} points[] = {
	{"multiPoint", POINT_FILTER | POINT_SCORE | POINT_POST},
	{"preFilter", POINT_FILTER},
	{"filter", POINT_FILTER},
	{"postFilter", POINT_POST},
	{"preScore", POINT_SCORE},
	{"score", POINT_SCORE},
	{"preEnqueue", 0},
	{"queueSort", 0},
	{"reserve", 0},
	{"permit", 0},
	{"preBind", 0},
	{"bind", 0},
	{"postBind", 0},
};

static void set_plugin(struct sched_profile *p, int i, int what, bool off)
{
	if (what & POINT_FILTER)
		p->no_filter[i] = off;
	if (what & POINT_SCORE)
		p->no_score[i] = off;
}

static int disable(struct sched_profile *p, int what, struct jv list, const struct where *w)
{
	jv_for_each (e, list) {
		struct str name = jv_text(jv_get(e.value, "name"));
		int i;

		if (str_eqs(name, "*")) {
			for (i = 0; sched_plugins[i]; i++)
				set_plugin(p, i, what, true);
			p->no_preemption |= what & POINT_POST;
			continue;
		}
		i = plugin_index(name);
		if (i == -EINVAL)
			return bad(w, "there is no plugin \"%.*s\"", STR_ARG(name));
		if (i >= 0)
			set_plugin(p, i, what, true);
		else if (str_eqs(name, PREEMPTION) && what & POINT_POST)
			p->no_preemption = true;
	}
	return 0;
}

static int enable(struct sched_profile *p, int what, struct jv list, const struct where *w)
{
	jv_for_each (e, list) {
		struct str name = jv_text(jv_get(e.value, "name"));
		int64_t weight = 0;
		int i = plugin_index(name), r;

		if (i == -EINVAL)
			return bad(w, "there is no plugin \"%.*s\"", STR_ARG(name));
		r = number(w, e.value, "weight", 0, INT32_MAX / SCHED_SCORE_MAX, &weight);
		if (r < 0)
			return r;
		if (i < 0) {
			if (str_eqs(name, PREEMPTION) && what & POINT_POST)
				p->no_preemption = false;
			continue;
		}
		set_plugin(p, i, what, false);
		if (weight && what & POINT_SCORE)
			p->weight[i] = (uint32_t)weight;
	}
	return 0;
}

static int read_plugins(struct sched_profile *p, struct jv plugins, const struct where *w)
{
	jv_for_each_member (m, plugins) {
		struct where at = below(w, ".%.*s", STR_ARG(m.key));
		size_t i = 0;
		int r;

		while (i < ARRAY_SIZE(points) && !str_eqs(m.key, points[i].name))
			i++;
		if (i == ARRAY_SIZE(points))
			return bad(&at, "there is no such extension point");
		r = disable(p, points[i].what, jv_get(m.value, "disabled"), &at);
		if (r == 0)
			r = enable(p, points[i].what, jv_get(m.value, "enabled"), &at);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Arguments of plugins */

static int spread_args(struct sched_profile *p, struct jv args, const struct where *w)
{
	struct jv list = jv_get(args, "defaultConstraints"), type = jv_get(args, "defaultingType");

	if (jv_exists(type) && !jv_eqs(type, "System") && !jv_eqs(type, "List"))
		return bad(w, "defaultingType must be System or List");
	if (!jv_eqs(type, "List"))
		return jv_len(list) ? bad(w, "defaultConstraints are only for defaultingType List")
				    : 0;
	jv_for_each (c, list) {
		int64_t skew = 0;
		int r = number(w, c.value, "maxSkew", 1, INT32_MAX, &skew);

		if (r < 0)
			return r;
		if (!skew || !jv_text(jv_get(c.value, "topologyKey")).len ||
		    (!jv_eqs(jv_get(c.value, "whenUnsatisfiable"), "DoNotSchedule") &&
		     !jv_eqs(jv_get(c.value, "whenUnsatisfiable"), "ScheduleAnyway")))
			return bad(w, "defaultConstraints need maxSkew, topologyKey and "
				      "whenUnsatisfiable");
		if (jv_exists(jv_get(c.value, "labelSelector")))
			return bad(w, "defaultConstraints have no labelSelector: it is that of the "
				      "pod's Services and controller");
	}
	free(p->default_spread);
	p->default_spread = jv_exists(list) ? str_dup(jv_raw(list)) : xstrdup("[]");
	return 0;
}

static int affinity_args(struct sched_profile *p, struct jv args, const struct where *w)
{
	return number(w, args, "hardPodAffinityWeight", 0, 100, &p->hard_affinity_weight);
}

static int fit_args(struct sched_profile *p, struct jv args, const struct where *w)
{
	struct jv type = jv_path(args, "scoringStrategy.type");

	if (jv_len(jv_get(args, "ignoredResources")) ||
	    jv_len(jv_get(args, "ignoredResourceGroups")))
		return bad(w, "ignoredResources are not supported");
	if (!jv_exists(type) || jv_eqs(type, "LeastAllocated"))
		p->most_allocated = false;
	else if (jv_eqs(type, "MostAllocated"))
		p->most_allocated = true;
	else
		return bad(w, "scoringStrategy.type must be LeastAllocated or MostAllocated");
	return 0;
}

static int preemption_args(struct sched_profile *p, struct jv args, const struct where *w)
{
	int64_t percent = p->candidates_percent, min = p->candidates_min;
	int r = number(w, args, "minCandidateNodesPercentage", 0, 100, &percent);

	if (r == 0)
		r = number(w, args, "minCandidateNodesAbsolute", 0, INT32_MAX, &min);
	if (r == 0 && !percent && !min)
		r = bad(w, "minCandidateNodesPercentage and minCandidateNodesAbsolute cannot both "
			   "be 0");
	p->candidates_percent = (uint32_t)percent;
	p->candidates_min = (uint32_t)min;
	return r;
}

static const struct {
	const char *name;
	int (*read)(struct sched_profile *p, struct jv args, const struct where *w);
} with_args[] = {
	{"PodTopologySpread", spread_args},
	{"InterPodAffinity", affinity_args},
	{"NodeResourcesFit", fit_args},
	{PREEMPTION, preemption_args},
};

static int read_args(struct sched_profile *p, struct jv list, const struct where *w)
{
	size_t n = 0;

	jv_for_each (e, list) {
		struct where at = below(w, "[%zu]", n++);
		struct str name = jv_text(jv_get(e.value, "name"));
		size_t i = 0;
		int r;

		while (i < ARRAY_SIZE(with_args) && !str_eqs(name, with_args[i].name))
			i++;
		if (i == ARRAY_SIZE(with_args))
			return bad(&at, "plugin \"%.*s\" takes no arguments here", STR_ARG(name));
		r = with_args[i].read(p, jv_get(e.value, "args"), &at);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The whole */

static int read_profile(struct sched_config *c, struct jv v, const struct where *w, int64_t percent)
{
	struct str name = jv_text(jv_get(v, "schedulerName"));
	CLEANUP_FREE char *text = name.len ? str_dup(name) : xstrdup("default-scheduler");
	struct sched_profile *p;
	struct where at;
	int r;

	for (size_t i = 0; i < c->n_profiles; i++)
		if (!strcmp(c->profiles[i].name, text))
			return bad(w, "there is a profile \"%s\" already", text);
	p = ARRAY_PUSH(c->profiles, c->n_profiles, c->cap_profiles);
	sched_profile_default(p, text);
	r = number(w, v, "percentageOfNodesToScore", 0, 100, &percent);
	p->percent = (uint32_t)percent;
	at = below(w, ".plugins");
	if (r == 0)
		r = read_plugins(p, jv_get(v, "plugins"), &at);
	at = below(w, ".pluginConfig");
	if (r == 0)
		r = read_args(p, jv_get(v, "pluginConfig"), &at);
	return r;
}

static int read_all(struct sched_config *c, struct jv v, struct err *err)
{
	struct where w = {.err = err, .path = "KubeSchedulerConfiguration"};
	int64_t percent = 0, initial = 0, max = 0;
	size_t n = 0;
	int r;

	if (!jv_eqs(jv_get(v, "apiVersion"), API_VERSION) ||
	    !jv_eqs(jv_get(v, "kind"), "KubeSchedulerConfiguration"))
		return bad(&w, "apiVersion must be " API_VERSION " and kind "
			       "KubeSchedulerConfiguration");
	if (jv_len(jv_get(v, "extenders")))
		return bad(&w, "extenders are not supported");
	r = number(&w, v, "percentageOfNodesToScore", 0, 100, &percent);
	if (r == 0)
		r = number(&w, v, "podInitialBackoffSeconds", 1, 86400, &initial);
	if (r == 0)
		r = number(&w, v, "podMaxBackoffSeconds", 1, 86400, &max);
	if (r < 0)
		return r;
	if (initial && max && max < initial)
		return bad(&w, "podMaxBackoffSeconds must not be less than "
			       "podInitialBackoffSeconds");
	c->initial_backoff_s = (uint32_t)initial;
	c->max_backoff_s = (uint32_t)max;
	jv_for_each (p, jv_get(v, "profiles")) {
		struct where at = {.err = err};

		snprintf(at.path, sizeof(at.path), "profiles[%zu]", n++);
		r = read_profile(c, p.value, &at, percent);
		if (r < 0)
			return r;
	}
	if (!n)
		r = read_profile(c, JV_NONE, &w, percent);
	return r;
}

int sched_config_parse(struct str text, struct sched_config *ret, struct err *err)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	struct sched_config c = {0};
	int r = yaml_to_json(text, &json, err); /* of which JSON is a part */

	if (r == 0)
		r = json_scan(buf_str(&json), NULL, err);
	if (r == 0)
		r = read_all(&c, jv_of(buf_str(&json)), err);
	if (r < 0) {
		sched_config_done(&c);
		return r == -ENOMEM ? r : -EINVAL;
	}
	*ret = c;
	return 0;
}

void sched_config_default(struct sched_config *c, const char *scheduler_name)
{
	*c = (struct sched_config){0};
	sched_profile_default(ARRAY_PUSH(c->profiles, c->n_profiles, c->cap_profiles),
			      scheduler_name);
}

void sched_config_done(struct sched_config *c)
{
	for (size_t i = 0; i < c->n_profiles; i++)
		sched_profile_done(&c->profiles[i]);
	free(c->profiles);
	*c = (struct sched_config){0};
}
