# SPDX-License-Identifier: Apache-2.0
"""Proxying to pods, services and nodes: names, links, redirects, upgrades and refusals."""
import http.client
import http.server
import socket
import threading

import pytest
from test_node_proxy import FakeNode
from test_operations import own_address

PODS = "/api/v1/namespaces/default/pods"
PAGE = b"""<html><body><!-- <a href="/no"> -->
<a href="/yes">a</a> <A HREF='/two'>b</A> <img src=/three.png> <a href="rel">c</a>
<a href="http://other.example/x">d</a> <p title="/not">e</p></body></html>"""


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    cut = threading.Event()

    def hostile(self):
        """Answers that never end, break off, lie or make no sense."""
        what = self.path.rsplit("/", 1)[1]
        if what == "endless":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
            try:
                while True:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                Site.cut.set()
        elif what == "short":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
        elif what == "garbage":
            self.wfile.write(b"\x00\x01\x02 not HTTP at all\r\n\r\n")
        elif what == "headers":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n" + b"".join(
                b"X-%d: %s\r\n" % (i, b"y" * 900) for i in range(500)) + b"\r\n")
        elif what == "html":  # longer than what is rewritten, and never closed properly
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" +
                             b'<a href="/x' * 500000)
        self.close_connection = True

    def do_GET(self):
        if self.path.startswith("/hostile/"):
            self.hostile()
            return
        if self.path.startswith("/ws"):
            self.connection.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                b"Upgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n")
            while True:
                got = self.connection.recv(4096)
                if not got:
                    break
                self.connection.sendall(got.upper())
            self.close_connection = True
            return
        self.send_response(302 if self.path == "/moved" else 200)
        body = PAGE if self.path == "/page" else str(dict(self.headers)).encode()
        if self.path == "/moved":
            self.send_header("Location", "/there?x=1")
        if self.path == "/big":
            body = b"x" * 3000000
        self.send_header("Content-Type", "text/html" if body == PAGE else "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def site(master, tmp_path_factory):
    s = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Site)
    threading.Thread(target=s.serve_forever, daemon=True).start()
    for name, ip in (("web", own_address()), ("inner", "127.0.0.1")):
        obj = {"metadata": {"name": name}, "spec": {"containers": [
            {"name": "c", "image": "x", "ports": [{"containerPort": s.server_address[1]}]}]}}
        status, got = master.api("POST", PODS, obj)
        assert status == 201, got
        got["status"].update(podIP=ip, podIPs=[{"ip": ip}], phase="Running")
        assert master.api("PUT", f"{PODS}/{name}/status", got)[0] == 200
    node = FakeNode(tmp_path_factory.mktemp("n"))
    node.more.set()
    got = master.api("POST", "/api/v1/nodes", {"metadata": {"name": "n1"}})[1]
    got["status"] = {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                     "daemonEndpoints": {"kubeletEndpoint": {"Port": node.port}}}
    assert master.api("PUT", "/api/v1/nodes/n1/status", got)[0] == 200
    yield s.server_address[1]
    s.shutdown()
    s.server_close()
    node.close()


def test_names(master, site):
    for name in ("web", f"web:{site}", f"http:web:{site}"):
        status, _, body = master.raw("GET", f"{PODS}/{name}/proxy/x")
        assert status == 200 and b"x-forwarded-uri" in body, body
    assert master.api("GET", f"{PODS}/ftp:web:1/proxy/")[0] == 400
    status, got = master.api("GET", f"{PODS}/none/proxy/")
    assert status == 404 and got["message"] == 'pods "none" not found'
    status, got = master.api("GET", f"{PODS}/web:1/proxy/")
    assert status == 503 and got["message"].startswith("error trying to reach service: ")


def test_credentials_stay(master, site):
    _, _, body = master.raw("GET", f"{PODS}/web/proxy/x", headers={
        "X-Mine": "1", "Impersonate-User": "admin2", "Impersonate-Group": "system:masters"})
    assert b"x-mine" in body
    assert b"mpersonate" not in body and b"uthorization" not in body


