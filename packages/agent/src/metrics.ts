/**
 * Prometheus metrics. All are read from what the parts count anyway, when they are asked for. Labels have few
 * values by construction; names that clients choose (services) are limited in number.
 */

import type { Dns } from '@skein/api';
import type { MeshEvent, MeshPort } from '@skein/core';
import { latencyBoundsMs, type Proxy } from '@skein/proxy';
import type { Transport } from '@skein/transport';
import { Counter, Gauge, type Metric, Registry } from 'prom-client';
import type { CheckRunner } from './checks/runner.ts';

export interface MetricsSources {
  readonly port: MeshPort;
  readonly transport: Pick<Transport, 'stats'>;
  readonly proxy: Pick<Proxy, 'stats'>;
  readonly dns: Pick<Dns, 'stats'>;
  readonly checks: Pick<CheckRunner, 'counts'>;
  readonly lagMs: () => number;
  readonly healthScore: () => number;
  readonly ready: () => boolean;
  readonly droppedLines: () => number;
  readonly version: string;
  readonly name: string;
  readonly mesh: string;
}

/** Services, and reasons of refusals, with a series of their own; the rest counts as `_other`. */
const maxServices = 200;
const maxReasons = 64;

const memberStatuses = ['alive', 'suspect', 'failed', 'leaving', 'left'] as const;
const checkStatuses = ['passing', 'warning', 'critical'] as const;

export class Metrics {
  readonly #sources: MetricsSources;
  readonly #registry = new Registry();
  readonly #refusedMessages = new Map<string, number>();
  readonly #events: Counter<'type'>;

