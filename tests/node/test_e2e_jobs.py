# SPDX-License-Identifier: Apache-2.0
"""Jobs and CronJobs with real containers: kubectl create job, wait, helm hooks."""
import time

import pytest

from e2e_objects import IMAGE, apply
from lab import VERSIONS, cluster, wait_until  # noqa: F401  pylint: disable=unused-import


def job(name, script, spec=None, template=None):
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {
        "template": {"spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0,
                              "containers": [{"name": "c", "image": IMAGE,
                                              "command": ["sh", "-c", script]}],
                              **(template or {})}},
        **(spec or {})}}


@pytest.fixture
def k(cluster):
    k = cluster.kubectl()
    yield k
    k.run("delete", "cronjobs,jobs", "--all", "--timeout=60s")
    wait_until("no pod is left", lambda: not k.json("get", "pods")["items"])


def condition(k, name):
    return {c["type"]: c.get("reason") for c in k.json("get", "job", name)["status"]["conditions"]
            if c["status"] == "True"}


@pytest.mark.parametrize("version", list(VERSIONS))
def test_create_and_wait(k, cluster, version):
    k = cluster.kubectl(version)
    name = "j" + version.replace(".", "-")
    k.run("create", "job", name, f"--image={IMAGE}", "--", "sh", "-c", "echo done by $HOSTNAME")
    k.run("wait", "--for=condition=complete", f"job/{name}", "--timeout=30s")
    assert k.run("logs", f"job/{name}").startswith("done by " + name)
    row = k.run("get", "job", name).splitlines()[1].split()
    assert "1/1" in row
    assert "Job completed" in k.run("describe", "job", name)
    pods = k.json("get", "pods", "-l", f"job-name={name}")["items"]
    assert [p["metadata"].get("finalizers") for p in pods] == [None]
    # kubectl deletes in the background: the pod goes with it.
    k.run("delete", "job", name)
    wait_until("pods are gone", lambda: not k.json("get", "pods", "-l", f"job-name={name}")["items"])


def test_indexed(k):
    apply(k, job("ix", "echo $JOB_COMPLETION_INDEX; [ $(hostname) = ix-$JOB_COMPLETION_INDEX ]",
                 {"completionMode": "Indexed", "completions": 4, "parallelism": 2}))
    k.run("wait", "--for=condition=complete", "job/ix", "--timeout=30s")
    status = k.json("get", "job", "ix")["status"]
    assert (status["succeeded"], status["completedIndexes"]) == (4, "0-3")
    assert "failed" not in status
    out = k.run("logs", "-l", "job-name=ix", "--tail=-1").split()
    assert sorted(out) == ["0", "1", "2", "3"]


def test_fails(k):
    apply(k, job("bad", "exit 42", {"backoffLimit": 3, "podFailurePolicy": {"rules": [
        {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}]}}))
    k.run("wait", "--for=condition=failed", "job/bad", "--timeout=30s")
    assert condition(k, "bad") == {"FailureTarget": "PodFailurePolicy",
                                   "Failed": "PodFailurePolicy"}
    apply(k, job("limit", "exit 1", {"backoffLimit": 0}))
    k.run("wait", "--for=condition=failed", "job/limit", "--timeout=30s")
    assert condition(k, "limit")["Failed"] == "BackoffLimitExceeded"
    assert k.json("get", "job", "limit")["status"]["failed"] == 1
    # Containers that start again in the same pod count as well.
    apply(k, job("again", "exit 1", {"backoffLimit": 1}, {"restartPolicy": "OnFailure"}))
    k.run("wait", "--for=condition=failed", "job/again", "--timeout=60s", timeout=70)


