/** What all routes work on, and the one way in which they write. */

import type { Command, MeshErrorCode, MeshPort } from '@skein/core';
import type { DnsPolicy } from './dns/policy.ts';
import type { EventFeed } from './event-feed.ts';
import type { AgentPort, EventsPort } from './ports.ts';
import type { Reader } from './reader.ts';
import { requireOk } from './refusal.ts';
import type { ViewFeed } from './view-feed/view-feed.ts';

export interface ApiContext {
  readonly port: MeshPort;
  readonly agent: AgentPort;
  readonly events: EventsPort;
  readonly datacenter: string;
  readonly reader: Reader;
  readonly feed: ViewFeed;
  readonly eventFeed: EventFeed;
  /** Whether clients may register checks that run programs. */
  readonly scriptChecks: boolean;
  /** How DNS answers. */
  readonly dnsPolicy: DnsPolicy;
  /** Numbers from 0 to below 1, to shuffle by. */
  readonly random: () => number;
}

/**
 * Carries out a write and resolves once it would survive a crash. Throws a `Refusal` when it was refused; `words`
 * replaces messages for clients that match Consul's.
 */
export async function write(
  context: ApiContext,
  command: Command,
  words: Partial<Record<MeshErrorCode, string>> = {},
): Promise<void> {
  requireOk(context.port.dispatch(command), words);
  await context.agent.durable();
}
