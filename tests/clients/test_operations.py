# SPDX-License-Identifier: Apache-2.0
"""Every operation which Kubernetes' conformance suite exercises, with @kubernetes/client-node
against a real master.

Rows are those of api-operations.tsv. What is known to be missing stands in operations-missing.tsv
with the reason; a listed row that begins to pass fails the test, so that the list only shrinks.
KNARR_OPERATIONS_WRITE=1 writes the list anew. An operation the library does not have is done raw.
"""
import base64
import http.client
import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from knarr_test import BUILD, Master
from operation_objects import NAMES, OBJECTS, STATUSES
from test_node_proxy import FakeNode

HERE = Path(__file__).resolve().parent
MISSING = HERE / "operations-missing.tsv"
# Kinds of which DELETE gives back the object and not a Status.
RETURNED = {"PersistentVolumeClaim", "Pod", "PodTemplate", "ResourceQuota", "Service",
            "ServiceAccount", "PersistentVolume", "DeviceClass", "ResourceClaim",
            "ResourceClaimTemplate", "ResourceSlice", "CSIDriver", "CSINode", "StorageClass",
            "VolumeAttachment", "VolumeAttributesClass"}
# Kinds that stay until a controller has cleaned up behind them; this master runs none.
LATE = {"Namespace", "CustomResourceDefinition"}
METHOD = {"get": "GET", "list": "GET", "post": "POST", "put": "PUT", "patch": "PATCH",
          "delete": "DELETE", "deletecollection": "DELETE", "None": "GET"}
MERGE = "application/merge-patch+json"


class Row:
    def __init__(self, line):
        self.verb, self.path, self.kind, self.op = line.rstrip("\n").split("\t")
        parts = self.path.strip("/").split("/")
        self.group = parts[1] if parts[0] == "apis" and len(parts) > 1 else ""
        version = parts[2:3] if parts[0] == "apis" else parts[1:2]
        self.version = version[0] if version else ""
        self.api_version = f"{self.group}/{self.version}" if self.group else self.version
        self.sub = ""
        if "{name}/" in self.path:
            self.sub = self.path.split("{name}/")[1]
        self.collection = self.path.split("/{name}")[0]
        self.plural = self.collection.rsplit("/", 1)[1]


def rows():
    text = (HERE / "api-operations.tsv").read_text(encoding="utf-8")
    return [Row(x) for x in text.splitlines() if x and not x.startswith("#")]


class Bad(Exception):
    """Why a row does not pass."""


def need(cond, *why):
    if not cond:
        raise Bad(" ".join(str(w)[:300] for w in why))


def message(body):
    """What a Status says, or the text as it is."""
    try:
        return json.loads(body)["message"]
    except (ValueError, TypeError, KeyError):
        return body


def normal(v):
    if isinstance(v, str):
        return re.sub(r"\.0+Z$", "Z", v)
    return v


def within(want, got, at=""):
    """All that `want` has is in `got` as well."""
    if isinstance(want, dict):
        need(isinstance(got, dict), f"{at} is {got!r}")
        for k, v in want.items():
            within(v, got.get(k), f"{at}.{k}")
    elif isinstance(want, list):
        need(isinstance(got, list) and len(got) >= len(want), f"{at} is {got!r}")
        for i, v in enumerate(want):
            within(v, got[i], f"{at}[{i}]")
    else:
        need(normal(want) == normal(got), f"{at} is {got!r}, not {want!r}")


class Backend(http.server.BaseHTTPRequestHandler):
    """What the proxy rows talk to: says method, path and body."""
    protocol_version = "HTTP/1.1"

    def answer(self):
        n = int(self.headers.get("Content-Length") or 0)
        body = f"{self.command} {self.path} {self.rfile.read(n).decode()}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("X-Method", self.command)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_HEAD = answer

    def log_message(self, *args):
        pass


