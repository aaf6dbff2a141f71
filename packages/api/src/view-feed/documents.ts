/** A View as text: whole, in pieces, and what changed between two. */

import type { View, ViewChanges } from '@skein/core';
import { configRow, instanceKey, instanceRow, nodeRow } from '../shape/view-row.ts';

/** What a snapshot and a delta begin with. */
export interface Head {
  /** Names the life of this agent: indexes of another one mean nothing here. */
  readonly stream: string;
  readonly index: number;
}

/** About so much of a snapshot is made at a time, so that a large one does not hold the event loop up. */
const pieceLength = 65_536;

/** The JSON of a View, piece by piece. Made as it is taken: what is not taken costs nothing. */
export function* snapshotPieces({ stream, index }: Head, view: View): Generator<string, void, undefined> {
  const { self, mesh, isolated } = view;
  let piece = `${JSON.stringify({ stream, index, self, mesh, isolated }).slice(0, -1)},"nodes":[`;
  let comma = '';
  for (const text of rows(view)) {
    piece += text.startsWith(']') ? text : comma + text;
    comma = text.startsWith(']') ? '' : ',';
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = '';
  }
  yield `${piece}]}`;
}

/** The rows as JSON, and between sorts of rows what ends a list and begins the next. */
function* rows(view: View): Generator<string, void, undefined> {
  for (const node of view.members()) yield JSON.stringify(nodeRow(node));
  for (const node of view.externalNodes()) yield JSON.stringify(nodeRow(node));
  yield '],"instances":[';
  for (const service of view.services()) for (const instance of service.instances) yield JSON.stringify(instanceRow(instance));
  yield '],"config":[';
  for (const entry of view.configEntries()) yield JSON.stringify(configRow(entry));
}

/** The JSON of what changed after the index `after`. */
export function deltaText({ stream, index }: Head, after: number, view: View, changes: ViewChanges): string {
  const { nodes, instances, config } = changes;
  return JSON.stringify({
    stream,
    index,
    after,
    isolated: view.isolated,
    nodes: nodes.upserted.map(nodeRow),
    instances: instances.upserted.map(instanceRow),
    config: config.upserted.map(configRow),
    removed: {
      nodes: nodes.removed.map(({ id }) => id),
      instances: instances.removed.map(instanceKey),
      config: config.removed.map(({ kind, name }) => ({ kind, name })),
    },
  });
}

export function isEmpty({ nodes, instances, config }: ViewChanges): boolean {
  return [nodes, instances, config].every(({ upserted, removed }) => upserted.length === 0 && removed.length === 0);
}
