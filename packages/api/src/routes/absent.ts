/**
 * Endpoints of Consul that clients try, and that a mesh without a center does not have. Each says why, and what
 * to use instead, where a path that is not there would only look like a mistyped one.
 */

import { Refusal } from '../refusal.ts';
import type { Route } from '../route.ts';

/** Sessions, and so locks and semaphores, promise that one holder is told apart from all others, at any time. */
const withoutConsensus =
  'needs consensus between servers, which a mesh without a center does not have; use a lock service beside it, such as etcd, or a design that stays right with two holders';

interface Absent {
  readonly methods: readonly Route['method'][];
  readonly paths: readonly string[];
  readonly status: number;
  readonly reason: string;
}

const absent: readonly Absent[] = [
  {
    methods: ['GET', 'PUT'],
    paths: ['/v1/session/*'],
    status: 501,
    reason: `Not implemented: a session, and a lock or semaphore built on it, ${withoutConsensus}`,
  },
  {
    methods: ['PUT'],
    paths: ['/v1/txn'],
    status: 501,
    reason: `Not implemented: a transaction ${withoutConsensus}`,
  },
  // As Consul does where ACLs are off: clients know this status and this text.
  {
    methods: ['GET', 'PUT', 'POST', 'DELETE'],
    paths: ['/v1/acl/*'],
    status: 401,
    reason: 'ACL support disabled',
  },
  { methods: ['PUT'], paths: ['/v1/agent/token/*'], status: 401, reason: 'ACL support disabled' },
  // As Consul does where Connect is off.
  {
    methods: ['GET'],
    paths: ['/v1/connect/ca/roots', '/v1/agent/connect/ca/roots', '/v1/agent/connect/ca/leaf/*'],
    status: 500,
    reason: 'Connect must be enabled in order to use this endpoint',
  },
];

export function absentRoutes(): readonly Route[] {
  return absent.flatMap(({ methods, paths, status, reason }) =>
    paths.flatMap((path) =>
      methods.map((method): Route => ({
        method,
        path,
        handle: () => {
          throw new Refusal(status, reason);
        },
      })),
    ),
  );
}
