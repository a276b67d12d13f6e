# SPDX-License-Identifier: Apache-2.0
"""Scheduler and controllers in a real master, with a node that exists only as API objects."""
import contextlib
import threading
import time

import pytest
from knarr_test import Master, wait_for

PODS = "/api/v1/namespaces/{}/pods"
DEP = "/apis/apps/v1/namespaces/{}/deployments"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"


class Node(threading.Thread):
    """Does what an agent would as far as the API sees it: lease, status, pods that run and end."""

    def __init__(self, m, name, labels=None):
        super().__init__(daemon=True)
        self.m, self.name, self.over, self.ip, self.beat = m, name, False, 1, time.monotonic()
        status, _ = m.api("POST", "/api/v1/nodes", {"metadata": {"name": name, "labels": labels or {}}})
        assert status == 201
        room = {"cpu": "4", "memory": "8Gi", "pods": "110"}
        status, _ = m.api("PATCH", f"/api/v1/nodes/{name}/status", {"status": {
            "capacity": room, "allocatable": room,
            "conditions": [{"type": "Ready", "status": "True", "reason": "x", "message": "x",
                            "lastHeartbeatTime": now(), "lastTransitionTime": now()}]}}, MERGE)
        assert status == 200

    def run(self):
        while not self.over:
            try:
                self.heartbeat()
                path = f"/api/v1/pods?fieldSelector=spec.nodeName={self.name}"
                for p in self.m.api("GET", path)[1]["items"]:
                    self.see(p, p["metadata"])
            except OSError:
                pass  # the master is being restarted
            time.sleep(0.02)

    def heartbeat(self):
        if time.monotonic() - self.beat > 5:
            self.beat = time.monotonic()
            self.m.api("PATCH", f"/api/v1/nodes/{self.name}/status", {"status": {"conditions": [
                {"type": "Ready", "status": "True", "lastHeartbeatTime": now()}]}}, STRATEGIC)

    def see(self, p, meta):
        path = PODS.format(meta["namespace"]) + "/" + meta["name"]
        if "deletionTimestamp" in meta:
            self.m.api("DELETE", path, {"gracePeriodSeconds": 0})
        elif p.get("status", {}).get("phase") != "Running":
            self.ip += 1
            ip = f"10.244.{self.ip // 250}.{self.ip % 250}"
            self.m.api("PATCH", path + "/status", {"status": {
                "phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}],
                "conditions": [{"type": "Ready", "status": "True",
                                "lastTransitionTime": now()}]}}, STRATEGIC)


@contextlib.contextmanager
def at_work(*threads):
    """Nodes and the like, from their start until they are told that it is over."""
    try:
        for t in threads:
            t.start()
        yield
    finally:
        for t in threads:
            t.over = True
        for t in threads:
            t.join()


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@pytest.fixture(scope="module")
def cluster():
    with Master() as m, at_work(Node(m, "n1")):
        yield m


@pytest.fixture
def ns(cluster, request):
    name = request.node.name.lower().replace("_", "-").replace("[", "-").replace("]", "")
    cluster.api("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    wait_for(lambda: cluster.api(
        "GET", f"/api/v1/namespaces/{name}/serviceaccounts/default")[0] == 200)
    return name


def deployment(name, replicas, image="a", **spec):
    labels = {"app": name}
    return {"metadata": {"name": name}, "spec": {
        "replicas": replicas, "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels},
                     "spec": {"containers": [{"name": "c", "image": image}],
                              "terminationGracePeriodSeconds": 1}}, **spec}}


def image_patch(image):
    return {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}


def rolled_out(m, ns, name):
    def check():
        _, d = m.api("GET", f"{DEP.format(ns)}/{name}")
        want, st = d["spec"]["replicas"], d.get("status", {})
        return d if (st.get("observedGeneration") == d["metadata"]["generation"]
                     and st.get("updatedReplicas", 0) == want
                     and st.get("replicas", 0) == want
                     and st.get("availableReplicas", 0) == want) else None
    return wait_for(check, 20)


def items(m, path):
    return m.api("GET", path)[1]["items"]


