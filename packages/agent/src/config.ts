/**
 * The settings of an agent: defaults, under files, under the environment, under flags. Every source is
 * validated by itself, so that an error can name the key, where it was written, and what to write instead.
 */

import { homedir, hostname } from 'node:os';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { limits, profiles, type ProfileName } from '@skein/core';
import { type DnsPolicy, parseDuration, ttlSMax } from '@skein/api';
import { z } from 'zod';
import { firstExternalAddress, formatHostPort, type HostPort, isLoopback, isUnspecified, parseHostPort } from './address.ts';
import { readConfigFiles, readTokenFile } from './config-files.ts';
import { AgentError } from './errors.ts';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export const logFormats = ['pretty', 'json'] as const;
const profileNames = Object.keys(profiles) as [ProfileName, ...ProfileName[]];

const hostPort = z.string().refine((text) => parseHostPort(text) !== undefined, {
  error: 'must be HOST:PORT, such as 127.0.0.1:7946 or [::1]:0',
});
const seed = z
  .string()
  .max(limits.addressLength)
  .refine((text) => parseHostPort(text) !== undefined || text.startsWith('/'), {
    error: 'must be HOST:PORT of any agent of the mesh, or a multiaddr such as /ip4/10.0.0.1/tcp/7946',
  });
/** Name servers are needed to look names up, so they cannot be names themselves. */
const recursor = z.string().refine((text) => isIP(text) !== 0 || isIP(parseHostPort(text)?.host ?? '') !== 0, {
  error: 'must be the address of a name server, such as 10.0.0.2 or 10.0.0.2:53',
});
const ttl = z.string().refine((text) => ttlOf(text) !== undefined, {
  error: 'must be a duration from 0s on, such as 10s or 1m30s',
});
const label = z
  .string()
  .max(limits.nameLength)
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/, {
    error: 'must be letters, digits, ".", "_" and "-", starting and ending with a letter or digit',
  });
/** Prefixes are tried one by one. */
const dnsTtlsMax = 1024;
const token = z.string().min(16, { error: 'must have 16 characters or more; make one with: skein token create' }).max(256);

/** One source of settings, as a file, the environment or the command line states it. Every key may be left out. */
export const settingsSchema = z.strictObject({
  name: label.optional(),
  mesh: label.optional(),
  dataDir: z.string().min(1).optional(),
  dev: z.boolean().optional(),
  bind: hostPort.optional(),
  advertise: hostPort.optional(),
  join: z.array(seed).max(64).optional(),
  token: token.optional(),
  tokenFile: z.string().min(1).optional(),
  region: z.string().max(limits.nameLength).optional(),
  zone: z.string().max(limits.nameLength).optional(),
  tags: z
    .record(z.string().min(1).max(limits.metaKeyLength), z.string().max(limits.metaValueLength))
    .refine((tags) => Object.keys(tags).length <= limits.tags, { error: `must have at most ${limits.tags} entries` })
    .optional(),
  profile: z.enum(profileNames).optional(),
  http: hostPort.optional(),
  proxy: hostPort.optional(),
  dns: hostPort.optional(),
  recursors: z.array(recursor).max(8).optional(),
  dnsServiceTtl: z
    .record(z.string().min(1).max(limits.nameLength), ttl)
    .refine((ttls) => Object.keys(ttls).length <= dnsTtlsMax, { error: `must have at most ${dnsTtlsMax} entries` })
    .optional(),
  dnsNodeTtl: ttl.optional(),
  dnsOnlyPassing: z.boolean().optional(),
  logLevel: z.enum(logLevels).optional(),
  logFormat: z.enum(logFormats).optional(),
  allowedHosts: z.array(z.string().min(1).max(255)).max(64).optional(),
  services: z.string().min(1).optional(),
  enableScriptChecks: z.boolean().optional(),
  enableLocalScriptChecks: z.boolean().optional(),
});

export type Settings = z.infer<typeof settingsSchema>;

