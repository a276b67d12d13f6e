# SPDX-License-Identifier: Apache-2.0
"""Definitions of the shape that cert-manager, prometheus-operator and argo-cd bring, by kubectl and
helm of several versions."""
import json

import pytest
from knarr_test import Master, wait_for
from lab import ALL_VERSIONS, Kubectl

CONDITIONS = {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
              "items": {"type": "object", "required": ["status", "type"], "properties": {
                  "lastTransitionTime": {"type": "string", "format": "date-time"},
                  "message": {"type": "string"}, "observedGeneration": {"type": "integer", "format": "int64"},
                  "reason": {"type": "string"}, "type": {"type": "string"},
                  "status": {"type": "string", "enum": ["True", "False", "Unknown"]}}}}
REF = {"type": "object", "required": ["name"], "properties": {
    "group": {"type": "string"}, "kind": {"type": "string"}, "name": {"type": "string"}}}


def definition(group, kind, plural, schema, short=(), scope="Namespaced", **version):
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}", "labels": {"app.kubernetes.io/name": "x"}},
            "spec": {"group": group, "scope": scope,
                     "names": {"kind": kind, "listKind": kind + "List", "plural": plural,
                               "singular": kind.lower(), "shortNames": list(short), "categories": ["cert-manager"]},
                     "versions": [{"name": "v1", "served": True, "storage": True,
                                   "schema": {"openAPIV3Schema": schema}, **version}]}}


def certificates():
    spec = {"type": "object", "required": ["issuerRef", "secretName"], "properties": {
        "commonName": {"type": "string"}, "dnsNames": {"type": "array", "items": {"type": "string"}},
        "duration": {"type": "string"}, "isCA": {"type": "boolean"}, "issuerRef": REF,
        "keystores": {"type": "object", "properties": {"jks": {
            "type": "object", "required": ["create"], "properties": {
                "create": {"type": "boolean"}, "alias": {"type": "string", "maxLength": 250}}}}},
        "nameConstraints": {"type": "object", "properties": {
            "permitted": {"type": "object", "properties": {"ipRanges": {
                "type": "array", "items": {"type": "string"}}}}}},
        "privateKey": {"type": "object", "properties": {
            "algorithm": {"type": "string", "enum": ["RSA", "ECDSA", "Ed25519"]},
            "size": {"type": "integer"}, "rotationPolicy": {"type": "string", "default": "Always"}}},
        "revisionHistoryLimit": {"type": "integer", "format": "int32", "minimum": 1},
        "secretName": {"type": "string"}, "usages": {"type": "array", "items": {
            "type": "string", "enum": ["signing", "digital signature", "server auth", "client auth"]}}}}
    return definition("cert.example.io", "Certificate", "certificates", {
        "type": "object", "description": "A certificate to be kept in a Secret.",
        "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"},
                       "spec": spec, "status": {"type": "object", "properties": {"conditions": CONDITIONS}}}},
        ("cert", "certs"), subresources={"status": {}},
        additionalPrinterColumns=[
            {"jsonPath": '.status.conditions[?(@.type == "Ready")].status', "name": "Ready", "type": "string"},
            {"jsonPath": ".spec.secretName", "name": "Secret", "type": "string"},
            {"jsonPath": ".spec.issuerRef.name", "name": "Issuer", "type": "string", "priority": 1},
            {"jsonPath": ".metadata.creationTimestamp", "name": "Age", "type": "date"}],
        selectableFields=[{"jsonPath": ".spec.secretName"}])


def prometheuses(fields=400):
    many = {f"option{i:03}": {"type": "object", "description": "An option. " * 40, "properties": {
        "port": {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True},
        "cpu": {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True,
                "pattern": r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"},
        "selector": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {
            "matchLabels": {"type": "object", "additionalProperties": {"type": "string"}}}},
        "list": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                 "items": {"type": "object", "required": ["name"], "properties": {
                     "name": {"type": "string"}, "value": {"type": "string"}}}}}} for i in range(fields)}
    return definition("monitor.example.io", "Prometheus", "prometheuses", {
        "type": "object", "required": ["spec"], "properties": {
            "spec": {"type": "object", "properties": {
                **many, "replicas": {"type": "integer", "format": "int32"}, "version": {"type": "string"},
                "retention": {"type": "string", "pattern": "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?)$"}},
                "x-kubernetes-validations": [{"rule": "!has(self.replicas) || self.replicas < 100",
                                              "message": "too many"}]},
            "status": {"type": "object", "properties": {
                "replicas": {"type": "integer"}, "selector": {"type": "string"}, "conditions": CONDITIONS}}}},
        ("prom",), subresources={"status": {}, "scale": {
            "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector"}})


def applications():
    return definition("argo.example.io", "Application", "applications", {
        "type": "object", "required": ["metadata", "spec"], "properties": {
            "spec": {"type": "object", "required": ["project"], "properties": {
                "project": {"type": "string"}, "source": {"type": "object", "properties": {
                    "helm": {"type": "object", "properties": {
                        "valuesObject": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                        "parameters": {"type": "array", "items": {"type": "object", "properties": {
                            "name": {"type": "string"}, "value": {"type": "string"}}}}}}}}}},
            "status": {"type": "object", "properties": {"health": {"type": "object", "properties": {
                "status": {"type": "string"}}}}}}}, ("app", "apps"))


