/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cluster/members_internal.h"
#include "lib/base/log.h"
#include "lib/json/json_scan.h"
#include "lib/json/jw.h"

#define AGAIN_NS (25 * NSEC_PER_MSEC)
#define OP_NS (10 * NSEC_PER_SEC) /* until a change is in force */
#define HANDOVER_NS (3 * NSEC_PER_SEC)

/*
 * A call that takes more than one step.
 *
 *	join:	write the record -> add to raft as stand-by -> answer with the keys
 *	role:	write the record -> set in raft -> in force? -> answer
 *	remove:	[hand leadership over -> again, by the new leader] | remove from raft -> in force?
 *		-> delete the record -> answer
 */
enum op_type { OP_JOIN, OP_REGISTER, OP_ROLE, OP_REMOVE, OP_HANDOVER };
enum op_step { STEP_RECORD, STEP_RAFT, STEP_FORCE, STEP_LAST };

struct op {
	struct list node;
	struct members *m;
	struct members_reply re;
	enum op_type type;
	enum op_step step;
	struct record r; /* own copy */
	enum store_member_role role;
	bool again; /* after the handover */
	bool waits; /* for a callback of the store */
	bool dropped; /* when it comes, nobody wants it any more */
	struct timer timer;
	uint64_t until_ns;
};

static void op_go(struct op *op);

/* ---- answers ---- */

static void op_free(struct op *op)
{
	timers_disarm(op->m->conf.timers, &op->timer);
	list_remove(&op->node);
	record_done(&op->r);
	free(op);
}

static void op_fail(struct op *op, const struct err *e)
{
	struct members_reply re = op->re;

	op_free(op);
	re.fail(re.user, e);
}

static void op_again(struct op *op)
{
	struct members_reply re = op->re;

	op_free(op);
	re.again(re.user);
}

static void op_answer(struct op *op, struct buf *json)
{
	struct members_reply re = op->re;

	op_free(op);
	re.answer(re.user, 200, json);
}

static void fail_now(const struct members_reply *re, struct err *e)
{
	re->fail(re->user, e);
	err_done(e);
}

