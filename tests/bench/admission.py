#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Creates, updates, server-side applies, lists and watches a second with all admission on: Pod
Security, LimitRange, ResourceQuota, policies in CEL and an audit log of everything, beside the same
master without any of it (turn by turn). Webhooks are not among them: they cost what the webhook
does."""
import os
import subprocess
import time

import kit

SECONDS = 0.5 if kit.QUICK else 1.5
ROUNDS = 1 if kit.QUICK else 3
CLIENTS = 64
PODS = 500 if kit.QUICK else 2000
NS = "/api/v1/namespaces/default"
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
AUDIT = """apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: Request
"""


def must(m, method, path, obj, **more):
    status, got = m.api(method, path, obj, **more)
    if status // 100 != 2:
        raise RuntimeError(f"{method} {path}: {status} {got}")


def policy(m, name, resource, expression):
    must(m, "POST", POLICIES + "ies", {"metadata": {"name": name}, "spec": {
        "failurePolicy": "Fail", "matchConstraints": {"resourceRules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
             "resources": [resource]}]},
        "validations": [{"expression": expression}]}})
    must(m, "POST", POLICIES + "ybindings", {"metadata": {"name": name}, "spec": {
        "policyName": name, "validationActions": ["Deny"]}})


def guarded():
    """A master with all of it."""
    m = kit.Master()
    rules = os.path.join(m.dir, "audit.yaml")
    with open(rules, "w", encoding="ascii") as f:
        f.write(AUDIT)
    m.options = ("--audit-policy-file", rules, "--audit-log-path", os.path.join(m.dir, "audit.log"))
    m.start()
    m.account()
    must(m, "PATCH", "/api/v1/namespaces/default", {"metadata": {"labels": {
        f"pod-security.kubernetes.io/{mode}": level for mode, level in
        (("enforce", "baseline"), ("audit", "restricted"))}}}, type="application/merge-patch+json")
    must(m, "POST", NS + "/limitranges", {"metadata": {"name": "limits"}, "spec": {"limits": [
        {"type": "Container", "default": {"cpu": "1", "memory": "512Mi"},
         "defaultRequest": {"cpu": "50m", "memory": "64Mi"}, "max": {"memory": "8Gi"}}]}})
    must(m, "POST", NS + "/resourcequotas", {"metadata": {"name": "quota"}, "spec": {"hard": {
        "pods": "100000000", "requests.cpu": "100000000", "limits.memory": "1000000Ti",
        "configmaps": "1000000"}}})
    policy(m, "images", "pods", "object.spec.containers.all(c, c.image.startsWith('registry.'))")
    policy(m, "names", "pods", "has(object.metadata.labels) && 'app' in object.metadata.labels")
    policy(m, "sizes", "configmaps", "object.data.all(k, size(object.data[k]) < 10000)")
    return m


def compare(name, unit, all_on, without, measure):
    a, b = kit.paired(ROUNDS, lambda: measure(all_on), lambda: measure(without))
    kit.figure(f"admission.{name}", a, unit, "the same without", b)


def rate(*args):
    def measure(m):
        r = m.load(*args)
        if r["errors"]:
            raise RuntimeError(f"{args[0]}: {r['errors']} failed")
        return r["per_s"]
    return measure


def watches(m):
    """Watches opened a second, over connections of 250 each."""
    path = NS + "/secrets"
    began = time.monotonic()
    p = subprocess.Popen([kit.APILOAD, m.kubeconfig, "watch", "500", path + "?watch=true", path],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        if p.stdout.readline() != b"ready\n":
            raise RuntimeError("the watches were not opened")
        return 500 / (time.monotonic() - began)
    finally:
        p.stdin.close()
        kit.end(p)


def main():
    all_on = guarded()
    without = kit.Master()
    without.start()
    without.account()
    for m in (all_on, without):
        m.load("create", 4, 0.2)
        m.load("fill", PODS, 1024)
    compare(f"create_pods.{CLIENTS}_clients", "1/s", all_on, without,
            rate("create", CLIENTS, SECONDS))
    compare(f"update_configmaps.{CLIENTS}_clients", "1/s", all_on, without,
            rate("update", CLIENTS, SECONDS))
    compare(f"apply_pods.{CLIENTS}_clients", "1/s", all_on, without,
            rate("apply", CLIENTS, SECONDS))
    compare("list_500_pods.4_clients", "1/s", all_on, without,
            rate("get", 4, SECONDS, NS + "/pods?limit=500"))
    compare("watches_opened", "1/s", all_on, without, watches)
    kit.figure("admission.audit_log", os.path.getsize(os.path.join(all_on.dir, "audit.log")) / 1e6,
               "MB")
    all_on.stop()
    without.stop()


main()
