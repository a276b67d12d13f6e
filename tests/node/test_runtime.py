# SPDX-License-Identifier: Apache-2.0
"""The runtime with real containers: each test leaves no mount, cgroup, process or file."""
import json
import os
import random
import re
import subprocess
import time

import pytest


def test_start_log_exit(rt):
    rt.sandbox(hostname="web-0")
    code, out, err = rt.run("echo one; echo two >&2; hostname; exit 3")
    assert (code, out, err) == (3, "one\nweb-0\n", "two\n")


def test_log_lines_are_cri(rt):
    rt.sandbox()
    rt.container("echo full; printf part")
    rt.event()
    lines = open(rt.log(), encoding="utf-8").read().splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z stdout F full", lines[0])
    assert re.fullmatch(r"\S+Z stdout P part", lines[1])


@pytest.mark.parametrize("argv,number,words", [
    (["nope"], -2, 'exec: "nope": executable file not found in $PATH'),
    (["/nope"], -2, 'exec: "/nope": stat /nope: no such file or directory'),
    (["/etc"], -13, 'exec: "/etc": permission denied'),
])
def test_errors_of_the_program(rt, argv, number, words):
    rt.sandbox()
    m = rt.ask("container", id="c", sandbox="p", lower=[rt.rootfs], argv=argv)
    assert (m["r"], m["error"]) == (number, words)
    assert rt.listing()["containers"] == []


def test_errors_of_the_spec(rt):
    rt.sandbox()
    base = dict(id="c", sandbox="p", lower=[rt.rootfs], argv=["true"])
    assert "unable to find user bob" in rt.ask("container", **{**base, "user": "bob"})["error"]
    assert "not ready" in rt.ask("container", **{**base, "sandbox": "q"})["error"]
    assert "no command" in rt.ask("container", **{**base, "argv": []})["error"]
    assert "id" in rt.ask("container", **{**base, "id": "../x"})["error"]
    m = rt.ask("container", **base, mounts=[{"source": "/nowhere/x", "target": "/m"}])
    assert m["r"] == -2 and "/nowhere/x" in m["error"]
    m = rt.ask("container", **base, mounts=[{"source": "/tmp", "target": "/proc/sys"}])
    assert m["r"] < 0 and "/proc/sys" in m["error"]
    assert rt.ask("sandbox", id="p")["r"] == -17


def test_users_and_groups(rt):
    rt.sandbox()
    assert rt.run("id -u; id -g; id -G; echo $HOME", user="app")[1] == "1000\n1000\n1000 50\n/home/app\n"
    assert rt.run("id -u; id -g", user="1000:staff")[1] == "1000\n50\n"
    assert rt.run("id -u; id -G", uid=7, gid=8, groups=[9])[1] == "7\n8 9\n"
    assert rt.run("echo x > /dev/stdout", user="app")[1] == "x\n"


def test_capabilities_and_privileges(rt):
    rt.sandbox()
    _, out, _ = rt.run("grep -E 'Cap(Eff|Bnd)|NoNew|Seccomp:' /proc/self/status", noNewPrivs=True)
    assert out.count("00000000a80425fb") == 2
    assert re.search(r"NoNewPrivs:\s+1", out) and re.search(r"Seccomp:\s+2", out)
    _, out, _ = rt.run("grep -E 'CapEff|Seccomp:' /proc/self/status", uid=1000,
                       seccomp="unconfined")
    assert "0000000000000000" in out and re.search(r"Seccomp:\s+0", out)
    assert rt.run("mount -t tmpfs x /tmp")[0] != 0
    assert rt.run("unshare -m true")[0] != 0
    assert rt.run("mount -t tmpfs x /tmp", privileged=True)[0] == 0


def test_devices(rt):
    rt.sandbox()
    dev = "/dev/loop-control"
    if not os.path.exists(dev):
        pytest.skip(f"no {dev}: the loop driver is not loaded")
    code, _, err = rt.run("mknod /k c 10 237 && exec 3</k")
    assert code != 0 and "not permitted" in err
    assert rt.run("head -c 4 /dev/zero | wc -c; echo x > /dev/null")[1] == "4\n"
    code, _, err = rt.run(f"exec 3>{dev}", device=dev, access="r")
    assert code != 0 and "not permitted" in err
    assert rt.run(f"exec 3<{dev}", device=dev, access="rm")[0] == 0
    assert rt.run(f"exec 3>{dev}", privileged=True)[0] == 0
    m = rt.ask("container", id="c", sandbox="p", lower=[rt.rootfs], argv=["true"],
               device="/dev/nope")
    assert m["r"] == -2 and "/dev/nope" in m["error"]


