# SPDX-License-Identifier: Apache-2.0
"""The scheduler in a real master: four nodes in three zones that exist only as API objects."""
import pytest
from knarr_test import Master, wait_for
from test_controllers import DEP, MERGE, PODS, Node, at_work, items

ZONES = {"a1": "a", "a2": "a", "b1": "b", "c1": "c"}
ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"


@pytest.fixture(scope="module")
def cluster():
    with Master() as m, at_work(*(Node(m, n, {ZONE: zone, HOST: n}) for n, zone in ZONES.items())):
        wait_for(lambda: not any(n["spec"].get("taints") for n in items(m, "/api/v1/nodes")), 20)
        yield m


@pytest.fixture
def ns(cluster, request):
    name = "t-" + request.node.name.replace("_", "-")[:50]
    assert cluster.api("POST", "/api/v1/namespaces", {"metadata": {"name": name}})[0] == 201
    wait_for(lambda: cluster.api("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default")[0] == 200)
    yield name
    cluster.api("DELETE", f"/api/v1/namespaces/{name}")
    wait_for(lambda: not items(cluster, PODS.format(name)), 20)


def deployment(name, replicas, spec):
    labels = {"app": name}
    box = {"name": "c", "image": "a", "resources": {"requests": {"cpu": "10m"}}}
    return {"metadata": {"name": name}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [box], **spec}}}}


def by_zone(m, ns):
    found = {"a": 0, "b": 0, "c": 0}
    for p in items(m, PODS.format(ns)):
        if p["spec"].get("nodeName"):
            found[ZONES[p["spec"]["nodeName"]]] += 1
    return found


def test_spreads_over_zones(cluster, ns):
    m = cluster
    spread = [{"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule",
               "labelSelector": {"matchLabels": {"app": "web"}}, "matchLabelKeys": ["pod-template-hash"]}]
    assert m.api("POST", DEP.format(ns), deployment("web", 9, {"topologySpreadConstraints": spread}))[0] == 201
    wait_for(lambda: by_zone(m, ns) == {"a": 3, "b": 3, "c": 3}, 20)


def test_spreads_unasked(cluster, ns):
    m = cluster
    m.api("POST", DEP.format(ns), deployment("web", 6, {}))
    wait_for(lambda: sum(by_zone(m, ns).values()) == 6, 20)
    assert by_zone(m, ns) == {"a": 2, "b": 2, "c": 2}


def test_one_a_zone(cluster, ns):
    m = cluster
    apart = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": ZONE}]}}
    m.api("POST", DEP.format(ns), deployment("web", 4, {"affinity": apart}))
    wait_for(lambda: by_zone(m, ns) == {"a": 1, "b": 1, "c": 1}, 20)

    def message():
        return [c["message"] for p in items(m, PODS.format(ns)) if not p["spec"].get("nodeName")
                for c in p["status"].get("conditions", [])]

    want = ("0/4 nodes are available: 4 node(s) didn't match pod anti-affinity rules. preemption: 0/4 "
            "nodes are available: 4 No preemption victims found for incoming pod.")
    wait_for(lambda: message() == [want], 20)


def big(name, cls, node, **more):
    return {"metadata": {"name": name, "labels": {"app": name}}, "spec": {
        "priorityClassName": cls, "nodeSelector": {HOST: node}, **more,
        "containers": [{"name": "c", "image": "a", "resources": {"requests": {"cpu": "3"}}}]}}


