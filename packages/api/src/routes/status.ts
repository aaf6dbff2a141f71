/** `/v1/status/*`. Nobody leads: an agent names itself, since it is the one that answers everything. */

import type { ApiContext } from '../context.ts';
import type { Route } from '../route.ts';
import { compareTexts } from '../shape/node.ts';

export function statusRoutes({ port, agent, reader }: ApiContext): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/status/leader',
      handle: (request) => {
        reader.check(request);
        const own = port.view().member(port.self)?.record.addresses[0];
        return { json: own ?? agent.info().listeners['gossip'] ?? '' };
      },
    },
    {
      method: 'GET',
      path: '/v1/status/peers',
      handle: (request) => {
        reader.check(request);
        const addresses = [...port.view().members()]
          .filter(({ status }) => status === 'alive' || status === 'suspect')
          .map(({ record, address }) => record.addresses[0] ?? address);
        return { json: addresses.sort(compareTexts) };
      },
    },
  ];
}
