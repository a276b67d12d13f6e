# SPDX-License-Identifier: Apache-2.0
"""Components that people install: manifests with their use of the API are taken as they are, and a
second time change nothing."""
import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent / "manifests"
COMPONENTS = sorted(p.stem for p in FOLDER.glob("*.yaml"))


def count(path):
    return sum(1 for x in path.read_text(encoding="utf-8").split("---\n") if "kind:" in x)


@pytest.mark.parametrize("name", COMPONENTS)
def test_applied(master, name):
    path = FOLDER / f"{name}.yaml"
    for space in ("default", "kube-system"):
        master.api("POST", f"/api/v1/namespaces/{space}/serviceaccounts", {"metadata": {"name": "default"}})
    out = master.kubectl("apply", "-f", str(path)).stdout.splitlines()
    assert len(out) == count(path) and all(" created" in x for x in out), out
    p = master.kubectl("apply", "-f", str(path))
    # (Of a budget's selector, which is replaced, kubectl always sends the whole.)
    assert all(" unchanged" in x or "poddisruptionbudget" in x for x in p.stdout.splitlines()), p.stdout
    assert not p.stderr, p.stderr
    p = master.kubectl("diff", "-f", str(path), check=False)
    assert p.returncode == 0, p.stdout + p.stderr
    # As helm 4 and GitOps tools do it; nothing changes but who owns the fields.
    # (By force the first time: in atomic parts kubectl's apply owns the defaults too.)
    for force in (["--force-conflicts"], []):
        p = master.kubectl("apply", "--server-side", "--field-manager=gitops",
                           *force, "-f", str(path),
                           version="1.35")
        assert all("serverside-applied" in x for x in p.stdout.splitlines()), p.stdout
    objs = json.loads(master.kubectl("get", "-f", str(path), "--show-managed-fields", "-o",
                                     "json").stdout)["items"]
    assert len(objs) == count(path)
    for o in objs:  # of some nothing but the name was said
        said = o["kind"] != "Namespace" and (o.get("spec") or o.get("rules") or o.get("data"))
        managers = [f["manager"] for f in o["metadata"]["managedFields"]]
        assert not said or "gitops" in managers, o
    master.kubectl("get", "-f", str(path), "-o", "wide")
    master.kubectl("describe", "-f", str(path))
    master.kubectl("delete", "-f", str(path), "--wait=false")
