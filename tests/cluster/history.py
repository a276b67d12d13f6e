# SPDX-License-Identifier: Apache-2.0
"""Writers that keep a history of what they did, watchers, and a checker of both.

Each ConfigMap is a register that several writers compare-and-put: read it (GET, from whichever master
they are connected to), put a value nobody else puts, on the condition of the resourceVersion read. The
store numbers all changes, so the order of all writes is known, and the history is right if

  - each acknowledged write is in the watched sequence, at its revision and with its value, and stands
    right behind the revision it was conditional on;
  - nothing is in the sequence that was refused for certain (409, 503);
  - no read is stale: it shows a write that is at least as new as every write to that key (and every
    read of it) which had been answered before the read began;
  - every watch, at whichever master, shows the same sequence, in order and without a gap.
"""
import http.client
import json
import multiprocessing
import random
import socket
import ssl
import threading
import time

BASE = "/api/v1/namespaces/default/configmaps"
ERRORS = (OSError, http.client.HTTPException, ssl.SSLError, ValueError)


class Connection:
    """To one of several masters; the next one after a failure."""

    def __init__(self, masters, first, timeout=8):
        self.masters, self.at, self.c, self.timeout = masters, first, None, timeout

    def context(self):
        m = self.masters[0]
        ctx = ssl.create_default_context(cafile=m["ca"])
        ctx.load_cert_chain(m["cert"], m["key"])
        return ctx

    ctx = None

    def request(self, method, path, body=None, raw=False):
        if not self.ctx:
            self.ctx = self.context()
        if not self.c:
            m = self.masters[self.at % len(self.masters)]
            self.c = http.client.HTTPSConnection(m["address"], 6443, context=self.ctx,
                                                 timeout=self.timeout)
        try:
            self.c.request(method, path, body, {"Content-Type": "application/json"})
            r = self.c.getresponse()
            data = r.read()
            return r.status, data.decode() if raw else json.loads(data)
        except ERRORS:
            self.lose()
            raise

    def lose(self):
        if self.c:
            self.c.close()
        self.c = None
        self.at += 1


def one_writer(number, masters, keys, stop, out, timeout):
    """Rows: (kind, key, began, ended, outcome, revision, expected, value)."""
    rng = random.Random(number)
    c = Connection(masters, number, timeout)
    n = 0
    while not stop.is_set():
        key = rng.choice(keys)
        began = time.monotonic()
        try:
            status, obj = c.request("GET", f"{BASE}/{key}")
        except ERRORS:
            time.sleep(0.01)
            continue
        ended = time.monotonic()
        if status != 200:
            out.append(("error", key, began, ended, status, 0, 0, ""))
            if status in (500, 503, 504):
                c.lose()
            time.sleep(0.02)
            continue
        rev, had = int(obj["metadata"]["resourceVersion"]), obj.get("data", {}).get("v", "")
        out.append(("read", key, began, ended, 200, rev, 0, had))
        n += 1
        value = f"{number}.{n}"
        body = json.dumps({"metadata": {"name": key, "resourceVersion": str(rev)},
                           "data": {"v": value, "pad": "x" * 200}})
        began = time.monotonic()
        try:
            status, obj = c.request("PUT", f"{BASE}/{key}", body)
        except ERRORS:
            out.append(("write", key, began, time.monotonic(), 0, 0, rev, value))
            continue
        got = int(obj["metadata"]["resourceVersion"]) if status == 200 else 0
        out.append(("write", key, began, time.monotonic(), status, got, rev, value))
        if status not in (200, 409):
            c.lose()


