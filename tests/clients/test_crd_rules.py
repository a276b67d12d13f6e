# SPDX-License-Identifier: Apache-2.0
"""x-kubernetes-validations: CEL rules of custom resources."""
import pytest
from knarr_test import Master
from test_crd import CRDS, GROUP, crd, establish, gone


def rules(*rs):
    return [r if isinstance(r, dict) else {"rule": r} for r in rs]


SCHEMA = {"type": "object", "x-kubernetes-validations": rules(
    {"rule": "self.metadata.name.startsWith('r')", "message": "name must begin with r"}),
    "properties": {"spec": {
        "type": "object", "x-kubernetes-validations": rules(
            "self.min <= self.max",
            {"rule": "!has(self.size) || quantity(self.size).isLessThan(quantity('1Gi'))",
             "messageExpression": "'size ' + self.size + ' is too large'", "fieldPath": ".size",
             "reason": "FieldValueForbidden"},
            {"rule": "self.items.all(i, i.weight > 0)", "message": "weights are positive"}),
        "properties": {
            "min": {"type": "integer", "default": 0}, "max": {"type": "integer", "default": 10},
            "size": {"type": "string", "maxLength": 20},
            "fixed": {"type": "string", "maxLength": 20, "x-kubernetes-validations": rules(
                {"rule": "self == oldSelf", "message": "is immutable"})},
            "once": {"type": "string", "maxLength": 20, "x-kubernetes-validations": rules(
                {"rule": "oldSelf.hasValue() || self == 'first'", "optionalOldSelf": True,
                 "message": "must begin as first"})},
            "odd-name": {"type": "string", "maxLength": 20},
            "items": {"type": "array", "maxItems": 10, "default": [], "x-kubernetes-list-type": "map",
                      "x-kubernetes-list-map-keys": ["name"],
                      "items": {"type": "object", "required": ["name"], "x-kubernetes-validations": rules(
                          {"rule": "self.weight >= oldSelf.weight", "message": "may only grow"}),
                          "properties": {"name": {"type": "string", "maxLength": 10},
                                         "weight": {"type": "integer", "default": 1}}}}}}}}
PATH = f"/apis/{GROUP}/v1/namespaces/default/rules"


@pytest.fixture(scope="module")
def m():
    with Master("--no-scheduler") as master:
        establish(master, crd("rules", "Rule", schema=SCHEMA))
        yield master


def make(m, name, code=201, **spec):
    status, got = m.api("POST", PATH, {"apiVersion": f"{GROUP}/v1", "kind": "Rule",
                                       "metadata": {"name": name}, "spec": spec})
    assert status == code, got
    return got


def causes(e):
    return {c["field"]: c["message"] for c in e["details"]["causes"]}


def test_rules(m):
    make(m, "r1")
    e = make(m, "x", code=422)
    assert e["message"] == (
        'Rule.stable.example.com "x" is invalid: <nil>: Invalid value: "object": name must begin with r')
    assert causes(make(m, "r2", code=422, min=11))["spec"] == 'Invalid value: "object": failed rule: self.min <= self.max'
    got = causes(make(m, "r2", code=422, size="2Gi"))
    assert got == {"spec.size": "Forbidden: size 2Gi is too large"}
    assert causes(make(m, "r2", code=422, items=[{"name": "a", "weight": 0}]))["spec"] == (
        'Invalid value: "object": weights are positive')
    got = make(m, "r2", code=422, size="x")
    assert "quantities must match" in causes(got)["spec.size"]


def test_transitions(m):
    o = make(m, "rt", fixed="a", once="first", items=[{"name": "a", "weight": 5}, {"name": "b"}])
    e = make(m, "ru", code=422, once="second")
    assert causes(e) == {"spec.once": 'Invalid value: "string": must begin as first'}
    o["spec"]["fixed"] = "b"
    o["spec"]["once"] = "anything"
    o["spec"]["items"] = [{"name": "b", "weight": 2}, {"name": "a", "weight": 4}, {"name": "c"}]
    status, e = m.api("PUT", f"{PATH}/rt", o)
    assert status == 422
    assert causes(e) == {"spec.fixed": 'Invalid value: "string": is immutable',
                         "spec.items[1]": 'Invalid value: "object": may only grow'}
    o["spec"]["fixed"] = "a"
    o["spec"]["items"][1]["weight"] = 6
    status, o = m.api("PUT", f"{PATH}/rt", o)
    assert status == 200, o


def test_ratcheting(m):
    obj = crd("rats", "Rat", schema={"type": "object", "properties": {
        "a": {"type": "string", "maxLength": 10}, "b": {"type": "string", "maxLength": 10}}})
    establish(m, obj)
    path = f"/apis/{GROUP}/v1/namespaces/default/rats"
    status, o = m.api("POST", path, {"apiVersion": f"{GROUP}/v1", "kind": "Rat", "metadata": {"name": "x"}, "a": "bad"})
    assert status == 201
    cur = m.api("GET", f"{CRDS}/rats.{GROUP}")[1]
    cur["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["a"]["x-kubernetes-validations"] = rules(
        "self.startsWith('good')")
    assert m.api("PUT", f"{CRDS}/rats.{GROUP}", cur)[0] == 200
    o["b"] = "new"
    status, o = m.api("PUT", f"{path}/x", o)
    assert status == 200, o
    o["a"] = "worse"
    assert m.api("PUT", f"{path}/x", o)[0] == 422
    m.api("DELETE", f"{CRDS}/rats.{GROUP}")
    gone(m, f"rats.{GROUP}")


