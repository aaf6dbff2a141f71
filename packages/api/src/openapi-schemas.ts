/** The shapes of what the mesh's own endpoints answer, in JSON Schema. */

export type Json = Readonly<Record<string, unknown>>;

export const text = { type: 'string' };
export const integer = { type: 'integer' };
export const texts = { type: 'array', items: text };
const flag = { type: 'boolean' };
const map = (values: Json): Json => ({ type: 'object', additionalProperties: values });
export const listOf = (items: Json): Json => ({ type: 'array', items });
export const object = (properties: Json): Json => ({ type: 'object', properties, required: Object.keys(properties) });
/** With these as well, which are left out where they say nothing. */
const withOptional = (schema: Json, properties: Json): Json => ({
  ...schema,
  properties: { ...(schema['properties'] as Json), ...properties },
});
export const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const orNull = (schema: Json): Json => ({ oneOf: [schema, { type: 'null' }] });

const status = { enum: ['alive', 'suspect', 'leaving', 'left', 'failed'] };
const checkStatus = { enum: ['passing', 'warning', 'critical'] };
const indexes = { createIndex: integer, modifyIndex: integer };
const timeMs = (description: string): Json => ({
  ...integer,
  description: `${description}, in ms since 1970 by this agent's clock.`,
});

/** `index` grows by one. */
const event = (type: string, fields: Json): Json =>
  object({ index: integer, timeMs: timeMs('When this agent saw it'), type: { const: type }, ...fields });

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

/** Something in a value that is not as it was; `before` or `after` is missing where there is nothing. */
const valueChange = withOptional(object({ path: text }), { before: {}, after: {} });

const namedVersion = { ...version, authorName: text };

/** An instance that could take a request, or why it could not. */
const candidate = { id: text, node: text, address: text, port: integer, status: checkStatus, routable: flag, reasons: texts };

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
    changedAtMs: timeMs('When its record, or whether it may be sent traffic, last changed'),
    protocolMin: integer,
    protocolMax: integer,
    ...indexes,
  }),
  ConfigEntry: withOptional(
    object({
      kind: text,
      name: text,
      value: {},
      version: ref('ConfigVersion'),
      conflicts: listOf(object({ ...namedVersion, deleted: flag, json: text })),
      quarantined: orNull(object({ ...namedVersion, reason: text })),
      index: integer,
      createIndex: integer,
    }),
    {
      shadowed: {
        ...listOf(object({ rule: integer, match: integer, hostname: text, by: text })),
        description: 'In lists: matches of this route that never decide, since another route has them too and goes first.',
      },
      notApplied: { ...texts, description: "Of an entry in Consul's form: the keys that change nothing here." },
    },
  ),
  ConfigVersion: object(namedVersion),
  SeenConfigVersion: object({
    ...namedVersion,
    state: {
      enum: ['current', 'superseded', 'concurrent', 'quarantined'],
      description:
        'How it stands here, or stood when it was replaced: `superseded` was in force, `concurrent` lost against one written at ' +
        'the same time, `quarantined` was refused.',
    },
    deleted: { ...flag, description: 'It deletes the entry.' },
    value: { description: 'Null for a deletion, and for what is no JSON or nested more than 64 deep.' },
    changes: {
      ...orNull(listOf(valueChange)),
      description: 'How it differs from its parent; null where this agent does not remember that.',
    },
    reason: { ...text, description: 'Why this agent refused it; empty where it did not.' },
  }),
  ConfigStatus: object({
    applied: { ...integer, description: 'Nodes that told to apply the same as this agent, itself among them.' },
    of: { ...integer, description: 'All nodes that have not left.' },
    different: integer,
    unknown: { ...integer, description: 'Nodes that did not tell: just started, or of a version that does not.' },
    unreachable: integer,
    digest: { ...text, description: 'What this agent applies: equal where the same versions are in force; `none` for nothing.' },
    entries: { ...integer, description: 'Entries in force here.' },
    changedAtMs: timeMs('When an entry last changed here, or the agent started'),
    toldWithinMs: { ...integer, description: 'How long all nodes need, as a rule, to tell what they apply after a change.' },
    nodes: {
      ...listOf(object({ id: text, name: text, state: { enum: ['different', 'unknown', 'unreachable'] }, status, digest: text })),
      description: 'Those that are not known to apply the same, with what they told last: the first 256.',
    },
    refused: {
      ...listOf(object({ kind: text, name: text, ...namedVersion, reason: text })),
      description: 'Entries whose newest version this agent has and does not apply.',
    },
  }),
  ConfigPlan: object({
    kind: text,
    name: text,
    change: { enum: ['create', 'update', 'none'] },
    changes: listOf(valueChange),
  }),
  Explanation: object({
    request: object({ method: text, host: text, path: text, headers: map(text) }),
    rule: orNull(
      object({
        route: text,
        rule: integer,
        name: text,
        implicit: flag,
        requestTimeoutMs: { type: 'number' },
        retries: integer,
        backends: listOf(
          object({
            service: text,
            weight: integer,
            totalWeight: integer,
            instances: listOf(object({ ...candidate, zone: text })),
          }),
        ),
      }),
    ),
    candidates: listOf(
      object({
        route: text,
        rule: integer,
        match: integer,
        hostname: text,
        path: text,
        pathType: { enum: ['Exact', 'PathPrefix', 'CharacterPrefix'] },
        method: text,
        headers: listOf(texts),
        verdict: { ...text, description: '`chosen`, `outranked`, or what it fails on.' },
        reason: text,
      }),
    ),
    problems: listOf(object({ name: text, reason: text })),
  }),
  Resolution: object({
    name: text,
    type: text,
    rcode: text,
    answers: listOf(ref('DnsRecord')),
    additional: listOf(ref('DnsRecord')),
    instances: orNull(listOf(object({ ...candidate, service: text, weight: integer }))),
  }),
  DnsRecord: object({ name: text, type: text, ttlS: integer, data: text }),
  MeshEvent: {
    oneOf: [
      withOptional(
        event('member-changed', { id: text, name: text, to: status, reason: text, epoch: integer, incarnation: integer }),
        {
          from: status,
        },
      ),
      event('reachability-changed', { id: text, name: text, reachable: flag, reason: text }),
      event('member-reaped', { id: text, name: text }),
      event('link-changed', { id: text, linked: flag }),
      event('synced', { id: text }),
      event('refuted', { accuser: text, incarnation: integer }),
      event('isolated', { isolated: flag }),
      event('identity-in-use', { epoch: integer }),
      event('seed-failed', { address: text, reason: text, detail: text, attempts: integer, retryInMs: { type: 'number' } }),
      event('seed-joined', { address: text, id: text }),
      event('registration-changed', { key: text }),
      event('registration-removed', { key: text, reason: text }),
      event('check-changed', { id: text, from: checkStatus, to: checkStatus, output: text }),
      event('config-changed', { kind: text, name: text, deleted: flag }),
      event('config-quarantined', { kind: text, name: text, author: text, reason: text }),
      event('config-conflict', { kind: text, name: text, authors: texts }),
      event('name-conflict', { name: text, ids: texts }),
      event('left', {}),
    ],
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
