# SPDX-License-Identifier: Apache-2.0
"""Aggregated API servers: another program serves a group, clients find it here."""
import http.client
import json
import socket

import pytest
from knarr_test import VERSIONS, Master, wait_for
from tls_server import Handler, HttpsServer

GROUP = "wardle.example.com"
SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"
FLUNDERS = f"/apis/{GROUP}/v1/namespaces/default/flunders"
RESOURCES = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{GROUP}/v1", "resources": [
    {"name": "flunders", "singularName": "flunder", "namespaced": True, "kind": "Flunder",
     "verbs": ["create", "get", "list", "watch", "delete"], "shortNames": ["fl"]},
    {"name": "flunders/status", "singularName": "", "namespaced": True, "kind": "Flunder", "verbs": ["get"]}]}

V2 = {"swagger": "2.0", "info": {"title": "Wardle", "version": "v1"}, "paths": {
    f"/apis/{GROUP}/v1/flunders": {"get": {"operationId": "listFlunder", "responses": {"200": {
        "description": "OK", "schema": {"$ref": "#/definitions/com.example.wardle.v1.Flunder"}}}}},
    "/apis/apps/v1/deployments": {"get": {"operationId": "notOurs", "responses": {}}}},
      "definitions": {
          "com.example.wardle.v1.Flunder": {
              "type": "object", "description": "A flunder, whatever that is.",
              "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"},
                             "spec": {"type": "object", "properties": {"reference": {"type": "string"}}},
                             "metadata": {"$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}},
              "x-kubernetes-group-version-kind": [{"group": GROUP, "version": "v1", "kind": "Flunder"}]},
          "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": {"type": "object", "description": "not ours"}}}


def own_address():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        s.connect(("198.18.0.1", 9))
        return s.getsockname()[0]
    except OSError:
        pytest.skip("this machine has no address but loopback")
    finally:
        s.close()


class Wardle(HttpsServer):
    """Serves flunders; believes X-Remote-* only from who shows the front-proxy certificate."""

    def __init__(self, folder, ca):
        self.seen, self.objects, wardle = [], {}, self

        class Flunders(Handler):
            def who(self):
                names = dict(x[0] for x in self.connection.getpeercert()["subject"])
                assert names["commonName"] == "front-proxy-client"
                wardle.seen.append((self.command, self.path, self.headers))

            def do_GET(self):
                self.who()
                path = self.path.split("?")[0]
                if path == f"/apis/{GROUP}/v1":
                    self.answer(RESOURCES)
                elif path == "/openapi/v2":
                    self.answer(V2)
                elif "watch=" in self.path and path == FLUNDERS:
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    line = json.dumps({"type": "ADDED", "object": wardle.objects["a"]}).encode() + b"\n"
                    self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(line), line))
                elif path == FLUNDERS:
                    self.answer({"kind": "FlunderList", "apiVersion": f"{GROUP}/v1",
                                 "metadata": {}, "items": list(wardle.objects.values())})
                elif path.startswith(FLUNDERS) and path.split("/")[-1] in wardle.objects:
                    self.answer(wardle.objects[path.split("/")[-1]])
                else:
                    self.answer({"kind": "Status", "apiVersion": "v1", "status": "Failure",
                                 "reason": "NotFound", "code": 404, "message": "no such flunder"}, 404)

            def do_POST(self):
                self.who()
                obj = json.loads(self.body())
                wardle.objects[obj["metadata"]["name"]] = obj
                self.answer(obj, 201)

        super().__init__(Flunders, folder, "wardle", own_address(), "DNS:wardle.default.svc", client_ca=ca)


def condition(m, name=f"v1.{GROUP}"):
    got = m.api("GET", f"{SERVICES}/{name}")[1]
    return next(({k: c[k] for k in ("status", "reason")} for c in got.get("status", {}).get("conditions", [])
                 if c["type"] == "Available"), None)


@pytest.fixture(scope="module")
def m():
    with Master("--no-scheduler", "--no-controllers") as master:
        yield master


