// SPDX-License-Identifier: Apache-2.0
// One contender for the Lease "elect", by the rules of client-go's leaderelection: who finds it
// unchanged for its whole duration, by its own clock, takes it; each write says which version it
// has seen. A line of JSON for each time this one begins or ceases to lead.
import { setTimeout as sleep } from "node:timers/promises";
import * as k8s from "@kubernetes/client-node";

const me = process.argv[2], seconds = Number(process.argv[3]), namespace = "default", name = "elect";
const kc = new k8s.KubeConfig();
kc.loadFromFile(process.env.KUBECONFIG);
const leases = kc.makeApiClient(k8s.CoordinationV1Api);
const say = (o) => process.stdout.write(JSON.stringify({ me, ...o }) + "\n");
let leads = false, seen = "", seenAt = 0;

function spec(old) {
  const now = new k8s.V1MicroTime();
  const mine = old?.holderIdentity === me;
  return { holderIdentity: me, leaseDurationSeconds: seconds, renewTime: now,
    acquireTime: mine ? new k8s.V1MicroTime(old.acquireTime) : now,
    leaseTransitions: old ? (old.leaseTransitions ?? 0) + (mine ? 0 : 1) : 0 };
}

function lead(yes, lease) {
  if (yes !== leads)
    say({ leads: yes, rv: lease?.metadata.resourceVersion, transitions: lease?.spec.leaseTransitions });
  leads = yes;
}

async function step() {
  let lease;
  try {
    lease = await leases.readNamespacedLease({ name, namespace });
  } catch (e) {
    if (e.code !== 404) throw e;
    lead(true, await leases.createNamespacedLease({ namespace, body: { metadata: { name }, spec: spec() } }));
    return;
  }
  if (lease.metadata.resourceVersion !== seen) {
    seen = lease.metadata.resourceVersion;
    seenAt = performance.now();
  }
  if (lease.spec.holderIdentity !== me) {
    lead(false, lease);
    if (performance.now() - seenAt < seconds * 1000) return;
  }
  lease.spec = spec(lease.spec);
  lead(true, await leases.replaceNamespacedLease({ name, namespace, body: lease }));
}

for (;;) {
  try {
    await step();
  } catch (e) {
    if (e.code === 409) say({ conflict: true }); // another was faster: look again
  }
  await sleep(seconds * 100);
}
