/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plugin/cdi.h"

#include <dirent.h>
#include <fcntl.h>

#include "lib/json/json_scan.h"
#include "lib/json/jv.h"
#include "lib/json/yaml.h"
#include "lib/sys/file.h"

#define FILE_MAX (4u << 20)

void cdi_edits_done(struct cdi_edits *e)
{
	for (size_t i = 0; i < e->n_env; i++)
		free(e->env[i]);
	for (size_t i = 0; i < e->n_nodes; i++) {
		free(e->nodes[i].path);
		free(e->nodes[i].host_path);
		free(e->nodes[i].access);
	}
	for (size_t i = 0; i < e->n_mounts; i++) {
		free(e->mounts[i].host_path);
		free(e->mounts[i].path);
	}
	free(e->env);
	free(e->nodes);
	free(e->mounts);
	free(e->groups);
	hmap_free(e->files);
	*e = (struct cdi_edits){0};
}

/* ---- edits ---- */

static int add_nodes(struct cdi_edits *e, struct jv list, struct str device, struct err *err)
{
	jv_for_each (n, list) {
		char *path = jv_strdup(jv_get(n.value, "path"));
		char *host = jv_strdup(jv_get(n.value, "hostPath"));
		char *access = jv_strdup(jv_get(n.value, "permissions"));

		if (!path || path[0] != '/' || (host && *host && host[0] != '/')) {
			free(path);
			free(host);
			free(access);
			return err_sys(err, EINVAL, "CDI device %.*s: a device node has no path",
				       STR_ARG(device));
		}
		*ARRAY_PUSH(e->nodes, e->n_nodes, e->cap_nodes) =
			(struct cdi_node){path, host && *host ? TAKE(host) : xstrdup(path),
					  access ? access : xstrdup("rwm")};
		free(host);
	}
	return 0;
}

static void mount_option(struct cdi_mount *m, struct jv option)
{
	m->read_only |= jv_eqs(option, "ro");
	m->nosuid |= jv_eqs(option, "nosuid");
	m->nodev |= jv_eqs(option, "nodev");
	m->noexec |= jv_eqs(option, "noexec");
	if (jv_eqs(option, "shared") || jv_eqs(option, "rshared"))
		m->propagation = 's';
	else if (jv_eqs(option, "slave") || jv_eqs(option, "rslave"))
		m->propagation = 'l';
}

static int add_mounts(struct cdi_edits *e, struct jv list, struct str device, struct err *err)
{
	jv_for_each (v, list) {
		struct jv type = jv_get(v.value, "type");
		struct cdi_mount m = {.host_path = jv_strdup(jv_get(v.value, "hostPath")),
				      .path = jv_strdup(jv_get(v.value, "containerPath"))};
		bool bind = !jv_exists(type) || !jv_text(type).len || jv_eqs(type, "bind") ||
			    jv_eqs(type, "none");

		if (!bind || !m.path || m.path[0] != '/' || !m.host_path || m.host_path[0] != '/') {
			free(m.host_path);
			free(m.path);
			return err_sys(err, EINVAL,
				       "CDI device %.*s: only paths of the host can be mounted",
				       STR_ARG(device));
		}
		jv_for_each (o, jv_get(v.value, "options"))
			mount_option(&m, o.value);
		*ARRAY_PUSH(e->mounts, e->n_mounts, e->cap_mounts) = m;
	}
	return 0;
}

