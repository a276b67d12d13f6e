# SPDX-License-Identifier: Apache-2.0
"""Persistent volumes with real pods: what is written stays, whoever comes and goes."""
import os
import stat
import threading

import pytest

from e2e_objects import IMAGE, apply, pod
from lab import cluster, wait_until  # noqa: F401  pylint: disable=unused-import

HERE = {"required": {"nodeSelectorTerms": [{"matchExpressions": [
    {"key": "kubernetes.io/hostname", "operator": "In", "values": ["n1"]}]}]}}


MOUNT = """#!/bin/sh
# In place of mount(8): there is no NFS server here. What "server" exports is a folder of this machine.
for last; do from=$to to=$last; done
case "$*" in
"-t nfs denied:"*) echo "mount.nfs: access denied by server while mounting $from" >&2; exit 32 ;;
"-t nfs "*) sleep 0.2; exec /bin/mount --bind "${from#server:}" "$to" ;;
esac
exec /bin/mount "$@"
"""


@pytest.fixture(scope="module")
def mount(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bin")
    (folder / "mount").write_text(MOUNT)
    (folder / "mount").chmod(0o755)
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{folder}:{before}"
    yield
    os.environ["PATH"] = before


@pytest.fixture(scope="module")
def k(mount, cluster):
    k = cluster.kubectl()
    yield k
    k.run("delete", "statefulset,pod,pvc", "--all", "--timeout=60s")
    k.run("delete", "pv,storageclass", "--all", "--timeout=60s")


def volume(name, source, **spec):
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": {
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain", "nodeAffinity": HERE, **source, **spec}}


def claim(name, **spec):
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "", **spec}}


def user(name, claim_name, script, spec=None, mount=None, read_only=False):
    """A pod that has the claim at /d."""
    return pod(name, script, {**(spec or {}), "restartPolicy": "Never", "volumes": [
        {"name": "d", "persistentVolumeClaim": {"claimName": claim_name, "readOnly": read_only}}]},
        volumeMounts=[{"name": "d", "mountPath": "/d", **(mount or {})}])


def ran(k, p):
    """Runs a pod to its end, takes it away; its log."""
    name = p["metadata"]["name"]
    apply(k, p)
    k.run("wait", "--for=jsonpath={.status.phase}=Succeeded", f"pod/{name}", "--timeout=60s")
    log = k.run("logs", name)
    k.run("delete", "pod", name, "--timeout=60s")
    return log


def phase(k, kind, name):
    return k.json("get", kind, name)["status"].get("phase")


def test_data_stays(k, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "old").write_text("x")
    os.chmod(folder / "old", 0o600)
    apply(k, volume("stays", {"local": {"path": str(folder)}}), claim("stays"))
    secure = {"securityContext": {"fsGroup": 4321}}
    assert ran(k, user("one", "stays", "echo hello > /d/f; mkdir /d/sub; echo deep > /d/sub/g; id -G", secure))
    assert ran(k, user("two", "stays", "cat /d/f")) == "hello\n"
    assert ran(k, user("three", "stays", "ls /d; cat /d/g", mount={"subPath": "sub"})) == "g\ndeep\n"
    assert ran(k, user("four", "stays", "(echo no > /d/f) 2>/dev/null || echo refused; cat /d/f",
                       read_only=True)) == "refused\nhello\n"
    os.chmod(folder / "old", 0o600)  # not as the folder itself says: every start looks at all
    assert ran(k, user("five", "stays", "cat /d/old", {"securityContext": {
        "fsGroup": 4321, "runAsUser": 1000}})) == "x"
    # Everything is the group's, also what was there before, and what came is so by inheritance.
    for name in ("", "old", "f", "sub"):
        assert (folder / name).stat().st_gid == 4321, name
    assert (folder / "old").stat().st_mode & 0o660 == 0o660
    assert phase(k, "pvc", "stays") == "Bound"


