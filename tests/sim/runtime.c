/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/sim/sim.h"

#include "agent/image/image.h"
#include "agent/node/node.h"
#include "agent/runtime/runtime.h"
#include "net/pod_net.h"
/*
 * The machine below an agent: agent/runtime, agent/image and net/pod_net in memory, linked instead
 * of the real ones. Containers take their time to start and to end, and outlive the agent.
 */
#define ID_MAX 65u

struct box { /* a sandbox */
	struct list node;
	char id[ID_MAX], uid[64], pod[128];
	bool ready;
};

struct row { /* a container */
	struct list node;
	struct runtime *m;
	char id[ID_MAX], box[ID_MAX], uid[64], name[64], pod[128];
	bool created, running; /* begun, but not yet run; runs */
	int code;
	int64_t started_ns, finished_ns;
	unsigned turn; /* of kill events: late ones are void */
	struct answer *stop; /* who waits for its end */
};

/* A call of the agent that is under way. */
struct answer {
	struct list node;
	struct runtime *m;
	runtime_done_fn *done;
	void *user;
	int r;
	bool told; /* or void: the agent is gone */
	void (*then)(struct answer *a); /* what happens when it is due; may be NULL */
	char id[ID_MAX];
};

struct address {
	struct list node;
	char uid[64];
	uint32_t addr;
};

struct runtime {
	unsigned i;
	struct list boxes, rows, answers, addresses;
	runtime_event_fn *event;
	void *user;
	uint64_t max_ns; /* of a start */
	uint32_t next_addr;
	unsigned generation; /* rises when the agent goes */
	struct proc *proc;
};

static struct image_info image;
static const char *const none[] = {NULL};
static const char *const cmd[] = {"sh", NULL};

struct runtime *machine_new(unsigned node)
{
	struct runtime *m = NEW(struct runtime);

	m->i = node;
	m->max_ns = MSEC(200);
	m->next_addr = 2;
	list_init(&m->boxes);
	list_init(&m->rows);
	list_init(&m->answers);
	list_init(&m->addresses);
	image = (struct image_info){
		.id = "sha256:1",
		.names = none,
		.repo_digests = none,
		.config = {.user = "",
			   .working_dir = "",
			   .stop_signal = "",
			   .env = none,
			   .entrypoint = none,
			   .cmd = cmd,
			   .volumes = none,
			   .exposed_ports = none},
		.lower_dirs = none,
	};
	return m;
}

static void free_list(struct list *l)
{
	while (!list_empty(l)) {
		struct list *first = l->next;

		list_remove(first);
		free(first); /* the node is the first member of all of them */
	}
}

static void ended(struct row *r, int code, bool tell);

void machine_reboot(struct runtime *m)
{
	list_for_each (it, &m->rows)
		ended(list_entry(it, struct row, node), 137, false);
	free_list(&m->boxes);
	free_list(&m->rows);
	free_list(&m->addresses);
}

struct runtime *machine_free(struct runtime *m)
{
	machine_reboot(m);
	free(m);
	return NULL;
}

void machine_attach(struct runtime *m, struct proc *p, runtime_event_fn *event, void *user)
{
	m->proc = p;
	m->event = event;
	m->user = user;
}

/* Calls under way end, as runtime_close does. */
void machine_detach(struct runtime *m)
{
	m->event = NULL;
	m->generation++;
	list_for_each (it, &m->rows)
		list_entry(it, struct row, node)->stop = NULL;
	while (!list_empty(&m->answers)) {
		struct answer *a = list_entry(m->answers.next, struct answer, node);
		struct err err = ERR_INIT;

		list_remove(&a->node);
		a->told = true; /* its event frees it */
		err_sys(&err, ECANCELED, "the agent ends");
		a->done(a->user, -ECANCELED, &err);
		err_done(&err);
	}
}

void machine_set_slow(struct runtime *m, uint64_t max_ns)
{
	m->max_ns = max_ns;
}

size_t machine_running(const struct runtime *m)
{
	size_t n = 0;

	list_for_each (it, &m->rows)
		n += list_entry(it, struct row, node)->running;
	return n;
}

void machine_each(const struct runtime *m, void (*fn)(void *user, struct str uid), void *user)
{
	list_for_each (it, &m->rows) {
		struct row *r = list_entry(it, struct row, node);

		if (r->running)
			fn(user, str_of(r->uid));
	}
}

