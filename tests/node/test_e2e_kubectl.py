# SPDX-License-Identifier: Apache-2.0
"""What people do with kubectl to running containers: logs, exec, attach, cp, port-forward and so on."""
import os
import pty
import re
import select
import signal
import subprocess
import threading
import time

import pytest

from e2e_objects import IMAGE, apply, container_status, deployment, pod, service
from lab import VERSIONS, cluster, wait_until  # noqa: F401  pylint: disable=unused-import

TALKER = 'i=0; trap "exit 0" TERM; while true; do echo "line $i"; i=$((i+1)); sleep 0.2; done'


@pytest.fixture(scope="module")
def pods(cluster):
    """Pods all tests here look at: one that talks, one shell, one that ends and is started again."""
    k = cluster.kubectl()
    apply(k, pod("talker", TALKER), pod("shell"),
          pod("again", 'echo "this is $(cat /proc/sys/kernel/random/uuid)"; echo oops >&2; '
              '[ -e /d/f ] && exec sleep 3600; touch /d/f; exit 7',
              {"volumes": [{"name": "d", "emptyDir": {}}]},
              volumeMounts=[{"name": "d", "mountPath": "/d"}]))
    k.run("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
    yield k
    k.run("delete", "pod", "--all", "--timeout=60s")


@pytest.fixture(params=list(VERSIONS))
def k(request, pods, cluster):
    return cluster.kubectl(request.param)


class Terminal:
    """A kubectl with a pty as its standard streams."""

    def __init__(self, kubectl, *args):
        self.master, slave = pty.openpty()
        self.p = kubectl.popen(*args, stdin=slave, stdout=slave, stderr=slave,
                               start_new_session=True)
        os.close(slave)
        self.text = ""

    def expect(self, pattern, timeout=20):
        end = time.monotonic() + timeout
        while not re.search(pattern, self.text):
            assert time.monotonic() < end, f"no {pattern!r} in {self.text!r}"
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.master, 4096).decode(errors="replace")
                except OSError:
                    assert re.search(pattern, self.text), f"ended; no {pattern!r} in {self.text!r}"
        m = re.search(pattern, self.text)
        self.text = self.text[m.end():]
        return m

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self, timeout=20):
        try:
            return self.p.wait(timeout)
        finally:
            self.p.kill()
            self.p.wait()
            os.close(self.master)


def test_logs(k):
    lines = k.run("logs", "talker").splitlines()
    assert lines[:2] == ["line 0", "line 1"]
    wait_until("it has said more", lambda: len(k.run("logs", "talker").splitlines()) > 6)
    assert len(k.run("logs", "talker", "--tail=3").splitlines()) == 3
    stamped = k.run("logs", "talker", "--timestamps", "--tail=2").splitlines()
    assert len(stamped) == 2
    for s in stamped:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d) line \d+", s), s
    assert k.run("logs", "talker", "--since=1h").splitlines()[0] == "line 0"
    assert "line 0" not in k.run("logs", "talker", "--since=1s").splitlines()
    assert k.run("logs", "talker", "--limit-bytes=10") == "line 0\nlin"


def test_logs_follow(k):
    p = k.popen("logs", "-f", "--tail=1", "talker", stdout=subprocess.PIPE, text=True)
    first = int(p.stdout.readline().split()[1])
    # Lines come one by one while the container runs, not when it ends.
    assert [p.stdout.readline() for _ in range(4)] == [f"line {first + i}\n" for i in range(1, 5)]
    p.kill()
    p.wait()


def test_logs_follow_ends_with_the_container(k):
    apply(k, pod("short", "echo one; sleep 1; echo two", {"restartPolicy": "Never"}))
    k.run("wait", "--for=jsonpath={.status.phase}=Running", "pod/short", "--timeout=30s")
    assert k.run("logs", "-f", "short", timeout=30) == "one\ntwo\n"
    k.run("delete", "pod", "short")


def test_logs_previous(k):
    now, before = k.run("logs", "again"), k.run("logs", "--previous", "again")
    assert now.startswith("this is ") and before.startswith("this is ") and now != before
    assert "oops" in before
    got = k.fails("logs", "--previous", "shell")
    assert "previous terminated container" in got and "not found" in got
    last = container_status(k, "again")["lastState"]["terminated"]
    assert last["exitCode"] == 7 and last["reason"] == "Error"


