# SPDX-License-Identifier: Apache-2.0
"""A node dies, or is cut off, and comes back; the masters go, and come back."""
import os
import signal
import subprocess
import threading
import time

import pytest

from e2e_objects import apply, deployment, pod, requests_in_pod, service
from lab import wait_until
from lan import Lan, lan_fixture


lan = lan_fixture(Lan, 3)


def none_left(k):
    def check():
        left = k.run("get", "pods", "-A", "-o", "wide", "--no-headers")
        assert not left, left
        return True
    wait_until("no pod is left", check)


@pytest.fixture
def web(lan):
    """Four pods of a Deployment over the nodes, a Service, and a client on n1."""
    k = lan.kubectl()
    apply(k, deployment("web", 4), service("web"), pod("client", spec={"nodeName": "n1"}))
    k.run("rollout", "status", "deployment/web", "--timeout=60s")
    k.run("wait", "--for=condition=Ready", "pod/client", "--timeout=30s")
    yield k
    k.run("delete", "deployment/web", "service/web", "pod/client", "--timeout=60s")
    none_left(k)


def pods(k, **field):
    items = k.json("get", "pods", "-l", "app=web")["items"]
    return [p for p in items if all(p["spec"].get(a) == b for a, b in field.items())]


def is_ready(p):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in p["status"]["conditions"])


def endpoints(k):
    return {e["addresses"][0] for s in k.json(
        "get", "endpointslices", "-l", "kubernetes.io/service-name=web")["items"]
        for e in s["endpoints"] or [] if e["conditions"]["ready"]}


def victim(lan, k):
    """A node that runs some of the pods, and not the client."""
    return next(n for n in lan.nodes[1:] if pods(k, nodeName=n.name))


def all_well(k):
    """kubectl get pods -A shows every pod running and ready; nothing else."""
    for line in k.run("get", "pods", "-A", "--no-headers").splitlines():
        _, _, ready, status = line.split()[:4]
        assert status == "Running" and len(set(ready.split("/"))) == 1, line
    for line in k.run("get", "nodes", "--no-headers").splitlines():
        assert line.split()[1] == "Ready", line
    return True


class Load:
    """Requests to the Service all the while: .answers is a list of batches of 10."""

    def __init__(self, k, every=""):
        self.k, self.answers, self.stop = k, [], threading.Event()
        self.ip = k.json("get", "service", "web")["spec"]["clusterIP"]
        self.every = every
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stop.is_set():
            self.answers.append(requests_in_pod(self.k, f"http://{self.ip}/", 10, pause=self.every))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.stop.set()
        self.thread.join()

    def since(self, mark):
        return [a for batch in self.answers[mark:] for a in batch]


def replaced(k, lost):
    """Four ready pods, none of them on the lost node."""
    good = [p for p in pods(k) if p["spec"].get("nodeName") not in (None, lost)
            and "deletionTimestamp" not in p["metadata"] and is_ready(p)]
    return len(good) == 4


@pytest.mark.parametrize("how", ["dies", "is cut off"])
def test_a_node(lan, web, how):
    n = victim(lan, web)
    lost = {p["status"]["podIP"] for p in pods(web, nodeName=n.name)}
    uids = {p["metadata"]["uid"] for p in pods(web)}
    with Load(web) as load:
        n.cable(False)
        if how == "dies":
            n.power_off()
        began = time.monotonic()
        wait_until("its endpoints are withdrawn", lambda: not endpoints(web) & lost, 20)
        withdrawn, mark = time.monotonic() - began, len(load.answers) + 1
        wait_until("its pods run elsewhere", lambda: replaced(web, n.name), 30)
        elsewhere = time.monotonic() - began
        wait_until("five batches", lambda: len(load.answers) >= mark + 5, 60)
    print(f"a node that {how}: withdrawn after {withdrawn:.1f} s, elsewhere after {elsewhere:.1f} s")
    after = load.since(mark)
    assert len(after) >= 50 and all(a.startswith("hello from") for a in after), after
    assert elsewhere < 10
    if how == "dies":
        n.reboot()
        n.start()
    else:
        n.cable(True)
    wait_until("all is well again", lambda: all_well(web), 30)
    assert len(pods(web)) == 4 and not pods(web, nodeName=n.name)
    assert len({p["metadata"]["uid"] for p in pods(web)} & uids) == 4 - len(lost)
    wait_until("nothing runs twice", lambda: not n.container_pids("httpd"))


def test_a_short_cut_changes_nothing(lan, web):
    """The node is silent for longer than the grace but back before its pods are evicted."""
    n = victim(lan, web)
    before = {p["metadata"]["uid"] for p in pods(web)}
    mine = {p["status"]["podIP"] for p in pods(web, nodeName=n.name)}
    n.cable(False)
    wait_until("its endpoints are withdrawn", lambda: not endpoints(web) & mine, 20)
    n.cable(True)
    wait_until("its endpoints are back, or were replaced", lambda: len(endpoints(web)) == 4, 30)
    wait_until("all is well again", lambda: all_well(web), 30)
    if {p["metadata"]["uid"] for p in pods(web)} == before:
        assert mine <= endpoints(web)


def test_a_quick_reboot_keeps_its_pods(lan, web):
    n = victim(lan, web)
    before = {p["metadata"]["uid"] for p in pods(web)}
    mine = len(pods(web, nodeName=n.name))
    n.reboot()
    n.start()
    wait_until("its containers run again", lambda: len(n.container_pids("httpd")) == mine)
    wait_until("all is well again", lambda: all_well(web), 30)
    assert {p["metadata"]["uid"] for p in pods(web)} == before
    for p in pods(web, nodeName=n.name):
        assert p["status"]["containerStatuses"][0]["restartCount"] == 1


def in_pod(node, pid, script):
    """A command as the pod of process `pid` sees things, its control groups included, without any
    master: Services are balanced by group."""
    groups = " ".join(f"'{line.split(':', 2)[2].strip()}'" if line.startswith("0::") else ""
                      for line in open(f"/proc/{pid}/cgroup", encoding="utf-8")).strip()
    top = "/sys/fs/cgroup/unified" if os.path.isdir("/sys/fs/cgroup/unified") else "/sys/fs/cgroup"
    return subprocess.run(
        ["sh", "-c", f"echo $$ > {top}{groups}/cgroup.procs; exec nsenter -t {pid} -n -m -- "
         'sh -c "$0"', script], capture_output=True, text=True, timeout=30, check=False)
