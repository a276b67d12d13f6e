# SPDX-License-Identifier: Apache-2.0
"""The leader is killed again and again under writers; nothing acknowledged is lost or stale.

KILLS=20 (the default) rounds; prints the time without an acknowledged write, and etcd's beside it.
"""
import os
import signal
import statistics
import time

import pytest

from etcd import Etcd, EtcdWriters
from history import Watcher, Writers, check, longest_gap
from masters import Masters

KILLS = int(os.environ.get("KILLS", "20"))
WRITERS = 64


def ms(seconds):
    return f"{seconds * 1000:.0f} ms"


def test_leader_killed(tmp_path, capsys):
    c = Masters(tmp_path, 3)
    try:
        writers = Writers(c.all, WRITERS)
        watches = [Watcher(writers, i) for i in range(2)]
        time.sleep(1)
        kills = []
        for _ in range(KILLS):
            leader = c.leader()
            kills.append(time.monotonic())
            leader.kill()
            time.sleep(1.2)
            leader.start()
            c.leader()
            time.sleep(0.6)
        rows = writers.stop()
        acked = max(r[5] for r in rows if r[0] == "write")
        for w in watches:
            w.stop(acked)
        counts = check(rows, watches)
        gaps = [longest_gap(rows, t, t + 1.8) for t in kills]
    except BaseException:
        print(c.logs())
        raise
    finally:
        c.close()
    with capsys.disabled():
        print(f"\n{KILLS} leaders killed under {WRITERS} writers: {counts}; without a write: median "
              f"{ms(statistics.median(gaps))}, longest {ms(max(gaps))} (mark: 500 ms); watches "
              f"moved {[w.streams for w in watches]} times")
    assert counts["acknowledged"] > 20 * KILLS


def test_etcd_beside(tmp_path, capsys):
    if not Etcd.installed():
        pytest.skip("etcd is not installed")
    c = Masters(tmp_path, 0)
    e = Etcd(tmp_path / "etcd", c.prefix)
    kills = min(KILLS, 5)
    try:
        writers = EtcdWriters(e, WRITERS)
        time.sleep(1)
        times = []
        for _ in range(kills):
            i = None
            while i is None:
                i = e.leader()
            i -= 1
            times.append(time.monotonic())
            e.kill(i)
            time.sleep(3.5)
            e.start(i)
            time.sleep(1.5)
        acks = writers.stop()
    finally:
        e.close()
    gaps = []
    for t, end in zip(times, [*times[1:], acks[-1]]):
        near = [max(a for a in acks if a < t), *(a for a in acks if t <= a <= end)]
        gaps.append(max(b - a for a, b in zip(near, near[1:])))
    with capsys.disabled():
        print(f"\netcd, {kills} leaders killed under {WRITERS} writers: without a write: median "
              f"{ms(statistics.median(gaps))}, longest {ms(max(gaps))}")


def test_leader_stopped(tmp_path, capsys):
    """SIGSTOP: it wakes up in the belief that it leads, with old memory and open connections."""
    c = Masters(tmp_path, 3)
    rounds = min(KILLS, 5)
    try:
        writers = Writers(c.all, WRITERS)
        watches = [Watcher(writers, i) for i in range(2)]
        time.sleep(1)
        for _ in range(rounds):
            leader = c.leader()
            leader.daemon.signal(signal.SIGSTOP)
            time.sleep(2)
            leader.daemon.signal(signal.SIGCONT)
            time.sleep(1)
            c.leader()
        rows = writers.stop()
        acked = max(r[5] for r in rows if r[0] == "write")
        for w in watches:
            w.stop(acked)
        counts = check(rows, watches)
    except BaseException:
        print(c.logs())
        raise
    finally:
        c.close()
    with capsys.disabled():
        print(f"\n{rounds} leaders stopped for 2 s under {WRITERS} writers: {counts}")
