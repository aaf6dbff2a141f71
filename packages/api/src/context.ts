/** What all routes work on, and the one way in which they write. */

import { isSameValue } from '@skein/core';
import type { Command, ConfigEntry, MeshErrorCode, MeshPort, View } from '@skein/core';
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

/**
 * Whether a config entry says just this already: to write it again would only wake everybody who waits. Where versions
 * conflict or a newer one is not applied, to say it again settles that.
 */
export function isHeld(
  view: View,
  { kind, name, value }: { readonly kind: string; readonly name: string; readonly value: unknown },
): boolean {
  const held = view.configEntry(kind, name);
  return held !== undefined && held.conflicts.length === 0 && held.quarantined === undefined && isSameValue(held.value, value);
}

/** Writes a config entry, unless it is held already. Like `write`. */
export async function writeConfig(
  context: ApiContext,
  entry: { readonly kind: string; readonly name: string; readonly value: unknown },
): Promise<void> {
  if (!isHeld(context.port.view(), entry)) requireOk(context.port.dispatch({ type: 'apply-config', ...entry }));
  await context.agent.durable();
}

/** Deletions that are signed in one go; others get their turn in between. */
const deletionsPerTurn = 64;

/** Deletes config entries, and resolves once that would survive a crash. What was written to them meanwhile stays. */
export async function removeEntries({ port, agent }: ApiContext, doomed: readonly ConfigEntry[]): Promise<void> {
  for (const [at, { kind, name, index }] of doomed.entries()) {
    if (at > 0 && at % deletionsPerTurn === 0) await new Promise((resolve) => setImmediate(resolve));
    const now = port.view().configEntry(kind, name);
    if (now?.index === index) requireOk(port.dispatch({ type: 'delete-config', kind, name }));
  }
  await agent.durable();
}
