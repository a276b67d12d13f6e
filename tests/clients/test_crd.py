# SPDX-License-Identifier: Apache-2.0
"""Custom resources by raw requests and by kubectl."""
import concurrent.futures
import copy
import gzip
import json
import time

import pytest
from knarr_test import Master, wait_for

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUP = "stable.example.com"
TABS = f"/apis/{GROUP}/v1/namespaces/default/crontabs"

SPEC = {"type": "object", "required": ["cronSpec"], "properties": {
    "cronSpec": {"type": "string", "pattern": r"^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$"},
    "image": {"type": "string", "maxLength": 10},
    "replicas": {"type": "integer", "minimum": 1, "maximum": 10, "default": 1},
    "mode": {"type": "string", "enum": ["a", "b"]},
    "port": {"x-kubernetes-int-or-string": True},
    "note": {"type": "string", "nullable": True},
    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
    "ports": {"type": "array", "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": ["name"],
              "items": {"type": "object", "required": ["name"], "properties": {
                  "name": {"type": "string"}, "port": {"type": "integer"},
                  "proto": {"type": "string", "default": "TCP"}}}},
}}
SCHEMA = {"type": "object", "properties": {
    "spec": SPEC,
    "status": {"type": "object", "properties": {
        "replicas": {"type": "integer"}, "selector": {"type": "string"},
        "conditions": {"type": "array", "items": {"type": "object", "properties": {
            "type": {"type": "string"}, "status": {"type": "string"}}}}}}}}


def crd(plural="crontabs", kind="CronTab", group=GROUP, scope="Namespaced", schema=None, **version):
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}"},
            "spec": {"group": group, "scope": scope,
                     "names": {"plural": plural, "kind": kind, "shortNames": [plural[:2] + "x"],
                               "categories": ["all"]},
                     "versions": [{"name": "v1", "served": True, "storage": True,
                                   "schema": {"openAPIV3Schema": copy.deepcopy(schema or SCHEMA)},
                                   **version}]}}


def tab(name, **spec):
    return {"apiVersion": f"{GROUP}/v1", "kind": "CronTab", "metadata": {"name": name},
            "spec": {"cronSpec": "* * * * *", **spec}}


def establish(m, obj):
    status, got = m.api("POST", CRDS, obj)
    assert status == 201, got
    name = obj["metadata"]["name"]

    def ready():
        _, o = m.api("GET", f"{CRDS}/{name}")
        return any(c["type"] == "Established" and c["status"] == "True"
                   for c in o["status"].get("conditions", []))
    wait_for(ready)
    return m.api("GET", f"{CRDS}/{name}")[1]


def gone(m, name):
    wait_for(lambda: m.api("GET", f"{CRDS}/{name}")[0] == 404)


