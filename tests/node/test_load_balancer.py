# SPDX-License-Identifier: Apache-2.0
"""Addresses of load balancers: served from everywhere, answered for on the link by one node, and by
another as soon as the master says so. (Who it is, the tests say: tests/cluster has the provider.)"""
import json
import signal
import subprocess
import time

import pytest

from e2e_objects import apply, deployment, pod, requests_in_pod, service
from lab import wait_until
from lan import Lan, lan_fixture

VIP = "10.99.0.200"
NODES = ["n1", "n2", "n3"]


lan = lan_fixture(Lan, 3)


class Client:
    """Another machine on the same link, which knows nothing of the cluster."""

    def __init__(self, lan):
        self.netns = f"{lan.id}-client"
        subprocess.run(["ip", "netns", "add", self.netns], check=True)
        lan.ip("link", "add", "port99", "type", "veth", "peer", "name", "up0", "netns", self.netns)
        lan.ip("link", "set", "port99", "master", "br0", "up")
        for args in (["addr", "add", "10.99.0.100/24", "dev", "up0"], ["link", "set", "up0", "up"],
                     ["link", "set", "lo", "up"]):
            subprocess.run(["ip", "-n", self.netns, *args], check=True)
        self.lan = lan

    def run(self, *argv):
        return subprocess.run(["nsenter", f"--net=/run/netns/{self.netns}", "--", *map(str, argv)],
                              capture_output=True, text=True, check=False, timeout=60)

    def get(self, path="/", port=80, timeout="0.4"):
        return self.run("curl", "-sS", "-m", timeout, f"http://{VIP}:{port}{path}")

    def mac(self):
        for line in json.loads(self.run("ip", "-j", "neigh", "show", VIP).stdout or "[]"):
            return line.get("lladdr")
        return None

    def remove(self):
        self.lan.ip("link", "del", "port99")
        subprocess.run(["ip", "netns", "del", self.netns], check=True)


@pytest.fixture(scope="module")
def client(lan):
    c = Client(lan)
    yield c
    c.remove()


def mac_of(node):
    out = subprocess.run(["ip", "-n", node.netns, "-j", "link", "show", "up0"], capture_output=True,
                         text=True, check=True).stdout
    return json.loads(out)[0]["address"]


def announce(k, name, svc="web"):
    k.run("annotate", "--overwrite", "service", svc, f"knarr.io/announced-by={name}")


