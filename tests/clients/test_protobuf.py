# SPDX-License-Identifier: Apache-2.0
"""Protobuf answers and what Accept chooses."""
import gzip
import json
import struct

import pytest
from knarr_test import Master, wait_for
from test_api import CMS, cm, create, pod, PODS

PB = "application/vnd.kubernetes.protobuf"
BOTH = f"{PB},application/json"
PARTIAL = "as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"


def fields(data):
    """Numbers and values of one message; of length-delimited ones the bytes."""
    out, i = [], 0

    def varint():
        nonlocal i
        v = shift = 0
        while True:
            b = data[i]
            i += 1
            v |= (b & 127) << shift
            shift += 7
            if b < 128:
                return v
    while i < len(data):
        tag = varint()
        if tag & 7 == 2:
            n = varint()
            out.append((tag >> 3, data[i:i + n]))
            i += n
        else:
            assert tag & 7 == 0
            out.append((tag >> 3, varint()))
    return out


def envelope(data):
    """(apiVersion, kind, message) of an answer."""
    assert data[:4] == b"k8s\x00", data
    f = dict(fields(data[4:]))
    meta = dict(fields(f[1]))
    return meta[1].decode(), meta[2].decode(), f[2]


def get(m, path, accept, code=200, method="GET", body=None, **headers):
    status, h, data = m.raw(method, path, body, {"Accept": accept, **headers})
    assert status == code, data
    return h["Content-Type"], data


def test_get_and_put_back(master):
    create(master, CMS, {**cm("pb", a="1", b=""), "binaryData": {"c": "AAH/"}})
    kind, data = get(master, f"{CMS}/pb", BOTH)
    assert kind == PB and envelope(data)[:2] == ("v1", "ConfigMap")
    before = master.api("GET", f"{CMS}/pb")[1]
    _, back = get(master, f"{CMS}/pb", PB, method="PUT", body=data, **{"Content-Type": PB})
    assert envelope(back)[1] == "ConfigMap"
    assert master.api("GET", f"{CMS}/pb")[1] == before  # nothing was lost on the way


@pytest.mark.parametrize("accept,kind", [
    ("", "application/json"), ("*/*", "application/json"), (PB, PB), (BOTH, PB),
    (f"application/json,{PB}", "application/json"),
    (f"application/json;q=0.5,{PB};q=0.9", PB), (f"{PB};q=0.5,application/json", "application/json"),
    (f"*/*,{PB}", PB), (f"{PB};q=0,application/json;q=0.1", "application/json"),
    ("application/yaml;q=0.9,application/json;q=0.8", "application/yaml"),
    ("text/html,*/*;q=0.1", "application/json"),
])
def test_accept(master, accept, kind):
    assert get(master, "/api/v1/namespaces/default", accept)[0] == kind


@pytest.mark.parametrize("accept", ["text/html", f"{PB};as=Table;g=meta.k8s.io;v=v1",
                                    "application/json;as=Nothing;g=meta.k8s.io;v=v1",
                                    "application/json;q=0"])
def test_not_acceptable(master, accept):
    _, data = get(master, "/api/v1/namespaces/default", accept, 406)
    assert json.loads(data)["reason"] == "NotAcceptable"


def test_review_has_no_table(master):
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"nonResourceAttributes": {"verb": "get", "path": "/"}}}
    _, data = get(master, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                  "application/json;as=Table;v=v1;g=meta.k8s.io", 406, "POST", json.dumps(body),
                  **{"Content-Type": "application/json"})
    assert json.loads(data)["reason"] == "NotAcceptable"


def test_list(master):
    for i in range(3):
        create(master, CMS, {"metadata": {"name": f"l{i}", "labels": {"pb": "list"}}})
    _, data = get(master, f"{CMS}?labelSelector=pb%3Dlist&limit=2", BOTH)
    version, kind, raw = envelope(data)
    assert (version, kind) == ("v1", "ConfigMapList")
    meta = dict(fields(dict(fields(raw))[1]))
    assert meta[2].isdigit() and meta[3]  # resourceVersion, continue
    items = [v for n, v in fields(raw) if n == 2]
    assert [dict(fields(dict(fields(i))[1]))[1] for i in items] == [b"l0", b"l1"]


