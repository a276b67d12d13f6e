/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "agent/node/node.h"
#include "lib/sys/file.h"

static char *first_line(const char *path)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (file_read(AT_FDCWD, path, 4096, &b) < 0)
		return xstrdup("");
	return str_dup(str_trim(buf_str(&b)));
}

static char *os_image(void)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct str rest, line;

	if (file_read(AT_FDCWD, "/etc/os-release", 65536, &b) < 0)
		return xstrdup("Linux");
	rest = buf_str(&b);
	while (str_split(&rest, '\n', &line)) {
		if (!str_starts(line, STR("PRETTY_NAME=")))
			continue;
		line = str_trim(str_skip(line, strlen("PRETTY_NAME=")));
		if (line.len > 1 && line.p[0] == '"')
			line = str_n(line.p + 1, line.len - 2);
		return str_dup(line);
	}
	return xstrdup("Linux");
}

static const char *go_arch(const char *machine)
{
	static const struct {
		const char *machine, *arch;
	} map[] = {{"x86_64", "amd64"},    {"aarch64", "arm64"}, {"armv7l", "arm"},
		   {"ppc64le", "ppc64le"}, {"s390x", "s390x"},   {"riscv64", "riscv64"}};

	for (size_t i = 0; i < ARRAY_SIZE(map); i++)
		if (strcmp(machine, map[i].machine) == 0)
			return map[i].arch;
	return "unknown";
}

void node_info_read(const char *disk_path, struct node_info *ret)
{
	struct utsname u;
	struct sysinfo si;
	struct statvfs fs;

	*ret = (struct node_info){.max_pods = 110};
	uname(&u);
	ret->hostname = xstrdup(u.nodename);
	ret->kernel = xstrdup(u.release);
	ret->arch = go_arch(u.machine);
	ret->machine_id = first_line("/etc/machine-id");
	ret->boot_id = first_line("/proc/sys/kernel/random/boot_id");
	ret->system_uuid = first_line("/sys/class/dmi/id/product_uuid");
	if (!ret->system_uuid[0]) {
		free(ret->system_uuid);
		ret->system_uuid = xstrdup(ret->machine_id);
	}
	ret->os_image = os_image();
	ret->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (sysinfo(&si) == 0)
		ret->mem_bytes = (int64_t)si.totalram * si.mem_unit;
	if (statvfs(disk_path, &fs) == 0)
		ret->ephemeral_bytes = (int64_t)(fs.f_blocks * fs.f_frsize);
}

void node_info_done(struct node_info *i)
{
	free(i->hostname);
	free(i->machine_id);
	free(i->system_uuid);
	free(i->boot_id);
	free(i->kernel);
	free(i->os_image);
	*i = (struct node_info){0};
}