def own_address():
    """An address of this machine that is not loopback (the proxy refuses those)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
            return s.getsockname()[0]
        except OSError:
            return "127.0.0.1"


class Driver:
    def __init__(self, master, node_dir):
        self.m, self.n = master, 0
        self.wire = master.connect()
        self.used = self.raw_used = 0
        self.fake = FakeNode(node_dir)
        self.fake.more.set()
        self.node = None
        if shutil.which("node") and (HERE / "node_modules/@kubernetes").exists():
            self.node = subprocess.Popen(
                ["node", str(HERE / "ops.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True, cwd=HERE, env=dict(os.environ, KUBECONFIG=master.kubeconfig))
        self.backend = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Backend)
        threading.Thread(target=self.backend.serve_forever, daemon=True).start()
        self.setup()

    def close(self):
        self.wire.close()
        self.backend.shutdown()
        self.backend.server_close()
        self.fake.close()
        if self.node:
            self.node.stdin.close()
            self.node.wait(timeout=10)

    def setup(self):
        """A node that answers log and exec, a pod on it, and a Service with one endpoint."""
        node = self.raw("POST", "/api/v1/nodes", {"metadata": {"name": "n1"}}, 201)
        node["status"] = {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                          "daemonEndpoints": {"kubeletEndpoint": {"Port": self.fake.port}}}
        self.raw("PUT", "/api/v1/nodes/n1/status", node)
        port, addr = self.backend.server_address[1], own_address()
        pod = {"metadata": {"name": "target", "labels": {"app": "target"}}, "spec": {
            "nodeName": "n1", "containers": [
                {"name": "c", "image": "x", "ports": [{"containerPort": port}]}]}}
        self.raw("POST", "/api/v1/namespaces/default/pods", pod, 201)
        ready = [{"type": t, "status": "True"} for t in ("Ready", "ContainersReady")]
        self.raw("PATCH", "/api/v1/namespaces/default/pods/target/status", {"status": {
            "podIP": addr, "podIPs": [{"ip": addr}], "phase": "Running", "conditions": ready}})
        self.raw("POST", "/api/v1/namespaces/default/services", {"metadata": {"name": "target"},
                 "spec": {"ports": [{"name": "web", "port": 80, "targetPort": port}]}}, 201)
        self.raw("POST", "/api/v1/namespaces/default/endpoints", {"metadata": {"name": "target"},
                 "subsets": [{"addresses": [{"ip": addr}],
                              "ports": [{"name": "web", "port": port}]}]}, 201)
        self.raw("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
            "metadata": {"name": "target-1", "labels": {"kubernetes.io/service-name": "target"}},
            "addressType": "IPv4", "ports": [{"name": "web", "port": port, "protocol": "TCP"}],
            "endpoints": [{"addresses": [addr], "conditions": {"ready": True}}]}, 201)

    # ---- requests

    def api(self, method, path, obj=None, content_type="application/json", accept=None):
        """Status and JSON, over one connection for all."""
        head = {"Accept": accept} if accept else {}
        if obj is not None:
            head["Content-Type"] = content_type
        self.wire.request(method, path, None if obj is None else json.dumps(obj), head)
        r = self.wire.getresponse()
        data = r.read()
        try:
            return r.status, json.loads(data)
        except ValueError:
            return r.status, data.decode("utf-8", "replace")

    def refused(self, method, path, obj, code, reason, message=None, content_type=None):
        """Not done, as Kubernetes says so: status code, reason and (a part of) the message."""
        kind = content_type or (MERGE if method == "PATCH" else "application/json")
        status, got = self.api(method, path, obj, kind)
        need(status == code, f"{method} {path}: {status}, not {code}:", got)
        need(got["kind"] == "Status" and got["status"] == "Failure" and got["code"] == code, got)
        need(got["reason"] == reason, f"{method} {path}: reason", got["reason"], "not", reason)
        need(message is None or message in got["message"], got["message"], "is not", message)
        return got

    def raw(self, method, path, obj=None, code=200, content_type=None):
        kind = content_type or (MERGE if method == "PATCH" else "application/json")
        status, got = self.api(method, path, obj, kind)
        if isinstance(got, dict):
            need(status == code, f"{method} {path}: {status}", got.get("message") or got)
        else:
            need(status == code, f"{method} {path}: {status}", got)
        return got

    def act(self, row, args, body=None, code=200, query=""):
        """The row's operation by the library, or raw where the library has none."""
        kind = MERGE if row.verb == "patch" else None
        if self.node:
            params = dict(args)
            if body is not None:
                params["body"] = body
            if query:
                k, v = query.split("=", 1)
                params[k] = v
            self.node.stdin.write(json.dumps({"op": row.op, "args": params, "type": kind}) + "\n")
            self.node.stdin.flush()
            got = json.loads(self.node.stdout.readline())
            if not got.get("missing"):
                self.used += 1
                need(got["status"] == code, got["status"], message(got["body"]))
                return got["body"]
        self.raw_used += 1
        path = row.path.format(**args) + (f"?{query}" if query else "")
        return self.raw(METHOD[row.verb], path, body, code, kind)

    # ---- objects

    def make(self, row, labels=None, post=True):
        """A new object of the row's kind; (arguments of its path, path, object)."""
        self.n += 1
        kind = self.kind_of(row)
        name = NAMES.get(kind, "op-{}")
        name = name(self.n) if callable(name) else name.format(self.n)
        rest = OBJECTS.get(f"{row.group}/{kind}", OBJECTS.get(kind))
        rest = rest(name) if callable(rest) else dict(rest)
        obj = {"apiVersion": row.api_version, "kind": kind, "metadata": {"name": name}, **rest}
        if labels:
            obj["metadata"]["labels"] = labels
        args = {"name": name}
        namespaced = "{namespace}" in row.path or "AllNamespaces" in row.op
        where = row.collection
        if namespaced:
            args["namespace"] = "default"
            obj["metadata"]["namespace"] = "default"
            if "AllNamespaces" in row.op:
                where = where.replace(f"/{row.version}/", f"/{row.version}/namespaces/default/", 1)
        where = where.replace("{namespace}", "default")
        if post:
            obj = self.raw("POST", where, obj, 201)
        return args, f"{where}/{name}", obj

    @staticmethod
    def kind_of(row):
        """The kind of the resource itself, of which `row` may be a part."""
        plural = row.collection.rsplit("/", 1)[1]
        for kind in OBJECTS:
            kind = kind.rsplit("/", 1)[-1]
            k = kind.lower()
            if plural in (k, k + "s", k + "es", k[:-1] + "ies"):
                return kind
        return row.kind

    def drop(self, path):
        status, got = self.api("DELETE", path, {"gracePeriodSeconds": 0})
        if status == 200 and isinstance(got, dict) and got.get("metadata", {}).get("finalizers"):
            self.api("PATCH", path, {"metadata": {"finalizers": None}}, MERGE)
        if "/namespaces/" in path and path.count("/") == 4:
            self.api("PUT", path + "/finalize", {"metadata": {"name": path.rsplit("/")[-1]}})


def check_object(row, got, name, kind=None):
    need(isinstance(got, dict), got)
    need(got.get("kind") == (kind or row.kind), "kind", got.get("kind"))
    need(got.get("apiVersion") == row.api_version, "apiVersion", got.get("apiVersion"))
    meta = got["metadata"]
    need(meta.get("name") == name, "name", meta.get("name"))
    for k in ("uid", "resourceVersion", "creationTimestamp"):
        need(meta.get(k), f"no metadata.{k}")


