/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/volume/volume.h"

#include <ftw.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/api/quantity.h"
#include "lib/sys/file.h"

static const struct volume_plugin *const plugins[] = {
	&volume_empty_dir, &volume_host_path, &volume_config_map, &volume_secret, &volume_projected,
	&volume_downward,  &volume_claim,     &volume_ephemeral,  &volume_nfs,    &volume_csi,
};

struct volume_set {
	struct volume_conf conf;
	char *json; /* spec.volumes, owned */
	char *pod_dir;
	struct volume *v;
	size_t n;
};

const struct volume_conf *volume_conf(const struct volume *v)
{
	return &v->set->conf;
}

struct volume_set *volume_set_free(struct volume_set *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].name);
		free(s->v[i].path);
	}
	free(s->v);
	free(s->json);
	free(s->pod_dir);
	free(s);
	return NULL;
}
DEFINE_CLEANUP(struct volume_set *, volume_set_freep, volume_set_free)

/* The name becomes a directory: a DNS label, as the API demands. */
static bool name_good(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	return n > 0 && n <= 63 && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static int volume_init(struct volume_set *s, struct volume *v, struct jv json, struct err *err)
{
	v->set = s;
	v->name = jv_strdup(jv_get(json, "name"));
	if (!name_good(v->name))
		return err_sys(err, EINVAL, "volume name \"%s\" is not a DNS label",
			       v->name ? v->name : "");
	for (size_t i = 0; i < ARRAY_SIZE(plugins); i++) {
		struct jv own = jv_get(json, plugins[i]->key);

		if (jv_type(own) != JV_OBJECT)
			continue;
		v->plugin = plugins[i];
		v->json = own;
		if (plugins[i]->dir)
			v->path =
				xasprintf("%s/volumes/%s/%s", s->pod_dir, plugins[i]->dir, v->name);
		return 0;
	}
	jv_for_each_member (it, json)
		if (!str_eqs(it.key, "name"))
			return err_sys(err, EINVAL,
				       "volume \"%s\": no volume plugin for %.*s on this node",
				       v->name, STR_ARG(it.key));
	/* A volume without a source is an emptyDir (api/core/v1/defaults.go). */
	v->plugin = &volume_empty_dir;
	v->json = JV_NONE;
	v->path = xasprintf("%s/volumes/%s/%s", s->pod_dir, volume_empty_dir.dir, v->name);
	return 0;
}

int volume_set_new(const struct volume_conf *conf, struct volume_set **ret, struct err *err)
{
	CLEANUP(volume_set_freep) struct volume_set *s = NEW(struct volume_set);
	int r;

	s->conf = *conf;
	s->pod_dir = xstrdup(conf->pod_dir);
	s->conf.pod_dir = s->pod_dir;
	if (jv_type(conf->volumes) == JV_ARRAY) {
		s->json = str_dup(jv_raw(conf->volumes));
		s->conf.volumes = jv_of(str_of(s->json));
		s->v = xcalloc(jv_len(s->conf.volumes) + 1, sizeof(*s->v));
		jv_for_each (it, s->conf.volumes) {
			r = volume_init(s, &s->v[s->n++], it.value, err);
			if (r < 0)
				return r;
		}
	}
	*ret = TAKE(s);
	return 0;
}

static int volume_apply(struct volume *v, struct err *err)
{
	int r;

	if (v->plugin->dir) {
		r = dir_make(v->path, 0755);
		if (r < 0)
			return err_sys(err, -r, "cannot make %s: %s", v->path, strerror(-r));
	}
	r = v->plugin->setup(v, err);
	if (r >= 0)
		v->ready = true;
	return r;
}

int volume_set_apply(struct volume_set *s, struct err *err)
{
	int first = 0, changed = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct err e = ERR_INIT;
		int r = volume_apply(&s->v[i], &e);

		if (r > 0)
			changed = 1;
		/* A failure is worth more to the user than a wait: it replaces it. */
		if (r < 0 && (!first || (first == -EAGAIN && r != -EAGAIN))) {
			first = r;
			if (!s->v[i].plugin->own_words)
				err_prefix(&e, "MountVolume.SetUp failed for volume \"%s\" : ",
					   s->v[i].name);
			err_move(err, &e);
		}
		err_done(&e);
	}
	return first ? first : changed;
}

void volume_set_adopt(struct volume_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct volume *v = &s->v[i];

		/* What comes from the API stays as it is; the rest is made as ever. */
		if (v->plugin->adopt)
			v->ready = v->plugin->adopt(v);
		else if (v->plugin->read_only)
			v->ready = access(v->path, F_OK) == 0;
		else
			v->ready = volume_apply(v, NULL) >= 0;
	}
}

static const struct volume *find(const struct volume_set *s, struct str name)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_eqs(name, s->v[i].name))
			return &s->v[i];
	return NULL;
}

const char *volume_set_path(const struct volume_set *s, struct str name)
{
	const struct volume *v = find(s, name);

	return v && v->ready ? v->path : NULL;
}

bool volume_set_read_only(const struct volume_set *s, struct str name)
{
	const struct volume *v = find(s, name);

	return v && (v->plugin->read_only || v->read_only);
}

bool volume_set_block(const struct volume_set *s, struct str name)
{
	const struct volume *v = find(s, name);

	return v && v->ready && v->block;
}

int volume_set_teardown(struct volume_set *s, struct err *err)
{
	CLEANUP_FREE char *top = xasprintf("%s/volumes", s->pod_dir);
	int first = 0, r;

	for (size_t i = 0; i < s->n; i++) {
		struct volume *v = &s->v[i];

		r = v->plugin->teardown ? v->plugin->teardown(v, err) : 0;
		if (r >= 0 && v->plugin->dir)
			r = dir_remove_tree(AT_FDCWD, v->path);
		if (r == -EAGAIN && (!first || first == -EAGAIN)) {
			first = r;
			continue;
		}
		if (r < 0 && (!first || first == -EAGAIN)) {
			if (err && !err->errnum)
				err_sys(err, -r, "%s", strerror(-r));
			err_prefix(err, "cannot remove volume \"%s\": ", v->name);
			first = r;
		}
		v->ready = false;
	}
	if (first)
		return first;
	r = dir_remove_tree(AT_FDCWD, top);
	return r < 0 ? err_sys(err, -r, "cannot remove %s: %s", top, strerror(-r)) : 0;
}

/* nftw has no user pointer; one thread, no recursion into it. */
static int64_t used_bytes;

static int add_size(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	if (type == FTW_F || type == FTW_D)
		used_bytes += st->st_blocks * 512;
	return 0;
}

static int64_t limit_of(const struct volume *v)
{
	if (v->plugin != &volume_empty_dir || !v->ready ||
	    jv_eqs(jv_get(v->json, "medium"), "Memory"))
		return 0;
	return quantity_str_value(jv_text(jv_get(v->json, "sizeLimit")));
}

bool volume_set_has_limits(const struct volume_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (limit_of(&s->v[i]) > 0)
			return true;
	return false;
}

const char *volume_set_over_limit(struct volume_set *s, int64_t *ret_limit)
{
	for (size_t i = 0; i < s->n; i++) {
		struct volume *v = &s->v[i];
		int64_t limit = limit_of(v);

		if (limit <= 0)
			continue;
		used_bytes = 0;
		nftw(v->path, add_size, 16, FTW_PHYS | FTW_MOUNT);
		if (used_bytes > limit) {
			*ret_limit = limit;
			return v->name;
		}
	}
	return NULL;
}