@pytest.fixture(scope="module")
def wardle(m, tmp_path_factory):
    auth = m.api("GET", "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication")[1]
    w = Wardle(str(tmp_path_factory.mktemp("wardle")), auth["data"]["requestheader-client-ca-file"])
    status, got = m.api("POST", SERVICES, {"metadata": {"name": f"v1.{GROUP}"}, "spec": {
        "group": GROUP, "version": "v1", "groupPriorityMinimum": 2000, "versionPriority": 200,
        "caBundle": w.ca, "service": {"namespace": "default", "name": "wardle"}}})
    assert status == 201, got
    wait_for(lambda: condition(m) == {"status": "False", "reason": "ServiceNotFound"})
    m.api("POST", "/api/v1/namespaces/default/services", {
        "metadata": {"name": "wardle"}, "spec": {"ports": [{"port": 443}]}})
    wait_for(lambda: condition(m) == {"status": "False", "reason": "EndpointsNotFound"})
    status, got = m.api("GET", FLUNDERS)
    assert status == 503 and got["reason"] == "ServiceUnavailable", got
    m.api("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
        "metadata": {"name": "wardle-1", "labels": {"kubernetes.io/service-name": "wardle"}},
        "addressType": "IPv4", "endpoints": [{"addresses": [w.address]}],
        "ports": [{"port": w.port, "protocol": "TCP"}]})
    wait_for(lambda: condition(m) == {"status": "True", "reason": "Passed"})
    yield w
    w.close()


def test_requests(m, wardle):
    flunder = {"apiVersion": f"{GROUP}/v1", "kind": "Flunder", "metadata": {"name": "a", "namespace": "default"}}
    assert m.api("POST", FLUNDERS, flunder) == (201, flunder)
    method, path, headers = wardle.seen[-1]
    assert (method, path) == ("POST", FLUNDERS)
    assert headers["X-Remote-User"] == "kubernetes-admin"
    assert "system:masters" in headers.get_all("X-Remote-Group")
    assert headers["Authorization"] is None
    assert m.api("GET", f"{FLUNDERS}/a?x=y")[0] == 200
    assert wardle.seen[-1][1].endswith("/a?x=y")
    assert m.api("GET", f"{FLUNDERS}/none")[1]["message"] == "no such flunder"
    assert m.watch(FLUNDERS)[0]["object"] == flunder
    # Nobody says himself who he is.
    m.api("GET", FLUNDERS, headers={"X-Remote-User": "root", "X-Remote-Group": "wheel"})
    assert wardle.seen[-1][2].get_all("X-Remote-User") == ["kubernetes-admin"]
    assert "wheel" not in wardle.seen[-1][2].get_all("X-Remote-Group")
    m.api("GET", FLUNDERS, headers={"Impersonate-User": "jane", "Impersonate-Group": "system:masters"})
    assert wardle.seen[-1][2]["X-Remote-User"] == "jane"
    # Who may not is not passed on.
    n = len(wardle.seen)
    assert m.api("GET", FLUNDERS, headers={"Impersonate-User": "jane"})[0] == 403
    assert len(wardle.seen) == n


def test_user_in_many_groups(m, wardle, monkeypatch):
    """As a company's directory gives them."""
    monkeypatch.setattr(http.client, "_MAXHEADERS", 1000)
    groups = [f"team-{i}" for i in range(250)]
    c = m.connect()
    c.connect()
    with c.sock as s:
        head = "".join(f"Impersonate-Group: {g}\r\n" for g in [*groups, "system:masters"])
        s.sendall(f"GET {FLUNDERS} HTTP/1.1\r\nHost: x\r\nImpersonate-User: jane\r\n{head}"
                  "Connection: close\r\n\r\n".encode())
        assert s.recv(4096).startswith(b"HTTP/1.1 200 ")
    assert set(groups) <= set(wardle.seen[-1][2].get_all("X-Remote-Group"))