static int add_edits(struct cdi_edits *e, struct jv edits, struct str device, struct err *err)
{
	static const char *const refused[] = {"hooks", "intelRdt", "netDevices"};
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct jv v = jv_get(edits, refused[i]);

		if (jv_exists(v) && jv_len(v))
			return err_sys(err, EINVAL,
				       "CDI device %.*s has %s, which are not supported",
				       STR_ARG(device), refused[i]);
	}
	jv_for_each (v, jv_get(edits, "env")) {
		char *text = jv_strdup(v.value);

		if (!text || !strchr(text, '=')) {
			free(text);
			return err_sys(err, EINVAL, "CDI device %.*s: a variable has no value",
				       STR_ARG(device));
		}
		*ARRAY_PUSH(e->env, e->n_env, e->cap_env) = text;
	}
	jv_for_each (g, jv_get(edits, "additionalGids")) {
		int64_t id = jv_i64(g.value, 0);

		if (id > 0 && id < UINT32_MAX)
			*ARRAY_PUSH(e->groups, e->n_groups, e->cap_groups) = (uint32_t)id;
	}
	r = add_nodes(e, jv_get(edits, "deviceNodes"), device, err);
	return r < 0 ? r : add_mounts(e, jv_get(edits, "mounts"), device, err);
}

int cdi_add_from(struct str bytes, bool yaml, const char *file, struct str device,
		 struct cdi_edits *e, struct err *err)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	ssize_t eq = str_chr(device, '=');
	struct jv spec;
	int r;

	r = yaml ? yaml_to_json(bytes, &json, err) : 0;
	if (!yaml)
		buf_addstr(&json, bytes);
	if (r == 0)
		r = json_scan(buf_str(&json), NULL, err);
	if (r < 0)
		return r;
	spec = jv_of(buf_str(&json));
	if (eq <= 0 || !str_eq(jv_text(jv_get(spec, "kind")), str_n(device.p, (size_t)eq)))
		return 0;
	jv_for_each (d, jv_get(spec, "devices")) {
		if (!str_eq(jv_text(jv_get(d.value, "name")), str_skip(device, (size_t)eq + 1)))
			continue;
		if (!e->files)
			e->files = hmap_new();
		if (!hmap_put(e->files, str_of(file), e)) {
			r = add_edits(e, jv_get(spec, "containerEdits"), device, err);
			if (r < 0)
				return r;
		}
		r = add_edits(e, jv_get(d.value, "containerEdits"), device, err);
		return r < 0 ? r : 1;
	}
	return 0;
}

/* ---- files ---- */

static bool is_spec(const char *name, bool *ret_yaml)
{
	struct str s = str_of(name);

	*ret_yaml = str_ends(s, STR(".yaml")) || str_ends(s, STR(".yml"));
	return name[0] != '.' && (*ret_yaml || str_ends(s, STR(".json")));
}

/* 1: found in this directory; a file that can't be read is as if it were not there. */
static int add_from_dir(const char *dir, struct str device, struct cdi_edits *e, struct err *err)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;
	int found = 0, r = 0;

	if (!d)
		return 0;
	while (r >= 0 && (entry = readdir(d))) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", dir, entry->d_name);
		CLEANUP(buf_done) struct buf b = BUF_INIT;
		CLEANUP(err_done) struct err why = ERR_INIT;
		bool yaml;

		if (!is_spec(entry->d_name, &yaml) || file_read(AT_FDCWD, path, FILE_MAX, &b) < 0)
			continue;
		r = cdi_add_from(buf_str(&b), yaml, path, device, e, &why);
		/* Broken as a whole: it may be somebody else's. */
		if (r < 0 && !str_starts(str_of(err_text(&why)), STR("CDI device")))
			r = 0;
		else if (r < 0)
			err_move(err, &why);
		else if (r > 0 && found++)
			r = err_sys(err, EINVAL, "CDI device %.*s is in %s more than once",
				    STR_ARG(device), dir);
	}
	closedir(d);
	return r < 0 ? r : found;
}

int cdi_add(const char *const *dirs, struct str device, struct cdi_edits *e, struct err *err)
{
	size_t n = 0;

	while (dirs[n])
		n++;
	while (n--) {
		int r = add_from_dir(dirs[n], device, e, err);

		if (r)
			return r < 0 ? r : 0;
	}
	return err_sys(err, ENOENT, "unresolvable CDI devices %.*s", STR_ARG(device));
}
