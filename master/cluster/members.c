/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cluster/members_internal.h"
#include "lib/base/log.h"
#include "lib/json/json_scan.h"
#include "lib/json/jw.h"

#define TICK_NS (200 * NSEC_PER_MSEC)
#define LOOK_NS (50 * NSEC_PER_MSEC)
#define REST_NS NSEC_PER_SEC /* all is well: who leads is told */
#define ALIVE_NS (2 * NSEC_PER_SEC) /* a member that was heard of so lately answers */
#define REGISTER_RETRY_NS (200 * NSEC_PER_MSEC)
#define REGISTER_NS (30 * NSEC_PER_SEC)
#define ORPHAN_NS (15 * NSEC_PER_SEC) /* a record without a member, since this one leads */
#define LOST_NS (2 * NSEC_PER_SEC)
#define ANSWER_MAX 65536u
#define ASK_AROUND_NS (1500 * NSEC_PER_MSEC) /* without any leader */

/* ---- the records ---- */

const struct record *members_by_id(const struct members *m, uint64_t id)
{
	for (size_t i = 0; i < m->n_records; i++)
		if (m->records[i].id == id)
			return &m->records[i];
	return NULL;
}

const struct record *members_by_name(const struct members *m, struct str name)
{
	for (size_t i = 0; i < m->n_records; i++)
		if (str_eq(name, str_of(m->records[i].name)))
			return &m->records[i];
	return NULL;
}

static void forget_records(struct members *m)
{
	for (size_t i = 0; i < m->n_records; i++)
		record_done(&m->records[i]);
	m->n_records = 0;
}

void members_reload(struct members *m)
{
	CLEANUP(store_view_unrefp) struct store_view *v = store_view(m->conf.store);
	const struct store_obj *o;
	struct store_iter it;
	struct record r;

	forget_records(m);
	store_range(v, STR(MEMBERS_PREFIX), STR_NULL, &it); /* in the order of ids */
	while ((o = store_iter_next(&it))) {
		if (record_parse(jv_of(o->value), &r, NULL) < 0)
			continue;
		r.rev = o->rev;
		*ARRAY_PUSH(m->records, m->n_records, m->cap_records) = r;
		if (r.id != m->conf.id)
			peers_set_address(m->conf.peers, r.id, r.peer);
	}
}

static void follow(struct members *m);

static void on_event(void *user, const struct store_event *ev, int err)
{
	struct members *m = user;

	if (!ev) {
		store_unwatch(m->watch);
		m->watch = NULL;
		if (err == -ESTALE)
			follow(m);
		return;
	}
	members_reload(m);
	m->conf.on_records(m->conf.user);
	members_tick_soon(m);
}

static void follow(struct members *m)
{
	struct store_watch_spec spec = {.prefix = STR(MEMBERS_PREFIX),
					.from_rev = store_rev(m->conf.store)};

	members_reload(m);
	store_watch(m->conf.store, &spec, on_event, m, &m->watch);
}

struct record members_own(const struct members *m)
{
	const struct record *have = members_by_id(m, m->conf.id);

	return (struct record){.id = m->conf.id,
			       .rev = have ? have->rev : 0,
			       .name = xstrdup(m->conf.name),
			       .peer = xstrdup(peers_address(m->conf.peers)),
			       .url = xstrdup(m->conf.url),
			       .version = xstrdup(PACKAGE_VERSION),
			       .replaces = xstrdup(have ? have->replaces : ""),
			       .wants_vote = have ? have->wants_vote : true,
			       .serving = m->serves};
}

/* ---- what raft says ---- */

bool members_in_raft(const struct members *m, uint64_t id, struct store_member *ret)
{
	struct store_member v[MEMBERS_MAX];
	size_t n = store_members(m->conf.store, v, ARRAY_SIZE(v));

	for (size_t i = 0; i < n; i++)
		if (v[i].id == id) {
			*ret = v[i];
			return true;
		}
	return false;
}

