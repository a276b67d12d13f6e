/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/table.h"
#include "master/apiserver/verbs.h"

/*
 * ComponentStatus (deprecated since Kubernetes 1.19): the parts of the control plane. Here they are
 * one process, so who can be asked has them all well.
 */
static const struct {
	const char *name, *message;
} parts[] = {{"controller-manager", "ok"}, {"etcd-0", "ok"}, {"scheduler", "ok"}};

static void write_part(size_t i, struct buf *out)
{
	buf_addf(out,
		 "{\"kind\":\"ComponentStatus\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"%"
		 "s\"},"
		 "\"conditions\":[{\"type\":\"Healthy\",\"status\":\"True\",\"message\":\"%s\"}]}",
		 parts[i].name, parts[i].message);
}

static void list_parts(struct request *r, struct buf *out)
{
	bool table = r->accept.form == ACCEPT_TABLE;

	if (table)
		api_table_begin(r->kind, r->accept.version, STR(""), STR(""), -1, true, out);
	else
		buf_adds(out,
			 "{\"kind\":\"ComponentStatusList\",\"apiVersion\":\"v1\",\"metadata\":{},"
			 "\"items\":[");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		CLEANUP(buf_done) struct buf one = BUF_INIT;

		write_part(i, &one);
		if (table) {
			api_table_row(r->kind, r->accept.version, server_now_ns(r->srv),
				      jv_of(buf_str(&one)), API_INCLUDE_METADATA, i == 0, out);
			continue;
		}
		if (i)
			buf_addc(out, ',');
		buf_addstr(out, buf_str(&one));
	}
	if (table)
		api_table_end(out);
	else
		buf_adds(out, "]}");
}

void component_read(struct request *r)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP(err_done) struct err e = ERR_INIT;

	api_warnings_add(&r->warnings, "v1 ComponentStatus is deprecated in v1.19+");
	if (!r->info.name.len) {
		list_parts(r, &b);
		respond_json(r, 200, &b);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (str_eqs(r->info.name, parts[i].name)) {
			write_part(i, &b);
			respond_value(r, 200, buf_str(&b));
			return;
		}
	api_err_not_found(&e, r->kind, r->info.name);
	respond_err(r, &e);
}
