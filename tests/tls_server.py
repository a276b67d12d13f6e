# SPDX-License-Identifier: Apache-2.0
"""Servers over TLS with a certificate of their own, for what a master talks to."""
import base64
import http.server
import json
import os
import socket
import ssl
import subprocess
import threading


def certificate(folder, name="server", sans="IP:127.0.0.1"):
    """Files of a certificate that signs itself, and of its key."""
    crt, key = (os.path.join(folder, f"{name}.{end}") for end in ("crt", "key"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName={sans}",
                    "-keyout", key, "-out", crt], check=True, capture_output=True)
    return crt, key


def in_base64(path):
    with open(path, "rb") as f:
        return base64.b64encode(f.read()).decode()


def kubeconfig(path, url, ca, **user):
    """Writes the file by which a master knows a webhook."""
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "w",
                   "clusters": [{"name": "w", "cluster": {"server": url, "certificate-authority-data": in_base64(ca)}}],
                   "users": [{"name": "w", "user": user}],
                   "contexts": [{"name": "w", "context": {"cluster": "w", "user": "w"}}]}, f)


class Handler(http.server.BaseHTTPRequestHandler):
    """For handlers of the tests: connections stay, nothing is logged, answers are JSON."""
    protocol_version = "HTTP/1.1"

    def body(self):
        return self.rfile.read(int(self.headers["Content-Length"]))

    def answer(self, obj, status=200):
        data = obj if isinstance(obj, bytes) else json.dumps(obj).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


class HttpsServer:
    """Serves HTTPS in threads; asks for certificates of `client_ca` (PEM) where one is given."""

    def __init__(self, handler, folder, name="server", address="127.0.0.1", sans=None, client_ca=None):
        self.cert, key = certificate(folder, name, sans or f"IP:{address}")
        self.server = http.server.ThreadingHTTPServer((address, 0), handler)
        self.server.daemon_threads = True
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.load_cert_chain(self.cert, key)
        if client_ca:
            ctx.load_verify_locations(cadata=client_ca)
            ctx.verify_mode = ssl.CERT_REQUIRED
        self.server.socket = ctx.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.address, self.port = address, self.server.server_port
        self.url = f"https://{address}:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def ca(self):
        return in_base64(self.cert)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class TlsServer:
    """Calls `serve(socket)` in a thread for each connection, whatever is spoken in it."""

    def __init__(self, serve, folder, name="server", address="127.0.0.1"):
        self.ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.cert, key = certificate(folder, name, f"IP:{address}")
        self.ctx.load_cert_chain(self.cert, key)
        self.listener = socket.create_server((address, 0))
        self.address = address
        self.port = self.listener.getsockname()[1]
        self.handle = serve
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw):
        try:
            self.handle(self.ctx.wrap_socket(raw, server_side=True))
        except (ssl.SSLError, OSError):
            pass

    def close(self):
        self.listener.close()
