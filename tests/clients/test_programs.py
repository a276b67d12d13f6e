# SPDX-License-Identifier: Apache-2.0
"""Programs as people write them, with @kubernetes/client-node: an informer that is cut off and goes
on, and contenders for a Lease that are killed and stopped; with one master, and at one that follows."""
import collections
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from lab import wait_until

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cluster"))
from masters import Masters  # noqa: E402  pylint: disable=wrong-import-position

CMS = "/api/v1/namespaces/default/configmaps"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
MERGE = "application/merge-patch+json"

if not shutil.which("node") or not (HERE / "node_modules/@kubernetes").exists():
    pytest.skip("no @kubernetes/client-node: npm ci --prefix tests/clients", allow_module_level=True)


class Wire:
    """What carries bytes to a master, and can be cut: connections break, new ones are refused."""

    def __init__(self, address, port):
        self.to = (address, port)
        self.open, self.lock, self.whole = [], threading.Lock(), True
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                a = self.listener.accept()[0]
            except OSError:
                return
            with self.lock:
                if not self.whole:
                    a.close()
                    continue
                b = socket.create_connection(self.to)
                self.open += [a, b]
            for x, y in ((a, b), (b, a)):
                threading.Thread(target=self.carry, args=(x, y), daemon=True).start()

    @staticmethod
    def carry(x, y):
        try:
            while data := x.recv(65536):
                y.sendall(data)
        except OSError:
            pass
        for s in (x, y):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self, again=False):
        with self.lock:
            self.whole = again
            for s in self.open:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.open = []

    def mend(self):
        self.whole = True

    def close(self):
        self.listener.close()
        self.cut()


class Program:
    """A program of this folder; its lines of JSON."""

    def __init__(self, kubeconfig, script, *args):
        self.p = subprocess.Popen(["node", str(HERE / script), *args], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True, cwd=HERE,
                                  env=dict(os.environ, KUBECONFIG=str(kubeconfig)))
        self.said = []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.p.stdout:
            self.said.append(json.loads(line))

    def cache(self):
        n = sum(x["event"] == "cache" for x in self.said)
        self.p.stdin.write("list\n")
        self.p.stdin.flush()
        wait_until("its cache", lambda: sum(x["event"] == "cache" for x in self.said) > n)
        return [x for x in self.said if x["event"] == "cache"][-1]["items"]

    def close(self):
        self.p.kill()
        self.p.wait()


@pytest.fixture(scope="module", params=["one", "follower"])
def site(request, tmp_path_factory):
    """The masters, the one that clients talk to, and the wire to it."""
    c = Masters(tmp_path_factory.mktemp(request.param), 1 if request.param == "one" else 2,
                ["--no-scheduler", "--no-controllers"])
    try:
        at = c[0] if request.param == "one" else c.followers()[0]
        wire = Wire(at.bind, at.port)
        conf = at.dir / "wire.conf"
        text = Path(at.kubeconfig).read_text(encoding="utf-8")
        text = re.sub(r"( +)server: .*", rf"\1server: https://127.0.0.1:{wire.port}\n\1tls-server-name: {at.bind}",
                      text)
        conf.write_text(text, encoding="utf-8")
        yield c, at, wire, conf
        wire.close()
    finally:
        c.close()


def make(m, name, where=CMS, data=None, labels=None):
    status, got = m.api("POST", where, {"metadata": {"name": name, "labels": labels or {"in": "formed"}},
                                        "data": data or {}})
    assert status == 201, got
    return got["metadata"]["resourceVersion"]


def change(m, name, **body):
    status, got = m.api("PATCH", f"{CMS}/{name}", body, MERGE)
    assert status == 200, got
    return got["metadata"]["resourceVersion"]


def changes(program, since=0):
    return [(x["event"], x["name"]) for x in program.said[since:] if "name" in x]


def truth(m):
    items = m.api("GET", f"{CMS}?labelSelector=in%3Dformed")[1]["items"]
    return {o["metadata"]["name"]: o["metadata"]["resourceVersion"] for o in items}


