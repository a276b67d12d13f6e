/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/daemon.h"
#include "lib/base/clock.h"
#include "lib/sys/file.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>

#define RUN_DIR "/run/knarr"
#define LOG_DIR "/var/log/knarr"
#define ETC_DIR "/etc/knarr"
#define READY_TIMEOUT_MS 30000

extern char **environ;

bool daemon_by_systemd(void)
{
	return sd_booted() > 0;
}

/* Field 22 of /proc/PID/stat: start time in ticks since boot; 0 if there is no such process. */
static uint64_t start_time_of(uint64_t pid)
{
	CLEANUP_FREE char *path = xasprintf("/proc/%" PRIu64 "/stat", pid);
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct str rest, word;
	uint64_t v = 0;
	ssize_t at;

	if (file_read(AT_FDCWD, path, 4096, &b) < 0)
		return 0;
	/* The command's name may hold blanks and parentheses; fields count from the last ')'. */
	at = str_rchr(buf_str(&b), ')');
	if (at < 0)
		return 0;
	rest = str_skip(buf_str(&b), (size_t)at + 2);
	if (rest.len && rest.p[0] == 'Z')
		return 0;
	for (int field = 3; str_split(&rest, ' ', &word); field++)
		if (field == 22)
			return str_to_u64(word, &v) < 0 ? 0 : v;
	return 0;
}

/* The pid of a daemon we started, or 0 if it does not run. */
static pid_t pid_in(const char *path)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct str rest, pid_text;
	uint64_t pid, started;

	if (file_read(AT_FDCWD, path, 128, &b) < 0)
		return 0;
	rest = str_trim(buf_str(&b));
	if (!str_split(&rest, ' ', &pid_text) || str_to_u64(pid_text, &pid) < 0 ||
	    str_to_u64(rest, &started) < 0 || !pid || pid > INT32_MAX)
		return 0;
	return start_time_of(pid) == started ? (pid_t)pid : 0;
}

static pid_t pid_of(const char *name)
{
	CLEANUP_FREE char *path = xasprintf(RUN_DIR "/%s.pid", name);

	return pid_in(path);
}

int daemon_run(const char *const *argv)
{
	pid_t pid;
	int status, r = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ);

	if (r)
		return -r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int systemctl(const char *verb, const char *name, struct err *err)
{
	CLEANUP_FREE char *unit = xasprintf("%s.service", name);
	const char *argv[] = {"systemctl", verb, unit, NULL};
	int r = daemon_run(argv);

	if (r == 0)
		return 0;
	return err_sys(err, EIO, "systemctl %s %s failed: see journalctl -u %s", verb, unit, unit);
}

bool daemon_running(const char *name)
{
	if (daemon_by_systemd()) {
		CLEANUP_FREE char *unit = xasprintf("%s.service", name);
		const char *argv[] = {"systemctl", "is-active", "--quiet", unit, NULL};

		return daemon_run(argv) == 0;
	}
	return pid_of(name) != 0;
}

int daemon_write_options(const char *name, const char *const *options, size_t n, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf(ETC_DIR "/%s.env", name);
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	int r;

	buf_addf(&b, "# Options of %s(8), written by knarrctl; yours to change.\n%s_OPTIONS=\"",
		 name, strcmp(name, DAEMON_MASTER) == 0 ? "KNARR_MASTER" : "KNARR_AGENT");
	for (size_t i = 0; i < n; i++)
		buf_addf(&b, "%s%s", i ? " " : "", options[i]);
	buf_adds(&b, "\"\n");
	r = dir_make(ETC_DIR, 0755);
	if (!r)
		r = file_write_atomic(AT_FDCWD, path, buf_str(&b), 0600);
	return r < 0 ? err_sys(err, r, "cannot write %s: %s", path, strerror(-r)) : 0;
}

/* The daemon's own words, for a message: the last lines of its log from `from` on. */
static void last_lines(const char *log, off_t from, struct buf *out)
{
	CLEANUP_FD int fd = open(log, O_RDONLY | O_CLOEXEC);
	struct str s;
	ssize_t n;

	if (fd < 0 || lseek(fd, from, SEEK_SET) < 0)
		return;
	n = read(fd, buf_reserve(out, 16384), 16384);
	if (n > 0)
		buf_setlen(out, (size_t)n);
	s = str_trim(buf_str(out));
	for (int lines = 0; lines < 5 && s.len; lines++) {
		ssize_t at = str_rchr(s, '\n');

		if (at < 0)
			return;
		s.len = (size_t)at;
	}
	buf_consume(out, s.len);
}

/*
 * A socket for sd_notify(3) messages; its address goes to the child. A file, since the abstract
 * names of another network namespace are others.
 */
static int notify_socket(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd;

	if (str_copy(a.sun_path, sizeof(a.sun_path), str_of(path)) < 0)
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		int r = -errno;

		if (fd >= 0)
			close(fd);
		return r;
	}
	return fd;
}

