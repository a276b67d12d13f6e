#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The master with nothing to do: start to /readyz, resident memory, processor time. Peer: what was
measured of an upstream control plane (apiserver, controllers, scheduler, etcd) for the same."""
import time

import kit

UPSTREAM = "upstream control plane"
IDLE_S = 2 if kit.QUICK else 20


def main():
    m = kit.Master()
    kit.figure("master.first_start_to_readyz", m.start() * 1000, "ms")
    m.account()  # the controllers have come up
    m.stop()

    def again():
        took = m.start() * 1000
        m.stop()
        return took

    kit.figure("master.start_to_readyz", *kit.paired(1 if kit.QUICK else 5, again), "ms", UPSTREAM,
               4200)
    m.start()
    time.sleep(1.5)
    cpu = kit.cpu_s(m.p.pid)
    time.sleep(IDLE_S)
    cpu = kit.cpu_s(m.p.pid) - cpu
    kit.figure("master.idle_memory", m.rss_kb() / 1024, "MiB", UPSTREAM, 468)
    kit.figure("master.idle_memory.private", kit.private_kb(m.p.pid) / 1024, "MiB")
    kit.figure("master.idle_cpu", 100 * cpu / IDLE_S, "%", UPSTREAM, 5)
    m.stop()


main()