def process(first, n, masters, keys, stop, queue, timeout):
    outs = [[] for _ in range(n)]
    threads = [threading.Thread(target=one_writer, daemon=True,
                                args=(first + i, masters, keys, stop, outs[i], timeout))
               for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    queue.put([row for out in outs for row in out])


class Writers:
    @staticmethod
    def addresses(masters):
        return [{"address": m.address, "ca": str(m.dir / "data/pki/ca.crt"),
                 "cert": str(m.dir / "data/pki/admin.crt"),
                 "key": str(m.dir / "data/pki/admin.key")} for m in masters]

    def __init__(self, masters, n=64, keys=48, processes=2, timeout=8):
        self.masters = self.addresses(masters)
        self.keys = [f"r{i}" for i in range(keys)]
        c = Connection(self.masters, 0)
        for key in self.keys:
            status, body = c.request("POST", BASE, json.dumps({"metadata": {"name": key}}))
            assert status == 201, body
        _, body = c.request("GET", BASE)
        c.lose()
        self.first_rev = int(body["metadata"]["resourceVersion"])
        mp = multiprocessing.get_context("fork")
        self.stop_event = mp.Event()
        self.queue = mp.Queue()
        self.processes = [
            mp.Process(target=process, daemon=True,
                       args=(i * n // processes, n // processes, self.masters, self.keys,
                             self.stop_event, self.queue, timeout)) for i in range(processes)]
        for p in self.processes:
            p.start()

    def stop(self):
        self.stop_event.set()
        rows = [row for _ in self.processes for row in self.queue.get(timeout=60)]
        for p in self.processes:
            p.join(10)
        return rows


class Watcher(threading.Thread):
    """Follows all changes at one master after another, each time from the last revision seen."""

    def __init__(self, writers, first):
        super().__init__(daemon=True)
        self.c = Connection(writers.masters, first)
        self.rev = writers.first_rev
        self.events = []  # (revision, key, value)
        self.broken = None
        self.stopping = False
        self.streams = 0
        self.start()

    def run(self):
        while not self.stopping and not self.broken:
            try:
                self.stream()
            except ERRORS:
                time.sleep(0.01)
            self.c.lose()

    def stream(self):
        self.c.ctx = self.c.ctx or self.c.context()
        m = self.c.masters[self.c.at % len(self.c.masters)]
        self.c.c = http.client.HTTPSConnection(m["address"], 6443, context=self.c.ctx, timeout=2)
        self.c.c.request("GET", f"{BASE}?watch=true&resourceVersion={self.rev}&timeoutSeconds=3600")
        r = self.c.c.getresponse()
        if r.status == 410:
            self.broken = "410 Gone: the window is too short for this test"
        if r.status != 200:
            raise OSError(r.status)
        self.streams += 1
        while not self.stopping:
            try:
                line = r.readline()
            except socket.timeout:
                raise OSError("quiet")
            if not line:
                return
            ev = json.loads(line)
            if ev["type"] == "BOOKMARK":
                continue
            if ev["type"] == "ERROR":
                self.broken = json.dumps(ev)
                return
            o = ev["object"]
            rev = int(o["metadata"]["resourceVersion"])
            if rev <= self.rev:
                self.broken = f"revision {rev} came after {self.rev}"
                return
            self.rev = rev
            self.events.append((rev, o["metadata"]["name"], o.get("data", {}).get("v", "")))

    def stop(self, upto):
        """Once everything up to this revision has come."""
        until = time.monotonic() + 20
        while self.rev < upto and not self.broken and time.monotonic() < until:
            time.sleep(0.02)
        self.stopping = True
        self.join(10)
        assert not self.broken, self.broken
        assert self.rev >= upto, f"the watch stands at {self.rev}, {upto} was acknowledged"


def check(rows, watches):
    """Raises AssertionError with the first thing that is not right. Returns counts."""
    sequence = watches[0].events
    last = min(w.events[-1][0] for w in watches)
    for w in watches[1:]:
        a = [e for e in sequence if e[0] <= last]
        b = [e for e in w.events if e[0] <= last]
        assert a == b, "two watches saw different sequences: " + str(
            next((x, y) for x, y in zip(a + [None], b + [None]) if x != y))
    at = {rev: (key, value) for rev, key, value in sequence}
    values = {value for _, _, value in sequence}
    before = {}  # revision -> revision of the same key before it
    newest = {}
    for rev, key, _ in sequence:
        before[rev] = newest.get(key)
        newest[key] = rev
    counts = {"acknowledged": 0, "unknown": 0, "conflicts": 0, "refused": 0, "reads": 0}
    for kind, key, _, _, status, rev, expected, value in rows:
        if kind == "write" and status == 200:
            counts["acknowledged"] += 1
            assert at.get(rev) == (key, value), f"acknowledged and lost: {key}={value} at {rev}"
            assert before[rev] in (expected, None), (
                f"{key}={value} at {rev} was conditional on {expected}, stands behind {before[rev]}")
        elif kind == "write" and status in (409, 429, 503):
            counts["conflicts" if status == 409 else "refused"] += 1
            assert value not in values, f"refused with {status}, but done: {key}={value}"
        elif kind == "write":
            counts["unknown"] += 1
        elif kind == "read":
            counts["reads"] += 1
            if value:
                assert at.get(rev) == (key, value), f"read what never was: {key}={value} at {rev}"
    check_fresh(rows)
    return counts


def check_fresh(rows):
    """Answers in the order they came; before each read began, what was known of its key by then."""
    events = []
    for kind, key, began, ended, status, rev, _, _ in rows:
        if status == 200:
            events.append((ended, 0, key, rev, None))
            if kind == "read":
                events.append((began, 1, key, rev, ended))
    events.sort(key=lambda e: (e[0], e[1]))
    known = {}
    for _, what, key, rev, _ in events:
        if what == 0:
            known[key] = max(known.get(key, 0), rev)
        else:
            assert rev >= known.get(key, 0), (
                f"stale: {key} was read at {rev} after {known[key]} had been answered")


def longest_gap(rows, since, until):
    """The longest time without an acknowledged write, in seconds."""
    acks = sorted(r[3] for r in rows if r[0] == "write" and r[4] == 200 and
                  since - 0.5 <= r[3] <= until)
    return max(b - a for a, b in zip(acks, acks[1:]))
