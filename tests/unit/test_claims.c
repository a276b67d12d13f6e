/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "agent/volume/claim.h"
#include "agent/volume/group.h"
#include "lib/sys/file.h"
#include "tests/unit/test.h"

/* Volumes of claims on a node: what a pod has to wait for, what it is told, what it is given. */

struct world {
	char *dir;
	struct pod_source src;
	const char *claim, *volume; /* NULL: there is none; "": not known yet */
	struct volume_set *set;
	struct err err;
	int released; /* bits: volume, claim */
	char *command; /* the last one, by spaces */
	int command_r; /* its outcome; 0: it mounts */
	char *given; /* the last path whose group is to change */
	int64_t given_gid;
	bool given_on_mismatch;
	unsigned gives;
	int give_r;
};
static struct world w;

static char *temp_dir(void)
{
	char *dir = xstrdup("/tmp/knarr-claims-XXXXXX");

	assert_non_null(mkdtemp(dir));
	return dir;
}

static int src_object(struct pod_source *s, enum source_kind kind, struct str name, struct jv *ret,
		      struct err *err)
{
	const char *json = kind == SOURCE_CLAIM ? w.claim : w.volume;

	assert_true(kind == SOURCE_CLAIM || kind == SOURCE_VOLUME);
	assert_true(str_eqs(name, kind == SOURCE_CLAIM ? "c" : "v") || str_eqs(name, "p-e"));
	if (!json)
		return err_sys(err, ENOENT, "not found");
	if (!*json)
		return err_sys(err, EAGAIN, "waiting");
	*ret = jv_of(str_of(json));
	return 0;
}

static int src_field(struct pod_source *s, struct str path, struct buf *out, struct err *err)
{
	static const char *const fields[][2] = {{"metadata.name", "p"},
						{"metadata.namespace", "x"},
						{"metadata.uid", "u-p"},
						{"spec.nodeName", "n1"}};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (str_eqs(path, fields[i][0]))
			buf_adds(out, fields[i][1]);
	return 0;
}

static void src_release(struct pod_source *s, enum source_kind kind, struct str name)
{
	assert_true(str_eqs(name, kind == SOURCE_VOLUME ? "v" : "c") || str_eqs(name, "p-e"));
	w.released |= kind == SOURCE_VOLUME ? 1 : 2;
}

static int src_command(struct pod_source *s, const char *const *argv, struct err *err)
{
	CLEANUP(buf_done) struct buf words = BUF_INIT;
	size_t n = 0;

	for (; argv[n]; n++)
		buf_addf(&words, "%s%s", n ? " " : "", argv[n]);
	free(w.command);
	w.command = buf_take(&words);
	if (w.command_r)
		return err_sys(err, -w.command_r, "mount failed: exit status 32");
	assert_int_equal(mount("none", argv[n - 1], "tmpfs", 0, NULL), 0);
	return 0;
}

static int src_give(struct pod_source *s, const char *path, int64_t gid, bool on_root_mismatch,
		    struct err *err)
{
	free(w.given);
	w.given = xstrdup(path);
	w.given_gid = gid;
	w.given_on_mismatch = on_root_mismatch;
	w.gives++;
	return w.give_r ? err_sys(err, -w.give_r, "no group") : 0;
}

static const struct pod_source_ops src_ops = {.object = src_object,
					      .release = src_release,
					      .field = src_field,
					      .command = src_command,
					      .give_to_group = src_give};

#define USE "[{\"name\":\"d\",\"persistentVolumeClaim\":{\"claimName\":\"c\"}}]"
#define USE_RO \
	"[{\"name\":\"d\",\"persistentVolumeClaim\":{\"claimName\":\"c\",\"readOnly\":true}}]"
#define BOUND                                                                          \
	"{\"metadata\":{\"uid\":\"u-c\"},\"spec\":{\"volumeName\":\"v\"},\"status\":{" \
	"\"phase\":\"Bound\"}}"

static void open_set(const char *volumes, int64_t fs_group)
{
	struct volume_conf conf = {
		.volumes = jv_of(str_of(volumes)),
		.pod_dir = w.dir,
		.fs_group = fs_group,
		.fs_user = -1,
		.source = &w.src,
		.clock = &clock_system,
	};

	w.set = volume_set_free(w.set);
	assert_int_equal(volume_set_new(&conf, &w.set, NULL), 0);
}

static void begin(const char *volumes)
{
	memset(&w, 0, sizeof(w));
	w.dir = temp_dir();
	w.src.ops = &src_ops;
	open_set(volumes, -1);
}

static void end(void)
{
	err_done(&w.err);
	volume_set_free(w.set);
	free(w.command);
	free(w.given);
	dir_remove_tree(AT_FDCWD, w.dir);
	free(w.dir);
}

