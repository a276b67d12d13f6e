/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/runtime/seccomp.h"

#include "agent/runtime/internal.h"
#include "agent/runtime/pod/kernel.h"
#include "lib/base/codec.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"
#include "lib/sys/file.h"

#include <sys/mman.h>

#define PROFILE_MAX (1 << 20)

/* ---- making filters ---- */

static scmp_filter_ctx filter_new(uint32_t action, bool with_numbers)
{
	scmp_filter_ctx ctx = seccomp_init(action);
	if (!ctx)
		return NULL;
	if (with_numbers && seccomp_add_numbers(ctx) < 0) {
		seccomp_release(ctx);
		return NULL;
	}
#if defined(__x86_64__)
	seccomp_arch_add(ctx, SCMP_ARCH_X86);
#elif defined(__aarch64__)
	seccomp_arch_add(ctx, SCMP_ARCH_ARM);
#endif
	seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return ctx;
}

int seccomp_default(uint64_t caps, scmp_filter_ctx *ret, struct err *err)
{
	scmp_filter_ctx ctx = filter_new(SCMP_ACT_ERRNO(ENOSYS), true);
	int r = ctx ? seccomp_fill_default(ctx, caps) : -ENOMEM;
	if (r < 0) {
		if (ctx)
			seccomp_release(ctx);
		return err_sys(err, -r, "cannot make the seccomp filter: %s", strerror(-r));
	}
	*ret = ctx;
	return 0;
}

