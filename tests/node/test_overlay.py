# SPDX-License-Identifier: Apache-2.0
"""Nodes with a router between them: VXLAN where it is needed, plain routes where not."""
import re
import subprocess

import pytest

from e2e_objects import apply, deployment, pod, requests_in_pod, service
from lab import BUILD, wait_until
from lan import RoutedLan, lan_fixture

NODES = ["n1", "n2", "n3"]
BIG = 1_000_000
# A page of that size, and one that counts what is sent to it.
SITE = f"""dd if=/dev/zero bs={BIG} count=1 2>/dev/null > /www/big
printf '#!/bin/sh\\necho; head -c $CONTENT_LENGTH | wc -c\\n' > /www/cgi-bin/count
chmod 755 /www/cgi-bin/count"""


def strict(lan):
    """Reverse-path filters as strict as people have them."""
    for n in lan.nodes:
        subprocess.run(["nsenter", f"--net=/run/netns/{n.netns}", "--", "sh", "-c",
                        "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 1 > $f; done"],
                       check=True)


lan = lan_fixture(RoutedLan, 3, strict)


@pytest.fixture(scope="module")
def web(lan):
    """One page and one client a node; the pages are on all nodes before any way between them is
    known to be narrow."""
    k = lan.kubectl()
    d = deployment("web", 3)
    d["spec"]["template"]["spec"]["topologySpreadConstraints"] = [{
        "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}}}]
    apply(k, d, service("web"), *[pod(f"client-{n}", spec={"nodeName": n}) for n in NODES])
    k.run("rollout", "status", "deployment/web", "--timeout=60s")
    for n in NODES:
        k.run("wait", "--for=condition=Ready", f"pod/client-{n}", "--timeout=30s")
    for p in pods(k):
        k.run("exec", p["metadata"]["name"], "--", "sh", "-c", SITE)
    yield k
    k.run("delete", "deployment/web", "service/web", *[f"pod/client-{n}" for n in NODES],
          "--timeout=60s")
    wait_until("no pod is left", lambda: not k.json("get", "pods")["items"])


def pods(k):
    return [p for p in k.json("get", "pods", "-l", "app=web")["items"]
            if "deletionTimestamp" not in p["metadata"]]


def node(lan, name):
    return next(n for n in lan.nodes if n.name == name)


def counter(netns, name):
    """IP counters of a namespace (/proc/net/snmp)."""
    out = subprocess.run(["nsenter", f"--net=/run/netns/{netns}", "--", "cat", "/proc/net/snmp"],
                         capture_output=True, text=True, check=True).stdout
    keys, values = [line.split()[1:] for line in out.splitlines() if line.startswith("Ip:")]
    return int(dict(zip(keys, values))[name])


def fragments(lan):
    """Packets that were cut or put together, anywhere."""
    return sum(counter(n, what) for n in [lan.netns] + [n.netns for n in lan.nodes]
               for what in ("FragCreates", "ReasmReqds", "FragOKs"))


def test_each_way_is_the_right_one(lan, web):
    wait_until("all ways are there", lambda: all(n.routes().count("10.244.") >= 2 for n in lan.nodes))
    """By plain route where both are on one link, by VXLAN else."""
    where = {n.name: web.json("get", "node", n.name)["spec"]["podCIDR"] for n in lan.nodes}
    for n in lan.nodes:
        for other in lan.nodes:
            if other is n:
                continue
            line = next(x for x in n.routes().splitlines() if x.startswith(where[other.name]))
            direct = other.bridge == n.bridge
            assert (f"via {other.address} " in line) == direct, line
            assert ("dev knx" in line) == (not direct), line


@pytest.mark.parametrize("name", NODES)
def test_pod_to_pod(web, name):
    for p in pods(web):
        ip = p["status"]["podIP"]
        assert requests_in_pod(web, f"http://{ip}:8080/", 1, pod=f"client-{name}") == [
            f"hello from {p['metadata']['name']}"]
        assert " 0% packet loss" in web.run("exec", f"client-{name}", "--", "ping", "-c", "1", "-W",
                                            "2", ip)


@pytest.mark.parametrize("name", NODES)
def test_service_and_names(lan, web, name):
    want = {f"hello from {p['metadata']['name']}" for p in pods(web)}
    for url in ("http://web/", f"http://{web.json('get', 'service', 'web')['spec']['clusterIP']}/"):
        got = requests_in_pod(web, url, 40, pod=f"client-{name}")
        assert len(got) == 40 and set(got) == want
    ip = web.json("get", "service", "web")["spec"]["clusterIP"]
    p = node(lan, name).on_host("sh", "-c", f"for i in $(seq 40); do curl -sS -m 5 http://{ip}/ 2>&1; done")
    assert set(p.stdout.splitlines()) == want


def test_pods_reach_the_other_nodes_themselves(lan, web):
    """With the node's address where a router, which knows no pods, stands between."""
    for name in NODES:
        for n in lan.nodes:
            out = web.run("exec", f"client-{name}", "--", "sh", "-c",
                          f"nc -w 3 {n.address} 10250 </dev/null && echo open || echo closed")
            assert out.split()[-1] == "open", (name, n.name)


def outside(lan, *argv, timeout=30):
    return subprocess.run(["nsenter", f"--net=/run/netns/{lan.netns}", "--", *map(str, argv)],
                          capture_output=True, text=True, timeout=timeout, check=False)


def test_a_megabyte_each_way_and_no_fragment(lan, web):
    before = fragments(lan)
    for name in NODES:
        for p in pods(web):
            url = f"http://{p['status']['podIP']}:8080/big"
            out = web.run("exec", f"client-{name}", "--", "sh", "-c",
                          f"timeout 10 wget -q -O - {url} | wc -c")
            assert int(out) == BIG, url
        pid = node(lan, name).container_pids("sleep")[0]
        ways = subprocess.run(["nsenter", "-t", str(pid), "-n", "--", "ip", "route"],
                              capture_output=True, text=True, check=True).stdout
        assert re.search(r"10\.244\.0\.0/16 via 169\.254\.1\.1 .*mtu 1450", ways), ways
    assert fragments(lan) == before


def test_node_port_from_outside(lan, web):
    """Each node takes requests for pods behind the router; large ones, too."""
    web.run("patch", "service", "web", "-p", '{"spec":{"type":"NodePort"}}')
    port = web.json("get", "service", "web")["spec"]["ports"][0]["nodePort"]
    want = {f"hello from {p['metadata']['name']}" for p in pods(web)}
    before = fragments(lan)
    (lan.dir / "big").write_bytes(b"x" * BIG)
    for n in lan.nodes:
        def ask(url=f"http://{n.address}:{port}/"):
            return {outside(lan, "curl", "-sS", "-m", "2", url).stdout.strip() for _ in range(25)}
        wait_until(f"all pods answer at {n.name}", lambda: ask() == want)
        for _ in range(6):
            out = outside(lan, "sh", "-c", f"curl -sS -m 10 http://{n.address}:{port}/big | wc -c")
            assert int(out.stdout) == BIG
            out = outside(lan, "curl", "-sS", "-m", "10", "--data-binary", f"@{lan.dir}/big",
                          f"http://{n.address}:{port}/cgi-bin/count")
            assert out.stdout.strip() == str(BIG), out
    assert fragments(lan) == before
    web.run("patch", "service", "web", "-p", '{"spec":{"type":"ClusterIP"}}')


def test_a_narrow_path_is_found_out(lan, web):
    """The router takes less than the nodes' links do: no fragment, no hole."""
    before = fragments(lan)
    lan.ip("link", "set", "br1", "mtu", "1300")
    lan.ip("route", "replace", "10.99.1.0/24", "dev", "br1", "mtu", "1300")
    try:
        for source, client in (("n2", "client-n1"), ("n1", "client-n2")):
            ip = next(p for p in pods(web) if p["spec"]["nodeName"] == source)["status"]["podIP"]
            out = web.run("exec", client, "--", "sh", "-c",
                          f"timeout 20 wget -q -O - http://{ip}:8080/big | wc -c")
            assert int(out) == BIG, source
        assert fragments(lan) == before
    finally:
        lan.ip("link", "set", "br1", "mtu", "1500")
        lan.ip("route", "replace", "10.99.1.0/24", "dev", "br1")


def test_a_node_moves_to_the_other_network(lan, web):
    """It gets another address; all ways to and from it are made anew, and its pods stay."""
    n, other = node(lan, "n3"), node(lan, "n2")
    cidr = web.json("get", "node", "n3")["spec"]["podCIDR"]
    assert f"{cidr} via 10.244." in other.routes()
    n.daemon.stop()
    before = web.json("get", "pods", "-l", "app=web")["items"]
    lan.ip("link", "set", n.port, "nomaster")
    n.move(RoutedLan.SEGMENTS[1])
    lan.ip("link", "set", n.port, "master", n.bridge)
    for args in (["addr", "flush", "dev", "up0"], ["addr", "add", f"{n.address}/24", "dev", "up0"],
                 ["route", "add", "default", "via", n.gateway]):
        subprocess.run(["ip", "-n", n.netns, *args], check=True)
    n.start()
    wait_until("a plain route to it", lambda: f"{cidr} via {n.address}" in other.routes())
    wait_until("VXLAN from the former neighbour", lambda: re.search(
        f"{cidr} via 10.244.* dev knx", node(lan, "n1").routes()))
    for name in NODES:
        for p in pods(web):
            wait_until(f"{p['metadata']['name']} answers {name}", lambda: requests_in_pod(
                web, f"http://{p['status']['podIP']}:8080/", 1, pod=f"client-{name}")[0].startswith("hello"))
    assert {p["metadata"]["uid"] for p in before} == {p["metadata"]["uid"] for p in pods(web)}


def test_reset_removes_the_device(lan, web):
    n = lan.join("n4")
    wait_until("the device", lambda: "knx" in n.routes())
    n.daemon.stop()
    n.on_host(BUILD / "knarrctl", "reset", "--yes", "--root", n.root, "--node-name", n.name, "--cgroup-root",
                 n.cgroup, "--libexec-dir", BUILD)
    links = subprocess.run(["ip", "-n", n.netns, "link"], capture_output=True, text=True,
                           check=True).stdout
    assert "knx" not in links and "dev knx" not in n.routes()
    n.unplug()
    lan.nodes.remove(n)
    web.run("delete", "node", "n4")
    n.remove_groups()  # the one that `knarrctl reset` itself ran in
    assert not n.left()