def test_deadline_suspend_ttl(k):
    apply(k, job("late", "sleep 600", {"activeDeadlineSeconds": 2}))
    k.run("wait", "--for=condition=failed", "job/late", "--timeout=30s")
    assert condition(k, "late")["Failed"] == "DeadlineExceeded"
    apply(k, job("held", "sleep 600", {"suspend": True}))
    wait_until("suspended", lambda: "Suspended" in condition(k, "held")
               if k.json("get", "job", "held").get("status", {}).get("conditions") else False)
    assert not k.json("get", "pods", "-l", "job-name=held")["items"]
    k.run("patch", "job", "held", "-p", '{"spec":{"suspend":false}}')
    k.run("wait", "--for=condition=Ready", "pod", "-l", "job-name=held", "--timeout=30s")
    k.run("patch", "job", "held", "-p", '{"spec":{"suspend":true}}')
    wait_until("its pod is gone", lambda: not k.json("get", "pods", "-l", "job-name=held")["items"])
    assert "failed" not in k.json("get", "job", "held")["status"]
    apply(k, job("short", "true", {"ttlSecondsAfterFinished": 1}))
    wait_until("the Job is gone", lambda: k.call("get", "job", "short").returncode != 0)
    wait_until("its pod too", lambda: not k.json("get", "pods", "-l", "job-name=short")["items"])


def test_cronjob(k):
    k.run("create", "cronjob", "tick", f"--image={IMAGE}", "--schedule=0 0 1 1 *", "--",
          "sh", "-c", "echo tick")
    k.run("patch", "cronjob", "tick", "-p", '{"spec":{"timeZone":"Asia/Tokyo"}}')
    assert "Asia/Tokyo" in k.run("get", "cronjob", "tick")
    k.run("create", "job", "by-hand", "--from=cronjob/tick")
    k.run("wait", "--for=condition=complete", "job/by-hand", "--timeout=30s")
    assert k.run("logs", "job/by-hand") == "tick\n"
    wait_until("the success is noted",
               lambda: "lastSuccessfulTime" in k.json("get", "cronjob", "tick")["status"])
    # A time that is due every second is due soon.
    k.run("patch", "cronjob", "tick", "-p", '{"spec":{"schedule":"@every 1s"}}')
    made = lambda: [j for j in k.json("get", "jobs")["items"]  # noqa: E731
                    if j["metadata"]["name"].startswith("tick-")]
    wait_until("a Job is made", made)
    name = made()[0]["metadata"]["name"]
    k.run("patch", "cronjob", "tick", "-p", '{"spec":{"suspend":true}}')
    k.run("wait", "--for=condition=complete", f"job/{name}", "--timeout=30s")
    time.sleep(0.2)
    assert "lastScheduleTime" in k.json("get", "cronjob", "tick")["status"]
    wait_until("none is active", lambda: not k.json("get", "cronjob", "tick")["status"].get("active"))


@pytest.mark.parametrize("version", ["1.30", "1.35"])
def test_helm_hook(k, cluster, tmp_path, version):
    helm, name = cluster.kubectl(version, "helm"), "hook" + version[-2:]
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: hooked\nversion: 0.1.0\n")
    (tmp_path / "templates/hook.yaml").write_text(f"""
apiVersion: batch/v1
kind: Job
metadata:
  name: {{{{ .Release.Name }}}}-before
  annotations:
    helm.sh/hook: pre-install
    helm.sh/hook-delete-policy: hook-succeeded
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{{name: c, image: {IMAGE}, command: [sh, -c, "{{{{ .Values.run }}}}"]}}]
""")
    (tmp_path / "templates/cm.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-after}\n")
    helm.run("install", name, str(tmp_path), "--set", "run=true", "--timeout", "60s", timeout=90)
    assert k.call("get", "job", f"{name}-before").returncode != 0  # deleted, as it says
    k.run("get", "configmap", f"{name}-after")
    helm.run("uninstall", name, timeout=90)
    p = helm.call("install", name + "x", str(tmp_path), "--set", "run=exit 3", "--timeout", "60s",
                  timeout=90)
    # helm 3 says why (BackoffLimitExceeded), helm 4 how many.
    assert p.returncode != 0 and "pre-install" in p.stderr
    assert k.call("get", "configmap", f"{name}x-after").returncode != 0
    helm.run("uninstall", name + "x", timeout=90)
