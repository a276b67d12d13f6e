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


def test_one_audit_id_in_both_logs(two):
    """Whoever passes a request on says by which id it is known; a client may have given one."""
    m = two.followers()[0]
    logs = [two.dir / f"audit{i}" for i in range(2)]

    def both(ident):
        wait_until("it is in both logs", lambda: all(f'"auditID":"{ident}"' in log.read_text() for log in logs))
    two[0].api("POST", MAPS, {"metadata": {"name": "audited"}})
    _, headers, _ = m.raw("DELETE", MAPS + "/audited")
    both(headers["Audit-Id"])
    _, headers, _ = m.raw("DELETE", MAPS + "/audited", headers={"Audit-ID": "my-own-id"})
    assert headers["Audit-Id"] == "my-own-id"
    both("my-own-id")


def test_exact_lists_at_a_follower(two):
    """A follower's window tells of the same revisions as the leader's."""
    made = [int(two[0].api("POST", MAPS, {"metadata": {"name": f"exact{i}"}})[1]["metadata"]["resourceVersion"])
            for i in range(3)]
    two[0].api("DELETE", MAPS + "/exact1")
    for m in two.all:
        for n, rev in enumerate(made):
            status, got = m.api("GET", f"{MAPS}?resourceVersion={rev}&resourceVersionMatch=Exact")
            assert status == 200 and got["metadata"]["resourceVersion"] == str(rev), got
            names = [o["metadata"]["name"] for o in got["items"]]
            assert [x for x in names if x.startswith("exact")] == [f"exact{i}" for i in range(n + 1)]
    # The pages of one list, each at another master.
    token, seen = "", []
    for i in range(9):
        _, got = two[i % 2].api("GET", f"{MAPS}?limit=1" + (f"&continue={token}" if token else f"&resourceVersion={made[-1]}"))
        seen += [o["metadata"]["name"] for o in got["items"]]
        token = got["metadata"].get("continue")
        if not token:
            break
    assert [x for x in seen if x.startswith("exact")] == ["exact0", "exact1", "exact2"]
