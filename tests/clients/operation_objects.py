# SPDX-License-Identifier: Apache-2.0
"""The smallest useful object of each kind that test_operations.py makes, and a status for those
which have one. NAME is put into metadata.name."""
CONTAINER = {"name": "c", "image": "registry.example/c:1"}
TEMPLATE = {"metadata": {"labels": {"app": "op"}}, "spec": {"containers": [CONTAINER]}}
SELECTOR = {"matchLabels": {"app": "op"}}
CONDITION = {"type": "Checked", "status": "True", "reason": "Test", "message": "by the test",
             "lastTransitionTime": "2026-01-02T03:04:05Z"}
WEBHOOK = {"name": "hook.example.com", "clientConfig": {"url": "https://hook.example.com/x"},
           "sideEffects": "None", "admissionReviewVersions": ["v1"],
           "namespaceSelector": {"matchLabels": {"no": "one"}}}
MATCH = {"namespaceSelector": {"matchLabels": {"no": "one"}}, "resourceRules": [
    {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"],
     "resources": ["deployments"]}]}


def csr_request():
    """A certificate request in base64, made once."""
    import base64
    import subprocess
    import tempfile
    with tempfile.TemporaryDirectory() as d:
        out = subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
                              "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{d}/k", "-subj",
                              "/CN=op"], check=True, capture_output=True).stdout
    return base64.b64encode(out).decode()


CSR = csr_request()