def resource(row):
    """As messages name it: "deployments.apps"."""
    return row.plural + (f".{row.group}" if row.group else "")


def not_found(d, row, path, name, method="GET", body=None):
    got = d.refused(method, path, body, 404, "NotFound", f'{resource(row)} "{name}" not found')
    need(got["details"]["name"] == name and got["details"]["kind"] == row.plural, got["details"])
    need(got["details"].get("group", "") == row.group, got["details"])


def check_pages(d, where, label, names):
    """One at a time, all of the same moment."""
    seen, more, moment = [], "", None
    for _ in names:
        got = d.raw("GET", f"{where}?limit=1&labelSelector=op%3D{label}{more}")
        need(len(got["items"]) == 1, "a page of", len(got["items"]))
        seen.append(got["items"][0]["metadata"]["name"])
        need(moment in (None, got["metadata"]["resourceVersion"]), "another moment", got["metadata"])
        moment = got["metadata"]["resourceVersion"]
        more = "&continue=" + got["metadata"].get("continue", "")
    need(seen == names and more == "&continue=", seen, "not", names, more)


def check_forms(d, row, where, label, name):
    """The same list as a Table and as metadata."""
    query = f"{where}?labelSelector=op%3D{label}"
    _, got = d.api("GET", query, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
    need(got["kind"] == "Table" and len(got["rows"]) == 1, got)
    columns = [c["name"] for c in got["columnDefinitions"]]
    need(len(columns) == len(got["rows"][0]["cells"]), columns, got["rows"][0]["cells"])
    need(name in got["rows"][0]["cells"] or row.kind == "Event", got["rows"][0]["cells"])
    need(got["rows"][0]["object"]["kind"] == "PartialObjectMetadata", got["rows"][0]["object"])
    _, got = d.api("GET", query, accept="application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")
    need(got["kind"] == "PartialObjectMetadataList" and len(got["items"]) == 1, got)
    need(set(got["items"][0]) <= {"kind", "apiVersion", "metadata"}, got["items"][0])


def verb_list(d, row):
    label = f"l{d.n}"
    _, path, made = d.make(row, {"op": label})
    second = None
    try:
        args = {"namespace": "default"} if "{namespace}" in row.path else {}
        got = d.act(row, args, query=f"labelSelector=op={label}")
        need(got["kind"] == row.kind + "List", got["kind"])
        need(got["apiVersion"] == row.api_version, got["apiVersion"])
        need(str(got["metadata"].get("resourceVersion", "")).isdigit(), got["metadata"])
        need([i["metadata"]["name"] for i in got["items"]] == [made["metadata"]["name"]],
             got["items"])
        where = row.path.format(**args)
        c = d.m.connect()
        c.request("GET", f"{where}?watch=true&labelSelector=op%3D{label}&resourceVersion="
                         f"{int(made['metadata']['resourceVersion']) - 1}")
        r = c.getresponse()
        event = json.loads(r.readline())
        c.close()
        need(event["type"] == "ADDED" and event["object"]["kind"] == row.kind, event)
        need(event["object"]["metadata"]["uid"] == made["metadata"]["uid"], event)
        name = made["metadata"]["name"]
        only = d.raw("GET", f"{where}?fieldSelector=metadata.name%3D{name}")["items"]
        need([i["metadata"]["name"] for i in only] == [name], "by field:", only)
        d.refused("GET", f"{where}?labelSelector=a+b", None, 400, "BadRequest")
        check_forms(d, row, where, label, name)
        second = d.make(row, {"op": label})
        check_pages(d, where, label, sorted([name, second[2]["metadata"]["name"]]))
    finally:
        d.drop(path)
        if second:
            d.drop(second[1])


def verb_post(d, row):
    args, path, obj = d.make(row, post=False)
    name = args.pop("name")
    where = path.rsplit("/", 1)[0]
    try:
        d.refused("POST", where + "?fieldValidation=Strict", {**obj, "nonsense": 1}, 400, "BadRequest",
                  'strict decoding error: unknown field "nonsense"')
        d.refused("POST", where, {**obj, "kind": "Nonsense"}, 400, "BadRequest")
        dry = d.raw("POST", where + "?dryRun=All", obj, 201)
        need(dry["metadata"]["uid"], "no uid of the dry run")
        not_found(d, row, path, name)
        got = d.act(row, args, obj, 201)
        check_object(row, got, name)
        need(got["metadata"]["uid"] != dry["metadata"]["uid"], "the dry run's uid")
        if row.kind != "LimitRange":  # whose "default" the library does not send
            within({k: v for k, v in obj.items() if k not in ("metadata", "status")}, d.raw("GET", path))
        again = d.refused("POST", where, obj, 409, "AlreadyExists", f'{resource(row)} "{name}" already exists')
        need(again["details"]["name"] == name and again["details"]["kind"] == row.plural, again["details"])
        if args:
            obj["metadata"]["namespace"] = "another"
            d.refused("POST", where, obj, 400, "BadRequest", "the namespace of the provided object does not "
                      "match the namespace sent on the request")
    finally:
        d.drop(path)


def verb_get(d, row):
    args, path, made = d.make(row)
    try:
        got = d.act(row, args)
        check_object(row, got, args["name"])
        need(got["metadata"]["uid"] == made["metadata"]["uid"])
        whole = d.raw("GET", path)
        need({**whole, "metadata": None, "status": None} == {**made, "metadata": None, "status": None},
             "read", whole, "of", made)
        not_found(d, row, path + "0x", args["name"] + "0x")
        status, table = d.api("GET", path, accept="application/json;as=Table;v=v1;g=meta.k8s.io")
        need(status == 200 and table["kind"] == "Table" and len(table["rows"]) == 1, table)
    finally:
        d.drop(path)


def check_patches(d, row, args, path, made):
    """The other kinds of patch, and what is refused."""
    got = d.raw("PATCH", path, [{"op": "add", "path": "/metadata/labels/json", "value": "yes"}], 200,
                "application/json-patch+json")
    need(got["metadata"]["labels"] == {**(made["metadata"].get("labels") or {}), "patched": "yes", "json": "yes"},
         got["metadata"]["labels"])
    d.refused("PATCH", path, [{"op": "test", "path": "/metadata/labels/json", "value": "no"}], 422, "Invalid",
              content_type="application/json-patch+json")
    got = d.raw("PATCH", path, {"metadata": {"labels": {"json": None}}}, 200,
                "application/strategic-merge-patch+json")
    need("json" not in got["metadata"]["labels"], got["metadata"]["labels"])
    mine = {"apiVersion": row.api_version, "kind": row.kind,
            "metadata": {"name": args["name"], "labels": {"applied": "yes"}}}
    apply = "application/apply-patch+yaml"
    got = d.raw("PATCH", path + "?fieldManager=op", mine, 200, apply)
    owner = [m for m in got["metadata"]["managedFields"] if m["manager"] == "op"]
    need(len(owner) == 1 and owner[0]["operation"] == "Apply", owner)
    need("f:applied" in owner[0]["fieldsV1"]["f:metadata"]["f:labels"], owner)
    mine["metadata"]["labels"]["applied"] = "no"
    no = d.refused("PATCH", path + "?fieldManager=other", mine, 409, "Conflict",
                   'Apply failed with 1 conflict: conflict with "op"', apply)
    within([{"reason": "FieldManagerConflict", "field": ".metadata.labels.applied"}], no["details"]["causes"])
    d.refused("PATCH", path, {}, 415, "UnsupportedMediaType", content_type="application/json")
    d.refused("PATCH", path, {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"], "labels": {
        "late": "yes"}}}, 409, "Conflict", "the object has been modified")
    not_found(d, row, path + "0x", args["name"] + "0x", "PATCH", {"metadata": {"labels": {"a": "b"}}})


