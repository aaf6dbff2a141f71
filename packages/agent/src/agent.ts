/** One running node: storage, identity, transport, node, proxy and API, started in order and stopped in reverse. */

import { randomInt } from 'node:crypto';
import { type AgentInfo, type Api, createApi, createDns, type Dns } from '@skein/api';
import { type Input, type MeshEvent, MeshNode, type MeshPort, profiles, seededRng } from '@skein/core';
import { createProxy, type Proxy } from '@skein/proxy';
import { validateConfig } from '@skein/traffic';
import { createIdentity, createTransport, loadIdentity, type Transport, type TransportHandler } from '@skein/transport';
import { formatHostPort, type HostPort, isLoopback, isUnspecified, parseHostPort } from './address.ts';
import { CatchUp } from './catch-up.ts';
import { AliasChecks } from './checks/alias.ts';
import { CheckRunner, type CheckRunnerOptions } from './checks/runner.ts';
import { scriptRefusal } from './checks/script-rule.ts';
import { systemClock } from './clock.ts';
import type { AgentConfig } from './config.ts';
import { Driver } from './driver.ts';
import { AgentError } from './errors.ts';
import { EventLog } from './event-log.ts';
import { Events } from './events.ts';
import { Gate } from './gate.ts';
import { openListener } from './listener.ts';
import { createLog, type Log } from './log.ts';
import type { LogSink } from './log-output.ts';
import { Metrics } from './metrics.ts';
import { Readiness } from './readiness.ts';
import { diffSettings, ReloadFailed, type ReloadReport } from './reload.ts';
import { localDirectory } from './service-files/definition-directory.ts';
import { ServiceFiles, withdrawFileRegistrations } from './service-files/service-files.ts';
import { memoryStorage, openStorage, type Storage } from './storage.ts';
import { version } from './version.ts';

export interface AgentHooks {
  /** Log lines go here instead of standard output. */
  readonly logTo?: LogSink;
  /** Things to say in the log at start, such as the notes of `loadConfig`. */
  readonly notes?: readonly string[];
  /** Reads the settings again and applies them, for the API's reload. Throws when they are not accepted. */
  readonly reload?: (agent: Agent) => void;
}

export interface Agent {
  readonly info: AgentInfo;
  readonly port: MeshPort;
  readonly log: Log;
  /** Takes over what can change while running: tags, seeds, log level; and reads the service files again. */
  reload(config: AgentConfig): ReloadReport;
  /** Stops, after saying goodbye to the mesh when `leave`. Idempotent; a call without `leave` cuts a leave short. */
  stop(options: { readonly leave: boolean }): Promise<void>;
  /** Resolves once everything has stopped, whoever asked for it (a signal, `stop`, or the API's leave). */
  readonly stopped: Promise<void>;
}

/** How long a leave may take beyond the delay that the profile gives the announcement. */
const leaveGraceMs = 2000;
/** How long requests under way through the proxy may still take. */
const drainMs = 10_000;

/** Starts a node and resolves once its listeners are open. Throws `AgentError`, leaving nothing running. */
export async function startAgent(config: AgentConfig, hooks: AgentHooks = {}): Promise<Agent> {
  const agent = new RunningAgent(config, hooks);
  try {
    await agent.start();
  } catch (error) {
    await agent.stop({ leave: false });
    throw error;
  }
  return agent;
}

/** What a running agent is made of. Each part knows only those above it. */
interface Parts {
  storage: Storage;
  transport: Transport;
  driver: Driver;
  checks: CheckRunner;
  aliases: AliasChecks;
  serviceFiles: ServiceFiles;
  events: Events;
  metrics: Metrics;
  readiness: Readiness;
  catchUp: CatchUp;
  proxy: Proxy;
  api: Api;
  dns: Dns;
}

class RunningAgent implements Agent {
  readonly log: Log;
  readonly stopped: Promise<void>;
  #config: AgentConfig;
  readonly #hooks: AgentHooks;
  readonly #clock = systemClock();
  readonly #eventLog: EventLog;
  readonly #startedAtMs = Date.now();
  /** Filled from the top while starting, so that a failed start stops what there is. */
  readonly #parts: Partial<Parts> = {};
  #listeners: Readonly<Record<string, string>> = {};
  /** What the transport says before the node has taken its first step. */
  #early: Input[] | undefined = [];
  #stopping: Promise<void> | undefined;
  readonly #followers = new Set<(event: MeshEvent, timeMs: number) => void>();
  readonly #left = new Gate();
  readonly #hurry = new Gate();
  readonly #over = new Gate();