/* ---- answers ---- */

static void tell(struct answer *a)
{
	struct err err = ERR_INIT;
	struct proc *before;

	if (a->told)
		return;
	list_remove(&a->node);
	a->told = true;
	if (a->r < 0)
		err_sys(&err, -a->r, "%s", strerror(-a->r));
	before = proc_enter(a->m->proc);
	a->done(a->user, a->r, &err);
	proc_leave(before);
	err_done(&err);
}

static void on_answer(void *arg)
{
	struct answer *a = arg;

	if (!a->told && a->m->proc->paused_until_ns > world.now_ns) {
		event_at(a->m->proc->paused_until_ns, on_answer, a);
		return;
	}
	if (a->then) /* also when the agent is gone meanwhile */
		a->then(a);
	tell(a);
	free(a);
}

static struct answer *answer(struct runtime *m, uint64_t in_ns, runtime_done_fn *done, void *user,
			     int r)
{
	struct answer *a = NEW(struct answer);

	a->m = m;
	a->done = done;
	a->user = user;
	a->r = r;
	list_append(&m->answers, &a->node);
	if (in_ns != UINT64_MAX)
		event_in(in_ns, on_answer, a);
	return a;
}

static uint64_t quick(void)
{
	return NSEC_PER_USEC * (200 + below(5000));
}

/* ---- agent/runtime ---- */

static struct row *row_of(struct runtime *m, const char *id)
{
	list_for_each (it, &m->rows)
		if (strcmp(list_entry(it, struct row, node)->id, id) == 0)
			return list_entry(it, struct row, node);
	return NULL;
}

static struct box *box_of(struct runtime *m, const char *id)
{
	list_for_each (it, &m->boxes)
		if (strcmp(list_entry(it, struct box, node)->id, id) == 0)
			return list_entry(it, struct box, node);
	return NULL;
}

static void send_event(struct runtime *m, struct row *r)
{
	struct proc *before;

	if (!m->event)
		return;
	before = proc_enter(m->proc);
	m->event(m->user, &(struct runtime_event){RUNTIME_EXITED, r->box, r->id});
	proc_leave(before);
}

static void ended(struct row *r, int code, bool tell_agent)
{
	struct answer *stop = TAKE(r->stop);

	r->created = false;
	if (!r->running)
		return;
	r->running = false;
	r->code = code;
	r->finished_ns = clock_real_ns(&world.clock);
	r->turn++;
	trace("n%u: %s of %s ends with %d", r->m->i, r->name, r->pod, code);
	check_container(r->m->i, str_of(r->uid), str_of(r->name), str_of(r->pod), false);
	if (tell_agent)
		send_event(r->m, r);
	if (stop)
		event_in(quick(), on_answer, stop);
}

struct ending {
	struct runtime *m;
	char id[ID_MAX];
	unsigned turn;
	int code;
};

/* Processes end also while their agent is away or stopped; it hears of it when it can. */
static void on_ending(void *arg)
{
	struct ending *e = arg;
	struct row *r = row_of(e->m, e->id);

	if (r && r->running && r->turn == e->turn) {
		if (e->m->event && e->m->proc->paused_until_ns > world.now_ns) {
			event_at(e->m->proc->paused_until_ns, on_ending, e);
			return;
		}
		ended(r, e->code, true);
	}
	free(e);
}

static void end_in(struct row *r, uint64_t ns, int code)
{
	struct ending *e = NEW(struct ending);

	e->m = r->m;
	str_copy(e->id, sizeof(e->id), str_of(r->id));
	e->turn = r->turn;
	e->code = code;
	event_in(ns, on_ending, e);
}

void machine_crash_container(struct runtime *m)
{
	size_t n = below(machine_running(m));

	list_for_each (it, &m->rows) {
		struct row *r = list_entry(it, struct row, node);

		if (r->running && n-- == 0) {
			end_in(r, 0, 1);
			return;
		}
	}
}

static void box_ready(struct answer *a)
{
	struct box *b = box_of(a->m, a->id);

	if (b)
		b->ready = true;
	else
		a->r = -ECANCELED;
}

