# SPDX-License-Identifier: Apache-2.0
"""DaemonSet, StatefulSet and PodDisruptionBudget in a real master; nodes exist only as API objects."""
import pytest
from knarr_test import Master, wait_for
from test_controllers import MERGE, PODS, Node, at_work, image_patch, items, ns  # noqa: F401

STRATEGIC = "application/strategic-merge-patch+json"
APPS = "/apis/apps/v1/namespaces/{}/{}"


@pytest.fixture(scope="module")
def cluster():
    with Master() as m, at_work(*(Node(m, n) for n in ("n1", "n2", "n3"))):
        yield m


def workload(name, image="a", **spec):
    labels = {"app": name}
    return {"metadata": {"name": name}, "spec": {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels},
                     "spec": {"containers": [{"name": "c", "image": image}],
                              "terminationGracePeriodSeconds": 1}}, **spec}}


def status_is(m, path, **want):
    def check():
        o = m.api("GET", path)[1]
        st = o.get("status", {})
        if st.get("observedGeneration") != o["metadata"]["generation"]:
            return None
        return o if all(st.get(k) == v for k, v in want.items()) else None
    return wait_for(check, 30)


def images(m, ns):
    return sorted(p["spec"]["containers"][0]["image"] for p in items(m, PODS.format(ns))
                  if "deletionTimestamp" not in p["metadata"])


def test_daemonset(cluster, ns):
    m, path = cluster, APPS.format(ns, "daemonsets")
    code, ds = m.api("POST", path, workload("log"))
    assert code == 201
    assert ds["spec"]["updateStrategy"] == {
        "type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
    status_is(m, path + "/log", desiredNumberScheduled=3, numberAvailable=3)
    assert sorted(p["spec"]["nodeName"] for p in items(m, PODS.format(ns))) == ["n1", "n2", "n3"]
    m.api("PATCH", path + "/log", image_patch("b"), STRATEGIC)
    status_is(m, path + "/log", updatedNumberScheduled=3, numberAvailable=3)
    assert images(m, ns) == ["b"] * 3
    revs = items(m, APPS.format(ns, "controllerrevisions"))
    assert sorted(r["revision"] for r in revs) == [1, 2]
    # what `kubectl rollout undo` sends
    old = next(r for r in revs if r["revision"] == 1)
    assert m.api("PATCH", path + "/log", old["data"], STRATEGIC)[0] == 200
    status_is(m, path + "/log", updatedNumberScheduled=3, numberAvailable=3)
    assert images(m, ns) == ["a"] * 3
    revs = items(m, APPS.format(ns, "controllerrevisions"))
    assert sorted(r["revision"] for r in revs) == [2, 3]
    m.api("DELETE", path + "/log")
    wait_for(lambda: not items(m, PODS.format(ns))
             and not items(m, APPS.format(ns, "controllerrevisions")), 30)


def test_daemonset_refused(cluster, ns):
    bad = workload("x", updateStrategy={"type": "RollingUpdate", "rollingUpdate": {
        "maxUnavailable": 1, "maxSurge": 1}})
    code, st = cluster.api("POST", APPS.format(ns, "daemonsets"), bad)
    assert code == 422
    assert "may not be set when maxUnavailable is non-zero" in st["message"]


def test_statefulset(cluster, ns):
    m, path = cluster, APPS.format(ns, "statefulsets")
    code, sts = m.api("POST", path, workload("db", replicas=3, serviceName="db"))
    assert code == 201
    assert sts["spec"]["podManagementPolicy"] == "OrderedReady"
    status_is(m, path + "/db", readyReplicas=3, currentReplicas=3)
    pods = items(m, PODS.format(ns))
    assert [p["metadata"]["name"] for p in pods] == ["db-0", "db-1", "db-2"]
    assert [p["spec"]["hostname"] for p in pods] == ["db-0", "db-1", "db-2"]
    m.api("PATCH", path + "/db", image_patch("b"), STRATEGIC)
    o = status_is(m, path + "/db", updatedReplicas=3, readyReplicas=3, currentReplicas=3)
    assert o["status"]["currentRevision"] == o["status"]["updateRevision"]
    assert images(m, ns) == ["b"] * 3
    m.api("PATCH", path + "/db/scale", {"spec": {"replicas": 1}}, MERGE)
    status_is(m, path + "/db", replicas=1)
    assert [p["metadata"]["name"] for p in items(m, PODS.format(ns))] == ["db-0"]


def test_statefulset_templates(cluster, ns):
    m, path = cluster, APPS.format(ns, "statefulsets")
    claim = {"metadata": {"name": "d"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {
        "requests": {"storage": "1Gi"}}}}
    x = workload("x", volumeClaimTemplates=[claim])
    c = x["spec"]["template"]["spec"]["containers"][0]
    c["volumeMounts"] = [{"name": "other", "mountPath": "/d"}]
    code, st = m.api("POST", path, x)
    assert code == 422 and 'volumeMounts[0].name: Not found: "other"' in st["message"]
    c["volumeMounts"][0]["name"] = "d"
    code, st = m.api("POST", path, x)
    assert code == 201, st
    template = st["spec"]["volumeClaimTemplates"][0]
    assert template["kind"] == "PersistentVolumeClaim" and template["apiVersion"] == "v1"
    assert template["status"] == {"phase": "Pending"}
    assert template["spec"]["volumeMode"] == "Filesystem"
    assert st["spec"]["persistentVolumeClaimRetentionPolicy"] == {
        "whenDeleted": "Retain", "whenScaled": "Retain"}
    assert m.api("POST", path, workload("y", replicas=0))[0] == 201
    code, st = m.api("PATCH", path + "/y", {"spec": {"serviceName": "other"}}, MERGE)
    assert code == 422 and "are forbidden" in st["message"]


PDB = "/apis/policy/v1/namespaces/{}/poddisruptionbudgets"


def evict(m, ns, pod, **query):
    return m.api("POST", PODS.format(ns) + f"/{pod}/eviction", {
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}})