static void refused(int r, const char *what)
{
	err_clear(&w.err);
	assert_int_equal(volume_set_apply(w.set, &w.err), r);
	if (r != -EAGAIN && !strstr(err_text(&w.err), what))
		fail_msg("\"%s\" has no \"%s\"", err_text(&w.err), what);
	assert_null(volume_set_path(w.set, STR("d")));
}

static char *volume_json(const char *source, const char *more)
{
	return xasprintf(
		"{\"metadata\":{\"name\":\"v\"},\"spec\":{\"claimRef\":{\"uid\":\"u-c\"},%s%s}}",
		source, more);
}

static void test_waits(void **state)
{
	begin(USE);
	w.claim = "";
	refused(-EAGAIN, "");
	w.claim = NULL;
	refused(-ENOENT, "failed to process volumes=[d]: error processing PVC x/c: failed to fetch "
			 "PVC from API server: persistentvolumeclaims \"c\" not found");
	w.claim = "{\"metadata\":{},\"spec\":{},\"status\":{\"phase\":\"Pending\"}}";
	refused(-ENOENT, "error processing PVC x/c: PVC is not bound");
	w.claim = "{\"metadata\":{\"deletionTimestamp\":\"2026-01-01T00:00:00Z\"},\"spec\":{"
		  "\"volumeName\":\"v\"},\"status\":{\"phase\":\"Bound\"}}";
	refused(-ENOENT, "PVC is being deleted");
	w.claim = BOUND;
	refused(-ENOENT, "failed to fetch PV v from API server");
	w.volume = "{\"metadata\":{},\"spec\":{\"hostPath\":{\"path\":\"/\"}}}";
	refused(-ENOENT, "nil pv.Spec.ClaimRef");
	w.volume = "{\"metadata\":{},\"spec\":{\"claimRef\":{\"uid\":\"7\"},\"hostPath\":{\"path\":"
		   "\"/\"}}}";
	refused(-ENOENT, "does not point to claim.UID u-c");
	w.volume = "{\"metadata\":{},\"spec\":{\"claimRef\":{\"uid\":\"u-c\"},\"csi\":{\"driver\":"
		   "\"d.io\"}}}";
	refused(-EOPNOTSUPP,
		"MountVolume.SetUp failed for volume \"v\" : kubernetes.io/csi: "
		"mounter.SetUpAt failed to get CSI client: driver name d.io not found");
	w.volume = "{\"metadata\":{},\"spec\":{\"claimRef\":{\"uid\":\"u-c\"},\"rbd\":{}}}";
	refused(-EOPNOTSUPP,
		"MountVolume.SetUp failed for volume \"v\" : no volume plugin matched");
	w.volume = "{\"metadata\":{},\"spec\":{\"claimRef\":{\"uid\":\"u-c\"},\"local\":{\"path\":"
		   "\"/no/such\"}}}";
	refused(-ENODEV, "path \"/no/such\" does not exist");
	end();
}

static void test_given(void **state)
{
	CLEANUP_FREE char *source = NULL, *volume = NULL;

	begin(USE);
	source = xasprintf("\"local\":{\"path\":\"%s\"}", w.dir);
	volume = volume_json(source, "");
	w.claim = BOUND;
	w.volume = volume;
	assert_int_equal(volume_set_apply(w.set, &w.err), 0);
	assert_string_equal(volume_set_path(w.set, STR("d")), w.dir);
	assert_int_equal(w.released, 3);
	assert_false(volume_set_read_only(w.set, STR("d")));
	/* A new agent needs nobody to know it. */
	w.claim = w.volume = "";
	open_set(USE, -1);
	volume_set_adopt(w.set);
	assert_string_equal(volume_set_path(w.set, STR("d")), w.dir);
	assert_int_equal(volume_set_apply(w.set, &w.err), 0);
	/* What is torn down is the pod's part of it only. */
	assert_int_equal(volume_set_teardown(w.set, &w.err), 0);
	assert_int_equal(access(w.dir, F_OK), 0);
	open_set(USE, -1);
	volume_set_adopt(w.set);
	assert_null(volume_set_path(w.set, STR("d")));
	w.claim = BOUND;
	w.volume = volume;
	open_set(USE_RO, -1);
	assert_int_equal(volume_set_apply(w.set, &w.err), 0);
	assert_true(volume_set_read_only(w.set, STR("d")));
	end();
}

