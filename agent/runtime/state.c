/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is on disk, all below run_dir (a tmpfs: it lives as long as the processes it tells of):
 *
 *	pods/ID/meta		the sandbox, JSON
 *	pods/ID/sock		the supervisor's socket
 *	pods/ID/CTR/meta	the container, JSON; written before it starts
 *	pods/ID/CTR/plan	see pod/proto.h
 *	pods/ID/CTR/exit	by the supervisor when it has ended
 */
#include "agent/runtime/internal.h"

#include "lib/base/clock.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"
#include "lib/json/jw.h"
#include "lib/sys/file.h"

#include <dirent.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define META_MAX (1 << 20)
#define ANSWER_MS 2000

int state_write(const char *dir, const char *name, struct str content)
{
	CLEANUP_FREE char *tmp = xasprintf("%s/%s.new", dir, name);
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	CLEANUP_FD int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r;
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, content.p, content.len);
	return r < 0 ? r : rename(tmp, path) < 0 ? -errno : 0;
}

static int save(const char *dir, struct buf *b, struct err *err)
{
	int r = state_write(dir, "meta", buf_str(b));
	return r < 0 ? err_sys(err, -r, "cannot write %s/meta: %s", dir, strerror(-r)) : 0;
}

int state_save_sandbox(struct sandbox *sb, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jw w = jw_start(&b);
	jw_begin_object(&w);
	jw_member_str(&w, "note", str_of(sb->note));
	jw_member_str(&w, "cgroup", str_of(sb->cgroup_path));
	jw_member_str(&w, "hostname", str_of(sb->hostname));
	jw_member_i64(&w, "created", sb->created_ns);
	jw_member_i64(&w, "ipc", sb->ipc);
	jw_member_i64(&w, "pidns", sb->pid_ns);
	jw_member_i64(&w, "pid", sb->pid);
	jw_end_object(&w);
	return save(sb->dir, &b, err);
}

int state_save_container(struct container *c, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jw w = jw_start(&b);
	jw_begin_object(&w);
	jw_member_str(&w, "note", str_of(c->note));
	jw_member_str(&w, "log", str_of(c->log_path));
	jw_member_i64(&w, "created", c->created_ns);
	jw_member_bool(&w, "tty", c->tty);
	jw_member_bool(&w, "stdinOnce", c->stdin_once);
	jw_member_i64(&w, "uid", c->uid);
	jw_member_i64(&w, "gid", c->gid);
	jw_end_object(&w);
	return save(c->dir, &b, err);
}

int state_read_exit(struct container *c)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP_FREE char *path = xasprintf("%s/" POD_EXIT_FILE, c->dir);
	int64_t v[5];
	struct str rest, one;
	int r = file_read(AT_FDCWD, path, 256, &b);
	if (r < 0)
		return r;
	rest = str_trim(buf_str(&b));
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		if (!str_split(&rest, ' ', &one) || str_to_i64(one, &v[i]) < 0)
			return -EINVAL;
	c->exit_code = (int)v[0];
	c->exit_signal = (int)v[1];
	c->oom_killed = v[2];
	c->started_ns = v[3];
	c->finished_ns = v[4];
	return 0;
}

/* ---- recovery ---- */

static int read_meta(const char *dir, struct buf *b, struct jv *ret)
{
	CLEANUP_FREE char *path = xasprintf("%s/meta", dir);
	int r = file_read(AT_FDCWD, path, META_MAX, b);
	if (r < 0)
		return r;
	r = json_scan(buf_str(b), NULL, NULL);
	*ret = jv_of(buf_str(b));
	return r;
}

static struct container *load_container(struct sandbox *sb, const char *id)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct container *c = NEW(struct container);
	struct jv v;

	c->sb = sb;
	list_init(&c->node);
	list_init(&c->waiters);
	list_init(&c->execs);
	str_copy(c->id, sizeof(c->id), str_of(id));
	c->dir = xasprintf("%s/%s", sb->dir, id);
	c->layer_dir = xasprintf("%s/containers/%s", sb->rt->root_dir, id);
	c->cgroup_path = xasprintf("%s/%s", sb->cgroup_path, id);
	c->state = RUNTIME_CONTAINER_CREATED;
	if (read_meta(c->dir, &b, &v) >= 0) {
		c->note = jv_strdup(jv_get(v, "note"));
		c->log_path = jv_strdup(jv_get(v, "log"));
		c->created_ns = jv_i64(jv_get(v, "created"), 0);
		c->tty = jv_bool(jv_get(v, "tty"), false);
		c->stdin_once = jv_bool(jv_get(v, "stdinOnce"), false);
		c->uid = (uint32_t)jv_i64(jv_get(v, "uid"), 0);
		c->gid = (uint32_t)jv_i64(jv_get(v, "gid"), 0);
	}
	if (state_read_exit(c) == 0)
		c->state = RUNTIME_CONTAINER_EXITED;
	container_insert(c);
	return c;
}

static void load_containers(struct sandbox *sb)
{
	DIR *d = opendir(sb->dir);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		CLEANUP_FREE char *meta = xasprintf("%s/%s/meta", sb->dir, e->d_name);
		if (id_check("container", e->d_name, NULL) == 0 && access(meta, F_OK) == 0)
			load_container(sb, e->d_name);
	}
	if (d)
		closedir(d);
}

