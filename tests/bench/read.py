#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""GET of one pod and LIST of 10,000 pods of 1 KB, over TLS and HTTP/2."""
import kit

PODS = 2000 if kit.QUICK else 10000
SECONDS = 0.5 if kit.QUICK else 3
PATH = "/api/v1/namespaces/default/pods"


def main():
    m = kit.Master()
    m.start()
    m.account()
    m.load("fill", PODS, 1024)
    before = m.rss_kb()
    name = m.api("GET", PATH + "?limit=1")[1]["items"][0]["metadata"]["name"]
    kit.figure(f"api.memory_{PODS}_pods", before / 1024, "MiB")
    for clients in (1, 64):
        r = m.load("get", clients, SECONDS, f"{PATH}/{name}")
        label = f"api.get_pod.{clients}_client{'s' if clients > 1 else ''}"
        kit.figure(label, r["per_s"], "1/s")
        kit.figure(label + ".p50", r["p50_ms"], "ms")
        kit.figure(label + ".p99", r["p99_ms"], "ms")
    for label, query in (("whole", ""), ("pages_of_500", "?limit=500"),
                         ("by_label_none", "?labelSelector=app%3Dnone"),
                         ("by_node_none", "?fieldSelector=spec.nodeName%3Dnone")):
        r = m.load("get", 1, SECONDS, PATH + query)
        label = f"api.list_{PODS}_pods.{label}"
        kit.figure(label, r["per_s"], "1/s")
        if r["bytes"] > 1e6:
            kit.figure(label + ".bytes", r["bytes"] / 1e6 / r["seconds"], "MB/s")
        kit.figure(label + ".p50", r["p50_ms"], "ms")
        kit.figure(label + ".p99", r["p99_ms"], "ms")
    r = m.load("get", 8, SECONDS, PATH)
    kit.figure(f"api.list_{PODS}_pods.8_clients.bytes", r["bytes"] / 1e6 / r["seconds"], "MB/s")
    kit.figure(f"api.list_{PODS}_pods.memory_added", (m.rss_kb() - before) / 1024, "MiB")
    m.stop()


main()