size_t members_voters(const struct members *m)
{
	struct store_member v[MEMBERS_MAX];
	size_t n = store_members(m->conf.store, v, ARRAY_SIZE(v)), voters = 0;

	for (size_t i = 0; i < n; i++)
		voters += v[i].role == STORE_VOTER;
	return voters;
}

size_t members_other_voters(const struct members *m)
{
	struct store_member me;
	size_t n = members_voters(m);

	return n - (members_in_raft(m, m->conf.id, &me) && me.role == STORE_VOTER);
}

bool members_alive(const struct members *m, uint64_t id)
{
	uint64_t now = timers_now_ns(m->conf.timers), heard;

	if (id == m->conf.id)
		return true;
	/* Who led until now was not told what others answered. */
	heard = MAX(peers_heard_ns(m->conf.peers, id), m->lead_since_ns);
	return heard + ALIVE_NS > now;
}

size_t members_list(const struct members *m, struct member_info *ret, size_t max)
{
	size_t n = MIN(m->n_records, max);

	for (size_t i = 0; i < n; i++) {
		const struct record *r = &m->records[i];
		struct store_member x = {0};

		ret[i] = (struct member_info){r->id, r->name, r->peer, r->url, false, r->serving};
		ret[i].voter = members_in_raft(m, r->id, &x) && x.role == STORE_VOTER;
	}
	return n;
}

/*
 * Nobody leads as far as this master is told. Perhaps it was removed, or its port for masters
 * cannot be reached: then the API of one of the others knows more.
 */
static const struct record *ask_around(struct members *m)
{
	if (m->leaderless_ns + ASK_AROUND_NS > timers_now_ns(m->conf.timers) || !m->n_records)
		return NULL;
	for (size_t i = 0; i < m->n_records; i++) {
		const struct record *r = &m->records[m->ask_at++ % m->n_records];

		if (r->id != m->conf.id)
			return r;
	}
	return NULL;
}

const char *members_leader_url(struct members *m)
{
	uint64_t id = store_leader(m->conf.store);
	const struct record *r = NULL;

	if (id && id != m->conf.id)
		r = members_by_id(m, id);
	else if (!id && !m->leads)
		r = ask_around(m);
	return r ? r->url : NULL;
}

/* It is known that this master serves, or does not. */
static void served(struct members *m)
{
	void (*done)(void *) = m->served;

	m->served = NULL;
	done(m->served_user);
}

/* ---- duties of the leader ---- */

static void put_done(void *user, const struct store_result *r)
{
	(void)user, (void)r; /* looked at again in the next tick */
}

static void change_done(void *user, int err)
{
	struct members *m = user;

	m->changing = false;
	if (!err)
		members_tick_soon(m);
}

static void tell_serving(struct members *m)
{
	struct member_info all[MEMBERS_MAX], serving[MEMBERS_MAX];
	size_t n = members_list(m, all, ARRAY_SIZE(all)), n_serving = 0;
	struct buf text = BUF_INIT;
	struct store_member x;

	for (size_t i = 0; i < n; i++) {
		if (!all[i].serving || !members_alive(m, all[i].id) ||
		    !members_in_raft(m, all[i].id, &x))
			continue;
		serving[n_serving++] = all[i];
		buf_addf(&text, "%s ", all[i].url);
	}
	if (!n_serving || (m->told_serving && !strcmp(text.p, m->told_serving))) {
		buf_done(&text);
		return;
	}
	free(m->told_serving);
	m->told_serving = buf_take(&text);
	m->conf.on_serving(m->conf.user, serving, n_serving);
}

static void warn_even(struct members *m)
{
	size_t n = members_voters(m);

	if (n == m->told_voters)
		return;
	if (n % 2 == 0 && n)
		log_warn("%zu masters vote: no more of them may fail than with %zu; one more, or "
			 "one "
			 "less, is better",
			 n, n - 1);
	else if (m->told_voters)
		log_notice("%zu master%s vote%s: %zu may fail", n, n == 1 ? "" : "s",
			   n == 1 ? "s" : "", (n - 1) / 2);
	m->told_voters = n;
}