static void test_affinity(void **state)
{
	CLEANUP_FREE char *there = volume_json(
		"\"hostPath\":{\"path\":\"/tmp\"}",
		",\"nodeAffinity\":{\"required\":{\"nodeSelectorTerms\":[{\"matchExpressions\":[{"
		"\"key\":\"kubernetes.io/hostname\",\"operator\":\"In\",\"values\":[\"n2\"]}]}]}}");
	CLEANUP_FREE char *here = volume_json(
		"\"hostPath\":{\"path\":\"/tmp\"}",
		",\"nodeAffinity\":{\"required\":{\"nodeSelectorTerms\":[{\"matchExpressions\":[{"
		"\"key\":\"kubernetes.io/hostname\",\"operator\":\"In\",\"values\":[\"n2\"]}]},{"
		"\"matchExpressions\":[{\"key\":\"zone\",\"operator\":\"In\",\"values\":[\"z\"]}],"
		"\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":\"In\",\"values\":["
		"\"n1\"]}]}]}}");

	begin(USE);
	w.claim = BOUND;
	w.volume = there;
	refused(-EINVAL, "MountVolume.NodeAffinity check failed for volume \"v\" : no matching "
			 "NodeSelectorTerms");
	w.volume = here;
	assert_int_equal(volume_set_apply(w.set, &w.err), 0);
	assert_string_equal(volume_set_path(w.set, STR("d")), "/tmp");
	end();
}

static void test_ephemeral(void **state)
{
	CLEANUP_FREE char *volume = volume_json("\"hostPath\":{\"path\":\"/tmp\"}", "");

	begin("[{\"name\":\"e\",\"ephemeral\":{\"volumeClaimTemplate\":{}}}]");
	w.volume = volume;
	w.claim = BOUND;
	refused(-ENOENT, "PVC x/p-e was not created for pod x/p (pod is not owner)");
	w.claim = "{\"metadata\":{\"uid\":\"u-c\",\"ownerReferences\":[{\"kind\":\"Pod\",\"uid\":"
		  "\"u-p\",\"controller\":true}]},\"spec\":{\"volumeName\":\"v\"},\"status\":{"
		  "\"phase\":\"Bound\"}}";
	assert_int_equal(volume_set_apply(w.set, &w.err), 0);
	assert_string_equal(volume_set_path(w.set, STR("e")), "/tmp");
	end();
}

static struct stat stat_of(const char *top, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", top, name);
	struct stat st = {0};

	assert_int_equal(lstat(path, &st), 0);
	return st;
}

/* A tree with a file, a link out of it and a pipe; outside of it, a file that is nobody's business.
 */
