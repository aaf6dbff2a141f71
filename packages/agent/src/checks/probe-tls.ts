/** TLS towards what a check probes. */

import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { ProbeTls } from '@skein/core';

/** What to ask for and to expect of a peer at `host` (without brackets). RFC 6066 allows no addresses as server names. */
export function tlsOptions(
  { serverName, skipVerify }: ProbeTls,
  host: string,
): Pick<ConnectionOptions, 'servername' | 'rejectUnauthorized'> {
  const name = serverName === '' ? host : serverName;
  return { servername: isIP(name) === 0 ? name : '', rejectUnauthorized: !skipVerify };
}