def test_disruption_budget(cluster, ns):
    m, path = cluster, APPS.format(ns, "statefulsets")
    assert m.api("POST", path, workload("db", replicas=3, podManagementPolicy="Parallel"))[0] == 201
    status_is(m, path + "/db", readyReplicas=3)
    code, _ = m.api("POST", PDB.format(ns), {"metadata": {"name": "keep"}, "spec": {
        "minAvailable": 2, "selector": {"matchLabels": {"app": "db"}}}})
    assert code == 201
    o = status_is(m, PDB.format(ns) + "/keep", disruptionsAllowed=1, currentHealthy=3,
                  desiredHealthy=2, expectedPods=3)
    assert o["status"]["conditions"][0]["reason"] == "SufficientPods"
    m.api("PATCH", PDB.format(ns) + "/keep", {"spec": {"minAvailable": 3}}, MERGE)
    status_is(m, PDB.format(ns) + "/keep", disruptionsAllowed=0, desiredHealthy=3)
    code, st = evict(m, ns, "db-1")
    assert (code, st["reason"]) == (429, "TooManyRequests")
    assert st["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
    assert st["details"]["causes"][0] == {
        "reason": "DisruptionBudget",
        "message": "The disruption budget keep needs 3 healthy pods and has 3 currently"}
    m.api("PATCH", PDB.format(ns) + "/keep",
          {"spec": {"minAvailable": None, "maxUnavailable": "34%"}}, MERGE)
    status_is(m, PDB.format(ns) + "/keep", disruptionsAllowed=2, desiredHealthy=1)
    uid = m.api("GET", PODS.format(ns) + "/db-1")[1]["metadata"]["uid"]
    assert evict(m, ns, "db-1")[0] == 201
    wait_for(lambda: m.api("GET", PODS.format(ns) + "/db-1")[1].get(
        "metadata", {}).get("uid") not in (None, uid), 30)
    status_is(m, PDB.format(ns) + "/keep", disruptionsAllowed=2)
    # two budgets for one pod
    m.api("POST", PDB.format(ns), {"metadata": {"name": "two"}, "spec": {
        "minAvailable": 0, "selector": {}}})
    code, st = evict(m, ns, "db-1")
    assert code == 500 and "more than one PodDisruptionBudget" in st["message"]
    code, st = m.api("POST", PDB.format(ns), {"metadata": {"name": "bad"}, "spec": {
        "minAvailable": 1, "maxUnavailable": 1}})
    assert code == 422 and "cannot be both set" in st["message"]


VERSIONS = pytest.mark.parametrize("version", ["1.24", "1.30", "1.35"], ids=["v24", "v30", "v35"])


@VERSIONS
def test_drain_waits_for_the_budget(cluster, ns, version):
    m, path = cluster, APPS.format(ns, "statefulsets")
    app = "d" + version.replace(".", "-")
    m.api("POST", path, workload(app, replicas=2, podManagementPolicy="Parallel"))
    status_is(m, f"{path}/{app}", readyReplicas=2)
    m.api("POST", PDB.format(ns), {"metadata": {"name": "keep"}, "spec": {
        "maxUnavailable": 0, "selector": {"matchLabels": {"app": app}}}})
    status_is(m, PDB.format(ns) + "/keep", disruptionsAllowed=0)
    node = m.api("GET", PODS.format(ns) + f"/{app}-0")[1]["spec"]["nodeName"]
    drain = ("drain", node, "--ignore-daemonsets", f"--pod-selector=app={app}")
    r = m.kubectl(*drain, "--timeout=3s", version=version, check=False)
    assert r.returncode != 0 and "violate the pod's disruption budget" in r.stderr
    m.api("PATCH", PDB.format(ns) + "/keep", {"spec": {"maxUnavailable": 2}}, MERGE)
    status_is(m, PDB.format(ns) + "/keep", disruptionsAllowed=2)
    m.kubectl(*drain, "--timeout=20s", version=version)
    m.kubectl("uncordon", node, version=version)


@VERSIONS
@pytest.mark.parametrize("kind,status", [
    ("daemonset", {"updatedNumberScheduled": 3, "numberAvailable": 3}),
    ("statefulset", {"updatedReplicas": 3, "readyReplicas": 3})], ids=["ds", "sts"])
def test_rollout_undo(cluster, ns, version, kind, status):
    m, path = cluster, APPS.format(ns, kind + "s") + "/web"

    def k(*args):
        return m.kubectl("-n", ns, *args, version=version).stdout

    m.api("POST", APPS.format(ns, kind + "s"),
          workload("web", **({"replicas": 3} if kind == "statefulset" else {})))
    k("rollout", "status", f"{kind}/web", "--timeout=30s")
    k("set", "image", f"{kind}/web", "c=b")
    k("rollout", "status", f"{kind}/web", "--timeout=30s")
    assert images(m, ns) == ["b"] * 3
    history = k("rollout", "history", f"{kind}/web").split("REVISION")[1]
    assert [line.split()[0] for line in history.splitlines()[1:] if line] == ["1", "2"]
    k("rollout", "undo", f"{kind}/web")
    status_is(m, path, **status)
    k("rollout", "status", f"{kind}/web", "--timeout=30s")
    assert images(m, ns) == ["a"] * 3
    k("rollout", "restart", f"{kind}/web")
    k("rollout", "status", f"{kind}/web", "--timeout=30s")
    table = k("get", f"{kind}/web").splitlines()
    want = "READY" if kind == "statefulset" else "DESIRED"
    assert want in table[0] and "3" in table[1]
    k("delete", f"{kind}/web")
