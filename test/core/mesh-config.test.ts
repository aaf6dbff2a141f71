/** What the settings of a mesh owe to each other. */

import { profiles } from '@skein/core';
import { suspicionMs } from '@skein/core/parts';
import { describe, expect, test } from 'vitest';

describe.each(Object.entries(profiles))('the profile %s', (_name, config) => {
  test('leaves time for two refutations within the shortest suspicion', () => {
    expect(suspicionMs(config, 3, 3)).toBeGreaterThanOrEqual(2 * config.refuteIntervalMs);
  });

  test('has no mesh go to and fro between full and rings', () => {
    expect(config.fullMeshReturn).toBeLessThan(config.fullMeshLeave);
    expect(config.fullMeshReturn).toBeGreaterThan(2 * config.ringReach);
  });

  test('has co-observers to ask on each ring', () => {
    expect(config.ringReach).toBeGreaterThan(1);
    expect(config.rings * config.ringReach).toBeGreaterThan(config.fanout);
  });

  test('forgets who left before who failed, and neither before a suspicion could end', () => {
    expect(config.leftTombstoneMs).toBeLessThan(config.failedTombstoneMs);
    expect(config.leftTombstoneMs).toBeGreaterThan(suspicionMs(config, 16_384, 1));
  });

  test('has a dial outlast a probe, and back-off grow', () => {
    expect(config.dialTimeoutMs).toBeGreaterThan(config.probeTimeoutMs + config.indirectTimeoutMs);
    expect(config.redialMaxMs).toBeGreaterThan(config.redialMinMs);
  });
});
