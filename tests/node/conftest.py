# SPDX-License-Identifier: Apache-2.0
"""Real containers: a rootfs of busybox, and the runtime driven over its test program."""
import glob
import json
import os
import shutil
import subprocess
import time

import pytest

BUILD = os.environ.get("KNARR_BUILD", os.path.join(os.path.dirname(__file__), "../../build"))
BUILD = os.path.abspath(BUILD)
APPLETS = """sh ls cat echo id sleep true false mount ps env hostname stty tty kill dd head yes seq
mkdir touch nc wget ip test wc grep sed sort tr umount chmod chown ln rm stat mknod unshare""".split()


def need_root():
    if os.geteuid() != 0:
        pytest.skip("containers need root")
    if not os.path.exists("/bin/busybox"):
        pytest.skip("needs /bin/busybox (Debian: busybox-static)")


@pytest.fixture(scope="session")
def rootfs(tmp_path_factory):
    need_root()
    top = tmp_path_factory.mktemp("rootfs")
    for d in ("bin", "etc", "tmp", "root", "home/app"):
        (top / d).mkdir(parents=True)
    shutil.copy("/bin/busybox", top / "bin/busybox")
    for a in APPLETS:
        (top / "bin" / a).symlink_to("busybox")
    (top / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n")
    (top / "etc/group").write_text("root:x:0:\napp:x:1000:\nstaff:x:50:app\n")
    os.chmod(top / "tmp", 0o1777)
    return str(top)


class Runtime:
    """runtime-tool as a conversation: ask() sends a command and waits for its answer."""

    def __init__(self, base, rootfs, wrapper=()):
        self.wrapper = list(wrapper)
        self.base, self.rootfs = str(base), rootfs
        self.cgroup = f"knarr-test-{os.getpid()}"
        self.run_dir = f"/run/knarr-test-{os.getpid()}"
        self.events = []
        self.p = None
        self.start()

    def start(self):
        os.makedirs(self.run_dir, exist_ok=True)
        self.p = subprocess.Popen(
            [*self.wrapper, f"{BUILD}/tests/node/runtime-tool", f"{self.base}/root", self.run_dir, self.cgroup,
             f"{BUILD}/knarr-pod", self.base],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def send(self, do, **args):
        self.p.stdin.write(json.dumps({"do": do, **args}) + "\n")
        self.p.stdin.flush()

    def read(self):
        line = self.p.stdout.readline()
        assert line, f"runtime-tool ended: {self.p.wait()}"
        return json.loads(line)

    def ask(self, do, **args):
        self.send(do, **args)
        return self.answer(do)

    def answer(self, do):
        while True:
            m = self.read()
            if m.get("re") == do:
                return m
            self.events.append(m)

    def good(self, do, **args):
        m = self.ask(do, **args)
        assert m["r"] == 0, m
        return m

    def event(self, kind="exited", cid=None):
        while True:
            for m in self.events:
                if m.get("event") == kind and (not cid or m["container"]["id"] == cid):
                    self.events.remove(m)
                    return m.get("container") or m
            m = self.read()
            self.events.append(m)

    def sandbox(self, sid="p", **args):
        return self.good("sandbox", id=sid, **args)

    def log(self, cid="c"):
        return f"{self.base}/{cid}.log"

    def container(self, script, cid="c", sid="p", **args):
        argv = script if isinstance(script, list) else ["sh", "-c", script]
        args.setdefault("log", self.log(cid))
        return self.good("container", id=cid, sandbox=sid, lower=[self.rootfs], argv=argv, **args)

    def out(self, cid="c", stream="stdout"):
        """What a container wrote, joined from its CRI log."""
        text = ""
        for line in open(self.log(cid), encoding="utf-8"):
            _, where, tag, rest = line.rstrip("\n").split(" ", 3)
            if where == stream:
                text += rest + ("\n" if tag == "F" else "")
        return text

    def run(self, script, cid="c", sid="p", **args):
        """Start it, wait for its end; (exit code, stdout, stderr)."""
        self.container(script, cid, sid, **args)
        end = self.event(cid=cid)
        out, err = self.out(cid), self.out(cid, "stderr")
        self.good("remove", id=cid)
        os.unlink(self.log(cid))
        return end["code"], out, err

    def listing(self):
        return json.loads(self.good("list")["out"])

    def kill_agent(self):
        self.p.kill()
        self.p.wait()
        self.events = []

    def close(self):
        for s in self.listing()["sandboxes"]:
            self.good("sandbox-remove", id=s["id"])
        # Cgroups and children that were still busy are removed by a timer.
        deadline = time.time() + 5
        while self.left() and time.time() < deadline:
            self.ask("list")
            time.sleep(0.01)
        left = self.left()
        self.good("cgroup-remove", id="")
        self.p.stdin.close()
        assert self.p.wait(10) == 0
        shutil.rmtree(self.run_dir)
        return left

    def left(self):
        """What should not be there when no sandbox is."""
        found = [d for d in glob.glob(f"/sys/fs/cgroup/*/{self.cgroup}/*/")
                 if not d.endswith("/supervisors/")]
        found += glob.glob(f"{self.run_dir}/pods/*") + glob.glob(f"{self.base}/root/*/*")
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            found += [line for line in f if self.base in line or self.run_dir in line]
        for d in glob.glob(f"/sys/fs/cgroup/unified/{self.cgroup}/supervisors/cgroup.procs"):
            found += open(d, encoding="utf-8").read().split()
        return found


def on_v1():
    """A wrapper that shows the runtime a host without the v2 tree."""
    if os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        pytest.skip("this host has only cgroup v2")
    if not os.path.ismount("/sys/fs/cgroup/unified"):
        return []
    return ["unshare", "-m", "sh", "-c", 'umount /sys/fs/cgroup/unified && exec "$@"', "sh"]


@pytest.fixture
def rt_v1(tmp_path, rootfs):
    r = Runtime(tmp_path, rootfs, on_v1())
    try:
        yield r
    finally:
        left = r.close()
    assert not left, f"left behind: {left}"


@pytest.fixture
def rt(tmp_path, rootfs):
    r = Runtime(tmp_path, rootfs)
    try:
        yield r
    finally:
        left = r.close()
    assert not left, f"left behind: {left}"
