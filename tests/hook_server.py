# SPDX-License-Identifier: Apache-2.0
"""An HTTPS server with a certificate of its own that answers AdmissionReviews (and the like)."""
import base64
import json

from tls_server import Handler, HttpsServer


class Hooks(HttpsServer):
    """`answers[path]` is a function of the review's request; it returns the response without its uid,
    or bytes that are sent as they are, or a status and bytes. `seen[path]` lists the requests,
    `versions[path]` is the last review's."""

    def __init__(self, folder, names=("localhost",), address="127.0.0.1"):
        self.answers, self.seen, self.versions, hooks = {}, {}, {}, self

        class Review(Handler):
            def do_POST(self):
                data = hooks.answer(self.path, self.body())
                status, data = data if isinstance(data, tuple) else (200, data)
                self.answer(data, status)

        super().__init__(Review, folder, "hook", address,
                         ",".join([f"DNS:{n}" for n in names] + [f"IP:{address}"]))

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


def json_patch(*ops):
    """The response of a mutating webhook that applies these operations."""
    return {"allowed": True, "patchType": "JSONPatch",
            "patch": base64.b64encode(json.dumps(ops).encode()).decode()}
