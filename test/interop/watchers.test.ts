/**
 * Programs that watch a mesh through one of its agents, as they watch one through an agent of Consul. They wait most of the
 * time, so they do it side by side.
 */

import { test } from 'vitest';
import { writesWhatIsSo } from './consul-template.ts';
import { findsTargets } from './prometheus.ts';
import { goesOnAfterRestart } from './restart.ts';

const timeout = 180_000;

test.concurrent(
  'consul-template writes what is so after each change for a minute, and asks nothing while nothing changes',
  { timeout },
  writesWhatIsSo,
);

test.concurrent.for(['prometheus', 'victoria-metrics'] as const)(
  '%s finds the instances of a mesh with all their labels, and drops them as they fail, leave and die',
  { timeout },
  findsTargets,
);

test.concurrent(
  'after all agents of a mesh are killed and start again nothing that was registered is lost, and who watches goes on',
  { timeout },
  goesOnAfterRestart,
);
