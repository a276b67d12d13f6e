# SPDX-License-Identifier: Apache-2.0
"""The provider metal with real nodes: a Service gets its address from the inventory, a machine on the
same link reaches it, and goes on doing so when the node that announces it dies."""
import time
from pathlib import Path

import pytest

from e2e_objects import apply, deployment, service
from lab import wait_until
from lan import Lan, LanNode, lan_fixture
from test_load_balancer import VIP, Client, mac_of

INVENTORY = f"""
region: north
machines:
- {{name: n1, zone: a, type: small}}
- {{name: n2, zone: b}}
- {{name: n3, zone: c, externalAddresses: [198.51.100.3]}}
pools:
- {{name: link, addresses: [{VIP}]}}
"""


class CloudLan(Lan):
    def __init__(self, dir):
        conf = Path(dir) / "inventory.yaml"
        conf.write_text(INVENTORY)
        super().__init__(dir, master_options=["--cloud", "metal", "--cloud-config", conf])
        self.inventory = conf

    def join(self, name):
        """They say nothing of their zone and wait for the provider."""
        return self.add_node(name, join=True, netns=f"{self.id}-{name}", kind=LanNode,
                             options=["--external-cloud"])


lan = lan_fixture(CloudLan, 3)


@pytest.fixture
def client(lan):
    c = Client(lan)
    yield c
    c.remove()


def announcer(k):
    s = k.json("get", "service", "web")
    return s["metadata"].get("annotations", {}).get("knarr.io/announced-by")


def test_nodes(lan):
    def read():
        return {n["metadata"]["name"]: n for n in lan.kubectl().json("get", "nodes")["items"]}
    wait_until("no taint is left", lambda: not any(n["spec"].get("taints") for n in read().values()))
    nodes = read()
    assert nodes["n1"]["spec"]["providerID"] == "metal://n1"
    assert nodes["n1"]["metadata"]["labels"]["node.kubernetes.io/instance-type"] == "small"
    assert nodes["n1"]["metadata"]["labels"]["topology.kubernetes.io/region"] == "north"
    assert nodes["n1"]["metadata"]["labels"]["topology.kubernetes.io/zone"] == "a"
    assert {"type": "ExternalIP", "address": "198.51.100.3"} in nodes["n3"]["status"]["addresses"]


def test_announcer_dies(lan, client):
    k = lan.kubectl()
    apply(k, deployment("web", 3), service("web", type="LoadBalancer"))
    k.run("rollout", "status", "deployment/web", "--timeout=60s")
    wait_until("it answers", lambda: client.get().stdout.startswith("hello from"))
    first = announcer(k)
    node = {n.name: n for n in lan.nodes}[first]
    assert client.mac() == mac_of(node)
    # The machine is gone from one moment to the next.
    node.cable(False)
    node.power_off()
    died = time.monotonic()
    wait_until("another node is told", lambda: announcer(k) != first, every=0.02)
    told = time.monotonic() - died
    wait_until("the address answers", lambda: client.get("/", timeout="0.3").returncode == 0
               and client.mac() not in (None, mac_of(node)), every=0.02)
    print(f"told after {told:.2f} s, answers after {time.monotonic() - died:.2f} s")
    # Its node is not deleted: the inventory still has the machine. Then it has no more.
    k.run("wait", "--for=condition=Ready=Unknown", f"node/{first}", "--timeout=30s")
    time.sleep(1)
    k.run("get", "node", first)
    lan.inventory.write_text(INVENTORY.replace(f"name: {first},", "name: other,"))
    wait_until("the node is gone", lambda: k.call("get", "node", first).returncode != 0, 20)
    wait_until("its pods run elsewhere", lambda: k.json(
        "get", "deployment", "web")["status"].get("readyReplicas") == 3, 60)
    # Back in the inventory and alive: it registers anew.
    lan.inventory.write_text(INVENTORY)
    node.reboot()
    node.start()
    wait_until("it is back", lambda: k.call("wait", "--for=condition=Ready", f"node/{first}",
                                            "--timeout=1s").returncode == 0, 30)
    k.run("delete", "deployment/web", "service/web", "--timeout=60s")
    wait_until("no pod is left", lambda: not k.json("get", "pods")["items"], 60)
