# SPDX-License-Identifier: Apache-2.0
"""Log and exec through the API server to a node API that is a few lines of Python here."""
import socket
import threading

import pytest
from knarr_test import wait_for
from tls_server import TlsServer

PODS = "/api/v1/namespaces/default/pods"


class FakeNode(TlsServer):
    """Answers /containerLogs with two pieces and a pause, and upgrades /exec and /portForward to an echo."""

    def __init__(self, folder):
        self.more = threading.Event()
        self.requests = []
        super().__init__(self.serve, folder, "n1")

    def serve(self, s):
        head = b""
        while b"\r\n\r\n" not in head:
            got = s.recv(4096)
            if not got:
                return
            head += got
        self.requests.append(head.decode())
        if b"/containerLogs/" in head:
            s.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                      b"Transfer-Encoding: chunked\r\n\r\n6\r\nfirst\n\r\n")
            self.more.wait(10)
            s.sendall(b"7\r\nsecond\n\r\n0\r\n\r\n")
        elif b"/exec/" in head or b"/portForward/" in head:
            fields = dict(x.split(": ", 1) for x in head.decode().split("\r\n") if ": " in x)
            fields = {k.lower(): v for k, v in fields.items()}
            chosen = f"Sec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: {fields.get('sec-websocket-protocol')}"
            if fields["upgrade"] != "websocket":
                chosen = f"X-Stream-Protocol-Version: {fields.get('x-stream-protocol-version')}"
            s.sendall(f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: {fields['upgrade']}\r\n"
                      f"Connection: Upgrade\r\n{chosen}\r\n\r\n".encode())
            while True:
                got = s.recv(4096)
                if not got:
                    break
                s.sendall(got.upper())
        else:
            s.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone")
        s.close()


@pytest.fixture(scope="module")
def fake(master, tmp_path_factory):
    f = FakeNode(tmp_path_factory.mktemp("fake"))
    status, got = master.api("POST", "/api/v1/nodes", {"metadata": {"name": "n1"}})
    assert status == 201, got
    got["status"] = {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                     "daemonEndpoints": {"kubeletEndpoint": {"Port": f.port}}}
    assert master.api("PUT", "/api/v1/nodes/n1/status", got)[0] == 200
    status, got = master.api("POST", PODS, {"metadata": {"name": "p"}, "spec": {
        "nodeName": "n1", "containers": [{"name": "one", "image": "x"}]}})
    assert status == 201, got
    status, got = master.api("POST", PODS, {"metadata": {"name": "q"}, "spec": {
        "containers": [{"name": "one", "image": "x"}, {"name": "two", "image": "x"}]}})
    assert status == 201, got
    yield f
    f.close()


def test_log_streams(master, fake):
    c = master.connect()
    c.request("GET", f"{PODS}/p/log?follow=true&tailLines=5")
    r = c.getresponse()
    assert r.status == 200 and r.readline() == b"first\n"
    fake.more.set()
    assert r.read() == b"second\n"
    c.close()
    assert fake.requests[-1].startswith(
        "GET /containerLogs/default/p/one?follow=true&tailLines=5 HTTP/1.1")


def test_log_follow_is_cut_with_the_client(master, fake):
    fake.more.clear()
    c = master.connect()
    c.request("GET", f"{PODS}/p/log?follow=true")
    r = c.getresponse()
    assert r.readline() == b"first\n"
    c.close()
    fake.more.set()
    assert master.api("GET", "/healthz")[0] == 200


def test_log_errors(master, fake):
    status, got = master.api("GET", f"{PODS}/q/log")
    assert status == 400 and got["message"] == (
        "a container name must be specified for pod q, choose one of: [one two]")
    status, got = master.api("GET", f"{PODS}/q/log?container=three")
    assert status == 400 and "container three is not valid for pod q" in got["message"]
    assert master.api("GET", f"{PODS}/q/log?container=two")[0] == 400
    assert master.api("GET", f"{PODS}/none/log")[0] == 404


def test_exec_is_spliced(master, fake):
    raw = socket.create_connection(("127.0.0.1", master.port), timeout=10)
    s = master.ctx.wrap_socket(raw, server_hostname="127.0.0.1")
    s.sendall((f"GET {PODS}/p/exec?command=sh&command=-c%20x&stdin=true&stdout=true&tty=true"
               " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n").encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += s.recv(4096)
    assert head.startswith(b"HTTP/1.1 101")
    assert b"v5.channel.k8s.io" in head
    for text in (b"hello", b"x" * 30000):
        s.sendall(text)
        got = b""
        while len(got) < len(text):
            got += s.recv(65536)
        assert got == text.upper()
    line = fake.requests[-1].splitlines()[0]
    assert line.startswith("GET /exec/default/p/one?")
    for part in ("command=sh", "command=-c%20x", "input=1", "output=1", "tty=1"):
        assert part in line
    s.close()
    assert master.api("GET", "/healthz")[0] == 200


def test_node_away(master, fake):
    _, got = master.api("GET", "/api/v1/nodes/n1")
    got["status"]["daemonEndpoints"]["kubeletEndpoint"]["Port"] = 1
    assert master.api("PUT", "/api/v1/nodes/n1/status", got)[0] == 200
    status, got = wait_for(lambda: master.api("GET", f"{PODS}/p/log"), timeout=30)
    assert status == 500 and "error dialing backend" in got["message"]
