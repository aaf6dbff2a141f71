/** How news goes round: at most once over each link, to no more links than the settings say, and not at all when there is none. */

import type { CatalogDelta, DigestEntry, Gossip, Message, NodeId } from '@skein/core';
import { factsIn } from '../facts.ts';
import { configOf, restMessagesMax } from '../plan.ts';
import type { Property, SceneNode, Step } from '../property.ts';

/**
 * Calls `visit` with each catalog and config entry of a message of news, and all that the message says of it. What is said of
 * members may be said again: an accusation that was taken back before it went out leaves its message with what was known.
 */
function eachSubject(news: Gossip, visit: (key: string, content: string) => void): void {
  for (const { head } of news.deltas) visit(`c/${head.value.owner}`, headText(head));
  for (const head of news.heads) visit(`c/${head.value.owner}`, headText(head));
  const configs = new Map<string, string>();
  for (const { value } of news.configs) {
    const key = `k/${value.kind}/${value.name}`;
    configs.set(key, `${configs.get(key) ?? ''} ${value.time.ms}.${value.time.counter}.${value.author}`);
  }
  for (const [key, content] of configs) visit(key, content);
}

function headText({ value }: CatalogDelta['head']): string {
  return `${value.epoch}.${value.version}.${value.digest}`;
}

/** What one process told, and was told, since it started. */
class Told {
  readonly boot: number;
  /** By link: what went over it since it came up. */
  readonly #links = new Map<NodeId, Set<string>>();
  /** By subject: how often there was news of it, and to how many links that was passed on. */
  readonly #news = new Map<string, number>();
  readonly #passedOn = new Map<string, number>();

  constructor(boot: number) {
    this.boot = boot;
  }

  linked(id: NodeId): void {
    this.#links.delete(id);
  }

  /** Who is forgotten may come back, with a new disk, and say the same again. */
  forgotten(id: NodeId): void {
    for (const told of this.#links.values()) {
      for (const what of told) if (what.startsWith(`m/${id}@`) || what.startsWith(`c/${id}@`)) told.delete(what);
    }
  }

  /** Whether this went over the link before. */
  repeats(link: NodeId, what: string): boolean {
    let told = this.#links.get(link);
    if (told === undefined) this.#links.set(link, (told = new Set()));
    if (told.has(what)) return true;
    told.add(what);
    return false;
  }

  heard(key: string): void {
    this.#news.set(key, (this.#news.get(key) ?? 0) + 1);
  }

  /** How many links too many this was passed on to, when each time there was news `fanout` links may be told. */
  passesOn(key: string, fanout: number): number {
    const count = (this.#passedOn.get(key) ?? 0) + 1;
    this.#passedOn.set(key, count);
    return count - fanout * (this.#news.get(key) ?? 0);
  }
}

/** Everything that may be a reason to pass something on. */
function noteNews(told: Told, { input, effects }: Step): void {
  const news = factsIn(input);
  if (news !== undefined) {
    for (const { record } of news.members) told.heard(`m/${record.value.id}`);
    for (const { value } of news.accusations) told.heard(`m/${value.subject}`);
    for (const { head } of news.deltas) told.heard(`c/${head.value.owner}`);
    for (const head of news.heads) told.heard(`c/${head.value.owner}`);
    for (const { value } of news.configs) told.heard(`k/${value.kind}/${value.name}`);
  } else if (input.type === 'peer' && input.state === 'linked') told.linked(input.id);
  else if (input.type === 'command' && 'kind' in input.command) told.heard(`k/${input.command.kind}/${input.command.name}`);
  for (const effect of effects) {
    if (effect.type !== 'emit') continue;
    const { event } = effect;
    if (event.type === 'member-changed' || event.type === 'reachability-changed') told.heard(`m/${event.id}`);
    else if (event.type === 'member-reaped') told.forgotten(event.id);
  }
}

/** Whether a message is one that nobody asked for: repair is told as often as it takes. */
function isPushed(message: Message): message is Gossip | Extract<Message, { type: 'have' }> {
  return message.type === 'gossip' || message.type === 'have';
}

function stampText({ stamp }: DigestEntry): string {
  return `news ${stamp.join('.')}`;
}

export const saidOnce: Property = {
  name: 'S12 nothing is said twice',
  doc: 'each version of a fact goes once over a link and is passed on to as many links as the settings say, repair aside; at rest nodes send probes and little else',
  kind: 'always',
  begin: (scene) => {
    const { relayFanout, advertiseFanout, fullMeshReturn } = configOf(scene.plan);
    // Where some are linked along rings and some may not be yet, the greater of both numbers holds.
    const fanout = scene.plan.nodes < fullMeshReturn ? relayFanout : Math.max(relayFanout, advertiseFanout);
    const all: Told[] = [];
    const toldBy = (node: SceneNode): Told => {
      const told = all[node.index];
      if (told?.boot === node.boot) return told;
      return (all[node.index] = new Told(node.boot));
    };
    let restMs: number | undefined;
    let messages = 0;
    return {
      step: (node, step) => {
        if (scene.phase === 'rest') {
          restMs ??= scene.nowMs;
          for (const { type } of step.effects) if (type === 'send') messages++;
        }
        const told = toldBy(node);
        noteNews(told, step);
        for (const effect of step.effects) {
          if (effect.type !== 'send' || !isPushed(effect.message)) continue;
          const found = tooMuch(told, { node, to: effect.to, message: effect.message, fanout });
          if (found !== undefined) return found;
        }
        return undefined;
      },
      end: () => {
        const fromMs = restMs;
        if (fromMs === undefined || scene.nowMs - fromMs < 2000) return undefined;
        // What still goes wrong outside the core is news, and a liar says what it likes for as long as it lies.
        if (scene.faults.some(({ endMs = Infinity }) => endMs > fromMs)) return undefined;
        const running = scene.nodes.filter((node) => node.isRunning).length;
        const each = (messages * 1000) / (scene.nowMs - fromMs) / Math.max(1, running);
        const most = restMessagesMax(scene.plan);
        return each > most ? `${each.toFixed(1)} messages a second and node at rest, ${most.toFixed(1)} is the most` : undefined;
      },
    };
  },
};

interface Push {
  readonly node: SceneNode;
  readonly to: NodeId;
  readonly message: Gossip | Extract<Message, { type: 'have' }>;
  readonly fanout: number;
}

function tooMuch(told: Told, { node, to, message, fanout }: Push): string | undefined {
  let found: string | undefined;
  if (message.type === 'gossip') {
    eachSubject(message, (key, content) => {
      if (!told.repeats(to, `${key}@${content}`)) return;
      found ??= `${to} was told ${key} at ${content} a second time`;
    });
    return found;
  }
  for (const entry of message.entries) {
    const { key } = entry;
    // Who accuses again what it took back makes news that has the old stamp.
    if (!key.startsWith('m/') && told.repeats(to, `${key}@${stampText(entry)}`))
      return `${to} was told a second time that there is news of ${key}`;
    if (key === `m/${node.id}` || key === `c/${node.id}`) continue;
    const over = told.passesOn(key, fanout);
    if (over > 0) return `news of ${key} was passed on to ${over} links more than ${fanout}`;
  }
  return undefined;
}

export const gossipProperties: readonly Property[] = [saidOnce];
