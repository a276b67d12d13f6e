# SPDX-License-Identifier: Apache-2.0
"""knarrctl local: a cluster of several nodes in one command, and nothing left of it afterwards.

It runs in a network namespace of the test's, as the bridge would be the machine's otherwise."""
import json
import os
import subprocess
from pathlib import Path

import pytest

from e2e_objects import apply, deployment, service
from lab import BUILD, TOP, Kubectl, need_root, wait_until


class Local:
    def __init__(self, folder):
        self.netns, self.dir = f"ktl{os.getpid()}", folder / "local"
        self.hello = folder / "hello.tar"

    def run(self, *args):
        return subprocess.run(["nsenter", f"--net=/run/netns/{self.netns}", "--",
                               BUILD / "knarrctl", "local", *map(str, args), "--dir", self.dir],
                              capture_output=True, text=True, timeout=120, check=False)

    def left(self):
        found = [str(self.dir)] if self.dir.exists() else []
        found += [str(p) for p in Path("/sys/fs/cgroup").glob("*/kn-local-*")]
        found += [str(p) for p in Path("/run/netns").glob("kn-local-*")]
        for p in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if str(self.dir).encode() in p.read_bytes():
                    found.append(str(p))
            except OSError:
                pass
        return found + [line for line in Path("/proc/self/mountinfo").read_text().splitlines()
                        if str(self.dir) in line]


@pytest.fixture
def local(tmp_path):
    need_root()
    if list(Path("/run/netns").glob("kn-local-*")):
        pytest.skip("a local cluster runs on this machine")
    c = Local(tmp_path)
    subprocess.run([TOP / "scripts/make-hello-image", c.hello], check=True)
    subprocess.run(["ip", "netns", "add", c.netns], check=True)
    subprocess.run(["ip", "-n", c.netns, "link", "set", "lo", "up"], check=True)
    yield c
    c.run("down")
    subprocess.run(["ip", "netns", "del", c.netns], check=True)