def verb_patch(d, row):
    args, path, made = d.make(row)
    try:
        got = d.act(row, args, {"metadata": {"labels": {"patched": "yes"}}})
        check_object(row, got, args["name"])
        need(got["metadata"]["labels"]["patched"] == "yes")
        need(got["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"])
        within({"metadata": {"labels": {"patched": "yes"}}}, d.raw("GET", path))
        check_patches(d, row, args, path, made)
    finally:
        d.drop(path)


def bare(obj):
    """Without what only the server writes."""
    obj = dict(obj)
    meta = obj["metadata"]
    obj["metadata"] = {k: meta[k] for k in ("name", "namespace", "resourceVersion", "labels")
                       if k in meta}
    return obj


def put(d, row, args, path, change):
    """PUT of what is there with a change; again when somebody in the server was faster."""
    for last in (False, False, True):
        obj = bare(d.raw("GET", path))
        change(obj)
        try:
            return obj, d.act(row, args, obj)
        except Bad as e:
            if last or not str(e).startswith("409"):
                raise
    return None


def verb_put(d, row):
    args, path, made = d.make(row)

    def change(obj):
        obj.pop("status", None)
        obj["metadata"].setdefault("labels", {})["put"] = "yes"
    try:
        obj, got = put(d, row, args, path, change)
        check_object(row, got, args["name"])
        need(got["metadata"]["labels"]["put"] == "yes")
        need(got["metadata"]["uid"] == made["metadata"]["uid"])
        obj["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"]
        obj["metadata"]["labels"]["put"] = "late"
        d.refused("PUT", path, obj, 409, "Conflict", f'Operation cannot be fulfilled on {resource(row)} '
                  f'"{args["name"]}": the object has been modified')
        now = d.raw("GET", path)
        need(now["metadata"]["labels"]["put"] == "yes", now["metadata"])
        d.refused("PUT", path, {**now, "metadata": {**now["metadata"], "uid": "0"}}, 409, "Conflict",
                  f"Precondition failed: UID in precondition: 0, UID in object meta: {made['metadata']['uid']}")
        d.refused("PUT", path, {**now, "metadata": {**now["metadata"], "name": "other"}}, 400, "BadRequest",
                  f"the name of the object (other) does not match the name on the URL ({args['name']})")
        same = d.raw("PUT", path, now)
        need(same["metadata"]["resourceVersion"] == now["metadata"]["resourceVersion"], "a change of nothing")
    finally:
        d.drop(path)


def verb_delete(d, row):
    args, path, made = d.make(row)
    try:
        uid = made["metadata"]["uid"]
        d.refused("DELETE", path, {"preconditions": {"uid": "0"}}, 409, "Conflict",
                  f"Precondition failed: UID in precondition: 0, UID in object meta: {uid}")
        d.raw("DELETE", path, {"dryRun": ["All"], "propagationPolicy": "Background"})
        d.refused("DELETE", path, {"dryRun": ["Some"]}, 422, "Invalid", 'supported values: "All"')
        need(d.raw("GET", path)["metadata"].get("deletionTimestamp") is None, "marked by a dry run")
        # (The library reads a Status where that is usual.)
        got = d.act(row, args, {"gracePeriodSeconds": 0, "propagationPolicy": "Background"})
        finalizers = made["metadata"].get("finalizers") or row.kind in LATE
        if row.kind in RETURNED or finalizers:
            need(got.get("kind") == row.kind, "kind", got.get("kind"))
        else:
            need(got.get("kind") == "Status" and got["status"] == "Success", got)
            if isinstance(got.get("details"), dict):
                need((got["details"]["name"], got["details"]["kind"], got["details"]["uid"]) ==
                     (args["name"], row.plural, uid), got["details"])
        status, gone = d.api("GET", path)
        if finalizers:
            need(status == 200 and gone["metadata"]["deletionTimestamp"], gone)
        else:
            need(status == 404 and gone["reason"] == "NotFound", gone)
            not_found(d, row, path, args["name"], "DELETE", {})
    finally:
        d.drop(path)


