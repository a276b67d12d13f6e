# SPDX-License-Identifier: Apache-2.0
"""Volumes of a CSI driver, from its registration to the last call for a volume."""
import json
import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from e2e_objects import apply, pod
from lab import cluster, wait_until  # noqa: F401  pylint: disable=unused-import
from test_e2e_volumes import claim, ran, user as user_at_once, volume

DRIVER = Path(__file__).parent / "csi_driver.py"
NAME = "disk.example.com"


class Driver:
    """The driver's process beside the node's agent."""

    def __init__(self, node, name=NAME):
        self.name, self.kubelet = name, node.root / "var/lib/kubelet"
        self.log = node.root / f"{name}.log"
        self.fail = Path(f"{self.log}.fail")
        self.p = None

    def start(self):
        self.p = subprocess.Popen(["/usr/bin/python3", DRIVER, self.name, self.kubelet, self.log])
        return self

    def stop(self):
        self.p.send_signal(signal.SIGTERM)
        self.p.wait()
        for path in self.kubelet.glob("plugins_registry/*.sock"):
            path.unlink()

    def calls(self, method=None, **values):
        """What it was asked, in order."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        rows = [json.loads(x) for x in lines if x.endswith("}")]
        return [r for r in rows if method in (None, r["call"]) and values.items() <= r.items()]


class Attacher(threading.Thread):
    """What external-attacher does, but for its finalizer."""

    def __init__(self, k):
        super().__init__(daemon=True)
        self.k, self.seen, self.ends = k, [], threading.Event()

    def run(self):
        while not self.ends.wait(0.1):
            for va in self.k.json("get", "volumeattachments")["items"]:
                if not va.get("status", {}).get("attached"):
                    self.seen.append(va)
                    self.k.call("patch", "volumeattachment", va["metadata"]["name"], "--type=merge",
                                "--subresource=status", "-p",
                                '{"status":{"attached":true,"attachmentMetadata":{"device":"sdx"}}}')


@pytest.fixture(scope="module")
def k(cluster):
    if subprocess.run(["/usr/bin/python3", "-c", "import grpc"], check=False,
                      stderr=subprocess.DEVNULL).returncode:
        pytest.skip("needs python3-grpcio")
    k = cluster.kubectl()
    yield k
    k.run("delete", "pod,pvc", "--all", "--timeout=60s")
    k.run("delete", "pv,csidriver", "--all", "--timeout=60s")


@pytest.fixture(scope="module")
def driver(k, cluster):
    apply(k, {"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": NAME},
              "spec": {"attachRequired": True, "podInfoOnMount": True, "fsGroupPolicy": "File",
                       "tokenRequests": [{"audience": "vault"}],
                       "volumeLifecycleModes": ["Persistent", "Ephemeral"]}})
    d = Driver(cluster.node).start()
    yield d
    d.stop()


@pytest.fixture(scope="module")
def attacher(k):
    a = Attacher(k)
    a.start()
    yield a
    a.ends.set()
    a.join()


def user(name, claim_name, script, spec=None):
    """With a grace period: such a pod is there until its volumes are not."""
    return user_at_once(name, claim_name, script, {"terminationGracePeriodSeconds": 1, **(spec or {})})


def csi(name, **source):
    return volume(name, {"csi": {"driver": NAME, "volumeHandle": f"handle-{name}", **source}})


def row(k):
    nodes = k.json("get", "csinodes")["items"]
    return next((d for n in nodes for d in n["spec"]["drivers"] if d["name"] == NAME), None)


def test_registers(k, driver, cluster):
    got = wait_until("the driver has a row in CSINode", lambda: row(k))
    assert got == {"name": NAME, "nodeID": f"id-of-{NAME}", "topologyKeys": [f"topology.{NAME}/rack"],
                   "allocatable": {"count": 7}}
    meta = k.json("get", "node", "n1")["metadata"]
    assert meta["labels"][f"topology.{NAME}/rack"] == "r1"
    assert json.loads(meta["annotations"]["csi.volume.kubernetes.io/nodeid"]) == {NAME: f"id-of-{NAME}"}
    owner = k.json("get", "csinode", "n1")["metadata"]["ownerReferences"][0]
    assert owner["kind"] == "Node" and owner["uid"] == meta["uid"]
    wait_until("it is told so", lambda: driver.calls("NotifyRegistrationStatus", registered=True))


def test_staged_and_published(k, driver, attacher, cluster):
    """Attached, staged once for two pods, published for each; all undone in the end."""
    apply(k, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"},
              "stringData": {"user": "me"}})
    ref = {"name": "key", "namespace": "default"}
    apply(k, csi("v1", fsType="ext4", volumeAttributes={"tier": "fast"}, nodeStageSecretRef=ref,
                 nodePublishSecretRef=ref), claim("c1", volumeName="v1"))
    group = {"securityContext": {"fsGroup": 4711}}
    apply(k, user("a", "c1", "echo kept > /d/f; stat -c %g:%a /d; sleep 3600", group),
          user("b", "c1", "sleep 3600"))
    k.run("wait", "--for=condition=Ready", "pod/a", "pod/b", "--timeout=60s")
    wait_until("both pods see it", lambda: "kept" in k.call("exec", "b", "--", "cat", "/d/f").stdout)
    assert k.run("logs", "a").startswith("4711:")
    assert len(attacher.seen) == 1 and attacher.seen[0]["spec"] == {
        "attacher": NAME, "nodeName": "n1", "source": {"persistentVolumeName": "v1"}}
    staged, = driver.calls("NodeStageVolume", id="handle-v1")
    assert staged["context"] == {"device": "sdx"} and staged["secrets"] == {"user": "me"}
    assert staged["attributes"] == {"tier": "fast"} and staged["fsType"] == "ext4"
    assert staged["path"].startswith(f"{driver.kubelet}/plugins/kubernetes.io/csi/{NAME}/")
    first = driver.calls("NodePublishVolume", id="handle-v1")[0]
    assert first["staged"] == staged["path"] and first["mode"] == 7 and not first["readonly"]
    attributes = first["attributes"]
    assert attributes["tier"] == "fast" and attributes["csi.storage.k8s.io/pod.name"] in "ab"
    assert attributes["csi.storage.k8s.io/ephemeral"] == "false"
    token = json.loads(attributes["csi.storage.k8s.io/serviceAccount.tokens"])["vault"]
    assert token["token"].count(".") == 2 and token["expirationTimestamp"].endswith("Z")
    assert first["path"].endswith("/volumes/kubernetes.io~csi/v1/mount")
    data = json.loads((Path(first["path"]).parent / "vol_data.json").read_text())
    assert data["driverName"] == NAME and data["volumeHandle"] == "handle-v1"
    status = k.json("get", "node", "n1")["status"]
    assert status["volumesInUse"] == [f"kubernetes.io/csi/{NAME}^handle-v1"]
    assert [v["name"] for v in status["volumesAttached"]] == status["volumesInUse"]

    k.run("delete", "pod", "a", "--timeout=60s")
    assert len(driver.calls("NodeUnpublishVolume", id="handle-v1")) == 1
    assert not driver.calls("NodeUnstageVolume")
    k.run("delete", "pod", "b", "--timeout=60s")
    wait_until("it is unstaged", lambda: driver.calls("NodeUnstageVolume", id="handle-v1"))
    wait_until("it is detached", lambda: not k.json("get", "volumeattachments")["items"])
    wait_until("nothing is in use", lambda: not any(
        k.json("get", "node", "n1")["status"].get(x) for x in ("volumesInUse", "volumesAttached")))
    assert not os.path.exists(os.path.dirname(staged["path"]))
    assert not os.path.exists(os.path.dirname(first["path"]))


def test_agent_restarts(k, driver, attacher, cluster):
    """A pod goes on while the agent is away; the next agent grows its volume and takes it down."""
    apply(k, csi("v2"), claim("c2", volumeName="v2"), user("r", "c2", "sleep 3600"))
    k.run("wait", "--for=condition=Ready", "pod/r", "--timeout=60s")
    cluster.node.daemon.kill()
    cluster.node.start()
    wait_until("the driver is registered again",
               lambda: len(driver.calls("NotifyRegistrationStatus", registered=True)) > 1)
    assert k.run("exec", "r", "--", "sh", "-c", "echo 1 > /d/x; cat /d/x").strip() == "1"
    # What external-resizer leaves to the node; the driver refuses at first.
    driver.fail.write_text("NodeExpandVolume 13 no room")
    k.run("patch", "pv", "v2", "--type=merge", "-p", '{"spec":{"capacity":{"storage":"2Gi"}}}')
    told = lambda: {(e["involvedObject"]["kind"], e["reason"], e["message"]) for e in k.json(
        "get", "events")["items"] if "NodeExpandVolume" in e["message"]}
    failed = ("Pod", "VolumeResizeFailed", 'NodeExpandVolume.NodeExpandVolume failed for volume "v2" : '
              "Expander.NodeExpand failed to expand the volume : rpc error: code = Internal desc = no room")
    wait_until("the pod's event", lambda: failed in told())
    driver.fail.unlink()
    k.run("wait", "--for=jsonpath={.status.capacity.storage}=2Gi", "pvc/c2", "--timeout=60s")
    done = ("FileSystemResizeSuccessful", 'MountVolume.NodeExpandVolume succeeded for volume "v2" n1')
    wait_until("the events of success", lambda: told() >= {
        ("Pod", *done), ("PersistentVolumeClaim", *done)})
    got = driver.calls("NodeExpandVolume", id="handle-v2")
    assert [c["bytes"] for c in got] == [2 << 30]
    assert got[0]["path"].endswith("/v2/mount") and got[0]["staged"].endswith("/globalmount")
    k.run("delete", "pod", "r", "--timeout=60s")
    wait_until("it is unstaged", lambda: driver.calls("NodeUnstageVolume", id="handle-v2"))
    assert len(driver.calls("NodePublishVolume", id="handle-v2")) == 1


def test_in_the_pod_itself(k, driver):
    """An ephemeral volume is published without being attached or staged."""
    inline = {"terminationGracePeriodSeconds": 1, "volumes": [{"name": "d", "csi": {"driver": NAME, "volumeAttributes": {"a": "b"},
                                                "readOnly": True}}], "restartPolicy": "Never"}
    assert "disk.example.com" in ran(k, pod("i", "grep ' /d ' /proc/mounts", inline,
                                            volumeMounts=[{"name": "d", "mountPath": "/d"}]))
    got, = [c for c in driver.calls("NodePublishVolume") if c["id"].startswith("csi-")]
    assert got["readonly"] and got["staged"] == "" and got["attributes"]["a"] == "b"
    assert got["attributes"]["csi.storage.k8s.io/ephemeral"] == "true"
    assert driver.calls("NodeUnpublishVolume", id=got["id"])


def test_driver_goes_and_comes(k, driver, attacher):
    """Without the driver its row goes, and a pod waits and says for what; what a driver answers comes
    with an Event, too, and the volume once it works."""
    def told(what):
        events = k.json("get", "events", "--field-selector=reason=FailedMount")["items"]
        return any(what in e["message"] for e in events)

    driver.stop()
    wait_until("the row is gone", lambda: not row(k))
    apply(k, csi("v3"), claim("c3", volumeName="v3"), user("w", "c3", "sleep 3600"))
    wait_until("the pod says what it waits for", lambda: told(
        f"driver name {NAME} not found in the list of registered CSI drivers"))
    driver.fail.write_text("NodePublishVolume 13 disk on fire")
    driver.start()
    wait_until("the pod's events say why", lambda: told(
        'MountVolume.SetUp failed for volume "v3" : rpc error: code = Internal desc = disk on fire'))
    driver.fail.unlink()
    k.run("wait", "--for=condition=Ready", "pod/w", "--timeout=60s")
    k.run("delete", "pod", "w", "--timeout=60s")
    wait_until("it is unstaged", lambda: driver.calls("NodeUnstageVolume", id="handle-v3"))


def test_mounts_of_a_container(k, cluster):
    """What a driver in a pod mounts below the kubelet's folder is there on the node."""
    kubelet = cluster.node.root / "var/lib/kubelet"
    spec = {"volumes": [{"name": "k", "hostPath": {"path": str(kubelet / "pods")}}]}
    apply(k, pod("mounts", f"mkdir -p {kubelet}/pods/x && mount -t tmpfs from-pod {kubelet}/pods/x; sleep 3600",
                 spec, securityContext={"privileged": True},
                 volumeMounts=[{"name": "k", "mountPath": f"{kubelet}/pods",
                                "mountPropagation": "Bidirectional"}]))
    wait_until("the node has the mount", lambda: os.path.ismount(kubelet / "pods/x"))
    subprocess.run(["umount", kubelet / "pods/x"], check=True)
    wait_until("the pod has it no more", lambda: "from-pod" not in k.run(
        "exec", "mounts", "--", "cat", "/proc/mounts"))
    k.run("delete", "pod", "mounts", "--timeout=60s")