# kind -> everything but metadata, or a function of the name
OBJECTS = {
    "ConfigMap": {"data": {"a": "1"}},
    "Endpoints": {"subsets": [{"addresses": [{"ip": "10.1.2.3"}], "ports": [{"port": 80}]}]},
    "Event": {"involvedObject": {"kind": "Pod", "namespace": "default", "name": "p"},
              "reason": "Tested", "message": "m", "type": "Normal"},
    "LimitRange": {"spec": {"limits": [{"type": "Container", "max": {"cpu": "2"},
                                        "default": {"cpu": "1"},
                                        "defaultRequest": {"cpu": "500m"}}]}},
    "Namespace": {},
    "Node": {},
    "PersistentVolume": {"spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
                                  "hostPath": {"path": "/tmp/op"}}},
    "PersistentVolumeClaim": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {
        "requests": {"storage": "1Gi"}}, "storageClassName": ""}},
    "Pod": {"spec": {"containers": [CONTAINER]}},
    "PodTemplate": {"template": TEMPLATE},
    "ReplicationController": {"spec": {"replicas": 0, "selector": {"app": "op"},
                                       "template": TEMPLATE}},
    "ResourceQuota": {"spec": {"hard": {"services": "100"}}},
    "Secret": {"data": {"a": "MQ=="}},
    "Service": {"spec": {"ports": [{"port": 80, "protocol": "TCP"}], "selector": {"app": "op"}}},
    "ServiceAccount": {},
    "MutatingAdmissionPolicy": {"spec": {
        "failurePolicy": "Fail", "reinvocationPolicy": "Never", "matchConstraints": MATCH,
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {
            "expression": 'Object{metadata: Object.metadata{labels: {"a": "b"}}}'}}]}},
    "MutatingAdmissionPolicyBinding": {"spec": {"policyName": "op"}},
    "MutatingWebhookConfiguration": {"webhooks": [WEBHOOK]},
    "ValidatingAdmissionPolicy": {"spec": {"matchConstraints": MATCH, "validations": [
        {"expression": "object.spec.replicas <= 5"}]}},
    "ValidatingAdmissionPolicyBinding": {"spec": {"policyName": "op",
                                                  "validationActions": ["Deny"]}},
    "ValidatingWebhookConfiguration": {"webhooks": [WEBHOOK]},
    "CustomResourceDefinition": lambda n: {"spec": {
        "group": "op.example.com", "scope": "Namespaced",
        "names": {"plural": n.split(".")[0], "kind": n.split(".")[0].capitalize()},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {
            "openAPIV3Schema": {"type": "object"}}}]}},
    "APIService": lambda n: {"spec": {
        "group": n.split(".", 1)[1], "version": "v1", "groupPriorityMinimum": 1000,
        "versionPriority": 10, "insecureSkipTLSVerify": True,
        "service": {"namespace": "default", "name": "op"}}},
    "ControllerRevision": {"revision": 1, "data": {"spec": {}}},
    "DaemonSet": {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    "Deployment": {"spec": {"replicas": 0, "selector": SELECTOR, "template": TEMPLATE}},
    "ReplicaSet": {"spec": {"replicas": 0, "selector": SELECTOR, "template": TEMPLATE}},
    "StatefulSet": {"spec": {"replicas": 0, "serviceName": "s", "selector": SELECTOR,
                             "template": TEMPLATE}},
    "CronJob": {"spec": {"schedule": "0 0 * * *", "suspend": True, "jobTemplate": {"spec": {
        "template": {"spec": {"restartPolicy": "Never", "containers": [CONTAINER]}}}}}},
    "Job": {"spec": {"suspend": True, "template": {"spec": {"restartPolicy": "Never",
                                                            "containers": [CONTAINER]}}}},
    "CertificateSigningRequest": {"spec": {"request": CSR, "signerName": "example.com/op",
                                           "usages": ["client auth"]}},
    "Lease": {"spec": {"holderIdentity": "me", "leaseDurationSeconds": 30}},
    "EndpointSlice": {"addressType": "IPv4", "endpoints": [{"addresses": ["10.1.2.3"]}],
                      "ports": [{"name": "a", "port": 80, "protocol": "TCP"}]},
    "events.k8s.io/Event": {"eventTime": "2026-01-02T03:04:05.000000Z", "action": "Test",
                            "reason": "Tested", "reportingController": "example.com/op",
                            "reportingInstance": "op-1", "type": "Normal",
                            "regarding": {"kind": "Pod", "namespace": "default", "name": "p"}},
    "FlowSchema": {"spec": {"priorityLevelConfiguration": {"name": "op"},
                            "matchingPrecedence": 9000, "distinguisherMethod": {"type": "ByUser"},
                            "rules": [{"subjects": [{"kind": "User", "user": {"name": "op"}}],
                                       "nonResourceRules": [{"verbs": ["get"],
                                                             "nonResourceURLs": ["/op"]}]}]}},
    "PriorityLevelConfiguration": {"spec": {"type": "Limited", "limited": {
        "nominalConcurrencyShares": 2, "limitResponse": {"type": "Reject"}}}},
    "IPAddress": {"spec": {"parentRef": {"resource": "services", "namespace": "default",
                                         "name": "op"}}},
    "Ingress": {"spec": {"defaultBackend": {"service": {"name": "op", "port": {"number": 80}}}}},
    "IngressClass": {"spec": {"controller": "example.com/op"}},
    "NetworkPolicy": {"spec": {"podSelector": SELECTOR, "policyTypes": ["Ingress"]}},
    "ServiceCIDR": {"spec": {"cidrs": ["10.77.0.0/24"]}},
    "RuntimeClass": {"handler": "op"},
    "PodDisruptionBudget": {"spec": {"minAvailable": 1, "selector": SELECTOR}},
    "ClusterRole": {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    "ClusterRoleBinding": {"roleRef": {"apiGroup": "rbac.authorization.k8s.io",
                                       "kind": "ClusterRole", "name": "view"}},
    "Role": {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    "RoleBinding": {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                                "name": "view"}},
    "DeviceClass": {"spec": {"selectors": [{"cel": {"expression": "device.driver == 'a.example'"}}]}},
    "ResourceClaim": {"spec": {"devices": {"requests": [
        {"name": "r", "exactly": {"deviceClassName": "op.example.com"}}]}}},
    "ResourceClaimTemplate": {"spec": {"spec": {"devices": {"requests": [
        {"name": "r", "exactly": {"deviceClassName": "op.example.com"}}]}}}},
    "ResourceSlice": {"spec": {"driver": "op.example.com", "nodeName": "n1",
                               "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1}}},
    "PriorityClass": {"value": 1000},
    "CSIDriver": {"spec": {"attachRequired": False}},
    "CSINode": {"spec": {"drivers": []}},
    "CSIStorageCapacity": {"storageClassName": "op", "capacity": "1Gi"},
    "StorageClass": {"provisioner": "example.com/op"},
    "VolumeAttachment": {"spec": {"attacher": "example.com", "nodeName": "n1",
                                  "source": {"persistentVolumeName": "pv"}}},
    "VolumeAttributesClass": {"driverName": "example.com", "parameters": {"iops": "1"}},
}

# kind -> a status the status sub-resource takes, without times that a client would have to parse
STATUSES = {
    "CustomResourceDefinition": {"conditions": [CONDITION]},
    "APIService": {"conditions": [CONDITION]},
    "DaemonSet": {"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0,
                  "numberReady": 0, "observedGeneration": 1},
    "Deployment": {"observedGeneration": 1},
    "ReplicaSet": {"replicas": 0, "observedGeneration": 1},
    "StatefulSet": {"replicas": 0, "observedGeneration": 1},
    "ReplicationController": {"replicas": 0, "observedGeneration": 1},
    "CronJob": {"lastScheduleTime": "2026-01-02T03:04:05Z"},
    "Job": {"active": 1},
    "FlowSchema": {"conditions": [dict(CONDITION, type="Dangling")]},
    "PriorityLevelConfiguration": {"conditions": [CONDITION]},
    "Ingress": {"loadBalancer": {"ingress": [{"ip": "192.0.2.10"}]}},
    "ServiceCIDR": {"conditions": [CONDITION]},
    "PodDisruptionBudget": {"currentHealthy": 1, "desiredHealthy": 1, "disruptionsAllowed": 0,
                            "expectedPods": 1},
    "ResourceClaim": {"allocation": {"devices": {"results": [
        {"request": "r", "driver": "op.example.com", "pool": "p", "device": "d"}]}}},
    "VolumeAttachment": {"attached": True},
    "ValidatingAdmissionPolicy": {"observedGeneration": 1, "conditions": [CONDITION]},
    "CertificateSigningRequest": {"conditions": [dict(CONDITION, type="Failed")]},
    "Namespace": {"phase": "Active", "conditions": [CONDITION]},
    "Node": {"conditions": [CONDITION]},
    "PersistentVolume": {"phase": "Available", "reason": "R"},
    "PersistentVolumeClaim": {"phase": "Pending", "conditions": [CONDITION]},
    "Pod": {"conditions": [CONDITION], "reason": "R"},
    "ResourceQuota": {"hard": {"services": "100"}, "used": {"services": "1"}},
    "Service": {"conditions": [CONDITION]},
}

# names which are not just "op-N"
NAMES = {
    "CustomResourceDefinition": "ops{}.op.example.com",
    "APIService": "v1.op{}.example.com",
    "IPAddress": lambda n: f"10.97.{n // 256}.{n % 256}",
    "CSIDriver": "op{}.example.com",
    "DeviceClass": "op{}.example.com",
}