  constructor(sources: MetricsSources) {
    this.#sources = sources;
    this.#events = new Counter({
      name: 'skein_events_total',
      help: 'What happened in the mesh as this agent saw it, by type.',
      labelNames: ['type'],
      registers: [this.#registry],
    });
    this.#addProcess();
    this.#addMesh();
    this.#addTransport();
    this.#addProxy();
    this.#addDns();
  }

  /** Counts an event of the node. */
  event(event: MeshEvent): void {
    if (event.type === 'view-changed') return;
    this.#events.inc({ type: event.type });
    if (event.type !== 'message-refused') return;
    const isKnown = this.#refusedMessages.has(event.reason) || this.#refusedMessages.size < maxReasons;
    const reason = isKnown ? event.reason : '_other';
    this.#refusedMessages.set(reason, (this.#refusedMessages.get(reason) ?? 0) + 1);
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #value(name: string, help: string, read: () => number): void {
    this.#family(name, help, [], (add) => add({}, read()));
  }

  /** A family that is read anew each time. A name that ends in `_total` makes it a counter. */
  #family<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read: (add: (labels: Record<L, string>, value: number) => void) => void,
  ): void {
    const options = {
      name,
      help,
      labelNames: [...labelNames],
      registers: [],
      collect(this: Counter<L> | Gauge<L>): void {
        this.reset();
        read((labels, value) => this.inc(labels, value));
      },
    };
    this.#registry.registerMetric(name.endsWith('_total') ? new Counter(options) : new Gauge(options));
  }

  #addProcess(): void {
    const { version, name, mesh, lagMs, ready, checks, droppedLines } = this.#sources;
    this.#family('skein_build_info', 'Always 1; the labels say what runs.', ['version', 'node', 'name', 'mesh'], (add) =>
      add({ version, node: process.version, name, mesh }, 1),
    );
    this.#value('skein_ready', '1 when joined and in sync, or alone by choice.', () => (ready() ? 1 : 0));
    this.#value('skein_event_loop_lag_seconds', 'How late the event loop was at worst in the last second.', () => lagMs() / 1000);
    this.#value('skein_check_runs', 'Health checks being run now.', () => checks.counts.running);
    this.#value('skein_log_lines_dropped_total', 'Log lines that standard output did not take.', droppedLines);
    this.#value('process_cpu_seconds_total', 'User and system CPU time.', () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    });
    this.#value('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
    this.#value('process_start_time_seconds', 'When the process started, in seconds since 1970.', () =>
      Math.round(performance.timeOrigin / 1000),
    );
    this.#value('nodejs_heap_size_used_bytes', 'Used heap.', () => process.memoryUsage().heapUsed);
  }

  #addMesh(): void {
    const { port, healthScore } = this.#sources;
    this.#value(
      'skein_local_health_score',
      'How well this agent itself is, from 0, well, to 8: its probes take as many times longer.',
      healthScore,
    );
    this.#family('skein_members', 'Members known, by status.', ['status'], (add) => {
      for (const status of memberStatuses) add({ status }, 0);
      for (const member of port.view().members()) add({ status: member.status }, 1);
    });
    this.#value('skein_members_reachable', 'Members to which traffic may go.', () =>
      count(port.view().members(), (m) => m.reachable),
    );
    this.#family('skein_instances', 'Service instances known, by whether traffic may go there.', ['routable'], (add) => {
      for (const routable of ['true', 'false']) add({ routable }, 0);
      for (const service of port.view().services()) {
        for (const instance of service.instances) add({ routable: String(instance.routable) }, 1);
      }
    });
    this.#family('skein_checks', 'Checks of this agent, by status.', ['status'], (add) => {
      for (const status of checkStatuses) add({ status }, 0);
      for (const registration of port.view().registrations()) {
        if (registration.type === 'check') add({ status: registration.state.status }, 1);
      }
    });
    this.#value('skein_config_entries', 'Config entries applied.', () => count(port.view().configEntries(), () => true));
    this.#value('skein_kv_keys', 'Keys in the key-value store.', () => count(port.view().kvEntries(''), () => true));
    this.#value('skein_view_index', 'The greatest index of the view.', () => port.view().lastIndex);
    this.#family('skein_refused_messages_total', 'Messages of peers that did not hold, by reason.', ['reason'], (add) => {
      for (const [reason, times] of this.#refusedMessages) add({ reason }, times);
    });
  }

  #addTransport(): void {
    const { transport } = this.#sources;
    this.#value('skein_links', 'Admitted links to peers.', () => transport.stats().links);
    this.#family('skein_frames_total', 'Frames on the wire, by direction.', ['direction'], (add) => {
      const { framesIn, framesOut } = transport.stats();
      add({ direction: 'in' }, framesIn);
      add({ direction: 'out' }, framesOut);
    });
    this.#family('skein_bytes_total', 'Bytes on the wire, by direction.', ['direction'], (add) => {
      const { bytesIn, bytesOut } = transport.stats();
      add({ direction: 'in' }, bytesIn);
      add({ direction: 'out' }, bytesOut);
    });
    this.#value(
      'skein_unknown_messages_total',
      'Messages of a kind this version does not know.',
      () => transport.stats().unknownMessages,
    );
    this.#family(
      'skein_refused_peers_total',
      'Connections, hellos and frames that were refused, by reason.',
      ['reason'],
      (add) => {
        Object.entries(transport.stats().refusals).forEach(([reason, times], n) =>
          add({ reason: n < maxReasons ? reason : '_other' }, times),
        );
      },
    );
  }

  #addProxy(): void {
    const { proxy } = this.#sources;
    this.#value('skein_proxy_requests_in_flight', 'Requests that the proxy is serving.', () => proxy.stats().inFlight);
    this.#family('skein_proxy_requests_total', 'Requests answered, as callers saw it.', ['service', 'class'], (add) => {
      for (const { label, stats } of this.#services()) {
        for (const [code, answers] of Object.entries(stats.answers)) add({ service: label, class: code }, answers);
      }
    });
    this.#family('skein_proxy_retries_total', 'Attempts after the first one.', ['service'], (add) => {
      for (const { label, stats } of this.#services()) add({ service: label }, stats.retries);
    });
    this.#family('skein_proxy_ejections_total', 'Instances put aside because they kept failing.', ['service'], (add) => {
      for (const { label, stats } of this.#services())
        add(
          { service: label },
          stats.instances.reduce((sum, i) => sum + i.ejections, 0),
        );
    });
    this.#family('skein_proxy_errors_total', "The proxy's own answers, by code.", ['code'], (add) => {
      for (const [code, times] of Object.entries(proxy.stats().errors)) add({ code }, times);
    });
    this.#addProxyDurations();
  }

  /** The proxy keeps its own buckets: it must not pay for a metrics library on each request. */
  #addProxyDurations(): void {
    const { proxy } = this.#sources;
    const name = 'skein_proxy_request_duration_seconds';
    const help = 'From the head of a request to the end of its answer.';
    const values = (): object[] =>
      proxy
        .stats()
        .services.slice(0, maxServices)
        .flatMap(({ service, latency }) => {
          let below = 0;
          const buckets = latency.buckets.map((inBucket, n) => {
            below += inBucket;
            const bound = latencyBoundsMs[n];
            const le = bound === undefined ? '+Inf' : String(bound / 1000);
            return { metricName: `${name}_bucket`, labels: { service, le }, value: below };
          });
          return [
            ...buckets,
            { metricName: `${name}_sum`, labels: { service }, value: latency.sumMs / 1000 },
            { metricName: `${name}_count`, labels: { service }, value: latency.count },
          ];
        });
    const histogram = { name, get: async () => ({ name, help, type: 'histogram', values: values() }) };
    // The registry only ever asks a metric for its name and for this.
    this.#registry.registerMetric(histogram as unknown as Metric);
  }

  #addDns(): void {
    const { dns } = this.#sources;
    this.#family('skein_dns_queries_total', 'DNS queries answered, by response code.', ['rcode'], (add) => {
      for (const [rcode, times] of Object.entries({ NOERROR: 0, NXDOMAIN: 0, SERVFAIL: 0, ...dns.stats().answers }))
        add({ rcode }, times);
    });
    this.#value('skein_dns_dropped_total', 'DNS messages that were no queries.', () => dns.stats().dropped);
    this.#value('skein_dns_truncated_total', 'DNS answers cut short, to be asked for over TCP.', () => dns.stats().truncated);
    this.#value('skein_dns_forwarded_total', 'DNS queries asked of recursors.', () => dns.stats().forwarded);
    this.#value('skein_dns_connections', 'Open TCP connections of DNS clients.', () => dns.stats().connections);
  }

  /** With a label each; those past the limit share one, which sums them. */
  #services(): { readonly label: string; readonly stats: ReturnType<Proxy['stats']>['services'][number] }[] {
    return this.#sources.proxy.stats().services.map((stats, n) => ({ label: n < maxServices ? stats.service : '_other', stats }));
  }
}

function count<T>(items: Iterable<T>, matches: (item: T) => boolean): number {
  let found = 0;
  for (const item of items) if (matches(item)) found++;
  return found;
}