static int refuse(struct err *e, int code, const char *reason, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
static int refuse(struct err *e, int code, const char *reason, const char *fmt, ...)
{
	CLEANUP_FREE char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	err_set(e, EINVAL, reason, "%s", text);
	e->http_code = code;
	return -EINVAL;
}

/* ---- who the members are ---- */

static void write_member(const struct members *m, const struct record *r, struct jw *w)
{
	struct store_member x = {0};
	bool in = members_in_raft(m, r->id, &x);
	uint64_t heard = peers_heard_ns(m->conf.peers, r->id);
	char id[17];

	member_id_text(r->id, id);
	jw_begin_object(w);
	jw_member_str(w, "name", str_of(r->name));
	jw_member_str(w, "id", str_of(id));
	jw_member_str(w, "role",
		      !in                     ? STR("none")
		      : x.role == STORE_VOTER ? STR("voter")
					      : STR("standby"));
	jw_member_bool(w, "leader", store_leader(m->conf.store) == r->id);
	jw_member_str(w, "wants", r->wants_vote ? STR("voter") : STR("standby"));
	if (m->leads) /* nobody else is told */
		jw_member_bool(w, "alive", members_alive(m, r->id));
	jw_member_bool(w, "serving", r->serving);
	jw_member_str(w, "peer", str_of(r->peer));
	jw_member_str(w, "url", str_of(r->url));
	jw_member_str(w, "version", str_of(r->version));
	if (*r->replaces)
		jw_member_str(w, "replaces", str_of(r->replaces));
	if (r->id != m->conf.id && heard)
		jw_member_i64(w, "lastHeardMs",
			      (int64_t)((timers_now_ns(m->conf.timers) - heard) / NSEC_PER_MSEC));
	jw_end_object(w);
}

static void write_warnings(const struct members *m, struct jw *w)
{
	size_t voters = members_voters(m), alive = 0;
	struct store_member x;

	for (size_t i = 0; i < m->n_records; i++)
		alive += members_in_raft(m, m->records[i].id, &x) && x.role == STORE_VOTER &&
			 members_alive(m, m->records[i].id);
	jw_key(w, "warnings");
	jw_begin_array(w);
	if (voters && voters % 2 == 0) {
		CLEANUP_FREE char *text =
			xasprintf("%zu masters vote: no more of them may fail than with %zu; add "
				  "one, or make one a stand-by",
				  voters, voters - 1);

		jw_str(w, str_of(text));
	}
	if (m->leads && voters > 1 && alive == voters / 2 + 1 && alive < voters)
		jw_str(w, STR("no further voter may fail: one that does not answer should come "
			      "back, or be replaced"));
	if (!m->leads)
		jw_str(w, STR("no master leads: this is what one of them knows"));
	jw_end_array(w);
}

static void write_state(const struct members *m, struct jw *w)
{
	jw_member_i64(w, "revision", (int64_t)store_rev(m->conf.store));
	jw_key(w, "members");
	jw_begin_array(w);
	for (size_t i = 0; i < m->n_records; i++)
		write_member(m, &m->records[i], w);
	jw_end_array(w);
	write_warnings(m, w);
}

static void write_members(const struct members *m, struct buf *out)
{
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	jw_member_str(&w, "kind", STR("MasterList"));
	write_state(m, &w);
	jw_end_object(&w);
}

/* ---- joining ---- */

static void write_pem(struct jw *w, const char *name, EVP_PKEY *key)
{
	CLEANUP(buf_done) struct buf pem = BUF_INIT;

	cert_key_to_pem(key, &pem);
	jw_member_str(w, name, buf_str(&pem));
	OPENSSL_cleanse(pem.p, pem.len);
}

static void write_joined(const struct op *op, struct buf *out)
{
	const struct members *m = op->m;
	const struct members_settings *s = &m->conf.settings;
	struct jw w = jw_start(out);
	char id[17];

	member_id_text(op->r.id, id);
	jw_begin_object(&w);
	jw_member_str(&w, "id", str_of(id));
	member_id_text(store_cluster(m->conf.store), id);
	jw_member_str(&w, "cluster", str_of(id));
	jw_member_str(&w, "name", str_of(op->r.name));
	jw_member_str(&w, "ca.crt", pki_ca_pem(m->conf.pki));
	write_pem(&w, "ca.key", pki_ca(m->conf.pki)->key);
	write_pem(&w, "sa.key", pki_sa_key(m->conf.pki));
	jw_member_str(&w, "serviceCIDR", str_of(s->service_cidr));
	jw_member_str(&w, "clusterCIDR", str_of(s->cluster_cidr));
	jw_member_str(&w, "clusterDomain", str_of(s->domain));
	jw_member_str(&w, "nodePortRange", str_of(s->node_ports));
	write_state(m, &w);
	jw_end_object(&w);
}

/* The same machine once more, whose first answer was lost: nothing of it has ever been seen. */
static bool same_again(struct members *m, const struct record *have, const struct record *r)
{
	struct store_member x;

	return have && !have->serving && !strcmp(have->peer, r->peer) &&
	       !strcmp(have->url, r->url) && members_in_raft(m, have->id, &x) &&
	       x.role == STORE_STANDBY && !peers_heard_ns(m->conf.peers, have->id);
}

static int check_join(struct members *m, struct jv v, struct record *r, struct err *e)
{
	const struct record *other = members_by_name(m, str_of(r->name));
	struct store_member all[MEMBERS_MAX];
	bool replaces = *r->replaces != 0;

	if (!jv_eqs(jv_get(v, "version"), PACKAGE_VERSION))
		return refuse(e, 409, "Conflict",
			      "this cluster runs version %s of knarr-master, the one that joins %s",
			      PACKAGE_VERSION, r->version);
	if (pki_stage(m->conf.pki) != PKI_STEADY || pki_changed(m->conf.pki))
		return refuse(e, 409, "Conflict",
			      "the cluster's authority is being rotated: finish that first "
			      "(knarrctl ca status)");
	if (replaces && !members_by_name(m, str_of(r->replaces)))
		return refuse(e, 404, "NotFound", "there is no master \"%s\" to be replaced",
			      r->replaces);
	if (replaces && !strcmp(r->replaces, m->conf.name))
		return refuse(e, 409, "Conflict", "master \"%s\" leads and needs no replacement",
			      r->replaces);
	if (same_again(m, other, r)) {
		r->id = other->id;
		r->rev = other->rev;
		return peers_listen(m->conf.peers, e);
	}
	if (other && !(replaces && !strcmp(other->name, r->replaces)))
		return refuse(e, 409, "AlreadyExists",
			      "a master named \"%s\" is a member already, at %s: choose another "
			      "--name, or replace it when it is gone for good (knarrctl member "
			      "replace)",
			      r->name, other->url);
	for (size_t i = 0; i < m->n_records; i++)
		if (!strcmp(m->records[i].peer, r->peer) && &m->records[i] != other)
			return refuse(e, 409, "AlreadyExists",
				      "master \"%s\" has the address %s already",
				      m->records[i].name, r->peer);
	if (store_members(m->conf.store, all, ARRAY_SIZE(all)) >= MEMBERS_MAX)
		return refuse(e, 409, "Conflict", "a cluster has at most %u masters", MEMBERS_MAX);
	return peers_listen(m->conf.peers, e);
}

/* ---- may it be taken out? ---- */

/* What is left must be able to elect: counted by who answers. */
static int check_quorum(struct members *m, const struct record *r, bool force, struct err *e)
{
	struct store_member x;
	size_t voters = 0, alive = 0;

	if (!members_in_raft(m, r->id, &x) || x.role != STORE_VOTER)
		return 0;
	for (size_t i = 0; i < m->n_records; i++) {
		const struct record *o = &m->records[i];

		if (o->id == r->id || !members_in_raft(m, o->id, &x) || x.role != STORE_VOTER)
			continue;
		voters++;
		alive += members_alive(m, o->id);
	}
	if (!voters)
		return refuse(e, 409, "Conflict",
			      "\"%s\" is the last master that votes: without it there is no "
			      "cluster",
			      r->name);
	if (alive <= voters / 2 && !force)
		return refuse(e, 409, "Conflict",
			      "without \"%s\" only %zu of %zu voters answer, and nothing could be "
			      "written any more; --force does it all the same",
			      r->name, alive, voters);
	return 0;
}

/* ---- the steps ---- */

static void op_lost(struct op *op, const char *what)
{
	struct err e = ERR_INIT;

	refuse(&e, 504, "Timeout",
	       "%s has begun and is not in force yet: too few masters answer (knarrctl member "
	       "list)",
	       what);
	op_fail(op, &e);
	err_done(&e);
}

static void op_later(struct op *op)
{
	timers_arm_in(op->m->conf.timers, &op->timer, AGAIN_NS);
}

static bool op_over(const struct op *op)
{
	return timers_now_ns(op->m->conf.timers) > op->until_ns;
}

static void on_timer(struct timer *t)
{
	op_go(container_of(t, struct op, timer));
}

static void next(struct op *op, enum op_step step)
{
	op->step = step;
	op_go(op);
}

/* True: the op is no more. */
static bool came_back(struct op *op)
{
	op->waits = false;
	if (!op->dropped)
		return false;
	record_done(&op->r);
	free(op);
	return true;
}

static void refresh(struct op *op)
{
	const struct record *have;

	members_reload(op->m);
	have = members_by_id(op->m, op->r.id);
	op->r.rev = have ? have->rev : 0;
}

static void record_gone(void *user, const struct store_result *r)
{
	(void)user, (void)r; /* drop_orphans does it otherwise */
}

static void raft_refused(struct op *op, int err)
{
	struct err e = ERR_INIT;

	if (op->type == OP_JOIN) { /* nothing shall be left of it */
		refresh(op);
		record_store(op->m->conf.store, &op->r, false, record_gone, NULL);
	}
	refuse(&e, 409, "Conflict",
	       err == -EAGAIN
		       ? "\"%s\" has not caught up yet, or does not answer; it votes as soon as "
			 "it has"
		       : "another change of the masters is under way (\"%s\")",
	       op->r.name);
	op_fail(op, &e);
	err_done(&e);
}

static void on_raft(void *user, int err)
{
	struct op *op = user;

	if (came_back(op))
		return;
	op->m->changing = false;
	if (err == 0) {
		next(op, STEP_FORCE);
	} else if (err == -EREMOTE) {
		op_again(op);
	} else if ((err == -EBUSY || err == -EAGAIN) && !op_over(op)) {
		op_later(op);
	} else if (err == -EINVAL || err == -ENOENT) {
		next(op, STEP_FORCE); /* it is so already */
	} else {
		raft_refused(op, err);
	}
}

static void step_raft(struct op *op)
{
	struct members *m = op->m;
	struct store_member x = {op->r.id, op->r.peer, op->role};

	if (m->changing) {
		if (op_over(op))
			raft_refused(op, -EBUSY);
		else
			op_later(op);
		return;
	}
	m->changing = op->waits = true;
	if (op->type == OP_REMOVE)
		store_remove_member(m->conf.store, x.id, on_raft, op);
	else
		store_set_member(m->conf.store, &x, on_raft, op);
}

static void step_force(struct op *op)
{
	struct store_member x;
	bool in = members_in_raft(op->m, op->r.id, &x);
	bool done = op->type == OP_REMOVE ? !in : in && (op->type == OP_JOIN || x.role == op->role);

	if (done) {
		refresh(op);
		next(op, op->type == OP_REMOVE ? STEP_RECORD : STEP_LAST);
	} else if (op_over(op)) {
		op_lost(op, op->type == OP_JOIN     ? "joining"
			    : op->type == OP_REMOVE ? "the removal"
						    : "the change");
	} else {
		op_later(op);
	}
}

static void on_record(void *user, const struct store_result *res)
{
	struct op *op = user;
	struct err e = ERR_INIT;

	if (came_back(op))
		return;
	if (res->err == 0 || (res->err == -ENOENT && op->type == OP_REMOVE)) {
		refresh(op);
		next(op, op->type == OP_JOIN || op->type == OP_ROLE ? STEP_RAFT : STEP_LAST);
	} else if (res->err == -EREMOTE) {
		op_again(op);
	} else if (res->err == -EAGAIN || res->err == -EEXIST) {
		refresh(op);
		op_later(op);
	} else {
		refuse(&e, 503, "ServiceUnavailable", "the store did not take it: %s",
		       strerror(-res->err));
		op_fail(op, &e);
		err_done(&e);
	}
}

static void step_record(struct op *op)
{
	struct store_result r = {.err = 0};
	const struct record *have = members_by_id(op->m, op->r.id);

	op->waits = true;
	if (op->type == OP_REMOVE ? !have : have && record_same(have, &op->r))
		on_record(op, &r); /* nothing to change */
	else if ((r.err = record_store(op->m->conf.store, &op->r, op->type != OP_REMOVE, on_record,
				       op)) < 0)
		on_record(op, &r);
}

static void step_last(struct op *op)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (op->type == OP_JOIN) {
		log_notice("master %s joins, at %s", op->r.name, op->r.peer);
		write_joined(op, &b);
	} else {
		write_members(op->m, &b);
	}
	members_tick_soon(op->m);
	op_answer(op, &b);
}