def test_waits_for_its_claim(k, tmp_path):
    """A pod that no scheduler looked at: the node itself waits, and says for what."""
    apply(k, user("early", "later", "cat /d/f", {"nodeName": "n1"}))
    wait_until("the pod's event", lambda: any(
        'failed to process volumes=[d]: error processing PVC default/later: failed to fetch PVC from '
        'API server: persistentvolumeclaims "later" not found' in e["message"]
        for e in k.json("get", "events", "--field-selector=reason=FailedMount")["items"]))
    (tmp_path / "f").write_text("here\n")
    apply(k, claim("later", volumeName="later"))
    wait_until("the claim is looked at", lambda: phase(k, "pvc", "later") == "Pending")
    apply(k, volume("later", {"hostPath": {"path": str(tmp_path), "type": "Directory"}}))
    k.run("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/early", "--timeout=60s")
    assert k.run("logs", "early") == "here\n"
    k.run("delete", "pod", "early", "--timeout=60s")


def test_nfs(k, cluster, tmp_path):
    """Mounted by a program beside the agent, for each pod; as a claim's and as the pod's own."""
    (tmp_path / "f").write_text("exported\n")
    share = {"server": "server", "path": str(tmp_path)}
    apply(k, volume("share", {"nfs": share}, accessModes=["ReadWriteMany"], nodeAffinity=None),
          claim("share", accessModes=["ReadWriteMany"], volumeName="share"))
    assert ran(k, user("n1", "share", "cat /d/f")) == "exported\n"
    p = pod("n2", "cat /d/f", {"restartPolicy": "Never", "volumes": [{"name": "d", "nfs": share}]},
            volumeMounts=[{"name": "d", "mountPath": "/d"}])
    assert ran(k, p) == "exported\n"
    apply(k, user("n3", "share", "sleep 3600"))
    k.run("wait", "--for=condition=Ready", "pod/n3", "--timeout=60s")
    (cluster.node.daemon.stop(), cluster.node.start())  # a new agent unmounts what the old one mounted
    k.run("delete", "pod", "n3", "--timeout=60s")
    wait_until("nothing is mounted", lambda: "kubernetes.io~nfs" not in open(
        "/proc/mounts", encoding="utf-8").read())
    assert (tmp_path / "f").read_text() == "exported\n"
    p["metadata"]["name"], p["spec"]["volumes"][0]["nfs"] = "n4", {"server": "denied", "path": "/x"}
    apply(k, p)
    wait_until("the pod's event", lambda: any(
        'MountVolume.SetUp failed for volume "d" : mount failed: exit status 32' in e["message"] and
        "access denied by server while mounting denied:/x" in e["message"]
        for e in k.json("get", "events", "--field-selector=reason=FailedMount")["items"]))
    k.run("delete", "pod", "n4", "--timeout=60s")


