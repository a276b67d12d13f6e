# SPDX-License-Identifier: Apache-2.0
"""Custom resources in two versions that a webhook converts."""
import copy
import json
import threading
import time

import pytest
from hook_server import Hooks, json_patch
from knarr_test import Master, wait_for
from test_crd import CRDS, GROUP, establish, gone

V1 = {"type": "object", "properties": {"spec": {"type": "object", "properties": {
    "hostPort": {"type": "string"}, "extra": {"type": "string", "default": "one"}}}}}
V2 = {"type": "object", "properties": {"spec": {"type": "object", "properties": {
    "host": {"type": "string"}, "port": {"type": "string"}, "extra": {"type": "string"},
    "late": {"type": "string", "default": "two"}}}}}
PATH = f"/apis/{GROUP}/%s/namespaces/default/endpoints2"


def convert(req):
    out = []
    for o in req["objects"]:
        o = copy.deepcopy(o)
        spec = o.setdefault("spec", {})
        if req["desiredAPIVersion"].endswith("/v2") and "hostPort" in spec:
            spec["host"], spec["port"] = spec.pop("hostPort").split(":")
            spec.pop("late", None)
        elif req["desiredAPIVersion"].endswith("/v1") and "host" in spec:
            spec["hostPort"] = f'{spec.pop("host")}:{spec.pop("port")}'
            spec.pop("late", None)
        o["metadata"]["creationTimestamp"] = "1999-12-31T23:59:59Z"
        o["metadata"].setdefault("annotations", {})["by"] = "hook"
        o["apiVersion"] = req["desiredAPIVersion"]
        out.append(o)
    return {"convertedObjects": out, "result": {"status": "Success"}}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    m = Master("--no-scheduler")
    hooks = Hooks(str(tmp_path_factory.mktemp("hook")))
    hooks.answers["/convert"] = convert
    try:
        m.start()
        establish(m, {
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"endpoints2.{GROUP}"},
            "spec": {"group": GROUP, "scope": "Namespaced",
                     "names": {"plural": "endpoints2", "kind": "Endpoint2"},
                     "conversion": {"strategy": "Webhook", "webhook": {
                         "conversionReviewVersions": ["v1"],
                         "clientConfig": {"url": hooks.url + "/convert", "caBundle": hooks.ca}}},
                     "versions": [
                         {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": V1}},
                         {"name": "v2", "served": True, "storage": False, "schema": {"openAPIV3Schema": V2}}]}})
        yield m, hooks
        m.stop()
    finally:
        m.remove()
        hooks.close()


def obj(version, name, **spec):
    return {"apiVersion": f"{GROUP}/{version}", "kind": "Endpoint2", "metadata": {"name": name}, "spec": spec}


