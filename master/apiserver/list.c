/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/convert.h"
#include "lib/api/protobuf.h"
#include "lib/api/table.h"
#include "master/apiserver/conversion.h"
#include "master/apiserver/pages.h"
#include "master/apiserver/read.h"
#include "master/apiserver/verbs.h"

/*
 * A list is read from one view and never copied: the answer is an envelope and pointers to the
 * stored bytes, kept alive by one blob that holds the view.
 */
struct list_state {
	struct request *r;
	struct store_view *view;
	struct read_filter filter;
	struct buf prefix, after; /* keys to walk, and where to begin */
	struct str last_key; /* of the last object shown; in the view */
	uint64_t limit, shown, remaining;
	bool more;
	bool keep; /* later pages are to see this view */
	bool part; /* the view has only what begins with prefix */
	struct buf next; /* what the client may go on with where the page it wants is gone */
	const struct store_obj **objs;
	size_t n, cap;
};

static void list_done(struct list_state *l)
{
	store_view_unref(l->view);
	read_filter_done(&l->filter);
	buf_done(&l->prefix);
	buf_done(&l->after);
	buf_done(&l->next);
	free(l->objs);
}

int read_number(struct request *r, const char *name, uint64_t absent, uint64_t *ret,
		struct err *err)
{
	struct str v = query_get(&r->query, name);

	*ret = absent;
	if (!v.len || str_to_u64(v, ret) == 0)
		return 0;
	return api_err_bad_request(err, "strconv.ParseInt: parsing \"%.*s\": invalid syntax",
				   STR_ARG(v));
}

void read_key_split(struct str key, struct str *ret_ns, struct str *ret_name)
{
	ssize_t slash = str_rchr(key, '/');
	struct str head = str_n(key.p, (size_t)slash);

	*ret_name = str_skip(key, (size_t)slash + 1);
	*ret_ns = str_skip(head, (size_t)str_rchr(head, '/') + 1);
}

int read_filter_parse(struct request *r, struct read_filter *ret, struct err *err)
{
	struct str labels = query_get(&r->query, "labelSelector");
	struct str fields = query_get(&r->query, "fieldSelector");
	int e;

	*ret = (struct read_filter){0};
	e = label_selector_parse(labels.p ? labels : STR(""), &ret->labels, err);
	if (e == 0)
		e = field_selector_parse(fields.p ? fields : STR(""), r->kind, &ret->fields, err);
	if (e < 0) {
		read_filter_done(ret);
		if (err && !err->http_code)
			err->http_code = 400;
		return e;
	}
	/* .../watch/.../NAME: what was authorised is this one object. */
	if (r->info.name.len)
		field_selector_add(&ret->fields, "metadata.name", r->info.name);
	if (r->kind->custom && r->kind->selectable && ret->fields.n)
		ret->kind = r->kind;
	ret->any = label_selector_is_everything(&ret->labels) && !ret->fields.n;
	return 0;
}

void read_filter_done(struct read_filter *f)
{
	label_selector_done(&f->labels);
	field_selector_done(&f->fields);
}

/* Written when other fields were selectable, or in another version: its index says nothing. */
static bool match_anew(const struct read_filter *f, const struct store_obj *o, struct str ns,
		       struct str name)
{
	CLEANUP_JSON struct json_object *obj = NULL;
	CLEANUP(buf_done) struct buf meta = BUF_INIT, served = BUF_INIT;

	api_convert_bytes(f->kind, jv_of(o->value), &served);
	if (jsonc_parse(buf_str(&served), &json_stored_limits, &obj, NULL) < 0)
		return false;
	api_index_extract(f->kind, obj, &meta);
	return api_index_match(buf_str(&meta), ns, name, &f->labels, &f->fields);
}

bool read_filter_match(const struct read_filter *f, const struct store_obj *o)
{
	struct str ns, name;

	if (f->any)
		return true;
	read_key_split(o->key, &ns, &name);
	if (f->kind && !api_is_served_form(f->kind, o->value, o->rev))
		return match_anew(f, o, ns, name);
	return api_index_match(o->meta, ns, name, &f->labels, &f->fields);
}