def test_seccomp_localhost(rt):
    with open(f"{rt.base}/no-mkdir.json", "w", encoding="utf-8") as f:
        json.dump({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
            {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 122}]}, f)
    rt.sandbox()
    code, _, err = rt.run("mkdir /x", seccomp="no-mkdir.json")
    assert code == 1 and "quota" in err.lower()
    m = rt.ask("container", id="c", sandbox="p", lower=[rt.rootfs], argv=["true"],
               seccomp="../../etc/passwd")
    assert m["r"] < 0 and "seccomp profile" in m["error"]


def test_masked_and_readonly_paths(rt):
    rt.sandbox()
    assert rt.run("cat /proc/keys; cat /proc/timer_list; ls /sys/firmware")[1] == ""
    assert rt.run("echo 1 > /proc/sys/kernel/panic")[0] != 0
    assert rt.run("echo x > /sys/kernel/mm/x")[0] != 0
    code, _, err = rt.run("touch /x", readOnly=True)
    assert code == 1 and "Read-only" in err
    assert rt.run("touch /x && echo z > /dev/null && ls /dev/fd/")[0] == 0


def test_volumes(rt, tmp_path):
    vol = tmp_path / "vol"
    (vol / "sub").mkdir(parents=True)
    (vol / "file").write_text("hello")
    (vol / "escape").symlink_to("/etc")
    (vol / "sub/up").symlink_to("../../../../../../etc/passwd")
    rt.sandbox()
    mounts = [{"source": str(vol), "target": "/data"},
              {"source": str(vol), "target": "/ro", "ro": True},
              {"source": f"{vol}/file", "target": "/etc/hosts"},
              {"source": str(vol), "subPath": "made/by/us", "target": "/new"},
              {"type": "tmpfs", "target": "/scratch", "options": "size=1m,mode=1777"}]
    code, out, err = rt.run("cat /etc/hosts; touch /data/a /new/b /scratch/c && touch /ro/x",
                            mounts=mounts)
    assert out == "hello" and code == 1 and "Read-only" in err
    assert (vol / "a").exists() and (vol / "made/by/us/b").exists()
    # A link in a volume means the volume's own /etc, which isn't there.
    base = dict(id="c", sandbox="p", lower=[rt.rootfs], argv=["true"])
    for sub in ("escape/x", "sub/up", "escape"):
        m = rt.ask("container", **base, mounts=[{"source": str(vol), "subPath": sub, "target": "/m"}])
        assert m["r"] == -2 and sub in m["error"]
    (vol / "etc").mkdir()
    (vol / "etc/mine").write_text("")
    assert rt.run("ls /m", mounts=[{"source": str(vol), "subPath": "escape", "target": "/m"}]
                  )[1] == "mine\n"


def test_image_cannot_move_our_mounts(rt, tmp_path):
    evil = tmp_path / "evil"
    evil.mkdir()
    os.symlink("/tmp", evil / "proc")
    rt.sandbox()
    m = rt.ask("container", id="c", sandbox="p", lower=[str(evil), rt.rootfs], argv=["true"])
    assert m["r"] < 0
    os.unlink(evil / "proc")
    os.symlink("/tmp", evil / "dev")
    m = rt.ask("container", id="c", sandbox="p", lower=[str(evil), rt.rootfs], argv=["true"])
    assert m["r"] < 0 and "/dev" in m["error"]
    os.unlink(evil / "dev")
    (evil / "etc").mkdir()
    os.mkfifo(evil / "etc/passwd")  # reading it would block the agent
    assert rt.run("id -u", uid=5)[1] == "5\n"


def test_exec(rt):
    rt.sandbox()
    rt.container(["sleep", "100"], user="app", env=["A=b"])
    m = rt.good("exec", id="c", argv=["sh", "-c", "id -u; echo $A; cat; echo e >&2; exit 7"],
                tag="in:stdin\n")
    assert (m["code"], m["out"], m["err"]) == (7, "1000\nb\nstdin\n", "e\n")
    m = rt.ask("exec", id="c", argv=["nope"])
    assert m["error"] == 'exec: "nope": executable file not found in $PATH'
    m = rt.good("exec", id="c", argv=["sh", "-c", "tty; stty size"], tty=True)
    assert m["out"] == "/dev/pts/0\r\n24 80\r\n"
    m = rt.good("exec", id="c", argv=["sh", "-c", "ps; grep Seccomp: /proc/self/status"])
    assert "sleep 100" in m["out"] and m["out"].rstrip().endswith("2")
    assert rt.ask("exec", id="none", argv=["true"])["r"] == -2
    big = rt.good("exec", id="c", argv=["sh", "-c", "yes 0123456789 | head -c 3000000"])
    assert len(big["out"]) == 3000000


