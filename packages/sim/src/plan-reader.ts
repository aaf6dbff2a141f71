/**
 * Reads a plan that came from a file or a person. Strict: a key that is not known, a number out of range or a node that
 * does not exist is refused by name, since a plan that is read differently from how it was meant proves nothing.
 */

import { profiles } from '@skein/core';
import type { MeshConfig } from '@skein/core';
import type { Fault, TimedFault } from './fault.ts';
import type { LinkSettings } from './link.ts';
import { planLimits } from './plan.ts';
import type { FaultPlan, PlannedLoad, PlannedService, TimedWrite, Write } from './plan.ts';
import { latencies } from './quantiles.ts';
import type { Quantiles } from './quantiles.ts';
import { triggerEvents } from './trigger.ts';
import type { Trigger } from './trigger.ts';

/** `code` is always `invalid-plan`; `path` names the offending field, as in `faults[3].fault.node`. */
export class PlanError extends Error {
  override readonly name: string = 'PlanError';
  readonly code = 'invalid-plan';
  readonly path: string;

  constructor(path: string, reason: string) {
    super(`${path === '' ? 'the plan' : path}: ${reason}`);
    this.path = path;
  }
}

/** The plan that `value` (parsed JSON) is. Throws a `PlanError`. */
export function readPlan(value: unknown): FaultPlan {
  const plan = new Fields(value, '');
  const version = plan.integer('version', 1, 1_000_000);
  if (version !== 1)
    throw new PlanError('version', `is ${version}; this simulator reads version 1: replay it with the @skein/sim that wrote it`);
  const nodes = plan.integer('nodes', 1, planLimits.nodes);
  const profile = plan.oneOf('profile', Object.keys(profiles) as (keyof typeof profiles)[]);
  const read: FaultPlan = {
    version: 1,
    seed: plan.text('seed', /^[0-9a-f]{8}$/, 'eight hexadecimal digits'),
    nodes,
    zones: plan.list('zones', 64, (zone, path) => text(zone, path)),
    network: plan.oneOf('network', Object.keys(latencies) as (keyof typeof latencies)[]),
    profile,
    config: readConfig(plan.take('config'), profiles[profile]),
    loss: plan.share('loss'),
    formMs: plan.ms('formMs'),
    chaosMs: plan.ms('chaosMs'),
    core: readCore(plan.take('core'), nodes),
    convergeMs: plan.ms('convergeMs'),
    restMs: plan.ms('restMs'),
    services: plan.list('services', planLimits.services, (each, path) => readService(new Fields(each, path), nodes)),
    loads: plan.list('loads', planLimits.loads, (each, path) => readLoad(new Fields(each, path), nodes)),
    faults: plan.list('faults', planLimits.faults, (each, path) => readTimedFault(each, nodes, path)),
    writes: plan.list('writes', planLimits.writes, (each, path) => readTimedWrite(each, nodes, path)),
  };
  plan.end();
  return read;
}

/** The fields of one object, each taken once. */
class Fields {
  readonly #fields: Record<string, unknown>;
  readonly #path: string;
  readonly #left: Set<string>;

  constructor(value: unknown, path: string) {
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      throw new PlanError(path, typeof value === 'string' ? 'is text, no object; JSON.parse reads it' : 'is no object');
    this.#fields = value as Record<string, unknown>;
    this.#path = path;
    this.#left = new Set(Object.keys(value));
  }

  at(key: string): string {
    return this.#path === '' ? key : `${this.#path}.${key}`;
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#fields, key) && this.#fields[key] !== undefined;
  }

  take(key: string): unknown {
    if (!this.has(key)) throw new PlanError(this.at(key), 'is missing');
    this.#left.delete(key);
    return this.#fields[key];
  }

