/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/cloud_ask.h"

#define RETRY_MIN_NS (5 * NSEC_PER_SEC)
#define RETRY_MAX_NS (300 * NSEC_PER_SEC)

struct question {
	struct asks *a;
	struct cloud_call *call; /* NULL: not under way */
	char *key;
	char *same; /* of the last one put */
	char *result, *error; /* of the last one answered, with `same` as below */
	char *answered; /* what was asked for */
	int (*check)(struct jv result, struct err *err);
	uint64_t at_ns, delay_ns;
	bool fresh, expired;
};

struct asks {
	struct ctl *c;
	struct hmap *v; /* "verb key" -> question */
};

struct asks *asks_new(struct ctl *c)
{
	struct asks *a = NEW(struct asks);

	a->c = c;
	a->v = hmap_new();
	return a;
}

static void question_free(void *p)
{
	struct question *q = p;

	if (!q)
		return;
	cloud_cancel(q->call);
	free(q->key);
	free(q->same);
	free(q->result);
	free(q->error);
	free(q->answered);
	free(q);
}

struct asks *asks_free(struct asks *a)
{
	if (!a)
		return NULL;
	hmap_free_full(a->v, question_free);
	free(a);
	return NULL;
}

static void name_of(enum cloud_verb v, struct str key, struct buf *out)
{
	buf_addf(out, "%d %.*s", (int)v, STR_ARG(key));
}

static void set(char **at, char *take)
{
	free(*at);
	*at = take;
}

static void on_answer(void *user, const struct err *e, struct jv result)
{
	struct question *q = user;
	CLEANUP(err_done) struct err own = ERR_INIT;
	struct ctl *c = q->a->c;

	q->call = NULL;
	q->at_ns = client_now_ns(c->client);
	q->fresh = true;
	q->expired = false;
	set(&q->answered, xstrdup(q->same));
	if (e->errnum)
		err_set(&own, e->errnum, NULL, "%s", err_text(e));
	else if (q->check)
		q->check(result, &own);
	if (own.errnum) {
		set(&q->error, xstrdup(err_text(&own)));
		q->delay_ns = MIN(MAX(q->delay_ns * 2, RETRY_MIN_NS), RETRY_MAX_NS);
	} else {
		set(&q->error, NULL);
		set(&q->result, str_dup(jv_raw(result)));
		q->delay_ns = 0;
	}
	ctl_enqueue(c, str_of(q->key));
}

static void put(struct asks *a, struct question *q, const struct ask *in, struct str same)
{
	set(&q->same, str_dup(same));
	q->check = in->check;
	q->call = cloud_ask(a->c->conf->cloud, in->verb, in->params, on_answer, q);
}

static struct question *question_of(struct asks *a, const struct ask *in)
{
	CLEANUP(buf_done) struct buf name = BUF_INIT;
	struct question *q;

	name_of(in->verb, in->key, &name);
	q = hmap_get(a->v, buf_str(&name));
	if (q)
		return q;
	q = NEW(struct question);
	q->a = a;
	q->key = str_dup(in->key);
	hmap_put(a->v, buf_str(&name), q);
	return q;
}

static enum ask_state tell(struct question *q, struct ask *in)
{
	in->fresh = q->fresh;
	q->fresh = false;
	if (q->error) {
		in->error = q->error;
		return ASK_FAILED;
	}
	in->result = jv_of(str_of(q->result));
	return ASK_OK;
}

enum ask_state ask(struct asks *a, struct plan *p, struct ask *in)
{
	struct question *q = question_of(a, in);
	struct str same = in->same.p ? in->same : in->params;
	uint64_t now_ns = client_now_ns(a->c->client), due_ns;
	bool known = q->answered && str_eqs(same, q->answered);

	in->asked = in->fresh = false;
	if (q->call) /* one at a time; the key comes back with its answer */
		return known && !q->error ? tell(q, in) : ASK_WAIT;
	if (!known) {
		in->asked = true;
		q->delay_ns = 0;
		put(a, q, in, same);
		return ASK_WAIT;
	}
	due_ns = q->at_ns + (q->error ? q->delay_ns : in->max_age_ns);
	if (q->expired || ((q->error || in->max_age_ns) && now_ns >= due_ns)) {
		/* What failed is told once more before it is tried again. */
		if (q->error && q->fresh)
			return tell(q, in);
		put(a, q, in, same);
		return q->error ? ASK_WAIT : tell(q, in);
	}
	if (q->error || in->max_age_ns)
		plan_again_in(p, due_ns - now_ns);
	return tell(q, in);
}

void asks_forget(struct asks *a, struct str key)
{
	for (int v = 0; v < CLOUD_VERB_MAX; v++) {
		CLEANUP(buf_done) struct buf name = BUF_INIT;

		name_of((enum cloud_verb)v, key, &name);
		question_free(hmap_del(a->v, buf_str(&name)));
	}
}

void asks_expire(struct asks *a)
{
	hmap_for_each (it, a->v) {
		struct question *q = it->value;

		q->expired = true;
		q->delay_ns = 0;
		ctl_enqueue(a->c, str_of(q->key));
	}
}