def test_exec_ends_with_its_container(rt):
    rt.sandbox()
    rt.container(["sleep", "100"])
    rt.send("exec", id="c", argv=["sleep", "50"])
    time.sleep(0.2)
    rt.good("stop", id="c", graceMs=0)
    assert any(e.get("re") == "exec" and e["code"] == 137 for e in rt.events) or \
        rt.answer("exec")["code"] == 137


def test_tty_and_attach(rt):
    rt.sandbox()
    rt.container("stty size; read x; echo got $x; stty size; exit 5", tty=True, stdin=True)
    time.sleep(0.1)
    rt.good("resize", id="c")
    m = rt.good("attach", id="c", tag="in:word\n")
    assert "got word" in m["out"] and "40 100" in m["out"]
    assert rt.event()["code"] == 5
    assert rt.out().startswith("24 80")


def test_attach_stdin_once(rt):
    rt.sandbox()
    rt.container("cat; echo end >&2", stdin=True, stdinOnce=True)
    m = rt.good("attach", id="c", tag="in:some text\n")
    assert m["out"] == "some text\n" and m["err"] == "end\n"
    assert rt.event()["code"] == 0 and rt.out() == "some text\n"


def test_stop_and_signals(rt):
    rt.sandbox()
    rt.container("trap 'echo bye; exit 9' TERM; while :; do sleep 0.05; done")
    time.sleep(0.1)
    rt.good("stop", id="c", graceMs=5000)
    assert rt.event()["code"] == 9 and rt.out() == "bye\n"
    rt.container(["sleep", "100"], cid="d")  # process 1 without a handler ignores SIGTERM
    t = time.time()
    rt.good("stop", id="d", graceMs=200)
    assert 0.15 < time.time() - t < 3
    end = rt.event(cid="d")
    assert (end["code"], end["signal"], end["oom"]) == (137, 9, False)
    assert rt.ask("signal", id="d", signal=15)["r"] == -3
    rt.good("stop", id="d", graceMs=0)  # once more is no error


def test_limits_and_oom(rt):
    rt.sandbox()
    rt.container("dd if=/dev/zero of=/dev/null bs=200M count=1; exit 0", memory=32 << 20)
    end = rt.event()
    rt.container(["sh", "-c", "exec dd if=/dev/zero of=/dev/null bs=200M count=1"], cid="d",
                 memory=32 << 20)
    end = rt.event(cid="d")
    assert end["oom"] and end["code"] == 137
    code, _, err = rt.run("for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait", cid="e", pids=4)
    assert code != 0 or "fork" in err
    rt.container(["sleep", "100"], cid="f", memory=64 << 20)
    s = json.loads(rt.good("stats", id="f")["out"])
    assert s["limit"] == 64 << 20 and s["pids"] == 1 and s["memory"] > 0
    code, out, _ = rt.run("cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max",
                          cid="g", memory=48 << 20)
    assert str(48 << 20) in out


def test_rlimit_and_oom_score(rt):
    rt.sandbox()
    assert rt.run("ulimit -n", nofile=777)[1] == "777\n"
    assert rt.run("cat /proc/self/oom_score_adj", oomScoreAdj=500)[1] == "500\n"


def test_log_rotation(rt):
    rt.sandbox()
    rt.container("seq 1 20000", logMax=100000, logFiles=3)
    rt.event()
    names = sorted(f for f in os.listdir(rt.base) if f.startswith("c.log"))
    assert names == ["c.log", "c.log.1", "c.log.2"]
    assert all(os.path.getsize(f"{rt.base}/{n}") <= 100000 for n in names)
    text = ""
    for n in reversed(names):
        for line in open(f"{rt.base}/{n}", encoding="utf-8"):
            _, _, tag, rest = line.rstrip("\n").split(" ", 3)
            text += rest + ("\n" if tag == "F" else "")
    numbers = [int(x) for x in text.split()[1:]]  # the first may be the end of a longer one
    assert numbers == list(range(numbers[0], 20001))


