# SPDX-License-Identifier: Apache-2.0
"""Aggregated servers and webhooks that are silent, endless or lie: it costs their own requests only."""
import copy
import http.client
import json
import re
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hook_server import Hooks
from knarr_test import Master, wait_for
from test_aggregation import SERVICES, own_address
from test_crd import establish
from test_webhooks import GROUP as ADMISSION
from test_webhooks import MAPS, RULE
from tls_server import TlsServer, in_base64

GROUP = "hostile.example.com"
ROOT = f"/apis/{GROUP}/v1"
NAME = f"v1.{GROUP}"
FINE = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{GROUP}/v1", "resources": [
    {"name": "traps", "singularName": "trap", "namespaced": False, "kind": "Trap", "verbs": ["get", "list"]}]}
WAIT = 30
GROWTH = 96 << 20


def answer(data, status="200 OK", more=""):
    return (f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{more}"
            f"Content-Length: {len(data)}\r\n\r\n").encode() + data


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class Hostile(TlsServer):
    """What is asked for names what it does. `begun` and `over` count that, `sent` its bytes."""

    def __init__(self, folder):
        self.begun, self.over, self.sent = Counter(), Counter(), Counter()
        self.discovery, self.openapi = answer(json.dumps(FINE).encode()), answer(b"{}")
        super().__init__(self.talk, folder, "hostile", own_address())

    @property
    def url(self):
        return f"https://{self.address}:{self.port}"

    def talk(self, s):
        with s, s.makefile("rb") as f:
            while line := f.readline():
                path, length = line.split()[1].decode(), 0
                while (head := f.readline()).strip():
                    if head.lower().startswith(b"content-length:"):
                        length = int(head.split(b":")[1])
                f.read(length)
                self.do(s, path)

    def do(self, s, path):
        what = path.split("?")[0].split("/")[-1]
        if path.split("?")[0] == ROOT:
            what, data = "discovery", self.discovery
        elif path == "/openapi/v2":
            what, data = "openapi", self.openapi
        else:
            data = getattr(self, what, None)
        self.begun[what] += 1
        try:
            if isinstance(data, bytes):
                self.send(s, what, data)
            else:
                (data or self.fine)(s)
        finally:
            self.over[what] += 1

    def send(self, s, what, data):
        s.sendall(data)
        self.sent[what] += len(data)

    def fine(self, s):
        s.sendall(answer(json.dumps({"kind": "Trap", "apiVersion": f"{GROUP}/v1"}).encode()))

    def silent(self, s):
        s.recv(1)

    def drip(self, s):
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        s.settimeout(0.2)
        while True:
            s.sendall(b" ")
            try:
                if not s.recv(1):
                    return
            except TimeoutError:
                pass

    def headers(self, s):
        s.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            self.send(s, "headers", b"X-More: " + b"a" * 1000 + b"\r\n")

    def interim(self, s):
        while True:
            self.send(s, "interim", b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n" * 100)

    def body(self, s, what="body", data=b"[" * 16384):
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            self.send(s, what, chunk(data))

    def events(self, s):
        line = json.dumps({"type": "ADDED", "object": {"kind": "Trap", "metadata": {"name": "a" * 200}}})
        self.body(s, "events", f"{line}\n".encode() * 50)

    def cut(self, s):
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
        s.unwrap()
        s.close()

    redirect = answer(b"", "302 Found", "Location: https://127.0.0.1:1/elsewhere\r\n")
    switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    garbage = b"\x16\x03\x01" * 100


def rss(m):
    """0 under AddressSanitizer, which keeps what was freed for a while."""
    if "libasan" in Path(f"/proc/{m.proc.pid}/maps").read_text():
        return 0
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{m.proc.pid}/status").read_text())[1]) << 10


def others(m):
    """What has nothing to do with it goes on."""
    assert m.api("GET", MAPS)[0] == 200
    assert m.api("GET", "/apis/apps/v1/deployments")[0] == 200
    status, got = m.api("POST", MAPS, {"metadata": {"generateName": "other-"}})
    assert status == 201, got
    assert m.api("GET", f"{ROOT}/fine")[0] == 200


def register(m, available="True"):
    """Anew, so that the condition says what came of this look."""
    m.api("DELETE", f"{SERVICES}/{NAME}")
    status, got = m.api("POST", SERVICES, {"metadata": {"name": NAME}, "spec": {
        "group": GROUP, "version": "v1", "groupPriorityMinimum": 2000, "versionPriority": 200,
        "insecureSkipTLSVerify": True, "service": {"namespace": "default", "name": "hostile"}}})
    assert status == 201, got

    def told():
        status = m.api("GET", f"{SERVICES}/{NAME}")[1].get("status", {})
        return [c["status"] for c in status.get("conditions", []) if c["type"] == "Available"] == [available]
    wait_for(told, WAIT)


@pytest.fixture(scope="module")
def m():
    with Master("--no-scheduler") as master:
        yield master


@pytest.fixture(scope="module")
def hostile(m, tmp_path_factory):
    h = Hostile(str(tmp_path_factory.mktemp("hostile")))
    m.api("POST", "/api/v1/namespaces/default/services", {
        "metadata": {"name": "hostile"}, "spec": {"ports": [{"port": 443}]}})
    m.api("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
        "metadata": {"name": "hostile-1", "labels": {"kubernetes.io/service-name": "hostile"}},
        "addressType": "IPv4", "endpoints": [{"addresses": [h.address]}],
        "ports": [{"port": h.port, "protocol": "TCP"}]})
    register(m)
    yield h
    h.close()


