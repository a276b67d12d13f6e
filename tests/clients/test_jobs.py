# SPDX-License-Identifier: Apache-2.0
"""Jobs, CronJobs and ReplicationControllers in a real master: what is owned, adopted, released,
evicted and left behind. The node exists only as API objects."""
import pytest
from knarr_test import Master
from lab import wait_for
from test_controllers import MERGE, PODS, STRATEGIC, Node, at_work, items, now, ns  # noqa: F401

BATCH = "/apis/batch/v1/namespaces/{}/{}"
FIN = "batch.kubernetes.io/job-tracking"


class JobNode(Node):
    """Ends a pod that is deleted as an agent does: Failed first, then gone."""

    def see(self, p, meta):
        path = PODS.format(meta["namespace"]) + "/" + meta["name"]
        phase = p.get("status", {}).get("phase")
        if "deletionTimestamp" in meta and phase == "Running":
            self.m.api("PATCH", path + "/status", {"status": {"phase": "Failed"}}, STRATEGIC)
        elif "deletionTimestamp" in meta or phase not in ("Failed", "Succeeded"):
            super().see(p, meta)


@pytest.fixture(scope="module")
def cluster():
    with Master() as m, at_work(JobNode(m, "n1")):
        yield m


def job(name, **spec):
    return {"metadata": {"name": name}, "spec": {"template": {"spec": {
        "restartPolicy": "Never", "terminationGracePeriodSeconds": 1,
        "containers": [{"name": "c", "image": "x"}]}}, **spec}}


def running(m, ns, n):
    """The n pods that run."""
    def check():
        pods = [p for p in items(m, PODS.format(ns)) if p.get("status", {}).get("phase") == "Running"
                and "deletionTimestamp" not in p["metadata"]]
        return pods if len(pods) == n else None
    return wait_for(check, 20)


def ends(m, pod, phase="Succeeded"):
    path = PODS.format(pod["metadata"]["namespace"]) + "/" + pod["metadata"]["name"]
    m.api("PATCH", path + "/status", {"status": {"phase": phase, "conditions": [
        {"type": "Ready", "status": "False", "lastTransitionTime": now()}]}}, STRATEGIC)


def conditions(m, ns, name):
    o = m.api("GET", BATCH.format(ns, "jobs") + "/" + name)[1]
    return {c["type"] for c in o.get("status", {}).get("conditions", []) if c["status"] == "True"}


