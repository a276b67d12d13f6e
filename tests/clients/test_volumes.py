# SPDX-License-Identifier: Apache-2.0
"""Persistent volumes in a real master, as kubectl and a provisioner see them; two nodes that exist
only as API objects."""
import threading

import pytest
import yaml
from knarr_test import Master, wait_for
from test_controllers import MERGE, PODS, Node, at_work, items

PVS, CLASSES = "/api/v1/persistentvolumes", "/apis/storage.k8s.io/v1/storageclasses"
PVCS = "/api/v1/namespaces/{}/persistentvolumeclaims"
HOST = "kubernetes.io/hostname"
BY = "knarr.test/local-path"
SELECTED = "volume.kubernetes.io/selected-node"


class Provisioner(threading.Thread):
    """What rancher.io/local-path does by way of sig-storage-lib-external-provisioner."""

    def __init__(self, m):
        super().__init__(daemon=True)
        self.m, self.over, self.paused = m, False, False

    def run(self):
        while not self.over:
            for c in items(self.m, "/api/v1/persistentvolumeclaims"):
                self.provision(c)
            for v in items(self.m, PVS):
                self.delete(v)
            threading.Event().wait(0.05)

    def provision(self, c):
        meta, notes = c["metadata"], c["metadata"].get("annotations", {})
        node = notes.get(SELECTED)
        if self.paused or notes.get("volume.kubernetes.io/storage-provisioner") != BY or not node or \
                c["spec"].get("volumeName"):
            return
        self.m.api("POST", PVS, volume(
            "pvc-" + meta["uid"], c["spec"]["storageClassName"], node,
            annotations={"pv.kubernetes.io/provisioned-by": BY}, reclaim="Delete",
            claimRef={"kind": "PersistentVolumeClaim", "apiVersion": "v1", "uid": meta["uid"],
                      "namespace": meta["namespace"], "name": meta["name"],
                      "resourceVersion": meta["resourceVersion"]}))

    def delete(self, v):
        if v["status"].get("phase") == "Released" and "deletionTimestamp" not in v["metadata"] and \
                v["metadata"].get("annotations", {}).get("pv.kubernetes.io/provisioned-by") == BY and \
                v["spec"]["persistentVolumeReclaimPolicy"] == "Delete":
            self.m.api("DELETE", PVS + "/" + v["metadata"]["name"])


def volume(name, cls="", node=None, annotations=None, reclaim="Retain", **spec):
    v = {"metadata": {"name": name, "annotations": annotations or {}}, "spec": {
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": cls,
        "persistentVolumeReclaimPolicy": reclaim, "hostPath": {"path": "/opt/x"}, **spec}}
    if node:
        v["spec"]["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [
            {"key": HOST, "operator": "In", "values": [node]}]}]}}
    return v


def claim(name, cls="", **spec):
    c = {"metadata": {"name": name}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}}
    if cls is not None:
        c["spec"]["storageClassName"] = cls
    return c


def pod(name, volumes, **spec):
    return {"metadata": {"name": name}, "spec": {
        "terminationGracePeriodSeconds": 0, "containers": [{"name": "c", "image": "a"}],
        "volumes": [{"name": f"v{i}", "persistentVolumeClaim": {"claimName": c}} if isinstance(c, str) else
                    {"name": f"v{i}", **c} for i, c in enumerate(volumes)], **spec}}


@pytest.fixture(scope="module")
def m():
    with Master() as m:
        m.provisioner = Provisioner(m)
        with at_work(*(Node(m, n, {HOST: n}) for n in ("n1", "n2")), m.provisioner):
            assert m.api("POST", CLASSES, {"metadata": {"name": "lazy"}, "provisioner": BY,
                                           "volumeBindingMode": "WaitForFirstConsumer",
                                           "reclaimPolicy": "Delete"})[0] == 201
            wait_for(lambda: not any(n["spec"].get("taints") for n in items(m, "/api/v1/nodes")), 30)
            yield m


@pytest.fixture
def ns(m, request):
    name = "t-" + request.node.name.replace("_", "-")[:50]
    assert m.api("POST", "/api/v1/namespaces", {"metadata": {"name": name}})[0] == 201
    wait_for(lambda: m.api("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default")[0] == 200, 30)
    yield name
    m.api("DELETE", f"/api/v1/namespaces/{name}")
    m.api("DELETE", PVS)
    # Everything goes: pods, then the claims they held, then what was bound to these.
    wait_for(lambda: m.api("GET", f"/api/v1/namespaces/{name}")[0] == 404 and not items(m, PVS), 60)


def post(m, path, *objs):
    for o in objs:
        code, got = m.api("POST", path, o)
        assert code == 201, got


def bound(m, ns, name):
    """Waits until the claim is bound; its volume's name."""
    def look():
        code, c = m.api("GET", PVCS.format(ns) + "/" + name)
        return c["spec"]["volumeName"] if code == 200 and c["status"].get("phase") == "Bound" else None
    return wait_for(look, 30)


