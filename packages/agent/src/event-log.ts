/** What the node, the transport, the proxy and the storage report, as log lines. */

import { basename } from 'node:path';
import { assertNever, externalKind, type KnownPeer, kvKind, type MeshEvent, type NodeId } from '@skein/core';
import type { ProxyEvent } from '@skein/proxy';
import type { TransportHandler } from '@skein/transport';
import { type Log, Throttle } from './log.ts';
import type { StorageNotice } from './storage.ts';

type Refused = Parameters<TransportHandler['refused']>[0];

/** Peers named in one line. */
const peersNamed = 8;

export class EventLog {
  readonly #log: Log;
  readonly #throttle = new Throttle();
  #isTwinNamed = false;

  constructor(log: Log) {
    this.#log = log;
  }

  mesh(event: MeshEvent): void {
    const { type, ...fields } = event;
    switch (event.type) {
      case 'member-changed':
        if (event.to === 'failed' || event.to === 'suspect') this.#log.warn('member changed', fields);
        else this.#log.info('member changed', fields);
        return;
      case 'reachability-changed':
        if (event.reachable) this.#log.info('member is back in rotation', fields);
        else this.#log.warn('member is out of rotation', fields);
        return;
      case 'seed-failed':
        return this.#seedFailed(event);
      case 'seed-joined':
        this.#throttle.forget(`seed/${event.address}`);
        return this.#log.info('joined through a seed', fields);
      case 'message-refused':
        return this.#throttled('warn', `message/${event.from}/${event.reason}`, 'refused a message', fields);
      case 'name-conflict':
        if (this.#throttle.count(`name/${event.name}/${event.ids.join()}`) !== 1) return;
        return this.#log.warn('several members have one name; rename all but one with --name', fields);
      case 'config-quarantined':
        return this.#log.warn('a config entry is not applied: the last good one stays', fields);
      case 'config-conflict':
        if (event.kind === kvKind || event.kind === externalKind)
          return this.#log.debug('concurrent writes of one entry: the latest is kept', fields);
        return this.#log.warn('concurrent writes of one config entry: the latest is applied, see config conflicts', fields);
      case 'config-changed':
        // Clients write these all the time, and by themselves.
        if (event.kind === kvKind || event.kind === externalKind)
          return this.#log.debug(event.deleted ? 'entry deleted' : 'entry written', fields);
        return this.#log.info(event.deleted ? 'config entry deleted' : 'config entry applied', fields);
      case 'check-changed':
        return this.#log.info('check changed', fields);
      case 'isolated':
        if (event.isolated) return this.#log.warn('cannot reach many members: this host may be cut off', fields);
        return this.#log.info('reaches the members again', fields);
      case 'identity-in-use':
        return this.#twin({ epoch: event.epoch });
      case 'refuted':
        return this.#log.info('refuted an accusation', fields);
      case 'registration-removed':
        return this.#log.info('registration removed', fields);
      case 'synced':
        return this.#log.info('in sync with the mesh', fields);
      case 'left':
        return this.#log.info('left the mesh');
      case 'member-reaped':
      case 'link-changed':
        return this.#log.debug(type, fields);
      case 'registration-changed':
        return this.#log.debug(type, { key: event.registration.type });
      case 'view-changed':
        return;
      default:
        return assertNever(event);
    }
  }

  refused(refused: Refused): void {
    const { reason, peer, address, detail } = refused;
    if (reason === 'stale-epoch' && detail.startsWith('the peer refused')) this.#twin({ peer, address, detail });
    // A connection that came to us has another port each time.
    const host = address.replace(/:\d+$|\/tcp\/.*$/, '');
    this.#throttled('warn', `peer/${host}/${reason}`, 'refused a peer', {
      reason,
      peer,
      address,
      detail,
    });
  }

  proxy(event: ProxyEvent): void {
    const { type, ...fields } = event;
    switch (event.type) {
      case 'instance-ejected':
        return this.#log.warn('the proxy ejected an instance that keeps failing', fields);
      case 'instance-avoided':
        return this.#log.warn('the proxy avoids an instance that keeps failing', fields);
      case 'instance-returned':
        return this.#log.info('the proxy uses an instance again', fields);
      case 'request-failed':
        return this.#throttled('warn', `request/${event.code}/${event.host.slice(0, 100)}`, 'the proxy answered with an error', {
          ...fields,
          path: event.path.slice(0, 200),
        });
      case 'route-problem':
        return this.#throttled('warn', `route/${event.route}/${event.reason}`, 'a route is not used as written', fields);
      default:
        return this.#log.info(type, fields);
    }
  }

  storage(notice: StorageNotice): void {
    const { type, ...fields } = notice;
    switch (notice.type) {
      case 'file-set-aside':
        return this.#setAside(fields, basename(notice.path));
      case 'directory-open':
        return this.#log.warn('the data directory is open to other users', { ...fields, next: `chmod 700 ${notice.path}` });
      case 'epoch-lost':
        return this.#log.warn('the boot counter was lost: it starts at 1 until the mesh tells the old one', fields);
      case 'write-failed':
        return this.#log.error('the disk refuses writes: changes are active but would be lost at a restart', {
          ...fields,
          next: 'free space or repair the disk; writing is tried again by itself',
        });
      case 'write-recovered':
        return this.#log.info('all changes are on disk again');
      default:
        return this.#log.info(type, fields);
    }
  }

  /** Reads of the mesh go on although no peer gave all it knows yet, or nothing is known of some whom an earlier boot knew. */
  notCaughtUp(unknown: readonly NodeId[], known: readonly KnownPeer[]): void {
    const names = known.filter(({ id }) => unknown.includes(id)).map(({ name }) => name);
    const peers = names.length > peersNamed ? [...names.slice(0, peersNamed), `${names.length - peersNamed} more`] : names;
    this.#log.warn('reads are answered before this agent caught up with its peers', { unheard: peers });
  }

  #setAside(fields: object, name: string): void {
    switch (name) {
      case 'identity.key':
        return this.#log.error(
          'the identity was damaged: this is now a different node, and the mesh will take the old one for failed',
          {
            ...fields,
            next: 'to be the old node again, stop this agent and put a copy of identity.key back; else nothing: the old one is forgotten',
          },
        );
      case 'epoch':
      case 'epoch.copy':
        return this.#log.warn('a damaged copy of the boot counter was set aside; there are two, and the mesh knows it too', {
          ...fields,
          next: 'nothing: it was written anew; delete the file that was set aside',
        });
      case 'peers.json':
        return this.#log.error('the damaged list of peers was set aside: this agent may not find the mesh by itself', {
          ...fields,
          next: 'name an agent of the mesh with --join or: skein join HOST:PORT; then delete the file that was set aside',
        });
      default:
        return this.#log.error('a damaged file was set aside; what it held is missing until it is written again', {
          ...fields,
          next: 'look at the file; register or apply again what it held, then delete it',
        });
    }
  }

  /** Said once: nothing but a restart of one of the two ends it. */
  #twin(fields: object): void {
    if (this.#isTwinNamed) return;
    this.#isTwinNamed = true;
    this.#log.error('another agent runs with the identity of this one: the mesh believes whichever has the higher epoch', {
      ...fields,
      cause: 'most likely this data directory, or the other one, is a copy: of a machine image, a backup or a volume',
      next: 'where the copy is: stop the agent, delete identity.key, epoch and epoch.copy in its data directory, start it as a new node. If that is not here, restart this agent after',
    });
  }

  #seedFailed(event: Extract<MeshEvent, { type: 'seed-failed' }>): void {
    const { type: _type, ...fields } = event;
    if (event.reason === 'self') return this.#log.info('a seed is this agent itself', fields);
    this.#throttled('warn', `seed/${event.address}`, 'a seed cannot be joined; it is tried again', fields);
  }

  #throttled(level: 'info' | 'warn', key: string, msg: string, fields: object): void {
    const times = this.#throttle.count(key);
    if (times !== undefined) this.#log[level](msg, times === 1 ? fields : { ...fields, times });
  }
}