int seccomp_bytes(scmp_filter_ctx ctx, struct buf *out, struct err *err)
{
	CLEANUP_FD int fd = memfd_create("filter", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);
	ssize_t n = 0;
	if (r >= 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	while (r >= 0 && (n = read(fd, buf_reserve(out, 65536), 65536)) > 0)
		buf_setlen(out, out->len + (size_t)n);
	return r < 0 ? err_sys(err, -r, "cannot compile the seccomp filter: %s", strerror(-r)) : 0;
}

static int action_of(struct jv v, int64_t errnum, uint32_t *ret)
{
	const struct {
		const char *name;
		uint32_t action;
	} actions[] = {
		{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
		{"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(errnum & 0xffff)},
		{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},
		{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
		{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
		{"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
		{"SCMP_ACT_TRACE", SCMP_ACT_TRACE(errnum & 0xffff)},
		{"SCMP_ACT_LOG", SCMP_ACT_LOG},
	};
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (jv_eqs(v, actions[i].name)) {
			*ret = actions[i].action;
			return 0;
		}
	return -EINVAL;
}

static int arg_of(struct jv v, struct scmp_arg_cmp *ret)
{
	static const struct {
		const char *name;
		enum scmp_compare op;
	} ops[] = {
		{"SCMP_CMP_NE", SCMP_CMP_NE},
		{"SCMP_CMP_LT", SCMP_CMP_LT},
		{"SCMP_CMP_LE", SCMP_CMP_LE},
		{"SCMP_CMP_EQ", SCMP_CMP_EQ},
		{"SCMP_CMP_GE", SCMP_CMP_GE},
		{"SCMP_CMP_GT", SCMP_CMP_GT},
		{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
	};
	int64_t index = jv_i64(jv_get(v, "index"), -1);
	if (index < 0 || index > 5)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (jv_eqs(jv_get(v, "op"), ops[i].name)) {
			*ret = (struct scmp_arg_cmp){
				.arg = (unsigned int)index,
				.op = ops[i].op,
				.datum_a = (scmp_datum_t)jv_i64(jv_get(v, "value"), 0),
				.datum_b = (scmp_datum_t)jv_i64(jv_get(v, "valueTwo"), 0),
			};
			return 0;
		}
	return -EINVAL;
}

static int add_rule(scmp_filter_ctx ctx, uint32_t fallback, struct jv rule, struct err *err)
{
	struct scmp_arg_cmp args[6];
	uint32_t action;
	unsigned int n = 0;

	if (action_of(jv_get(rule, "action"), jv_i64(jv_get(rule, "errnoRet"), EPERM), &action) < 0)
		return err_sys(err, EINVAL, "seccomp profile: unknown action %.*s",
			       STR_ARG(jv_text(jv_get(rule, "action"))));
	if (action == fallback)
		return 0; /* libseccomp refuses rules that change nothing */
	jv_for_each (it, jv_get(rule, "args"))
		if (n == ARRAY_SIZE(args) || arg_of(it.value, &args[n++]) < 0)
			return err_sys(err, EINVAL, "seccomp profile: unusable argument condition");
	jv_for_each (it, jv_get(rule, "names")) {
		CLEANUP_FREE char *name = jv_strdup(it.value);
		int nr = name ? seccomp_syscall_resolve_name(name) : __NR_SCMP_ERROR;
		int r = nr == __NR_SCMP_ERROR ? 0
					      : seccomp_rule_add_array(ctx, action, nr, n, args);
		if (r < 0 && r != -EEXIST && r != -EDOM)
			return err_sys(err, -r, "seccomp profile: rule for %s: %s", name,
				       strerror(-r));
	}
	return 0;
}

int seccomp_from_json(struct str json, scmp_filter_ctx *ret, struct err *err)
{
	scmp_filter_ctx ctx;
	uint32_t action;
	struct jv root;
	int r = json_scan(json, NULL, err);
	if (r < 0)
		return r;
	root = jv_of(json);
	if (action_of(jv_get(root, "defaultAction"), jv_i64(jv_get(root, "defaultErrnoRet"), EPERM),
		      &action) < 0)
		return err_sys(err, EINVAL, "seccomp profile: no usable defaultAction");
	ctx = filter_new(action, false);
	if (!ctx)
		return err_sys(err, ENOMEM, "seccomp: out of memory");
	jv_for_each (it, jv_get(root, "syscalls")) {
		r = add_rule(ctx, action, it.value, err);
		if (r < 0) {
			seccomp_release(ctx);
			return r;
		}
	}
	*ret = ctx;
	return 0;
}

/* ---- files ---- */

static int load_profile(struct runtime *rt, const char *profile, struct buf *out, struct err *err)
{
	char path[64];
	CLEANUP_FD int dir = -1;
	CLEANUP_FD int fd = -1;
	int r;

	if (!rt->seccomp_dir || !profile || !*profile)
		return err_sys(err, EINVAL, "no seccomp profile is named");
	dir = open(rt->seccomp_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = dir < 0 ? -errno : k_openat2(dir, profile, O_RDONLY | O_CLOEXEC, 0, K_RESOLVE_BENEATH);
	if (fd < 0)
		return err_sys(err, -fd, "cannot load seccomp profile \"%s/%s\": %s",
			       rt->seccomp_dir, profile, strerror(-fd));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = file_read(AT_FDCWD, path, PROFILE_MAX, out);
	return r < 0 ? err_sys(err, -r, "cannot read seccomp profile %s: %s", profile, strerror(-r))
		     : 0;
}

static int store(struct runtime *rt, scmp_filter_ctx ctx, const char *name, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP_FREE char *dir = xasprintf("%s/seccomp", rt->run_dir);
	int r = seccomp_bytes(ctx, &b, err);
	if (r >= 0) {
		r = state_write(dir, name, buf_str(&b));
		if (r < 0)
			err_sys(err, -r, "cannot write %s/%s: %s", dir, name, strerror(-r));
	}
	seccomp_release(ctx);
	return r;
}

int seccomp_filter_file(struct runtime *rt, enum runtime_seccomp kind, const char *profile,
			uint64_t caps, char **ret_path, struct err *err)
{
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	CLEANUP_FREE char *path = NULL;
	scmp_filter_ctx ctx;
	char name[64];
	int r;

	*ret_path = NULL;
	if (kind == RUNTIME_SECCOMP_UNCONFINED)
		return 0;
	if (kind == RUNTIME_SECCOMP_LOCALHOST) {
		r = load_profile(rt, profile, &json, err);
		if (r < 0)
			return r;
		/* By content: an edited profile is another filter. */
		snprintf(name, sizeof(name), "local-%08x-%zu.bpf", crc32c(0, json.p, json.len),
			 json.len);
	} else {
		snprintf(name, sizeof(name), "default-%" PRIx64 ".bpf", caps);
	}
	path = xasprintf("%s/seccomp/%s", rt->run_dir, name);
	if (access(path, R_OK) < 0) {
		r = kind == RUNTIME_SECCOMP_LOCALHOST ? seccomp_from_json(buf_str(&json), &ctx, err)
						      : seccomp_default(caps, &ctx, err);
		if (r >= 0)
			r = store(rt, ctx, name, err);
		if (r < 0)
			return r;
	}
	*ret_path = TAKE(path);
	return 0;
}
