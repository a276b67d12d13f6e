/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cluster/members_internal.h"
#include "lib/json/jw.h"

void record_done(struct record *r)
{
	free(r->name);
	free(r->peer);
	free(r->url);
	free(r->version);
	free(r->replaces);
	*r = (struct record){0};
}

struct record record_copy(const struct record *r)
{
	struct record c = *r;

	c.name = xstrdup(r->name);
	c.peer = xstrdup(r->peer);
	c.url = xstrdup(r->url);
	c.version = xstrdup(r->version);
	c.replaces = xstrdup(r->replaces);
	return c;
}

bool record_same(const struct record *a, const struct record *b)
{
	return a->id == b->id && !strcmp(a->name, b->name) && !strcmp(a->peer, b->peer) &&
	       !strcmp(a->url, b->url) && !strcmp(a->version, b->version) &&
	       !strcmp(a->replaces, b->replaces) && a->wants_vote == b->wants_vote &&
	       a->serving == b->serving;
}

void member_id_text(uint64_t id, char ret[17])
{
	snprintf(ret, 17, "%016" PRIx64, id);
}

static uint64_t parse_id(struct str s)
{
	uint64_t v = 0;

	if (!s.len || s.len > 16)
		return 0;
	for (size_t i = 0; i < s.len; i++) {
		int c = (unsigned char)s.p[i];
		int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

		if (d < 0)
			return 0;
		v = v << 4 | (uint64_t)d;
	}
	return v;
}

static char *text(struct jv v, const char *key)
{
	char *s = jv_strdup(jv_get(v, key));

	return s ? s : xstrdup("");
}

/* A name is what a DNS label may be: it stands in paths and on command lines. */
static bool good_name(const char *s)
{
	size_t n = strlen(s);

	return n && n < 64 && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") == n &&
	       s[0] != '-' && s[0] != '.' && s[n - 1] != '-' && s[n - 1] != '.';
}

int record_parse(struct jv v, struct record *ret, struct err *err)
{
	struct record r = {.id = parse_id(jv_text(jv_get(v, "id"))),
			   .name = text(v, "name"),
			   .peer = text(v, "peer"),
			   .url = text(v, "url"),
			   .version = text(v, "version"),
			   .replaces = text(v, "replaces"),
			   .wants_vote = !jv_eqs(jv_get(v, "wants"), "standby"),
			   .serving = jv_bool(jv_get(v, "serving"), false)};
	int e = 0;

	if (!good_name(r.name))
		e = err_set(err, EINVAL, "BadRequest",
			    "name: \"%s\" is no name of a master: lower-case letters, digits, '-' "
			    "and '.'",
			    r.name);
	else if (!peers_address_valid(r.peer))
		e = err_set(err, EINVAL, "BadRequest",
			    "peer: \"%s\" is no address and port such as 10.0.0.1:6380", r.peer);
	else if (strncmp(r.url, "https://", 8) != 0 || strlen(r.url) > 256)
		e = err_set(err, EINVAL, "BadRequest", "url: \"%s\" is none", r.url);
	if (e < 0)
		record_done(&r);
	else
		*ret = r;
	return e;
}

void record_write(const struct record *r, struct buf *out)
{
	struct jw w = jw_start(out);
	char id[17];

	member_id_text(r->id, id);
	jw_begin_object(&w);
	jw_member_str(&w, "id", str_of(id));
	jw_member_str(&w, "name", str_of(r->name));
	jw_member_str(&w, "peer", str_of(r->peer));
	jw_member_str(&w, "url", str_of(r->url));
	jw_member_str(&w, "version", str_of(r->version));
	jw_member_str(&w, "wants", r->wants_vote ? STR("voter") : STR("standby"));
	if (*r->replaces)
		jw_member_str(&w, "replaces", str_of(r->replaces));
	jw_member_bool(&w, "serving", r->serving);
	jw_end_object(&w);
}

void record_key(uint64_t id, struct buf *out)
{
	buf_addf(out, MEMBERS_PREFIX "%016" PRIx64, id);
}

int record_store(struct store *s, const struct record *r, bool put, store_txn_cb cb, void *user)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	CLEANUP(buf_done) struct buf value = BUF_INIT;
	struct store_op op = {.type = put ? STORE_PUT : STORE_DELETE,
			      .expect = r->rev ? r->rev : STORE_ABSENT,
			      .rv_at = STORE_NO_RV};

	record_key(r->id, &key);
	record_write(r, &value);
	op.key = buf_str(&key);
	op.value = put ? buf_str(&value) : STR_NULL;
	return store_txn(s, &op, 1, cb, user);
}
