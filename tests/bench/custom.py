#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Custom resources: memory of many definitions, time of a large one, writes a second, OpenAPI."""
import json
import os
import shutil
import subprocess
import time

import kit

GROUP = "bench.example.com"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
N = 20 if kit.QUICK else 100


def definition(i, fields):
    props = {f"field{j:05}": {"type": "object", "description": "x" * 200, "properties": {
        "a": {"type": "string", "pattern": "^a+$"}, "b": {"type": "integer", "minimum": 1}}}
        for j in range(fields)}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"kind{i}s.{GROUP}"},
            "spec": {"group": GROUP, "scope": "Namespaced",
                     "names": {"plural": f"kind{i}s", "kind": f"Kind{i}"},
                     "versions": [{"name": "v1", "served": True, "storage": True, "schema": {
                         "openAPIV3Schema": {"type": "object", "properties": {"spec": {
                             "type": "object", "properties": props, "x-kubernetes-validations": [
                                 {"rule": "!has(self.field00001) || self.field00001.b > 0"}]}}}}}]}}


def established(m, name):
    conditions = m.api("GET", f"{CRDS}/{name}")[1]["status"].get("conditions", [])
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


def create(m, crd):
    status, got = m.api("POST", CRDS, crd)
    assert status == 201, got
    kit.wait_for(lambda: established(m, crd["metadata"]["name"]))


def explain(m):
    """What kubectl explain asks for, with all definitions there; and kubectl itself, if it is here:
    the first time (it has nothing of this server yet) and again."""
    for name, path in (("pod", "api/v1"), ("deployment", "apis/apps/v1")):
        began = time.monotonic()
        for p in ("/openapi/v3", "/openapi/v3/" + path):
            status, _ = m.api("GET", p)
            assert status == 200
        kit.figure(f"explain.{name}.requests", 1000 * (time.monotonic() - began), "ms")
    kubectl = os.environ.get("KUBECTL") or shutil.which("kubectl")
    if not kubectl:
        kit.say("no kubectl: the time of its explain is not measured")
        return
    for name in ("explain.kubectl.first", "explain.kubectl.again"):
        began = time.monotonic()
        subprocess.run([kubectl, "--kubeconfig", m.kubeconfig, "--cache-dir", m.dir + "/cache",
                        "explain", "pod.spec.containers"], stdout=subprocess.DEVNULL, check=True,
                       env=dict(os.environ, HOME=m.dir))
        kit.figure(name, 1000 * (time.monotonic() - began), "ms")


def settled(m):
    """Resident KB when nothing has come free for some seconds: large values that nobody reads are
    compressed then."""
    least, since = m.rss_kb(), time.monotonic()
    while time.monotonic() - since < 5:
        time.sleep(0.2)
        now = m.rss_kb()
        if now < least:
            least, since = now, time.monotonic()
    return least


def main():
    m = kit.Master()
    m.start()
    m.account()
    idle = m.rss_kb()
    began = time.monotonic()
    for i in range(N):
        create(m, definition(i, 100))
    kit.figure("custom.definition.to_established", 1000 * (time.monotonic() - began) / N, "ms")
    kit.figure(f"custom.{N}_definitions.memory", (settled(m) - idle) / 1024, "MiB")
    kit.figure(f"custom.{N}_definitions.idle_memory", m.rss_kb() / 1024, "MiB")
    obj = {"apiVersion": f"{GROUP}/v1", "spec": {"field00001": {"a": "aa", "b": 1}}}
    for i in range(N):
        status, got = m.api("POST", f"/apis/{GROUP}/v1/namespaces/default/kind{i}s",
                            {**obj, "kind": f"Kind{i}", "metadata": {"name": "x"}})
        assert status == 201, got
    kit.figure(f"custom.{N}_definitions_in_use.memory", (m.rss_kb() - idle) / 1024, "MiB")
    n = 50 if kit.QUICK else 500
    began = time.monotonic()
    for i in range(n):
        m.api("POST", f"/apis/{GROUP}/v1/namespaces/default/kind0s",
              {**obj, "kind": "Kind0", "metadata": {"name": f"y{i}"}})
    kit.figure("custom.create.1_client", n / (time.monotonic() - began), "1/s")
    began = time.monotonic()
    for i in range(n):
        m.api("POST", "/api/v1/namespaces/default/configmaps",
              {"metadata": {"name": f"y{i}"}, "data": {"a": "aa"}})
    kit.figure("custom.create.1_client.configmap_for_comparison", n / (time.monotonic() - began), "1/s")
    large = definition("large", 4000)
    began = time.monotonic()
    create(m, large)
    kit.figure(f"custom.definition_of_{len(json.dumps(large)) // 1000}_KB.to_established",
               1000 * (time.monotonic() - began), "ms")
    began = time.monotonic()
    m.api("GET", f"/openapi/v3/apis/{GROUP}/v1")
    kit.figure("custom.openapi_v3_of_the_group", 1000 * (time.monotonic() - began), "ms")
    explain(m)
    m.stop()


main()
