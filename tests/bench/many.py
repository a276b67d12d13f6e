#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""50,000 pods of 1 KB (and what defaulting adds): memory, and how long a restart takes to
/readyz."""
import json
import time

import kit

BYTES = "bytes of the objects"
PODS = 5000 if kit.QUICK else 50000


def main():
    m = kit.Master()
    m.start()
    m.account()
    r = m.load("fill", PODS, 1024)
    if r["requests"] != PODS:
        raise RuntimeError(f"only {r['requests']} of {PODS} pods were made")
    time.sleep(1)
    one = m.api("GET", "/api/v1/namespaces/default/pods?limit=1")[1]["items"][0]
    size = len(json.dumps(one, separators=(",", ":")))
    kit.figure(f"master.memory_{PODS}_pods", m.rss_kb() / 1024, "MiB", BYTES,
               size * PODS / 1048576)
    m.kill()
    took = m.start()
    kit.figure(f"master.restart_{PODS}_pods", took * 1000, "ms", "upstream apiserver",
               22000 if PODS == 50000 else None)
    time.sleep(1)
    kit.figure(f"master.memory_{PODS}_pods.after_restart", m.rss_kb() / 1024, "MiB",
               BYTES, size * PODS / 1048576)
    m.stop()


main()