def test_informer(site):
    c, m, wire, conf = site
    program = Program(conf, "informer.mjs")
    try:
        for i in range(4):
            make(m, f"a{i}")
        wait_until("all are seen", lambda: len(changes(program)) == 4, timeout=60)
        assert changes(program) == [("add", f"a{i}") for i in range(4)]

        # Cut off while things happen, then from where it was: all of it, in order, once.
        wire.cut()
        n = len(program.said)
        make(m, "b")
        change(m, "a0", data={"x": "1"})
        change(m, "a1", metadata={"labels": {"in": "out"}})
        assert m.api("DELETE", f"{CMS}/a2")[0] == 200
        wire.mend()
        wait_until("the rest", lambda: len(changes(program, n)) >= 4, timeout=60)
        assert changes(program, n) == [("add", "b"), ("update", "a0"), ("delete", "a1"), ("delete", "a2")]
        assert sum(x["event"] == "relist" for x in program.said) == 1

        # Cut again and again in the middle.
        n = len(program.said)
        for i in range(60):
            make(m, f"m{i:02}")
            if i % 15 == 7:
                wire.cut(again=True)
        wait_until("all 60", lambda: len(changes(program, n)) >= 60, timeout=60)
        assert changes(program, n) == [("add", f"m{i:02}") for i in range(60)]
        assert program.cache() == truth(m)

        # Cut off for so long that the server knows no more how it was: 410, and a fresh start.
        wire.cut()
        n = len(program.said)
        assert m.api("DELETE", f"{CMS}/b")[0] == 200
        change(m, "a0", data={"x": "2"})
        make(m, "c")
        leader = c.leader()
        big = "/api/v1/namespaces/kube-system/configmaps"
        make(leader, "big", big, labels={"x": "y"})
        for i in range(40):  # the window of changes is 32 MiB
            status, got = leader.api("PUT", f"{big}/big", {"metadata": {"name": "big"},
                                                           "data": {"x": f"{i}" * (450_000 if i > 9 else 900_000)}})
            assert status == 200, got
        wire.mend()
        wait_until("a fresh start", lambda: program.cache() == truth(m), timeout=60)
        got = collections.Counter(changes(program, n))
        assert got == {("delete", "b"): 1, ("update", "a0"): 1, ("add", "c"): 1}, got
        assert sum(x["event"] == "relist" for x in program.said) == 2
        make(m, "last")
        wait_until("it goes on", lambda: ("add", "last") in changes(program, n), timeout=60)
    finally:
        program.close()


def history(m, rv):
    """(holder, transitions, revision) of each change of the Lease since."""
    out = []
    for e in m.watch(f"{LEASES}?fieldSelector=metadata.name%3Delect&resourceVersion={rv}"):
        assert e["type"] in ("ADDED", "MODIFIED"), e
        s = e["object"]["spec"]
        out.append((s["holderIdentity"], s["leaseTransitions"], e["object"]["metadata"]["resourceVersion"]))
    return out


@pytest.mark.parametrize("site", ["follower"], indirect=True)
def test_leader_election(site):
    _, m, _, conf = site
    rv = m.api("GET", LEASES)[1]["metadata"]["resourceVersion"]
    field = {}

    def holder(other_than=None):
        status, got = m.api("GET", f"{LEASES}/elect")
        who = got["spec"]["holderIdentity"] if status == 200 else None
        return who if who != other_than else None
    try:
        for name in ("one", "two"):  # both at once: the Lease is made once
            field[name] = Program(conf, "elector.mjs", name, "1")
        first = wait_until("somebody leads", holder, timeout=60)
        field[first].p.send_signal(signal.SIGKILL)
        second = wait_until("the other leads", lambda: holder(first), timeout=60)
        # One that was stopped comes back to find that it leads no more.
        field["three"] = Program(conf, "elector.mjs", "three", "1")
        field[second].p.send_signal(signal.SIGSTOP)
        third = wait_until("the third leads", lambda: holder(second), timeout=60)
        field[second].p.send_signal(signal.SIGCONT)
        wait_until("the second knows", lambda: any(x.get("leads") is False for x in field[second].said), timeout=60)
        assert {first, second} == {"one", "two"} and third == "three"
        # Leadership changed hands one at a time, and who said they led did.
        turns = []
        for who, transitions, at in history(m, rv):
            if not turns or turns[-1][0] != who:
                assert transitions == len(turns), turns
                turns.append((who, at))
        claims = {(x["me"], x["rv"]) for p in field.values() for x in p.said if x.get("leads")}
        assert claims <= set(turns), (claims, turns)
    finally:
        for p in field.values():
            p.close()
