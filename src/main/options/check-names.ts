// The names of the monitor's own checks, as --checkers takes them.

export const checkNames = ['server-health', 'region-health', 'load-balancer-health'] as const;

export type CheckName = (typeof checkNames)[number];

/** Runs unless others are named. */
export const usualCheck: CheckName = 'server-health';