def test_what_the_server_makes_of_it(cluster, ns):
    m = cluster
    code, j = m.api("POST", BATCH.format(ns, "jobs"), job("a"))
    assert code == 201
    uid = j["metadata"]["uid"]
    made = {"controller-uid": uid, "batch.kubernetes.io/controller-uid": uid,
            "job-name": "a", "batch.kubernetes.io/job-name": "a"}
    assert j["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert j["spec"]["template"]["metadata"]["labels"] == made
    assert (j["spec"]["completions"], j["spec"]["parallelism"], j["spec"]["backoffLimit"]) == (1, 1, 6)
    pod = running(m, ns, 1)[0]
    assert made.items() <= pod["metadata"]["labels"].items()
    assert pod["metadata"]["finalizers"] == [FIN]
    code, e = m.api("PATCH", BATCH.format(ns, "jobs") + "/a", {"spec": {"completions": 2}}, MERGE)
    assert code == 422 and "field is immutable" in e["message"]
    code, e = m.api("POST", BATCH.format(ns, "jobs"), {
        "metadata": {"name": "b"}, "spec": {"template": {"spec": {
            "containers": [{"name": "c", "image": "x"}]}}}})
    assert code == 422 and 'valid values: "OnFailure", "Never"' in e["message"]


def test_adopts_and_releases(cluster, ns):
    m = cluster
    m.api("POST", BATCH.format(ns, "jobs"), job("a", parallelism=2, completions=2))
    pod = running(m, ns, 2)[0]
    path = PODS.format(ns) + "/" + pod["metadata"]["name"]

    def owners():
        return m.api("GET", path)[1]["metadata"].get("ownerReferences")
    m.api("PATCH", path, {"metadata": {"ownerReferences": None}}, MERGE)
    wait_for(lambda: owners() and owners()[0]["name"] == "a")
    assert m.api("GET", path)[1]["metadata"]["finalizers"] == [FIN]
    m.api("PATCH", path, {"metadata": {"labels": None}}, MERGE)
    wait_for(lambda: not owners())
    wait_for(lambda: not m.api("GET", path)[1]["metadata"].get("finalizers"))
    wait_for(lambda: len([p for p in running(m, ns, 3) if p["metadata"].get("ownerReferences")]) == 2)


@pytest.mark.parametrize("policy", ["Background", "Foreground", "Orphan", None])
def test_deleted(cluster, ns, policy):
    m = cluster
    m.api("POST", BATCH.format(ns, "jobs"), job("a", parallelism=2, completions=2))
    running(m, ns, 2)
    body = {"propagationPolicy": policy} if policy else None
    m.api("DELETE", BATCH.format(ns, "jobs") + "/a", body)
    wait_for(lambda: m.api("GET", BATCH.format(ns, "jobs") + "/a")[0] == 404, 20)
    if policy in ("Background", "Foreground"):
        wait_for(lambda: not items(m, PODS.format(ns)), 20)
        return
    # batch/v1 as it always was: without a policy the pods stay
    pods = running(m, ns, 2)
    assert not any(p["metadata"].get("ownerReferences") for p in pods)
    wait_for(lambda: not any(p["metadata"].get("finalizers") for p in items(m, PODS.format(ns))))


def test_evicted_pod_is_no_failure(cluster, ns):
    m = cluster
    code, e = m.api("POST", BATCH.format(ns, "jobs"), job("a", backoffLimit=0, podFailurePolicy={"rules": [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}]}))
    assert code == 201, e
    pod = running(m, ns, 1)[0]["metadata"]
    code, _ = m.api("POST", PODS.format(ns) + f"/{pod['name']}/eviction", {
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod["name"]}})
    assert code == 201
    again = wait_for(lambda: [p for p in running(m, ns, 1)
                              if p["metadata"]["name"] != pod["name"]], 30)
    j = m.api("GET", BATCH.format(ns, "jobs") + "/a")[1]
    assert "failed" not in j["status"] and not conditions(m, ns, "a")
    ends(m, again[0])
    wait_for(lambda: "Complete" in conditions(m, ns, "a"))


def test_many(cluster, ns):
    """More pods than fit a step of the controller; each is counted once."""
    m = cluster
    m.api("POST", BATCH.format(ns, "jobs"), job("a", parallelism=40, completions=60))

    def go():
        for p in items(m, PODS.format(ns)):
            if p.get("status", {}).get("phase") == "Running":
                ends(m, p)
        return "Complete" in conditions(m, ns, "a")
    wait_for(go, 60)
    st = m.api("GET", BATCH.format(ns, "jobs") + "/a")[1]["status"]
    assert st["succeeded"] == 60 and not st.get("active")
    assert st["uncountedTerminatedPods"] == {}
    assert len(items(m, PODS.format(ns))) == 60


def test_replicationcontroller(cluster, ns):
    m = cluster
    path = f"/api/v1/namespaces/{ns}/replicationcontrollers"
    code, rc = m.api("POST", path, {"metadata": {"name": "r"}, "spec": {"replicas": 1, "template": {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "x"}], "terminationGracePeriodSeconds": 1}}}})
    assert code == 201 and rc["spec"]["selector"] == {"a": "b"}
    assert rc["metadata"]["labels"] == {"a": "b"}
    running(m, ns, 1)
    code, scale = m.api("GET", path + "/r/scale")
    assert code == 200 and scale["status"]["selector"] == "a=b"
    scale["spec"]["replicas"] = 3
    assert m.api("PUT", path + "/r/scale", scale)[0] == 200
    running(m, ns, 3)
    wait_for(lambda: m.api("GET", path + "/r")[1]["status"].get("availableReplicas") == 3)
    out = m.kubectl("get", "rc", "-n", ns, version="1.35").stdout.split()
    assert out[:5] == ["NAME", "DESIRED", "CURRENT", "READY", "AGE"] and out[5:9] == ["r", "3", "3", "3"]
    m.api("DELETE", path + "/r")  # v1 as it always was
    wait_for(lambda: m.api("GET", path + "/r")[0] == 404)
    assert len(running(m, ns, 3)) == 3
