# SPDX-License-Identifier: Apache-2.0
"""knarrctl local: a cluster of several nodes in one command, and nothing left of it afterwards.

It runs in a network namespace of the test's, as the bridge would be the machine's otherwise."""
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
    assert local.run("up").returncode == 1  # there is one
    p = local.run("down")
    assert p.returncode == 0, p.stderr
    assert not local.left()


def test_wrong_input(local):
    for args, what in ((["sideways"], "up"), (["up", "--nodes", 0], "--nodes"),
                       (["up", "--nodes", 2, "--zones", 3], "--zones"),
                       (["up", "--masters", 2], "--masters"),
                       (["up", "--nodes", 1, "--agent-option=--no-such"], "no-such")):
        p = local.run(*args)
        assert p.returncode in (1, 2) and what in p.stderr, (args, p.stderr)
        assert not local.left()
    assert local.run("down").returncode == 0  # of nothing