@pytest.mark.parametrize("schema, text", [
    ({"type": "object", "x-kubernetes-validations": rules("self.nope == 1")},
     "compilation failed: ERROR: <input>:1:5: undefined field 'nope'\n | self.nope == 1\n | ....^"),
    ({"type": "string", "x-kubernetes-validations": rules("self + 1 == 'a'")},
     "found no matching overload for '_+_' applied to '(string, int)'"),
    ({"type": "string", "x-kubernetes-validations": rules("self")}, "must evaluate to a bool"),
    ({"type": "string", "x-kubernetes-validations": rules({"rule": "true", "messageExpression": "1"})},
     "messageExpression must evaluate to a string"),
    ({"type": "string", "x-kubernetes-validations": rules("")}, "rule: Required value: rule is not specified"),
    ({"type": "array", "items": {"type": "string", "x-kubernetes-validations": rules("self == oldSelf")}},
     "oldSelf cannot be used on the uncorrelatable portion of the schema"),
    ({"type": "array", "items": {"type": "array", "items": {"type": "string"}},
      "x-kubernetes-validations": rules("self.all(x, self.all(y, x.all(a, y.all(b, a == b))))")},
     "estimated rule cost exceeds budget by factor of more than 100x"),
    ({"type": "object", "properties": {"a": {"type": "string"}}, "x-kubernetes-validations": rules(
        {"rule": "true", "fieldPath": ".zz"})}, "fieldPath must be a valid path"),
])
def test_bad_rules(m, schema, text):
    status, e = m.api("POST", CRDS, crd("bads", "Bad", schema={"type": "object", "properties": {"x": schema}}))
    assert status == 422 and text in e["message"], e["message"]
    assert "spec.validation.openAPIV3Schema.properties[x]" in e["message"]


def test_types_of_formats(m):
    obj = crd("forms", "Form", schema={"type": "object", "x-kubernetes-validations": rules(
        "self.at > timestamp('2020-01-01T00:00:00Z') && self.every < duration('1h')",
        "self.data == b'hi' && self.n == 2.0 && type(self.p) in [int, string]",
        "self.tags == ['b', 'a'] && self.odd__dash__name == 'x' && cidr(self.net).containsIP('10.0.0.1')",
        "format.dns1123Label().validate(self.odd__dash__name).orValue([]).size() == 0"),
        "properties": {
            "at": {"type": "string", "format": "date-time"}, "every": {"type": "string", "format": "duration"},
            "data": {"type": "string", "format": "byte", "maxLength": 9}, "n": {"type": "number"},
            "p": {"x-kubernetes-int-or-string": True}, "odd-name": {"type": "string", "maxLength": 9},
            "net": {"type": "string", "maxLength": 20},
            "tags": {"type": "array", "maxItems": 3, "x-kubernetes-list-type": "set",
                     "items": {"type": "string", "maxLength": 5}}}})
    establish(m, obj)
    status, o = m.api("POST", f"/apis/{GROUP}/v1/namespaces/default/forms", {
        "apiVersion": f"{GROUP}/v1", "kind": "Form", "metadata": {"name": "x"}, "at": "2021-01-01T00:00:00Z",
        "every": "5m", "data": "aGk=", "n": 2, "p": "x", "odd-name": "x", "tags": ["a", "b"],
        "net": "10.0.0.0/8"})
    assert status == 201, o


def test_budget(m):
    obj = crd("slows", "Slow", schema={"type": "object", "properties": {"l": {
        "type": "array", "maxItems": 1000, "items": {"type": "integer"},
        "x-kubernetes-validations": rules("self.all(a, self.exists(b, a + b == -1))")}}})
    establish(m, obj)
    status, e = m.api("POST", f"/apis/{GROUP}/v1/namespaces/default/slows", {
        "apiVersion": f"{GROUP}/v1", "kind": "Slow", "metadata": {"name": "x"}, "l": list(range(1000))})
    assert status == 422
    obj = crd("tardies", "Tardy", schema={"type": "object", "properties": {"l": {
        "type": "array", "maxItems": 1000, "items": {"type": "integer"},
        "x-kubernetes-validations": rules("self.all(a, self.all(b, a + b > -1))")}}})
    establish(m, obj)
    status, e = m.api("POST", f"/apis/{GROUP}/v1/namespaces/default/tardies", {
        "apiVersion": f"{GROUP}/v1", "kind": "Tardy", "metadata": {"name": "x"}, "l": list(range(1000))})
    assert status == 422 and "running out of cost budget" in e["message"], e