CERT = {"apiVersion": "cert.example.io/v1", "kind": "Certificate", "metadata": {"name": "web"},
        "spec": {"secretName": "web-tls", "issuerRef": {"name": "ca"}, "privateKey": {"algorithm": "ECDSA"}}}
PROM = {"apiVersion": "monitor.example.io/v1", "kind": "Prometheus", "metadata": {"name": "main"},
        "spec": {"replicas": 2, "option001": {"port": "http", "cpu": "100m", "list": [{"name": "a", "value": "b"}]}}}
APP = {"apiVersion": "argo.example.io/v1", "kind": "Application", "metadata": {"name": "site"},
       "spec": {"project": "x", "source": {"helm": {"valuesObject": {"any": [{"thing": 1}], "n": {}}}}}}


@pytest.fixture(scope="module")
def m():
    with Master("--no-scheduler") as master:
        yield master


@pytest.fixture(params=list(ALL_VERSIONS))
def k(m, request):
    kubectl = Kubectl(m.kubeconfig, request.param)
    kubectl.version = request.param
    yield kubectl
    m.kubectl("delete", "crd", "--all", "--wait=true")


def wait_established(k, *names):
    k.run("wait", "--for=condition=Established", "--timeout=20s", *[f"crd/{n}" for n in names])


def test_kubectl(m, k):
    k.run("apply", "-f", "-", input=json.dumps(certificates()))
    k.run("create", "-f", "-", input=json.dumps(prometheuses()))  # too large for apply's annotation
    k.run("apply", "--server-side", "-f", "-", input=json.dumps(applications()))
    wait_established(k, "certificates.cert.example.io", "prometheuses.monitor.example.io",
                     "applications.argo.example.io")
    for o in (CERT, PROM, APP):
        for _ in range(2):
            k.run("apply", "-f", "-", input=json.dumps(o))
        k.run("apply", "--server-side", "--force-conflicts", "-f", "-", input=json.dumps(o))
    assert json.loads(k.run("get", "app", "site", "-o", "json"))["spec"]["source"]["helm"]["valuesObject"][
        "any"] == [{"thing": 1}]
    out = k.run("get", "certs", "-o", "wide").splitlines()
    assert out[0].split()[:4] == ["NAME", "READY", "SECRET", "ISSUER"] and "web-tls" in out[1]
    assert json.loads(k.run("get", "cert", "web", "-o", "json"))["spec"]["privateKey"]["rotationPolicy"] == "Always"
    assert "web" in k.run("get", "certificates", "--field-selector", "spec.secretName=web-tls", "-o", "name")
    k.run("scale", "prom/main", "--replicas=3")
    assert json.loads(k.run("get", "prom", "main", "-o", "json"))["spec"]["replicas"] == 3
    k.run("label", "cert", "web", "a=b")
    k.run("annotate", "cert", "web", "c=d")
    k.run("patch", "cert", "web", "--type=merge", "-p", '{"spec":{"isCA":true}}')
    k.run("patch", "cert", "web", "--type=json", "-p", '[{"op":"remove","path":"/spec/isCA"}]')
    assert "web-tls" in k.run("describe", "cert", "web")
    assert "rotationPolicy" in k.run("explain", "certificates.spec.privateKey")
    assert "cert" in k.run("api-resources", "--api-group=cert.example.io")
    bad = json.loads(json.dumps(CERT))
    bad["spec"]["nope"] = 1
    assert "nope" in k.fails("create", "-f", "-", input=json.dumps({**bad, "metadata": {"name": "x"}}))
    k.run("delete", "cert", "web")


CHART = {
    "Chart.yaml": "apiVersion: v2\nname: demo\nversion: 1.0.0\n",
    "values.yaml": "secret: one\n",
    "crds/cert.json": json.dumps(certificates()),
    "templates/cert.yaml": """
apiVersion: cert.example.io/v1
kind: Certificate
metadata: {name: {{ .Release.Name }}}
spec: {secretName: {{ .Values.secret }}, issuerRef: {name: ca}}
""",
}


@pytest.mark.parametrize("version", list(ALL_VERSIONS))
def test_helm(m, tmp_path, version):
    helm = Kubectl(m.kubeconfig, version, tool="helm")
    for name, text in CHART.items():
        p = tmp_path / "demo" / name
        p.parent.mkdir(parents=True, exist_ok=True)
        p.write_text(text)
    path = "/apis/cert.example.io/v1/namespaces/default/certificates/r"
    helm.run("install", "r", str(tmp_path / "demo"))
    assert m.api("GET", path)[1]["spec"]["secretName"] == "one"
    helm.run("upgrade", "r", str(tmp_path / "demo"), "--set", "secret=two")
    assert m.api("GET", path)[1]["spec"]["secretName"] == "two"
    helm.run("uninstall", "r")
    assert m.api("GET", path)[0] == 404
    m.kubectl("delete", "crd", "--all", "--wait=true")
    wait_for(lambda: m.api("GET", path)[0] == 404)
