/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/field_ref.h"

/* strconv.Quote for valid UTF-8: printable text stands, controls and quotes are escaped. */
static void quote(struct str s, struct buf *out)
{
	static const char escapes[] = "a\ab\bf\fn\nr\rt\tv\v";

	buf_addc(out, '"');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];
		const char *e = c ? memchr(escapes + 1, c, sizeof(escapes) - 2) : NULL;

		if (c == '"' || c == '\\')
			buf_addf(out, "\\%c", c);
		else if (e && c < 0x20)
			buf_addf(out, "\\%c", e[-1]);
		else if (c < 0x20 || c == 0x7f)
			buf_addf(out, "\\x%02x", c);
		else
			buf_addc(out, (char)c);
	}
	buf_addc(out, '"');
}

struct pair {
	struct str key, value;
};

static int pair_cmp(const void *a, const void *b)
{
	return str_cmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

void field_map_format(const struct pod_view *v, struct jv map, struct buf *out)
{
	CLEANUP_FREE struct pair *pairs = NULL;
	size_t n = 0, cap = 0;

	if (jv_type(map) != JV_OBJECT)
		return;
	jv_for_each_member (it, map) {
		struct pair *p = ARRAY_PUSH(pairs, n, cap);

		*p = (struct pair){it.key, pod_view_text(v, it.value)};
	}
	if (n)
		qsort(pairs, n, sizeof(*pairs), pair_cmp);
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(out, '\n');
		buf_addstr(out, pairs[i].key);
		buf_addc(out, '=');
		quote(pairs[i].value, out);
	}
}

/* "metadata.labels['KEY']" -> KEY; false when path is not of that form. */
static bool subscript(struct str path, struct str prefix, struct str *ret)
{
	if (!str_starts(path, prefix) || !str_ends(path, STR("']")) || path.len < prefix.len + 4 ||
	    memcmp(path.p + prefix.len, "['", 2) != 0)
		return false;
	*ret = str_n(path.p + prefix.len + 2, path.len - prefix.len - 4);
	return true;
}

/* The list, ...IPs, has both. */
static int address(struct str ip, struct str ip6, struct str path, struct buf *out, struct err *err)
{
	if (!ip.len)
		return err_sys(err, EAGAIN, "%.*s is not known yet", STR_ARG(path));
	buf_addstr(out, ip);
	if (ip6.len && str_ends(path, STR("IPs")))
		buf_addf(out, ",%.*s", STR_ARG(ip6));
	return 0;
}

int field_ref(const struct pod_view *v, const struct field_facts *f, struct str path,
	      struct buf *out, struct err *err)
{
	const struct {
		const char *path;
		struct str value;
	} plain[] = {
		{"metadata.name", v->name},
		{"metadata.namespace", v->ns},
		{"metadata.uid", v->uid},
		{"spec.nodeName", f->node_name},
		{"spec.serviceAccountName", v->service_account},
	};
	struct str key;

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		if (str_eqs(path, plain[i].path)) {
			buf_addstr(out, plain[i].value);
			return 0;
		}
	}
	if (subscript(path, STR("metadata.labels"), &key)) {
		buf_addstr(out, pod_view_label(v, key));
		return 0;
	}
	if (subscript(path, STR("metadata.annotations"), &key)) {
		buf_addstr(out, pod_view_annotation(v, key));
		return 0;
	}
	if (str_eqs(path, "metadata.labels") || str_eqs(path, "metadata.annotations")) {
		field_map_format(
			v, jv_get(v->metadata, path.p[9] == 'l' ? "labels" : "annotations"), out);
		return 0;
	}
	if (str_eqs(path, "status.hostIP") || str_eqs(path, "status.hostIPs"))
		return address(f->host_ip, f->host_ip6, path, out, err);
	if (str_eqs(path, "status.podIP") || str_eqs(path, "status.podIPs"))
		return address(f->pod_ip, f->pod_ip6, path, out, err);
	return err_sys(err, EINVAL, "unsupported fieldPath \"%.*s\"", STR_ARG(path));
}