def test_exec(k):
    assert k.run("exec", "shell", "--", "echo", "a b", "c") == "a b c\n"
    p = k.call("exec", "shell", "--", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (p.returncode, p.stdout) == (3, "out\n") and p.stderr.startswith("err\n")
    assert "exit code 3" in p.stderr
    text = "x" * 70000 + "\nend\n"
    assert k.run("exec", "-i", "shell", "--", "cat", input=text) == text
    assert k.run("exec", "-i", "shell", "--", "wc", "-c", input=text).strip() == str(len(text))
    big = k.run("exec", "shell", "--", "sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' y")
    assert len(big) == 3000000 and set(big) == {"y"}
    p = k.call("exec", "shell", "--", "/no/such")
    assert p.returncode != 0 and "no such file or directory" in p.stderr.lower()
    assert "not found" in k.fails("exec", "nobody", "--", "true")
    assert "not valid for pod" in k.fails("exec", "shell", "-c", "nope", "--", "true")


def test_exec_with_a_terminal(k):
    t = Terminal(k, "exec", "-it", "shell", "--", "sh")
    t.expect(r"# ")
    t.type("tty; stty size; echo got-$((40+2))\n")
    t.expect(r"/dev/pts/\d+")
    t.expect(r"got-42")
    t.type("exit 5\n")
    t.expect("exit code 5")
    assert t.end() == 5


def test_terminal_size(k):
    import fcntl
    import struct
    import termios
    t = Terminal(k, "exec", "-it", "shell", "--", "sh")
    t.expect(r"# ")
    fcntl.ioctl(t.master, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    os.kill(t.p.pid, signal.SIGWINCH)

    def resized():
        t.type("stty size\n")
        return t.expect(r"(\d+ \d+)\r")[1] == "33 77"
    wait_until("the container's terminal has the new size", resized)
    t.type("exit\n")
    assert t.end() == 0


def test_interrupt_in_a_terminal(k):
    t = Terminal(k, "exec", "-it", "shell", "--", "sh", "-c", "echo sleeping; sleep 1000")
    t.expect("sleeping")
    t.type("\x03")
    assert t.end() == 130


def test_attach(k):
    p = k.popen("attach", "talker", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for _ in range(3):
        assert re.match(r"line \d+", p.stdout.readline())
    p.kill()
    p.wait()


def test_run_it(k):
    t = Terminal(k, "run", "it", "--rm", "-it", f"--image={IMAGE}", "--restart=Never", "--", "sh")
    t.expect(r"# |press enter")
    t.type("\n")
    t.expect(r"# ")
    t.type("echo $((6*7))-in-$(hostname)\n")
    t.expect(r"42-in-it")
    t.type("exit 3\n")
    t.expect('pod "it" deleted')
    assert t.end() == 3
    wait_until("the pod is gone", lambda: "not found" in k.call("get", "pod", "it").stderr)


def test_run_rm_with_input(k):
    out = k.run("run", "pipe", "--rm", "-i", "--quiet", f"--image={IMAGE}", "--restart=Never", "--",
                "cat", input="through a pod\n")
    assert "through a pod" in out
    wait_until("the pod is gone", lambda: "not found" in k.call("get", "pod", "pipe").stderr)


def test_cp(k, tmp_path):
    src = tmp_path / "dir"
    (src / "sub").mkdir(parents=True)
    data = os.urandom(1 << 20)
    (src / "sub" / "data").write_bytes(data)
    (src / "empty").write_text("")
    k.run("cp", str(src), "shell:/tmp/there")
    k.run("exec", "shell", "--", "test", "-e", "/tmp/there/empty")
    k.run("cp", "shell:/tmp/there", str(tmp_path / "back"))
    assert (tmp_path / "back" / "sub" / "data").read_bytes() == data
    k.run("cp", "shell:/tmp/there/sub/data", str(tmp_path / "one"))
    assert (tmp_path / "one").read_bytes() == data
    k.run("exec", "shell", "--", "rm", "-r", "/tmp/there")


def test_port_forward(k, cluster):
    apply(k, deployment("pf", 1), service("pf"))
    k.run("rollout", "status", "deployment/pf", "--timeout=60s")
    for what, port in (("deployment/pf", 8080), ("service/pf", 80)):
        p = k.popen("port-forward", what, f":{port}", stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT, text=True)
        try:
            local = re.search(r"127\.0\.0\.1:(\d+)", p.stdout.readline())[1]
            urls = [f"http://127.0.0.1:{local}/"] * 20
            got = subprocess.run(
                ["nsenter", f"--net=/run/netns/{cluster.netns}", "--", "curl", "-sS", "-m", "10",
                 "--parallel", *urls], capture_output=True, text=True, check=True).stdout
            assert got.count("hello from pf-") == 20
            assert p.poll() is None
        finally:
            p.kill()
            p.wait()
    k.run("delete", "deployment/pf", "service/pf")


def test_rollouts(k):
    name = "roll" + k.path[-2:]
    apply(k, deployment(name, 2))

    def names():
        return {p["metadata"]["name"]
                for p in k.json("get", "pods", "-l", f"app={name}")["items"]}

    def settled(new_from):
        """Waits until the rollout is done and what was there before is gone."""
        k.run("rollout", "status", f"deployment/{name}", "--timeout=60s")
        wait_until("only new pods are there", lambda: names() and not new_from & names())
        return names()

    def x():
        return {k.run("exec", p, "--", "sh", "-c", "echo $X") for p in names()}
    first = settled(set())
    k.run("rollout", "restart", f"deployment/{name}")
    second = settled(first)
    k.run("set", "env", f"deployment/{name}", "X=1")
    third = settled(second)
    assert x() == {"1\n"}
    assert len(k.run("rollout", "history", f"deployment/{name}").strip().splitlines()) == 5
    k.run("rollout", "undo", f"deployment/{name}")
    settled(third)
    assert x() == {"\n"}
    k.run("scale", f"deployment/{name}", "--replicas=0")
    wait_until("all pods are gone", lambda: not names())
    k.run("delete", "deployment", name)


def test_describe_and_events(k):
    text = k.run("describe", "pod", "shell")
    for word in ("Node:             n1/10.99.0.2", "Status:           Running", "PodScheduled",
                 "Scheduled", "Pulled", "Created", "Started", "QoS Class:", f"Image:         {IMAGE}"):
        assert re.sub(r" +", " ", word) in re.sub(r" +", " ", text), f"{word}\n{text}"
    text = k.run("describe", "node", "n1")
    for word in ("KubeletReady", "Capacity:", "Allocatable:", "shell", "Non-terminated Pods:",
                 "PodCIDR:", "Allocated resources:", "Lease:", "RenewTime:"):
        assert word in text, f"{word}\n{text}"
    assert "Started" in k.run("get", "events", "--field-selector", "involvedObject.name=shell")
    if not k.path.endswith("1.24"):  # the verb is younger
        assert "Started" in k.run("events", "--for", "pod/shell")


def test_get_wide(k):
    row = k.run("get", "pods", "-o", "wide", "--no-headers", "shell").split()
    assert row[:4] == ["shell", "1/1", "Running", "0"] and row[6] == "n1"
    row = k.run("get", "pods", "--no-headers", "again").split()
    assert row[:4] == ["again", "1/1", "Running", "1"], row


def test_watch_sees_a_pod_live_and_die(k):
    p = k.popen("get", "pods", "-w", "--no-headers", "--output-watch-events", "--field-selector",
                "metadata.name=brief", stdout=subprocess.PIPE, text=True)
    seen = []
    t = threading.Thread(target=lambda: seen.extend(iter(p.stdout.readline, "")))
    t.start()
    time.sleep(0.3)
    try:
        apply(k, pod("brief", "exit 0", {"restartPolicy": "Never"}))
        k.run("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/brief", "--timeout=30s")
        k.run("delete", "pod", "brief")
        wait_until("DELETED", lambda: any(x.startswith("DELETED") for x in seen))
    finally:
        p.kill()
        p.wait()
        t.join()
    text = "".join(seen)
    assert "ADDED" in text and "Pending" in text and "Completed" in text, text


@pytest.mark.parametrize("version", ["1.30", "1.35"])  # 1.24 wants an alpha API
def test_debug_adds_a_container(pods, cluster, version):
    k, name = cluster.kubectl(version), "dbg" + version[-2:]
    k.run("debug", "shell", f"--image={IMAGE}", f"--container={name}", "--quiet", "--", "sleep", "100")
    wait_until("it runs", lambda: any(
        c["name"] == name and "running" in c["state"]
        for c in k.json("get", "pod", "shell")["status"].get("ephemeralContainerStatuses", [])))
    assert k.run("exec", "shell", "-c", name, "--", "hostname") == "shell\n"
