# SPDX-License-Identifier: Apache-2.0
"""The runtime where there is no v2 tree: no cgroup.kill, no device program, no tracking group."""
import time

import test_runtime as hybrid


def test_start(rt_v1):
    hybrid.test_start_log_exit(rt_v1)


def test_exec_v1(rt_v1):
    hybrid.test_exec(rt_v1)


def test_stop(rt_v1):
    hybrid.test_stop_and_signals(rt_v1)


def test_limits(rt_v1):
    hybrid.test_limits_and_oom(rt_v1)


def test_device_rules(rt_v1):
    hybrid.test_devices(rt_v1)


def test_recover(rt_v1):
    hybrid.test_agent_killed_and_back(rt_v1)


def test_lost_supervisor(rt_v1):
    hybrid.test_supervisor_killed(rt_v1)


def test_everything_dies_in_a_shared_namespace(rt_v1):
    """Killing goes by reading cgroup.procs until it is empty, forks or not."""
    rt_v1.sandbox(pid="pod")
    rt_v1.container("for i in 1 2 3 4 5; do sleep 100 & done; (while :; do sleep 0.01; done) & wait")
    time.sleep(0.2)
    rt_v1.good("sandbox-stop", id="p")
    assert rt_v1.event()["code"] == 137