int runtime_sandbox_start(struct runtime *m, const struct sandbox_spec *spec, runtime_done_fn *done,
			  void *user, struct err *err)
{
	struct str rest = str_of(spec->note), uid;
	struct box *b = NEW(struct box);
	struct answer *a;

	str_split(&rest, ' ', &uid);
	str_copy(b->id, sizeof(b->id), str_of(spec->id));
	str_copy(b->uid, sizeof(b->uid), uid);
	str_copy(b->pod, sizeof(b->pod), rest);
	list_append(&m->boxes, &b->node);
	a = answer(m, quick() + below(m->max_ns / 4), done, user, 0);
	a->then = box_ready;
	str_copy(a->id, sizeof(a->id), str_of(spec->id));
	return 0;
}

static void stop_box(struct runtime *m, const char *id)
{
	list_for_each_safe (it, &m->rows)
		if (strcmp(list_entry(it, struct row, node)->box, id) == 0)
			ended(list_entry(it, struct row, node), 137, true);
}

int runtime_sandbox_stop(struct runtime *m, const char *id, runtime_done_fn *done, void *user,
			 struct err *err)
{
	struct box *b = box_of(m, id);

	stop_box(m, id);
	if (b)
		b->ready = false;
	answer(m, quick(), done, user, 0);
	return 0;
}

int runtime_sandbox_remove(struct runtime *m, const char *id, runtime_done_fn *done, void *user,
			   struct err *err)
{
	struct box *b = box_of(m, id);

	stop_box(m, id);
	list_for_each_safe (it, &m->rows)
		if (strcmp(list_entry(it, struct row, node)->box, id) == 0) {
			list_remove(it);
			free(list_entry(it, struct row, node));
		}
	if (b) {
		list_remove(&b->node);
		free(b);
	}
	answer(m, quick(), done, user, 0);
	return 0;
}

int runtime_sandbox_get(struct runtime *m, const char *id, struct sandbox_info *ret)
{
	struct box *b = box_of(m, id);

	if (!b)
		return -ENOENT;
	*ret = (struct sandbox_info){
		.id = b->id, .state = b->ready ? RUNTIME_SANDBOX_READY : RUNTIME_SANDBOX_STOPPED};
	return 0;
}

int runtime_sandbox_next(struct runtime *m, const char *after, struct sandbox_info *ret)
{
	struct box *best = NULL;

	list_for_each (it, &m->boxes) {
		struct box *b = list_entry(it, struct box, node);

		if ((!after || strcmp(b->id, after) > 0) && (!best || strcmp(b->id, best->id) < 0))
			best = b;
	}
	return best ? runtime_sandbox_get(m, best->id, ret) : -ENOENT;
}

int runtime_sandbox_netns(struct runtime *m, const char *id)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void row_runs(struct answer *a)
{
	struct row *r = row_of(a->m, a->id);

	if (!r || !r->created || !box_of(a->m, r->box)) {
		a->r = -ECANCELED;
		return;
	}
	r->created = false;
	r->running = true;
	r->started_ns = clock_real_ns(&world.clock);
	trace("n%u: %s of %s %s runs", r->m->i, r->name, r->pod, r->uid);
	check_container(r->m->i, str_of(r->uid), str_of(r->name), str_of(r->pod), true);
	if (strstr(r->pod, "/job"))
		end_in(r, MSEC(50 + below(6000)), chance(world.healed ? 0 : 100) ? 1 : 0);
}

int runtime_container_start(struct runtime *m, const struct container_spec *spec,
			    runtime_done_fn *done, void *user, struct err *err)
{
	struct str rest = str_of(spec->note), uid, name;
	struct box *b = box_of(m, spec->sandbox_id);
	struct answer *a;
	struct row *r;

	if (!b || !b->ready) {
		answer(m, quick(), done, user, -ENOENT);
		return 0;
	}
	if (chance(world.healed ? 0 : 5)) {
		answer(m, quick(), done, user, -EIO);
		return 0;
	}
	r = NEW(struct row);
	str_split(&rest, ' ', &uid);
	str_split(&rest, ' ', &name);
	r->m = m;
	r->created = true;
	str_copy(r->id, sizeof(r->id), str_of(spec->id));
	str_copy(r->box, sizeof(r->box), str_of(spec->sandbox_id));
	str_copy(r->uid, sizeof(r->uid), uid);
	str_copy(r->name, sizeof(r->name), name);
	str_copy(r->pod, sizeof(r->pod), str_of(b->pod));
	list_append(&m->rows, &r->node);
	a = answer(m, quick() + below(m->max_ns), done, user, 0);
	a->then = row_runs;
	str_copy(a->id, sizeof(a->id), str_of(spec->id));
	return 0;
}

