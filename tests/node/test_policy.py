# SPDX-License-Identifier: Apache-2.0
"""NetworkPolicies between pods of two nodes."""
import ctypes
import os
import select
import socket
from contextlib import contextmanager

import pytest

from e2e_objects import apply, pod, service
from lab import wait_until
from lan import Lan, lan_fixture

LIBC = ctypes.CDLL(None, use_errno=True)
LINKS = "kubernetes.io/metadata.name"


lan = lan_fixture(Lan, 2)


class Pod:
    """A pod that serves on 8080 ("web"), its address, and its network as a place to connect from."""

    def __init__(self, lan, name, node, ns="default", labels=None):
        self.name, self.ns = name, ns
        self.node = next(n for n in lan.nodes if n.name == node)
        self.object = pod(name, f"mkdir /www-{name}; exec httpd -f -p 8080 -h /www-{name}", {"nodeName": node},
                          ports=[{"name": "web", "containerPort": 8080}])
        self.object["metadata"].update(namespace=ns, labels={"app": name, **(labels or {})})

    def look(self, k):
        k.run("wait", "-n", self.ns, "--for=condition=Ready", f"pod/{self.name}", "--timeout=30s")
        self.ip = k.json("get", "-n", self.ns, "pod", self.name)["status"]["podIP"]

    def netns(self):
        return f"/proc/{self.node.container_pids('/www-' + self.name)[0]}/ns/net"


@contextmanager
def entered(path):
    home, there = os.open("/proc/thread-self/ns/net", os.O_RDONLY), os.open(path, os.O_RDONLY)
    try:
        assert LIBC.setns(there, 0) == 0
        yield
    finally:
        assert LIBC.setns(home, 0) == 0
        os.close(home)
        os.close(there)


def reaches(source, ip, port=8080, patience=0.15):
    """From a pod, or the namespace at a path: whether anybody answers, if only with a refusal."""
    with entered(source.netns() if isinstance(source, Pod) else source):
        s = socket.socket()
    with s:
        s.setblocking(False)
        s.connect_ex((ip, port))
        p = select.poll()
        p.register(s, select.POLLOUT)
        return bool(p.poll(patience * 1000))


def allowed(source, to, port=8080):
    wait_until(f"{source.name} reaches {to.name}:{port}", lambda: reaches(source, to.ip, port, 2))


def denied(source, to, port=8080):
    wait_until(f"{source.name} no longer reaches {to.name}:{port}",
               lambda: not reaches(source, to.ip, port))


@pytest.fixture(scope="module")
def world(lan):
    k = lan.kubectl()
    pods = [Pod(lan, "server", "n1"), Pod(lan, "near", "n1", labels={"role": "friend"}),
            Pod(lan, "far", "n2"), Pod(lan, "other", "n2", ns="elsewhere")]
    apply(k, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elsewhere"}},
          *[p.object for p in pods], service("server"))
    for p in pods:
        p.look(k)
        setattr(lan, p.name, p)
    for p in pods[1:]:
        allowed(p, lan.server)
    return k


@contextmanager
def policy(k, **spec):
    spec.setdefault("podSelector", {"matchLabels": {"app": "server"}})
    o = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
         "metadata": {"name": "p"}, "spec": spec}
    apply(k, o)
    try:
        yield
    finally:
        k.run("delete", "networkpolicy", "p")


def test_default_deny(lan, world):
    with policy(world, podSelector={"matchExpressions": [
            {"key": "app", "operator": "In", "values": ["server", "nobody"]}]}):
        denied(lan.far, lan.server)
        denied(lan.near, lan.server)
        allowed(lan.server, lan.far)  # and its answers come
        allowed(lan.far, lan.near)
        assert reaches(f"/run/netns/{lan.nodes[0].netns}", lan.server.ip, patience=10)  # its node
    allowed(lan.far, lan.server)
    allowed(lan.near, lan.server)