  end(): void {
    for (const key of this.#left) if (this.has(key)) throw new PlanError(this.at(key), 'is not a field of a plan');
  }

  integer(key: string, least: number, most: number): number {
    return integer(this.take(key), this.at(key), least, most);
  }

  ms(key: string): number {
    return this.integer(key, 0, planLimits.ms);
  }

  share(key: string): number {
    const value = this.take(key);
    if (typeof value !== 'number' || !(value >= 0 && value <= 1))
      throw new PlanError(this.at(key), `is ${shown(value)}, not a number from 0 to 1`);
    return value;
  }

  flag(key: string): boolean {
    const value = this.take(key);
    if (typeof value !== 'boolean') throw new PlanError(this.at(key), 'is neither true nor false');
    return value;
  }

  text(key: string, pattern?: RegExp, what = 'text'): string {
    return text(this.take(key), this.at(key), pattern, what);
  }

  oneOf<T extends string>(key: string, words: readonly T[]): T {
    const value = this.take(key);
    const word = words.find((each) => each === value);
    if (word === undefined) throw new PlanError(this.at(key), `is ${JSON.stringify(value)}, not one of ${words.join(', ')}`);
    return word;
  }

  list<T>(key: string, most: number, read: (value: unknown, path: string) => T): T[] {
    return list(this.take(key), this.at(key), most, read);
  }

  nodes(key: string, nodes: number): number[] {
    return indexes(this.take(key), this.at(key), nodes);
  }
}

function integer(value: unknown, path: string, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new PlanError(path, `is ${shown(value)}, not an integer from ${least} to ${most}`);
}

function shown(value: unknown): string {
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

function text(value: unknown, path: string, pattern: RegExp = /^[^\n]{1,128}$/, what = 'text of 1 to 128 characters'): string {
  if (typeof value === 'string' && pattern.test(value)) return value;
  throw new PlanError(path, `is ${JSON.stringify(value)}, not ${what}`);
}

function list<T>(value: unknown, path: string, most: number, read: (value: unknown, path: string) => T): T[] {
  if (!Array.isArray(value)) throw new PlanError(path, 'is no list');
  if (value.length > most) throw new PlanError(path, `has ${value.length} entries, ${most} are the most`);
  return value.map((each, at) => read(each, `${path}[${at}]`));
}

function indexes(value: unknown, path: string, nodes: number): number[] {
  const read = list(value, path, nodes, (each, at) => integer(each, at, 0, nodes - 1));
  const twice = read.find((node, at) => read.indexOf(node) !== at);
  if (twice !== undefined) throw new PlanError(path, `has node ${twice} twice`);
  return read;
}

function readCore(value: unknown, nodes: number): FaultPlan['core'] {
  return value === 'all' ? value : indexes(value, 'core', nodes);
}

/** What a mesh can be without. */
const mayBeNone: ReadonlySet<string> = new Set<keyof MeshConfig>([
  'indirectProbes',
  'gossipWindowMs',
  'relayFanout',
  'relayMs',
  'fullMeshLeave',
  'fullMeshReturn',
  'longLinks',
  'advertiseFanout',
  'advertiseMs',
  'leaveDelayMs',
  'configSkewMs',
]);

/** What runs that often at the least; more often takes a mesh longer than the time that passes in it. */
const leastOf: Readonly<Record<string, number>> = { syncIntervalMs: 10, redialMaxMs: 10 } satisfies Partial<MeshConfig>;

function readConfig(value: unknown, profile: MeshConfig): Partial<MeshConfig> {
  const config = new Fields(value, 'config');
  const read: Record<string, number> = {};
  for (const key of Object.keys(profiles.lan)) {
    // A mesh whose timers wait for nothing never comes to an end of any instant.
    const least = mayBeNone.has(key) ? 0 : (leastOf[key] ?? 1);
    if (config.has(key)) read[key] = config.integer(key, least, key.endsWith('Ms') ? planLimits.ms : planLimits.nodes);
  }
  config.end();
  const { fullMeshLeave, fullMeshReturn } = { ...profile, ...read };
  // Where nobody has a full mesh there is none to go back to.
  if (fullMeshReturn >= Math.max(1, fullMeshLeave))
    throw new PlanError('config', `fullMeshReturn (${fullMeshReturn}) is not less than fullMeshLeave (${fullMeshLeave})`);
  return read;
}

function readService(fields: Fields, nodes: number): PlannedService {
  const service = { name: fields.text('name'), on: fields.nodes('on', nodes) };
  fields.end();
  return service;
}

function readLoad(fields: Fields, nodes: number): PlannedLoad {
  const load = {
    service: fields.text('service'),
    from: fields.nodes('from', nodes),
    everyMs: fields.integer('everyMs', 1, planLimits.ms),
    retries: fields.integer('retries', 0, 16),
  };
  fields.end();
  return load;
}

/** `path` names it where it is part of a plan. */
export function readTimedWrite(value: unknown, nodes: number, path: string = ''): TimedWrite {
  const fields = new Fields(value, path);
  const atMs = fields.ms('atMs');
  const node = fields.integer('node', 0, nodes - 1);
  const write = readWrite(new Fields(fields.take('write'), fields.at('write')));
  fields.end();
  return { atMs, node, write };
}

function readWrite(fields: Fields): Write {
  const write = writeOf(fields);
  fields.end();
  return write;
}

function writeOf(fields: Fields): Write {
  const type = fields.oneOf('type', ['register', 'deregister', 'check', 'config']);
  if (type === 'config')
    return { type, name: fields.text('name'), value: fields.integer('value', -planLimits.ms, planLimits.ms) };
  const instance = fields.text('instance');
  if (type === 'deregister') return { type, instance };
  if (type === 'check') return { type, instance, status: fields.oneOf('status', ['passing', 'warning', 'critical']) };
  return { type, service: fields.text('service'), instance, port: fields.integer('port', 0, 65_535) };
}

/** `path` names it where it is part of a plan. */
export function readTimedFault(value: unknown, nodes: number, path: string = ''): TimedFault {
  const fields = new Fields(value, path);
  const atMs = fields.ms('atMs');
  const forMs = fields.has('forMs') ? fields.ms('forMs') : undefined;
  const after = fields.has('after') ? readTrigger(new Fields(fields.take('after'), fields.at('after'))) : undefined;
  const fault = readFault(new Fields(fields.take('fault'), fields.at('fault')), nodes);
  fields.end();
  return { atMs, ...(forMs !== undefined && { forMs }), ...(after && { after }), fault };
}

function readTrigger(fields: Fields): Trigger {
  const trigger = { event: fields.oneOf('event', triggerEvents), nth: fields.integer('nth', 1, 1_000_000) };
  fields.end();
  return trigger;
}

const onNode = [
  'crash',
  'power-off',
  'restart',
  'leave',
  'step-clock',
  'pause',
  'block-io',
  'slow-cpu',
  'drift',
  'full-disk',
  'lie',
] as const;
const onPaths = ['split', 'cut', 'clog', 'flap', 'corrupt', 'link'] as const;
const keeps = ['written', 'synced', 'rollback', 'nothing'] as const;
const lies = [
  'accuser',
  'stalker',
  'inflater',
  'zombie',
  'forger',
  'equivocator',
  'flooder',
  'inventor',
  'minter',
  'silent-relay',
] as const;

function readFault(fields: Fields, nodes: number): Fault {
  const type = fields.oneOf('type', [...onNode, ...onPaths]);
  const fault = onPaths.some((each) => each === type)
    ? readPathFault(type as (typeof onPaths)[number], fields, nodes)
    : readNodeFault(type as (typeof onNode)[number], fields, fields.integer('node', 0, nodes - 1));
  fields.end();
  return fault;
}

function readNodeFault(type: (typeof onNode)[number], fields: Fields, node: number): Fault {
  switch (type) {
    case 'crash':
    case 'power-off':
      return { type, node, keep: fields.oneOf('keep', keeps) };
    case 'restart':
      return { type, node, seeds: fields.flag('seeds'), replace: fields.flag('replace') };
    case 'step-clock':
      return { type, node, byMs: fields.integer('byMs', -1e12, 1e12) };
    case 'slow-cpu':
      return { type, node, perMessageUs: fields.integer('perMessageUs', 1, 60_000_000) };
    case 'drift':
      return { type, node, ppm: fields.integer('ppm', -500_000, 500_000) };
    case 'lie':
      return { type, node, lie: fields.oneOf('lie', lies) };
    default:
      return { type, node };
  }
}

function readPathFault(type: (typeof onPaths)[number], fields: Fields, nodes: number): Fault {
  if (type === 'split') return { type, groups: fields.list('groups', nodes, (group, path) => indexes(group, path, nodes)) };
  const from = fields.nodes('from', nodes);
  const to = fields.nodes('to', nodes);
  if (type === 'cut' || type === 'clog') return { type, from, to };
  if (type === 'corrupt') return { type, from, to, share: fields.share('share') };
  if (type === 'link')
    return { type, from, to, settings: readSettings(new Fields(fields.take('settings'), fields.at('settings'))) };
  const onMs = fields.integer('onMs', 1, planLimits.ms);
  return { type, from, to, onMs, offMs: fields.integer('offMs', 1, planLimits.ms) };
}

function readSettings(fields: Fields): Partial<LinkSettings> {
  const settings: Partial<LinkSettings> = {
    ...(fields.has('latency') && { latency: readLatency(new Fields(fields.take('latency'), fields.at('latency'))) }),
    ...(fields.has('loss') && { loss: fields.share('loss') }),
  };
  fields.end();
  return settings;
}

function readLatency(fields: Fields): Quantiles {
  let least = 0;
  const quantile = (key: string): number => (least = fields.integer(key, least, 3_600_000_000));
  const latency = { p0: quantile('p0'), p50: quantile('p50'), p90: quantile('p90'), p99: quantile('p99'), max: quantile('max') };
  fields.end();
  return latency;
}
