# SPDX-License-Identifier: Apache-2.0
"""The API by raw requests: status codes, messages and bytes as Kubernetes gives them."""
import json
import threading
import time

import pytest
from knarr_test import Master, admin_der, wait_for

CMS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"


def cm(name, **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def pod(name, **spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"containers": [{"name": "c", "image": "busybox"}], **spec}}


def create(m, path, obj, code=201):
    status, got = m.api("POST", path, obj)
    assert status == code, got
    return got


def test_create_get_conflict_delete(master):
    made = create(master, CMS, cm("a", x="1"))
    assert made["metadata"]["uid"] and made["metadata"]["resourceVersion"].isdigit()
    status, again = master.api("POST", CMS, cm("a"))
    assert status == 409 and again["reason"] == "AlreadyExists"
    assert again["message"] == 'configmaps "a" already exists'
    assert again["details"] == {"name": "a", "kind": "configmaps"}
    status, got = master.api("GET", f"{CMS}/a")
    assert status == 200 and got == made
    got["data"]["x"] = "2"
    status, second = master.api("PUT", f"{CMS}/a", got)
    assert status == 200 and second["metadata"]["resourceVersion"] > made["metadata"]["resourceVersion"]
    status, stale = master.api("PUT", f"{CMS}/a", got)
    assert status == 409 and stale["reason"] == "Conflict"
    assert stale["message"] == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; please '
        "apply your changes to the latest version and try again")
    status, same = master.api("PUT", f"{CMS}/a", second)
    assert status == 200 and same["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]
    status, gone = master.api("DELETE", f"{CMS}/a")
    assert status == 200 and gone["status"] == "Success"
    assert gone["details"]["uid"] == made["metadata"]["uid"]
    status, none = master.api("GET", f"{CMS}/a")
    assert status == 404 and none["message"] == 'configmaps "a" not found'


def test_generate_name_and_dry_run(master):
    obj = {"metadata": {"generateName": "gen-"}}
    names = {create(master, CMS, obj)["metadata"]["name"] for _ in range(5)}
    assert len(names) == 5 and all(n.startswith("gen-") and len(n) == 9 for n in names)
    status, got = master.api("POST", f"{CMS}?dryRun=All", cm("dry"))
    assert status == 201 and got["metadata"]["uid"]
    assert master.api("GET", f"{CMS}/dry")[0] == 404
    assert master.api("POST", f"{CMS}?dryRun=Some", cm("dry"))[0] == 400


@pytest.mark.parametrize("body,content_type,code", [
    (b"{", "application/json", 400),
    (b'{"metadata":{"name":"x"},"data":{"a":1}}', "application/json", 400),
    (b'{"metadata":{"name":"x\xff"}}', "application/json", 400),
    (b"[" * 100 + b"]" * 100, "application/json", 400),
    (b'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"x"}}', "application/json", 400),
    (b'{"metadata":{"name":"Not_A_Name"}}', "application/json", 422),
    (b'{"metadata":{}}', "application/json", 422),
    (b"<x/>", "application/xml", 415),
    (b"k8s\x00rubbish", "application/vnd.kubernetes.protobuf", 400),
    (b"a: [", "application/yaml", 400),
])
def test_bad_bodies(master, body, content_type, code):
    status, got = master.api("POST", CMS, body, content_type)
    assert status == code and got["kind"] == "Status" and got["code"] == code, got


def test_too_large(master):
    status, got = master.api("POST", CMS, b'{"metadata":{"name":"big"},"data":{"x":"' +
                             b"x" * (4 << 20) + b'"}}')
    assert status == 413, got


def test_field_validation(master):
    bad = dict(pod("fv"), nonsense=1)
    status, got = master.api("POST", f"{PODS}?fieldValidation=Strict", bad)
    assert status == 400 and 'unknown field "nonsense"' in got["message"]
    status, headers, _ = master.raw("POST", f"{PODS}?fieldValidation=Warn", json.dumps(bad),
                                    {"Content-Type": "application/json"})
    assert status == 201 and headers["Warning"] == '299 - "unknown field \\"nonsense\\""'
    assert master.api("DELETE", f"{PODS}/fv")[0] == 200


def test_not_served(master):
    assert master.api("GET", "/nonsense")[0] == 404
    assert master.api("GET", "/api/v1/nonsense")[0] == 404
    assert master.api("GET", "/apis/no.such/v1/things")[0] == 404
    assert master.api("PUT", CMS, cm("x"))[0] == 405
    assert master.api("POST", f"{CMS}/x", cm("x"))[0] == 405
    assert master.api("GET", f"{CMS}/%2fx")[0] == 400
    status, got = master.api("GET", CMS, headers={"Accept": "application/xml"})
    assert status == 406 and got["reason"] == "NotAcceptable"


def test_who_may(master):
    status, got = master.api("GET", CMS, anonymous=True)
    assert status == 403 and got["message"] == (
        'configmaps is forbidden: User "system:anonymous" cannot list resource "configmaps" in API '
        'group "" in the namespace "default"')
    assert master.api("GET", CMS, headers={"Authorization": "Bearer nonsense"},
                      anonymous=True)[0] == 401
    for path in ("/healthz", "/livez", "/readyz", "/version"):
        assert master.api("GET", path, anonymous=True)[0] == 200
    status, tok = master.api("POST", "/api/v1/namespaces/default/serviceaccounts/default/token",
                             {"spec": {"expirationSeconds": 600}})
    assert status == 201
    bearer = {"Authorization": "Bearer " + tok["status"]["token"]}
    status, me = master.api("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {},
                            headers=bearer, anonymous=True)
    assert status == 201
    assert me["status"]["userInfo"]["username"] == "system:serviceaccount:default:default"
    assert "system:serviceaccounts:default" in me["status"]["userInfo"]["groups"]
    assert master.api("GET", "/api", headers=bearer, anonymous=True)[0] == 200
    assert master.api("GET", PODS, headers=bearer, anonymous=True)[0] == 403


def test_impersonation(master):
    reviews = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    as_bob = {"Impersonate-User": "bob", "Impersonate-Group": "dev"}
    status, me = master.api("POST", reviews, {}, headers=as_bob)
    assert status == 201 and me["status"]["userInfo"]["username"] == "bob"
    assert set(me["status"]["userInfo"]["groups"]) == {"dev", "system:authenticated"}
    status, got = master.api("GET", PODS, headers=as_bob)
    assert status == 403 and 'User "bob" cannot list resource "pods"' in got["message"]
    assert master.api("GET", PODS, headers={"Impersonate-Group": "x"})[0] == 401
    _, tok = master.api("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", {})
    status, got = master.api("GET", "/api", anonymous=True, headers={
        "Authorization": "Bearer " + tok["status"]["token"], "Impersonate-User": "kubernetes-admin",
        "Impersonate-Group": "system:masters"})
    assert status == 403 and "cannot impersonate resource" in got["message"]
    assert master.kubectl("auth", "can-i", "create", "pods", "--as=bob", check=False).returncode == 1


def test_impersonation_by_rights(master):
    """Who is no administrator needs a right for each thing named, and for nothing else."""
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    subjects = [{"kind": "ServiceAccount", "name": "actor", "namespace": "default"}]
    create(master, "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "actor"}})
    create(master, f"{rbac}/clusterroles", {"metadata": {"name": "acts"}, "rules": [
        {"verbs": ["impersonate"], "apiGroups": [""], "resources": ["users"], "resourceNames": ["jane"]},
        {"verbs": ["impersonate"], "apiGroups": ["authentication.k8s.io"],
         "resources": ["userextras/example.com/project"], "resourceNames": ["x"]}]})
    create(master, f"{rbac}/clusterrolebindings", {"metadata": {"name": "acts"}, "subjects": subjects,
                                                   "roleRef": {"kind": "ClusterRole", "name": "acts"}})
    create(master, f"{rbac}/namespaces/default/roles", {"metadata": {"name": "acts"}, "rules": [
        {"verbs": ["impersonate"], "apiGroups": [""], "resources": ["serviceaccounts"],
         "resourceNames": ["build"]}]})
    create(master, f"{rbac}/namespaces/default/rolebindings", {
        "metadata": {"name": "acts"}, "subjects": subjects, "roleRef": {"kind": "Role", "name": "acts"}})
    _, tok = master.api("POST", "/api/v1/namespaces/default/serviceaccounts/actor/token", {})

    def act(**fields):
        status, got = master.api(
            "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, anonymous=True, headers={
                "Authorization": "Bearer " + tok["status"]["token"],
                **{f"Impersonate-{k.replace('_', '-')}": v for k, v in fields.items()}})
        return got["status"]["userInfo"] if status == 201 else got["message"]
    assert act(User="jane", **{"Extra-Example.com%2FProject": "x"}) == {
        "username": "jane", "groups": ["system:authenticated"], "extra": {"example.com/project": ["x"]}}
    build = act(User="system:serviceaccount:default:build")
    assert build["groups"] == ["system:serviceaccounts", "system:serviceaccounts:default",
                               "system:authenticated"]
    text = act(User="system:serviceaccount:kube-system:build")
    assert text.startswith('serviceaccounts "build" is forbidden') and "kube-system" in text
    assert 'users "bob" is forbidden' in act(User="bob")
    assert 'groups "system:authenticated" is forbidden' in act(User="jane", Group="system:authenticated")
    assert 'userextras.authentication.k8s.io "y" is forbidden' in act(
        User="jane", **{"Extra-Example.com%2FProject": "y"})


def test_list_pages_and_selectors(master):
    base = "/api/v1/namespaces/pages/configmaps"
    create(master, "/api/v1/namespaces", {"metadata": {"name": "pages"}})
    for i in range(7):
        create(master, base, {"metadata": {"name": f"c{i}", "labels": {"odd": str(i % 2)}}})
    status, first = master.api("GET", f"{base}?limit=3")
    assert status == 200 and len(first["items"]) == 3
    assert first["metadata"]["remainingItemCount"] == 4
    # What happens between the pages is not seen by the later ones.
    create(master, base, {"metadata": {"name": "c2b"}})
    master.api("DELETE", f"{base}/c5")
    names = [o["metadata"]["name"] for o in first["items"]]
    page = first
    while page["metadata"].get("continue"):
        _, page = master.api("GET", f"{base}?limit=3&continue={page['metadata']['continue']}")
        names += [o["metadata"]["name"] for o in page["items"]]
    assert names == [f"c{i}" for i in range(7)]
    _, odd = master.api("GET", f"{base}?labelSelector=odd%3D1")
    assert [o["metadata"]["name"] for o in odd["items"]] == ["c1", "c3"]
    _, one = master.api("GET", f"{base}?fieldSelector=metadata.name%3Dc4")
    assert [o["metadata"]["name"] for o in one["items"]] == ["c4"]
    assert master.api("GET", f"{base}?labelSelector=a%20b%20c")[0] == 400
    assert master.api("GET", f"{base}?fieldSelector=spec.x%3D1")[0] == 400
    status, got = master.api("GET", f"{base}?continue=bm9uc2Vuc2U&limit=3")
    assert status == 400, got
    status, got = master.api("GET", f"{base}?resourceVersion=99999999")
    assert status == 504 and "Too large resource version" in got["message"]
    status, swept = master.api("DELETE", f"{base}?labelSelector=odd%3D0")
    assert status == 200 and len(swept["items"]) == 4
    _, left = master.api("GET", base)
    assert [o["metadata"]["name"] for o in left["items"]] == ["c1", "c2b", "c3"]


def test_watch(master):
    made = create(master, CMS, {"metadata": {"name": "w", "labels": {"see": "yes"}}})
    rv = made["metadata"]["resourceVersion"]
    master.api("PATCH", f"{CMS}/w", {"data": {"x": "1"}}, "application/merge-patch+json")
    master.api("PATCH", f"{CMS}/w", {"metadata": {"labels": {"see": "no"}}},
               "application/merge-patch+json")
    master.api("PATCH", f"{CMS}/w", {"metadata": {"labels": {"see": "yes"}}},
               "application/merge-patch+json")
    master.api("DELETE", f"{CMS}/w")
    events = master.watch(f"{CMS}?resourceVersion={rv}&labelSelector=see%3Dyes")
    assert [e["type"] for e in events] == ["MODIFIED", "DELETED", "ADDED", "DELETED"]
    versions = [int(e["object"]["metadata"]["resourceVersion"]) for e in events]
    assert versions == sorted(versions) and versions[0] > int(rv)
    plain = master.watch(f"{CMS}?resourceVersion={rv}")
    assert [e["type"] for e in plain] == ["MODIFIED"] * 3 + ["DELETED"]


def test_watch_initial_events(master):
    create(master, CMS, cm("wi"))
    events = master.watch(f"{CMS}?sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
                          "&allowWatchBookmarks=true&fieldSelector=metadata.name%3Dwi")
    assert [e["type"] for e in events] == ["ADDED", "BOOKMARK"]
    assert events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    status, got = master.api("GET", f"{CMS}?watch=true&sendInitialEvents=true")
    assert status == 422, got
    master.api("DELETE", f"{CMS}/wi")


def test_watch_as_it_happens(master):
    _, now = master.api("GET", CMS)
    c = master.connect()
    c.request("GET", f"{CMS}?watch=true&resourceVersion={now['metadata']['resourceVersion']}")
    r = c.getresponse()
    began = time.monotonic()
    t = threading.Timer(0.2, create, (master, CMS, cm("live")))
    t.start()
    event = json.loads(r.readline())
    assert event["type"] == "ADDED" and time.monotonic() - began < 10
    t.join()
    c.close()
    master.api("DELETE", f"{CMS}/live")


def test_patches(master):
    deploys = "/apis/apps/v1/namespaces/default/deployments"
    create(master, deploys, {"metadata": {"name": "d"}, "spec": {
        "selector": {"matchLabels": {"a": "d"}}, "template": {
            "metadata": {"labels": {"a": "d"}},
            "spec": {"containers": [{"name": "c", "image": "one"}, {"name": "e", "image": "two"}]}}}})
    status, got = master.api("PATCH", f"{deploys}/d", {"spec": {"template": {"spec": {"containers": [
        {"name": "e", "image": "three"}]}}}}, "application/strategic-merge-patch+json")
    assert status == 200
    images = {c["name"]: c["image"] for c in got["spec"]["template"]["spec"]["containers"]}
    assert images == {"c": "one", "e": "three"} and got["metadata"]["generation"] == 2
    status, got = master.api("PATCH", f"{deploys}/d", [
        {"op": "test", "path": "/spec/replicas", "value": 1},
        {"op": "replace", "path": "/spec/replicas", "value": 3}], "application/json-patch+json")
    assert status == 200 and got["spec"]["replicas"] == 3
    status, got = master.api("PATCH", f"{deploys}/d", [
        {"op": "test", "path": "/spec/replicas", "value": 1}], "application/json-patch+json")
    assert status == 422, got
    status, got = master.api("PATCH", f"{deploys}/d", {"x": 1}, "application/nonsense")
    assert status == 415 and got["reason"] == "UnsupportedMediaType"
    status, scale = master.api("GET", f"{deploys}/d/scale")
    assert status == 200 and scale["kind"] == "Scale" and scale["spec"]["replicas"] == 3
    assert scale["status"]["selector"] == "a=d"
    scale["spec"]["replicas"] = 5
    status, scale = master.api("PUT", f"{deploys}/d/scale", scale)
    assert status == 200 and scale["spec"]["replicas"] == 5
    # Status is written by /status only, and spec is not.
    _, d = master.api("GET", f"{deploys}/d")
    d["status"] = {"replicas": 5}
    d["spec"]["replicas"] = 9
    status, d = master.api("PUT", f"{deploys}/d/status", d)
    assert status == 200 and d["spec"]["replicas"] == 5 and d["status"]["replicas"] == 5
    master.api("DELETE", f"{deploys}/d")


def test_apply_and_owners(master):
    path = "/apis/apps/v1/namespaces/default/deployments/ssa"
    want = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "ssa"}, "spec": {
        "replicas": 2, "selector": {"matchLabels": {"a": "s"}}, "template": {
            "metadata": {"labels": {"a": "s"}},
            "spec": {"containers": [{"name": "c", "image": "one"}]}}}}
    ssa = "application/apply-patch+yaml"
    assert master.api("PATCH", path, want, ssa)[0] == 400  # no fieldManager
    status, got = master.api("PATCH", f"{path}?fieldManager=m1", want, ssa)
    assert status == 201 and got["metadata"]["managedFields"][0]["operation"] == "Apply"
    status, again = master.api("PATCH", f"{path}?fieldManager=m1", want, ssa)
    assert status == 200 and again["metadata"]["resourceVersion"] == got["metadata"]["resourceVersion"]
    scale = master.api("PATCH", f"{path}/scale", {"spec": {"replicas": 5}},
                       "application/merge-patch+json")
    assert scale[0] == 200 and scale[1]["spec"]["replicas"] == 5
    _, got = master.api("GET", path)
    assert "scale" in [m.get("subresource") for m in got["metadata"]["managedFields"]]
    status, got = master.api("PATCH", f"{path}?fieldManager=m1", want, ssa)
    assert status == 409 and got["reason"] == "Conflict" and ".spec.replicas" in got["message"]
    status, got = master.api("PATCH", f"{path}?fieldManager=m1&force=true", want, ssa)
    assert status == 200 and got["spec"]["replicas"] == 2
    master.api("DELETE", path)


