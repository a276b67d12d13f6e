# SPDX-License-Identifier: Apache-2.0
"""Autoscalers of what has a scale of its own: custom resources too; and what people see of it."""
import pytest
from knarr_test import Master
from lab import wait_for
from test_controllers import items

HPA = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"
INT = {"type": "integer"}
CRD = {"metadata": {"name": "widgets.example.com"}, "spec": {
    "group": "example.com", "scope": "Namespaced",
    "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
    "versions": [{"name": "v1", "served": True, "storage": True, "subresources": {
        "status": {}, "scale": {"specReplicasPath": ".spec.replicas",
                                "statusReplicasPath": ".status.replicas",
                                "labelSelectorPath": ".status.selector"}},
                  "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                      "spec": {"type": "object", "properties": {"replicas": INT}},
                      "status": {"type": "object", "properties": {
                          "replicas": INT, "selector": {"type": "string"}}}}}}}]}}


@pytest.fixture(scope="module")
def m():
    with Master() as m:
        yield m


def autoscaler(name, version, kind, target):
    return {"metadata": {"name": name}, "spec": {
        "scaleTargetRef": {"apiVersion": version, "kind": kind, "name": target}, "maxReplicas": 3,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {
            "type": "Utilization", "averageUtilization": 50}}}]}}


def test_custom_resource(m):
    assert m.api("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", CRD)[0] == 201
    wait_for(lambda: m.api("POST", WIDGETS, {
        "apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"},
        "spec": {"replicas": 9}})[0] in (201, 409))
    assert m.api("POST", HPA, autoscaler("w", "example.com/v1", "Widget", "w"))[0] == 201
    wait_for(lambda: m.api("GET", WIDGETS + "/w")[1]["spec"]["replicas"] == 3, 30)
    wait_for(lambda: "SuccessfulRescale" in {e["reason"] for e in items(
        m, "/api/v1/namespaces/default/events")})


@pytest.mark.parametrize("kind,says", [("Deployment", "not found"), ("Carrot", "no matches for kind")])
def test_no_target(m, kind, says):
    name = kind.lower()
    assert m.api("POST", HPA, autoscaler(name, "apps/v1", kind, "absent"))[0] == 201

    def condition():
        st = m.api("GET", f"{HPA}/{name}")[1].get("status", {})
        return {c["type"]: c for c in st.get("conditions", [])}.get("AbleToScale")
    c = wait_for(condition)
    assert (c["status"], c["reason"]) == ("False", "FailedGetScale") and says in c["message"]