static void step_handover(struct op *op)
{
	struct err e = ERR_INIT;

	if (!op->m->leads && op->again) {
		op_again(op);
	} else if (!op->m->leads) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;

		write_members(op->m, &b);
		op_answer(op, &b);
	} else if (op_over(op)) {
		refuse(&e, 409, "Conflict",
		       "this master leads, and no other one has taken over in time");
		op_fail(op, &e);
		err_done(&e);
	} else {
		op_later(op);
	}
}

static void op_go(struct op *op)
{
	if (op->type == OP_HANDOVER) {
		step_handover(op);
		return;
	}
	if (!op->m->leads) {
		op_again(op);
		return;
	}
	switch (op->step) {
	case STEP_RECORD:
		step_record(op);
		break;
	case STEP_RAFT:
		step_raft(op);
		break;
	case STEP_FORCE:
		step_force(op);
		break;
	case STEP_LAST:
		step_last(op);
		break;
	}
}

static void op_start(struct members *m, enum op_type type, enum op_step step, struct record *take,
		     enum store_member_role role, const struct members_reply *re)
{
	struct op *op = NEW(struct op);

	op->m = m;
	op->type = type;
	op->step = step;
	op->r = *take;
	*take = (struct record){0};
	op->role = role;
	op->re = *re;
	op->timer.fire = on_timer;
	op->until_ns = timers_now_ns(m->conf.timers) + OP_NS;
	list_append(&m->ops, &op->node);
	op_go(op);
}

