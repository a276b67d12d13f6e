/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/flow_config.h"
#include "lib/base/log.h"

#define SCHEMAS "/flowcontrol.apiserver.k8s.io/flowschemas/"
#define LEVELS "/flowcontrol.apiserver.k8s.io/prioritylevelconfigurations/"
#define SEATS 600u /* of the whole server, as upstream's 400 and 200 in flight */

/* ---- levels ---- */

void flow_level_unref(struct flow_level *l)
{
	if (!l || --l->refs)
		return;
	free(l->name);
	free(l->uid);
	free(l->queues);
	free(l);
}

static unsigned bounded(struct jv v, unsigned otherwise, unsigned max)
{
	int64_t n = jv_i64(v, otherwise);

	return n < 1 ? 1 : n > max ? max : (unsigned)n;
}

static struct flow_level *level_new(const struct store_obj *o)
{
	struct jv obj = jv_of(o->value), limited = jv_path(obj, "spec.limited");
	struct jv queuing = jv_path(limited, "limitResponse.queuing");
	struct flow_level *l = NEW(struct flow_level);

	l->refs = 1;
	l->name = jv_strdup(jv_path(obj, "metadata.name"));
	l->uid = jv_strdup(jv_path(obj, "metadata.uid"));
	l->exempt = jv_eqs(jv_path(obj, "spec.type"), "Exempt");
	l->reject = !jv_eqs(jv_path(limited, "limitResponse.type"), "Queue");
	l->shares =
		(uint64_t)MAX(jv_i64(jv_get(limited, "nominalConcurrencyShares"), 30), (int64_t)0);
	l->n_queues = bounded(jv_get(queuing, "queues"), 64, FLOW_QUEUES_MAX);
	l->hand = bounded(jv_get(queuing, "handSize"), 8, l->n_queues);
	l->queue_length = bounded(jv_get(queuing, "queueLengthLimit"), 50, 100000);
	list_init(&l->ring);
	if (!l->exempt && !l->reject) {
		l->queues = xcalloc(l->n_queues, sizeof(*l->queues));
		for (unsigned i = 0; i < l->n_queues; i++) {
			list_init(&l->queues[i].node);
			list_init(&l->queues[i].requests);
		}
	}
	return l;
}

struct flow_level *flow_config_level(const struct flow_config *c, struct str name)
{
	for (size_t i = 0; i < c->n_levels; i++)
		if (str_eqs(name, c->levels[i]->name))
			return c->levels[i];
	return NULL;
}

/* Each level gets its share of the server's seats, rounded up. */
static void deal_seats(struct flow_config *c)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < c->n_levels; i++)
		sum += c->levels[i]->exempt ? 0 : c->levels[i]->shares;
	for (size_t i = 0; i < c->n_levels; i++) {
		struct flow_level *l = c->levels[i];

		l->seats = sum ? (unsigned)((SEATS * l->shares + sum - 1) / sum) : SEATS;
	}
}

static void del_level(struct flow_config *c, struct str name)
{
	for (size_t i = 0; i < c->n_levels; i++)
		if (str_eqs(name, c->levels[i]->name)) {
			struct flow_level *l = c->levels[i];

			c->levels[i] = c->levels[--c->n_levels];
			c->on_level_gone(c->user, l);
			flow_level_unref(l);
			return;
		}
}

static void put_level(struct flow_config *c, const struct store_obj *o)
{
	struct flow_level *l = level_new(o);

	if (!l->name || !l->uid) {
		flow_level_unref(l);
		return;
	}
	/* The new one first: what waited in the old one goes into it. */
	for (size_t i = 0; i < c->n_levels; i++)
		if (!strcmp(c->levels[i]->name, l->name)) {
			struct flow_level *old = c->levels[i];

			c->levels[i] = l;
			deal_seats(c);
			c->on_level_gone(c->user, old);
			flow_level_unref(old);
			return;
		}
	*ARRAY_PUSH(c->levels, c->n_levels, c->cap_levels) = l;
	deal_seats(c);
}

/* ---- schemas ---- */

void flow_schema_unref(struct flow_schema *s)
{
	if (!s || --s->refs)
		return;
	store_obj_unref(s->o);
	free(s);
}

