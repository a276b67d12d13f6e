/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "agent/pod/static_source.h"

#include <dirent.h>
#include <openssl/evp.h>
#include <uv.h>

#include "agent/pod/pod.h"
#include "lib/base/codec.h"
#include "lib/base/hmap.h"
#include "lib/base/log.h"
#include "lib/json/json_scan.h"
#include "lib/json/jw.h"
#include "lib/json/yaml.h"
#include "lib/sys/file.h"

#define MANIFEST_MAX (1u << 20)

struct static_source {
	struct pods *ps;
	char *dir;
	uv_fs_event_t watch;
	struct hmap *uids; /* UID -> itself: pods of the last reading */
};

static void hash_uid(struct str content, const char *node, char ret[33])
{
	CLEANUP(buf_done) struct buf in = BUF_INIT, hex = BUF_INIT;
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int n = 0;

	buf_addstr(&in, content);
	buf_addf(&in, "node:%s", node);
	EVP_Digest(in.p, in.len, md, &n, EVP_sha256(), NULL);
	hex_encode(str_n(md, 16), &hex);
	str_copy(ret, 33, buf_str(&hex));
}

/* The manifest's Pod with what the API server would have given it. */
static void complete(struct jv pod, const char *uid, const char *node, struct buf *out)
{
	struct jv meta = jv_get(pod, "metadata"), spec = jv_get(pod, "spec");
	struct jw w = jw_start(out);
	CLEANUP_FREE char *name =
		xasprintf("%.*s-%s", STR_ARG(jv_text(jv_get(meta, "name"))), node);
	struct str ns = jv_text(jv_get(meta, "namespace"));

	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("v1"));
	jw_member_str(&w, "kind", STR("Pod"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "name", str_of(name));
	jw_member_str(&w, "namespace", ns.len ? ns : STR("default"));
	jw_member_str(&w, "uid", str_of(uid));
	if (jv_type(jv_get(meta, "labels")) == JV_OBJECT)
		jw_member_raw(&w, "labels", jv_raw(jv_get(meta, "labels")));
	jw_key(&w, "annotations");
	jw_begin_object(&w);
	jv_for_each_member (it, jv_get(meta, "annotations"))
		if (!str_starts(it.key, STR("kubernetes.io/config."))) {
			jw_keyn(&w, it.key);
			jw_raw(&w, jv_raw(it.value));
		}
	jw_member_str(&w, "kubernetes.io/config.source", STR("file"));
	jw_member_str(&w, "kubernetes.io/config.hash", str_of(uid));
	jw_end_object(&w);
	jw_end_object(&w);
	jw_key(&w, "spec");
	jw_begin_object(&w);
	jv_for_each_member (it, spec)
		if (!str_eqs(it.key, "nodeName") && !str_eqs(it.key, "tolerations")) {
			jw_keyn(&w, it.key);
			jw_raw(&w, jv_raw(it.value));
		}
	jw_member_str(&w, "nodeName", str_of(node));
	jw_member_raw(&w, "tolerations",
		      STR("[{\"operator\":\"Exists\",\"effect\":\"NoExecute\"}]"));
	jw_end_object(&w);
	jw_end_object(&w);
}

static int read_manifest(struct static_source *s, const char *name, struct hmap *seen,
			 struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", s->dir, name);
	CLEANUP(buf_done) struct buf text = BUF_INIT, json = BUF_INIT, pod = BUF_INIT;
	const char *node = s->ps->conf.node_name;
	char uid[33];
	int r = file_read(AT_FDCWD, path, MANIFEST_MAX, &text);

	if (r < 0)
		return err_sys(err, -r, "cannot read it: %s", strerror(-r));
	r = yaml_to_json(buf_str(&text), &json, err); /* JSON is YAML */
	if (r == 0)
		r = json_scan(buf_str(&json), NULL, err);
	if (r < 0)
		return r;
	if (!jv_eqs(jv_get(jv_of(buf_str(&json)), "kind"), "Pod") ||
	    jv_type(jv_path(jv_of(buf_str(&json)), "metadata.name")) != JV_STRING ||
	    jv_type(jv_get(jv_of(buf_str(&json)), "spec")) != JV_OBJECT)
		return err_sys(err, EINVAL, "it holds no Pod with metadata.name and spec");
	hash_uid(buf_str(&text), node, uid);
	complete(jv_of(buf_str(&json)), uid, node, &pod);
	hmap_put(seen, str_of(uid), s);
	if (!hmap_has(s->uids, str_of(uid)))
		pods_set(s->ps, buf_str(&pod));
	return 0;
}

static void read_all(struct static_source *s)
{
	struct hmap *seen = hmap_new();
	DIR *d = opendir(s->dir);

	if (!d) {
		log_warn_r(-errno, "cannot read the manifest directory %s", s->dir);
		hmap_free(seen);
		return;
	}
	for (struct dirent *e; (e = readdir(d));) {
		struct err err = ERR_INIT;

		if (e->d_name[0] == '.')
			continue;
		if (read_manifest(s, e->d_name, seen, &err) < 0)
			log_warn("manifest %s/%s: %s", s->dir, e->d_name, err_text(&err));
		err_done(&err);
	}
	closedir(d);
	list_for_each_safe (it, &s->ps->list) {
		struct pod *p = list_entry(it, struct pod, in_all);

		if (p->view->is_static && !p->gone && !hmap_has(seen, str_of(p->uid)))
			pods_unset(s->ps, str_of(p->uid));
	}
	hmap_free(s->uids);
	s->uids = seen;
}

static void on_event(uv_fs_event_t *h, const char *name, int events, int status)
{
	if (status == 0)
		read_all(h->data);
}

struct static_source *static_source_new(struct pods *ps, struct uv_loop_s *loop, const char *dir)
{
	struct static_source *s = NEW(struct static_source);
	int r = dir_make(dir, 0755);

	s->ps = ps;
	s->dir = xstrdup(dir);
	s->uids = hmap_new();
	uv_fs_event_init(loop, &s->watch);
	s->watch.data = s;
	if (r == 0)
		r = uv_fs_event_start(&s->watch, on_event, dir, 0);
	if (r < 0)
		log_warn_r(r, "cannot watch the manifest directory %s", dir);
	read_all(s);
	return s;
}

static void on_closed(uv_handle_t *h)
{
	struct static_source *s = h->data;

	hmap_free(s->uids);
	free(s->dir);
	free(s);
}

struct static_source *static_source_free(struct static_source *s)
{
	if (s)
		uv_close((uv_handle_t *)&s->watch, on_closed);
	return NULL;
}