static void on_transfer(void *user, int err)
{
	struct op *op = user;

	if (came_back(op))
		return;
	if (err && err != -EREMOTE)
		op->until_ns = 0;
	op_go(op);
}

/* Another one shall lead; `to` 0: whichever. Then, with `again`, the call is for that one. */
static void handover(struct members *m, uint64_t to, bool again, const struct members_reply *re)
{
	struct op *op = NEW(struct op);

	op->m = m;
	op->type = OP_HANDOVER;
	op->again = again;
	op->re = *re;
	op->timer.fire = on_timer;
	op->until_ns = timers_now_ns(m->conf.timers) + HANDOVER_NS;
	list_append(&m->ops, &op->node);
	op->waits = true;
	store_transfer(m->conf.store, to, on_transfer, op);
}

void members_calls_drop(struct members *m)
{
	list_for_each_safe (it, &m->ops) {
		struct op *op = list_entry(it, struct op, node);

		timers_disarm(m->conf.timers, &op->timer);
		list_remove(&op->node);
		list_init(&op->node);
		if (op->waits) {
			op->dropped = true;
			continue;
		}
		record_done(&op->r);
		free(op);
	}
}

/* ---- the calls ---- */

static int parse_body(const struct members_req *req, struct jv *ret, struct err *e)
{
	if (json_scan(req->body, NULL, e) < 0)
		return refuse(e, 400, "BadRequest", "the body is no JSON");
	*ret = jv_of(req->body);
	return 0;
}

