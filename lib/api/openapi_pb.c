/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/openapi.h"
#include "lib/base/pb.h"
/*
 * The v2 document as protobuf (gnostic's openapi.v2.Document): the JSON document, member by
 * member, by a table of what each member of each message is. Members the tables lack are
 * vendor extensions, whose values are YAML text, which JSON is.
 */
enum pb_form {
	PB_TEXT,
	PB_TEXTS, /* repeated string */
	PB_BOOL,
	PB_ANY, /* Any{yaml} */
	PB_ANYS,
	PB_MSG,
	PB_MSGS,
	PB_NAMED, /* an object whose members are {name 1, value 2} entries, wrapped in a message */
	PB_TYPE, /* TypeItem{value 1} */
	PB_WRAP, /* message{1: the value} */
	PB_PARAMS,
	PB_RESPONSES,
};

struct pb_msg;
struct pb_row {
	const char *name;
	uint32_t number;
	enum pb_form form;
	const struct pb_msg *msg;
	uint32_t inner; /* number of entries inside PB_NAMED's wrapper */
};
struct pb_msg {
	const struct pb_row *rows;
	size_t n;
	uint32_t extension; /* number of vendor_extension, 0: none */
};

static const struct pb_msg schema_msg, operation_msg, path_msg, response_msg, body_msg, query_msg,
	path_param_msg, info_msg, document_msg;

#define MSG(name, ext, ...)                                       \
	static const struct pb_row name##_rows[] = {__VA_ARGS__}; \
	static const struct pb_msg name = {name##_rows, ARRAY_SIZE(name##_rows), ext}

MSG(schema_msg, 31, {"$ref", 1, PB_TEXT, NULL, 0}, {"format", 2, PB_TEXT, NULL, 0},
    {"description", 4, PB_TEXT, NULL, 0}, {"default", 5, PB_ANY, NULL, 0},
    {"required", 19, PB_TEXTS, NULL, 0}, {"enum", 20, PB_ANYS, NULL, 0},
    {"additionalProperties", 21, PB_WRAP, &schema_msg, 0}, {"type", 22, PB_TYPE, NULL, 0},
    {"items", 23, PB_WRAP, &schema_msg, 0}, {"properties", 25, PB_NAMED, &schema_msg, 1});
MSG(query_msg, 23, {"required", 1, PB_BOOL, NULL, 0}, {"in", 2, PB_TEXT, NULL, 0},
    {"description", 3, PB_TEXT, NULL, 0}, {"name", 4, PB_TEXT, NULL, 0},
    {"type", 6, PB_TEXT, NULL, 0}, {"uniqueItems", 20, PB_BOOL, NULL, 0});
MSG(path_param_msg, 22, {"required", 1, PB_BOOL, NULL, 0}, {"in", 2, PB_TEXT, NULL, 0},
    {"description", 3, PB_TEXT, NULL, 0}, {"name", 4, PB_TEXT, NULL, 0},
    {"type", 5, PB_TEXT, NULL, 0}, {"uniqueItems", 19, PB_BOOL, NULL, 0});
MSG(body_msg, 6, {"name", 2, PB_TEXT, NULL, 0}, {"in", 3, PB_TEXT, NULL, 0},
    {"required", 4, PB_BOOL, NULL, 0}, {"schema", 5, PB_MSG, &schema_msg, 0});
MSG(response_msg, 5, {"description", 1, PB_TEXT, NULL, 0}, {"schema", 2, PB_WRAP, &schema_msg, 0});
MSG(operation_msg, 13, {"operationId", 5, PB_TEXT, NULL, 0}, {"produces", 6, PB_TEXTS, NULL, 0},
    {"consumes", 7, PB_TEXTS, NULL, 0}, {"parameters", 8, PB_PARAMS, NULL, 0},
    {"responses", 9, PB_RESPONSES, NULL, 0});
MSG(path_msg, 10, {"get", 2, PB_MSG, &operation_msg, 0}, {"put", 3, PB_MSG, &operation_msg, 0},
    {"post", 4, PB_MSG, &operation_msg, 0}, {"delete", 5, PB_MSG, &operation_msg, 0},
    {"patch", 8, PB_MSG, &operation_msg, 0});
MSG(info_msg, 7, {"title", 1, PB_TEXT, NULL, 0}, {"version", 2, PB_TEXT, NULL, 0});
MSG(document_msg, 16, {"swagger", 1, PB_TEXT, NULL, 0}, {"info", 2, PB_MSG, &info_msg, 0},
    {"paths", 8, PB_NAMED, &path_msg, 2}, {"definitions", 9, PB_NAMED, &schema_msg, 1});

static void put_text(struct buf *out, uint32_t number, struct jv v)
{
	CLEANUP(buf_done) struct buf tmp = BUF_INIT;

	pb_put_bytes(out, number, jv_str(v, &tmp));
}

static void put_any(struct buf *out, uint32_t number, struct jv v)
{
	CLEANUP(buf_done) struct buf any = BUF_INIT;

	pb_put_bytes(&any, 2, jv_raw(v));
	pb_put_bytes(out, number, buf_str(&any));
}

static void put_members(struct buf *out, const struct pb_msg *m, struct jv obj);

static void put_msg(struct buf *out, uint32_t number, const struct pb_msg *m, struct jv obj)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	put_members(&b, m, obj);
	pb_put_bytes(out, number, buf_str(&b));
}

