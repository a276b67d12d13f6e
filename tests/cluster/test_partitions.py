# SPDX-License-Identifier: Apache-2.0
"""The masters' network fails under writers: cables out, and drops in one direction only. The history is
checked as in history.py, and whoever is cut off answers nothing stale to those beside it."""
import ctypes
import os
import subprocess
import time
from contextlib import contextmanager

import pytest

from history import BASE, Connection, Watcher, Writers, check
from lab import BUILD, need_root, wait_until
from machines import Fleet

ROUNDS = int(os.environ.get("ROUNDS", "2"))
WRITERS = 32
CLONE_NEWNET = 0x40000000


@contextmanager
def inside(netns):
    """This thread, and those it begins, see the network of that namespace."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(path):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if libc.setns(fd, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(fd)
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    enter(f"/run/netns/{netns}")
    try:
        yield
    finally:
        libc.setns(own, CLONE_NEWNET)
        os.close(own)


@pytest.fixture
def three(tmp_path):
    need_root()
    c = Fleet(tmp_path)
    try:
        yield c.start(0)
    except BaseException:
        print(c.logs())
        raise
    finally:
        for m in c.masters:
            m.stop()
        c.force()


RULES = """table inet t {
	chain o {
		type filter hook output priority 0; policy drop;
		oif lo accept
	}
}
"""


def drop(m, on):
    """What it sends is lost; it hears everything."""
    subprocess.run(["nsenter", f"--net=/run/netns/{m.netns}", "--", "nft", "-f", "-"], text=True,
                   check=True, input=RULES if on else "delete table inet t\n")


def test_partitions(three, capsys):
    with inside(three.netns):
        writers = Writers(three.masters, WRITERS, timeout=1.5)
        watches = [Watcher(writers, i) for i in range(2)]
        time.sleep(0.5)
        for i in range(ROUNDS):
            leader = three.leader()
            follower = next(m for m in three.masters if m is not leader)
            for what in (lambda on: leader.cable(not on), lambda on: drop(leader, on),
                         lambda on: drop(follower, on), lambda on: follower.cable(not on)):
                what(True)
                time.sleep(2)
                what(False)
                time.sleep(1)
                leader = three.leader()
                follower = next(m for m in three.masters if m is not leader)
        rows = writers.stop()
        acked = max(r[5] for r in rows if r[0] == "write")
        for w in watches:
            w.stop(acked)
    counts = check(rows, watches)
    with capsys.disabled():
        print(f"\n{ROUNDS * 4} partitions under {WRITERS} writers: {counts}")
    assert counts["acknowledged"] > 500


def on(m, *args):
    """knarrctl on the machine of a master, which it asks alone."""
    conf = m.dir / "alone.conf"
    text = (m.dir / "etc/admin.conf").read_text()
    head, tail = text.split("    knarr-servers:\n")
    while tail.startswith("    - "):
        tail = tail.split("\n", 1)[1]
    conf.write_text(head + tail)
    return subprocess.run(["nsenter", f"--net=/run/netns/{m.netns}", "--",
                           BUILD / "knarrctl", *args, "--kubeconfig", conf], capture_output=True,
                          text=True, timeout=60, check=False)


@pytest.mark.parametrize("who", ["leader", "follower"])
def test_cut_off(three, who):
    """A client beside it gets an error, never the past."""
    leader = three.leader()
    m = leader if who == "leader" else next(x for x in three.masters if x is not leader)
    three.knarrctl("apply", "-f", write(three, "old"))
    wait_until("it is there", lambda: "a" in on(m, "get", "configmaps", "a").stdout)
    m.cable(False)
    rest, three.masters = three.masters, [x for x in three.masters if x is not m]
    three.leader()
    three.knarrctl("apply", "-f", write(three, "new"))
    for _ in range(3):
        p = on(m, "get", "configmaps", "a", "-o", "json")
        assert p.returncode != 0 and "old" not in p.stdout, p.stdout
        assert "no master leads" in p.stderr, p.stderr
        p = on(m, "delete", "configmaps", "a")
        assert p.returncode != 0
    m.cable(True)
    three.masters = rest
    wait_until("it has caught up", lambda: '"new"' in on(m, "get", "configmaps", "a", "-o", "json").stdout)


def write(c, value):
    f = c.dir / "a.yaml"
    f.write_text(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{v: {value}}}\n")
    return f


def test_deaf(three):
    """Cut off from the others, it sends its clients away: what they watch would never change."""
    leader = three.leader()
    m = next(x for x in three.masters if x is not leader)
    watch = subprocess.Popen(["nsenter", f"--net=/run/netns/{three.netns}", "--", BUILD / "knarrctl",
                              "get", "configmaps", "-w", "--kubeconfig", m.kubeconfig],
                             stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    assert watch.poll() is None
    m.deaf(True)
    watch.wait(20)
    with inside(three.netns):
        c = Connection(Writers.addresses(three.masters), three.masters.index(m))

        def not_ready():
            status, body = c.request("GET", "/readyz?verbose=true", raw=True)
            return status == 500 and "[-]leader" in body
        wait_until("it is not ready", not_ready)
        status, body = c.request("GET", f"{BASE}?watch=true&resourceVersion=1")
        assert status == 503 and body["message"] == "no master leads at the moment", body
        status, _ = c.request("GET", f"{BASE}?resourceVersion=0")
        assert status == 200
        m.deaf(False)
        wait_until("it is ready", lambda: c.request("GET", "/readyz", raw=True)[0] == 200)