def test_metadata_only(master):
    create(master, PODS, pod("meta"))
    kind, data = get(master, f"{PODS}/meta", f"{PB};{PARTIAL.format('')}")
    assert kind == PB
    assert envelope(data)[:2] == ("meta.k8s.io/v1", "PartialObjectMetadata")
    assert [n for n, _ in fields(envelope(data)[2])] == [1]
    _, data = get(master, PODS, f"{PB};{PARTIAL.format('List')}")
    assert envelope(data)[:2] == ("meta.k8s.io/v1", "PartialObjectMetadataList")


@pytest.fixture
def whole():
    """A master with its controllers: they establish custom resources."""
    with Master("--no-scheduler") as m:
        yield m


def test_custom_resources(whole):
    """They have no numbers, but for their metadata."""
    crd = {"metadata": {"name": "foos.pb.example"}, "spec": {
        "group": "pb.example", "scope": "Namespaced", "names": {"plural": "foos", "kind": "Foo"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {
            "openAPIV3Schema": {"type": "object"}}}]}}
    master = whole
    create(master, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
    path = "/apis/pb.example/v1/namespaces/default/foos"
    foo = {"apiVersion": "pb.example/v1", "kind": "Foo", "metadata": {"name": "a"}}
    wait_for(lambda: master.api("POST", path, foo)[0] == 201)
    assert get(master, f"{path}/a", BOTH)[0] == "application/json"
    get(master, f"{path}/a", PB, 406)
    _, data = get(master, f"{path}/a", f"{PB};{PARTIAL.format('')}")
    assert envelope(data)[:2] == ("meta.k8s.io/v1", "PartialObjectMetadata")
    _, data = get(master, path, f"{PB};{PARTIAL.format('List')},application/json")
    assert envelope(data)[1] == "PartialObjectMetadataList"
    got = frames(get(master, f"{path}?watch=true&timeoutSeconds=1",
                     f"{PB};{PARTIAL.format('')}")[1])
    assert got[0][1][1] == "PartialObjectMetadata"


def test_error_and_review(master):
    kind, data = get(master, f"{CMS}/none", BOTH, 404)
    assert kind == PB and envelope(data)[:2] == ("v1", "Status")
    assert dict(fields(envelope(data)[2]))[3] == b'configmaps "none" not found'
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    _, data = get(master, "/apis/authentication.k8s.io/v1/selfsubjectreviews", BOTH, 201, "POST",
                  json.dumps(body), **{"Content-Type": "application/json"})
    assert envelope(data)[:2] == ("authentication.k8s.io/v1", "SelfSubjectReview")
    assert b"system:masters" in data


def frames(data):
    """(type, envelope) of each event of a watch."""
    out = []
    while data:
        n = struct.unpack(">I", data[:4])[0]
        f = dict(fields(data[4:4 + n]))
        out.append((f[1].decode(), envelope(dict(fields(f[2]))[1])))
        data = data[4 + n:]
    return out


def test_watch(master):
    made = create(master, CMS, cm("w"))
    rv = int(made["metadata"]["resourceVersion"]) - 1
    made["data"] = {"b": "2"}
    assert master.api("PUT", f"{CMS}/w", made)[0] == 200
    assert master.api("DELETE", f"{CMS}/w")[0] == 200
    path = f"{CMS}?watch=true&resourceVersion={rv}&timeoutSeconds=1&fieldSelector=metadata.name%3Dw"
    for _ in range(2):  # the second reads what the first has made
        kind, data = get(master, path, BOTH)
        assert kind == f"{PB};stream=watch"
        got = frames(data)
        assert [(t, k) for t, (_, k, _) in got] == [
            ("ADDED", "ConfigMap"), ("MODIFIED", "ConfigMap"), ("DELETED", "ConfigMap")]
        assert master.watch(path.replace("watch=true&", "").replace("timeoutSeconds=1&", ""))[0][
            "object"]["metadata"]["name"] == "w"


def test_watch_bookmark_and_meta(master):
    path = (f"{PODS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&"
            "allowWatchBookmarks=true&timeoutSeconds=1")
    got = frames(get(master, path, BOTH)[1])
    assert got[0][0] == "ADDED" and got[-1][0] == "BOOKMARK"
    assert b"k8s.io/initial-events-end" in got[-1][1][2]
    got = frames(get(master, path, f"{PB};{PARTIAL.format('')}")[1])
    assert got[0][1][1] == got[-1][1][1] == "PartialObjectMetadata"


def test_converted_kinds(master):
    _, data = get(master, "/apis/events.k8s.io/v1/events", BOTH)
    assert envelope(data)[:2] == ("events.k8s.io/v1", "EventList")
    hpa = {"metadata": {"name": "h"}, "spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 50,
           "scaleTargetRef": {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}}}
    path = "/apis/autoscaling/{}/namespaces/default/horizontalpodautoscalers"
    create(master, path.format("v1"), hpa)
    _, data = get(master, path.format("v1") + "/h", BOTH)
    assert envelope(data)[:2] == ("autoscaling/v1", "HorizontalPodAutoscaler")
    got = master.api("GET", path.format("v2") + "/h")[1]
    assert got["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 50
    got["spec"]["metrics"].append({"type": "Resource", "resource": {
        "name": "memory", "target": {"type": "AverageValue", "averageValue": "1Gi"}}})
    assert master.api("PUT", path.format("v2") + "/h", got)[0] == 200
    old = master.api("GET", path.format("v1") + "/h")[1]
    assert old["spec"]["targetCPUUtilizationPercentage"] == 50
    old["spec"]["targetCPUUtilizationPercentage"] = 60
    assert master.api("PUT", path.format("v1") + "/h", old)[0] == 200
    metrics = master.api("GET", path.format("v2") + "/h")[1]["spec"]["metrics"]
    assert [m["resource"]["name"] for m in metrics] == ["cpu", "memory"]


def test_annotations_of_an_old_autoscaler_are_not_believed(master):
    notes = {"metrics": '[{"type":"Resource"},7,"x"]', "behavior": '"no object"',
             "conditions": '{"type":1}', "current-metrics": "no json"}
    hpa = {"metadata": {"name": "odd", "annotations": {
        f"autoscaling.alpha.kubernetes.io/{k}": v for k, v in notes.items()}},
        "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "d"}}}
    create(master, "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers", hpa)
    got = master.api("GET", "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/odd")[1]
    assert "behavior" not in got["spec"] and got["spec"]["metrics"][0] == {"type": "Resource"}
    assert len(got["spec"]["metrics"]) == 1


def test_big_list_is_json(master):
    for i in range(4):
        create(master, CMS, {"metadata": {"name": f"big{i}", "labels": {"pb": "big"}},
                             "data": {"x": "y" * 300000}})
    path = f"{CMS}?labelSelector=pb%3Dbig"
    assert get(master, path, BOTH)[0] == "application/json"
    assert get(master, path, PB)[0] == PB


def test_gzip(master):
    create(master, CMS, cm("zip", x="y" * 200000))
    plain = get(master, f"{CMS}/zip", "application/json")[1]
    for accept in ("gzip", "deflate, gzip;q=1.0"):
        status, h, data = master.raw("GET", f"{CMS}/zip", None, {"Accept-Encoding": accept})
        assert status == 200 and h["Content-Encoding"] == "gzip" and len(data) < len(plain) / 10
        assert gzip.decompress(data) == plain
        assert h["Vary"] == "Accept-Encoding"
    for accept in ("identity", "gzip;q=0"):
        assert master.raw("GET", f"{CMS}/zip", None, {"Accept-Encoding": accept})[2] == plain
    small = master.raw("GET", "/api/v1/namespaces/default", None, {"Accept-Encoding": "gzip"})
    assert small[1]["Content-Encoding"] is None