/* One change at a time: who has caught up votes, who was replaced goes. */
static void change_something(struct members *m)
{
	for (size_t i = 0; i < m->n_records; i++) {
		const struct record *r = &m->records[i], *old;
		struct store_member x, y;

		if (!members_in_raft(m, r->id, &x))
			continue;
		if (r->wants_vote && x.role == STORE_STANDBY && members_alive(m, r->id)) {
			x.role = STORE_VOTER;
			m->changing = true;
			store_set_member(m->conf.store, &x, change_done, m);
			return;
		}
		for (size_t k = 0; *r->replaces && k < m->n_records; k++) {
			old = &m->records[k];
			if (old->id == r->id || strcmp(old->name, r->replaces) != 0 ||
			    old->id == m->conf.id || !members_in_raft(m, old->id, &y) ||
			    (y.role == STORE_VOTER && x.role != STORE_VOTER))
				continue;
			log_notice("master %s is replaced by %s", old->name, r->name);
			m->changing = true;
			store_remove_member(m->conf.store, old->id, change_done, m);
			return;
		}
	}
}

/* Records without a member: of a join that was broken off, of one that was replaced. */
static void drop_orphans(struct members *m)
{
	struct store_member x;

	if (timers_now_ns(m->conf.timers) < m->lead_since_ns + ORPHAN_NS || !list_empty(&m->ops))
		return;
	for (size_t i = 0; i < m->n_records; i++)
		if (!members_in_raft(m, m->records[i].id, &x)) {
			record_store(m->conf.store, &m->records[i], false, put_done, m);
			return;
		}
}

static void tick(struct timer *t)
{
	struct members *m = container_of(t, struct members, tick);
	struct record own;
	const struct record *have;

	if (!m->leads)
		return;
	own = members_own(m);
	have = members_by_id(m, m->conf.id);
	if (!have || !record_same(have, &own))
		record_store(m->conf.store, &own, true, put_done, m);
	else if (m->served)
		served(m);
	record_done(&own);
	tell_serving(m);
	warn_even(m);
	if (!m->changing)
		change_something(m);
	drop_orphans(m);
	/* Alone there is nobody to look after. */
	if (m->n_records > 1 || members_other_voters(m))
		timers_arm_in(m->conf.timers, t, TICK_NS);
}

void members_tick_soon(struct members *m)
{
	if (m->leads)
		timers_soon(m->conf.timers, &m->tick);
}

/* ---- what a follower does ---- */

static void registered(struct members *m)
{
	struct jv v = jv_of(buf_str(&m->answer));

	if (json_scan(buf_str(&m->answer), NULL, NULL) < 0)
		return;
	if (!m->caught_up_at)
		m->caught_up_at = (uint64_t)jv_i64(jv_get(v, "revision"), 0) + 1;
	m->registered = true;
	m->next_register_ns = timers_now_ns(m->conf.timers) + REGISTER_NS;
	if (m->announced_serves == m->serves && m->served)
		served(m);
}

static void on_response(void *user, const struct transport_resp *resp)
{
	((struct members *)user)->status = resp->status;
}

static void on_data(void *user, struct str bytes)
{
	struct members *m = user;

	if (m->answer.len + bytes.len <= ANSWER_MAX)
		buf_addstr(&m->answer, bytes);
}

static void on_end(void *user, int r)
{
	struct members *m = user;

	m->registering = NULL;
	m->next_register_ns = timers_now_ns(m->conf.timers) + REGISTER_RETRY_NS;
	if (m->leads || r < 0)
		return;
	if (m->status == 410 && !m->removed) {
		m->removed = true;
		m->conf.on_removed(m->conf.user, "this master was removed from the cluster");
	} else if (m->status / 100 == 2) {
		registered(m);
	} else {
		log_debug("registering: %d %.*s", m->status, STR_ARG(buf_str(&m->answer)));
	}
}

