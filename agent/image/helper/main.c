/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/image/helper/helper.h"
#include "lib/base/clock.h"
#include "lib/json/json_scan.h"
#include "lib/json/jw.h"
#include "lib/sys/file.h"

#include <locale.h>
#include <sched.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define SETTINGS_MAX (1 << 20)
#define ARCHIVE_FD 3

void helper_progress(struct helper *h, bool now)
{
	uint64_t t = clock_mono_ns(&clock_system);

	if (!now && t - h->last_progress_ns < 100 * NSEC_PER_MSEC)
		return;
	h->last_progress_ns = t;
	printf("{\"progress\":{\"step\":\"%s\",\"done\":%" PRIu64 ",\"total\":%" PRIu64
	       ",\"layersDone\":%u,\"layersTotal\":%u}}\n",
	       h->step, h->bytes, h->total, h->layers_done, h->layers_total);
	fflush(stdout);
}

static int keep_capabilities(void)
{
	static const cap_value_t keep[] = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER,   CAP_FSETID,
					   CAP_MKNOD, CAP_SETFCAP,      CAP_SYS_ADMIN};
	cap_t c = cap_init();
	int r = 0;

	/* CAP_SYS_ADMIN: overlayfs marks opaque folders with a trusted.* attribute. Its other
	 * powers find nothing: own mount and network namespaces, and a root without /proc, /sys and
	 * /dev. */
	if (!c || cap_set_flag(c, CAP_PERMITTED, ARRAY_SIZE(keep), keep, CAP_SET) < 0 ||
	    cap_set_flag(c, CAP_EFFECTIVE, ARRAY_SIZE(keep), keep, CAP_SET) < 0)
		r = -errno;
	for (int i = 0; !r && i <= CAP_LAST_CAP; i++) {
		bool keeps = false;

		for (size_t k = 0; k < ARRAY_SIZE(keep); k++)
			keeps |= keep[k] == i;
		if (!keeps)
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	}
	if (!r && cap_set_proc(c) < 0)
		r = -errno;
	cap_free(c);
	return r;
}

int helper_confine(struct helper *h, struct err *err)
{
	int r;

	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) < 0)
		return err_sys(err, errno, "cannot enter namespaces of its own: %s (needs root)",
			       strerror(errno));
	if (fchdir(h->dir_fd) < 0 || chroot(".") < 0)
		return err_sys(err, errno, "cannot shut itself into the store: %s",
			       strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, errno, "no_new_privs: %s", strerror(errno));
	r = keep_capabilities();
	return r < 0 ? err_sys(err, r, "cannot drop capabilities: %s", strerror(-r)) : 0;
}

void helper_error(const struct err *e)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jw w = jw_start(&b);

	jw_begin_object(&w);
	jw_key(&w, "error");
	jw_begin_object(&w);
	jw_member_i64(&w, "errno", e->errnum);
	jw_member_str(&w, "message", str_of(err_text(e)));
	jw_end_object(&w);
	jw_end_object(&w);
	buf_addc(&b, '\n');
	fwrite(b.p, 1, b.len, stdout);
	fflush(stdout);
}

static int work(struct helper *h, const char *verb, struct err *err)
{
	int r;

	if (!strcmp(verb, "pull"))
		return pull_run(h, err);
	r = helper_confine(h, err);
	return r < 0 ? r : import_run(h, ARCHIVE_FD, err);
}

int main(int argc, char **argv)
{
	CLEANUP(buf_done) struct buf settings = BUF_INIT;
	struct helper h = {.step = "resolving"};
	struct err e = ERR_INIT;
	int r;

	if (argc != 3 || (strcmp(argv[1], "import") && strcmp(argv[1], "pull"))) {
		fputs("knarr-image-helper is started by knarr-agent and knarrctl image\n", stderr);
		return 2;
	}
	/* Without it libarchive answers ARCHIVE_WARN for each name that is no ASCII. */
	setlocale(LC_CTYPE, "C.UTF-8");
	umask(022);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	h.dir_fd = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (h.dir_fd < 0)
		r = err_sys(&e, errno, "%s: %s", argv[2], strerror(errno));
	else
		r = fd_read_all(STDIN_FILENO, SETTINGS_MAX, &settings);
	if (!r)
		r = json_scan(buf_str(&settings), NULL, &e);
	if (!r) {
		h.settings = jv_of(buf_str(&settings));
		h.max_bytes = (uint64_t)jv_i64(jv_get(h.settings, "maxBytes"), 0);
		r = work(&h, argv[1], &e);
	}
	if (r < 0) {
		err_sys(&e, r, "%s", strerror(-r));
		helper_error(&e);
	}
	err_done(&e);
	return r ? 1 : 0;
}