@pytest.fixture(scope="module")
def web(lan):
    k = lan.kubectl()
    d = deployment("web", 2)
    d["spec"]["template"]["spec"]["affinity"] = {"nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{
            "matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In",
                                  "values": ["n1", "n2"]}]}]}}}
    d["spec"]["template"]["spec"]["topologySpreadConstraints"] = [{
        "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}}}]
    apply(k, d, service("web", type="LoadBalancer"),
          *[pod(f"client-{n}", spec={"nodeName": n}) for n in NODES])
    k.run("rollout", "status", "deployment/web", "--timeout=60s")
    for n in NODES:
        k.run("wait", "--for=condition=Ready", f"pod/client-{n}", "--timeout=30s")
    k.run("patch", "service", "web", "--subresource=status", "--type=merge", "-p",
          json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": VIP}]}}}))
    yield k
    k.run("delete", "deployment/web", "service/web", *[f"pod/client-{n}" for n in NODES],
          "--timeout=60s")


def names(k):
    return {f"hello from {p['metadata']['name']}" for p in
            k.json("get", "pods", "-l", "app=web")["items"]}


def test_nobody_answers_unasked(web, client):
    p = client.get()
    assert p.returncode != 0 and client.mac() is None


def test_one_node_answers(lan, web, client):
    announce(web, "n3")  # which runs none of the pods
    wait_until("it answers", lambda: client.get().returncode == 0)
    assert client.mac() == mac_of(lan.nodes[2])
    wait_until("all pods answer", lambda: {client.get().stdout.strip() for _ in range(20)} == names(web))


@pytest.mark.parametrize("node", NODES)
def test_from_within(lan, web, node):
    """Pods and hosts of all nodes reach it without the link."""
    got = requests_in_pod(web, f"http://{VIP}/", 20, pod=f"client-{node}")
    assert set(got) == names(web)
    host = next(n for n in lan.nodes if n.name == node)
    p = host.on_host("sh", "-c", f"for i in $(seq 20); do curl -sS -m 5 http://{VIP}/ 2>&1; done")
    assert set(p.stdout.splitlines()) == names(web)


def test_other_ports_are_refused(web, client):
    began = time.monotonic()
    p = client.get(port=81, timeout="5")
    assert p.returncode == 7 and time.monotonic() - began < 2, p  # refused, not ignored


def gap(client, act):
    """Seconds without an answer around `act`."""
    assert client.get().returncode == 0
    act()
    began = last = time.monotonic()
    good = 0
    while good < 10:
        if client.get().returncode == 0:
            good += 1
        else:
            good, last = 0, time.monotonic()
        assert time.monotonic() - began < 20
    return last - began


def test_it_moves(lan, web, client):
    took = gap(client, lambda: announce(web, "n1"))
    wait_until("the neighbour has learned", lambda: client.mac() == mac_of(lan.nodes[0]))
    assert took < 2
    print(f"a move: {took:.2f} s without an answer")


def test_its_node_dies(lan, web, client):
    n = lan.nodes[2]
    announce(web, "n3")
    wait_until("n3 has it", lambda: client.get() and client.mac() == mac_of(n))

    def die():
        n.cable(False)
        n.power_off()
        announce(web, "n2")
    took = gap(client, die)
    assert took < 2
    print(f"a dead node: {took:.2f} s without an answer once the master has noticed")
    # What the dead one knew last is not what it begins with when a master answers.
    n.reboot()
    n.start()
    web.run("wait", "--for=condition=Ready", "node/n3", "--timeout=30s")
    for _ in range(10):
        assert client.get().returncode == 0
        assert client.mac() == mac_of(lan.nodes[1])


def test_it_gives_way_to_who_announces(lan, web, client):
    """A node that has not heard that it lost the address hears it from the new one, and waits for
    a master to say that it is its own."""
    n = lan.nodes[1]
    lan.master.daemon.signal(signal.SIGSTOP)
    time.sleep(6)  # its lease has run out
    p = client.run("/usr/bin/python3", "-c", f"""
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("up0", 0x806))
mac = s.getsockname()[4]
ip = socket.inet_aton("{VIP}")
s.send(b"\\xff" * 6 + mac + bytes.fromhex("08060001080006040001") + mac + ip + bytes(6) + ip)""")
    assert p.returncode == 0, p
    wait_until("it is silent", lambda: "another machine announces 10.99.0.200" in
               n.daemon.log.read_text())
    time.sleep(2)
    client.run("ip", "neigh", "flush", "all")
    assert client.get().returncode != 0
    lan.master.daemon.signal(signal.SIGCONT)
    wait_until("it answers again", lambda: client.get().returncode == 0)
    assert client.mac() == mac_of(n)


def test_health_of_local_endpoints(lan, web, client):
    """healthCheckNodePort tells which nodes have ready endpoints; those see the client itself."""
    web.run("patch", "service", "web", "-p", '{"spec":{"externalTrafficPolicy":"Local"}}')
    spec = web.json("get", "service", "web")["spec"]
    port = spec["healthCheckNodePort"]

    def health(node):
        p = client.run("curl", "-sS", "-m", "2", "-i", f"http://{node.address}:{port}/")
        head, body = p.stdout.replace("\r", "").split("\n\n", 1)
        headers = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:])
        return int(head.split()[1]), headers["x-load-balancing-endpoint-weight"], json.loads(body)
    for n, want in zip(lan.nodes, (1, 1, 0)):
        wait_until(f"health of {n.name}", lambda: health(n) == (
            200 if want else 503, str(want), {"service": {"namespace": "default", "name": "web"},
                                              "localEndpoints": want, "serviceProxyHealthy": True}))
    on_n1 = next(p for p in web.json("get", "pods", "-l", "app=web")["items"]
                 if p["spec"]["nodeName"] == "n1")["metadata"]["name"]
    announce(web, "n1")
    wait_until("only its own pod answers", lambda: {
        client.get().stdout.strip() for _ in range(10)} == {f"hello from {on_n1}"})
    web.run("patch", "service", "web", "-p", '{"spec":{"externalTrafficPolicy":"Cluster"}}')
    wait_until("nobody listens", lambda: client.run(
        "curl", "-sS", "-m", "2", f"http://{lan.nodes[0].address}:{port}/").returncode == 7)


def test_source_ranges(lan, web, client):
    """Only clients of loadBalancerSourceRanges reach the address; pods do all the same."""
    wait_until("it answers", lambda: client.get().returncode == 0)

    def ranges(*v):
        web.run("patch", "service", "web", "-p", json.dumps(
            {"spec": {"loadBalancerSourceRanges": list(v) or None}}))
    ranges("192.0.2.0/24", "10.99.0.96/28")
    for _ in range(10):
        assert client.get().returncode == 0
    ranges("192.0.2.0/24", "10.99.0.0/26")
    wait_until("it is refused", lambda: client.get().returncode == 28)
    assert client.get().returncode == 28
    assert requests_in_pod(web, f"http://{VIP}/", 1, pod="client-n3")[0] in names(web)
    ranges()
    wait_until("all may again", lambda: client.get().returncode == 0)


def test_a_service_that_goes(lan, web, client):
    web.run("patch", "service", "web", "-p", '{"spec":{"type":"ClusterIP"}}')
    client.run("ip", "neigh", "flush", "all")
    wait_until("silence", lambda: client.get().returncode != 0 and client.mac() is None)
    assert not any(VIP in n.routes() for n in lan.nodes)
