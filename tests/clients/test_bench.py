# SPDX-License-Identifier: Apache-2.0
"""tests/bench/run: one JSON object a figure, or a table."""
import json
import os
import subprocess

import knarr_test

RUN = os.path.join(knarr_test.TOP, "tests", "bench", "run")


def bench(*args):
    return subprocess.run([RUN, "--build", knarr_test.BUILD, "--quick", *args], timeout=120,
                          capture_output=True, text=True, check=False)


def test_json():
    p = bench("--json", "start")
    assert p.returncode == 0, p.stderr
    figures = [json.loads(line) for line in p.stdout.splitlines()]
    assert {"master.start_to_readyz", "master.idle_memory"} <= {f["name"] for f in figures}
    for f in figures:
        assert list(f) == ["name", "value", "unit", "peer", "peer_value", "ratio"]
        assert (f["peer"] is None) == (f["peer_value"] is None)


def test_table_and_names():
    assert {"create", "read", "watch", "many", "start", "node"} <= set(
        bench("--list").stdout.split())
    out = bench("start").stdout
    assert "<= 16 MiB" in out and "figures in" in out


def test_nothing_matches():
    assert bench("no-such-benchmark").returncode == 1