static void del_schema(struct flow_config *c, struct str name)
{
	memset(c->seen, 0, sizeof(c->seen));
	for (size_t i = 0; i < c->n_schemas; i++)
		if (str_eq(name, c->schemas[i]->name)) {
			flow_schema_unref(c->schemas[i]);
			c->n_schemas--;
			memmove(c->schemas + i, c->schemas + i + 1,
				(c->n_schemas - i) * sizeof(*c->schemas));
			return;
		}
}

static void put_schema(struct flow_config *c, const struct store_obj *o)
{
	struct jv obj = jv_of(o->value), spec = jv_get(obj, "spec");
	struct jv by = jv_path(spec, "distinguisherMethod.type");
	struct flow_schema *s = NEW(struct flow_schema);
	size_t i;

	*s = (struct flow_schema){.refs = 1,
				  .o = store_obj_ref(o),
				  .name = jv_text(jv_path(obj, "metadata.name")),
				  .uid = jv_text(jv_path(obj, "metadata.uid")),
				  .level =
					  jv_text(jv_path(spec, "priorityLevelConfiguration.name")),
				  .precedence = jv_i64(jv_get(spec, "matchingPrecedence"), 1000),
				  .rules = jv_get(spec, "rules"),
				  .by_user = jv_eqs(by, "ByUser"),
				  .by_namespace = jv_eqs(by, "ByNamespace")};
	del_schema(c, s->name);
	(void)ARRAY_PUSH(c->schemas, c->n_schemas, c->cap_schemas);
	for (i = c->n_schemas - 1; i; i--) {
		const struct flow_schema *b = c->schemas[i - 1];

		if (b->precedence < s->precedence ||
		    (b->precedence == s->precedence && str_cmp(b->name, s->name) < 0))
			break;
		c->schemas[i] = c->schemas[i - 1];
	}
	c->schemas[i] = s;
}

/* ---- matching (k8s.io/apiserver/pkg/util/flowcontrol/rule.go) ---- */

static bool has(struct jv list, struct str s)
{
	jv_for_each (v, list)
		if (jv_eqs(v.value, "*") || str_eq(jv_text(v.value), s))
			return true;
	return false;
}

static bool subject_fits(struct jv subject, const struct user *u)
{
	struct jv kind = jv_get(subject, "kind");
	struct str name;

	if (jv_eqs(kind, "User")) {
		name = jv_text(jv_path(subject, "user.name"));
		return str_eqs(name, "*") || str_eqs(name, u->name);
	}
	if (jv_eqs(kind, "Group")) {
		name = jv_text(jv_path(subject, "group.name"));
		for (size_t i = 0; i < u->n_groups; i++)
			if (str_eqs(name, u->groups[i]))
				return true;
		return str_eqs(name, "*");
	}
	if (jv_eqs(kind, "ServiceAccount")) {
		struct str rest = str_of(u->name), prefix = STR(USER_SERVICE_ACCOUNT_PREFIX), ns;
		struct str want = jv_text(jv_path(subject, "serviceAccount.name"));

		if (!str_starts(rest, prefix))
			return false;
		rest = str_skip(rest, prefix.len);
		str_split(&rest, ':', &ns);
		return str_eq(ns, jv_text(jv_path(subject, "serviceAccount.namespace"))) &&
		       (str_eqs(want, "*") || str_eq(want, rest));
	}
	return false;
}

static bool resource_fits(struct jv rule, const struct request_info *i)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT;

	buf_addstr(&name, i->resource);
	if (i->subresource.len)
		buf_addf(&name, "/%.*s", STR_ARG(i->subresource));
	if (!has(jv_get(rule, "verbs"), str_of(i->verb)) ||
	    !has(jv_get(rule, "apiGroups"), i->group.p ? i->group : STR("")) ||
	    !has(jv_get(rule, "resources"), buf_str(&name)))
		return false;
	return i->ns.len ? has(jv_get(rule, "namespaces"), i->ns)
			 : jv_bool(jv_get(rule, "clusterScope"), false);
}