def test_namespaces(rt):
    rt.sandbox("p", pid="pod", sysctls={"net.ipv4.ip_unprivileged_port_start": "0",
                                        "kernel.shm_rmid_forced": "1"})
    assert rt.run("cat /proc/sys/net/ipv4/ip_unprivileged_port_start")[1] == "0\n"
    rt.container(["sleep", "77"], cid="a")
    assert "sleep 77" in rt.run("ps")[1]
    rt.run("echo x > /dev/shm/f")
    assert rt.run("cat /dev/shm/f")[1] == "x\n"
    rt.sandbox("h", net="host", ipc="host", uts="host", pid="host")
    _, out, _ = rt.run("hostname; ls /proc | grep -c '^[0-9]'", sid="h", cid="b")
    assert out.splitlines()[0] == os.uname().nodename and int(out.splitlines()[1]) > 20


def test_agent_killed_and_back(rt):
    """kill -9 of the agent: containers run on, and exits meanwhile are known to the next one."""
    rt.sandbox(note="the pod")
    rt.container("sleep 0.4; echo late; exit 42", cid="short", note="one")
    rt.container(["sleep", "100"], cid="long", note="two")
    before = {c["id"]: c for c in rt.listing()["containers"]}
    rt.kill_agent()
    time.sleep(0.8)
    os.kill(before["long"]["pid"], 0)
    rt.start()
    rt.good("recover")
    after = {c["id"]: c for c in rt.listing()["containers"]}
    assert after["short"]["code"] == 42 and after["short"]["note"] == "one"
    assert after["short"]["finished"] > after["short"]["started"]
    assert after["long"]["pid"] == before["long"]["pid"] and after["long"]["started"] == \
        before["long"]["started"]
    assert rt.listing()["sandboxes"][0]["note"] == "the pod"
    assert rt.out("short") == "late\n"
    assert rt.good("exec", id="long", argv=["echo", "hi"])["out"] == "hi\n"
    rt.good("stop", id="long", graceMs=0)
    assert rt.event(cid="long")["code"] == 137


def test_agent_killed_at_any_moment(rt):
    """Whatever was half done: the next agent finds it, and can take all of it away."""
    rng = random.Random(1)
    for n in range(15):
        rt.send("sandbox", id=f"s{n}")
        if n % 2:
            rt.answer("sandbox")
        for k in range(4):
            rt.send("container", id=f"s{n}-{k}", sandbox=f"s{n}", lower=[rt.rootfs],
                    argv=["sleep", "100"] if k % 2 else ["false"])
        time.sleep(rng.random() * 0.02)
        rt.kill_agent()
        rt.start()
        rt.good("recover")
    for c in rt.listing()["containers"]:
        assert c["state"] == 4 or c["code"] in (1, 137), c
    # rt's end removes them and looks for what is left


def test_two_sandboxes_of_one_pod(rt):
    """A pod's second sandbox has the first one's cgroup: removing the first leaves it alone."""
    rt.sandbox("old", cgroup="burst/pod1")
    rt.container(["sleep", "100"], cid="a", sid="old")
    rt.sandbox("new", cgroup="burst/pod1")
    rt.container(["sleep", "100"], cid="b", sid="new")
    rt.good("sandbox-stop", id="old")
    assert rt.event(cid="a")["code"] == 137
    rt.kill_agent()
    rt.start()
    rt.good("recover")
    rt.good("sandbox-remove", id="old")
    time.sleep(0.1)
    assert rt.good("exec", id="b", argv=["echo", "alive"])["out"] == "alive\n"
    rt.good("sandbox-remove", id="new")
    deadline = time.time() + 3
    while rt.ask("cgroup-remove", id="burst")["r"] and time.time() < deadline:
        time.sleep(0.01)


def test_given_network_namespace(rt):
    name = f"knarr-test-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], check=False).returncode:
        pytest.skip("needs ip netns (Debian: iproute2)")
    try:
        inode = os.stat(f"/run/netns/{name}").st_ino
        rt.sandbox("p", net="path", netns=f"/run/netns/{name}")
        assert f"net:[{inode}]" in rt.run("ls -l /proc/self/ns/net")[1]
        m = rt.ask("sandbox", id="q", net="path", netns="/run/netns/none")
        assert m["r"] == -2 and "/run/netns/none" in m["error"]
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


def test_much_output(rt):
    rt.sandbox()
    t = time.time()
    rt.container("yes 0123456789012345678901234567890123456789 | head -c 100000000",
                 logMax=50 << 20)
    assert rt.event()["code"] == 0
    assert sum(os.path.getsize(f"{rt.base}/{f}") for f in os.listdir(rt.base)
               if f.startswith("c.log")) > 100000000
    print(f"{100 / (time.time() - t):.0f} MB/s")