  constructor(config: AgentConfig, hooks: AgentHooks) {
    this.#config = config;
    this.#hooks = hooks;
    this.log = createLog(config, hooks.logTo);
    this.#eventLog = new EventLog(this.log);
    this.stopped = this.#over.opened;
    for (const note of hooks.notes ?? []) this.log.info(note);
  }

  get info(): AgentInfo {
    const { name, mesh, dataDir } = this.#config;
    const id = this.#part('transport').id;
    return { name, id, mesh, version, startedAtMs: this.#startedAtMs, listeners: this.#listeners, dataDir: dataDir ?? '' };
  }

  get port(): MeshPort {
    return this.#part('driver');
  }

  async start(): Promise<void> {
    const config = this.#config;
    const parts = this.#parts;
    const storage = this.#openStorage();
    parts.storage = storage;
    const gossip = await this.#openTransport(storage);
    parts.readiness = new Readiness({
      clock: this.#clock,
      seeds: config.join,
      knownPeers: storage.peers.length,
      storageFailure: () => storage.failure(),
    });
    const driver = this.#makeDriver(storage, gossip);
    parts.driver = driver;
    this.#makeServices(driver);
    const proxy = formatHostPort(await openListener('proxy', formatHostPort(config.proxy), () => this.#part('proxy').start()));
    const http = await openListener('http', formatHostPort(config.http), () => this.#part('api').listen());
    const dns = await openListener('dns', formatHostPort(config.dns), async () => {
      const port = await this.#part('dns').listen();
      return formatHostPort({ host: config.dns.host, port });
    });
    this.#listeners = { gossip: formatHostPort({ host: bindHost(config), port: gossip.port }), http, proxy, dns };
    driver.start();
    this.#part('catchUp').start();
    this.#takeEarly(driver);
    const tags = this.#tags(gossip);
    if (JSON.stringify(tags) !== JSON.stringify(config.tags)) driver.dispatch({ type: 'set-tags', tags });
    if (config.join.length > 0) driver.dispatch({ type: 'join', addresses: config.join });
    await this.#startServiceFiles(driver);
    // Since the API listens, somebody may have told it to leave.
    if (this.#stopping !== undefined) return;
    const { id } = this.info;
    storage.describe({ ...this.info, epoch: storage.epoch, pid: process.pid });
    this.log.info('ready', { listeners: this.#listeners, id, mesh: config.mesh, epoch: storage.epoch, version });
  }

  reload(config: AgentConfig): ReloadReport {
    const report = diffSettings(this.#config, config);
    const { tags, join, logLevel } = config;
    const known = new Set(this.#config.join);
    this.#config = { ...this.#config, tags, join, logLevel };
    this.log.setLevel(logLevel);
    if (report.applied.includes('tags')) this.port.dispatch({ type: 'set-tags', tags: this.#tags(this.#advertised()) });
    const seeds = join.filter((seed) => !known.has(seed));
    if (seeds.length > 0) this.port.dispatch({ type: 'join', addresses: seeds });
    this.#parts.serviceFiles?.reload();
    this.log.info('settings reloaded', report);
    return report;
  }

  stop({ leave }: { readonly leave: boolean }): Promise<void> {
    if (!leave) this.#hurry.open();
    this.#stopping ??= this.#stop(leave);
    return this.#stopping;
  }

  #part<K extends keyof Parts>(name: K): Parts[K] {
    const part = this.#parts[name];
    if (part === undefined) throw new Error(`the agent has not started its ${name} yet`);
    return part;
  }

  #openStorage(): Storage {
    const { dataDir } = this.#config;
    if (dataDir === undefined) return memoryStorage();
    return openStorage(dataDir, { clock: this.#clock, notice: (notice) => this.#eventLog.storage(notice) });
  }

  /** Resolves with the address that others dial. */
  async #openTransport(storage: Storage): Promise<HostPort> {
    const { bind, mesh, token } = this.#config;
    const identity = storage.identity === undefined ? await createIdentity() : loadIdentity(storage.identity);
    if (storage.identity === undefined) storage.saveIdentity(identity.bytes);
    const listen = formatHostPort({ host: bindHost(this.#config), port: bind.port });
    await openListener('bind', formatHostPort(bind), async () => {
      const transport = await createTransport({
        identity: identity.bytes,
        mesh,
        token,
        listen: [listen],
        epoch: () => this.#parts.driver?.epoch ?? storage.epoch,
      });
      this.#parts.transport = transport;
      await transport.start(this.#handler());
    });
    return this.#advertised();
  }

  #handler(): TransportHandler {
    return {
      input: (input) => {
        if (input.type === 'message' || (input.type === 'peer' && input.state === 'linked')) this.#parts.readiness?.heard();
        if (this.#early !== undefined) this.#early.push(input);
        else this.#parts.driver?.input(input);
      },
      message: (message) => void this.#parts.events?.received(message),
      refused: (refused) => this.#eventLog.refused(refused),
    };
  }

  #takeEarly(driver: Driver): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const input of early) driver.input(input);
  }

  #advertised(): HostPort {
    const { advertise } = this.#config;
    const host = advertise.host === 'localhost' ? '127.0.0.1' : advertise.host;
    if (advertise.port !== 0) return { host, port: advertise.port };
    const bound = parseHostPort(this.#part('transport').listening()[0] ?? '');
    if (bound === undefined)
      throw new AgentError('port-in-use', 'the transport does not say which port it got: give one with --bind');
    return { host, port: bound.port };
  }

  #makeDriver(storage: Storage, gossip: HostPort): Driver {
    const { name, mesh, region, zone, tags, profile } = this.#config;
    const transport = this.#part('transport');
    const clock = this.#clock;
    const options = {
      config: profiles[profile],
      mesh,
      name,
      addresses: [formatHostPort(gossip)],
      region,
      zone,
      tags,
      epoch: storage.epoch,
      notary: transport.notary,
      rng: randomRng(),
      validateConfig,
      registrations: storage.registrations,
      configEntries: storage.configEntries,
      configHistory: storage.configHistory,
      peers: storage.peers,
      wallMs: clock.wallMs(),
    };
    return new Driver({
      node: new MeshNode(options, clock.now()),
      clock,
      lateTickMs: options.config.lateTickMs,
      transport,
      persist: (change) => storage.persist(change),
      event: (event) => this.#event(event),
    });
  }

  #makeServices(driver: Driver): void {
    const config = this.#config;
    const parts = this.#parts;
    const transport = this.#part('transport');
    const readiness = this.#part('readiness');
    const storage = this.#part('storage');
    const catchUp = new CatchUp({
      clock: this.#clock,
      peers: storage.peers.map(({ id }) => id),
      gaveUp: (unknown) => this.#eventLog.notCaughtUp(unknown, storage.peers),
      view: () => driver.view(),
      isSynced: () => readiness.isSynced,
    });
    const result: CheckRunnerOptions['result'] = (id, status, output) =>
      void driver.dispatch({ type: 'check-result', id, status, output });
    const checks = new CheckRunner({
      clock: this.#clock,
      rng: randomRng(),
      result,
      refusal: ({ definition, source }) => scriptRefusal(config, definition, source),
    });
    const aliases = new AliasChecks({ view: () => driver.view(), isSynced: () => readiness.isSynced, result });
    const events = new Events({
      publish: (message) => transport.publish(message),
      view: () => driver.view(),
      nodeName: config.name,
      wallMs: () => this.#clock.wallMs(),
    });
    const proxy = createProxy({
      port: driver,
      listen: config.proxy,
      rng: randomRng(),
      nowMs: () => performance.now(),
      log: (event) => this.#eventLog.proxy(event),
    });
    const dns = createDns({
      port: driver,
      listen: config.dns,
      datacenter: config.mesh,
      recursors: config.recursors,
      policy: config.dnsPolicy,
      rng: randomRng(),
      caughtUp: () => catchUp.over,
      log: ({ msg, ...fields }) => this.log.error(msg, fields),
    });
    const metrics = new Metrics({
      port: driver,
      dns,
      transport,
      proxy,
      checks,
      lagMs: () => driver.lagMs,
      healthScore: () => driver.healthScore,
      ready: () => readiness.state().ready,
      droppedLines: () => this.log.dropped(),
      version,
      name: config.name,
      mesh: config.mesh,
    });
    const api = createApi({
      port: driver,
      events,
      listen: formatHostPort(config.http),
      allowedHosts: config.allowedHosts,
      scriptChecks: config.enableScriptChecks,
      dnsPolicy: config.dnsPolicy,
      log: ({ msg, ...fields }) => this.log.error(msg, fields),
      agent: {
        info: () => this.info,
        ready: () => readiness.state(),
        lastContactMs: () => readiness.lastContactMs(),
        caughtUp: () => catchUp.over,
        durable: () => storage.durable(),
        leave: () => this.#leave(),
        reload: () => this.#reloadByHook(),
        metrics: () => metrics.text(),
        followLog: (level, take) => this.log.follow(level, take),
        followMesh: (take) => this.#follow(take),
      },
    });
    Object.assign(parts, { catchUp, checks, aliases, events, proxy, metrics, api, dns });
  }

  /** Before the agent is ready: whoever waits for that finds what the files say. */
  async #startServiceFiles(port: MeshPort): Promise<void> {
    const config = this.#config;
    if (config.services === undefined) return withdrawFileRegistrations({ port, log: this.log });
    const serviceFiles = new ServiceFiles({
      directory: localDirectory(config.services),
      port,
      clock: this.#clock,
      log: this.log,
      refusal: (check) => scriptRefusal(config, check, config.services),
    });
    this.#parts.serviceFiles = serviceFiles;
    this.#part('readiness').registering(true);
    await serviceFiles.start();
    this.#part('readiness').registering(false);
  }

  #event(event: MeshEvent): void {
    const { metrics, readiness } = this.#parts;
    metrics?.event(event);
    readiness?.event(event);
    if (event.type === 'synced' || event.type === 'view-changed') this.#parts.catchUp?.look();
    this.#eventLog.mesh(event);
    this.#tellChecks(event);
    for (const take of this.#followers) take(event, this.#clock.wallMs());
    if (event.type === 'left') this.#left.open();
  }

  #follow(take: (event: MeshEvent, timeMs: number) => void): () => void {
    this.#followers.add(take);
    return () => void this.#followers.delete(take);
  }

  #tellChecks(event: MeshEvent): void {
    const { checks, aliases } = this.#parts;
    if (event.type === 'registration-changed') {
      checks?.changed(event.registration);
      if (event.registration.type === 'check') aliases?.changed(event.registration.definition);
    } else if (event.type === 'registration-removed') {
      checks?.removed(event.key);
      aliases?.removed(event.key);
    } else if (event.type === 'view-changed') aliases?.viewChanged(event.topics);
    else if (event.type === 'synced') aliases?.lookAtAll();
  }

  /**
   * The settings' tags, and where our HTTP API and proxy are for other members: only where they could reach them,
   * which is a listener beyond loopback, or any in a mesh that is on loopback as a whole.
   */
  #tags(gossip: HostPort): Record<string, string> {
    const tags: Record<string, string> = { ...this.#config.tags };
    for (const name of ['http', 'proxy'] as const) {
      const listener = parseHostPort(this.#listeners[name] ?? '');
      if (listener === undefined || (isLoopback(listener.host) && !isLoopback(gossip.host))) continue;
      const host = isUnspecified(listener.host) ? gossip.host : listener.host;
      tags[name] ??= formatHostPort({ host, port: listener.port });
    }
    return tags;
  }

  async #reloadByHook(): Promise<void> {
    if (this.#hooks.reload === undefined) throw new ReloadFailed('this agent was started without settings to read again');
    try {
      this.#hooks.reload(this);
    } catch (error) {
      throw new ReloadFailed((error as Error).message);
    }
  }

  /** For the API: resolves once the others were told; stopping goes on behind it. */
  async #leave(): Promise<void> {
    void this.stop({ leave: true });
    await Promise.race([this.#left.opened, this.#hurry.opened]);
  }

  /** Says goodbye, and waits until it has spread, for a limited time. */
  async #announce(driver: Driver): Promise<void> {
    const patienceMs = profiles[this.#config.profile].leaveDelayMs + leaveGraceMs;
    const cancel = this.#clock.after(patienceMs, () => this.#left.open());
    driver.dispatch({ type: 'leave' });
    await this.#left.opened;
    cancel();
  }

  async #stop(leave: boolean): Promise<void> {
    const { storage, transport, driver, checks, serviceFiles, events, proxy, api, dns, readiness } = this.#parts;
    readiness?.stopping();
    this.#parts.catchUp?.stop();
    serviceFiles?.stop();
    const hurry = this.#hurry.opened;
    if (leave && driver !== undefined && proxy !== undefined) {
      this.log.info('leaving the mesh');
      // Others stop to send us new requests while those under way are answered.
      await Promise.race([Promise.all([this.#announce(driver), proxy.stop(drainMs)]), hurry]);
    }
    this.#left.open();
    checks?.stop();
    events?.stop();
    await Promise.all([
      this.#close('api', api?.close()),
      this.#close('dns', dns?.close()),
      this.#close('proxy', Promise.race([proxy?.stop(0), hurry])),
    ]);
    driver?.stop();
    await this.#close('transport', transport?.stop());
    await this.#close('storage', storage?.close());
    this.#clock.stop();
    this.log.info('stopped');
    this.#over.open();
  }

  /** One part that does not close must not keep the others open. */
  async #close(part: string, closing: Promise<void> | undefined): Promise<void> {
    try {
      await closing;
    } catch (error) {
      this.log.error('a part did not close as it should', { part, reason: (error as Error).message });
    }
  }
}

/** The transport binds addresses, not names. */
function bindHost(config: AgentConfig): string {
  return config.bind.host === 'localhost' ? '127.0.0.1' : config.bind.host;
}

function randomRng(): ReturnType<typeof seededRng> {
  return seededRng(randomInt(2 ** 32));
}