def ask(m, path):
    """A client that reads nothing."""
    c = m.connect()
    c.request("GET", f"{ROOT}/{path}")
    return c


@pytest.mark.parametrize("what", ["silent", "drip"])
def test_no_end_of_it(m, hostile, what):
    """Many wait for it; when they have gone, so has what was asked for them."""
    before, n = rss(m), hostile.begun[what]
    clients = [ask(m, what) for _ in range(12)]
    wait_for(lambda: hostile.begun[what] == n + 12, WAIT)
    others(m)
    assert hostile.over[what] < n + 12
    for c in clients:
        c.close()
    wait_for(lambda: hostile.over[what] == n + 12, WAIT)
    assert rss(m) - before < GROWTH


@pytest.mark.parametrize("what", ["body", "events"])
def test_slow_client(m, hostile, what):
    """What one client does not take is not kept for it, however much there is."""
    before, last = rss(m), [-1]
    c = ask(m, what)

    def stands_still():
        was, last[0] = last[0], hostile.sent[what]
        return last[0] > 0 and was == last[0]
    wait_for(stands_still, WAIT, 0.3)
    assert hostile.over[what] == 0
    assert rss(m) - before < GROWTH
    others(m)
    c.close()
    wait_for(lambda: hostile.over[what], WAIT)
    # Who takes it gets it as long as he likes.
    c = ask(m, what)
    r = c.getresponse()
    assert r.status == 200 and len(r.read(20 << 20)) == 20 << 20
    c.close()
    assert rss(m) - before < GROWTH
    wait_for(lambda: hostile.over[what] == 2, WAIT)


@pytest.mark.parametrize("what, code", [("headers", 503), ("interim", 503), ("garbage", 503), ("switch", 503), ("redirect", 502)])
def test_no_answer(m, hostile, what, code):
    status, got = m.api("GET", f"{ROOT}/{what}")
    assert (status, got["kind"], got["code"]) == (code, "Status", code), got
    if what in ("garbage", "switch", "redirect"):
        status, got = m.api("GET", f"{ROOT}/{what}", headers={"Connection": "Upgrade", "Upgrade": "other/1"})
        assert what == "switch" or status == code, (status, got)
    others(m)