def reasons(m, ns, name):
    return {e["reason"] for e in items(m, f"/api/v1/namespaces/{ns}/events")
            if e["involvedObject"]["name"] == name}


def node_of(m, ns, name):
    return m.api("GET", PODS.format(ns) + "/" + name)[1]["spec"].get("nodeName")


def test_kubectl(m, ns):
    """As the documentation's task goes: a volume, a claim, and what kubectl shows of them."""
    text = "---\n".join(yaml.safe_dump({"apiVersion": "v1", "kind": kind, **o}) for kind, o in (
        ("PersistentVolume", volume("task", "manual")), ("PersistentVolumeClaim", claim("task", "manual"))))
    m.kubectl("-n", ns, "apply", "-f", "-", stdin=text)
    m.kubectl("-n", ns, "wait", "--for=jsonpath={.status.phase}=Bound", "pvc/task", "--timeout=30s")
    line = m.kubectl("-n", ns, "get", "pvc", "task", "--no-headers").stdout.split()
    assert line[:6] == ["task", "Bound", "task", "1Gi", "RWO", "manual"], line
    line = m.kubectl("get", "pv", "task", "--no-headers").stdout.split()
    assert line[:7] == ["task", "1Gi", "RWO", "Retain", "Bound", f"{ns}/task", "manual"], line
    text = m.kubectl("-n", ns, "describe", "pvc", "task").stdout
    assert "pv.kubernetes.io/bind-completed: yes" in text and "[kubernetes.io/pvc-protection]" in text
    assert "[kubernetes.io/pv-protection]" in m.kubectl("describe", "pv", "task").stdout
    # Released, and not given to a claim of the same name.
    m.kubectl("-n", ns, "delete", "pvc", "task", "--timeout=30s")
    m.kubectl("wait", "--for=jsonpath={.status.phase}=Released", "pv/task", "--timeout=30s")
    post(m, PVCS.format(ns), claim("task", "manual"))
    wait_for(lambda: "ProvisioningFailed" in reasons(m, ns, "task"), 30)
    # Until somebody says that it is free again.
    m.kubectl("patch", "pv", "task", "-p", '{"spec":{"claimRef":null}}')
    assert bound(m, ns, "task") == "task"


def test_first_consumer(m, ns):
    """The scheduler chooses the node, a provisioner makes the volume, both go with the claim."""
    post(m, PVCS.format(ns), claim("c", "lazy"))
    wait_for(lambda: "WaitForFirstConsumer" in reasons(m, ns, "c"), 30)
    m.provisioner.paused = True
    post(m, PODS.format(ns), pod("p", ["c"], nodeSelector={HOST: "n2"}))
    wait_for(lambda: "ExternalProvisioning" in reasons(m, ns, "c"), 30)
    notes = m.api("GET", PVCS.format(ns) + "/c")[1]["metadata"]["annotations"]
    assert notes[SELECTED] == "n2" and notes["volume.beta.kubernetes.io/storage-provisioner"] == BY
    assert not node_of(m, ns, "p"), "the pod does not go before its volume is there"
    m.provisioner.paused = False
    name = bound(m, ns, "c")
    wait_for(lambda: node_of(m, ns, "p") == "n2", 30)
    # Whoever uses it later has to go there.
    m.api("DELETE", PODS.format(ns) + "/p")
    post(m, PODS.format(ns), pod("q", ["c"]))
    wait_for(lambda: node_of(m, ns, "q") == "n2", 30)
    m.api("DELETE", PODS.format(ns) + "/q")
    m.api("DELETE", PVCS.format(ns) + "/c")
    wait_for(lambda: m.api("GET", f"{PVS}/{name}")[0] == 404, 30)


def test_static_where_there_is_one(m, ns):
    """A free volume that fits is taken before one is made, and draws the pod to its node."""
    post(m, CLASSES, {"metadata": {"name": "static"}, "provisioner": "kubernetes.io/no-provisioner",
                      "volumeBindingMode": "WaitForFirstConsumer"})
    post(m, PVS, volume("on-n2", "static", "n2"))
    post(m, PVCS.format(ns), claim("c", "static"), claim("d", "static"))
    post(m, PODS.format(ns), pod("p", ["c"]))
    assert bound(m, ns, "c") == "on-n2"
    wait_for(lambda: node_of(m, ns, "p") == "n2", 30)
    post(m, PODS.format(ns), pod("q", ["d"]))
    wait_for(lambda: "FailedScheduling" in reasons(m, ns, "q"), 30)
    post(m, PVS, volume("on-n1", "static", "n1"))
    wait_for(lambda: node_of(m, ns, "q") == "n1", 30)
    m.api("DELETE", CLASSES + "/static")


