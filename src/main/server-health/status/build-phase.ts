// What a bare-metal server does while Nova says BUILD: it waits for a machine, or the machine is being deployed. Only the
// state of its node tells (profile v1.19).

/** Provision states of nodes in which the deployment has begun, or has failed. In all others the machine is not ready yet. */
const deployment: ReadonlySet<string> = new Set([
  'active',
  'adopt failed',
  'clean failed',
  'deploy failed',
  'deploy hold',
  'deploying',
  'error',
  'inspect failed',
  'wait call-back',
]);

/** `provisionState` of the server's node; null when it has no node yet. */
export function buildPhase(provisionState: string | null): 'Queued' | 'Building' {
  return provisionState !== null && deployment.has(provisionState) ? 'Building' : 'Queued';
}
