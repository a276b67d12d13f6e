# SPDX-License-Identifier: Apache-2.0
"""ResourceQuota and LimitRange."""
import threading

import pytest
from knarr_test import Master, wait_for


@pytest.fixture(scope="module")
def m():
    with Master("--no-scheduler", "--no-controllers") as master:
        yield master


@pytest.fixture
def ns(m, request):
    """A namespace of the test's own with its default service account."""
    name = request.node.name.replace("_", "-").replace("[", "-").replace("]", "")
    assert m.api("POST", "/api/v1/namespaces", {"metadata": {"name": name}})[0] == 201
    at = f"/api/v1/namespaces/{name}"
    m.api("POST", f"{at}/serviceaccounts", {"metadata": {"name": "default"}})
    return at


def quota(m, ns, name="q", scopes=None, selector=None, **hard):
    spec = {"hard": {k.replace("__", "/").replace("_", "."): v for k, v in hard.items()}}
    if scopes:
        spec["scopes"] = scopes
    if selector:
        spec["scopeSelector"] = {"matchExpressions": [selector]}
    status, got = m.api("POST", f"{ns}/resourcequotas", {"metadata": {"name": name}, "spec": spec})
    assert status == 201, got
    return wait_for(lambda: used(m, ns, name) is not None and name)


def used(m, ns, name="q"):
    return m.api("GET", f"{ns}/resourcequotas/{name}")[1].get("status", {}).get("used")


def pod(m, ns, name, requests=None, limits=None, query="", **spec):
    c = {"name": "c", "image": "x", "resources": {}}
    if requests:
        c["resources"]["requests"] = requests
    if limits:
        c["resources"]["limits"] = limits
    return m.api("POST", f"{ns}/pods{query}", {"metadata": {"name": name},
                                               "spec": dict({"containers": [c]}, **spec)})


def test_counts(m, ns):
    m.api("POST", f"{ns}/configmaps", {"metadata": {"name": "before"}})
    quota(m, ns, configmaps="2", pods="1", count__deployments_apps="1", resourcequotas="1")
    assert used(m, ns) == {"configmaps": "1", "pods": "0", "count/deployments.apps": "0",
                           "resourcequotas": "1"}
    assert m.api("POST", f"{ns}/configmaps", {"metadata": {"name": "two"}})[0] == 201
    status, got = m.api("POST", f"{ns}/configmaps", {"metadata": {"name": "three"}})
    assert (status, got["reason"]) == (403, "Forbidden")
    assert got["message"] == ('configmaps "three" is forbidden: exceeded quota: q, requested: '
                              'configmaps=1, used: configmaps=2, limited: configmaps=2')
    assert m.api("DELETE", f"{ns}/configmaps/two")[0] == 200
    assert used(m, ns)["configmaps"] == "1"
    assert m.api("POST", f"{ns}/configmaps?dryRun=All", {"metadata": {"name": "four"}})[0] == 201
    assert used(m, ns)["configmaps"] == "1"
    m.kubectl("-n", ns.split("/")[-1], "create", "deployment", "d", "--image=x")
    p = m.kubectl("-n", ns.split("/")[-1], "create", "deployment", "e", "--image=x", check=False)
    assert "exceeded quota: q, requested: count/deployments.apps=1" in p.stderr
    out = m.kubectl("-n", ns.split("/")[-1], "describe", "quota", "q").stdout
    assert "configmaps" in out and "count/deployments.apps  1     1" in out, out


def test_requests(m, ns):
    quota(m, ns, requests_cpu="1", limits_memory="1Gi", pods="10")
    status, got = pod(m, ns, "a")
    assert status == 403 and got["message"] == (
        'pods "a" is forbidden: failed quota: q: must specify limits.memory for: c; requests.cpu for: c')
    assert pod(m, ns, "a", {"cpu": "600m"}, {"memory": "512Mi"})[0] == 201
    assert used(m, ns) == {"requests.cpu": "600m", "limits.memory": "512Mi", "pods": "1"}
    status, got = pod(m, ns, "b", {"cpu": "500m"}, {"memory": "600Mi"})
    assert status == 403 and got["message"] == (
        'pods "b" is forbidden: exceeded quota: q, requested: limits.memory=600Mi,requests.cpu=500m, '
        'used: limits.memory=512Mi,requests.cpu=600m, limited: limits.memory=1Gi,requests.cpu=1')
    # A pod that has ended gives back what it used.
    m.api("PATCH", f"{ns}/pods/a/status", {"status": {"phase": "Succeeded"}},
          "application/merge-patch+json")
    assert used(m, ns) == {"requests.cpu": "0", "limits.memory": "0", "pods": "0"}
    assert pod(m, ns, "b", {"cpu": "500m"}, {"memory": "600Mi"})[0] == 201


