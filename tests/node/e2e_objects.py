# SPDX-License-Identifier: Apache-2.0
"""Objects the end-to-end tests apply, and requests from within a pod."""
import yaml

IMAGE = "knarr.example/hello:1"


def deployment(name, replicas=3, **container):
    c = {"name": "hello", "image": IMAGE,
         "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1}, **container}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [c]}}}}


def service(name, port=80, **spec):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {
        "selector": {"app": name}, "ports": [{"port": port, "targetPort": 8080}], **spec}}


def apply(k, *objects):
    k.run("apply", "-f", "-", input="---\n".join(yaml.safe_dump(o) for o in objects))


def pod(name, script="sleep 3600", spec=None, **container):
    """A pod of one container "c" that runs a shell script; **container goes into the container."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {
        "terminationGracePeriodSeconds": 0,
        "containers": [{"name": "c", "image": IMAGE, "command": ["sh", "-c", script], **container}],
        **(spec or {})}}


def container_status(k, name, container="c"):
    """status.containerStatuses (or init) of one container of a pod; {} before it has one."""
    status = k.json("get", "pod", name)["status"]
    for c in status.get("containerStatuses", []) + status.get("initContainerStatuses", []):
        if c["name"] == container:
            return c
    return {}


def client_pod(k, name="client"):
    apply(k, pod(name))
    k.run("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=30s")


def requests_in_pod(k, url, n, pod="client", pause=""):
    """n requests from within a pod: the list of answers; a failed one is its error text."""
    # (-T makes the wget of Debian's busybox 1.35 end by SIGSEGV.)
    script = (f'i=0; while [ $i -lt {n} ]; do timeout 5 wget -q -O - {url} 2>&1 || echo "failed $i"; '
              f'i=$((i+1)); {pause} done')
    return k.run("exec", pod, "--", "sh", "-c", script, timeout=120).splitlines()
