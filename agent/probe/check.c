/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/probe/attempt.h"

/* A port as a number or as the name of one of the container's ports. */
static int port_of(struct jv v, struct jv container, uint16_t *ret, struct err *err)
{
	int64_t n = jv_i64(v, 0);
	struct str name = jv_text(v);
	uint64_t parsed;

	if (!n && str_to_u64(name, &parsed) == 0)
		n = (int64_t)MIN(parsed, (uint64_t)INT32_MAX);
	if (!n)
		jv_for_each (it, jv_get(container, "ports"))
			if (str_eq(jv_text(jv_get(it.value, "name")), name))
				n = jv_i64(jv_get(it.value, "containerPort"), 0);
	if (n < 1 || n > 65535)
		return err_sys(err, EINVAL, "couldn't find port: %.*s", STR_ARG(jv_raw(v)));
	*ret = (uint16_t)n;
	return 0;
}

static int parse_http(struct jv container, struct check *c, struct err *err)
{
	char *path = jv_strdup(jv_get(c->json, "path"));

	c->type = CHECK_HTTP;
	c->tls = jv_eqs(jv_get(c->json, "scheme"), "HTTPS");
	c->path = path && path[0] == '/' ? xstrdup(path) : xasprintf("/%s", path ? path : "");
	free(path);
	str_copy(c->host, sizeof(c->host), jv_text(jv_get(c->json, "host")));
	return port_of(jv_get(c->json, "port"), container, &c->port, err);
}

static int parse_exec(struct check *c)
{
	struct jv command = jv_get(c->json, "command");
	size_t n = 0;

	c->type = CHECK_EXEC;
	c->argv = xcalloc(jv_len(command) + 1, sizeof(*c->argv));
	jv_for_each (it, command)
		if ((c->argv[n] = jv_strdup(it.value)))
			n++;
	return 0;
}

int check_parse(struct jv parent, struct jv container, struct check *ret, struct err *err)
{
	static const struct {
		const char *key;
		enum check_type type;
	} kinds[] = {{"exec", CHECK_EXEC},
		     {"httpGet", CHECK_HTTP},
		     {"tcpSocket", CHECK_TCP},
		     {"grpc", CHECK_GRPC},
		     {"sleep", CHECK_SLEEP}};

	*ret = (struct check){.type = CHECK_NONE};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct jv own = jv_get(parent, kinds[i].key);

		if (jv_type(own) != JV_OBJECT)
			continue;
		ret->type = kinds[i].type;
		ret->json = own;
		break;
	}
	switch (ret->type) {
	case CHECK_EXEC:
		return parse_exec(ret);
	case CHECK_HTTP:
		return parse_http(container, ret, err);
	case CHECK_TCP:
		str_copy(ret->host, sizeof(ret->host), jv_text(jv_get(ret->json, "host")));
		return port_of(jv_get(ret->json, "port"), container, &ret->port, err);
	case CHECK_GRPC:
		ret->service = jv_strdup(jv_get(ret->json, "service"));
		return port_of(jv_get(ret->json, "port"), container, &ret->port, err);
	case CHECK_SLEEP:
		ret->sleep_s = jv_i64(jv_get(ret->json, "seconds"), 0);
		return 0;
	case CHECK_NONE:
		break;
	}
	return 0;
}

void check_done(struct check *c)
{
	for (char **p = c->argv; p && *p; p++)
		free(*p);
	free(c->argv);
	free(c->path);
	free(c->service);
	*c = (struct check){.type = CHECK_NONE};
}
