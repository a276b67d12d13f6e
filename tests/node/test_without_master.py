# SPDX-License-Identifier: Apache-2.0
"""Nodes go on without a master; a cluster of its own, with nothing of other failures in it."""
import os
import signal
import subprocess
import threading
import time
import pytest
from e2e_objects import apply, deployment, pod, requests_in_pod, service
from lab import wait_until
from lan import Lan

from test_node_failure import all_well, endpoints, in_pod, is_ready, lan, pods, replaced, victim, web  # noqa: F401 (fixtures)


def test_without_a_master(lan, web):
    """Pods, restarts, Services, names and the agents go on; then nothing is done twice."""
    before = {p["metadata"]["uid"] for p in pods(web)}
    client = lan.nodes[0]
    disk = client.root / "var/lib/knarr/agent"
    wait_until("the node's disk has it all", lambda: '"name":"web"' in (
        disk / "services").read_text() and endpoints(web) and all(
            f'"{ip}"' in (disk / "endpointslices").read_text() for ip in endpoints(web)))
    lan.master.daemon.kill()
    n = next(n for n in lan.nodes[1:] if n.container_pids("httpd"))
    crashed = n.container_pids("httpd")
    os.kill(crashed[0], signal.SIGKILL)
    wait_until("its agent starts it again",
               lambda: len(n.container_pids("httpd")) == len(crashed) and
               crashed[0] not in n.container_pids("httpd"))
    group = client.container_pids("sleep")
    client.daemon.kill()
    client.start()
    n.daemon.stop()
    n.start()
    assert client.container_pids("sleep") == group

    def answers():
        p = in_pod(client, client.container_pids("sleep")[0],
                   "timeout 5 wget -q -O - http://web.default.svc.cluster.local/")
        assert p.stdout.startswith("hello from"), p
        return True
    wait_until("the Service answers by name", answers)
    lan.master.start()
    wait_until("all is well again", lambda: all_well(web), 60)
    assert {p["metadata"]["uid"] for p in pods(web)} == before
