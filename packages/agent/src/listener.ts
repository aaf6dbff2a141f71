/** Opening a listener, with an error that names the flag, the address and the next step. */

import { AgentError } from './errors.ts';

export type ListenerName = 'bind' | 'http' | 'proxy' | 'dns';

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program',
  'port-in-use': 'is in use by another program',
  EADDRNOTAVAIL: 'is not an address of this host',
  'bad-address': 'is not an address of this host',
  EACCES: 'may not be opened by this user',
  ENOTFOUND: 'is a name that does not resolve',
};

/** Runs `open`; what it throws becomes an `AgentError` about this listener. */
export async function openListener<T>(name: ListenerName, address: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = reasons[code ?? ''] ?? `cannot be opened: ${message}`;
    throw new AgentError(
      'port-in-use',
      `--${name} ${address} ${why}. Give another with --${name} HOST:PORT; port 0 takes a free one`,
      {
        cause: error,
      },
    );
  }
}