static void load_sandbox(struct runtime *rt, const char *id)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct sandbox *sb = NEW(struct sandbox);
	struct jv v = JV_NONE;

	sb->rt = rt;
	sb->sock = -1;
	list_init(&sb->node);
	list_init(&sb->requests);
	list_init(&sb->waiters);
	str_copy(sb->id, sizeof(sb->id), str_of(id));
	sb->dir = xasprintf("%s/pods/%s", rt->run_dir, id);
	sb->state = RUNTIME_SANDBOX_READY;
	if (read_meta(sb->dir, &b, &v) < 0)
		v = JV_NONE;
	sb->note = jv_strdup(jv_get(v, "note"));
	sb->hostname = jv_strdup(jv_get(v, "hostname"));
	sb->cgroup_path = jv_strdup(jv_get(v, "cgroup"));
	if (!sb->cgroup_path)
		sb->cgroup_path = xstrdup(id);
	sb->created_ns = jv_i64(jv_get(v, "created"), 0);
	sb->ipc = (enum runtime_ns)jv_i64(jv_get(v, "ipc"), RUNTIME_NS_POD);
	sb->pid_ns = (enum runtime_ns)jv_i64(jv_get(v, "pidns"), RUNTIME_NS_CONTAINER);
	sb->pid = (pid_t)jv_i64(jv_get(v, "pid"), 0);
	sandbox_insert(sb);
	load_containers(sb);
}

static int connect_to(struct sandbox *sb)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	CLEANUP_FD int dir = open(sb->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (dir < 0 || s < 0)
		return -errno;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/sock", dir);
	if (connect(s, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	return TAKE_FD(s);
}

static void take_item(struct sandbox *sb, const struct pod_msg *m)
{
	struct container *c = container_find(sb->rt, m->id);
	if (!c || c->sb != sb || c->state == RUNTIME_CONTAINER_EXITED)
		return;
	c->pid = m->pid;
	c->started_ns = m->started_ns;
	c->state = RUNTIME_CONTAINER_RUNNING;
	if (m->flags & POD_F_RUNNING)
		return;
	c->state = RUNTIME_CONTAINER_EXITED; /* without an exit file: its disk was full */
	c->exit_code = m->code;
	c->exit_signal = m->sig;
	c->oom_killed = m->flags & POD_F_OOM;
	c->finished_ns = m->finished_ns;
}

/* Ask a supervisor what it has. Events that come in between are in the items as well. */
static int ask_state(struct sandbox *sb, int sock)
{
	struct pod_msg m;
	int r;
	msg_init(&m, POD_STATE);
	m.seq = ++sb->rt->next_seq;
	r = conn_send(sock, &m, NULL, 0);
	while (r >= 0) {
		r = conn_receive(sock, &m, ANSWER_MS);
		if (r < 0 || m.type == POD_REPLY)
			break;
		if (m.type == POD_STATE_ITEM || (m.type == POD_EXITED && !m.target))
			take_item(sb, &m);
	}
	if (r >= 0 && !(m.flags & POD_F_RUNNING)) {
		/* Its agent died before it had namespaces of its own. */
		msg_init(&m, POD_QUIT);
		conn_send(sock, &m, NULL, 0);
		return -ENOTCONN;
	}
	return r;
}

/* What nobody supervises any more is killed, and its end written down as it is now known. */
static void give_up(struct sandbox *sb)
{
	sb->state = RUNTIME_SANDBOX_STOPPED;
	sandbox_kill(sb);
	list_for_each (it, &sb->rt->containers) {
		struct container *c = list_entry(it, struct container, node);
		if (c->sb != sb || c->state == RUNTIME_CONTAINER_EXITED)
			continue;
		c->state = RUNTIME_CONTAINER_EXITED;
		c->exit_code = 128 + SIGKILL;
		c->exit_signal = SIGKILL;
		c->finished_ns = now_real_ns();
	}
}

/* Containers that were written down but never started. */
static void drop_unstarted(struct sandbox *sb)
{
	list_for_each_safe (it, &sb->rt->containers) {
		struct container *c = list_entry(it, struct container, node);
		if (c->sb == sb && c->state == RUNTIME_CONTAINER_CREATED)
			container_destroy(c);
	}
}

static void reconnect(struct sandbox *sb)
{
	int r, sock = connect_to(sb);
	r = sock < 0 ? sock : ask_state(sb, sock);
	if (r >= 0)
		r = conn_adopt(sb, TAKE_FD(sock));
	if (sock >= 0)
		close(sock);
	if (r < 0)
		give_up(sb);
	else
		drop_unstarted(sb);
}

int runtime_recover(struct runtime *rt, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/pods", rt->run_dir);
	DIR *d = opendir(path);
	struct dirent *e;
	if (!d)
		return err_sys(err, errno, "cannot read %s: %s", path, strerror(errno));
	while ((e = readdir(d)))
		if (id_check("sandbox", e->d_name, NULL) == 0 && !sandbox_find(rt, e->d_name))
			load_sandbox(rt, e->d_name);
	closedir(d);
	/* Only when all are known can it be told which ones share a pod's cgroup. */
	list_for_each (it, &rt->sandboxes) {
		struct sandbox *sb = list_entry(it, struct sandbox, node);
		if (sb->sock < 0 && sb->state == RUNTIME_SANDBOX_READY)
			reconnect(sb);
	}
	trash_orphans(rt);
	return 0;
}