def test_rollout_and_undo(cluster, ns):
    m = cluster
    assert m.api("POST", DEP.format(ns), deployment("web", 3))[0] == 201
    d = rolled_out(m, ns, "web")
    assert d["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    m.api("PATCH", DEP.format(ns) + "/web", image_patch("b"), STRATEGIC)
    d = rolled_out(m, ns, "web")
    assert d["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    assert {c["type"]: c["reason"] for c in d["status"]["conditions"]} == {
        "Available": "MinimumReplicasAvailable", "Progressing": "NewReplicaSetAvailable"}
    m.api("PATCH", DEP.format(ns) + "/web", image_patch("a"), STRATEGIC)
    d = rolled_out(m, ns, "web")
    assert d["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
    assert len(items(m, f"/apis/apps/v1/namespaces/{ns}/replicasets")) == 2
    images = {p["spec"]["containers"][0]["image"] for p in items(m, PODS.format(ns))
              if "deletionTimestamp" not in p["metadata"]}
    assert images == {"a"}


def test_service_follows_pods(cluster, ns):
    m = cluster
    svc = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}
    assert m.api("POST", f"/api/v1/namespaces/{ns}/services", svc)[0] == 201
    m.api("POST", DEP.format(ns), deployment("web", 3))

    def ready():
        slices = items(m, f"/apis/discovery.k8s.io/v1/namespaces/{ns}/endpointslices")
        return sorted(e["addresses"][0] for s in slices for e in s.get("endpoints") or []
                      if e["conditions"]["ready"])

    def legacy():
        _, ep = m.api("GET", f"/api/v1/namespaces/{ns}/endpoints/web")
        return sorted(a["ip"] for s in ep.get("subsets") or [] for a in s.get("addresses", []))

    wait_for(lambda: len(ready()) == 3 and ready() == legacy(), 15)
    m.api("PATCH", DEP.format(ns) + "/web", {"spec": {"replicas": 1}}, MERGE)
    wait_for(lambda: len(ready()) == 1 and ready() == legacy(), 15)


@pytest.mark.parametrize("policy", ["Background", "Foreground", "Orphan"])
def test_cascade(cluster, ns, policy):
    m = cluster
    m.api("POST", DEP.format(ns), deployment("web", 2))
    rolled_out(m, ns, "web")
    m.api("DELETE", DEP.format(ns) + "/web", {"propagationPolicy": policy})
    wait_for(lambda: m.api("GET", DEP.format(ns) + "/web")[0] == 404, 15)
    sets = f"/apis/apps/v1/namespaces/{ns}/replicasets"
    if policy == "Orphan":
        time.sleep(0.2)
        assert len(items(m, PODS.format(ns))) == 2
        assert "ownerReferences" not in items(m, sets)[0]["metadata"]
        return
    wait_for(lambda: not items(m, sets) and not items(m, PODS.format(ns)), 15)


def test_namespace_goes_with_all_in_it(cluster, ns):
    m = cluster
    m.api("POST", DEP.format(ns), deployment("web", 2))
    m.api("POST", f"/api/v1/namespaces/{ns}/configmaps", {"metadata": {"name": "a"}})
    rolled_out(m, ns, "web")
    assert m.api("DELETE", f"/api/v1/namespaces/{ns}")[0] in (200, 202)
    wait_for(lambda: m.api("GET", f"/api/v1/namespaces/{ns}")[0] == 404, 20)
    assert not items(m, PODS.format(ns))


def test_namespace_goes_in_order(cluster, ns):
    """Pods first; what they live by stays until they are gone, and the status says what is waited for."""
    m, path = cluster, f"/api/v1/namespaces/{ns}"
    m.api("POST", f"{path}/configmaps", {"metadata": {"name": "a"}})
    status, got = m.api("POST", f"{path}/pods", {"metadata": {"name": "p", "finalizers": ["example.com/wait"]}, "spec": {
        "schedulingGates": [{"name": "never"}], "containers": [{"name": "c", "image": "a"}]}})
    assert status == 201, got
    assert m.api("DELETE", path)[0] == 200

    def conditions():
        got = m.api("GET", path)[1].get("status", {}).get("conditions", [])
        return {c["type"]: (c["status"], c["reason"], c["message"]) for c in got}
    wait_for(conditions, 30)
    assert conditions()["NamespaceContentRemaining"] == (
        "True", "SomeResourcesRemain", "Some resources are remaining: pods. has 1 resource instances")
    assert conditions()["NamespaceFinalizersRemaining"] == (
        "True", "SomeFinalizersRemain",
        "Some content in the namespace has finalizers remaining: example.com/wait in 1 resource instances")
    assert conditions()["NamespaceDeletionContentFailure"][0] == "False"
    assert m.api("GET", f"{path}/configmaps/a")[0] == 200
    m.api("PATCH", f"{path}/pods/p", {"metadata": {"finalizers": None}}, "application/merge-patch+json")
    wait_for(lambda: m.api("GET", path)[0] == 404, 30)


def test_unschedulable_says_why(cluster, ns):
    m = cluster
    pod = {"metadata": {"name": "big"}, "spec": {"containers": [
        {"name": "c", "image": "a", "resources": {"requests": {"cpu": "64"}}}]}}
    assert m.api("POST", PODS.format(ns), pod)[0] == 201

    def condition():
        _, p = m.api("GET", PODS.format(ns) + "/big")
        return next((c for c in p.get("status", {}).get("conditions", []) if c["type"] == "PodScheduled"),
                    None)

    c = wait_for(condition)
    assert (c["status"], c["reason"]) == ("False", "Unschedulable")
    assert c["message"].startswith("0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1")
    wait_for(lambda: [e for e in items(m, f"/api/v1/namespaces/{ns}/events")
                      if e["reason"] == "FailedScheduling"])


def test_goes_on_after_kill(cluster, ns):
    m = cluster
    m.api("POST", DEP.format(ns), deployment("web", 5))
    m.kill()
    m.start()
    rolled_out(m, ns, "web")
    assert len(items(m, PODS.format(ns))) == 5
