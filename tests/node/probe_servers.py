# SPDX-License-Identifier: Apache-2.0
"""What probes ask: an HTTPS server and a gRPC health server, as others write them.

    probe_servers.py CERT KEY HTTPS-PORT GRPC-PORT

Answers 200 at /ok and 500 once a line "bad" came on standard input, "good" turns it back; the same
for gRPC. Prints what it is asked. Debian: python3-grpcio."""
import http.server
import ssl
import sys
import threading
from concurrent import futures

import grpc

good = True


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status = 200 if good else 500
        if self.path == "/redirect":
            status = 302
        elif self.path == "/picky":
            status = 200 if self.headers.get("X-Probe") == "yes" else 403
        print("https", self.path, self.headers.get("User-Agent"), self.request_version, flush=True)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/ok")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"hi")

    def log_message(self, *_):
        pass


class Server(http.server.HTTPServer):  # one at a time: an idle connection would block it
    def handle_error(self, request, client_address):
        print("https error", sys.exc_info()[1], flush=True)


def check(request, context):
    """grpc.health.v1.Health/Check: {string service = 1} -> {ServingStatus status = 1}."""
    service = request[2:].decode()
    print("grpc", service or "-", flush=True)
    if service == "unknown":
        context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
    return b"\x08\x01" if good else b"\x08\x02"


cert, key, https_port, grpc_port = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
https = Server(("0.0.0.0", int(https_port)), Handler)
https.socket = context.wrap_socket(https.socket, server_side=True, do_handshake_on_connect=False)
threading.Thread(target=https.serve_forever, daemon=True).start()
server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.health.v1.Health", {
    "Check": grpc.unary_unary_rpc_method_handler(check)}),))
server.add_insecure_port(f"0.0.0.0:{grpc_port}")
server.start()
print("ready", flush=True)
for line in sys.stdin:
    good = line.strip() != "bad"
    print("now", good, flush=True)