/** Everything an agent needs to know to start. Complete and consistent. */
export interface AgentConfig {
  readonly name: string;
  readonly mesh: string;
  /** Undefined: everything stays in memory. */
  readonly dataDir: string | undefined;
  readonly dev: boolean;
  /** Where gossip listens; port 0 lets the system choose. */
  readonly bind: HostPort;
  /** What others dial. A port of 0 stands for the port that `bind` got. */
  readonly advertise: HostPort;
  readonly join: readonly string[];
  /** Undefined: any agent that reaches us may join, which is why we then listen on loopback only. */
  readonly token: string | undefined;
  readonly region: string;
  readonly zone: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly profile: ProfileName;
  readonly http: HostPort;
  readonly proxy: HostPort;
  /** Where DNS is answered, over UDP and TCP. */
  readonly dns: HostPort;
  /** Name servers, by address, that are asked for names that are not the mesh's. */
  readonly recursors: readonly HostPort[];
  /** How long DNS answers may be remembered, and whether instances with a warning are in them. */
  readonly dnsPolicy: DnsPolicy;
  readonly logLevel: (typeof logLevels)[number];
  readonly logFormat: (typeof logFormats)[number];
  /** Host names, beyond its own addresses, under which the HTTP API may be asked. */
  readonly allowedHosts: readonly string[];
  /** The directory with service files; undefined: there are none. */
  readonly services: string | undefined;
  /** Checks may run programs, whoever registers them. */
  readonly enableScriptChecks: boolean;
  /** Checks of service files may run programs. */
  readonly enableLocalScriptChecks: boolean;
}

export interface LoadedConfig {
  readonly config: AgentConfig;
  /** Choices made for the user that are worth a log line, such as the advertised address. */
  readonly notes: readonly string[];
}

export interface ConfigSources {
  /** YAML or JSON files, or directories of them; later ones win. */
  readonly files?: readonly string[];
  /** `SKEIN_*` variables; usually `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Settings from the command line. Keys that are undefined count as not given. */
  readonly flags?: { readonly [K in keyof Settings]?: Settings[K] | undefined };
}

/** Reads and merges all sources. Throws `AgentError` (`invalid-setting`, `token-required`). */
export function loadConfig(sources: ConfigSources = {}): LoadedConfig {
  const notes: string[] = [];
  const env = sources.env ?? {};
  const layers: Settings[] = [];
  for (const file of readConfigFiles(sources.files ?? [])) layers.push(checkSettings(file.value, `in ${file.path}`));
  layers.push(checkSettings(settingsFromEnv(env, notes), 'in the environment', envName));
  const flags = Object.fromEntries(Object.entries(sources.flags ?? {}).filter(([, value]) => value !== undefined));
  layers.push(checkSettings(flags, 'on the command line', flagName));
  return { config: complete(mergeSettings(layers), env, notes), notes };
}

/** A later layer replaces a key of an earlier one; tags are merged by name; `token` and `tokenFile` replace each other. */
function mergeSettings(layers: readonly Settings[]): Settings {
  let merged: Settings = {};
  for (const layer of layers) {
    const { token: _token, tokenFile: _tokenFile, ...rest } = merged;
    const base = layer.token === undefined && layer.tokenFile === undefined ? merged : rest;
    const tags = layer.tags === undefined ? {} : { tags: { ...merged.tags, ...layer.tags } };
    merged = { ...base, ...layer, ...tags };
  }
  return merged;
}

function checkSettings(value: unknown, source: string, spell: (key: string) => string = (key) => key): Settings {
  const parsed = settingsSchema.safeParse(value);
  if (parsed.success) {
    if (parsed.data.token !== undefined && parsed.data.tokenFile !== undefined) {
      throw new AgentError('invalid-setting', `${spell('token')} and ${spell('tokenFile')} are both given ${source}: remove one`);
    }
    return parsed.data;
  }
  const lines = parsed.error.issues.slice(0, 10).flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => `${[...issue.path, key].join('.')} ${source} is not a setting. ${suggest(key)}`);
    }
    const [first, ...rest] = issue.path.map(String);
    if (first === undefined) return [`the settings ${source} ${issue.message}`];
    return [`${[spell(first), ...rest].join('.')} ${source}: ${lowerFirst(issue.message)}`];
  });
  throw new AgentError('invalid-setting', lines.join('\n'));
}