static void call_join(struct members *m, const struct members_req *req,
		      const struct members_reply *re)
{
	struct err e = ERR_INIT;
	struct record r = {0};
	struct jv v;

	if (parse_body(req, &v, &e) < 0 || record_parse(v, &r, &e) < 0 ||
	    (r.id = 0, check_join(m, v, &r, &e)) < 0) {
		record_done(&r);
		fail_now(re, &e);
		return;
	}
	while (!r.id)
		r.id = rng_u64(&rng_system);
	r.serving = false;
	op_start(m, OP_JOIN, STEP_RECORD, &r, STORE_STANDBY, re);
}

static void call_register(struct members *m, const struct members_req *req,
			  const struct members_reply *re)
{
	const struct record *have, *named;
	struct err e = ERR_INIT;
	struct record r = {0};
	struct store_member x;
	struct jv v;

	if (parse_body(req, &v, &e) < 0 || record_parse(v, &r, &e) < 0) {
		record_done(&r);
		fail_now(re, &e);
		return;
	}
	have = members_by_id(m, r.id);
	named = members_by_name(m, str_of(r.name));
	if (!members_in_raft(m, r.id, &x))
		refuse(&e, 410, "Gone", "master \"%s\" is no member", r.name);
	else if (named && named->id != r.id && (!have || strcmp(have->replaces, r.name) != 0))
		refuse(&e, 409, "AlreadyExists", "another master is named \"%s\"", r.name);
	if (e.errnum) {
		record_done(&r);
		fail_now(re, &e);
		return;
	}
	if (have) { /* what it is meant to be is said by others */
		r.wants_vote = have->wants_vote;
		free(r.replaces);
		r.replaces = xstrdup(have->replaces);
		r.rev = have->rev;
	}
	op_start(m, OP_REGISTER, STEP_RECORD, &r, x.role, re);
}