def test_both_ways(site):
    m, hooks = site
    status, made = m.api("POST", PATH % "v1", obj("v1", "a", hostPort="h:1"))
    assert status == 201 and made["spec"] == {"hostPort": "h:1", "extra": "one"}
    assert not hooks.seen.get("/convert")
    status, got = m.api("GET", PATH % "v2" + "/a")
    assert status == 200 and got["spec"] == {"host": "h", "port": "1", "extra": "one", "late": "two"}, got
    assert got["metadata"]["creationTimestamp"] == made["metadata"]["creationTimestamp"] and got["metadata"]["annotations"] == {"by": "hook"}
    status, made = m.api("POST", PATH % "v2", obj("v2", "b", host="x", port="2"))
    assert status == 201 and made["apiVersion"] == f"{GROUP}/v2" and made["spec"]["host"] == "x", made
    status, v1 = m.api("GET", PATH % "v1" + "/b")
    assert v1["spec"]["hostPort"] == "x:2" and v1["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    made["spec"]["port"] = "3"
    status, made = m.api("PUT", PATH % "v2" + "/b", made)
    assert status == 200 and made["spec"]["port"] == "3", made
    status, got = m.api("PATCH", PATH % "v2" + "/b", {"spec": {"port": "4"}}, content_type="application/merge-patch+json")
    assert status == 200 and got["spec"] == {"host": "x", "port": "4", "late": "two", "extra": "one"}, got
    assert m.api("GET", PATH % "v1" + "/b")[1]["spec"]["hostPort"] == "x:4"
    status, dry = m.api("PATCH", PATH % "v2" + "/b?dryRun=All", {"spec": {"port": "5"}},
                        content_type="application/merge-patch+json")
    assert status == 200 and dry["spec"]["port"] == "5"


def test_lists_and_watches(site):
    m, hooks = site
    for i in range(5):
        m.api("POST", PATH % "v1", obj("v1", f"l{i}", hostPort=f"h:{i}"))
    status, got = m.api("GET", PATH % "v2")
    assert status == 200 and all("host" in o["spec"] for o in got["items"]) and len(got["items"]) >= 5
    n = len(hooks.seen["/convert"])
    m.api("GET", PATH % "v2")
    assert len(hooks.seen["/convert"]) == n, "converted once"
    events = m.watch(PATH % "v2" + "?resourceVersion=0", 1)
    assert len(events) == len(got["items"]) and all("host" in e["object"]["spec"] for e in events)
    t = threading.Timer(0.3, lambda: [m.api("POST", PATH % "v1", obj("v1", f"w{i}", hostPort=f"w:{i}"))
                                      for i in range(5)])
    t.start()
    events = m.watch(PATH % "v2" + f'?resourceVersion={got["metadata"]["resourceVersion"]}', 2)
    t.join()
    assert [e["object"]["spec"]["port"] for e in events] == ["0", "1", "2", "3", "4"], events


def test_older_reviews(site):
    """v1beta1, where it stands first: neither uid nor type of its answers is looked at."""
    m, hooks = site
    crd = f"{CRDS}/endpoints2.{GROUP}"

    def speak(*versions):
        status, got = m.api("PATCH", crd, {"spec": {"conversion": {"webhook": {"conversionReviewVersions": versions}}}},
                            content_type="application/merge-patch+json")
        assert status == 200, got
    m.api("POST", PATH % "v1", obj("v1", "o", hostPort="h:1"))
    speak("v1beta1", "v1")
    hooks.answers["/convert"] = lambda r: json.dumps({"response": convert(r)}).encode()
    try:
        wait_for(lambda: m.api("GET", PATH % "v2" + "/o")[0] == 200)
        assert hooks.versions["/convert"] == "apiextensions.k8s.io/v1beta1"
        speak("v1", "v1beta1")
        m.api("POST", PATH % "v1", obj("v1", "o2", hostPort="h:1"))
        wait_for(lambda: m.api("GET", PATH % "v2" + "/o2")[0] == 500)
        assert "ConversionReview" in m.api("GET", PATH % "v2" + "/o2")[1]["message"]
    finally:
        hooks.answers["/convert"] = convert


def test_failures(site):
    m, hooks = site
    m.api("POST", PATH % "v1", obj("v1", "f", hostPort="h:1"))
    for answer, text in [
            (lambda r: {"result": {"status": "Failure", "message": "no way"}}, "no way"),
            (lambda r: {"convertedObjects": [], "result": {"status": "Success"}}, "another number of objects"),
            (lambda r: {"convertedObjects": r["objects"], "result": {"status": "Success"}}, "another apiVersion"),
            (lambda r: b"junk", "no JSON"), (lambda r: (500, b"{}"), "status 500")]:
        hooks.answers["/convert"] = answer
        status, e = m.api("GET", PATH % "v2" + "/f")
        assert status == 500 and text in e["message"], e
        assert e["message"].startswith(f"conversion webhook for {GROUP}/v2, Kind=Endpoint2 failed: ")
    assert m.api("GET", PATH % "v1" + "/f")[0] == 200

    def slow(req):
        time.sleep(1)
        return convert(req)
    hooks.answers["/convert"] = slow
    began = time.monotonic()
    t = threading.Thread(target=lambda: m.api("GET", PATH % "v2" + "/f"))
    t.start()
    assert m.api("GET", PATH % "v1" + "/f")[0] == 200 and time.monotonic() - began < 0.9
    t.join()
    hooks.answers["/convert"] = convert
    assert m.api("GET", PATH % "v2" + "/f")[0] == 200


ADMISSION = "/apis/admissionregistration.k8s.io/v1"
V2_ONLY = {"operations": ["CREATE", "UPDATE"], "apiGroups": [GROUP], "apiVersions": ["v2"], "resources": ["endpoints2"]}


@pytest.fixture
def admission(site):
    """Makes objects of admissionregistration, which are gone afterwards."""
    m, hooks = site
    made = []

    def add(plural, name, **body):
        status, got = m.api("POST", f"{ADMISSION}/{plural}", {"metadata": {"name": name}, **body})
        assert status == 201, got
        made.append(f"{ADMISSION}/{plural}/{name}")
    yield add
    for path in made:
        assert m.api("DELETE", path)[0] == 200
    hooks.answers["/convert"] = convert


def hook_of(hooks, path, **fields):
    return {"webhooks": [{"name": f"{path[1:]}.example.com", "rules": [V2_ONLY], "sideEffects": "None",
                          "admissionReviewVersions": ["v1"],
                          "clientConfig": {"url": hooks.url + path, "caBundle": hooks.ca}, **fields}]}


def test_webhooks_see_the_version_they_name(site, admission):
    """matchPolicy Equivalent, where only the definition's own webhook can make that version."""
    m, hooks = site
    hooks.answers["/m1"] = lambda r: json_patch({"op": "replace", "path": "/spec/port", "value": "77"})
    hooks.answers["/m2"] = lambda r: json_patch({"op": "replace", "path": "/spec/host", "value": r["object"]["spec"]["port"]})
    hooks.answers["/v"] = lambda r: {"allowed": r["object"]["spec"]["host"] == "77"}
    admission("mutatingwebhookconfigurations", "c1", **hook_of(hooks, "/m1"))
    admission("mutatingwebhookconfigurations", "c2", **hook_of(hooks, "/m2", matchConditions=[
        {"name": "form", "expression": "object.spec.port == '77' && request.kind.version == 'v2'"}]))
    admission("validatingwebhookconfigurations", "c3", **hook_of(hooks, "/v"))
    admission("validatingwebhookconfigurations", "exact", **hook_of(hooks, "/none", matchPolicy="Exact"))
    status, got = m.api("POST", PATH % "v1", obj("v1", "eq", hostPort="h:1"))
    assert status == 201 and got["spec"]["hostPort"] == "77:77", got
    seen = hooks.seen["/m1"][0]
    assert seen["object"]["apiVersion"] == f"{GROUP}/v2" and seen["object"]["spec"]["host"] == "h"
    assert (seen["kind"]["version"], seen["resource"]["version"]) == ("v2", "v2")
    assert (seen["requestKind"]["version"], seen["requestResource"]["version"]) == ("v1", "v1")
    got["spec"]["hostPort"] = "again:2"
    status, got = m.api("PUT", PATH % "v1" + "/eq", got)
    assert status == 200 and got["spec"]["hostPort"] == "77:77", got
    assert hooks.seen["/v"][-1]["oldObject"]["spec"]["host"] == "77"
    assert m.api("DELETE", PATH % "v1" + "/eq")[0] == 200

    def broken(r):
        return {"result": {"status": "Failure", "message": "no way"}} if r["desiredAPIVersion"].endswith("/v2") else convert(r)
    hooks.answers["/convert"] = broken
    status, got = m.api("POST", PATH % "v1", obj("v1", "eq", hostPort="h:9"))
    assert status == 500 and got["message"].startswith("Internal error occurred: conversion webhook for "), got
    assert "no way" in got["message"]


def test_policies_see_the_version_they_name(site, admission):
    m, hooks = site
    match = {"matchConstraints": {"resourceRules": [V2_ONLY]}}
    for i, port in enumerate(("8", "9")):
        admission("mutatingadmissionpolicies", f"p{i}", spec={
            **match, "reinvocationPolicy": "Never", "failurePolicy": "Fail", "mutations": [
                {"patchType": "ApplyConfiguration", "applyConfiguration": {
                    "expression": "Object{spec: Object.spec{port: object.spec.port + '%s'}}" % port}}]})
        admission("mutatingadmissionpolicybindings", f"p{i}", spec={"policyName": f"p{i}"})
    admission("validatingadmissionpolicies", "v", spec={**match, "validations": [
        {"expression": "object.spec.host != 'bad' && request.kind.version == 'v2'", "message": "a bad host"}]})
    admission("validatingadmissionpolicybindings", "v", spec={"policyName": "v", "validationActions": ["Deny"]})
    wait_for(lambda: m.api("POST", PATH % "v1" + "?dryRun=All", obj("v1", "pol", hostPort="bad:1"))[0] == 422)
    status, got = m.api("POST", PATH % "v1", obj("v1", "pol", hostPort="h:1"))
    assert status == 201 and got["spec"]["hostPort"] == "h:189", got
    status, e = m.api("POST", PATH % "v1", obj("v1", "pol2", hostPort="bad:1"))
    assert status == 422 and "a bad host" in e["message"], e
    # A version that cannot be had is a failure of the policy.
    hooks.answers["/convert"] = lambda r: {"result": {"status": "Failure", "message": "no way"}}
    status, e = m.api("POST", PATH % "v1", obj("v1", "pol2", hostPort="h:5"))
    assert status == 403 and "failed to convert object version: conversion webhook for " in e["message"], e
    hooks.answers["/convert"] = convert
    assert m.api("DELETE", PATH % "v1" + "/pol")[0] == 200


def test_deletion(site):
    m, _ = site
    assert m.api("DELETE", PATH % "v2" + "/a")[0] == 200
    assert m.api("DELETE", f"{CRDS}/endpoints2.{GROUP}")[0] == 200
    gone(m, f"endpoints2.{GROUP}")
    wait_for(lambda: m.api("GET", PATH % "v1")[0] == 404)
    assert json.dumps(m.api("GET", "/apis")[1]).find(GROUP) < 0