static void put_named(struct buf *out, const struct pb_row *row, struct jv obj)
{
	CLEANUP(buf_done) struct buf all = BUF_INIT;

	jv_for_each_member (it, obj) {
		CLEANUP(buf_done) struct buf one = BUF_INIT;

		pb_put_bytes(&one, 1, it.key);
		put_msg(&one, 2, row->msg, it.value);
		pb_put_bytes(&all, row->inner, buf_str(&one));
	}
	pb_put_bytes(out, row->number, buf_str(&all));
}

/* ParametersItem{parameter 1}; Parameter{body 1, non_body 2}; NonBody{query 3, path 4} */
static void put_params(struct buf *out, uint32_t number, struct jv list)
{
	jv_for_each (it, list) {
		CLEANUP(buf_done) struct buf sub = BUF_INIT, param = BUF_INIT, item = BUF_INIT;
		struct jv in = jv_get(it.value, "in");

		if (jv_eqs(in, "body")) {
			put_msg(&param, 1, &body_msg, it.value);
		} else {
			bool path = jv_eqs(in, "path");

			put_msg(&sub, path ? 4 : 3, path ? &path_param_msg : &query_msg, it.value);
			pb_put_bytes(&param, 2, buf_str(&sub));
		}
		pb_put_bytes(&item, 1, buf_str(&param));
		pb_put_bytes(out, number, buf_str(&item));
	}
}

/* Responses{response_code 1: {name 1, value 2: ResponseValue{response 1}}} */
static void put_responses(struct buf *out, uint32_t number, struct jv obj)
{
	CLEANUP(buf_done) struct buf all = BUF_INIT;

	jv_for_each_member (it, obj) {
		CLEANUP(buf_done) struct buf value = BUF_INIT, named = BUF_INIT;

		put_msg(&value, 1, &response_msg, it.value);
		pb_put_bytes(&named, 1, it.key);
		pb_put_bytes(&named, 2, buf_str(&value));
		pb_put_bytes(&all, 1, buf_str(&named));
	}
	pb_put_bytes(out, number, buf_str(&all));
}

static void put_row(struct buf *out, const struct pb_row *row, struct jv v)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	switch (row->form) {
	case PB_TEXT:
		put_text(out, row->number, v);
		break;
	case PB_BOOL:
		pb_put_varint(out, (uint64_t)row->number << 3);
		pb_put_varint(out, jv_bool(v, false));
		break;
	case PB_ANY:
		put_any(out, row->number, v);
		break;
	case PB_TEXTS:
	case PB_ANYS:
	case PB_MSGS:
		jv_for_each (it, v) {
			if (row->form == PB_TEXTS)
				put_text(out, row->number, it.value);
			else if (row->form == PB_ANYS)
				put_any(out, row->number, it.value);
			else
				put_msg(out, row->number, row->msg, it.value);
		}
		break;
	case PB_MSG:
		put_msg(out, row->number, row->msg, v);
		break;
	case PB_TYPE:
		put_text(&b, 1, v);
		pb_put_bytes(out, row->number, buf_str(&b));
		break;
	case PB_WRAP:
		put_msg(&b, 1, row->msg, v);
		pb_put_bytes(out, row->number, buf_str(&b));
		break;
	case PB_NAMED:
		put_named(out, row, v);
		break;
	case PB_PARAMS:
		put_params(out, row->number, v);
		break;
	case PB_RESPONSES:
		put_responses(out, row->number, v);
		break;
	}
}

static void put_members(struct buf *out, const struct pb_msg *m, struct jv obj)
{
	jv_for_each_member (it, obj) {
		const struct pb_row *row = NULL;

		for (size_t i = 0; i < m->n && !row; i++)
			if (str_eqs(it.key, m->rows[i].name))
				row = &m->rows[i];
		if (row) {
			put_row(out, row, it.value);
		} else if (m->extension && str_starts(it.key, STR("x-"))) {
			CLEANUP(buf_done) struct buf named = BUF_INIT;

			pb_put_bytes(&named, 1, it.key);
			put_any(&named, 2, it.value);
			pb_put_bytes(out, m->extension, buf_str(&named));
		}
	}
}

void api_openapi_v2_pb(struct str json, struct buf *out)
{
	put_members(out, &document_msg, jv_of(json));
}
