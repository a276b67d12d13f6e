# SPDX-License-Identifier: Apache-2.0
"""What RuntimeClass, StorageClass and IngressClass give to objects that name them, or none."""
import json

from test_api import create

NS = "/api/v1/namespaces/default"
MERGE = "application/merge-patch+json"


def pod(name, **spec):
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "x"}], **spec}}


def claim(name, **spec):
    return {"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {
        "requests": {"storage": "1Gi"}}, **spec}}


def test_runtime_class(master):
    status, got = master.api("POST", f"{NS}/pods", pod("p0", runtimeClassName="none"))
    assert status == 403 and got["reason"] == "Forbidden"
    assert got["message"] == 'pods "p0" is forbidden: pod rejected: RuntimeClass "none" not found'
    create(master, "/apis/node.k8s.io/v1/runtimeclasses", {
        "metadata": {"name": "vm"}, "handler": "vm",
        "overhead": {"podFixed": {"memory": "64Mi", "cpu": "250m"}},
        "scheduling": {"nodeSelector": {"vm": "yes"},
                       "tolerations": [{"key": "vm", "operator": "Exists"}]}})
    spec = create(master, f"{NS}/pods", pod("p1", runtimeClassName="vm"))["spec"]
    assert spec["overhead"] == {"memory": "64Mi", "cpu": "250m"}
    assert spec["nodeSelector"] == {"vm": "yes"}
    assert {"key": "vm", "operator": "Exists"} in spec["tolerations"]
    status, got = master.api("POST", f"{NS}/pods", pod("p2", overhead={"cpu": "1"}))
    assert status == 403 and "Overhead set without corresponding RuntimeClass" in got["message"]
    status, got = master.api("POST", f"{NS}/pods", pod("p3", runtimeClassName="vm",
                                                       nodeSelector={"vm": "no"}))
    assert status == 403 and "conflict: runtimeClass.scheduling.nodeSelector[vm]" in got["message"]


def test_default_storage_class(master):
    assert "storageClassName" not in create(master, f"{NS}/persistentvolumeclaims", claim("c0"))["spec"]
    path = "/apis/storage.k8s.io/v1/storageclasses"
    mark = {"storageclass.kubernetes.io/is-default-class": "true"}
    create(master, path, {"metadata": {"name": "slow"}, "provisioner": "a.example/b"})
    create(master, path, {"metadata": {"name": "fast", "annotations": mark},
                          "provisioner": "a.example/b", "allowVolumeExpansion": True})
    made = create(master, f"{NS}/persistentvolumeclaims", claim("c1"))
    assert made["spec"]["storageClassName"] == "fast"
    made = create(master, f"{NS}/persistentvolumeclaims", claim("c2", storageClassName=""))
    assert made["spec"]["storageClassName"] == ""


def test_resize(master):
    more = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    for name, klass, want in (("r1", "fast", 200), ("r2", "slow", 403)):
        path = f"{NS}/persistentvolumeclaims/{name}"
        create(master, f"{NS}/persistentvolumeclaims", claim(name, storageClassName=klass))
        status, got = master.api("PATCH", path, more, MERGE)
        assert status == 403 and "Only bound persistent volume claims" in got["message"]
        assert master.api("PATCH", path, {"spec": {"volumeName": f"pv-{name}"}}, MERGE)[0] == 200
        assert master.api("PATCH", f"{path}/status", {"status": {
            "phase": "Bound", "capacity": {"storage": "1Gi"}}}, MERGE)[0] == 200
        assert master.api("PATCH", path, more, MERGE)[0] == want
    status, got = master.api("PATCH", f"{NS}/persistentvolumeclaims/r1", {
        "spec": {"resources": {"requests": {"storage": "512Mi"}}}}, MERGE)
    assert status == 422 and "field can not be less than status.capacity" in got["message"]


def test_old_ways_are_warned_of(master):
    def warnings(path, obj):
        status, headers, data = master.raw("POST", path, json.dumps(obj).encode(),
                                           {"Content-Type": "application/json"})
        assert status == 201, data
        return headers.get_all("Warning") or []
    ingress = {"metadata": {"name": "old", "annotations": {"kubernetes.io/ingress.class": "x"}},
               "spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}}
    got = warnings("/apis/networking.k8s.io/v1/namespaces/default/ingresses", ingress)
    assert got == ['299 - "annotation \\"kubernetes.io/ingress.class\\" is deprecated, please use '
                   "'spec.ingressClassName' instead\""]
    volume = {"metadata": {"name": "old"}, "spec": {
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Recycle", "hostPath": {"path": "/x"}}}
    got = warnings("/api/v1/persistentvolumes", volume)
    assert len(got) == 1 and "The Recycle reclaim policy is deprecated." in got[0]


def test_default_ingress_class(master):
    path = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
    backend = {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}
    assert "ingressClassName" not in create(master, path, {"metadata": {"name": "i0"},
                                                           "spec": backend})["spec"]
    create(master, "/apis/networking.k8s.io/v1/ingressclasses", {
        "metadata": {"name": "main", "annotations": {
            "ingressclass.kubernetes.io/is-default-class": "true"}},
        "spec": {"controller": "a.example/b"}})
    assert create(master, path, {"metadata": {"name": "i1"}, "spec": backend})["spec"][
        "ingressClassName"] == "main"
    old = {"name": "i2", "annotations": {"kubernetes.io/ingress.class": "other"}}
    assert "ingressClassName" not in create(master, path, {"metadata": old, "spec": backend})["spec"]