def verb_deletecollection(d, row):
    label = f"d{d.n}"
    made = [d.make(row, {"op": label}) for _ in range(2)]
    other = d.make(row)
    try:
        args = {"namespace": "default"} if "{namespace}" in row.path else {}
        where = row.path.format(**args)
        dry = d.raw("DELETE", f"{where}?labelSelector=op%3D{label}&dryRun=All", {})
        need(dry["kind"] == row.kind + "List" and dry["apiVersion"] == row.api_version, dry)
        need(sorted(o["metadata"]["name"] for o in dry["items"]) ==
             sorted(o["metadata"]["name"] for _, _, o in made), dry)
        need(d.raw("GET", made[0][1])["metadata"].get("deletionTimestamp") is None, "marked by a dry run")
        d.refused("DELETE", f"{where}?labelSelector=a+b", {}, 400, "BadRequest")
        got = d.act(row, args, {"propagationPolicy": "Background"},
                    query=f"labelSelector=op={label}")
        need(got["kind"] in (row.kind + "List", "Status"), got["kind"])
        for _, path, obj in made:
            status, gone = d.api("GET", path)
            late = obj["metadata"].get("finalizers") or row.kind in LATE
            need(status == 404 or (late and gone["metadata"].get("deletionTimestamp")), path, status)
        need(d.api("GET", other[1])[0] == 200, "one without the label is gone too")
    finally:
        for _, path, _ in [*made, other]:
            d.drop(path)


def sub_status(d, row):
    args, path, made = d.make(row)
    want = STATUSES[row.kind]
    sub = f"{path}/{row.sub}"
    if row.sub == "approval":
        want = {"conditions": [{"type": "Approved", "status": "True", "reason": "T",
                                "message": "m"}]}
    try:
        if row.verb == "get":
            d.raw("PATCH", sub, {"status": want})
            got = d.act(row, args)
        elif row.verb == "patch":
            got = d.act(row, args, {"status": want, "metadata": {"annotations": {"s": "1"}}})
            need(got["metadata"]["annotations"]["s"] == "1", "annotation")
        else:
            def change(obj):
                obj["status"] = {**(made.get("status") or {}), **want}
                for k in ("conditions", "lastTransitionTime"):
                    if k not in want:
                        obj["status"].pop(k, None)
            got = put(d, row, args, path, change)[1]
        check_object(row, got, args["name"])
        within(want, got.get("status"), "status")
        # The object's own path leaves status alone.
        main = d.raw("PATCH", path, {"status": {"conditions": None, "reason": "never"}})
        need((main.get("status") or {}).get("reason") != "never", "status by the object itself")
        within(want, main.get("status"), "status")
        # And status leaves the object alone.
        need(main["metadata"].get("generation") == made["metadata"].get("generation"), "generation of a status")
        need(main.get("spec") == made.get("spec"), "spec of a status")
        now = {**main, "metadata": {**main["metadata"], "resourceVersion": made["metadata"]["resourceVersion"]}}
        d.refused("PUT", sub, now, 409, "Conflict", "the object has been modified")
        name = args["name"] + "0x"
        not_found(d, row, f"{path}0x/{row.sub}", name)
    finally:
        d.drop(path)


def sub_scale(d, row):
    args, path, _ = d.make(row)
    try:
        if row.verb == "get":
            got = d.act(row, args)
        elif row.verb == "patch":
            got = d.act(row, args, {"spec": {"replicas": 3}})
        else:
            obj = bare(d.raw("GET", path + "/scale"))
            obj["spec"] = {"replicas": 3}
            got = d.act(row, args, obj)
        need(got["kind"] == "Scale" and got["apiVersion"] == "autoscaling/v1", got)
        want = 0 if row.verb == "get" else 3
        need((got.get("spec") or {}).get("replicas", 0) == want, got)
        need(d.raw("GET", path)["spec"].get("replicas", 0) == want)
        need("app=op" in got["status"].get("selector", ""), got["status"])
        now = d.raw("GET", path + "/scale")
        need(now["metadata"]["resourceVersion"] == d.raw("GET", path)["metadata"]["resourceVersion"], now)
        d.refused("PATCH", path + "/scale", {"spec": {"replicas": -1}}, 422, "Invalid",
                  "must be greater than or equal to 0")
        now["metadata"]["resourceVersion"] = "1"
        now["spec"] = {"replicas": 7}
        d.refused("PUT", path + "/scale", now, 409, "Conflict")
        need(d.raw("GET", path)["spec"].get("replicas", 0) == want, "changed by what was refused")
    finally:
        d.drop(path)


def sub_binding(d, row):
    args, path, _ = d.make(row)
    try:
        body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": args["name"]},
                "target": {"kind": "Node", "name": "n1"}}
        got = d.act(row, args, body, 201)
        need(got["kind"] == "Status", got)  # the library reads it as a Binding
        pod = d.raw("GET", path)
        need(pod["spec"]["nodeName"] == "n1")
        within([{"type": "PodScheduled", "status": "True"}], pod["status"]["conditions"])
        d.refused("POST", path + "/binding", body, 409, "Conflict",
                  f'pod {args["name"]} is already assigned to node "n1"')
        d.refused("POST", path + "0x/binding", {**body, "metadata": {"name": args["name"] + "0x"}}, 404, "NotFound")
    finally:
        d.drop(path)