def test_services(m, ns):
    quota(m, ns, services="2", services_nodeports="1", services_loadbalancers="0")
    port = [{"port": 80}]

    def service(name, **spec):
        return m.api("POST", f"{ns}/services", {"metadata": {"name": name},
                                                "spec": dict(spec, ports=port)})
    assert service("a", type="NodePort")[0] == 201
    status, got = service("b", type="NodePort")
    assert status == 403 and "services.nodeports=1" in got["message"]
    assert service("b")[0] == 201
    status, got = m.api("PATCH", f"{ns}/services/b", {"spec": {"type": "NodePort"}},
                        "application/merge-patch+json")
    assert status == 403, got
    assert m.api("PATCH", f"{ns}/services/a", {"spec": {"type": "ClusterIP", "ports": [
        {"port": 80, "nodePort": None}]}}, "application/merge-patch+json")[0] == 200
    assert used(m, ns)["services.nodeports"] == "0"


def test_claims(m, ns):
    quota(m, ns, requests_storage="2Gi", persistentvolumeclaims="5",
          **{"gold_storageclass_storage_k8s_io__requests_storage": "1Gi"})

    def claim(name, size, cls="silver"):
        return m.api("POST", f"{ns}/persistentvolumeclaims", {
            "metadata": {"name": name}, "spec": {
                "accessModes": ["ReadWriteOnce"], "storageClassName": cls,
                "resources": {"requests": {"storage": size}}}})
    assert claim("a", "1Gi")[0] == 201
    assert claim("b", "1536Mi")[0] == 403
    assert claim("b", "512Mi", "gold")[0] == 201
    assert used(m, ns) == {"requests.storage": "1536Mi", "persistentvolumeclaims": "2",
                           "gold.storageclass.storage.k8s.io/requests.storage": "512Mi"}


def test_scopes(m, ns):
    quota(m, ns, "ending", ["Terminating"], pods="1")
    quota(m, ns, "best", ["BestEffort"], pods="1")
    quota(m, ns, "high", selector={"scopeName": "PriorityClass", "operator": "In",
                                   "values": ["system-cluster-critical"]}, pods="0")
    assert pod(m, ns, "a", {"cpu": "1m"}, activeDeadlineSeconds=60)[0] == 201
    assert used(m, ns, "ending")["pods"] == "1" and used(m, ns, "best")["pods"] == "0"
    assert pod(m, ns, "b", {"cpu": "1m"}, activeDeadlineSeconds=60)[0] == 403
    assert pod(m, ns, "c")[0] == 201
    assert used(m, ns, "best")["pods"] == "1"
    status, got = pod(m, ns, "d", {"cpu": "1m"}, priorityClassName="system-cluster-critical")
    assert status == 403 and "exceeded quota: high" in got["message"]


def test_change_of_limits(m, ns):
    quota(m, ns, pods="1")
    assert pod(m, ns, "a")[0] == 201
    m.api("PATCH", f"{ns}/resourcequotas/q", {"spec": {"hard": {"pods": "2", "secrets": "1"}}},
          "application/merge-patch+json")
    wait_for(lambda: used(m, ns) == {"pods": "1", "secrets": "0"})
    assert pod(m, ns, "b")[0] == 201
    assert pod(m, ns, "c")[0] == 403