def test_by_labels(lan, world):
    with policy(world, ingress=[{"from": [{"podSelector": {"matchLabels": {"role": "friend"}}}],
                                 "ports": [{"port": 8000, "endPort": 8080}]}]):
        denied(lan.far, lan.server)
        allowed(lan.near, lan.server)
        denied(lan.near, lan.server, 8081)
        world.run("label", "pod", "far", "role=friend")
        allowed(lan.far, lan.server)
        world.run("label", "pod", "far", "role-")
        denied(lan.far, lan.server)
        world.run("label", "-n", "elsewhere", "pod", "other", "role=friend")
        denied(lan.other, lan.server)
    world.run("label", "-n", "elsewhere", "pod", "other", "role-")


def test_by_namespace_and_name_of_port(lan, world):
    with policy(world, ingress=[{"from": [
            {"namespaceSelector": {"matchLabels": {"trusted": "yes"}},
             "podSelector": {"matchLabels": {"app": "other"}}}], "ports": [{"port": "web"}]}]):
        denied(lan.other, lan.server)
        world.run("label", "namespace", "elsewhere", "trusted=yes")
        allowed(lan.other, lan.server)
        denied(lan.other, lan.server, 8081)
        denied(lan.far, lan.server)
        world.run("label", "namespace", "elsewhere", "trusted-")
        denied(lan.other, lan.server)


def test_by_address(lan, world):
    with policy(world, ingress=[{"from": [
            {"ipBlock": {"cidr": "10.244.0.0/16", "except": [f"{lan.far.ip}/32"]}}]}]):
        denied(lan.far, lan.server)
        allowed(lan.near, lan.server)
        allowed(lan.other, lan.server)


def test_egress(lan, world):
    """By name, by a Service and by a named port; all else, also from the very start, is denied."""
    to = [{"namespaceSelector": {"matchLabels": {LINKS: "default"}},
           "podSelector": {"matchLabels": {"app": "server"}}}]
    script = (f"nc -w 1 {lan.near.ip} 8080 </dev/null && echo leak; echo tried; "
              "until nc -w 1 server 80 </dev/null; do :; done; echo reached; sleep 3600")
    eager = pod("eager", script, {"nodeName": "n2"})
    eager["metadata"]["labels"] = {"app": "far"}
    with policy(world, podSelector={"matchLabels": {"app": "far"}}, policyTypes=["Egress"],
                egress=[{"to": to, "ports": [{"port": "web"}]}, {"ports": [{"port": 53, "protocol": "UDP"}]}]):
        known = lan.nodes[1].root / "var/lib/knarr/agent/networkpolicies"
        wait_until("its node has heard of it", lambda: '"app":"far"' in known.read_text())
        denied(lan.far, lan.near)
        allowed(lan.far, lan.server)
        denied(lan.far, lan.server, 8081)
        allowed(lan.near, lan.far)
        apply(world, eager)
        out = wait_until("it reaches what it may", lambda: (
            lambda t: t if "reached" in t else None)(world.run("logs", "eager")))
        assert "tried" in out and "leak" not in out
    world.run("delete", "pod", "eager")


def test_agents_and_masters_away(lan, world):
    """Rules hold while the agent is dead, when it is back, and without a master."""
    n1 = lan.nodes[0]
    with policy(world, ingress=[{"from": [{"podSelector": {"matchLabels": {"role": "friend"}}}]}]):
        denied(lan.far, lan.server)
        files = n1.root / "var/lib/knarr/agent"
        wait_until("it stands on disk", lambda: '"name":"p"' in (files / "networkpolicies").read_text()
                   and '"role":"friend"' in (files / "policy-pods").read_text())
        n1.daemon.kill()
        denied(lan.far, lan.server)
        allowed(lan.near, lan.server)
        lan.master.kill()
        n1.start()
        wait_until("it goes by what it knows",
                   lambda: "policies are enforced as last known" in n1.daemon.log.read_text())
        denied(lan.far, lan.server)
        allowed(lan.near, lan.server)
        lan.master.start()
        wait_until("the master answers", lambda: world.run("label", "pod", "far", "role=friend"))
        allowed(lan.far, lan.server)
    world.run("label", "pod", "far", "role-")
    wait_until("nothing is kept of peers", lambda: not (files / "policy-pods").exists())