/* The view in which a list was begun, as long as it is kept or can be made anew. */
static int view_of_token(struct list_state *l, struct str token, struct err *err)
{
	struct apiserver *srv = l->r->srv;
	struct str prefix = buf_str(&l->prefix);
	uint64_t rev;
	int e;

	if (pages_token_parse(token, &rev, &l->after) < 0 ||
	    !str_starts(buf_str(&l->after), prefix))
		return api_err_bad_request(err, "invalid continue token: continue key is not "
						"valid");
	l->keep = rev == PAGES_ANY;
	if (l->keep)
		l->view = store_view(srv->store);
	else
		l->view = pages_find(srv->pages, rev, prefix);
	if (l->view)
		return 0;
	e = store_view_at(srv->store, rev, prefix, PAGES_KEEP_NS, &l->view);
	if (e == -ERANGE)
		return read_rv_too_large(l->r, rev, err);
	if (e == 0)
		return 0;
	pages_token(PAGES_ANY, buf_str(&l->after), &l->next);
	return api_err_gone(
		err, "The provided continue parameter is too old to display a consistent list "
		     "result. You can start a new list without the continue parameter, or use the "
		     "continue token in this response to retrieve the remainder of the results. "
		     "Continuing with the provided token results in an inconsistent list - objects "
		     "that were created, modified, or deleted between the time the first chunk was "
		     "returned and now may show up in the list.");
}

/* The view of `continue`, of an exact revision, or the newest. */
static int choose_view(struct list_state *l, struct err *err)
{
	struct request *r = l->r;
	struct str token = query_get(&r->query, "continue");
	struct str match = query_get(&r->query, "resourceVersionMatch");
	struct str prefix = buf_str(&l->prefix);
	uint64_t rev = 0;
	int e = read_check_options(r, false, err);

	if (e == 0)
		e = read_check_rv(r, &rev, err);
	if (e < 0)
		return e;
	if (token.len && rev)
		return api_err_bad_request(err, "specifying resource version is not allowed when "
						"using continue");
	if (token.len)
		return view_of_token(l, token, err);
	l->keep = true;
	/* A revision with a limit and no word of how it is meant is an exact one. */
	if (!rev || !(match.len ? str_eqs(match, "Exact") : l->limit != 0)) {
		l->view = store_view(r->srv->store);
		return 0;
	}
	l->part = rev != store_rev(r->srv->store);
	if (store_view_at(r->srv->store, rev, prefix, 0, &l->view) == 0 ||
	    (l->view = pages_find(r->srv->pages, rev, prefix)))
		return 0;
	return api_err_gone(err, "The resourceVersion for the provided list is too old.");
}

/* Collect the objects of this page. */
static void walk(struct list_state *l)
{
	struct str after = l->after.len ? buf_str(&l->after) : STR_NULL;
	const struct store_obj *o;
	struct store_iter it;

	store_range(l->view, buf_str(&l->prefix), after, &it);
	while ((o = store_iter_next(&it))) {
		if (!read_filter_match(&l->filter, o))
			continue;
		if (l->limit && l->n == l->limit) {
			l->more = true;
			break;
		}
		*ARRAY_PUSH(l->objs, l->n, l->cap) = o;
		l->last_key = o->key;
	}
	if (l->more && l->filter.any)
		l->remaining = store_count(l->view, buf_str(&l->prefix), l->last_key);
	if (l->more && l->keep)
		pages_keep(l->r->srv->pages, l->view, l->part ? buf_str(&l->prefix) : STR(""));
}

static void write_meta(struct list_state *l, struct buf *out)
{
	buf_addf(out, "\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\"", store_view_rev(l->view));
	if (l->more) {
		buf_adds(out, ",\"continue\":\"");
		pages_token(store_view_rev(l->view), l->last_key, out);
		buf_addc(out, '"');
		if (l->remaining)
			buf_addf(out, ",\"remainingItemCount\":%" PRIu64, l->remaining);
	}
	buf_addc(out, '}');
}

static void write_head(struct list_state *l, struct buf *out)
{
	const struct api_kind *k = l->r->kind;

	if (l->r->accept.form == ACCEPT_PARTIAL) {
		buf_addf(out,
			 "{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":"
			 "\"meta.k8s.io/%s\",",
			 l->r->accept.version);
	} else {
		buf_addf(out, "{\"kind\":\"%s\",\"apiVersion\":\"", k->list_kind);
		api_kind_api_version(k, out);
		buf_adds(out, "\",");
	}
	write_meta(l, out);
	buf_adds(out, ",\"items\":[");
}

