# SPDX-License-Identifier: Apache-2.0
"""Roles and bindings: what they allow, who may give them away, and kubectl's commands for them."""
import json

import pytest
from knarr_test import Master, VERSIONS, wait_for

RBAC = "/apis/rbac.authorization.k8s.io/v1"
TOKEN = "/api/v1/namespaces/default/serviceaccounts/{}/token"


@pytest.fixture(scope="module")
def full():
    """A master with its controllers: aggregated roles need one."""
    with Master("--no-scheduler") as m:
        yield m


def robot(m, name):
    """Headers of a new service account."""
    m.api("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": name}})
    status, got = m.api("POST", TOKEN.format(name), {"spec": {}})
    assert status == 201, got
    return {"Authorization": "Bearer " + got["status"]["token"]}


def can(m, headers, method, path, obj=None):
    return m.api(method, path, obj, headers=headers, anonymous=True)


@pytest.mark.parametrize("version", list(VERSIONS))
def test_kubectl(full, version):
    def k(*args, **kw):
        return full.kubectl(*args, version=version, **kw)
    name = "v" + version.replace(".", "")
    head = robot(full, name)
    pods = "/api/v1/namespaces/default/pods"
    status, got = can(full, head, "GET", pods)
    assert status == 403 and got["message"] == (
        f'pods is forbidden: User "system:serviceaccount:default:{name}" cannot list resource '
        '"pods" in API group "" in the namespace "default"')
    k("create", "role", name, "--verb=list,get", "--resource=pods")
    k("create", "rolebinding", name, f"--role={name}", f"--serviceaccount=default:{name}")
    wait_for(lambda: can(full, head, "GET", pods)[0] == 200)
    assert can(full, head, "GET", "/api/v1/pods")[0] == 403
    assert can(full, head, "GET", "/api/v1/namespaces/kube-system/pods")[0] == 403
    who = f"--as=system:serviceaccount:default:{name}"
    assert k("auth", "can-i", "list", "pods", who).stdout.strip() == "yes"
    assert k("auth", "can-i", "delete", "pods", who, check=False).stdout.startswith("no")
    rules = k("auth", "can-i", "--list", who).stdout
    assert "pods" in rules and "[list get]" in rules, rules
    out = k("get", "rolebinding", name, "-o", "wide").stdout
    assert f"Role/{name}" in out and f"default/{name}" in out, out
    out = k("auth", "reconcile", "-f", "-", stdin=f"""
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: {name}, namespace: default}}
rules:
- {{apiGroups: [""], resources: [configmaps], verbs: [list]}}
""").stdout
    assert "reconciled" in out
    wait_for(lambda: can(full, head, "GET", "/api/v1/namespaces/default/configmaps")[0] == 200)
    k("delete", "rolebinding", name)
    wait_for(lambda: can(full, head, "GET", pods)[0] == 403)


def test_aggregation(full):
    def rules(name):
        return full.api("GET", f"{RBAC}/clusterroles/{name}")[1]["rules"]
    # admin is made of edit, which is made of view
    wait_for(lambda: any("configmaps" in r["resources"] and "get" in r["verbs"]
                         for r in rules("admin")))
    assert not any("secrets" in r["resources"] for r in rules("view"))
    full.api("POST", f"{RBAC}/clusterroles", {
        "metadata": {"name": "more", "labels": {
            "rbac.authorization.k8s.io/aggregate-to-view": "true"}},
        "rules": [{"apiGroups": ["x.io"], "resources": ["xs"], "verbs": ["get"]}]})
    wait_for(lambda: any("xs" in r["resources"] for r in rules("admin")))
    full.api("DELETE", f"{RBAC}/clusterroles/more")
    wait_for(lambda: not any("xs" in r["resources"] for r in rules("admin")))


