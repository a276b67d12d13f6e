#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A driver of devices with its registration: writes a CDI file for each claim it prepares. Arguments:
name, the kubelet's folder, the folder of CDI files, a file for the log. Each call is a line of JSON
there. While LOG.fail is there, NodePrepareResources fails. Debian: python3-grpcio."""
import json
import os
import sys
from concurrent import futures

import grpc

NAME, KUBELET, CDI, LOG = sys.argv[1:5]
SOCKET = f"{KUBELET}/plugins/{NAME}/dra.sock"
REGISTRATION = f"{KUBELET}/plugins_registry/{NAME}-reg.sock"


def varint(n):
    return bytes([n & 0x7f | 0x80]) + varint(n >> 7) if n >= 0x80 else bytes([n])


def field(number, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(data):
    """All fields of a message whose lengths and numbers are below 128 or two bytes long."""
    def take(i):
        n = shift = 0
        while True:
            n |= (data[i] & 0x7f) << shift
            shift, i = shift + 7, i + 1
            if not data[i - 1] & 0x80:
                return n, i
    found, i = {}, 0
    while i < len(data):
        tag, i = take(i)
        value, i = take(i)
        if tag & 7 == 2:
            value, i = data[i:i + value], i + value
        found.setdefault(tag >> 3, []).append(value)
    return found


def text(f, number):
    return f.get(number, [b""])[0].decode()


def log(call, **values):
    with open(LOG, "a", encoding="utf-8") as file:
        file.write(json.dumps({"call": call, **values}) + "\n")


def claims(request):
    return [{"namespace": text(f, 1), "uid": text(f, 2), "name": text(f, 3)}
            for f in map(fields, fields(request).get(1, []))]


def prepare(request, _):
    answer = b""
    for c in claims(request):
        log("prepare", **c)
        if os.path.exists(f"{LOG}.fail"):
            entry = field(2, "out of order")
        else:
            os.makedirs(CDI, exist_ok=True)
            with open(f"{CDI}/.{c['uid']}", "w", encoding="utf-8") as file:
                json.dump({"cdiVersion": "0.6.0", "kind": f"{NAME}/claim", "containerEdits": {
                    "env": [f"CLAIM={c['name']}"]}, "devices": [{"name": c["uid"], "containerEdits": {
                        "env": [f"DEVICE={c['uid']}"], "deviceNodes": [{"path": "/dev/knarr0", "hostPath": "/dev/null"}],
                        "mounts": [{"hostPath": CDI, "containerPath": "/claims", "options": ["ro", "bind"]}]}}]}, file)
            os.rename(f"{CDI}/.{c['uid']}", f"{CDI}/{NAME}-{c['uid']}.json")
            entry = field(1, field(1, "gpu") + field(2, "pool") + field(3, "gpu-0") +
                          field(4, f"{NAME}/claim={c['uid']}"))
        answer += field(1, field(1, c["uid"]) + field(2, entry))
    return answer


def unprepare(request, _):
    answer = b""
    for c in claims(request):
        log("unprepare", **c)
        try:
            os.unlink(f"{CDI}/{NAME}-{c['uid']}.json")
        except FileNotFoundError:
            pass
        answer += field(1, field(1, c["uid"]) + field(2, b""))
    return answer


def get_info(_, __):
    return field(1, "DRAPlugin") + field(2, NAME) + field(3, SOCKET) + field(4, "v1.DRAPlugin")


def notified(request, _):
    log("registered", ok=1 in fields(request))
    return b""


def serve(path, service, methods):
    if os.path.lexists(path):
        os.unlink(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
        service, {m: grpc.unary_unary_rpc_method_handler(fn) for m, fn in methods.items()}),))
    server.add_insecure_port(f"unix:{path}")
    server.start()
    return server


servers = [serve(SOCKET, "k8s.io.kubelet.pkg.apis.dra.v1.DRAPlugin", {
    "NodePrepareResources": prepare, "NodeUnprepareResources": unprepare})]
servers.append(serve(REGISTRATION, "pluginregistration.Registration", {
    "GetInfo": get_info, "NotifyRegistrationStatus": notified}))
servers[0].wait_for_termination()
