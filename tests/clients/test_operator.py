# SPDX-License-Identifier: Apache-2.0
"""An operator with a definition in two versions, CEL, conversion and both admission webhooks."""
import pytest
from hook_server import Hooks, json_patch
from knarr_test import Master, wait_for
from operator_program import APPS, GROUP, Operator, convert, definition
from test_crd import establish

V1 = f"/apis/{GROUP}/v1/namespaces/default/webapps"
V2 = f"{APPS}/namespaces/default/webapps"
DEPLOYS = "/apis/apps/v1/namespaces/default/deployments"


def mutate(req):
    if req["object"]["spec"].get("container", {}).get("image"):
        return {"allowed": True}
    return json_patch({"op": "add", "path": "/spec/container", "value": {"image": "nginx:1"}})


def validate(req):
    image = req["object"]["spec"].get("container", {}).get("image", "")
    return {"allowed": not image.endswith(":latest"), "status": {"message": "name a version"}}


def register(m, hooks, kind, path, ops):
    status, got = m.api("POST", f"/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations", {
        "metadata": {"name": "webapps"}, "webhooks": [{
            "name": f"{path[1:]}.{GROUP}", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": hooks.url + path, "caBundle": hooks.ca},
            "rules": [{"operations": ops, "apiGroups": [GROUP], "apiVersions": ["v2"], "resources": ["webapps"]}]}]})
    assert status == 201, got


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    m = Master("--no-scheduler")
    hooks = Hooks(str(tmp_path_factory.mktemp("hook")))
    hooks.answers.update({"/convert": convert, "/mutate": mutate, "/validate": validate})
    op = Operator(m)
    try:
        m.start()
        establish(m, definition(hooks))
        register(m, hooks, "mutating", "/mutate", ["CREATE"])
        register(m, hooks, "validating", "/validate", ["CREATE", "UPDATE"])
        op.start()
        yield m, op
        op.stop()
        m.stop()
    finally:
        op.over.set()
        m.remove()
        hooks.close()


def app(version, name, **spec):
    return {"apiVersion": f"{GROUP}/{version}", "kind": "WebApp", "metadata": {"name": name}, "spec": spec}


def test_life_of_an_app(site):
    m, _ = site
    status, o = m.api("POST", V2, app("v2", "web", replicas=2))
    assert status == 201 and o["spec"] == {"replicas": 2, "maxReplicas": 5, "container": {"image": "nginx:1"}}, o
    d = wait_for(lambda: m.api("GET", f"{DEPLOYS}/web")[1].get("spec"))
    assert d["replicas"] == 2 and d["template"]["spec"]["containers"][0]["image"] == "nginx:1"
    wait_for(lambda: m.api("GET", f"{V2}/web")[1].get("status", {}).get("observedGeneration") == 1)
    out = m.kubectl("get", "wa").stdout.splitlines()
    assert out[0].split() == ["NAME", "IMAGE", "READY"] and out[1].split() == ["web", "nginx:1", "True"]
    m.kubectl("scale", "wa/web", "--replicas=4")
    wait_for(lambda: m.api("GET", f"{DEPLOYS}/web")[1]["spec"]["replicas"] == 4)
    m.kubectl("wait", "wa/web", "--for=condition=Ready", "--timeout=10s")
    status, old = m.api("GET", f"{V1}/web")
    assert status == 200 and old["spec"] == {"replicas": 4, "maxReplicas": 5, "image": "nginx:1"}, old
    old["spec"]["image"] = "nginx:2"
    status, old = m.api("PUT", f"{V1}/web", old)
    assert status == 200, old
    wait_for(lambda: m.api("GET", f"{DEPLOYS}/web")[1]["spec"]["template"]["spec"]["containers"][0]["image"]
             == "nginx:2")


def test_refusals(site):
    m, _ = site
    status, e = m.api("POST", V2, app("v2", "bad", replicas=9))
    assert status == 422 and e["details"]["causes"][0]["message"] == 'Invalid value: "object": at most 5 replicas'
    status, e = m.api("POST", V2, app("v2", "bad", container={"image": "x:latest"}))
    assert status == 400 and e["message"].endswith("denied the request: name a version"), e
    bad = m.kubectl("patch", "wa", "web", "--type=merge", "-p", '{"spec":{"maxReplicas":4}}', check=False)
    assert bad.returncode and "may not shrink" in bad.stderr


def test_restart_and_deletion(site):
    m, op = site
    m.kill()
    m.start()
    m.api("PATCH", f"{V2}/web", {"spec": {"replicas": 1}}, content_type="application/merge-patch+json")
    wait_for(lambda: m.api("GET", f"{DEPLOYS}/web")[1]["spec"]["replicas"] == 1, timeout=20)
    m.kubectl("delete", "wa", "web")
    assert m.api("GET", "/api/v1/namespaces/default/configmaps/web-cleaned")[0] == 200
    wait_for(lambda: m.api("GET", f"{DEPLOYS}/web")[0] == 404)
    assert op.relists <= 3