static void register_self(struct members *m)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	struct record own = members_own(m);
	struct transport_req req = {.method = "POST",
				    .path = STR("/knarr/v1/register"),
				    .content_type = STR("application/json"),
				    .user_agent = STR("knarr-master/members"),
				    .on_response = on_response,
				    .on_data = on_data,
				    .on_end = on_end,
				    .user = m};

	record_write(&own, &body);
	record_done(&own);
	buf_clear(&m->answer);
	m->status = 0;
	m->announced_serves = m->serves;
	req.body = buf_str(&body);
	m->registering = transport_request(m->conf.transport, &req);
}

static void tell_lost(struct members *m, bool lost)
{
	if (lost == m->lost)
		return;
	m->lost = lost;
	m->conf.on_lost(m->conf.user, lost);
}

/* Nothing is expected but that another one leads, of which members_look is told. */
static bool at_rest(const struct members *m)
{
	return m->leader_seen && m->registered && !m->registering &&
	       m->caught_up_at == UINT64_MAX && m->announced_serves == m->serves;
}

static void look(struct timer *t)
{
	struct members *m = container_of(t, struct members, look);
	uint64_t leader = store_leader(m->conf.store);

	if (m->leads)
		return;
	if (leader || m->leader_seen)
		m->leaderless_ns = timers_now_ns(m->conf.timers);
	tell_lost(m, timers_now_ns(m->conf.timers) > m->leaderless_ns + LOST_NS);
	if (leader != m->leader_seen) {
		m->leader_seen = leader;
		m->next_register_ns = 0;
		m->conf.on_leader(m->conf.user);
	}
	if (!m->registering && !m->removed && members_leader_url(m) &&
	    (timers_now_ns(m->conf.timers) >= m->next_register_ns ||
	     (m->registered && m->announced_serves != m->serves)))
		register_self(m);
	if (m->caught_up_at && store_rev(m->conf.store) + 1 >= m->caught_up_at) {
		m->caught_up_at = UINT64_MAX; /* once */
		m->conf.on_caught_up(m->conf.user);
	}
	timers_arm_in(m->conf.timers, t, at_rest(m) ? REST_NS : LOOK_NS);
}

/* ---- life ---- */

void members_lead(struct members *m)
{
	m->leads = true;
	tell_lost(m, false);
	m->lead_since_ns = timers_now_ns(m->conf.timers);
	m->leader_seen = m->conf.id;
	m->changing = false;
	free(m->told_serving);
	m->told_serving = NULL;
	members_reload(m);
	tell_serving(m); /* before anything is written about it */
	timers_disarm(m->conf.timers, &m->look);
	timers_soon(m->conf.timers, &m->tick);
}

void members_follow(struct members *m)
{
	m->leads = false;
	m->registered = false;
	m->next_register_ns = 0;
	m->leaderless_ns = timers_now_ns(m->conf.timers);
	timers_disarm(m->conf.timers, &m->tick);
	if (!timer_armed(&m->look))
		timers_soon(m->conf.timers, &m->look);
}

void members_look(struct members *m)
{
	if (!m->leads)
		timers_soon(m->conf.timers, &m->look);
}

void members_serve(struct members *m, bool serving, void (*done)(void *user), void *user)
{
	m->serves = serving;
	m->served = done;
	m->served_user = user;
	if (m->leads)
		members_tick_soon(m);
	else
		timers_soon(m->conf.timers, &m->look);
}

struct members *members_new(const struct members_conf *conf)
{
	struct members *m = NEW(struct members);

	m->conf = *conf;
	m->tick.fire = tick;
	m->look.fire = look;
	buf_init(&m->answer);
	list_init(&m->ops);
	follow(m);
	return m;
}

struct members *members_free(struct members *m)
{
	if (!m)
		return NULL;
	members_calls_drop(m);
	if (m->registering)
		transport_cancel(m->conf.transport, m->registering);
	timers_disarm(m->conf.timers, &m->tick);
	timers_disarm(m->conf.timers, &m->look);
	store_unwatch(m->watch);
	forget_records(m);
	free(m->records);
	free(m->told_serving);
	buf_done(&m->answer);
	free(m);
	return NULL;
}
