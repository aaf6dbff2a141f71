/** Effects as one line of text each, without what differs from run to run or says nothing. */

import type { Effect, Gossip, MeshEvent, Message, Persist, SyncWant } from '@skein/core';
import { assertNever, recordKey } from '@skein/core';

/** Lines in the order of the effects. A message that goes to several peers at once is one line. */
export function effectLines(effects: readonly Effect[]): string[] {
  const lines: { readonly text: string; readonly to: string[] | undefined }[] = [];
  for (const effect of effects) {
    if (effect.type === 'send') {
      const text = messageText(effect.message);
      const last = lines.at(-1);
      if (last?.to !== undefined && last.text === text) last.to.push(effect.to);
      else lines.push({ text, to: [effect.to] });
      continue;
    }
    const text = otherText(effect);
    if (text !== undefined) lines.push({ text, to: undefined });
  }
  return lines.map(({ text, to }) => (to === undefined ? text : `send ${to.join(',')}: ${text}`));
}

function otherText(effect: Exclude<Effect, { type: 'send' }>): string | undefined {
  switch (effect.type) {
    case 'connect':
      return `connect ${effect.to ?? effect.addresses.join(',')}${effect.fresh ? ' anew' : ''} within ${effect.timeoutMs}`;
    case 'disconnect':
      return `disconnect ${effect.to}: ${effect.reason}`;
    case 'persist':
      return `persist ${persistText(effect.persist)}`;
    case 'emit':
      return eventText(effect.event);
    default:
      return assertNever(effect);
  }
}

function messageText(message: Message): string {
  switch (message.type) {
    case 'ping':
      return `ping ${message.seq}`;
    case 'ack':
      return `ack ${message.seq} @${message.epoch}.${message.incarnation}`;
    case 'ping-request':
      return `ping-request ${message.seq} about ${message.subject}`;
    case 'ping-report':
      return `ping-report ${message.seq} about ${message.subject} ${message.outcome}`;
    case 'gossip':
      return `gossip ${factsText(message)}`;
    case 'have':
      return `have ${message.entries.map(({ key, stamp }) => `${key}=${stamp.join('.')}`).join(' ')}`;
    case 'sync-open':
      return `sync-open ${message.exchange}`;
    case 'sync-digest':
      return `sync-digest ${message.exchange} ${message.entries.map(({ key, stamp }) => `${key}=${stamp.join('.')}`).join(' ')}`.trimEnd();
    case 'sync-facts': {
      const { exchange, facts, wants, last } = message;
      return `sync-facts ${exchange} ${[factsText(facts), wantsText(wants), last ? 'last' : ''].filter((part) => part !== '').join(' ')}`;
    }
    case 'sync-pull':
      return `sync-pull ${message.exchange} ${wantsText(message.wants)}`;
    default:
      return assertNever(message);
  }
}

function wantsText(wants: readonly SyncWant[]): string {
  return wants.map(({ key, have }) => `wants ${key}${have.length === 0 ? '' : ` beyond ${have.join('.')}`}`).join(' ');
}

function factsText(facts: Gossip): string {
  return [
    ...facts.members.map(({ record: { value }, verified, absentMs }) => {
      return `${value.status}:${value.id}@${value.epoch}.${value.incarnation}${verified ? '' : ' (unverified)'}${absentMs > 0 ? ` (gone for ${absentMs})` : ''}`;
    }),
    ...facts.accusations.map(
      ({ value }) => `accuse:${value.accuser}>${value.subject}@${value.epoch}.${value.incarnation}:${value.reason}`,
    ),
    ...facts.deltas.map(({ head: { value }, after, upserts, removals }) => {
      const changes = [...upserts.map((sealed) => `+${recordKey(sealed.record.value)}`), ...removals.map((key) => `-${key}`)];
      return `catalog:${value.owner}@${value.epoch}.${value.version} after ${after}${changes.map((change) => ` ${change}`).join('')}`;
    }),
    ...facts.heads.map(({ value }) => `head:${value.owner}@${value.epoch}.${value.version}`),
    ...facts.configs.map(({ value }) => `config:${value.kind}/${value.name} by ${value.author}`),
  ].join(' ');
}

function persistText(persist: Persist): string {
  switch (persist.type) {
    case 'epoch':
      return `epoch ${persist.epoch}`;
    case 'peers':
      return `peers ${persist.peers.map((peer) => peer.id).join(',')}`;
    case 'config':
      return `config ${persist.entry.value.name}`;
    case 'config-removed':
      return `config-removed ${persist.version.name}`;
    case 'registration':
      return `registration ${persist.registration.type}`;
    case 'registration-removed':
      return `registration-removed ${persist.key}`;
    default:
      return assertNever(persist);
  }
}

/** Events that tell what the effects beside them do not. */
function eventText(event: MeshEvent): string | undefined {
  switch (event.type) {
    case 'member-changed':
      return `${event.id} ${event.from ?? 'unknown'} -> ${event.to}: ${event.reason}`;
    case 'reachability-changed':
      return `${event.id} ${event.reachable ? 'in' : 'out of'} rotation: ${event.reason}`;
    case 'member-reaped':
      return `${event.id} forgotten`;
    case 'synced':
      return `synced with ${event.id}`;
    case 'identity-in-use':
      return `our identity is in use elsewhere, epoch ${event.epoch}`;
    case 'isolated':
      return event.isolated ? 'isolated' : 'no longer isolated';
    case 'refuted':
      return `refuted ${event.accuser} with incarnation ${event.incarnation}`;
    case 'seed-failed':
      return `seed ${event.address} failed: ${event.reason}`;
    case 'seed-joined':
      return `seed ${event.address} joined: ${event.id}`;
    case 'message-refused':
      return `refused from ${event.from}: ${event.reason}`;
    case 'left':
      return 'left';
    default:
      return undefined;
  }
}