def test_loopback_is_refused(master, site):
    status, got = master.api("GET", f"{PODS}/inner/proxy/")
    assert status == 400 and got["message"] == "address not allowed"


def test_a_name_is_no_request(master, site):
    """What is put into the node's path, or into an address, cannot begin another request there."""
    for port in (f"{site}%0d%0aX-Evil: 1%0d%0a%0d%0aGET ", f"{site}%20HTTP", f"{site}@127.0.0.1"):
        status, _, body = master.raw("GET", f"{PODS}/web:{port.replace(' ', '%20')}/proxy/x")
        assert status >= 400, (status, body)


def test_pod_without_address(master, site):
    obj = {"metadata": {"name": "new"}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    assert master.api("POST", PODS, obj)[0] == 201
    status, got = master.api("GET", f"{PODS}/new/proxy/")
    assert status == 400 and got["message"] == "address not allowed"
    assert master.api("GET", f"{PODS}/new:80/proxy/")[0] == 400


def test_redirect_to_slash(master, site):
    status, headers, _ = master.raw("GET", f"{PODS}/web/proxy?a=b")
    assert status == 301 and headers["Location"] == f"{PODS}/web/proxy/?a=b"


def test_links(master, site):
    base = f"{PODS}/web/proxy"
    _, _, body = master.raw("GET", f"{base}/page")
    for text in (f'<a href="{base}/yes">', f"HREF='{base}/two'", f"<img src={base}/three.png>",
                 '<a href="rel">', "http://other.example/x", 'title="/not"', '<a href="/no"> -->'):
        assert text in body.decode(), body
    status, headers, _ = master.raw("GET", f"{base}/moved")
    assert status == 302 and headers["Location"] == f"{base}/there?x=1"


def test_big_body(master, site):
    status, _, body = master.raw("GET", f"{PODS}/web/proxy/big")
    assert status == 200 and len(body) == 3000000


def test_hostile_backends(master, site):
    base = f"{PODS}/web/proxy/hostile"
    c = master.connect()
    c.request("GET", f"{base}/endless")
    r = c.getresponse()
    assert r.read(100000)
    c.close()
    assert Site.cut.wait(10), "the backend goes on although its client is gone"
    for what in ("garbage", "headers"):
        status, got = master.api("GET", f"{base}/{what}")
        assert status == 503 and "error trying to reach service" in got["message"], got
    with pytest.raises((http.client.HTTPException, OSError)):
        master.raw("GET", f"{base}/short")
    assert master.raw("GET", f"{base}/html")[2].count(b"href") == 500000
    assert master.api("GET", "/healthz")[0] == 200


def test_upgrade(master, site):
    raw = socket.create_connection(("127.0.0.1", master.port), timeout=10)
    with master.ctx.wrap_socket(raw, server_hostname="127.0.0.1") as s:
        s.sendall((f"GET {PODS}/web/proxy/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Key: x\r\n"
                   "Sec-WebSocket-Version: 13\r\n\r\n").encode())
        head = s.recv(4096)
        assert head.startswith(b"HTTP/1.1 101"), head
        s.sendall(b"hello")
        assert s.recv(100) == b"HELLO"
    assert master.api("GET", "/healthz")[0] == 200


def test_node(master, site):
    status, _, body = master.raw("GET", "/api/v1/nodes/n1/proxy/containerLogs/x")
    assert status == 200 and body == b"first\nsecond\n"
    assert master.api("GET", "/api/v1/nodes/none/proxy/x")[0] == 404


def test_service_without_endpoints(master, site):
    obj = {"metadata": {"name": "lone"}, "spec": {"ports": [{"port": 80}]}}
    assert master.api("POST", "/api/v1/namespaces/default/services", obj)[0] == 201
    status, got = master.api("GET", "/api/v1/namespaces/default/services/lone/proxy/")
    assert status == 503 and got["message"] == 'no endpoints available for service "lone"'
    status, got = master.api("GET", "/api/v1/namespaces/default/services/lone:81/proxy/")
    assert status == 503 and got["message"] == 'no service port 81 found for service "lone"'