@pytest.mark.parametrize("version", list(VERSIONS))
def test_kubectl(m, wardle, version):
    wardle.objects["a"] = {"apiVersion": f"{GROUP}/v1", "kind": "Flunder",
                           "metadata": {"name": "a", "namespace": "default"}}
    out = m.kubectl("api-resources", "--api-group", GROUP, version=version).stdout
    assert "flunders" in out and "fl" in out
    assert f"{GROUP}/v1" in m.kubectl("api-versions", version=version).stdout
    assert "flunder.wardle.example.com/a" in m.kubectl("get", "fl", "-o", "name", version=version).stdout
    out = m.kubectl("get", "apiservices", f"v1.{GROUP}", version=version).stdout
    assert "default/wardle" in out and "True" in out
    out = m.kubectl("get", "apiservices", "v1.apps", version=version).stdout
    assert "Local" in out and "True" in out


def test_group_document(m, wardle):
    assert m.api("GET", f"/apis/{GROUP}")[1]["preferredVersion"]["version"] == "v1"
    assert m.api("GET", f"/apis/{GROUP}/v1")[1] == RESOURCES
    assert GROUP in [g["name"] for g in m.api("GET", "/apis")[1]["groups"]]
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    items = m.api("GET", "/apis", headers={"Accept": accept})[1]["items"]
    mine = next(i for i in items if i["metadata"]["name"] == GROUP)["versions"][0]
    assert mine["resources"][0]["subresources"][0]["subresource"] == "status"
    assert f"apis/{GROUP}/v1" in m.api("GET", "/openapi/v3")[1]["paths"]


def test_openapi_v2(m, wardle):
    """Paths of its own group and definitions that are its own stand in the one document."""
    _, head, data = m.raw("GET", "/openapi/v2")
    doc, etag = json.loads(data), head["etag"]
    assert f"/apis/{GROUP}/v1/flunders" in doc["paths"]
    assert doc["paths"]["/apis/apps/v1/deployments"]["get"]["operationId"] == "listAppsV1DeploymentForAllNamespaces"
    assert doc["definitions"]["com.example.wardle.v1.Flunder"]["description"] == "A flunder, whatever that is."
    assert doc["definitions"]["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"]["description"] != "not ours"
    assert doc["info"]["title"] == "Kubernetes"
    asked = [h for _, path, h in wardle.seen if path == "/openapi/v2"]
    assert asked[0]["X-Remote-User"] == "system:aggregator"
    # what clients have, they are told so
    status, _, data = m.raw("GET", "/openapi/v2", headers={"If-None-Match": etag})
    assert (status, data) == (304, b"")
    pb = {"Accept": "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"}
    status, head, data = m.raw("GET", "/openapi/v2", headers={"If-None-Match": etag, **pb})
    assert status == 200 and b"com.example.wardle.v1.Flunder" in data and data[:5] == b"\x0a\x032.0"
    n = len(asked)
    assert m.raw("GET", "/openapi/v2")[0] == 200
    assert len([1 for _, path, _ in wardle.seen if path == "/openapi/v2"]) <= n + 1  # the other form's
    out = m.kubectl("explain", "flunders.spec", version="1.24").stdout
    assert "reference" in out


def test_zz_gone(m, wardle):
    wardle.close()
    m.api("PATCH", f"{SERVICES}/v1.{GROUP}", {"spec": {"versionPriority": 100}}, "application/merge-patch+json")
    wait_for(lambda: condition(m) == {"status": "False", "reason": "FailedDiscoveryCheck"}, 15)
    assert m.api("GET", FLUNDERS)[0] == 503
    assert m.api("GET", "/apis/apps/v1/deployments")[0] == 200
    m.api("DELETE", f"{SERVICES}/v1.{GROUP}")
    assert m.api("GET", FLUNDERS)[0] == 404
    assert GROUP not in [g["name"] for g in m.api("GET", "/apis")[1]["groups"]]