def test_supervisor_killed(rt):
    rt.sandbox()
    rt.container(["sleep", "100"])
    pid = rt.listing()["containers"][0]["pid"]
    os.kill(rt.listing()["sandboxes"][0]["pid"], 9)
    assert rt.event()["code"] == 137
    rt.event("lost")
    deadline = time.time() + 3
    while os.path.exists(f"/proc/{pid}") and time.time() < deadline:
        time.sleep(0.01)
    assert not os.path.exists(f"/proc/{pid}")
    assert rt.listing()["sandboxes"][0]["state"] == 2


def test_many(rt):
    """Several sandboxes at once; starts overlap."""
    for i in range(8):
        rt.send("sandbox", id=f"p{i}")
    for i in range(8):
        assert rt.answer("sandbox")["r"] == 0
    for i in range(8):
        for k in range(4):
            rt.send("container", id=f"c{i}-{k}", sandbox=f"p{i}", lower=[rt.rootfs],
                    argv=["sh", "-c", f"exit {k}"])
    for _ in range(32):
        assert rt.answer("container")["r"] == 0
    for i in range(8):
        for k in range(4):
            assert rt.event(cid=f"c{i}-{k}")["code"] == k


def test_supervisors_are_small(rt):
    """Each of eight pods; the program's text is shared between them."""
    for i in range(8):
        rt.sandbox(f"p{i}")
        rt.container(["sleep", "100"], cid=f"c{i}", sid=f"p{i}")
    total = 0
    for s in rt.listing()["sandboxes"]:
        with open(f"/proc/{s['pid']}/smaps_rollup", encoding="utf-8") as f:
            total += int(re.search(r"^Pss:\s+(\d+) kB", f.read(), re.M).group(1))
    assert total / 8 <= 50, f"{total / 8} KB"


def test_supervisor_cannot_be_overwritten(rt):
    """It runs from a sealed copy, so no container gets at the host's file (CVE-2019-5736)."""
    rt.sandbox()
    pid = rt.listing()["sandboxes"][0]["pid"]
    assert "memfd:knarr-pod" in os.readlink(f"/proc/{pid}/exe")
    with open(f"/proc/{pid}/comm", encoding="utf-8") as f:
        assert f.read() == "knarr-pod\n"


def test_no_way_out_through_our_descriptors(rt):
    """A working directory or a program named by what we have open (CVE-2024-21626)."""
    rt.sandbox()
    rt.container(["sleep", "100"])
    seen = set()
    inside = {"/"} | {x.split()[4] for x in rt.good(
        "exec", id="c", argv=["cat", "/proc/self/mountinfo"])["out"].splitlines()}
    for n in range(3, 30):
        fd = f"/proc/self/fd/{n}"
        m = rt.ask("container", id="d", sandbox="p", lower=[rt.rootfs], cwd=fd, log=rt.log("d"),
                   argv=["readlink", "/proc/self/cwd"])
        seen.add(m["r"])
        if m["r"] == 0:  # a mount of its own: its root, its cgroup
            rt.event(cid="d")
            assert rt.out("d").split("\n")[0] in inside
            rt.good("remove", id="d")
            os.unlink(rt.log("d"))
        assert rt.ask("exec", id="c", argv=["true"], cwd=fd)["r"] < 0, n
        up = f"{fd}/../../../../../../../../../../../bin/sh"
        assert rt.ask("exec", id="c", argv=[up, "-c", "true"])["r"] < 0, n
    assert -18 in seen  # EXDEV: there are some, and they lead nowhere


def test_large_layer_is_deleted_elsewhere(rt):
    rt.sandbox()
    rt.run("mkdir /big; i=0; while [ $i -lt 3000 ]; do : > /big/$i; i=$((i+1)); done")
    deadline = time.time() + 10
    while os.listdir(f"{rt.base}/root/trash") and time.time() < deadline:
        rt.ask("list")
        time.sleep(0.02)
    assert os.listdir(f"{rt.base}/root/trash") == []


def test_size_of_the_layer(rt):
    rt.sandbox()
    rt.container("dd if=/dev/zero of=/f bs=1M count=3 2>/dev/null; touch /g; sleep 100")
    time.sleep(0.3)
    deadline = time.time() + 5
    while time.time() < deadline:
        s = json.loads(rt.good("stats", id="c")["out"])
        if s["disk"]:
            break
        time.sleep(0.02)
    assert 3 << 20 <= s["disk"] < 4 << 20 and 3 <= s["inodes"] < 12