/* In the child, which becomes the daemon: a session of its own, output to the log. */
static void become(const char *const *argv, int log_fd, const char *notify, int netns)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	dup2(null, STDIN_FILENO);
	dup2(log_fd, STDOUT_FILENO);
	dup2(log_fd, STDERR_FILENO);
	setenv("NOTIFY_SOCKET", notify, 1);
	signal(SIGPIPE, SIG_DFL);
	if (chdir("/") == 0 && (netns < 0 || setns(netns, CLONE_NEWNET) == 0))
		execvp(argv[0], (char *const *)argv);
	dprintf(STDERR_FILENO, "cannot start %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* 0 ready, -ECHILD ended, -ETIMEDOUT. */
static int wait_ready(pid_t pid, int sock)
{
	uint64_t until = clock_mono_ns(&clock_system) + READY_TIMEOUT_MS * NSEC_PER_MSEC;

	while (clock_mono_ns(&clock_system) < until) {
		struct pollfd p = {.fd = sock, .events = POLLIN};
		char msg[1024];

		if (waitpid(pid, NULL, WNOHANG) == pid)
			return -ECHILD;
		if (poll(&p, 1, 50) <= 0)
			continue;
		ssize_t n = recv(sock, msg, sizeof(msg) - 1, 0);

		msg[MAX(n, (ssize_t)0)] = 0;
		if (strstr(msg, "READY=1"))
			return 0;
	}
	return -ETIMEDOUT;
}

char *daemon_program(const char *name)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash, *path;

	if (n <= 0)
		return xstrdup(name);
	self[n] = 0;
	slash = strrchr(self, '/');
	path = xasprintf("%.*s/%s", (int)(slash - self), self, name);
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	path = xasprintf("%.*s/../sbin/%s", (int)(slash - self), self, name);
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return xstrdup(name);
}

int daemon_spawn(const struct daemon_conf *conf, const char *const *options, size_t n,
		 struct err *err)
{
	CLEANUP_FREE const char **argv = xcalloc(n + 2, sizeof(*argv));
	CLEANUP_FREE char *program = daemon_program(conf->program);
	CLEANUP_FREE char *notify = xasprintf("%s.notify", conf->pid_file);
	CLEANUP_FREE char *line = NULL;
	CLEANUP(buf_done) struct buf words = BUF_INIT;
	CLEANUP_FD int log_fd = -1;
	CLEANUP_FD int sock = -1;
	off_t from;
	pid_t pid;
	int r;

	argv[0] = program;
	if (n)
		memcpy(argv + 1, options, n * sizeof(*argv));
	log_fd = open(conf->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (log_fd < 0)
		return err_sys(err, errno, "cannot open %s: %s", conf->log, strerror(errno));
	sock = notify_socket(notify);
	if (sock < 0)
		return err_sys(err, -sock, "cannot make %s: %s", notify, strerror(-sock));
	from = lseek(log_fd, 0, SEEK_END);
	pid = fork();
	if (pid < 0)
		return err_sys(err, errno, "cannot fork: %s", strerror(errno));
	if (!pid)
		become(argv, log_fd, notify, conf->netns);
	line = xasprintf("%d %" PRIu64 "\n", (int)pid, start_time_of((uint64_t)pid));
	file_write_atomic(AT_FDCWD, conf->pid_file, str_of(line), 0644);
	r = wait_ready(pid, sock);
	unlink(notify);
	if (r == 0)
		return 0;
	last_lines(conf->log, from, &words);
	if (r == -ETIMEDOUT)
		return err_sys(err, ETIMEDOUT,
			       "%s was not ready after %d s; it goes on trying, see %s",
			       conf->program, READY_TIMEOUT_MS / 1000, conf->log);
	unlink(conf->pid_file);
	return err_sys(err, ECHILD, "%s did not start: %.*s (whole log: %s)", conf->program,
		       STR_ARG(str_trim(buf_str(&words))), conf->log);
}

static int start_directly(const char *name, const char *const *options, size_t n, struct err *err)
{
	CLEANUP_FREE char *log = xasprintf(LOG_DIR "/%s.log", name);
	CLEANUP_FREE char *pid_file = xasprintf(RUN_DIR "/%s.pid", name);
	int r = dir_make(RUN_DIR, 0755);

	if (!r)
		r = dir_make(LOG_DIR, 0755);
	if (r < 0)
		return err_sys(err, r, "cannot make " RUN_DIR " and " LOG_DIR ": %s", strerror(-r));
	return daemon_spawn(&(struct daemon_conf){name, pid_file, log, -1}, options, n, err);
}

int daemon_start(const char *name, const char *const *options, size_t n, struct err *err)
{
	int r = daemon_write_options(name, options, n, err);

	if (r < 0)
		return r;
	if (daemon_by_systemd()) {
		r = systemctl("enable", name, err);
		return r < 0 ? r : systemctl("restart", name, err);
	}
	r = daemon_stop(name, err);
	return r < 0 ? r : start_directly(name, options, n, err);
}

int daemon_end(const char *pid_file, const char *name, struct err *err)
{
	CLEANUP_FD int fd = -1;
	struct pollfd p;
	pid_t pid = pid_in(pid_file);

	if (!pid)
		return 0;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return errno == ESRCH ? 0 : err_sys(err, errno, "%s: %s", name, strerror(errno));
	p = (struct pollfd){.fd = fd, .events = POLLIN};
	syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0);
	if (poll(&p, 1, 10000) == 0) {
		syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
		poll(&p, 1, 5000);
	}
	unlink(pid_file);
	return 0;
}

int daemon_stop(const char *name, struct err *err)
{
	CLEANUP_FREE char *pid_file = xasprintf(RUN_DIR "/%s.pid", name);

	if (daemon_by_systemd())
		return daemon_running(name) ? systemctl("stop", name, err) : 0;
	return daemon_end(pid_file, name, err);
}