static void respond_table(struct list_state *l)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP(buf_done) struct buf token = BUF_INIT;
	CLEANUP(buf_done) struct buf converted = BUF_INIT;
	struct request *r = l->r;
	int include = api_table_include_parse(query_get(&r->query, "includeObject"));
	char rv[24];

	snprintf(rv, sizeof(rv), "%" PRIu64, store_view_rev(l->view));
	if (l->more)
		pages_token(store_view_rev(l->view), l->last_key, &token);
	api_table_begin(r->kind, r->accept.version, str_of(rv), buf_str(&token),
			l->remaining ? (int64_t)l->remaining : -1, true, &b);
	for (size_t i = 0; i < l->n; i++) {
		struct str value = l->objs[i]->value;

		if (!api_is_served_form(r->kind, value, l->objs[i]->rev)) {
			buf_clear(&converted);
			api_convert_bytes(r->kind, jv_of(value), &converted);
			value = buf_str(&converted);
		}
		api_table_row(r->kind, r->accept.version, server_now_ns(r->srv), jv_of(value),
			      include < 0 ? API_INCLUDE_METADATA : (enum api_table_include)include,
			      i == 0, &b);
	}
	api_table_end(&b);
	respond_json(r, 200, &b);
}

/* Items that are not the stored bytes themselves. */
static void respond_made(struct list_state *l)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	write_head(l, &b);
	for (size_t i = 0; i < l->n; i++) {
		struct jv stored = jv_of(l->objs[i]->value);

		if (i)
			buf_addc(&b, ',');
		if (l->r->accept.form == ACCEPT_PARTIAL)
			api_partial_metadata(l->r->accept.version, stored, &b);
		else if (!api_is_served_form(l->r->kind, l->objs[i]->value, l->objs[i]->rev))
			api_convert_bytes(l->r->kind, stored, &b);
		else
			buf_addstr(&b, l->objs[i]->value);
	}
	buf_adds(&b, "]}");
	respond_json(l->r, 200, &b);
}

/*
 * In protobuf each object is written anew, and the whole in one turn of the loop. A list above
 * this size goes out as the stored JSON where the client takes that too (client-go does).
 */
#define PB_LIST_MAX (1u << 20)

static bool list_as_pb(const struct list_state *l)
{
	size_t size = 0;

	if (!l->r->accept.pb || l->r->accept.form == ACCEPT_TABLE)
		return false;
	if (!l->r->accept.json_too || l->r->accept.form == ACCEPT_PARTIAL)
		return true;
	for (size_t i = 0; i < l->n; i++)
		size += l->objs[i]->value.len;
	return size <= PB_LIST_MAX;
}

static void respond_pb(struct list_state *l)
{
	const struct api_kind *k = l->r->kind;
	bool partial = l->r->accept.form == ACCEPT_PARTIAL;
	CLEANUP(buf_done) struct buf raw = BUF_INIT;
	CLEANUP(buf_done) struct buf head = BUF_INIT;
	CLEANUP(buf_done) struct buf token = BUF_INIT;
	CLEANUP(buf_done) struct buf version = BUF_INIT;
	CLEANUP(buf_done) struct buf converted = BUF_INIT;
	char rv[24];

	snprintf(rv, sizeof(rv), "%" PRIu64, store_view_rev(l->view));
	if (l->more)
		pages_token(store_view_rev(l->view), l->last_key, &token);
	api_pb_list_meta(str_of(rv), buf_str(&token), l->remaining ? (int64_t)l->remaining : -1,
			 &raw);
	for (size_t i = 0; i < l->n; i++) {
		struct jv obj = jv_of(l->objs[i]->value);

		if (k->storage && !partial) {
			buf_clear(&converted);
			api_convert_bytes(k, obj, &converted);
			obj = jv_of(buf_str(&converted));
		}
		api_pb_list_item(partial ? &api_pb_partial : k->type, obj, &raw);
	}
	if (partial)
		buf_addf(&version, "meta.k8s.io/%s", l->r->accept.version);
	else
		api_kind_api_version(k, &version);
	api_pb_head(buf_str(&version), str_of(partial ? "PartialObjectMetadataList" : k->list_kind),
		    raw.len, &head);
	buf_addstr(&head, buf_str(&raw));
	respond_buf(l->r, 200, API_PB_TYPE, &head);
}