def sub_eviction(d, row):
    args, path, _ = d.make(row)
    budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
    try:
        body = {"apiVersion": "policy/v1", "kind": "Eviction",
                "metadata": {"name": args["name"], "namespace": "default"}}
        # A budget that has nothing to spare: 429, until it has.
        d.raw("PATCH", path, {"metadata": {"labels": {"evict": args["name"]}}})
        d.raw("PATCH", path + "/status", {"status": {"phase": "Running", "conditions": [
            {"type": "Ready", "status": "True"}]}})
        d.raw("POST", budgets, {"metadata": {"name": args["name"]}, "spec": {
            "minAvailable": 1, "selector": {"matchLabels": {"evict": args["name"]}}}}, 201)
        no = d.refused("POST", path + "/eviction", body, 429, "TooManyRequests",
                       "Cannot evict pod as it would violate the pod's disruption budget.")
        within([{"reason": "DisruptionBudget"}], no["details"]["causes"])
        d.raw("PATCH", f"{budgets}/{args['name']}/status", {"status": {
            "observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1,
            "expectedPods": 2}})
        d.raw("POST", path + "/eviction", {**body, "deleteOptions": {"dryRun": ["All"]}}, 201)
        need(d.api("GET", path)[0] == 200, "evicted by a dry run")
        got = d.act(row, args, body, 201)
        need(got["kind"] == "Status", got)  # the library reads it as an Eviction
        need(d.api("GET", path)[0] == 404, "the pod is still there")
        spent = d.raw("GET", f"{budgets}/{args['name']}")["status"]
        need(spent["disruptionsAllowed"] == 0 and args["name"] in spent["disruptedPods"], spent)
        d.refused("POST", path + "/eviction", body, 404, "NotFound")
    finally:
        d.drop(path)
        d.drop(f"{budgets}/{args['name']}")


def sub_token(d, row):
    args, path, made = d.make(row)
    try:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                "spec": {"audiences": ["op"], "expirationSeconds": 900}}
        got = d.act(row, args, body, 201)
        need(got["kind"] == "TokenRequest" and got["status"]["token"].count(".") == 2, got)
        need(got["status"]["expirationTimestamp"])
        part = got["status"]["token"].split(".")[1]
        said = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        need(said["aud"] == ["op"] and said["exp"] - said["iat"] == 900, said)
        need(said["sub"] == f"system:serviceaccount:default:{args['name']}", said)
        within({"namespace": "default", "serviceaccount": {"name": args["name"], "uid": made["metadata"]["uid"]}},
               said["kubernetes.io"])
        review = d.raw("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {
            "token": got["status"]["token"], "audiences": ["op"]}}, 201)["status"]
        need(review["authenticated"] and review["user"]["username"] == said["sub"], review)
        body["spec"]["expirationSeconds"] = 60
        d.refused("POST", path + "/token", body, 422, "Invalid", "may not specify a duration less than 10 minutes")
    finally:
        d.drop(path)


def sub_ephemeral(d, row):
    args, path, _ = d.make(row)
    extra = [{"name": "e", "image": "x"}]
    try:
        if row.verb == "get":
            got = d.act(row, args)
        elif row.verb == "patch":
            got = d.act(row, args, {"spec": {"ephemeralContainers": extra}})
        else:
            obj = bare(d.raw("GET", path))
            obj.pop("status", None)
            obj["spec"]["ephemeralContainers"] = extra
            got = d.act(row, args, obj)
        check_object(row, got, args["name"])
        if row.verb == "get":
            d.raw("PATCH", path + "/ephemeralcontainers", {"spec": {"ephemeralContainers": extra}})
        else:
            within(extra, got["spec"]["ephemeralContainers"])
        within(extra, d.raw("GET", path)["spec"]["ephemeralContainers"])
        d.refused("PATCH", path + "/ephemeralcontainers", {"spec": {"ephemeralContainers": []}}, 422, "Invalid",
                  'existing ephemeral containers "e" may not be removed')
        d.refused("PATCH", path + "/ephemeralcontainers", {"spec": {"ephemeralContainers": [
            *extra, {"name": "c", "image": "x"}]}}, 422, "Invalid")
    finally:
        d.drop(path)


def sub_resize(d, row):
    args, path, pod = d.make(row)
    more = {"requests": {"cpu": "20m"}, "limits": {"cpu": "100m"}}
    try:
        d.drop(path)
        pod = bare(pod)
        pod["metadata"].pop("resourceVersion")
        pod.pop("status")
        less = {"requests": {"cpu": "10m"}, "limits": {"cpu": "90m"}}
        pod["spec"]["containers"][0]["resources"] = less
        d.raw("POST", path.rsplit("/", 1)[0], pod, 201)
        if row.verb == "get":
            got = d.act(row, args)
        elif row.verb == "patch":
            got = d.raw("PATCH", path + "/resize", {"spec": {"containers": [
                {"name": "c", "resources": more}]}}, 200, "application/strategic-merge-patch+json")
        else:
            obj = bare(d.raw("GET", path))
            obj.pop("status", None)
            obj["spec"]["containers"][0]["resources"] = more
            got = d.act(row, args, obj)
        check_object(row, got, args["name"])
        within(less if row.verb == "get" else more, got["spec"]["containers"][0]["resources"])
    finally:
        d.drop(path)


