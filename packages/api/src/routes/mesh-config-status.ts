/** `/v1/mesh/config/status`: whether all nodes apply the config that this agent applies, and which do not. */

import { configReportMs, indexTimeMs, topics } from '@skein/core';
import type { MemberView, View } from '@skein/core';
import type { ApiContext } from '../context.ts';
import type { Route } from '../route.ts';
import { versionJson } from '../shape/config-version.ts';
import { byName, compareTexts } from '../shape/node.ts';

export function meshConfigStatusRoutes({ reader }: ApiContext): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/mesh/config/status',
      handle: (request) =>
        reader.read(request, { topics: () => [topics.config, topics.appliedConfig, topics.members], json: statusJson }),
    },
  ];
}

/** Nodes shown at most: after a change in a large mesh it is most of them, for some time. */
const nodesMax = 256;

/** In the order in which they are shown. */
const states = ['different', 'unknown', 'unreachable', 'applied'] as const;
type State = (typeof states)[number];

function statusJson(view: View): unknown {
  const byState = new Map<State, MemberView[]>(states.map((state) => [state, []]));
  for (const member of view.members()) {
    if (member.status === 'left' || member.status === 'leaving') continue;
    byState.get(stateOf(view, member))?.push(member);
  }
  const counts = Object.fromEntries(Array.from(byState, ([state, members]) => [state, members.length]));
  const of = [...byState.values()].reduce((sum, members) => sum + members.length, 0);
  byState.delete('applied');
  const others = [...byState].flatMap(([state, members]) => members.sort(byName).map((member) => ({ state, member })));
  return {
    applied: counts['applied'],
    of,
    different: counts['different'],
    unknown: counts['unknown'],
    unreachable: counts['unreachable'],
    digest: view.appliedConfig,
    entries: [...view.configEntries()].length,
    changedAtMs: indexTimeMs(view.index(topics.config)),
    toldWithinMs: configReportMs(of),
    nodes: others.slice(0, nodesMax).map(({ state, member }) => ({
      id: member.id,
      name: member.name,
      state,
      status: member.status,
      digest: member.appliedConfig,
    })),
    refused: refusedJson(view),
  };
}

function stateOf(view: View, member: MemberView): State {
  if (member.id === view.self) return 'applied';
  if (member.status === 'failed' || !member.reachable) return 'unreachable';
  // What it told before a restart says nothing of what it applies now.
  if (member.appliedConfig === '' || member.catalogEpoch !== member.record.epoch) return 'unknown';
  return member.appliedConfig === view.appliedConfig ? 'applied' : 'different';
}

/** The entries whose newest version this agent holds and does not apply. */
function refusedJson(view: View): readonly unknown[] {
  return Array.from(view.configHistories(), ([newest]) => newest)
    .filter((newest) => newest?.state === 'quarantined')
    .map((newest) => newest!)
    .sort(({ version: a }, { version: b }) => compareTexts(a.kind, b.kind) || compareTexts(a.name, b.name))
    .map(({ version, reason }) => ({ kind: version.kind, name: version.name, ...versionJson(view, version), reason }));
}
