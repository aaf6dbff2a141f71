/** `/healthz`, `/readyz` and `/metrics`, for whoever runs the agent. */

import type { ApiContext } from '../context.ts';
import type { Route } from '../route.ts';

export function operationsRoutes({ agent }: ApiContext): readonly Route[] {
  return [
    { method: 'GET', path: '/healthz', handle: () => ({ json: { status: 'ok' } }) },
    {
      method: 'GET',
      path: '/readyz',
      handle: () => {
        const { ready, reason } = agent.ready();
        return { status: ready ? 200 : 503, json: { ready, reason } };
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      handle: async () => ({
        text: await agent.metrics(),
        headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
      }),
    },
  ];
}
