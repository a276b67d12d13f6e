# SPDX-License-Identifier: Apache-2.0
"""--enable-admission-plugins and --disable-admission-plugins; OwnerReferencesPermissionEnforcement."""
import subprocess

import pytest
from knarr_test import Master, wait_for

MAPS = "/api/v1/namespaces/default/configmaps"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
AS = {"Impersonate-User": "jane"}


@pytest.fixture(scope="module")
def m():
    # No garbage collector: the owners here are not there.
    with Master("--no-scheduler", "--controllers", "deployment,replicaset,serviceaccount",
                    "--enable-admission-plugins",
                    "OwnerReferencesPermissionEnforcement,LimitRanger", "--disable-admission-plugins",
                    "ResourceQuota", "--disable-admission-plugins", "PodSecurity,AlwaysPullImages") as master:
        yield master


def grant(m, name, *rules):
    assert m.api("POST", RBAC + "/clusterroles", {"metadata": {"name": name}, "rules": list(rules)})[0] == 201
    assert m.api("POST", RBAC + "/clusterrolebindings", {
        "metadata": {"name": name}, "subjects": [{"kind": "User", "name": "jane"}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}})[0] == 201


def rule(resource, *verbs, group=""):
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}


def ref(name="owner", block=None, kind="ReplicaSet", api="apps/v1", uid="1234"):
    r = {"apiVersion": api, "kind": kind, "name": name, "uid": uid}
    return r if block is None else {**r, "blockOwnerDeletion": block}


def put(m, name, *refs, verb="PUT"):
    obj = {"metadata": {"name": name, "ownerReferences": list(refs)}}
    return m.api(verb, MAPS + (f"/{name}" if verb == "PUT" else ""), obj, headers=AS)


def test_owner_references(m):
    grant(m, "writer", rule("configmaps", "create", "update"))
    # To create is enough to name an owner, not to block its deletion.
    assert put(m, "a", ref(), verb="POST")[0] == 201
    status, got = put(m, "b", ref(block=True), verb="POST")
    assert status == 403 and got["message"] == (
        'configmaps "b" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to a '
        "resource you can't set finalizers on: , <nil>"), got
    # A change of owners needs the right to delete; a change of something else doesn't.
    assert put(m, "a", ref(), verb="PUT")[0] == 200
    status, got = put(m, "a", ref("other"))
    assert status == 403 and got["message"] == (
        "configmaps \"a\" is forbidden: cannot set an ownerRef on a resource you can't delete: , <nil>"), got
    grant(m, "deleter", rule("configmaps", "delete"))
    assert put(m, "a", ref("other"))[0] == 200
    assert put(m, "a", ref("other", block=True))[0] == 403
    grant(m, "finalizer", rule("replicasets/finalizers", "update", group="apps"))
    assert put(m, "a", ref("other", block=True))[0] == 200
    status, got = put(m, "a", ref(kind="Nothing", block=True, uid="5"))
    assert status == 403 and 'no matches for kind "Nothing" in version "apps/v1"' in got["message"], got


def test_controllers_may(m):
    m.api("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    labels = {"app": "x"}
    assert m.api("POST", "/apis/apps/v1/namespaces/default/deployments", {
        "metadata": {"name": "x"}, "spec": {"selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "c", "image": "i", "securityContext": {"privileged": True}}]}}}})[0] == 201
    wait_for(lambda: m.api("GET", "/api/v1/namespaces/default/pods")[1]["items"], 30)


def test_others_are_off(m):
    # No quota is charged, and no pod is too privileged.
    assert m.api("POST", "/api/v1/namespaces/default/resourcequotas",
                 {"metadata": {"name": "q"}, "spec": {"hard": {"count/configmaps": "0"}}})[0] == 201
    assert m.api("POST", MAPS, {"metadata": {"name": "free"}})[0] == 201
    assert m.api("POST", "/api/v1/namespaces", {"metadata": {
        "name": "strict", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})[0] == 201
    wait_for(lambda: m.api("GET", "/api/v1/namespaces/strict/serviceaccounts/default")[0] == 200, 30)
    assert m.api("POST", "/api/v1/namespaces/strict/pods", {
        "metadata": {"name": "p"}, "spec": {"hostNetwork": True, "containers": [{"name": "c", "image": "i"}]}})[0] == 201


@pytest.mark.parametrize("options,why", [
    (["--enable-admission-plugins", "Nonsense"], 'admission-control plugin "Nonsense" is unknown'),
    (["--enable-admission-plugins", "EventRateLimit"], "EventRateLimit is not there in Knarr"),
    (["--enable-admission-plugins", "Priority", "--disable-admission-plugins", "Priority"], "overlapped"),
])
def test_wrong_names(m, options, why):
    p = subprocess.run([*m.argv(), *options], capture_output=True, text=True, timeout=60, check=False)
    assert p.returncode == 78 and why in p.stderr, p.stderr
