# SPDX-License-Identifier: Apache-2.0
"""What a master that does not lead does with requests of its own: who is refused, who is named."""
import json
import re
import time

import pytest

from lab import wait_until
from masters import Masters

SECRETS = "/api/v1/namespaces/default/secrets"
MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(scope="module", name="two")
def fixture_two(tmp_path_factory):
    c = Masters(tmp_path_factory.mktemp("followers"), 0)
    try:
        for i in range(2):
            c.add(options=["--no-scheduler", "--no-controllers", "--audit-log-path",
                           str(c.dir / f"audit{i}")])
        yield c
    finally:
        print(c.logs())
        c.close()


def executing(m):
    """Seats taken, by priority level."""
    status, _, text = m.raw("GET", "/metrics")
    assert status == 200
    found = re.findall(r'current_executing_requests{priority_level="(.*)"} (\d+)', text.decode())
    assert found
    return {name: int(n) for name, n in found}


def test_refused_requests_leave_no_seat_taken(two):
    """Each of them was looked at twice: before and after the follower had caught up."""
    m = two.followers()[0]
    for _ in range(20):
        status, body = m.api("GET", SECRETS, headers={"Impersonate-User": "nobody"})
        assert status == 403, body
    wait_until("no request runs", lambda: not any(executing(m).values()))
    status, _ = m.api("GET", "/apis/absent.example.com/v1/things")
    assert status == 404
    wait_until("no request runs", lambda: not any(executing(m).values()))


def test_impersonated_at_a_follower(two):
    """The leader's audit log names both, as if it had been asked itself."""
    m, leader = two.followers()[0], two.leader()
    status, body = m.api("POST", MAPS, {"metadata": {"name": "by-jane"}}, headers={
        "Impersonate-User": "jane", "Impersonate-Group": "system:masters"})
    assert status == 201, body
    log = two.dir / f"audit{two.all.index(leader)}"

    def entry():
        for line in log.read_text().splitlines():
            e = json.loads(line)
            if e["verb"] == "create" and e["stage"] == "ResponseComplete" and \
                    e["user"]["username"] != "system:apiserver" and \
                    e.get("objectRef", {}).get("resource") == "configmaps":
                return e
        return None
    e = wait_until("it is in the log", entry)
    assert e["user"]["username"] == "kubernetes-admin"
    assert "system:masters" in e["user"]["groups"]
    assert e["impersonatedUser"]["username"] == "jane"