def test_goes_when_unused(k, tmp_path):
    apply(k, volume("used", {"hostPath": {"path": str(tmp_path)}}), claim("used", volumeName="used"),
          user("holder", "used", "sleep 3600"))
    k.run("wait", "--for=condition=Ready", "pod/holder", "--timeout=60s")
    k.run("delete", "pvc", "used", "--wait=false")
    k.run("delete", "pv", "used", "--wait=false")
    assert k.json("get", "pvc", "used")["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    assert phase(k, "pod", "holder") == "Running"
    k.run("delete", "pod", "holder", "--timeout=60s")
    wait_until("both are gone", lambda: k.call("get", "pvc", "used").returncode and
               k.call("get", "pv", "used").returncode)


def test_block(k, tmp_path):
    device = tmp_path / "dev"
    os.mknod(device, 0o600 | stat.S_IFBLK, os.makedev(1, 15))
    apply(k, volume("block", {"local": {"path": str(device)}}, volumeMode="Block"),
          claim("block", volumeMode="Block", volumeName="block"))
    p = user("raw", "block", "test -b /dev/raw && stat -c %t:%T /dev/raw")
    p["spec"]["containers"][0].pop("volumeMounts")
    p["spec"]["containers"][0]["volumeDevices"] = [{"name": "d", "devicePath": "/dev/raw"}]
    assert ran(k, p) == "1:f\n"


@pytest.fixture
def provisioner(k, cluster, tmp_path):
    """A class whose volumes are made here, on the node that the scheduler chose, and deleted."""
    apply(k, {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "made"},
              "provisioner": "knarr.test/folders", "volumeBindingMode": "WaitForFirstConsumer",
              "reclaimPolicy": "Delete"})
    stop = threading.Event()

    def look():
        for c in k.json("get", "pvc", "-A")["items"]:
            notes, meta = c["metadata"].get("annotations", {}), c["metadata"]
            if notes.get("volume.kubernetes.io/storage-provisioner") != "knarr.test/folders" or \
                    not notes.get("volume.kubernetes.io/selected-node") or c["spec"].get("volumeName"):
                continue
            name = "pvc-" + meta["uid"]
            if k.call("get", "pv", name).returncode == 0:
                continue
            (tmp_path / name).mkdir(exist_ok=True)
            v = volume(name, {"hostPath": {"path": str(tmp_path / name)}}, storageClassName="made",
                       persistentVolumeReclaimPolicy="Delete", claimRef={
                           "apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": meta["name"],
                           "namespace": meta["namespace"], "uid": meta["uid"]})
            v["metadata"]["annotations"] = {"pv.kubernetes.io/provisioned-by": "knarr.test/folders"}
            apply(k, v)
        for v in k.json("get", "pv")["items"]:
            if v["status"].get("phase") == "Released" and v["spec"].get("storageClassName") == "made":
                k.run("delete", "pv", v["metadata"]["name"], "--timeout=60s")

    def run():
        while not stop.wait(0.2):
            try:
                look()
            except (AssertionError, ValueError, OSError) as e:
                print("provisioner:", e)  # what it looked at has gone meanwhile: again
    t = threading.Thread(target=run)
    t.start()
    yield tmp_path
    stop.set()
    t.join()


def test_stateful_set(k, provisioner):
    """Each pod has its own volume, and finds it again; what goes with the set goes with the set."""
    apply(k, {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {
        "replicas": 2, "serviceName": "db", "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": {"app": "db"}},
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
        "template": {"metadata": {"labels": {"app": "db"}}, "spec": {
            "terminationGracePeriodSeconds": 0, "containers": [{
                "name": "c", "image": IMAGE, "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                "command": ["sh", "-c", "hostname >> /data/log; exec sleep 3600"]}]}},
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "made",
            "resources": {"requests": {"storage": "1Mi"}}}}]}})
    k.run("rollout", "status", "statefulset/db", "--timeout=60s")
    k.run("scale", "statefulset/db", "--replicas=0")
    k.run("wait", "--for=delete", "pod", "-l", "app=db", "--timeout=60s")
    assert len(k.json("get", "pvc", "-l", "app=db")["items"]) == 2
    k.run("scale", "statefulset/db", "--replicas=2")
    k.run("rollout", "status", "statefulset/db", "--timeout=60s")
    for i in range(2):
        assert k.run("exec", f"db-{i}", "--", "cat", "/data/log") == f"db-{i}\n" * 2
    k.run("delete", "statefulset", "db", "--timeout=60s")
    wait_until("claims and volumes are gone", lambda: not k.json("get", "pvc", "-l", "app=db")["items"] and
               not [v for v in k.json("get", "pv")["items"] if v["spec"].get("storageClassName") == "made"])


def test_ephemeral(k, provisioner):
    p = pod("own", "echo x > /d/f; exec sleep 3600", {"volumes": [{"name": "d", "ephemeral": {
        "volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "made",
                                         "resources": {"requests": {"storage": "1Mi"}}}}}}]},
            volumeMounts=[{"name": "d", "mountPath": "/d"}])
    apply(k, p)
    k.run("wait", "--for=condition=Ready", "pod/own", "--timeout=60s")
    assert phase(k, "pvc", "own-d") == "Bound"
    k.run("delete", "pod", "own", "--timeout=60s")
    wait_until("the claim went with its pod", lambda: k.call("get", "pvc", "own-d").returncode)