def test_cut(m, hostile):
    """The client is told that this was not all."""
    c = ask(m, "cut")
    with pytest.raises((OSError, http.client.HTTPException)):
        c.getresponse().read()
    c.close()
    others(m)


def listed(m):
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    return m.api("GET", "/apis", headers={"Accept": accept})[1]["items"]


def check_discovery(items):
    """As a typed client reads it."""
    assert {"apps", "batch", GROUP} <= {g["metadata"]["name"] for g in items}
    for version in (v for g in items for v in g["versions"]):
        for res in version["resources"]:
            assert isinstance(res["resource"], str) and isinstance(res["singularResource"], str)
            for one in [res, *res.get("subresources", [])]:
                assert all(isinstance(v, str) for v in one.get("verbs", []) + one.get("shortNames", []))
                assert one["responseKind"]["kind"] is None or isinstance(one["responseKind"]["kind"], str)


def resources(*entries):
    return json.dumps(dict(FINE, resources=entries)).encode()


@pytest.mark.parametrize("doc, understood", [
    (b"", 0), (b"{", 0), (b"[]", 0), (b"null", 0), (b"[" * 100000, 0), (b"<html>", 0), (b'{"resources":5}', 0),
    (resources({"name": 5}), 0), (resources({"name": "x", "verbs": 5}), 0), (resources(7), 0),
    (resources({"name": "x", "verbs": [{}]}), 0), (resources({"name": "x", "shortNames": {"a": 1}}), 0),
    (resources({"name": "x", "kind": ["X"]}), 0), (resources({"name": "x", "verbs": None}), 1),
    (resources(*({"name": f"x{i}", "verbs": []} for i in range(8000)),
               *({"name": f"x{i}/status", "verbs": []} for i in range(8000))), 8000)],
    ids=lambda x: str(x)[:24])
def test_discovery(m, hostile, doc, understood):
    hostile.discovery = answer(doc)
    register(m)
    items = listed(m)
    check_discovery(items)
    mine = next(g for g in items if g["metadata"]["name"] == GROUP)["versions"][0]
    assert len(mine["resources"]) == understood
    assert mine["freshness"] == ("Current" if understood else "Stale")
    others(m)


def test_discovery_without_end(m, hostile):
    hostile.discovery = hostile.body
    before = rss(m)
    register(m, "False")
    check_discovery(listed(m))
    assert rss(m) - before < GROWTH
    hostile.discovery = answer(json.dumps(FINE).encode())
    register(m)
    assert m.kubectl("api-resources", "--api-group", GROUP).stdout.count("Trap") == 1
    others(m)


def test_openapi(m, hostile):
    before = rss(m)
    bad = [b"", b"[]", b"[" * 100000, b'{"definitions":5,"paths":[]}',
           b'{"definitions":{"com.hostile.A":7,"com.hostile.B":{}},"paths":{"%s/x":[]}}' % ROOT.encode()]
    for i, doc in enumerate([*map(answer, bad), hostile.body]):
        # Another list, or nobody would be asked again.
        hostile.discovery = answer(resources({"name": f"x{i}", "verbs": ["get"]}))
        hostile.openapi, n = doc, hostile.begun["openapi"]
        register(m)
        status, got = m.api("GET", "/openapi/v2")
        assert status == 200 and hostile.begun["openapi"] == n + 1
        assert "io.k8s.api.core.v1.Pod" in got["definitions"] and "com.hostile.A" not in got["definitions"]
        assert all(isinstance(x, dict) for part in ("definitions", "paths") for x in got[part].values())
        others(m)
    assert rss(m) - before < GROWTH