int runtime_container_stop(struct runtime *m, const char *id, int sig, uint64_t grace_ns,
			   runtime_done_fn *done, void *user, struct err *err)
{
	struct row *r = row_of(m, id);

	if (r)
		r->created = false;
	if (!r || !r->running || r->stop) {
		if (r && r->running)
			end_in(r, grace_ns, 137);
		answer(m, quick(), done, user, 0);
		return 0;
	}
	r->stop = answer(m, UINT64_MAX, done, user, 0);
	if (chance(100)) /* it does not listen */
		end_in(r, grace_ns, 137);
	else
		end_in(r, MIN(grace_ns, quick() + below(m->max_ns)), 143);
	return 0;
}

int runtime_container_remove(struct runtime *m, const char *id, struct err *err)
{
	struct row *r = row_of(m, id);

	if (r && r->running)
		return -EBUSY;
	if (r) {
		list_remove(&r->node);
		free(r);
	}
	return 0;
}

int runtime_container_get(struct runtime *m, const char *id, struct container_info *ret)
{
	struct row *r = row_of(m, id);

	if (!r)
		return -ENOENT;
	*ret = (struct container_info){
		.id = r->id,
		.sandbox_id = r->box,
		.state = r->created   ? RUNTIME_CONTAINER_CREATED
			 : r->running ? RUNTIME_CONTAINER_RUNNING
				      : RUNTIME_CONTAINER_EXITED,
		.exit_code = r->code,
		.started_ns = r->started_ns,
		.finished_ns = r->finished_ns,
	};
	return 0;
}

int runtime_cap_mask(const char *name, uint64_t *ret)
{
	*ret = 1;
	return 0;
}

int runtime_exec(struct runtime *m, const struct exec_spec *spec, const struct exec_ops *ops,
		 void *user, struct runtime_exec **ret, struct err *err)
{
	return err_sys(err, ENOSYS, "no exec here");
}

void runtime_exec_abandon(struct runtime_exec *x)
{
}

/* ---- agent/image: the only image is here ---- */

int image_ref_parse(const char *text, struct image_ref *ret, struct err *err)
{
	return 0;
}

int image_resolve(struct image_store *s, const char *ref, const struct image_info **ret,
		  struct err *err)
{
	*ret = &image;
	return 0;
}

const struct image_info *image_next(struct image_store *s, const struct image_info *prev)
{
	return NULL;
}

int image_pull(struct image_store *s, const char *ref, const struct image_auth *auths,
	       size_t n_auths, const struct image_job_ops *ops, void *user, struct image_job **ret,
	       struct err *err)
{
	return err_sys(err, ENOSYS, "no registry here");
}

void image_job_cancel(struct image_job *j)
{
}

int image_auth_from_docker_config(struct str json, const struct image_ref *ref,
				  struct image_auth *ret, struct buf *scratch)
{
	return -ENOENT;
}

/* ---- net/pod_net: 10.244.NODE.N ---- */

int pod_net_attach(struct pod_net *n, struct str id, int fd, struct pod_net_addr *ret,
		   struct err *err)
{
	struct runtime *m = (struct runtime *)n;
	struct address *a;

	list_for_each (it, &m->addresses) {
		a = list_entry(it, struct address, node);
		if (str_eqs(id, a->uid)) {
			*ret = (struct pod_net_addr){.addr = a->addr};
			return 0;
		}
	}
	a = NEW(struct address);
	str_copy(a->uid, sizeof(a->uid), id);
	a->addr = htobe32(10u << 24 | 244u << 16 | m->i << 8 | (m->next_addr++ % 250 + 2));
	list_append(&m->addresses, &a->node);
	*ret = (struct pod_net_addr){.addr = a->addr};
	return 0;
}

int pod_net_detach(struct pod_net *n, struct str id, struct err *err)
{
	struct runtime *m = (struct runtime *)n;

	list_for_each_safe (it, &m->addresses)
		if (str_eqs(id, list_entry(it, struct address, node)->uid)) {
			list_remove(it);
			free(list_entry(it, struct address, node));
		}
	return 0;
}

int pod_net_gc(struct pod_net *n, bool (*keep)(struct str id, void *user), void *user)
{
	return 0;
}