def test_race(m, ns):
    """Many at once: exactly as many get in as there are places."""
    quota(m, ns, configmaps="20")
    got = []

    def some(i):
        for j in range(10):
            got.append(m.api("POST", f"{ns}/configmaps", {"metadata": {"name": f"m-{i}-{j}"}})[0])
    threads = [threading.Thread(target=some, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(got) == [201] * 20 + [403] * 60
    assert used(m, ns)["configmaps"] == "20"
    m.api("DELETE", f"{ns}/configmaps")
    assert used(m, ns)["configmaps"] == "0"


def limit_range(m, ns, **limit):
    status, got = m.api("POST", f"{ns}/limitranges", {"metadata": {"name": "l"},
                                                      "spec": {"limits": [limit]}})
    assert status == 201, got


def test_crowd(m, ns):
    """Many at once charge one quota: creates and deletes of few names, so that writes of one batch
    meet, while somebody else writes the quota itself. Nothing is over the limit, nothing is lost."""
    quota(m, ns, configmaps="12", secrets="500")
    odd = []

    def work(n):
        for i in range(25):
            name = f"c{(n * 7 + i * 5) % 18}"
            if i % 5 == 0:
                m.api("POST", f"{ns}/secrets", {"metadata": {"name": f"s{n}-{i}"}})
            if (n + i) % 3:
                status, got = m.api("POST", f"{ns}/configmaps", {"metadata": {"name": name}})
            else:
                status, got = m.api("DELETE", f"{ns}/configmaps/{name}")
            if status == 403 and "used: configmaps=12, limited: configmaps=12" in got["message"]:
                continue
            if status not in (200, 201, 404, 409):
                odd.append((status, got))
            if n == 0 and i % 4 == 0:
                m.api("PATCH", f"{ns}/resourcequotas/q", {"metadata": {"labels": {"i": str(i)}}},
                      content_type="application/merge-patch+json")
            had = len(m.api("GET", f"{ns}/configmaps")[1]["items"])
            if had > 12:
                odd.append(had)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not odd
    for what in ("configmaps", "secrets"):
        assert used(m, ns)[what] == str(len(m.api("GET", f"{ns}/{what}")[1]["items"]))
    assert used(m, ns)["secrets"] == "80"


def test_defaults(m, ns):
    limit_range(m, ns, type="Container", default={"memory": "512Mi", "cpu": "1"},
                defaultRequest={"memory": "256Mi"})
    assert pod(m, ns, "silent")[1]["status"]["qosClass"] == "Burstable"
    status, got = pod(m, ns, "a", limits={"cpu": "2"})
    assert status == 201, got
    res = got["spec"]["containers"][0]["resources"]
    assert res["limits"] == {"cpu": "2", "memory": "512Mi"}
    assert res["requests"]["memory"] == "256Mi"
    note = got["metadata"]["annotations"]["kubernetes.io/limit-ranger"]
    assert note.startswith("LimitRanger plugin set: ") and "memory limit for container c" in note


def test_bounds(m, ns):
    limit_range(m, ns, type="Container", min={"cpu": "100m"}, max={"cpu": "1"},
                maxLimitRequestRatio={"cpu": "4"})
    status, got = pod(m, ns, "a", {"cpu": "50m"}, {"cpu": "200m"})
    assert (status, got["message"]) == (
        403, 'pods "a" is forbidden: minimum cpu usage per Container is 100m, but request is 50m')
    status, got = pod(m, ns, "a", {"cpu": "200m"}, {"cpu": "2"})
    assert got["message"] == (
        'pods "a" is forbidden: [maximum cpu usage per Container is 1, but limit is 2, cpu max limit to '
        'request ratio per Container is 4, but provided ratio is 10.000000]')
    # A maximum is also the default.
    status, got = pod(m, ns, "a", {"cpu": "500m"})
    assert status == 201 and got["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "1"}, got


def test_pod_and_claim_bounds(m, ns):
    limit_range(m, ns, type="Pod", max={"memory": "1Gi"})
    status, got = m.api("POST", f"{ns}/pods", {"metadata": {"name": "p"}, "spec": {"containers": [
        {"name": n, "image": "x", "resources": {"limits": {"memory": "600Mi"}}} for n in "ab"]}})
    assert (status, got["message"]) == (
        403, 'pods "p" is forbidden: maximum memory usage per Pod is 1Gi, but limit is 1200Mi')
    assert m.api("DELETE", f"{ns}/limitranges/l")[0] == 200
    limit_range(m, ns, type="PersistentVolumeClaim", max={"storage": "1Gi"})
    status, got = m.api("POST", f"{ns}/persistentvolumeclaims", {
        "metadata": {"name": "c"}, "spec": {"accessModes": ["ReadWriteOnce"],
                                            "resources": {"requests": {"storage": "2Gi"}}}})
    assert status == 403 and got["message"].endswith(
        "maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi")