def sub_finalize(d, row):
    args, path, made = d.make(row)
    body = bare(made)
    body["spec"] = {"finalizers": ["example.com/op", "kubernetes"]}
    got = d.act(row, args, body)
    need(got["spec"]["finalizers"] == body["spec"]["finalizers"], got["spec"])
    d.drop(path)
    need(d.api("GET", path)[0] == 404, "still there without finalizers")


def sub_log(d, row):
    got = d.act(row, {"namespace": "default", "name": "target"})
    need(got == "first\nsecond\n", got)
    log = "/api/v1/namespaces/default/pods/target/log"
    status, got = d.api("GET", log + "?container=c&tailLines=2&limitBytes=9&timestamps=true&previous=true")
    need(status == 200, got)
    line = d.fake.requests[-1].splitlines()[0]
    need(line.startswith("GET /containerLogs/default/target/c?"), line)
    for part in ("tailLines=2", "limitBytes=9", "timestamps=true", "previous=true"):
        need(part in line, part, "did not come to the node:", line)
    d.refused("GET", log + "?container=none", None, 400, "BadRequest", "container none is not valid for pod target")
    d.refused("GET", log + "?tailLines=-1", None, 422, "Invalid", "tailLines")


def upgraded(d, method, path, protocol, spdy=False):
    """What the node was asked, after bytes went there and back."""
    raw = socket.create_connection(("127.0.0.1", d.m.port), timeout=30)
    with d.m.ctx.wrap_socket(raw, server_hostname="127.0.0.1") as s:
        how = (f"Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: {protocol}\r\n" if spdy else
               "Upgrade: websocket\r\nSec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\n"
               f"Sec-WebSocket-Protocol: {protocol}\r\n")
        s.sendall(f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n{how}"
                  "Content-Length: 0\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            got = s.recv(4096)
            need(got, "the connection ended:", head)
            head += got
        need(head.startswith(b"HTTP/1.1 101"), head)
        asked = next(x for x in reversed(d.fake.requests) if "default/target" in x)
        s.sendall(b"there and back")
        back = b""
        while len(back) < 14:
            got = s.recv(4096)
            need(got, "the connection ended behind", back)
            back += got
        need(back == b"THERE AND BACK", back)
        return asked.splitlines()[0]


POD = "/api/v1/namespaces/default/pods/target"


def sub_exec(d, row):
    """By GET a WebSocket, by POST SPDY, as the clients of each do."""
    spdy = "connectPost" in row.op
    line = upgraded(d, "POST" if spdy else "GET", POD + "/exec?command=x&command=y%20z&stdout=true&container=c",
                    "v4.channel.k8s.io" if spdy else "v5.channel.k8s.io", spdy)
    need("/exec/default/target/c?" in line, line)
    for part in ("command=x", "command=y%20z", "output=1"):
        need(part in line, part, "did not come to the node:", line)
    d.refused("GET", POD + "0x/exec?command=x", None, 404, "NotFound", 'pods "target0x" not found')


def sub_portforward(d, row):
    spdy = "connectPost" in row.op
    line = upgraded(d, "POST" if spdy else "GET", POD + "/portforward?ports=80",
                    "portforward.k8s.io" if spdy else "SPDY/3.1+portforward.k8s.io", spdy)
    need("/portForward/default/target" in line, line)
    d.refused("GET", POD + "0x/portforward", None, 404, "NotFound", 'pods "target0x" not found')


def sub_proxy(d, row):
    verb = re.match(r"connect[A-Za-z0-9]*V1(Get|Post|Put|Patch|Delete|Head|Options)", row.op)
    method = verb.group(1).upper()
    port = d.backend.server_address[1]
    name = "target:web" if "Service" in row.op else f"target:{port}"
    base = f"/api/v1/namespaces/default/{'services' if 'Service' in row.op else 'pods'}/{name}/proxy"
    tail = "some/path%20x" if "{path}" in row.path else ""
    body = b"text" if method in ("POST", "PUT", "PATCH") else None
    status, headers, data = d.m.raw(method, f"{base}/{tail}?q=1", body)
    need(status == 200, status, data)
    need(headers.get("X-Method") == method, headers)
    if method != "HEAD":
        want = f"{method} /{tail}?q=1 {'text' if body else ''}"
        need(data.decode() == want, data, "not", want)


def reviews(d, row):
    """(spec, what status has to say) of each question."""
    get = {"verb": "get", "resource": "pods"}
    here = {**get, "namespace": "default"}
    master = {"user": "somebody", "groups": ["system:masters"]}
    if row.kind == "TokenReview":
        token = d.raw("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", {"spec": {}}, 201)
        good = {"authenticated": True, "user": {"username": "system:serviceaccount:default:default", "groups": [
            "system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"]}}
        return [({"token": "none"}, {"authenticated": False}), ({"token": token["status"]["token"]}, good)]
    if row.kind == "SelfSubjectAccessReview":
        return [({"resourceAttributes": get}, {"allowed": True}),
                ({"nonResourceAttributes": {"verb": "get", "path": "/x"}}, {"allowed": True})]
    where = here if row.kind == "LocalSubjectAccessReview" else get
    return [({"user": "nobody", "resourceAttributes": where}, {"allowed": False}),
            ({**master, "resourceAttributes": where}, {"allowed": True})]


def review(d, row):
    args = {"namespace": "default"} if "{namespace}" in row.path else {}
    for spec, want in reviews(d, row):
        body = {"apiVersion": row.api_version, "kind": row.kind, "metadata": args, "spec": spec}
        got = d.act(row, args, body, 201)
        need(got["kind"] == row.kind and got["apiVersion"] == row.api_version, got)
        within(want, {"authenticated": False, **got["status"]}, "status")
        within(spec, got["spec"], "spec")
    path = row.path.format(**args)
    if row.kind != "TokenReview":
        d.refused("POST", path, {**body, "spec": {}}, 422, "Invalid", "exactly one of nonResourceAttributes or "
                  "resourceAttributes must be specified")
    d.refused("GET", path, None, 405, "MethodNotAllowed")


def check_resources(row, got):
    """All that the table of operations has of this group and version, with its verbs."""
    verb_of = {"post": "create", "put": "update"}
    want = {}
    for r in rows():
        if r.api_version != row.api_version or r.verb in ("None", "connect") or "{" in r.plural:
            continue
        if "{name}/" in r.path or r.path.endswith(r.plural) or r.path.endswith("{name}"):
            w = want.setdefault(r.plural + (f"/{r.sub}" if r.sub else ""), [set(), False, r])
            w[0].add(verb_of.get(r.verb, r.verb))
            w[1] |= "{namespace}" in r.path
    have = {r["name"]: r for r in got["resources"]}
    for name, (verbs, namespaced, r) in want.items():
        need(name in have, name, "is not listed")
        need(verbs <= set(have[name]["verbs"]), name, "lacks", verbs - set(have[name]["verbs"]))
        need(have[name]["namespaced"] == namespaced, name, "namespaced")
        if not r.sub:
            need(have[name]["kind"] == r.kind and have[name]["singularName"], have[name])
            need("list" not in verbs or "watch" in have[name]["verbs"], name, "lacks watch")


def discovery(d, row):
    got = d.act(row, {}) if row.op != "getAPIVersions" else d.raw("GET", row.path.rstrip("/"))
    if "APIResources" in row.op:
        need(got["kind"] == "APIResourceList" and got["groupVersion"] == row.api_version, got)
        check_resources(row, d.raw("GET", row.path.rstrip("/")))
    elif row.op == "getCodeVersion":
        need(got["major"] and got["gitVersion"].startswith("v"), got)
    elif row.op == "getCoreAPIVersions":
        need(got["kind"] == "APIVersions" and got["versions"] == ["v1"], got)
    elif row.op == "getAPIVersions":
        need(got["kind"] == "APIGroupList", got)
        groups = {r.group for r in rows() if r.group}
        need(groups <= {g["name"] for g in got["groups"]}, groups - {g["name"] for g in got["groups"]})
    else:
        need(got["kind"] == "APIGroup" and got["name"] == row.group, got)
        versions = [v["version"] for v in got["versions"]]
        served = {r.version for r in rows() if r.group == row.group and r.version}
        need(got["preferredVersion"] == got["versions"][0] and served <= set(versions), got)
        need(all(v["groupVersion"] == f"{row.group}/{v['version']}" for v in got["versions"]), got)
        all_groups = d.raw("GET", "/apis")["groups"]
        need([g["versions"] for g in all_groups if g["name"] == row.group] == [got["versions"]], all_groups)


SUBS = {"status": sub_status, "approval": sub_status, "scale": sub_scale, "binding": sub_binding,
        "eviction": sub_eviction, "token": sub_token, "ephemeralcontainers": sub_ephemeral,
        "resize": sub_resize, "finalize": sub_finalize, "log": sub_log, "exec": sub_exec,
        "portforward": sub_portforward, "proxy": sub_proxy, "proxy/{path}": sub_proxy}
VERBS = {"list": verb_list, "post": verb_post, "get": verb_get, "patch": verb_patch,
         "put": verb_put, "delete": verb_delete, "deletecollection": verb_deletecollection,
         "None": discovery}


def run(d, row):
    """None when the row passes, else the reason."""
    try:
        if row.kind.endswith("Review"):
            review(d, row)
        elif row.sub:
            SUBS[row.sub](d, row)
        else:
            VERBS[row.verb](d, row)
    except Bad as e:
        return str(e)
    except (KeyError, TypeError, IndexError, ValueError, OSError, http.client.HTTPException) as e:
        d.wire.close()  # it opens again
        return f"{type(e).__name__}: {e}"
    return None


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    m = Master("--no-scheduler", "--no-controllers")
    d = None
    try:
        m.start()
        m.api("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
        d = Driver(m, tmp_path_factory.mktemp("node"))
        yield d
    finally:
        if d:
            d.close()
        m.remove()


def test_operations(driver):
    known = {}
    if MISSING.exists():
        lines = MISSING.read_text(encoding="utf-8").splitlines()
        known = dict(x.split("\t", 1) for x in lines if x and not x.startswith("#"))
    failed, lost, found, table = [], [], [], []
    only = os.environ.get("KNARR_OPERATIONS")
    for row in rows():
        if only and not re.search(only, row.op):
            continue
        why = run(driver, row)
        table.append(f"{row.verb:17}{row.path}\t{'pass' if why is None else why}")
        print(table[-1])
        if why is not None:
            failed.append((row.op, why))
            if row.op not in known:
                lost.append(f"{row.op}: {why}")
        elif row.op in known:
            found.append(row.op)
    total = len(rows())
    print(f"{total - len(failed)} of {total} pass; {driver.used} by the library, "
          f"{driver.raw_used} raw")
    if not only:
        (Path(BUILD) / "tests" / "operations.txt").write_text("\n".join(table) + "\n", encoding="utf-8")
    if os.environ.get("KNARR_OPERATIONS_WRITE"):
        text = "# Operations which do not pass yet, and why. This list may only shrink.\n"
        text += "".join(f"{op}\t{re.sub(chr(10), ' ', why)[:100].rstrip()}\n" for op, why in failed)
        MISSING.write_text(text, encoding="utf-8")
        return
    assert not lost, "\n".join(lost)
    assert not found, f"take out of {MISSING.name}, they pass: {found}"