def test_up_and_down(local):
    p = local.run("up", "--nodes", 3, "--zones", 3, "--image", local.hello)
    assert p.returncode == 0, p.stderr
    kubeconfig = local.dir / "etc/admin.conf"
    assert f"KUBECONFIG={kubeconfig}" in p.stdout
    k = Kubectl(kubeconfig, netns=local.netns)
    nodes = k.json("get", "nodes")["items"]
    zones = {n["metadata"]["labels"]["topology.kubernetes.io/zone"] for n in nodes}
    assert zones == {"zone-1", "zone-2", "zone-3"}
    d = deployment("web", 3)
    d["spec"]["template"]["spec"]["topologySpreadConstraints"] = [{
        "maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"app": "web"}}}]
    apply(k, d, service("web", type="NodePort"))
    k.run("rollout", "status", "deployment/web", "--timeout=60s")
    assert len({p["spec"]["nodeName"] for p in k.json("get", "pods")["items"]}) == 3
    port = k.json("get", "service", "web")["spec"]["ports"][0]["nodePort"]
    wait_until("the service answers", lambda: "hello from" in subprocess.run(
        ["nsenter", f"--net=/run/netns/{local.netns}", "--", "curl", "-sS", "-m", "2",
         f"http://10.98.0.11:{port}/"], capture_output=True, text=True, check=False).stdout)
    apply(k, service("lb", selector={"app": "web"}, type="LoadBalancer"))
    ip = wait_until("it has an address", lambda: k.json(
        "get", "service", "lb")["status"]["loadBalancer"]["ingress"][0]["ip"])
    assert ip.startswith("10.98.0.2")
    wait_until("the address answers", lambda: "hello from" in subprocess.run(
        ["nsenter", f"--net=/run/netns/{local.netns}", "--", "curl", "-sS", "-m", "2",
         f"http://{ip}/"], capture_output=True, text=True, check=False).stdout)
    assert local.run("up").returncode == 1  # there is one
    p = local.run("down")
    assert p.returncode == 0, p.stderr
    assert not local.left()


def test_dual_stack(local):
    """Node, pod, Service and load balancer have an address of each family."""
    p = local.run("up", "--nodes", 1, "--dual-stack", "--image", local.hello)
    assert p.returncode == 0, p.stderr
    k = Kubectl(local.dir / "etc/admin.conf", netns=local.netns)
    n = k.json("get", "node", "n1")
    assert [":" in r for r in n["spec"]["podCIDRs"]] == [False, True]
    assert [a["address"] for a in n["status"]["addresses"] if a["type"] == "InternalIP"] == ["10.98.0.11", "fd00:98::11"]
    apply(k, deployment("web", 1), service("web", type="LoadBalancer", ipFamilyPolicy="RequireDualStack"))
    k.run("rollout", "status", "deployment/web", "--timeout=60s")
    pod = k.json("get", "pods")["items"][0]
    ips = [i["ip"] for i in pod["status"]["podIPs"]]
    assert [":" in i for i in ips] == [False, True]
    urls = [f"http://{ips[0]}:8080/", f"http://[{ips[1]}]:8080/"] + [
        f"http://[{i}]/" if ":" in i else f"http://{i}/" for i in k.json("get", "service", "web")["spec"]["clusterIPs"]]
    for url in urls:
        wait_until(url, lambda url=url: "hello from" in k.call(
            "exec", pod["metadata"]["name"], "--", "wget", "-q", "-O", "-", url).stdout)
    outside = wait_until("two addresses", lambda: (lambda v: len(v) == 2 and v)([i["ip"] for i in (k.json(
        "get", "service", "web")["status"]["loadBalancer"].get("ingress") or [])]))
    assert outside == ["10.98.0.200", "fd00:98::200"]
    assert local.run("down").returncode == 0
    assert not local.left()


def test_wrong_input(local):
    for args, what in ((["sideways"], "up"), (["up", "--nodes", 0], "--nodes"),
                       (["up", "--nodes", 2, "--zones", 3], "--zones"),
                       (["up", "--masters", 10], "--masters"),
                       (["up", "--nodes", 1, "--agent-option=--no-such"], "no-such")):
        p = local.run(*args)
        assert p.returncode in (1, 2) and what in p.stderr, (args, p.stderr)
        assert not local.left()
    assert local.run("down").returncode == 0  # of nothing


def test_three_masters(local):
    p = local.run("up", "--masters", 3, "--nodes", 3, "--zones", 3, "--image", local.hello)
    assert p.returncode == 0, p.stderr
    assert "3 masters and 3 nodes" in p.stdout
    k = Kubectl(local.dir / "etc/admin.conf", netns=local.netns)
    c = Kubectl(local.dir / "etc/admin.conf", None, "knarrctl", netns=local.netns)
    rows = c.run("member", "list").splitlines()[1:]
    assert len(rows) == 3 and sum(" leader " in r for r in rows) == 1
    slices = k.json("get", "endpointslices", "kubernetes")
    assert sorted(e["addresses"][0] for e in slices["endpoints"]) == [
        "10.98.0.1", "10.98.0.2", "10.98.0.3"]
    assert len(k.json("get", "endpoints", "kubernetes")["subsets"][0]["addresses"]) == 3
    # The first one goes: knarrctl turns to another by itself, and so do the agents.
    pid = int((local.dir / "master.pid").read_text().split()[0])
    os.kill(pid, 9)
    wait_until("the others know", lambda: "kubernetes" in c.run("get", "services"))
    wait_until("it is no endpoint", lambda: len(json.loads(
        c.run("get", "endpointslices", "kubernetes", "-o", "json"))["endpoints"]) == 2)
    c.run("apply", "-f", "-", input=json.dumps(deployment("web", 3)))
    wait_until("its pods run", lambda: "3/3" in c.run("get", "deployments"), timeout=60)
    p = local.run("down")
    assert p.returncode == 0, p.stderr
    assert not local.left()