static void test_group(void **state)
{
	CLEANUP_FREE char *dir = temp_dir(), *top = xasprintf("%s/top", dir);
	CLEANUP_FREE char *sub = xasprintf("%s/a", top), *file = xasprintf("%s/a/f", top);
	CLEANUP_FREE char *link = xasprintf("%s/l", top), *out = xasprintf("%s/out", dir);
	CLEANUP_FREE char *pipe = xasprintf("%s/p", top), *other = xasprintf("%s/out/f", dir);
	atomic_bool cancelled = false;
	struct group_walk k = {top, 1234, true, &cancelled};
	struct err err = ERR_INIT;

	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(top, 0755), 0);
	assert_int_equal(mkdir(sub, 0700), 0);
	assert_int_equal(mkdir(out, 0700), 0);
	close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	close(open(other, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(chmod(file, 04600), 0);
	assert_int_equal(symlink("../out", link), 0);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	assert_int_equal(group_walk(&k, &err), 0);
	assert_int_equal(stat_of(top, "").st_mode & 07777, 02775);
	assert_int_equal(stat_of(top, "a").st_gid, 1234);
	assert_int_equal(stat_of(top, "a").st_mode & 07777, 02770);
	assert_int_equal(stat_of(top, "a/f").st_gid, 1234);
	assert_int_equal(stat_of(top, "a/f").st_mode & 07777, 04660);
	assert_int_equal(stat_of(top, "p").st_mode & 07777, 0660);
	assert_int_equal(stat_of(top, "l").st_gid, 1234);
	assert_int_equal(stat_of(dir, "out").st_gid, 0);
	assert_int_equal(stat_of(dir, "out/f").st_gid, 0);
	assert_int_equal(stat_of(dir, "out/f").st_mode & 07777, 0600);
	/* Once is enough for OnRootMismatch. */
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(group_walk(&k, &err), 0);
	assert_int_equal(stat_of(top, "a/f").st_mode & 07777, 0600);
	k.on_root_mismatch = false;
	assert_int_equal(group_walk(&k, &err), 0);
	assert_int_equal(stat_of(top, "a/f").st_mode & 07777, 0660);
	/* Broken off it does not show as done. */
	k = (struct group_walk){top, 77, true, &cancelled};
	cancelled = true;
	assert_int_equal(group_walk(&k, &err), -ECANCELED);
	assert_int_equal(stat_of(top, "").st_gid, 1234);
	cancelled = false;
	assert_int_equal(group_walk(&k, &err), 0);
	assert_int_equal(stat_of(top, "a/f").st_gid, 77);
	err_done(&err);
	dir_remove_tree(AT_FDCWD, dir);
}

/* A pod waits for the walk; which volumes it is done for. */
static void test_group_asked(void **state)
{
	CLEANUP_FREE char *source = NULL, *local = NULL, *host = NULL;

	begin(USE);
	source = xasprintf("\"local\":{\"path\":\"%s\"}", w.dir);
	local = volume_json(source, "");
	host = volume_json("\"hostPath\":{\"path\":\"/tmp\"}", "");
	w.claim = BOUND;
	w.volume = local;
	open_set(USE, 5);
	w.give_r = -EAGAIN;
	refused(-EAGAIN, "");
	w.give_r = -EPERM;
	refused(-EPERM, "MountVolume.SetUp failed for volume \"v\" : no group");
	w.give_r = 0;
	err_clear(&w.err);
	assert_int_equal(volume_set_apply(w.set, &w.err), 0);
	assert_string_equal(w.given, w.dir);
	assert_int_equal(w.given_gid, 5);
	assert_false(w.given_on_mismatch);
	/* Not again while it stands; not where nothing can be written; not for paths of the node.
	 */
	assert_int_equal(w.gives, 3);
	assert_int_equal(volume_set_apply(w.set, &w.err), 0);
	open_set(USE_RO, 5);
	assert_int_equal(volume_set_apply(w.set, &w.err), 0);
	w.volume = host;
	open_set(USE, 5);
	assert_int_equal(volume_set_apply(w.set, &w.err), 0);
	open_set(USE, -1);
	w.volume = local;
	assert_int_equal(volume_set_apply(w.set, &w.err), 0);
	assert_int_equal(w.gives, 3);
	end();
}

static void test_nfs(void **state)
{
	CLEANUP_FREE char *volume =
		volume_json("\"nfs\":{\"server\":\"fd00::1\",\"path\":\"/a b\",\"readOnly\":true}",
			    ",\"mountOptions\":[\"nfsvers=4.1\",\"hard\"]");
	CLEANUP_FREE char *want = NULL, *file = NULL;
	const char *path;

	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		skip();
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	begin(USE);
	w.claim = BOUND;
	w.volume = volume;
	w.command_r = -EAGAIN;
	refused(-EAGAIN, "");
	want = xasprintf("mount -t nfs -o nfsvers=4.1,hard,ro [fd00::1]:/a b "
			 "%s/volumes/kubernetes.io~nfs/v",
			 w.dir);
	assert_string_equal(w.command, want);
	w.command_r = -EIO;
	refused(-EIO, "MountVolume.SetUp failed for volume \"v\" : mount failed: exit status 32");
	w.command_r = 0;
	err_clear(&w.err);
	assert_int_equal(volume_set_apply(w.set, &w.err), 0);
	path = volume_set_path(w.set, STR("d"));
	assert_non_null(path);
	assert_true(volume_set_read_only(w.set, STR("d")));
	file = xasprintf("%s/f", path);
	close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	/* A new agent finds it mounted; one after a reboot has to mount it. */
	w.claim = w.volume = "";
	open_set(USE, -1);
	volume_set_adopt(w.set);
	assert_non_null(volume_set_path(w.set, STR("d")));
	assert_int_equal(umount2(volume_set_path(w.set, STR("d")), MNT_DETACH), 0);
	open_set(USE, -1);
	volume_set_adopt(w.set);
	assert_null(volume_set_path(w.set, STR("d")));
	w.claim = BOUND;
	w.volume = volume;
	assert_int_equal(volume_set_apply(w.set, &w.err), 0);
	/* Torn down by one that knows nothing of it. */
	open_set(USE, -1);
	assert_int_equal(volume_set_teardown(w.set, &w.err), 0);
	free(want);
	want = xasprintf("%s/volumes", w.dir);
	assert_int_equal(access(want, F_OK), -1);
	/* The pod's own. */
	open_set("[{\"name\":\"n\",\"nfs\":{\"server\":\"s\",\"path\":\"/e\"}}]", -1);
	assert_int_equal(volume_set_apply(w.set, &w.err), 0);
	free(want);
	want = xasprintf("mount -t nfs s:/e %s/volumes/kubernetes.io~nfs/n", w.dir);
	assert_string_equal(w.command, want);
	assert_int_equal(volume_set_teardown(w.set, &w.err), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits),    cmocka_unit_test(test_given),
		cmocka_unit_test(test_affinity), cmocka_unit_test(test_ephemeral),
		cmocka_unit_test(test_group),    cmocka_unit_test(test_group_asked),
		cmocka_unit_test(test_nfs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