const settingNames = Object.keys(settingsSchema.shape);

function suggest(key: string): string {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[^a-z]/g, '');
  const near = settingNames.find((name) => plain(name) === plain(key) || plain(name).startsWith(plain(key).slice(0, 4)));
  return near === undefined ? `Settings are: ${settingNames.join(', ')}` : `Did you mean ${near}?`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function flagName(key: string): string {
  const name = key === 'tags' ? 'tag' : key === 'recursors' ? 'recursor' : key;
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function envName(key: string): string {
  return `SKEIN_${key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

const booleanSettings: ReadonlySet<string> = new Set(['dev', 'enableScriptChecks', 'enableLocalScriptChecks', 'dnsOnlyPassing']);

/** Variables that other `skein` commands read. */
const foreignVariables = new Set(['SKEIN_HTTP_ADDR']);

function settingsFromEnv(env: Readonly<Record<string, string | undefined>>, notes: string[]): Record<string, unknown> {
  const known = new Map(settingNames.map((key) => [envName(key), key]));
  const settings: Record<string, unknown> = {};
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith('SKEIN_') || text === undefined || text === '' || foreignVariables.has(variable)) continue;
    const key = known.get(variable);
    if (key === undefined) notes.push(`${variable} in the environment is not a setting and is ignored`);
    else settings[key] = parseVariable(key, text);
  }
  return settings;
}

function parseVariable(key: string, text: string): unknown {
  const list = (): string[] =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  if (key === 'join' || key === 'allowedHosts' || key === 'recursors') return list();
  if (key === 'tags' || key === 'dnsServiceTtl') return Object.fromEntries(list().map(parseTag));
  if (booleanSettings.has(key)) return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : text;
  return text;
}

/** `k=v` as given to `--tag`; `k=` is a tag with an empty value. Throws `AgentError` (`invalid-setting`). */
export function parseTag(text: string): [name: string, value: string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new AgentError(
    'invalid-setting',
    `tag ${JSON.stringify(text.slice(0, 200))} is not KEY=VALUE, such as rack=7; KEY= is an empty value`,
  );
}

function complete(settings: Settings, env: Readonly<Record<string, string | undefined>>, notes: string[]): AgentConfig {
  const name = settings.name ?? defaultName();
  const dev = settings.dev ?? false;
  const token = dev
    ? undefined
    : (settings.token ?? (settings.tokenFile === undefined ? undefined : readToken(settings.tokenFile)));
  if (dev && (settings.token !== undefined || settings.tokenFile !== undefined)) {
    throw new AgentError('invalid-setting', 'dev is loopback only and takes no token: remove dev, or remove the token');
  }
  const bind = chooseBind(settings, token, dev, notes);
  const dns = parse(settings.dns ?? '127.0.0.1:8600');
  return {
    name,
    mesh: settings.mesh ?? 'skein',
    dataDir: dev ? undefined : (settings.dataDir ?? defaultDataDir(name, env)),
    dev,
    bind,
    advertise: chooseAdvertise(settings, bind, notes),
    join: settings.join ?? [],
    token,
    region: settings.region ?? '',
    zone: settings.zone ?? '',
    tags: settings.tags ?? {},
    profile: settings.profile ?? (dev ? 'local' : 'lan'),
    http: parse(settings.http ?? '127.0.0.1:8500'),
    proxy: parse(settings.proxy ?? '127.0.0.1:8080'),
    dns,
    recursors: chooseRecursors(settings.recursors ?? [], dns),
    dnsPolicy: {
      serviceTtlS: Object.fromEntries(
        Object.entries(settings.dnsServiceTtl ?? {}).map(([name, text]) => [name, ttlOf(text) ?? 0]),
      ),
      nodeTtlS: ttlOf(settings.dnsNodeTtl ?? '0s') ?? 0,
      onlyPassing: settings.dnsOnlyPassing ?? false,
    },
    logLevel: settings.logLevel ?? 'info',
    logFormat: settings.logFormat ?? (process.stdout.isTTY ? 'pretty' : 'json'),
    allowedHosts: settings.allowedHosts ?? [],
    services: settings.services,
    enableScriptChecks: settings.enableScriptChecks ?? false,
    enableLocalScriptChecks: settings.enableLocalScriptChecks ?? false,
  };
}

function readToken(path: string): string {
  const parsed = token.safeParse(readTokenFile(path));
  if (parsed.success) return parsed.data;
  throw new AgentError('invalid-setting', `tokenFile ${path}: the token ${parsed.error.issues[0]?.message ?? 'is not valid'}`);
}

/** Host names that are not valid labels ("my_host..") are cleaned rather than refused: the user did not choose them here. */
function defaultName(): string {
  const cleaned = hostname()
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '')
    .slice(0, limits.nameLength);
  return cleaned === '' ? 'node' : cleaned;
}

function defaultDataDir(name: string, env: Readonly<Record<string, string | undefined>>): string {
  const given = env['STATE_DIRECTORY'];
  if (given !== undefined && given !== '') return given;
  const state = env['XDG_STATE_HOME'];
  return join(state === undefined || state === '' ? join(homedir(), '.local', 'state') : state, 'skein', name);
}

function chooseBind(settings: Settings, token: string | undefined, dev: boolean, notes: string[]): HostPort {
  if (settings.bind === undefined) {
    if (token !== undefined) return { host: '0.0.0.0', port: 7946 };
    if (!dev) notes.push('no token is set, so only agents on this host can join: bind is 127.0.0.1:7946');
    return { host: '127.0.0.1', port: 7946 };
  }
  const bind = parse(settings.bind);
  if (token === undefined && !isLoopback(bind.host)) {
    const why = dev ? 'dev is loopback only' : 'without a token anybody who reaches it could join the mesh';
    const next = dev
      ? 'bind to 127.0.0.1, or leave dev out and set a token'
      : 'make a token with: skein token create, and give it to every agent with --token or SKEIN_TOKEN; or bind to 127.0.0.1';
    throw new AgentError('token-required', `bind ${settings.bind} is not loopback, and ${why}. Next: ${next}`);
  }
  return bind;
}

function chooseAdvertise(settings: Settings, bind: HostPort, notes: string[]): HostPort {
  if (settings.advertise !== undefined) {
    const advertise = parse(settings.advertise);
    if (!isUnspecified(advertise.host)) return advertise;
    throw new AgentError('invalid-setting', `advertise ${settings.advertise} cannot be dialled: give an address of this host`);
  }
  if (!isUnspecified(bind.host)) return bind;
  const host = firstExternalAddress();
  if (host === undefined) {
    notes.push('no network interface but loopback has an IPv4 address: advertising 127.0.0.1; set advertise to be reachable');
    return { host: '127.0.0.1', port: bind.port };
  }
  const chosen = { host, port: bind.port };
  notes.push(`bind is ${formatHostPort(bind)}: advertising the first address of this host, ${host}; set advertise to change it`);
  return chosen;
}

const dnsPort = 53;

function chooseRecursors(recursors: readonly string[], dns: HostPort): readonly HostPort[] {
  return recursors.map((text) => {
    const recursor = parseHostPort(text) ?? { host: text, port: dnsPort };
    const isOwn =
      recursor.port === dns.port && (recursor.host === dns.host || (isLoopback(recursor.host) && isUnspecified(dns.host)));
    if (!isOwn) return recursor;
    throw new AgentError(
      'invalid-setting',
      `recursor ${text} is this agent itself, which would ask itself forever: name another server`,
    );
  });
}

/** Whole seconds of a duration; undefined when it is none that a record can have. */
function ttlOf(text: string): number | undefined {
  const ms = parseDuration(text);
  return ms === undefined || ms < 0 || ms / 1000 > ttlSMax ? undefined : Math.floor(ms / 1000);
}

function parse(text: string): HostPort {
  return parseHostPort(text) as HostPort;
}