def test_escalation(master):
    head = robot(master, "climber")
    master.kubectl("create", "role", "boss", "--verb=create,get,update",
                   "--resource=roles,rolebindings,pods")
    master.kubectl("create", "rolebinding", "boss", "--role=boss",
                   "--serviceaccount=default:climber")
    roles = f"{RBAC}/namespaces/default/roles"
    wait_for(lambda: can(master, head, "GET", f"{roles}/boss")[0] == 200)
    mine = {"metadata": {"name": "mine"}, "rules": [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}
    assert can(master, head, "POST", roles, mine)[0] == 201
    mine["rules"][0].update(verbs=["get", "delete"], resources=["pods", "secrets"])
    status, got = can(master, head, "PUT", f"{roles}/mine", mine)
    assert status == 403 and got["message"] == (
        'roles.rbac.authorization.k8s.io "mine" is forbidden: user '
        '"system:serviceaccount:default:climber" (groups=["system:serviceaccounts" '
        '"system:serviceaccounts:default" "system:authenticated"]) is attempting to grant RBAC '
        'permissions not currently held:\n'
        '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}\n'
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "delete"]}'), got["message"]
    bind = {"metadata": {"name": "up"}, "subjects": [{"kind": "User", "name": "x"}],
            "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}}
    bindings = f"{RBAC}/namespaces/default/rolebindings"
    status, got = can(master, head, "POST", bindings, bind)
    assert status == 403 and "not currently held" in got["message"]
    master.kubectl("create", "role", "binder", "--verb=bind",
                   "--resource=clusterroles.rbac.authorization.k8s.io")
    master.kubectl("create", "rolebinding", "binder", "--role=binder",
                   "--serviceaccount=default:climber")
    wait_for(lambda: can(master, head, "POST", bindings, bind)[0] in (201, 409))


def test_validation(master):
    status, got = master.api("POST", f"{RBAC}/namespaces/default/roles", {
        "metadata": {"name": "bad"}, "rules": [{"verbs": ["get"], "nonResourceURLs": ["/x"]}, {}]})
    assert status == 422
    text = json.dumps(got)
    for what in ("namespaced rules cannot apply to non-resource URLs",
                 "verbs must contain at least one value",
                 "resource rules must supply at least one api group"):
        assert what in text
    status, got = master.api("POST", f"{RBAC}/clusterrolebindings", {
        "metadata": {"name": "fixed"}, "roleRef": {"kind": "ClusterRole", "name": "view"}})
    assert status == 201 and got["roleRef"]["apiGroup"] == "rbac.authorization.k8s.io"
    status, got = master.api("PATCH", f"{RBAC}/clusterrolebindings/fixed",
                             {"roleRef": {"name": "edit"}}, "application/merge-patch+json")
    assert status == 422 and "cannot change roleRef" in got["message"]


def test_anonymous_and_everybody(master):
    assert master.api("GET", "/version", anonymous=True)[0] == 200
    assert master.api("GET", "/apis", anonymous=True)[0] == 403
    assert can(master, robot(master, "any"), "GET", "/apis")[0] == 200
    assert can(master, robot(master, "any"), "GET", "/openid/v1/jwks")[0] == 200


def test_restart_mends():
    m = Master("--no-scheduler", "--no-controllers")
    try:
        m.start()
        path = f"{RBAC}/clusterroles/system:discovery"
        m.api("PATCH", path, {"rules": []}, "application/merge-patch+json")
        m.api("DELETE", f"{RBAC}/clusterrolebindings/system:basic-user")
        m.stop()
        m.start()
        assert m.api("GET", path)[1]["rules"]
        assert m.api("GET", f"{RBAC}/clusterrolebindings/system:basic-user")[0] == 200
        m.stop()
    finally:
        m.remove()


def test_every_path_is_not_every_object(full):
    """A snapshot holds the Secrets: who may read each path may not read it for that."""
    head = robot(full, "paths")
    path = "/knarr/v1/snapshot?local=true"
    assert can(full, head, "GET", path)[0] == 403
    full.kubectl("create", "clusterrole", "paths", "--verb=get", "--non-resource-url=*")
    full.kubectl("create", "clusterrolebinding", "paths", "--clusterrole=paths",
                 "--serviceaccount=default:paths")
    wait_for(lambda: can(full, head, "GET", "/metrics")[0] == 200)
    status, got = can(full, head, "GET", path)
    assert status == 403 and "a snapshot holds every object" in got["message"], got
