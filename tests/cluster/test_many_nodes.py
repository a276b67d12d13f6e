# SPDX-License-Identifier: Apache-2.0
"""150 nodes without containers (tests/bench/hollow.c): what each is told of the others
when they come, at rest, and when their masters were away."""
import json
import re
import subprocess

import pytest

from lab import BUILD, wait_until
from masters import Masters

N = 150
HOLLOW = BUILD / "tests" / "bench" / "hollow"


class Hollow:
    def __init__(self, m):
        self.p = subprocess.Popen([HOLLOW, m.kubeconfig, str(N)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)

    def say(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()

    def ask(self, line):
        self.say(line)
        answer = self.p.stdout.readline()
        assert answer, "hollow ended"
        return json.loads(answer)

    def close(self):
        self.p.kill()
        self.p.wait()


def requests(m):
    """Those answered so far, by verb, resource and code."""
    status, _, text = m.raw("GET", "/metrics")
    assert status == 200
    found = re.findall(r'request_total\{verb="(\w*)",resource="(\w*)",.*code="(\d+)"\} (\d+)',
                       text.decode())
    out = {}
    for verb, resource, code, n in found:
        key = (verb, resource, code)
        out[key] = out.get(key, 0) + int(n)
    return out


def not_ready(m):
    nodes = m.api("GET", "/api/v1/nodes")[1]["items"]
    assert len(nodes) == N
    return [n["metadata"]["name"] for n in nodes
            if not any(c["type"] == "Ready" and c["status"] == "True"
                       for c in n["status"]["conditions"])]


@pytest.fixture(scope="module", name="c")
def fixture_c(tmp_path_factory):
    c = Masters(tmp_path_factory.mktemp("many-nodes"), 1)
    hollow = None
    try:
        hollow = Hollow(c[0])
        c.hollow = hollow
        yield c
    finally:
        if hollow:
            hollow.close()
        print(c.logs())
        c.close()


def test_each_learns_of_all(c):
    c.hollow.ask("ready")
    told = c.hollow.ask("routes")
    # Of each node each is told once, maybe again when it came to the list late; never of a whole Node.
    assert told["told"] <= 3 * N * N
    assert told["bytes"] < 200 * told["told"]
    assert not not_ready(c[0])


def test_nobody_hears_of_heartbeats(c):
    """150 Nodes change, and one of them moves: only that is told, once to each."""
    m = c[0]
    before = c.hollow.ask("routes")["told"]
    for i in range(N):
        status, body = m.api("PATCH", f"/api/v1/nodes/hollow-{i}/status", {"status": {"conditions": [
            {"type": "Ready", "status": "True", "message": "again"}]}},
            content_type="application/strategic-merge-patch+json")
        assert status == 200, body
    status, body = m.api("PATCH", "/api/v1/nodes/hollow-0/status", {"status": {"addresses": [
        {"type": "InternalIP", "address": "192.168.77.77"}]}},
        content_type="application/merge-patch+json")
    assert status == 200, body
    wait_until("each was told", lambda: c.hollow.ask("routes")["told"] >= before + N)
    assert c.hollow.ask("routes")["told"] == before + N


def test_masters_return(c):
    """Nothing of it changed, and nothing of it is sent; the nodes don't storm."""
    m = c[0]
    m.kill()
    c.hollow.say("lost")
    m.start()
    back = c.hollow.ask("back")
    assert back["told"] == 0
    seen = requests(m)
    refused = {k: n for k, n in seen.items() if k[2] in ("429", "503")}
    assert sum(refused.values()) <= N, refused
    # One watch for the routes, one of its own Node; the latter is listed anew.
    assert sum(n for k, n in seen.items() if k[:2] == ("list", "nodes")) <= 2 * N, seen
    wait_until("all are ready", lambda: not not_ready(m))