@pytest.fixture(scope="module")
def m():
    with Master("--no-scheduler") as master:
        establish(master, crd(
            subresources={"status": {}, "scale": {
                "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector"}},
            additionalPrinterColumns=[
                {"name": "Spec", "type": "string", "jsonPath": ".spec.cronSpec"},
                {"name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas"},
                {"name": "Ready", "type": "string",
                 "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
                {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}],
            selectableFields=[{"jsonPath": ".spec.mode"}]))
        yield master


def make(m, obj, code=201, query=""):
    status, got = m.api("POST", TABS + query, obj)
    assert status == code, got
    return got


def test_definition(m):
    o = m.api("GET", f"{CRDS}/crontabs.{GROUP}")[1]
    assert o["spec"]["names"]["singular"] == "crontab" and o["spec"]["names"]["listKind"] == "CronTabList"
    assert o["spec"]["conversion"] == {"strategy": "None"}
    assert o["status"]["storedVersions"] == ["v1"]
    assert o["status"]["acceptedNames"] == o["spec"]["names"]
    cond = {c["type"]: (c["status"], c["reason"]) for c in o["status"]["conditions"]}
    assert cond == {"NamesAccepted": ("True", "NoConflicts"),
                    "Established": ("True", "InitialNamesAccepted")}
    assert o["metadata"]["generation"] == 1


def test_bad_definitions(m):
    bad = crd("bads", "Bad")
    bad["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["x"] = {"description": "y"}
    bad["metadata"]["name"] = "other"
    status, e = m.api("POST", CRDS, bad)
    assert status == 422
    assert 'metadata.name: Invalid value: "other": must be spec.names.plural+"."+spec.group' in e["message"]
    assert ("spec.validation.openAPIV3Schema.properties[x].type: Required value: must not be empty "
            "for specified object fields") in e["message"]
    for schema, text in [
            ({"type": "array"}, 'type: Invalid value: "array": must be object at the root'),
            ({"type": "object", "properties": {"a": {"type": "array"}}}, "items: Required value: must be specified"),
            ({"type": "object", "properties": {"a": {"type": "string", "pattern": "("}}},
             "must be a valid regular expression, but isn't: error parsing regexp: missing closing ): `(`"),
            ({"type": "object", "properties": {"a": {"type": "integer", "default": "x"}}},
             "default: Invalid value: \"string\": "),
            ({"type": "object", "anyOf": [{"properties": {"a": {"type": "string"}}}]},
             "must be empty to be structural"),
            ({"type": "object", "properties": {"a": {"type": "array", "uniqueItems": True, "items": {"type": "string"}}}},
             "uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic"),
            ({"type": "object", "properties": {"a": {
                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
                "items": {"type": "object", "properties": {"k": {"type": "string"}}}}}},
             "default: Required value: this property is in x-kubernetes-list-map-keys")]:
        status, e = m.api("POST", CRDS, crd("bads", "Bad", schema=schema))
        assert status == 422 and text in e["message"], e["message"]


def test_defaults_pruning_and_rules(m):
    o = make(m, {**tab("a", ports=[{"name": "x"}], free={"any": {"thing": 1}}, note=None, port="http"),
                 "junk": 1, "status": {"replicas": 3}})
    assert o["spec"]["replicas"] == 1 and o["spec"]["ports"] == [{"name": "x", "proto": "TCP"}]
    assert o["spec"]["free"] == {"any": {"thing": 1}} and o["spec"]["note"] is None
    assert "junk" not in o and "status" not in o and o["metadata"]["generation"] == 1
    status, _, data = m.raw("POST", TABS + "?fieldValidation=Strict", json.dumps(
        {**tab("b"), "junk": 1, "spec": {"cronSpec": "* * * * *", "zzz": {}}}),
        {"Content-Type": "application/json"})
    assert status == 400
    msg = json.loads(data)["message"]
    assert 'unknown field "spec.zzz"' in msg and 'unknown field "junk"' in msg
    e = make(m, {**tab("c", replicas=0, image="a" * 11, mode="z", labels={"a": 1}, port=1.5,
                       tags=["a", "a"], ports=[{"name": "x"}, {"name": "x"}]),
                 }, code=422)
    causes = {c["field"]: c["message"] for c in e["details"]["causes"]}
    assert causes["spec.replicas"] == (
        "Invalid value: 0: spec.replicas in body should be greater than or equal to 1")
    assert causes["spec.image"] == "Too long: may not be more than 10 bytes"
    assert causes["spec.mode"] == 'Unsupported value: "z": supported values: "a", "b"'
    assert causes["spec.labels.a"] == (
        'Invalid value: "integer": spec.labels.a in body must be of type string: "integer"')
    assert causes["spec.port"].startswith('Invalid value: "number": spec.port in body must be of type integer,string')
    assert causes["spec.tags[1]"] == 'Duplicate value: "a"'
    assert causes["spec.ports[1]"] == 'Duplicate value: {"name":"x"}'
    bad = tab("d")
    bad["spec"]["cronSpec"] = "x"
    e = make(m, bad, code=422)
    assert e["message"].startswith(
        'CronTab.stable.example.com "d" is invalid: spec.cronSpec: Invalid value: "x": '
        "spec.cronSpec in body should match '^(")
    del bad["spec"]["cronSpec"]
    e = make(m, bad, code=422)
    assert e["message"] == 'CronTab.stable.example.com "d" is invalid: spec.cronSpec: Required value'


def test_generation_status_and_scale(m):
    o = make(m, tab("g", replicas=2))
    o["spec"]["replicas"] = 3
    o["status"] = {"replicas": 9}
    status, o = m.api("PUT", f"{TABS}/g", o)
    assert status == 200 and o["metadata"]["generation"] == 2 and "status" not in o
    o["spec"]["replicas"] = 5
    o["status"] = {"replicas": 3, "selector": "a=b", "conditions": [{"type": "Ready", "status": "True"}]}
    o["metadata"]["labels"] = {"not": "here"}
    status, o = m.api("PUT", f"{TABS}/g/status", o)
    assert status == 200 and o["metadata"]["generation"] == 2 and o["spec"]["replicas"] == 3
    assert o["status"]["replicas"] == 3 and "labels" not in o["metadata"]
    status, s = m.api("GET", f"{TABS}/g/scale")
    assert status == 200 and s["spec"]["replicas"] == 3
    assert s["status"] == {"replicas": 3, "selector": "a=b"}
    s["spec"]["replicas"] = 4
    status, s = m.api("PUT", f"{TABS}/g/scale", s)
    assert status == 200 and s["spec"]["replicas"] == 4
    assert m.api("GET", f"{TABS}/g")[1]["metadata"]["generation"] == 3


def test_patches_and_apply(m):
    make(m, tab("p", tags=["x"]))
    status, e = m.api("PATCH", f"{TABS}/p", {"spec": {}},
                      content_type="application/strategic-merge-patch+json")
    assert status == 415, e
    status, o = m.api("PATCH", f"{TABS}/p", {"spec": {"image": "i"}}, content_type="application/merge-patch+json")
    assert status == 200 and o["spec"]["image"] == "i"
    status, o = m.api("PATCH", f"{TABS}/p", [{"op": "remove", "path": "/spec/image"}],
                      content_type="application/json-patch+json")
    assert status == 200 and "image" not in o["spec"]

    def apply(manager, spec, force=False):
        return m.api("PATCH", f"{TABS}/q?fieldManager={manager}&force={str(force).lower()}",
                     {"apiVersion": f"{GROUP}/v1", "kind": "CronTab", "metadata": {"name": "q"}, "spec": spec},
                     content_type="application/apply-patch+yaml")
    status, o = apply("one", {"cronSpec": "* * * * *", "ports": [{"name": "a", "port": 1}], "tags": ["t1"],
                              "free": {"x": {"y": 1}}})
    assert status == 201, o
    status, o = apply("two", {"cronSpec": "* * * * *", "ports": [{"name": "b", "port": 2}], "tags": ["t2"],
                              "free": {"x": {"z": 2}}})
    assert status == 200, o
    assert [p["name"] for p in o["spec"]["ports"]] == ["a", "b"] and o["spec"]["tags"] == ["t1", "t2"]
    assert o["spec"]["free"] == {"x": {"y": 1, "z": 2}}
    status, e = apply("two", {"cronSpec": "1 * * * *"})
    assert status == 409 and 'conflict with "one": .spec.cronSpec' in e["message"], e
    status, o = apply("one", {"cronSpec": "* * * * *"})
    assert status == 200 and [p["name"] for p in o["spec"]["ports"]] == ["b"]
    assert o["spec"]["free"] == {"x": {"z": 2}} and o["spec"]["tags"] == ["t2"]


def test_wrong_types_everywhere(m):
    good = {"cronSpec": "* * * * *", "ports": [{"name": "a"}], "tags": ["t"], "labels": {"a": "b"}, "free": {"x": 1}}
    for bad in ("text", 5, True, [1], {"a": 1}, None, [[]], [None], [{"name": 5}]):
        for field in good:
            spec = {**good, field: bad}
            obj = {**tab("wrong"), "spec": spec}
            status, e = m.api("POST", TABS + "?dryRun=All", obj)
            assert status in (201, 422), e
            status, e = m.api("PATCH", f"{TABS}/wrong?fieldManager=x&dryRun=All", obj,
                              content_type="application/apply-patch+yaml")
            assert status in (201, 422), e
        status, e = m.api("POST", TABS + "?dryRun=All", {**tab("wrong"), "spec": bad})
        assert status in (201, 422), e
    m.api("PATCH", f"{TABS}/w2?fieldManager=x", {**tab("w2"), "spec": good}, content_type="application/apply-patch+yaml")
    for bad in ("text", [1], {"a": {"b": 1}}):
        for field in good:
            status, e = m.api("PATCH", f"{TABS}/w2?fieldManager=x&force=true", {**tab("w2"), "spec": {**good, field: bad}},
                              content_type="application/apply-patch+yaml")
            assert status in (200, 422), e
    status, e = m.api("PATCH", f"{CRDS}/maps.{GROUP}?fieldManager=x", crd("maps", "Mapp", schema={
        "type": "object", "properties": {"m": {"type": "object", "additionalProperties": True,
                                               "x-kubernetes-preserve-unknown-fields": True}}}),
        content_type="application/apply-patch+yaml")
    assert status == 201, e
    m.api("DELETE", f"{CRDS}/maps.{GROUP}")


def test_lists_tables_and_selectors(m):
    make(m, tab("s1", mode="a"))
    make(m, tab("s2", mode="b"))
    status, got = m.api("GET", f"{TABS}?fieldSelector=spec.mode%3Db")
    assert status == 200 and [o["metadata"]["name"] for o in got["items"]] == ["s2"]
    assert got["kind"] == "CronTabList" and got["apiVersion"] == f"{GROUP}/v1"
    status, t = m.api("GET", f"{TABS}/s1", headers={
        "Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"})
    assert [c["name"] for c in t["columnDefinitions"]] == ["Name", "Spec", "Replicas", "Ready", "Age"]
    assert t["rows"][0]["cells"][:4] == ["s1", "* * * * *", 1, None]


def test_kubectl(m):
    make(m, tab("k1"))
    out = m.kubectl("get", "crx", "k1").stdout.splitlines()
    assert out[0].split() == ["NAME", "SPEC", "REPLICAS", "READY", "AGE"] and "k1" in out[1]
    assert "crontab.stable.example.com/k1" in m.kubectl("get", "all", "-o", "name").stdout
    m.kubectl("scale", "crontab/k1", "--replicas=4")
    assert m.api("GET", f"{TABS}/k1")[1]["spec"]["replicas"] == 4
    text = m.kubectl("explain", "crontabs.spec.ports").stdout
    assert "FIELD: ports" in text and "proto" in text, text
    m.kubectl("apply", "-f", "-", stdin=json.dumps(tab("k2", image="x")))
    m.kubectl("apply", "-f", "-", stdin=json.dumps(tab("k2", image="y")))
    assert m.api("GET", f"{TABS}/k2")[1]["spec"]["image"] == "y"
    bad = m.kubectl("apply", "-f", "-", stdin=json.dumps(tab("k3", nope=1)), check=False)
    assert bad.returncode and "nope" in bad.stderr
    m.kubectl("delete", "crontab", "k1", "k2")


def test_discovery_and_openapi_follow(m):
    name = f"widgets.{GROUP}"
    establish(m, crd("widgets", "Widget", scope="Cluster"))
    _, groups = m.api("GET", "/apis")
    assert any(g["name"] == GROUP for g in groups["groups"])
    _, res = m.api("GET", f"/apis/{GROUP}/v1")
    assert {"widgets", "crontabs", "crontabs/status", "crontabs/scale"} <= {r["name"] for r in res["resources"]}
    _, doc = m.api("GET", f"/openapi/v3/apis/{GROUP}/v1")
    assert "com.example.stable.v1.Widget" in doc["components"]["schemas"]
    _, v2 = m.api("GET", "/openapi/v2")
    assert "com.example.stable.v1.WidgetList" in v2["definitions"]
    assert m.api("DELETE", f"{CRDS}/{name}")[0] == 200
    gone(m, name)
    assert m.api("GET", f"/apis/{GROUP}/v1/widgets")[0] == 404


def test_openapi_is_kept(m):
    """ETags say what a document was made of; many who ask at once get the same one."""
    def get(path, **headers):
        status, head, data = m.raw("GET", path, headers=headers)
        return status, {k.lower(): v for k, v in head.items()}, data
    path = f"/openapi/v3/apis/{GROUP}/v1"
    establish(m, crd("keeps", "Keep"))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        all_ = list(pool.map(lambda i: get("/openapi/v2" if i % 2 else path), range(24)))
    assert {s for s, _, _ in all_} == {200} and len({(h["etag"], d) for _, h, d in all_}) == 2
    status, head, data = get(path)
    assert head["cache-control"] == "no-cache, private"
    assert get(path, **{"If-None-Match": head["etag"]})[0] == 304
    status, zipped, packed = get(path, **{"Accept-Encoding": "gzip"})
    assert zipped["content-encoding"] == "gzip" and gzip.decompress(packed) == data
    url = m.api("GET", "/openapi/v3")[1]["paths"][f"apis/{GROUP}/v1"]["serverRelativeURL"]
    status, forever, same = get(url)
    assert status == 200 and same == data and "immutable" in forever["cache-control"]
    # another schema is another document, and who has the old one's name is told the new one's
    obj = crd("keeps", "Keep")
    spec = obj["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"]["fresh"] = {"type": "string"}
    m.api("PATCH", f"{CRDS}/keeps.{GROUP}", {"spec": obj["spec"]}, "application/merge-patch+json")
    wait_for(lambda: get(path, **{"If-None-Match": head["etag"]})[0] == 200)
    assert b'"fresh"' in get(path)[2] and b'"fresh"' in get("/openapi/v2")[2]
    status, moved, _ = get(url)
    assert status == 301 and get(moved["location"])[1]["etag"] == get(path)[1]["etag"]
    assert get("/openapi/v3/apis/none/v1")[0] == 404
    m.api("DELETE", f"{CRDS}/keeps.{GROUP}")
    gone(m, f"keeps.{GROUP}")
    assert b"v1.Keep" not in get("/openapi/v2")[2]


def test_deletion_takes_the_objects(m):
    obj = crd("tmps", "Tmp")
    establish(m, obj)
    path = f"/apis/{GROUP}/v1/namespaces/default/tmps"
    o = {"apiVersion": f"{GROUP}/v1", "kind": "Tmp", "metadata": {"name": "x", "finalizers": ["a.b/c"]},
         "spec": {"cronSpec": "* * * * *"}}
    assert m.api("POST", path, o)[0] == 201
    status, got = m.api("DELETE", f"{CRDS}/tmps.{GROUP}")
    assert status == 200 and got["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    assert {c["type"]: c["status"] for c in got["status"]["conditions"]}["Terminating"] == "True"
    wait_for(lambda: m.api("GET", f"{path}/x")[1]["metadata"].get("deletionTimestamp"))
    o["metadata"] = {"name": "y"}
    assert m.api("POST", path, o)[0] == 405
    m.api("PATCH", f"{path}/x", {"metadata": {"finalizers": []}}, content_type="application/merge-patch+json")
    gone(m, f"tmps.{GROUP}")
    establish(m, obj)
    assert m.api("GET", path)[1]["items"] == []
    m.api("DELETE", f"{CRDS}/tmps.{GROUP}")
    gone(m, f"tmps.{GROUP}")


def test_names_conflict(m):
    rival = crd("crontabs2", "CronTab")
    rival["spec"]["names"].update(shortNames=[], singular="crontab2")
    assert m.api("POST", CRDS, rival)[0] == 201
    path = f"{CRDS}/crontabs2.{GROUP}"

    def cond():
        o = m.api("GET", path)[1]
        return {c["type"]: c for c in o["status"]["conditions"]}
    wait_for(lambda: "NamesAccepted" in cond())
    assert cond()["NamesAccepted"]["status"] == "False" and cond()["NamesAccepted"]["reason"] == "KindConflict"
    assert cond()["NamesAccepted"]["message"] == '"CronTab" is already in use'
    assert cond()["Established"]["status"] == "False"
    m.api("DELETE", path)
    gone(m, f"crontabs2.{GROUP}")


def test_versions_and_schema_changes(m):
    obj = crd("vers", "Ver")
    v1 = obj["spec"]["versions"][0]
    obj["spec"]["versions"].append({**copy.deepcopy(v1), "name": "v1beta1", "storage": False,
                                    "deprecated": True})
    establish(m, obj)
    o = {"kind": "Ver", "metadata": {"name": "x"}, "spec": {"cronSpec": "* * * * *"}}
    base = f"/apis/{GROUP}/%s/namespaces/default/vers"
    status, headers, data = m.raw("POST", base % "v1beta1", json.dumps({**o, "apiVersion": f"{GROUP}/v1beta1"}),
                                  {"Content-Type": "application/json"})
    assert status == 201 and json.loads(data)["apiVersion"] == f"{GROUP}/v1beta1"
    assert f"{GROUP}/v1beta1 Ver is deprecated" in headers["Warning"]
    assert m.api("GET", base % "v1" + "/x")[1]["apiVersion"] == f"{GROUP}/v1"
    assert m.api("GET", base % "v1beta1")[1]["items"][0]["apiVersion"] == f"{GROUP}/v1beta1"
    # a stricter schema with a new default: shown on read, and old values may stay
    name = f"vers.{GROUP}"
    cur = m.api("GET", f"{CRDS}/{name}")[1]
    for v in cur["spec"]["versions"]:
        props = v["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
        props["late"] = {"type": "string", "default": "yes"}
        props["cronSpec"]["maxLength"] = 3
    for v in cur["spec"]["versions"]:
        v["selectableFields"] = [{"jsonPath": ".spec.cronSpec"}]
    cur["spec"]["versions"][0]["storage"], cur["spec"]["versions"][1]["storage"] = False, True
    status, cur = m.api("PUT", f"{CRDS}/{name}", cur)
    assert status == 200, cur
    assert cur["status"]["storedVersions"] == ["v1", "v1beta1"]
    wait_for(lambda: m.api("GET", base % "v1" + "/x")[1]["spec"].get("late") == "yes")
    assert m.api("GET", base % "v1")[1]["items"][0]["spec"]["late"] == "yes"
    for value, n in (("%2A+%2A+%2A+%2A+%2A", 1), ("x", 0)):  # the index is older than the field's row
        assert len(m.api("GET", base % "v1" + f"?fieldSelector=spec.cronSpec%3D{value}")[1]["items"]) == n
    got = m.api("GET", base % "v1beta1" + "/x")[1]
    assert got["apiVersion"] == f"{GROUP}/v1beta1"
    got["spec"]["image"] = "new"
    status, got = m.api("PUT", base % "v1beta1" + "/x", got)
    assert status == 200, got
    got["spec"]["cronSpec"] = "1 * * * *"
    status, e = m.api("PUT", base % "v1beta1" + "/x", got)
    assert status == 422 and "spec.cronSpec: Too long" in e["message"]
    assert m.api("GET", base % "v1" + "/x")[1]["apiVersion"] == f"{GROUP}/v1"
    m.api("DELETE", f"{CRDS}/{name}")
    gone(m, name)


def test_garbage_collection_and_namespaces(m):
    m.api("POST", "/api/v1/namespaces", {"metadata": {"name": "n1"}})
    path = f"/apis/{GROUP}/v1/namespaces/n1/crontabs"
    status, owner = m.api("POST", path, tab("owner"))
    assert status == 201, owner
    ref = {"apiVersion": f"{GROUP}/v1", "kind": "CronTab", "name": "owner", "uid": owner["metadata"]["uid"]}
    m.api("POST", "/api/v1/namespaces/n1/configmaps", {"metadata": {"name": "child", "ownerReferences": [ref]}})
    m.api("POST", path, {**tab("child"), "metadata": {"name": "child", "ownerReferences": [ref]}})
    m.api("DELETE", f"{path}/owner")
    wait_for(lambda: m.api("GET", "/api/v1/namespaces/n1/configmaps/child")[0] == 404)
    wait_for(lambda: m.api("GET", f"{path}/child")[0] == 404)
    m.api("POST", path, tab("last"))
    m.api("DELETE", "/api/v1/namespaces/n1")
    wait_for(lambda: m.api("GET", "/api/v1/namespaces/n1")[0] == 404)
    assert m.api("GET", f"{path}/last")[0] == 404


def test_large_definition(m):
    props = {f"field{i:05}": {"type": "object", "description": "x" * 200, "properties": {
        "a": {"type": "string", "pattern": "^a+$"}, "b": {"type": "integer", "minimum": 1}}}
        for i in range(4000)}
    obj = crd("larges", "Large", schema={"type": "object", "properties": {
        "spec": {"type": "object", "properties": props}}})
    assert len(json.dumps(obj)) > 1_400_000
    began = time.monotonic()
    establish(m, obj)
    took = time.monotonic() - began
    print("large definition:", took)
    status, o = m.api("POST", f"/apis/{GROUP}/v1/namespaces/default/larges",
                      {"apiVersion": f"{GROUP}/v1", "kind": "Large", "metadata": {"name": "x"},
                       "spec": {"field00001": {"a": "b"}}})
    assert status == 422, o
    m.api("DELETE", f"{CRDS}/larges.{GROUP}")
    gone(m, f"larges.{GROUP}")


def test_restart_and_watch(m):
    events = m.watch(f"{TABS}?resourceVersion=0", 1)
    assert events and all(e["object"]["kind"] == "CronTab" for e in events)
    m.stop()
    m.start()
    assert m.api("GET", TABS)[0] == 200
    make(m, tab("after"))


def test_hostile_lists(m):
    """As many elements as a body may have cost a moment, not minutes."""
    n = 30_000
    big = {"tags": [f"t{i * 7919 % n}" for i in range(n)], "ports": [{"name": f"p{i}"} for i in range(n // 3)],
           "labels": {f"k{i}": "v" for i in range(n // 3)}}
    for field, value in big.items():
        began = time.monotonic()
        status, got = m.api("POST", TABS, {**tab("big-" + field), "spec": {"cronSpec": "* * * * *", field: value}})
        assert status == 201, str(got)[:500]
        got["spec"][field] = value[::-1] if isinstance(value, list) else {**value, "k1": "w"}
        status, got = m.api("PUT", f"{TABS}/big-{field}", got)
        assert status == 200, str(got)[:500]
        status, got = m.api("PATCH", f"{TABS}/big-{field}?fieldManager=x&force=true", {
            **tab("big-" + field), "spec": {"cronSpec": "* * * * *", field: value}},
            content_type="application/apply-patch+yaml")
        assert status == 200, str(got)[:500]
        assert time.monotonic() - began < 30
        status, got = m.api("DELETE", f"{TABS}/big-{field}")
        assert status == 200, str(got)[:500]


def test_metadata_is_strict_too(m):
    obj = crd("embeds", "Embed", schema={"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "template": {"type": "object", "x-kubernetes-embedded-resource": True, "properties": {
            "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}}}}})
    obj["spec"]["names"]["shortNames"] = []
    establish(m, obj)
    path = f"/apis/{GROUP}/v1/namespaces/default/embeds"
    o = {"apiVersion": f"{GROUP}/v1", "kind": "Embed", "metadata": {"name": "x", "unknownMeta": 1},
         "spec": {"template": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "y", "unknownSub": 1},
                               "spec": {"any": 1}, "junk": 1}, "more": 1}}
    wanted = ["metadata.unknownMeta", "spec.template.metadata.unknownSub", "spec.template.junk", "spec.more"]
    status, e = m.api("POST", path + "?fieldValidation=Strict", o)
    assert status == 400 and all(f'unknown field "{w}"' in e["message"] for w in wanted), e
    status, headers, data = m.raw("POST", path, json.dumps(o), {"Content-Type": "application/json"})
    assert status == 201 and all(f'unknown field \\"{w}\\"' in str(headers.get_all("Warning"))
                                 or w in str(headers.get_all("Warning")) for w in wanted)
    assert json.loads(data)["spec"] == {"template": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "y"},
                                                     "spec": {"any": 1}}}
    m.api("DELETE", f"{CRDS}/embeds.{GROUP}")
    gone(m, f"embeds.{GROUP}")


def test_hostile_schema(m):
    """Alternatives within alternatives, for each of many elements: refused in a moment."""
    inner = [{"anyOf": [{"required": [f"q{j}"]} for j in range(19)] + [{"required": ["z"]}]} for _ in range(20)]
    obj = crd("ors", "Orr", schema={"type": "object", "properties": {"l": {"type": "array", "items": {
        "type": "object", "x-kubernetes-preserve-unknown-fields": True, "allOf": inner}}}})
    obj["spec"]["names"]["shortNames"] = []
    establish(m, obj)
    path = f"/apis/{GROUP}/v1/namespaces/default/ors"
    o = {"apiVersion": f"{GROUP}/v1", "kind": "Orr", "metadata": {"name": "x"}, "l": [{"z": 1}] * 100}
    assert m.api("POST", path, o)[0] == 201
    began = time.monotonic()
    status, e = m.api("POST", path, {**o, "metadata": {"name": "y"}, "l": [{"z": 1}] * 30000})
    assert status == 422 and "takes too long to be validated" in e["message"], str(e)[:300]
    status, e = m.api("POST", path, {**o, "metadata": {"name": "y"}, "l": [{"w": 1}] * 30000})
    assert status == 422 and len(str(e)) < 500_000
    assert time.monotonic() - began < 15
    m.api("DELETE", f"{CRDS}/ors.{GROUP}")
    gone(m, f"ors.{GROUP}")


def test_deep_objects(m):
    """What is taken can be read, changed and collected again, whatever managedFields add to its depth."""
    def nested(name, n):
        v = 1
        for _ in range(n):
            v = {"a": v}
        return tab(name, free=v)
    made = []
    for n in range(48, 66):
        status, e = m.api("POST", TABS, nested(f"deep{n}", n))
        assert status in (201, 400), e
        if status == 400:
            assert "nested too deeply" in e["message"], e
            continue
        made.append(n)
        status, e = m.api("PATCH", f"{TABS}/deep{n}", {"metadata": {"labels": {"x": "y"}}},
                          content_type="application/merge-patch+json")
        assert status == 200, e
    assert made and made == list(range(48, 48 + len(made))) and made[-1] < 62
    owner = make(m, tab("deep-owner"))
    make(m, {**tab("deep-owned"), "metadata": {"name": "deep-owned", "ownerReferences": [
        {"apiVersion": owner["apiVersion"], "kind": "CronTab", "name": "deep-owner", "uid": owner["metadata"]["uid"]}]}})
    assert m.api("DELETE", f"{TABS}/deep-owner")[0] == 200
    wait_for(lambda: m.api("GET", f"{TABS}/deep-owned")[0] == 404, 30)
    for n in made:
        assert m.api("DELETE", f"{TABS}/deep{n}")[0] == 200
