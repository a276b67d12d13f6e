# SPDX-License-Identifier: Apache-2.0
"""load.py URL RATE FILE: GET at a steady rate, a connection each, until standard input ends; then FILE
gets [[monotonic second, error or null], ...]."""
import http.client
import json
import sys
import threading
import time
from urllib.parse import urlparse

THREADS = 96  # those that wait for a node that is gone must not slow the others down


def main():
    url, rate, out = urlparse(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    stop, lock, results = threading.Event(), threading.Lock(), []
    state = {"next": time.monotonic()}

    def one():
        began, error = time.monotonic(), None
        c = http.client.HTTPConnection(url.hostname, url.port or 80, timeout=3)
        try:
            c.request("GET", url.path or "/")
            r = c.getresponse()
            body = r.read()
            if r.status != 200 or not body.startswith(b"hello from"):
                error = f"{r.status} {body[:80]!r}"
        except (OSError, http.client.HTTPException) as e:
            error = f"{type(e).__name__}: {e} after {time.monotonic() - began:.3f} s"
        finally:
            c.close()
        with lock:
            results.append((began, error))

    def work():
        while not stop.is_set():
            with lock:
                at = max(state["next"], time.monotonic() - 0.2)
                state["next"] = at + 1 / rate
            time.sleep(max(0.0, at - time.monotonic()))
            one()

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for t in threads:
        t.start()
    print("going", flush=True)
    sys.stdin.read()
    stop.set()
    for t in threads:
        t.join()
    with open(out, "w", encoding="utf-8") as f:
        json.dump(sorted(results), f)


main()