static bool url_fits(struct jv rule, const struct request_info *i)
{
	if (!has(jv_get(rule, "verbs"), str_of(i->verb)))
		return false;
	jv_for_each (v, jv_get(rule, "nonResourceURLs")) {
		struct str p = jv_text(v.value);

		if (str_eqs(p, "*") || str_eq(p, i->path) ||
		    (str_ends(p, STR("/*")) && str_starts(i->path, str_n(p.p, p.len - 1))))
			return true;
	}
	return false;
}

static bool rule_fits(struct jv rule, const struct request *r)
{
	bool who = false;

	jv_for_each (s, jv_get(rule, "subjects"))
		who = who || subject_fits(s.value, r->user);
	if (!who)
		return false;
	if (r->info.is_resource) {
		jv_for_each (x, jv_get(rule, "resourceRules"))
			if (resource_fits(x.value, &r->info))
				return true;
	} else {
		jv_for_each (x, jv_get(rule, "nonResourceRules"))
			if (url_fits(x.value, &r->info))
				return true;
	}
	return false;
}

static struct flow_schema *classify(const struct flow_config *c, const struct request *r)
{
	for (size_t i = 0; i < c->n_schemas; i++)
		jv_for_each (rule, c->schemas[i]->rules)
			if (rule_fits(rule.value, r))
				return c->schemas[i];
	return NULL;
}

/* All that the rules look at, in one text. */
static void describe(const struct request *r, struct buf *out)
{
	const struct request_info *i = &r->info;
	const struct str parts[] = {str_of(i->verb), i->group, i->resource, i->subresource, i->ns};

	buf_adds(out, r->user->name);
	for (size_t k = 0; k < r->user->n_groups; k++) {
		buf_addc(out, '\n');
		buf_adds(out, r->user->groups[k]);
	}
	for (size_t k = 0; k < ARRAY_SIZE(parts); k++) {
		buf_addc(out, '\0');
		buf_addstr(out, parts[k]);
	}
}

struct flow_schema *flow_config_classify(struct flow_config *c, const struct request *r)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct flow_seen *seen;
	uint64_t hash;

	if (!r->info.is_resource)
		return classify(c, r);
	describe(r, &b);
	hash = str_hash(buf_str(&b));
	seen = &c->seen[hash % FLOW_SEEN];
	if (!seen->schema || seen->hash != hash)
		*seen = (struct flow_seen){hash, classify(c, r)};
	return seen->schema;
}

/* ---- in step with the store ---- */

static void put(struct flow_config *c, const struct store_obj *o)
{
	if (str_starts(o->key, STR(LEVELS)))
		put_level(c, o);
	else
		put_schema(c, o);
}

/* "/GROUP/RESOURCE//NAME" */
static void del(struct flow_config *c, struct str key)
{
	struct str name = str_skip(key, (size_t)str_rchr(key, '/') + 1);

	if (str_starts(key, STR(LEVELS)))
		del_level(c, name);
	else
		del_schema(c, name);
}

static void on_put(void *user, const struct store_obj *o)
{
	put(user, o);
}

static void on_del(void *user, const struct store_obj *gone)
{
	del(user, gone->key);
}

static void clear_levels(struct flow_config *c)
{
	while (c->n_levels)
		del_level(c, str_of(c->levels[0]->name));
}

static void clear_schemas(struct flow_config *c)
{
	while (c->n_schemas)
		del_schema(c, c->schemas[0]->name);
}

static void begin_levels(void *user, const struct store_view *v)
{
	clear_levels(user);
}

static void begin_schemas(void *user, const struct store_view *v)
{
	clear_schemas(user);
}

static const struct follow_ops level_ops = {.begin = begin_levels, .put = on_put, .del = on_del};
static const struct follow_ops schema_ops = {.begin = begin_schemas, .put = on_put, .del = on_del};

void flow_config_start(struct flow_config *c)
{
	follow_start(&c->follow_levels, c->store, STR(LEVELS), &level_ops, c);
	follow_start(&c->follow_schemas, c->store, STR(SCHEMAS), &schema_ops, c);
}

void flow_config_stop(struct flow_config *c)
{
	follow_stop(&c->follow_levels);
	follow_stop(&c->follow_schemas);
	clear_levels(c);
	clear_schemas(c);
	free(c->levels);
	free(c->schemas);
}
