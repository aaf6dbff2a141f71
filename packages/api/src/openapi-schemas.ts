/** The shapes of what the mesh's own endpoints answer, in JSON Schema. */

export type Json = Readonly<Record<string, unknown>>;

export const text = { type: 'string' };
export const integer = { type: 'integer' };
export const texts = { type: 'array', items: text };
const flag = { type: 'boolean' };
const map = (values: Json): Json => ({ type: 'object', additionalProperties: values });
export const listOf = (items: Json): Json => ({ type: 'array', items });
export const object = (properties: Json): Json => ({ type: 'object', properties, required: Object.keys(properties) });
export const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const orNull = (schema: Json): Json => ({ oneOf: [schema, { type: 'null' }] });

const status = { enum: ['alive', 'suspect', 'leaving', 'left', 'failed'] };
const checkStatus = { enum: ['passing', 'warning', 'critical'] };
const indexes = { createIndex: integer, modifyIndex: integer };
const timeMs = (description: string): Json => ({
  ...integer,
  description: `${description}, in ms since 1970 by this agent's clock.`,
});

/** What is said of a node wherever it is shown. */
const node = {
  id: text,
  name: text,
  status,
  reachable: flag,
  verified: flag,
  linked: flag,
  accusers: texts,
  epoch: integer,
  incarnation: integer,
  address: text,
  addresses: texts,
  region: text,
  zone: text,
  tags: map(text),
};

const version = { id: text, author: text, time: object({ ms: integer, counter: integer }), parent: text };

/** Where a client of the view is. */
const position = {
  stream: { ...text, description: 'Names the life of the agent: an index of another one means nothing here.' },
  index: integer,
};

const viewRows = { nodes: listOf(ref('ViewNode')), instances: listOf(ref('ViewInstance')), config: listOf(ref('ViewConfig')) };

export const schemas: Readonly<Record<string, Json>> = {
  Member: object({
    ...node,
    nodeId: { ...text, format: 'uuid' },
    self: flag,
    knownSinceMs: timeMs('When this agent first knew of it'),
    changedAtMs: timeMs('When what it believes about it last changed'),
    protocolMin: integer,
    protocolMax: integer,
    ...indexes,
  }),
  ConfigEntry: object({
    kind: text,
    name: text,
    value: {},
    version: ref('ConfigVersion'),
    conflicts: listOf(ref('ConfigVersion')),
    quarantined: orNull(ref('ConfigVersion')),
    index: integer,
    createIndex: integer,
  }),
  ConfigVersion: object({ ...version, authorName: text }),
  MeshEvent: {
    ...object({ index: integer, timeMs: timeMs('When this agent saw it'), type: text }),
    description: 'Further keys depend on the type: `member-changed`, `reachability-changed`, `check-changed`, `config-changed`, and so on.',
  },
  View: object({ ...position, self: text, mesh: text, isolated: flag, ...viewRows }),
  ViewDelta: object({
    ...position,
    after: { ...integer, description: 'The index that it follows: that of the event before.' },
    isolated: flag,
    ...viewRows,
    removed: object({
      nodes: texts,
      instances: listOf(object({ node: text, id: text })),
      config: listOf(object({ kind: text, name: text })),
    }),
  }),
  ViewNode: object({
    ...node,
    external: { ...flag, description: 'A host without an agent, that somebody put into the catalog.' },
    checks: listOf(ref('ViewCheck')),
    ...indexes,
  }),
  ViewInstance: object({
    node: { ...text, description: 'The id of its node.' },
    id: text,
    service: text,
    address: text,
    port: integer,
    region: text,
    zone: text,
    tags: texts,
    meta: map(text),
    weights: object({ passing: integer, warning: integer }),
    protocol: text,
    kind: text,
    socketPath: text,
    taggedAddresses: map(object({ address: text, port: integer })),
    status: { ...checkStatus, description: 'The worst of its own checks and those of its node.' },
    routable: { ...flag, description: 'Whether traffic may go there: its node can be reached, and no check is critical.' },
    checks: { ...listOf(ref('ViewCheck')), description: 'Its own; those of its node are in the row of the node.' },
    ...indexes,
  }),
  ViewCheck: object({ id: text, name: text, type: text, status: checkStatus, notes: text, output: text }),
  ViewConfig: object({
    kind: text,
    name: text,
    value: {},
    version: object(version),
    conflicts: listOf(object(version)),
    quarantined: orNull(object({ ...version, reason: text })),
    createIndex: integer,
    index: integer,
  }),
};