def test_protected(m, ns):
    post(m, PVS, volume("held"))
    post(m, PVCS.format(ns), claim("held", volumeName="held"))
    bound(m, ns, "held")
    post(m, PODS.format(ns), pod("p", ["held"]))
    wait_for(lambda: node_of(m, ns, "p"), 30)
    m.kubectl("-n", ns, "delete", "pvc", "held", "--wait=false")
    m.kubectl("delete", "pv", "held", "--wait=false")
    line = m.kubectl("-n", ns, "get", "pvc", "held", "--no-headers").stdout.split()
    assert line[1] == "Terminating", line
    # A new pod doesn't get what is to go.
    post(m, PODS.format(ns), pod("late", ["held"]))
    wait_for(lambda: "FailedScheduling" in reasons(m, ns, "late"), 30)
    m.api("DELETE", PODS.format(ns) + "/p")
    wait_for(lambda: m.api("GET", PVCS.format(ns) + "/held")[0] == 404, 30)
    wait_for(lambda: m.api("GET", PVS + "/held")[0] == 404, 30)


def test_default_class(m, ns):
    """The default is given to a claim that came before it, not to one that wants none."""
    post(m, PVCS.format(ns), claim("early", None), claim("none"))
    wait_for(lambda: "FailedBinding" in reasons(m, ns, "early"), 30)
    note = {"storageclass.kubernetes.io/is-default-class": "true"}
    m.api("PATCH", CLASSES + "/lazy", {"metadata": {"annotations": note}}, MERGE)
    wait_for(lambda: m.api("GET", PVCS.format(ns) + "/early")[1]["spec"].get("storageClassName") == "lazy", 30)
    assert m.api("GET", PVCS.format(ns) + "/none")[1]["spec"]["storageClassName"] == ""
    m.api("PATCH", CLASSES + "/lazy", {"metadata": {"annotations": dict.fromkeys(note)}}, MERGE)


def test_stateful_set(m, ns):
    path = f"/apis/apps/v1/namespaces/{ns}/statefulsets"
    box = {"name": "c", "image": "a", "volumeMounts": [{"name": "data", "mountPath": "/d"}]}
    post(m, path, {"metadata": {"name": "db"}, "spec": {
        "replicas": 2, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
        "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"},
        "template": {"metadata": {"labels": {"app": "db"}}, "spec": {
            "containers": [box], "terminationGracePeriodSeconds": 0}},
        "volumeClaimTemplates": [claim("data", "lazy")]}})
    first, second = bound(m, ns, "data-db-0"), bound(m, ns, "data-db-1")
    wait_for(lambda: m.api("GET", path + "/db")[1]["status"].get("readyReplicas") == 2, 30)
    m.kubectl("-n", ns, "scale", "statefulset/db", "--replicas=1")
    wait_for(lambda: m.api("GET", PVCS.format(ns) + "/data-db-1")[0] == 404, 60)
    wait_for(lambda: m.api("GET", f"{PVS}/{second}")[0] == 404, 30)
    m.kubectl("-n", ns, "scale", "statefulset/db", "--replicas=2")
    assert bound(m, ns, "data-db-1") != second
    # Its pods go, its claims stay.
    m.kubectl("-n", ns, "delete", "statefulset", "db", "--timeout=30s")
    wait_for(lambda: not items(m, PODS.format(ns)), 30)
    assert bound(m, ns, "data-db-0") == first


def test_ephemeral(m, ns):
    post(m, PODS.format(ns), pod("p", [{"ephemeral": {"volumeClaimTemplate": {
        "metadata": {"labels": {"a": "b"}}, "spec": claim("", "lazy")["spec"]}}}]))
    bound(m, ns, "p-v0")
    wait_for(lambda: node_of(m, ns, "p"), 30)
    m.kubectl("-n", ns, "delete", "pod", "p", "--timeout=30s")
    wait_for(lambda: m.api("GET", PVCS.format(ns) + "/p-v0")[0] == 404, 30)


def test_what_a_node_may_read(m, ns):
    """The claims that its pods name, and their volumes; of no others."""
    post(m, PVS, volume("mine"), volume("other"))
    post(m, PVCS.format(ns), claim("mine", volumeName="mine"), claim("other", volumeName="other"))
    bound(m, ns, "mine"), bound(m, ns, "other")
    post(m, PODS.format(ns), pod("p", ["mine"], nodeName="n1"))

    def may(node, path):
        code, _ = m.api("GET", path, headers={"Impersonate-User": f"system:node:{node}",
                                              "Impersonate-Group": "system:nodes"})
        assert code in (200, 403)
        return code == 200
    wait_for(lambda: may("n1", PVCS.format(ns) + "/mine"), 30)
    assert may("n1", PVS + "/mine") and may("n1", PVS + "?fieldSelector=metadata.name%3Dmine")
    assert not may("n2", PVCS.format(ns) + "/mine") and not may("n2", PVS + "/mine")
    assert not may("n1", PVCS.format(ns) + "/other") and not may("n1", PVS + "/other")
    assert not may("n1", PVCS.format(ns)) and not may("n1", PVS)
