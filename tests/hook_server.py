# SPDX-License-Identifier: Apache-2.0
"""An HTTPS server with a certificate of its own that answers AdmissionReviews (and the like)."""
import base64
import http.server
import json
import os
import ssl
import subprocess
import threading


class Hooks:
    """`answers[path]` is a function of the review's request; it returns the response without its uid,
    or bytes that are sent as they are. `seen[path]` lists the requests, `versions[path]` is the last review's."""

    def __init__(self, folder, names=("localhost",), address="127.0.0.1"):
        self.answers, self.seen, self.versions = {}, {}, {}
        self.cert, key = os.path.join(folder, "hook.crt"), os.path.join(folder, "hook.key")
        sans = ",".join([f"DNS:{n}" for n in names] + [f"IP:{address}"])
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=hook",
                        "-addext", f"subjectAltName={sans}", "-keyout", key, "-out", self.cert],
                       check=True, capture_output=True)
        hooks = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                data = hooks.answer(self.path, body)
                status = 200
                if isinstance(data, tuple):
                    status, data = data
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.server.daemon_threads = True
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.load_cert_chain(self.cert, key)
        self.server.socket = ctx.wrap_socket(self.server.socket, server_side=True,
                                             do_handshake_on_connect=False)
        self.port = self.server.server_port
        self.url = f"https://{address}:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def ca(self):
        with open(self.cert, "rb") as f:
            return base64.b64encode(f.read()).decode()

    def answer(self, path, body):
        path = path.split("?")[0]
        review = json.loads(body)
        self.seen.setdefault(path, []).append(review["request"])
        self.versions[path] = review["apiVersion"]
        got = self.answers[path](review["request"])
        if isinstance(got, (bytes, tuple)):
            return got
        got["uid"] = review["request"]["uid"]
        return json.dumps({"apiVersion": review["apiVersion"], "kind": review["kind"],
                           "response": got}).encode()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def json_patch(*ops):
    """The response of a mutating webhook that applies these operations."""
    return {"allowed": True, "patchType": "JSONPatch",
            "patch": base64.b64encode(json.dumps(ops).encode()).decode()}