static void release_view(void *user)
{
	store_view_unref(user);
}

/* The stored bytes as they are. */
static void respond_pieces(struct list_state *l)
{
	CLEANUP(buf_done) struct buf head = BUF_INIT;
	CLEANUP_FREE struct http_piece *p = xcalloc(2 * l->n + 2, sizeof(*p));
	struct http_blob *keep, *head_blob;
	struct request *r = l->r;
	size_t n = 0;

	write_head(l, &head);
	head_blob = http_blob_take_buf(&head);
	keep = http_blob_wrap(STR(""), release_view, store_view_ref(l->view));
	p[n++] = http_piece_of(head_blob);
	for (size_t i = 0; i < l->n; i++) {
		if (r->front->object && r->front->object(r, TRANSPORT_ITEM, l->objs[i]))
			continue;
		if (n > 1)
			p[n++] = HTTP_PIECE_LIT(",");
		p[n++] = (struct http_piece){l->objs[i]->value, keep};
	}
	p[n++] = HTTP_PIECE_LIT("]}");
	respond_pieces_json(r, 200, p, n);
	http_blob_unref(keep);
	http_blob_unref(head_blob);
}

static bool as_stored(const struct list_state *l)
{
	const struct api_kind *k = l->r->kind;

	if (!k->custom)
		return !k->storage;
	for (size_t i = 0; i < l->n; i++)
		if (!api_is_served_form(k, l->objs[i]->value, l->objs[i]->rev))
			return false;
	return true;
}

/*
 * A list whose answer is not made of stored bytes costs memory of its own, until a client (perhaps
 * a slow one) has read it. All of these together are bounded; one alone may be of any size.
 */
#define LISTS_MAX (64u << 20)

static bool has_room(struct list_state *l)
{
	struct request *r = l->r;
	size_t size = 0;

	if (!r->front->http || r->list_bytes)
		return true;
	for (size_t i = 0; i < l->n; i++)
		size += l->objs[i]->value.len;
	if (r->srv->lists_bytes && r->srv->lists_bytes + size > LISTS_MAX)
		return false;
	r->list_bytes = size;
	r->srv->lists_bytes += size;
	return true;
}

static void refuse_list(struct request *r)
{
	CLEANUP(err_done) struct err e = ERR_INIT;

	err_set(&e, EBUSY, "TooManyRequests",
		"Too many lists are being read, please try again later.");
	e.http_code = 429;
	e.retry_after_s = 1;
	respond_err(r, &e);
}

static void list_now(struct request *r)
{
	CLEANUP(list_done)
	struct list_state l = {.r = r, .prefix = BUF_INIT, .after = BUF_INIT, .next = BUF_INIT};
	CLEANUP(err_done) struct err e = ERR_INIT;
	bool pb, made;

	request_key(r->kind, r->info.ns, STR(""), &l.prefix);
	if (read_number(r, "limit", 0, &l.limit, &e) < 0 ||
	    read_filter_parse(r, &l.filter, &e) < 0 || choose_view(&l, &e) < 0) {
		struct api_status_details d = {.next = buf_str(&l.next)};

		if (l.next.len)
			respond_err_about(r, &e, &d);
		else
			respond_err(r, &e);
		return;
	}
	walk(&l);
	if (l.n && r->accept.form != ACCEPT_PARTIAL && conversion_wait(r, l.objs, l.n, list_now))
		return;
	pb = list_as_pb(&l);
	made = r->accept.form == ACCEPT_TABLE || r->accept.form == ACCEPT_PARTIAL ||
	       !as_stored(&l) || r->accept.yaml;
	if ((pb || made) && !has_room(&l))
		refuse_list(r);
	else if (pb)
		respond_pb(&l);
	else if (r->accept.form == ACCEPT_TABLE)
		respond_table(&l);
	else if (made)
		respond_made(&l);
	else
		respond_pieces(&l);
}

void verb_list(struct request *r)
{
	if (r->accept.form == ACCEPT_NONE)
		respond_not_acceptable(r);
	else
		read_consistent(r, list_now);
}