def test_concurrent_patches_lose_nothing(master):
    create(master, CMS, cm("race"))

    def add(i):
        status, got = master.api("PATCH", f"{CMS}/race", {"data": {f"k{i}": "v"}},
                                 "application/merge-patch+json")
        assert status == 200, got

    threads = [threading.Thread(target=add, args=(i,)) for i in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    _, got = master.api("GET", f"{CMS}/race")
    assert len(got["data"]) == 16
    master.api("DELETE", f"{CMS}/race")


def test_pod_admission(master):
    made = create(master, PODS, pod("adm"))
    spec = made["spec"]
    assert spec["serviceAccountName"] == "default" and spec["priority"] == 0
    volume = spec["volumes"][0]
    assert volume["name"].startswith("kube-api-access-")
    assert spec["containers"][0]["volumeMounts"][0]["mountPath"] == (
        "/var/run/secrets/kubernetes.io/serviceaccount")
    assert {t["key"] for t in spec["tolerations"]} == {
        "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}
    status, got = master.api("POST", PODS, pod("adm2", serviceAccountName="none"))
    assert status == 403 and 'serviceaccount "none" not found' in got["message"]
    status, got = master.api("POST", PODS, pod("adm2", priorityClassName="none"))
    assert status == 403 and "no PriorityClass with name none was found" in got["message"]
    got = create(master, PODS, pod("adm2", priorityClassName="system-node-critical"))
    assert got["spec"]["priority"] == 2000001000
    for n in ("adm", "adm2"):
        assert master.api("DELETE", f"{PODS}/{n}")[0] == 200


def test_pod_deletion_protocol(master):
    create(master, "/api/v1/nodes", {"metadata": {"name": "n1"}})
    create(master, PODS, pod("grace"))
    status, got = master.api("POST", f"{PODS}/grace/binding", {"target": {"kind": "Node", "name": "n1"}})
    assert status == 201 and got["status"] == "Success"
    status, got = master.api("POST", f"{PODS}/grace/binding", {"target": {"kind": "Node", "name": "n1"}})
    assert status == 409 and 'already assigned to node "n1"' in got["message"]
    _, bound = master.api("GET", f"{PODS}/grace")
    assert bound["spec"]["nodeName"] == "n1"
    assert bound["status"]["conditions"][0]["type"] == "PodScheduled"
    status, got = master.api("DELETE", f"{PODS}/grace", {"gracePeriodSeconds": 20})
    assert status == 200 and got["metadata"]["deletionGracePeriodSeconds"] == 20
    # A shorter grace period counts, a longer one does not. DeleteOptions may come as protobuf.
    def pb(seconds):
        return b"k8s\x00" + b"\x0a\x13\x0a\x02v1\x12\x0dDeleteOptions" + b"\x12\x02\x08" + bytes([seconds])
    for seconds, want in ((10, 10), (15, 10)):
        status, got = master.api("DELETE", f"{PODS}/grace", pb(seconds),
                                 "application/vnd.kubernetes.protobuf")
        assert status == 200 and got["metadata"]["deletionGracePeriodSeconds"] == want, got
    _, listed = master.api("GET", "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1")
    assert [p["metadata"]["name"] for p in listed["items"]] == ["grace"]
    assert master.api("DELETE", f"{PODS}/grace", {"gracePeriodSeconds": 0})[0] == 200
    assert master.api("GET", f"{PODS}/grace")[0] == 404
    master.api("DELETE", "/api/v1/nodes/n1")


def test_finalizers_and_preconditions(master):
    made = create(master, CMS, {"metadata": {"name": "fin", "finalizers": ["example.com/x"]}})
    status, got = master.api("DELETE", f"{CMS}/fin", {"preconditions": {"uid": "other"}})
    assert status == 409, got
    status, got = master.api("DELETE", f"{CMS}/fin", {"propagationPolicy": "Foreground"})
    assert status == 200 and got["metadata"]["deletionTimestamp"]
    assert set(got["metadata"]["finalizers"]) == {"example.com/x", "foregroundDeletion"}
    assert got["metadata"]["uid"] == made["metadata"]["uid"]
    status, got = master.api("PATCH", f"{CMS}/fin", {"metadata": {"finalizers": None}},
                             "application/merge-patch+json")
    assert status == 200, got
    assert master.api("GET", f"{CMS}/fin")[0] == 404


def test_service_addresses(master):
    svc = "/api/v1/namespaces/default/services"
    a = create(master, svc, {"metadata": {"name": "s1"}, "spec": {"ports": [{"port": 80}]}})
    ip = a["spec"]["clusterIP"]
    assert ip.startswith("10.96.") and a["spec"]["clusterIPs"] == [ip]
    status, got = master.api("POST", svc, {"metadata": {"name": "s2"},
                                           "spec": {"clusterIP": ip, "ports": [{"port": 80}]}})
    assert status == 422 and "provided IP is already allocated" in got["message"]
    b = create(master, svc, {"metadata": {"name": "s2"},
                             "spec": {"type": "NodePort", "ports": [{"port": 80}]}})
    port = b["spec"]["ports"][0]["nodePort"]
    assert 30000 <= port <= 32767
    status, got = master.api("POST", svc, {"metadata": {"name": "s3"}, "spec": {
        "type": "NodePort", "ports": [{"port": 80, "nodePort": port}]}})
    assert status == 422 and "provided port is already allocated" in got["message"]
    none = create(master, svc, {"metadata": {"name": "s3"},
                                "spec": {"clusterIP": "None", "ports": [{"port": 80}]}})
    assert none["spec"]["clusterIP"] == "None"
    for n in ("s1", "s2", "s3"):
        assert master.api("DELETE", f"{svc}/{n}")[0] == 200
    # Both are free again.
    create(master, svc, {"metadata": {"name": "s4"}, "spec": {
        "type": "NodePort", "clusterIP": ip, "ports": [{"port": 80, "nodePort": port}]}})
    master.api("DELETE", f"{svc}/s4")


def test_node_keeps_its_status_on_create(master):
    made = create(master, "/api/v1/nodes", {"metadata": {"name": "ns1"}, "status": {
        "capacity": {"cpu": "4"}}})
    assert made["status"]["capacity"] == {"cpu": "4"}
    assert made["spec"]["taints"] == [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]
    master.api("DELETE", "/api/v1/nodes/ns1")


def test_namespaces(master):
    status, got = master.api("POST", "/api/v1/namespaces/nowhere/configmaps", cm("x"))
    assert status == 404 and got["message"] == 'namespaces "nowhere" not found'
    status, got = master.api("DELETE", "/api/v1/namespaces/default")
    assert status == 403 and "may not be deleted" in got["message"]
    create(master, "/api/v1/namespaces", {"metadata": {"name": "dying"}})
    status, got = master.api("DELETE", "/api/v1/namespaces/dying")
    assert status == 200 and got["status"]["phase"] == "Terminating"
    status, got = master.api("POST", "/api/v1/namespaces/dying/configmaps", cm("x"))
    assert status == 403 and "is being terminated" in got["message"]
    got = master.api("GET", "/api/v1/namespaces/dying")[1]
    got["spec"]["finalizers"] = []
    assert master.api("PUT", "/api/v1/namespaces/dying/finalize", got)[0] == 200
    assert master.api("GET", "/api/v1/namespaces/dying")[0] == 404


def test_tables_and_metadata(master):
    accept = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
    status, t = master.api("GET", "/api/v1/namespaces", headers=accept)
    assert status == 200 and t["kind"] == "Table"
    assert t["columnDefinitions"][0]["name"] == "Name"
    assert "default" in [r["cells"][0] for r in t["rows"]]
    accept = {"Accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}
    _, p = master.api("GET", "/api/v1/namespaces", headers=accept)
    assert p["kind"] == "PartialObjectMetadataList"
    assert all("spec" not in o for o in p["items"])


def test_health_and_metrics(master):
    assert master.raw("GET", "/readyz")[2] == b"ok"
    assert b"[+]store ok" in master.raw("GET", "/readyz?verbose")[2]
    text = master.raw("GET", "/metrics")[2].decode()
    assert "apiserver_request_total{" in text and "knarr_store_revision" in text
    version = master.api("GET", "/version")[1]["gitVersion"]
    assert version.endswith("+knarr")
    assert master.api("GET", "/openapi/v2")[1]["info"]["version"] + "+knarr" == version


def test_restart_keeps_everything():
    m = Master("--no-scheduler", "--no-controllers")
    try:
        m.start()
        before = admin_der(m)
        create(m, CMS, cm("kept", x="1"))
        m.kill()
        m.start()
        assert m.api("GET", f"{CMS}/kept")[1]["data"] == {"x": "1"}
        assert admin_der(m) == before
        m.stop()
        second = Master(folder=m.dir)
        second.port = m.port
        m.start()
        second.log_path += "2"
        with pytest.raises(AssertionError):
            second.start()
        assert wait_for(lambda: "store" in second.log())
        m.stop()
    finally:
        m.remove()


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "*/*"])
def test_bodies_of_other_types(master, content_type):
    body = b'{"metadata": {"name": "no"}}'
    for method, path in (("POST", "/api/v1/namespaces"), ("PUT", "/api/v1/namespaces/default")):
        status, _, data = master.raw(method, path, body, {"Content-Type": content_type})
        assert status == 415 and b'"reason":"UnsupportedMediaType"' in data, data
