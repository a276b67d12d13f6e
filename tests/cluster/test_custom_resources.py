# SPDX-License-Identifier: Apache-2.0
"""Kinds made at run time are there on every master, also on one that follows, comes back or leads
after another."""
import threading

import pytest

from lab import wait_until
from masters import Masters

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
PATH = "/apis/many.example.com/v1/namespaces/default/things"


@pytest.fixture(name="three")
def fixture_three(tmp_path):
    c = Masters(tmp_path, 3)
    try:
        yield c
    finally:
        print(c.logs())
        c.close()


def definition(**props):
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "things.many.example.com"},
            "spec": {"group": "many.example.com", "scope": "Namespaced",
                     "names": {"plural": "things", "kind": "Thing"},
                     "versions": [{"name": "v1", "served": True, "storage": True, "schema": {
                         "openAPIV3Schema": {"type": "object", "properties": {
                             "n": {"type": "integer", "default": 1, "x-kubernetes-validations": [
                                 {"rule": "self > 0", "message": "positive"}]}, **props}}}}]}}


def thing(name, **members):
    return {"apiVersion": "many.example.com/v1", "kind": "Thing", "metadata": {"name": name}, **members}


def test_kinds_follow(three):
    follower = three.followers()[0]
    status, got = follower.api("POST", CRDS, definition())
    assert status == 201, got
    for m in three.all:
        wait_until(f"{m.name} serves it", lambda m=m: m.api("GET", PATH)[0] == 200)
    for i, m in enumerate(three.all):
        status, got = m.api("POST", PATH, thing(f"t{i}"))
        assert status == 201 and got["n"] == 1, got
        status, got = m.api("POST", PATH, thing("bad", n=-1))
        assert status == 422 and "positive" in got["message"], got
    for m in three.all:
        assert {o["metadata"]["name"] for o in m.api("GET", PATH)[1]["items"]} == {"t0", "t1", "t2"}
        assert any(g["name"] == "many.example.com" for g in m.api("GET", "/apis")[1]["groups"])

    # a new schema is in force everywhere, and ends the watches of the old one
    events = []
    t = threading.Thread(target=lambda: events.extend(follower.watch(PATH, 20)))
    t.start()
    wait_until("the watch runs", lambda: follower.api("GET", PATH)[0] == 200)
    status, cur = three[0].api("GET", f"{CRDS}/things.many.example.com")
    cur["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["late"] = {
        "type": "string", "default": "x"}
    assert three[1].api("PUT", f"{CRDS}/things.many.example.com", cur)[0] == 200
    t.join(15)
    assert not t.is_alive()
    for m in three.all:
        wait_until(f"{m.name} knows it", lambda m=m: m.api("GET", f"{PATH}/t0")[1].get("late") == "x")

    # the leader dies: who follows knows the kind, and so does the dead one when it comes back
    old = three.leader()
    old.daemon.kill()
    rest = three.alive()
    wait_until("writes go on", lambda: rest[0].api("POST", PATH, thing("after"))[0] in (201, 409))
    old.start()
    wait_until("it is back", lambda: old.api("GET", f"{PATH}/after")[0] == 200)
    assert rest[1].api("DELETE", f"{CRDS}/things.many.example.com")[0] == 200
    for m in three.all:
        wait_until(f"{m.name} forgets it", lambda m=m: m.api("GET", PATH)[0] == 404)
        assert m.api("GET", f"{CRDS}/things.many.example.com")[0] == 404