def test_preempts(cluster, ns):
    m = cluster
    for name, value in (("low", 10), ("high", 1000)):
        m.api("POST", "/apis/scheduling.k8s.io/v1/priorityclasses",
              {"metadata": {"name": name}, "value": value})
    m.api("POST", PODS.format(ns), big("victim", "low", "b1"))
    wait_for(lambda: m.api("GET", PODS.format(ns) + "/victim")[1]["status"].get("phase") == "Running", 20)
    assert m.api("POST", PODS.format(ns), big("boss", "high", "b1"))[0] == 201
    wait_for(lambda: m.api("GET", PODS.format(ns) + "/boss")[1]["spec"].get("nodeName") == "b1", 20)
    boss = m.api("GET", PODS.format(ns) + "/boss")[1]
    assert "nominatedNodeName" not in boss["status"]
    assert m.api("GET", PODS.format(ns) + "/victim")[0] == 404

    def told():
        return [e for e in items(m, f"/api/v1/namespaces/{ns}/events") if e["reason"] == "Preempted"]

    wait_for(told, 20)
    uid = boss["metadata"]["uid"]
    assert told()[0]["message"] == f"Preempted by pod {uid} on node b1"
    # One that may not preempt only waits.
    never = big("meek", "high", "b1", preemptionPolicy="Never")
    m.api("POST", "/apis/scheduling.k8s.io/v1/priorityclasses",
          {"metadata": {"name": "never"}, "value": 2000, "preemptionPolicy": "Never"})
    never["spec"]["priorityClassName"] = "never"
    m.api("POST", PODS.format(ns), never)
    wait_for(lambda: any(c["message"].endswith("preemption: not eligible due to preemptionPolicy=Never.")
                         for c in m.api("GET", PODS.format(ns) + "/meek")[1]["status"].get("conditions", [])),
             20)


def test_gates(cluster, ns):
    m = cluster
    pod = {"metadata": {"name": "p"}, "spec": {"schedulingGates": [{"name": "example.com/wait"}],
                                              "containers": [{"name": "c", "image": "a"}]}}
    assert m.api("POST", PODS.format(ns), pod)[0] == 201
    c = m.api("GET", PODS.format(ns) + "/p")[1]["status"]["conditions"][0]
    assert (c["type"], c["status"], c["reason"]) == ("PodScheduled", "False", "SchedulingGated")
    assert m.api("PATCH", PODS.format(ns) + "/p", {"spec": {"schedulingGates": None}}, MERGE)[0] == 200
    wait_for(lambda: m.api("GET", PODS.format(ns) + "/p")[1]["spec"].get("nodeName"), 20)
    c = m.api("GET", PODS.format(ns) + "/p")[1]["status"]["conditions"][0]
    assert (c["type"], c["status"]) == ("PodScheduled", "True") and "reason" not in c


def test_waits_for_its_volume(cluster, ns):
    m = cluster
    m.api("POST", "/apis/storage.k8s.io/v1/storageclasses",
          {"metadata": {"name": "local"}, "provisioner": "kubernetes.io/no-provisioner",
           "volumeBindingMode": "WaitForFirstConsumer"})
    pv = {"metadata": {"name": "disk"}, "spec": {
        "capacity": {"storage": "2Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "local",
        "hostPath": {"path": "/x"}, "nodeAffinity": {"required": {"nodeSelectorTerms": [
            {"matchExpressions": [{"key": HOST, "operator": "In", "values": ["c1"]}]}]}}}}
    assert m.api("POST", "/api/v1/persistentvolumes", pv)[0] == 201
    m.api("PATCH", "/api/v1/persistentvolumes/disk/status", {"status": {"phase": "Available"}}, MERGE)
    claims = f"/api/v1/namespaces/{ns}/persistentvolumeclaims"
    assert m.api("POST", claims, {"metadata": {"name": "c"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "storageClassName": "local",
        "resources": {"requests": {"storage": "1Gi"}}}})[0] == 201
    pod = {"metadata": {"name": "p"}, "spec": {
        "containers": [{"name": "c", "image": "a"}],
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]}}
    m.api("POST", PODS.format(ns), pod)

    def ref():
        return m.api("GET", "/api/v1/persistentvolumes/disk")[1]["spec"].get("claimRef")

    assert wait_for(ref, 20)["name"] == "c"
    # What the controller of volumes does next, where there is none.
    m.api("PATCH", claims + "/c", {"metadata": {"annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
                                   "spec": {"volumeName": "disk"}}, MERGE)
    m.api("PATCH", claims + "/c/status", {"status": {"phase": "Bound"}}, MERGE)
    wait_for(lambda: m.api("GET", PODS.format(ns) + "/p")[1]["spec"].get("nodeName") == "c1", 20)