static void call_role(struct members *m, const struct record *have, const struct members_req *req,
		      const struct members_reply *re)
{
	struct err e = ERR_INIT;
	struct record r;
	struct jv v, role;

	if (parse_body(req, &v, &e) < 0) {
		fail_now(re, &e);
		return;
	}
	role = jv_get(v, "role");
	if (jv_eqs(role, "leader")) {
		if (have->id == m->conf.id) {
			CLEANUP(buf_done) struct buf b = BUF_INIT;

			write_members(m, &b);
			re->answer(re->user, 200, &b);
		} else {
			handover(m, have->id, false, re);
		}
		return;
	}
	r = record_copy(have);
	r.wants_vote = jv_eqs(role, "voter");
	if (!r.wants_vote && !jv_eqs(role, "standby"))
		refuse(&e, 400, "BadRequest", "role: voter, standby or leader");
	else if (!r.wants_vote)
		check_quorum(m, have, jv_bool(jv_get(v, "force"), false), &e);
	if (e.errnum) {
		record_done(&r);
		fail_now(re, &e);
	} else if (!r.wants_vote && have->id == m->conf.id) {
		record_done(&r);
		handover(m, 0, true, re);
	} else {
		op_start(m, OP_ROLE, STEP_RECORD, &r, r.wants_vote ? STORE_VOTER : STORE_STANDBY,
			 re);
	}
}

static void call_remove(struct members *m, const struct record *have, const struct members_req *req,
			const struct members_reply *re)
{
	struct err e = ERR_INIT;
	struct record r;
	bool force = req->body.len && json_scan(req->body, NULL, NULL) == 0 &&
		     jv_bool(jv_get(jv_of(req->body), "force"), false);

	if (check_quorum(m, have, force, &e) < 0) {
		fail_now(re, &e);
	} else if (have->id == m->conf.id) {
		handover(m, 0, true, re);
	} else {
		log_notice("master %s is removed", have->name);
		r = record_copy(have);
		op_start(m, OP_REMOVE, STEP_RAFT, &r, STORE_STANDBY, re);
	}
}

static void call_member(struct members *m, struct str name, const struct members_req *req,
			const struct members_reply *re)
{
	const struct record *have = members_by_name(m, name);
	struct err e = ERR_INIT;

	if (!have) {
		refuse(&e, 404, "NotFound", "there is no master \"%.*s\"", STR_ARG(name));
		fail_now(re, &e);
	} else if (str_eqs(req->method, "POST")) {
		call_role(m, have, req, re);
	} else if (str_eqs(req->method, "DELETE")) {
		call_remove(m, have, req, re);
	} else {
		refuse(&e, 405, "MethodNotAllowed", "POST or DELETE");
		fail_now(re, &e);
	}
}

void members_call(struct members *m, const struct members_req *req, const struct members_reply *re)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	bool get = str_eqs(req->method, "GET"), post = str_eqs(req->method, "POST");

	members_reload(m);
	if (get && str_eqs(req->path, "members")) {
		write_members(m, &b);
		re->answer(re->user, 200, &b);
	} else if (!req->joiner && str_eqs(req->path, "ca")) {
		members_call_ca(m, req, re);
	} else if (!m->leads) {
		re->again(re->user);
	} else if (post && str_eqs(req->path, "join")) {
		call_join(m, req, re);
	} else if (req->joiner) {
		refuse(&e, 403, "Forbidden", "this token is for joining only");
		fail_now(re, &e);
	} else if (post && str_eqs(req->path, "register")) {
		call_register(m, req, re);
	} else if (str_starts(req->path, STR("members/"))) {
		call_member(m, str_skip(req->path, strlen("members/")), req, re);
	} else {
		refuse(&e, 404, "NotFound", "the server could not find the requested resource");
		fail_now(re, &e);
	}
}
