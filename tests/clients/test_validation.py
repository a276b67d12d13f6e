# SPDX-License-Identifier: Apache-2.0
"""Mistakes in objects, as the answer tells them: 422, one cause each, Kubernetes' own words."""
import base64

NS = "/api/v1/namespaces/default"
APPS = "/apis/apps/v1/namespaces/default"
MERGE = {"Content-Type": "application/merge-patch+json"}


def deployment(name, **spec):
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"selector": {"matchLabels": {"a": name}},
                     "template": {"metadata": {"labels": {"a": name}},
                                  "spec": {"containers": [{"name": "c", "image": "x"}]}}, **spec}}


def refused(answer, kind, group, name, *causes):
    """Checks the Status; causes are (field, reason, message)."""
    status, got = answer
    assert status == 422, got
    assert got["reason"] == "Invalid" and got["code"] == 422
    assert got["details"]["kind"] == kind and got["details"]["name"] == name
    assert got["details"].get("group", "") == group
    assert [(c["field"], c["reason"], c["message"]) for c in got["details"]["causes"]] == list(causes)
    said = [f"{field}: {message}" for field, _, message in causes]
    text = said[0] if len(said) == 1 else "[" + ", ".join(said) + "]"
    who = f"{kind}.{group}" if group else kind
    assert got["message"] == f'{who} "{name}" is invalid: {text}'


def test_one_and_many(master):
    negative = ("spec.replicas", "FieldValueInvalid",
                "Invalid value: -1: must be greater than or equal to 0")
    unlike = ("spec.template.metadata.labels", "FieldValueInvalid",
              'Invalid value: {"a":"bad"}: `selector` does not match template `labels`')
    refused(master.api("POST", f"{APPS}/deployments", deployment("bad", replicas=-1)),
            "Deployment", "apps", "bad", negative)
    refused(master.api("POST", f"{APPS}/deployments",
                       deployment("bad", replicas=-1, selector={"matchLabels": {"a": "b"}})),
            "Deployment", "apps", "bad", negative, unlike)
    assert master.api("GET", f"{APPS}/deployments/bad")[0] == 404


def test_updates(master):
    assert master.api("POST", f"{APPS}/deployments", deployment("good"))[0] == 201
    refused(master.api("PATCH", f"{APPS}/deployments/good",
                       {"spec": {"selector": {"matchLabels": {"b": "c"}},
                                 "template": {"metadata": {"labels": {"b": "c"}}}}}, headers=MERGE),
            "Deployment", "apps", "good",
            ("spec.selector", "FieldValueInvalid",
             'Invalid value: {"matchLabels":{"a":"good","b":"c"}}: field is immutable'))
    pod = {"metadata": {"name": "fixed"}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    assert master.api("POST", f"{NS}/pods", pod)[0] == 201
    status, got = master.api("PATCH", f"{NS}/pods/fixed", {"spec": {"hostname": "h"}}, headers=MERGE)
    assert status == 422
    assert got["details"]["causes"][0]["message"].startswith(
        "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,")
    assert got["details"]["causes"][0]["message"].endswith('+ spec.hostname: "h"\n')
    image = {"spec": {"containers": [{"name": "c", "image": "y"}]}}
    assert master.api("PATCH", f"{NS}/pods/fixed", image, headers={
        "Content-Type": "application/strategic-merge-patch+json"})[0] == 200


def test_immutable_configmap(master):
    cm = {"metadata": {"name": "stone"}, "data": {"k": "v"}, "immutable": True}
    assert master.api("POST", f"{NS}/configmaps", cm)[0] == 201
    refused(master.api("PATCH", f"{NS}/configmaps/stone", {"data": {"k": "w"}}, headers=MERGE),
            "ConfigMap", "", "stone",
            ("data", "FieldValueForbidden", "Forbidden: field is immutable when `immutable` is set"))
    assert master.api("PATCH", f"{NS}/configmaps/stone", {"metadata": {"labels": {"a": "b"}}},
                      headers=MERGE)[0] == 200


def test_service_changes_type(master):
    svc = {"metadata": {"name": "s"},
           "spec": {"type": "NodePort", "selector": {"a": "b"}, "ports": [{"port": 80}]}}
    status, made = master.api("POST", f"{NS}/services", svc)
    assert status == 201, made
    assert made["spec"]["ports"][0]["nodePort"] and made["spec"]["externalTrafficPolicy"] == "Cluster"

    def to(**spec):
        status, got = master.api("PATCH", f"{NS}/services/s", {"spec": spec}, headers=MERGE)
        assert status == 200, got
        return got["spec"]
    now = to(type="ClusterIP")
    assert "nodePort" not in now["ports"][0] and "externalTrafficPolicy" not in now
    assert now["clusterIP"] == made["spec"]["clusterIP"]
    refused(master.api("PATCH", f"{NS}/services/s", {"spec": {"clusterIP": "10.96.77.77"}},
                       headers=MERGE), "Service", "", "s",
            ("spec.clusterIPs[0]", "FieldValueInvalid",
             'Invalid value: ["10.96.77.77"]: may not change once set'))
    now = to(type="ExternalName", externalName="example.com")
    assert "clusterIP" not in now and "clusterIPs" not in now and "ipFamilies" not in now
    now = to(type="ClusterIP", externalName=None)
    assert now["clusterIP"].startswith("10.96.") and now["clusterIPs"] == [now["clusterIP"]]
    bare = {"metadata": {"name": "s"}, "spec": {"selector": {"a": "b"}, "ports": [{"port": 81}]}}
    status, put = master.api("PUT", f"{NS}/services/s", bare)
    assert status == 200 and put["spec"]["clusterIP"] == now["clusterIP"]


def test_certificate_request(master):
    def csr(pem):
        return master.api("POST", "/apis/certificates.k8s.io/v1/certificatesigningrequests", {
            "metadata": {"name": "r"},
            "spec": {"request": base64.b64encode(pem).decode(), "usages": ["client auth"],
                     "signerName": "kubernetes.io/kube-apiserver-client"}})
    refused(csr(b"x"), "CertificateSigningRequest", "certificates.k8s.io", "r",
            ("spec.request", "FieldValueInvalid",
             'Invalid value: "eA==": PEM block type must be CERTIFICATE REQUEST'))
    mark = b"-----%s CERTIFICATE REQUEST-----\n"
    status, got = csr(mark % b"BEGIN" + b"AAAA\n" + mark % b"END")
    assert status == 422 and got["details"]["causes"][0]["field"] == "spec.request"
    assert "no certificate request in PEM form" in got["message"]
