# SPDX-License-Identifier: Apache-2.0
"""Devices of a driver, from its registration to the last call for a claim."""
import json
import signal
import subprocess
from pathlib import Path

import pytest

from e2e_objects import apply, pod
from lab import cluster, wait_until  # noqa: F401  pylint: disable=unused-import

DRIVER = Path(__file__).parent / "dra_driver.py"
NAME = "gpu.example.com"
CLASS = {"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass", "metadata": {"name": "gpu"},
         "spec": {"selectors": [{"cel": {"expression": f"device.driver == '{NAME}'"}}]}}
SLICE = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceSlice", "metadata": {"name": "n1-gpus"}, "spec": {
    "driver": NAME, "nodeName": "n1", "pool": {"name": "pool", "generation": 1, "resourceSliceCount": 1},
    "devices": [{"name": "gpu-0"}]}}
SPEC = {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": "gpu"}}]}}
TEMPLATE = {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaimTemplate", "metadata": {"name": "gpu"},
            "spec": {"spec": SPEC}}


class Driver:
    """The driver's process beside the node's agent."""

    def __init__(self, node):
        self.kubelet, self.cdi = node.root / "var/lib/kubelet", node.root / "var/run/cdi"
        self.log = node.root / "dra.log"
        self.fail = Path(f"{self.log}.fail")
        self.p = None

    def start(self):
        self.p = subprocess.Popen(["/usr/bin/python3", DRIVER, NAME, self.kubelet, self.cdi, self.log])
        return self

    def stop(self):
        self.p.send_signal(signal.SIGTERM)
        self.p.wait()
        for path in self.kubelet.glob("plugins_registry/*.sock"):
            path.unlink()

    def calls(self, **values):
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        rows = [json.loads(x) for x in lines if x.endswith("}")]
        return [r for r in rows if values.items() <= r.items()]


@pytest.fixture(scope="module")
def k(cluster):
    if subprocess.run(["/usr/bin/python3", "-c", "import grpc"], check=False,
                      stderr=subprocess.DEVNULL).returncode:
        pytest.skip("needs python3-grpcio")
    k = cluster.kubectl()
    apply(k, CLASS, SLICE, TEMPLATE)
    return k


@pytest.fixture(scope="module")
def driver(k, cluster):
    d = Driver(cluster.node).start()
    wait_until("the driver is registered", lambda: d.calls(call="registered", ok=True))
    yield d
    k.call("delete", "pod", "--all", "--timeout=30s")  # only the driver can let go of them
    d.stop()


def user(name, script, claim=None):
    """A pod whose first container has the device, and the second has not."""
    source = {"resourceClaimName": claim} if claim else {"resourceClaimTemplateName": "gpu"}
    p = pod(name, script, {"terminationGracePeriodSeconds": 1, "resourceClaims": [{"name": "g", **source}]},
            resources={"claims": [{"name": "g", "request": "gpu"}]})
    p["spec"]["containers"].append({**p["spec"]["containers"][0], "name": "other", "resources": {},
                                    "command": ["sh", "-c", "sleep 3600"]})
    return p


def ready(k, name):
    k.run("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")


def in_pod(k, name, script, container="c"):
    return k.run("exec", name, "-c", container, "--", "sh", "-c", script)


def test_prepared_and_given_back(k, driver, cluster):
    """Prepared before the containers start, which get what the CDI file says; undone in the end. The pod
    and its device outlive the agent."""
    apply(k, user("a", "sleep 3600"))
    ready(k, "a")
    claim, = k.json("get", "resourceclaims")["items"]
    uid = claim["metadata"]["uid"]
    assert driver.calls(call="prepare", uid=uid)[0]["name"] == claim["metadata"]["name"]
    assert in_pod(k, "a", "echo $CLAIM $DEVICE").split() == [claim["metadata"]["name"], uid]
    assert in_pod(k, "a", "test -c /dev/knarr0 && ls /claims").strip() == f"{NAME}-{uid}.json"
    assert "no" in in_pod(k, "a", "test -e /dev/knarr0 || echo no", "other")
    cluster.node.daemon.kill()
    cluster.node.start()
    wait_until("the driver is registered again", lambda: len(driver.calls(call="registered", ok=True)) > 1)
    assert in_pod(k, "a", "echo $DEVICE").strip() == uid
    k.run("delete", "pod", "a", "--timeout=60s")
    assert driver.calls(call="unprepare", uid=uid)
    assert len(driver.calls(call="prepare", uid=uid)) == 1
    wait_until("the claim is gone", lambda: not k.json("get", "resourceclaims")["items"])
    assert not list((cluster.node.root / "var/lib/knarr/agent/devices").glob("*"))


def test_shared(k, driver):
    """One claim of two pods is prepared once, and given back after the second."""
    apply(k, {"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim", "metadata": {"name": "s"}, "spec": SPEC},
          user("s-1", "sleep 3600", "s"), user("s-2", "sleep 3600", "s"))
    ready(k, "s-1")
    ready(k, "s-2")
    assert len(driver.calls(call="prepare", name="s")) == 1
    k.run("delete", "pod", "s-1", "--timeout=60s")
    assert not driver.calls(call="unprepare", name="s")
    assert in_pod(k, "s-2", "echo $CLAIM").strip() == "s"
    k.run("delete", "pod", "s-2", "--timeout=60s")
    assert driver.calls(call="unprepare", name="s")


def test_failures_are_told(k, driver):
    """What the driver says comes with an Event; the pod runs once it works."""
    driver.fail.write_text("")
    apply(k, user("f", "sleep 3600"))

    def events():
        return [e["message"] for e in k.json("get", "events")["items"]
                if e["reason"] == "FailedPrepareDynamicResources" and e["involvedObject"]["name"] == "f"]
    wait_until("an Event", events)
    claim, = [c for c in k.json("get", "resourceclaims")["items"] if c["metadata"]["name"].startswith("f-")]
    assert events()[0] == "Failed to prepare dynamic resources: NodePrepareResources failed for ResourceClaim " \
        f"{claim['metadata']['name']}: out of order"
    driver.fail.unlink()
    ready(k, "f")
    k.run("delete", "pod", "f", "--timeout=60s")