def test_webhooks(m, hostile):
    """All at once; each fails for those who must ask it."""
    before = rss(m)
    acts = ["silent", "drip", "headers", "interim", "body", "cut", "redirect", "switch", "garbage"]
    for act in acts:
        status, got = m.api("POST", f"{ADMISSION}/validatingwebhookconfigurations", {
            "metadata": {"name": act}, "webhooks": [{
                "name": f"{act}.example.com", "rules": [RULE], "sideEffects": "None", "timeoutSeconds": 1,
                "admissionReviewVersions": ["v1"], "objectSelector": {"matchLabels": {"act": act}},
                "clientConfig": {"url": f"{hostile.url}/{act}", "caBundle": in_base64(hostile.cert)}}]})
        assert status == 201, got

    def make(act):
        return m.api("POST", MAPS, {"metadata": {"name": f"asks-{act}", "labels": {"act": act}}})
    begun = dict(hostile.begun)
    with ThreadPoolExecutor(len(acts)) as pool:
        made = [pool.submit(make, act) for act in acts]
        others(m)
        for act, done in zip(acts, made):
            status, got = done.result()
            assert status == 500 and f'failed calling webhook "{act}.example.com"' in got["message"], (act, got)
            assert hostile.begun[act] > begun.get(act, 0), act
    assert rss(m) - before < GROWTH
    for act in acts:
        m.api("DELETE", f"{ADMISSION}/validatingwebhookconfigurations/{act}")
    others(m)


LIES = {
    "fewer": lambda got: got[1:],
    "more": lambda got: got + got,
    "name": lambda got: [dict(o, metadata=dict(o["metadata"], name="other")) for o in got],
    "uid": lambda got: [dict(o, metadata=dict(o["metadata"], uid="stolen")) for o in got],
    "version": lambda got: [dict(o, apiVersion="v1") for o in got],
    "kind": lambda got: [dict(o, kind="Secret") for o in got],
    "no metadata": lambda got: [{"apiVersion": o["apiVersion"], "kind": o["kind"]} for o in got],
    "no objects": lambda got: [5 for o in got],
    "huge": lambda got: [dict(o, spec={"a": "x" * (5 << 20)}) for o in got],
    "deep": lambda got: [dict(o, spec=deep(900)) for o in got],
}


def deep(n):
    x = {}
    for _ in range(n):
        x = {"a": x}
    return x


def test_conversion(m, hostile, tmp_path):
    hooks, lie, before = Hooks(str(tmp_path)), [list], rss(m)

    def convert(req):
        out = copy.deepcopy(req["objects"])
        for o in out:
            o["apiVersion"] = req["desiredAPIVersion"]
        return {"convertedObjects": lie[0](out), "result": {"status": "Success"}}
    hooks.answers["/convert"] = convert
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    establish(m, {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "liars.lie.example.com"},
        "spec": {"group": "lie.example.com", "scope": "Cluster", "names": {"plural": "liars", "kind": "Liar"},
                 "conversion": {"strategy": "Webhook", "webhook": {
                     "conversionReviewVersions": ["v1"],
                     "clientConfig": {"url": hooks.url + "/convert", "caBundle": hooks.ca}}},
                 "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema},
                              {"name": "v2", "served": True, "storage": False, "schema": schema}]}})
    v1, v2 = (f"/apis/lie.example.com/{v}/liars" for v in ("v1", "v2"))
    for name, how in LIES.items():
        status, made = m.api("POST", v1, {"apiVersion": "lie.example.com/v1", "kind": "Liar", "metadata": {"name": "a"}})
        assert status == 201, made
        lie[0] = how
        for path in (f"{v2}/a", v2):
            status, got = m.api("GET", path)
            assert status == 500 and got["kind"] == "Status", (name, path, status, got)
        assert m.api("GET", f"{v1}/a") == (200, made)
        others(m)
        lie[0] = list
        assert m.api("GET", f"{v2}/a")[1]["metadata"] == made["metadata"]
        m.api("DELETE", f"{v1}/a")
    assert rss(m) - before < 2 * GROWTH
    hooks.close()


def test_still_well(m, hostile):
    assert threading.active_count() < 60  # of this server; each connection the master left has ended
    others(m)
