# SPDX-License-Identifier: Apache-2.0
"""A cluster of two families on two nodes: pods, Services, names and policies over IPv6."""
import subprocess

import pytest

from e2e_objects import apply, deployment, pod, requests_in_pod, service
from lab import wait_until
from lan import Lan, LanNode, lan_fixture

NODES = ["n1", "n2"]
CLUSTER = "10.244.0.0/16,fd00:244::/56"


class DualNode(LanNode):
    def plug_in(self):
        super().plug_in()
        self.address6 = f"fd99::{10 + self.index}"
        subprocess.run(["ip", "-n", self.netns, "addr", "add", f"{self.address6}/64", "dev", "up0",
                        "nodad"], check=True)


class DualLan(Lan):
    def __init__(self, dir):
        super().__init__(dir, master_options=["--cluster-cidr", CLUSTER,
                                              "--service-cidr", "10.96.0.0/16,fd00:96::/112"])

    def join(self, name):
        return self.add_node(name, join=True, netns=f"{self.id}-{name}", kind=DualNode,
                             options=["--cluster-cidr", CLUSTER])


lan = lan_fixture(DualLan, 2)


@pytest.fixture(scope="module")
def web(lan):
    k = lan.kubectl()
    d = deployment("web", 2)
    d["spec"]["template"]["spec"]["topologySpreadConstraints"] = [{
        "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}}}]
    both = {"ipFamilyPolicy": "RequireDualStack"}
    apply(k, d, service("web", type="NodePort", **both),
          {**service("bare", clusterIP="None", **both), "spec": {
              **service("web", clusterIP="None", **both)["spec"]}},
          *[pod(f"client-{n}", spec={"nodeName": n}, env=[
              {"name": "IPS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIPs"}}}])
            for n in NODES])
    k.run("rollout", "status", "deployment/web", "--timeout=60s")
    for n in NODES:
        k.run("wait", "--for=condition=Ready", f"pod/client-{n}", "--timeout=60s")
    yield k
    k.run("delete", "deployment/web", "service/web", "service/bare",
          *[f"pod/client-{n}" for n in NODES], "--timeout=60s")
    wait_until("no pod is left", lambda: not k.json("get", "pods")["items"])


def ips(k, name):
    return [x["ip"] for x in k.json("get", "pod", name)["status"]["podIPs"]]


def pods(k):
    return [p["metadata"]["name"] for p in k.json("get", "pods", "-l", "app=web")["items"]]


def test_addresses(web, lan):
    for i, n in enumerate(NODES):
        node = web.json("get", "node", n)
        assert [a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP"] == [
            lan.nodes[i].address, lan.nodes[i].address6]
        assert len(node["spec"]["podCIDRs"]) == 2
        four, six = ips(web, f"client-{n}")
        assert ":" in six
        assert web.run("exec", f"client-{n}", "--", "sh", "-c", "echo $IPS").strip() == f"{four},{six}"
        hosts = web.run("exec", f"client-{n}", "--", "cat", "/etc/hosts")
        assert f"{six}\tclient-{n}" in hosts and f"{four}\tclient-{n}" in hosts
        host = web.json("get", "pod", f"client-{n}")["status"]["hostIPs"]
        assert [h["ip"] for h in host] == [lan.nodes[i].address, lan.nodes[i].address6]


@pytest.mark.parametrize("node", NODES)
def test_pod_to_pod(web, node):
    for name in pods(web):
        six = ips(web, name)[1]
        assert requests_in_pod(web, f"http://[{six}]:8080/", 1, pod=f"client-{node}") == [
            f"hello from {name}"]


@pytest.mark.parametrize("node", NODES)
def test_service(web, lan, node):
    svc = web.json("get", "service", "web")["spec"]
    six = svc["clusterIPs"][1]
    want = {f"hello from {p}" for p in pods(web)}
    urls = [f"http://[{six}]/"] + [f"http://[{n.address6}]:{svc['ports'][0]['nodePort']}/"
                                   for n in lan.nodes]
    # A node port of another node is asked for there, on its uplink: its own is at the socket.
    for url in urls:
        wait_until(f"{url} has both", lambda url=url: set(
            requests_in_pod(web, url, 10, pod=f"client-{node}")) == want)


def test_from_outside(web, lan):
    """A machine on the nodes' link: node ports, and an external address routed to one of them."""
    lan.ip("addr", "add", "fd99::1/64", "dev", "br0", "nodad")
    lan.ip("route", "add", "fd98::7/128", "via", lan.nodes[0].address6)
    web.run("patch", "service", "web", "-p", '{"spec": {"externalIPs": ["fd98::7"]}}')
    want = {f"hello from {p}" for p in pods(web)}
    port = web.json("get", "service", "web")["spec"]["ports"][0]["nodePort"]
    ask = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read().decode())"

    def answers(url):
        return {subprocess.run(["ip", "netns", "exec", lan.netns, "python3", "-c", ask, url],
                               capture_output=True, text=True, check=False).stdout.strip()
                for _ in range(6)}

    for url in [f"http://[{n.address6}]:{port}/" for n in lan.nodes] + ["http://[fd98::7]/"]:
        seen = set()
        wait_until(f"{url} has both", lambda url=url, seen=seen: want <= (
            seen.update(answers(url)) or seen))
        assert seen <= want | {""}


def test_names(web):
    six = web.json("get", "service", "web")["spec"]["clusterIPs"][1]
    out = web.run("exec", "client-n1", "--", "nslookup", "-type=aaaa",
                  "web.default.svc.cluster.local")
    assert six in out
    bare = wait_until("both pods have names", lambda: (lambda o: o if all(
        ips(web, p)[1] in o for p in pods(web)) else None)(
            web.run("exec", "client-n1", "--", "nslookup", "-type=aaaa",
                    "bare.default.svc.cluster.local")))
    assert bare


def test_policy(web):
    def answers(node):
        six = ips(web, pods(web)[0])[1]
        return requests_in_pod(web, f"http://[{six}]:8080/", 1, pod=f"client-{node}")

    first = f"hello from {pods(web)[0]}"
    web.run("label", "pod", "client-n1", "friend=yes")
    apply(web, {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                "metadata": {"name": "friends"}, "spec": {
                    "podSelector": {"matchLabels": {"app": "web"}}, "ingress": [
                        {"from": [{"podSelector": {"matchLabels": {"friend": "yes"}}}]}]}})
    try:
        wait_until("a stranger is kept out", lambda: answers("n2") != [first])
        wait_until("a friend is let in", lambda: answers("n1") == [first])
    finally:
        web.run("delete", "networkpolicy", "friends")
    wait_until("everybody is let in again", lambda: answers("n2") == [first])
