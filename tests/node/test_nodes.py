# SPDX-License-Identifier: Apache-2.0
"""Several nodes: pods reach each other across them, Services and names are the same everywhere."""
import subprocess

import pytest

from e2e_objects import apply, deployment, pod, requests_in_pod, service
from lab import wait_until
from lan import Lan, lan_fixture

NODES = ["n1", "n2", "n3"]


lan = lan_fixture(Lan, 3)


@pytest.fixture(scope="module")
def web(lan):
    """A Deployment of six, two a node, and one client pod a node."""
    k = lan.kubectl()
    d = deployment("web", 6)
    d["spec"]["template"]["spec"]["topologySpreadConstraints"] = [{
        "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}}}]
    apply(k, d, service("web"), *[pod(f"client-{n}", spec={"nodeName": n}) for n in NODES])
    k.run("rollout", "status", "deployment/web", "--timeout=60s")
    for n in NODES:
        k.run("wait", "--for=condition=Ready", f"pod/client-{n}", "--timeout=30s")
    yield k
    k.run("delete", "deployment/web", "service/web", *[f"pod/client-{n}" for n in NODES],
          "--timeout=60s")
    wait_until("no pod is left", lambda: not k.json("get", "pods")["items"])


def pods(k, app="web"):
    return [p for p in k.json("get", "pods", "-l", f"app={app}")["items"]
            if "deletionTimestamp" not in p["metadata"]]


def test_each_node_has_a_range_and_a_zone(web):
    nodes = web.json("get", "nodes")["items"]
    assert len({n["spec"]["podCIDR"] for n in nodes}) == 3
    assert {n["metadata"]["labels"]["topology.kubernetes.io/zone"] for n in nodes} == set("abc")


def test_pods_are_spread(web):
    homes = [p["spec"]["nodeName"] for p in pods(web)]
    assert sorted(homes) == ["n1", "n1", "n2", "n2", "n3", "n3"]


@pytest.mark.parametrize("node", NODES)
def test_pod_to_pod(web, node):
    for p in pods(web):
        ip = p["status"]["podIP"]
        assert requests_in_pod(web, f"http://{ip}:8080/", 1, pod=f"client-{node}") == [
            f"hello from {p['metadata']['name']}"]
        out = web.run("exec", f"client-{node}", "--", "ping", "-c", "1", "-W", "2", ip)
        assert " 0% packet loss" in out


def test_a_pod_is_seen_with_its_own_address(web):
    """Nothing between nodes rewrites addresses: what masquerade and policies count on."""
    target, source = (web.json("get", "pod", f"client-{n}")["status"]["podIP"] for n in NODES[:2])
    listen = web.popen("exec", "client-n1", "--", "nc", "-l", "-p", "7000", "-e", "env",
                       stdout=subprocess.PIPE, text=True)
    try:
        out = wait_until("it answers", lambda: web.run(
            "exec", "client-n2", "--", "sh", "-c", f"nc -w 2 {target} 7000 </dev/null | cat"))
        if "NCREMADDR" in out:
            assert source in out
    finally:
        listen.kill()
        listen.wait()


@pytest.mark.parametrize("node", NODES)
def test_service_over_all_nodes(web, lan, node):
    want = {f"hello from {p['metadata']['name']}" for p in pods(web)}
    ip = web.json("get", "service", "web")["spec"]["clusterIP"]
    for url in (f"http://{ip}/", "http://web/", "http://web.default.svc.cluster.local/"):
        got = requests_in_pod(web, url, 60, pod=f"client-{node}")
        assert len(got) == 60 and set(got) == want
    # The same from the machine itself.
    host = next(n for n in lan.nodes if n.name == node)
    p = host.on_host("sh", "-c", f"for i in $(seq 60); do curl -sS -m 5 http://{ip}/ 2>&1; done")
    assert set(p.stdout.splitlines()) == want


def test_names_are_the_same_everywhere(web):
    web.run("patch", "service", "web", "-p", '{"metadata":{"labels":{"seen":"yes"}}}')
    answers = {web.run("exec", f"client-{n}", "--", "nslookup", "web.default.svc.cluster.local")
               .split("\n\n", 1)[1] for n in NODES}
    assert len(answers) == 1


def test_node_port_of_a_node_without_the_pod(web, lan):
    """Each node takes requests for pods on others, also from outside."""
    web.run("patch", "service", "web", "-p", '{"spec":{"type":"NodePort"}}')
    port = web.json("get", "service", "web")["spec"]["ports"][0]["nodePort"]
    want = {f"hello from {p['metadata']['name']}" for p in pods(web)}
    for n in lan.nodes:
        def ask(url=f"http://{n.address}:{port}/"):
            return {subprocess.run(["nsenter", f"--net=/run/netns/{lan.netns}", "--", "curl", "-sS",
                                    "-m", "2", url], capture_output=True, text=True,
                                   check=False).stdout.strip() for _ in range(40)}
        wait_until(f"all pods answer at {n.name}", lambda: ask() == want)


@pytest.mark.parametrize("node", NODES)
def test_exec_and_logs(web, node):
    assert web.run("exec", f"client-{node}", "--", "cat", "/etc/hostname").strip() == f"client-{node}"
    p = next(p for p in pods(web) if p["spec"]["nodeName"] == node)
    assert web.call("logs", p["metadata"]["name"]).returncode == 0


def test_a_node_that_leaves_takes_its_routes_along(lan, web):
    n = lan.join("n4")
    cidr = web.json("get", "node", "n4")["spec"]["podCIDR"]
    others = lan.nodes[:3]
    wait_until("routes to it", lambda: all(f"{cidr} via {n.address}" in o.routes() for o in others))
    n.reset()
    lan.nodes.remove(n)
    web.run("delete", "node", "n4")
    wait_until("no routes", lambda: all(cidr not in o.routes() for o in others))


def answered_by(web, node, n=30):
    return set(requests_in_pod(web, "http://web/", n, pod=f"client-{node}"))


def test_a_zone_answers_its_own(web):
    """trafficDistribution: a client meets the pods of its zone, and others only when those go."""
    homes = {}
    for p in pods(web):
        homes.setdefault(p["spec"]["nodeName"], set()).add(f"hello from {p['metadata']['name']}")
    everywhere = set().union(*homes.values())
    for wish in ("PreferClose", "PreferSameNode"):
        web.run("patch", "service", "web", "-p",
                f'{{"spec":{{"trafficDistribution":"{wish}"}}}}')
        for node in NODES:
            wait_until(f"{node} stays at home", lambda: answered_by(web, node) <= homes[node])
    e = web.json("get", "endpointslices", "-l", "kubernetes.io/service-name=web")
    for x in e["items"][0]["endpoints"]:
        assert x["hints"] == {"forZones": [{"name": x["zone"]}], "forNodes": [{"name": x["nodeName"]}]}
    # The node's own pods are no longer ready: the others serve its clients.
    web.run("patch", "service", "web", "-p", '{"spec":{"trafficDistribution":"PreferClose"}}')
    mine = [p["metadata"]["name"] for p in pods(web) if p["spec"]["nodeName"] == "n2"]
    for name in mine:
        web.run("label", "pod", name, "app-", "was=web")  # out of the Service, and of the Deployment
    wait_until("n2 goes abroad", lambda: answered_by(web, "n2") - homes["n2"])
    web.run("delete", "pod", *mine)
    web.run("rollout", "status", "deployment/web", "--timeout=60s")
    web.run("patch", "service", "web", "--type=json", "-p",
            '[{"op":"remove","path":"/spec/trafficDistribution"}]')
    wait_until("all serve all", lambda: len(answered_by(web, "n1", 100)) == len(everywhere))
