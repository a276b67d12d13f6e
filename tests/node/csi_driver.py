#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A CSI driver's node service with its registration (as node-driver-registrar would do it): stages a
tmpfs and publishes it by a bind mount. Arguments: name, the kubelet's folder, a file for the log. Each
call is a line of JSON there. What a file LOG.fail names is refused: "NodePublishVolume 13 disk on fire".
Debian: python3-grpcio."""
import json
import os
import subprocess
import sys
from concurrent import futures

import grpc

NAME, KUBELET, LOG = sys.argv[1:4]
SOCKET = f"{KUBELET}/plugins/{NAME}/csi.sock"
REGISTRATION = f"{KUBELET}/plugins_registry/{NAME}-reg.sock"


def varint(n):
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7f | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def take(data, i):
    n = shift = 0
    while True:
        n |= (data[i] & 0x7f) << shift
        shift += 7
        i += 1
        if not data[i - 1] & 0x80:
            return n, i


def fields(data):
    """All fields: number -> list of ints and bytes."""
    found, i = {}, 0
    while i < len(data):
        tag, i = take(data, i)
        value, i = take(data, i)
        if tag & 7 == 2:
            value, i = data[i:i + value], i + value
        found.setdefault(tag >> 3, []).append(value)
    return found


def text(f, number):
    return f.get(number, [b""])[0].decode()


def pairs(f, number):
    return {text(fields(e), 1): text(fields(e), 2) for e in f.get(number, [])}


def capability(data):
    f = fields(data)
    mount = fields(f[2][0]) if 2 in f else {}
    return {"block": 1 in f, "fsType": text(mount, 1), "group": text(mount, 3),
            "flags": [x.decode() for x in mount.get(2, [])], "mode": fields(f[3][0])[1][0]}


def mounted(path):
    return os.path.ismount(path)


def stage(f):
    if not mounted(text(f, 3)):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0755", NAME, text(f, 3)], check=True)
    return {"id": text(f, 1), "path": text(f, 3), "context": pairs(f, 2), "attributes": pairs(f, 6),
            "secrets": pairs(f, 5), **capability(f[4][0])}


def unmount(path):
    while mounted(path):
        subprocess.run(["umount", path], check=True)
    if os.path.isdir(path):
        os.rmdir(path)


def unstage(f):
    unmount(text(f, 2))
    return {"id": text(f, 1), "path": text(f, 2)}


def publish(f):
    path, staged = text(f, 4), text(f, 3)
    if not mounted(path):
        os.makedirs(path, exist_ok=True)
        argv = ["mount", "--bind", staged, path] if staged else ["mount", "-t", "tmpfs", NAME, path]
        subprocess.run(argv, check=True)
    return {"id": text(f, 1), "path": path, "staged": staged, "context": pairs(f, 2),
            "attributes": pairs(f, 8), "secrets": pairs(f, 7), "readonly": 6 in f,
            **capability(f[5][0])}


def expand(f):
    return {"id": text(f, 1), "path": text(f, 2), "staged": text(f, 4),
            "bytes": fields(f[3][0])[1][0]}


def node_info(_):
    topology = field(1, field(1, f"topology.{NAME}/rack") + field(2, "r1"))
    return field(1, f"id-of-{NAME}") + field(2, 7) + field(3, topology)


def capabilities(_):  # STAGE_UNSTAGE_VOLUME, EXPAND_VOLUME, SINGLE_NODE_MULTI_WRITER
    return b"".join(field(1, field(1, field(1, n))) for n in (1, 3, 5))


def get_info(_):
    return field(1, "CSIPlugin") + field(2, NAME) + field(3, SOCKET) + field(4, "1.0.0")


def notified(f):
    return {"registered": 1 in f, "error": text(f, 2)}


def logged(method, fn):
    def handle(request, context):
        if os.path.exists(f"{LOG}.fail"):
            with open(f"{LOG}.fail", encoding="utf-8") as file:
                which, code, message = file.read().split(" ", 2)
            if which == method:
                context.abort(next(c for c in grpc.StatusCode if c.value[0] == int(code)), message)
        got = fn(fields(request))
        with open(LOG, "a", encoding="utf-8") as file:
            file.write(json.dumps({"call": method, **(got if isinstance(got, dict) else {})}) + "\n")
        return got if isinstance(got, bytes) else b""
    return grpc.unary_unary_rpc_method_handler(handle)


def serve(path, service, methods):
    if os.path.lexists(path):
        os.unlink(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
        service, {m: logged(m, fn) for m, fn in methods.items()}),))
    server.add_insecure_port(f"unix:{path}")
    server.start()
    return server


servers = [serve(SOCKET, "csi.v1.Node", {
    "NodeGetInfo": node_info, "NodeGetCapabilities": capabilities, "NodeStageVolume": stage,
    "NodeUnstageVolume": unstage, "NodePublishVolume": publish, "NodeUnpublishVolume": unstage,
    "NodeExpandVolume": expand})]
servers.append(serve(REGISTRATION, "pluginregistration.Registration", {
    "GetInfo": get_info, "NotifyRegistrationStatus": notified}))
servers[0].wait_for_termination()
