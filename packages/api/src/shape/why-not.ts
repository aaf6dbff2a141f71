/** Why an instance is not in rotation. */

import type { InstanceView, View } from '@skein/core';

/** What keeps traffic from an instance, for people. */
export function whyNot(view: View, { owner, checks }: Pick<InstanceView, 'owner' | 'checks'>): readonly string[] {
  const member = view.member(owner);
  if (member === undefined) return ['its node is not known'];
  const { name, status, reachable, verified } = member;
  return [
    ...(status === 'alive' || status === 'suspect' ? [] : [`node ${name} is ${status}`]),
    ...(reachable ? [] : [`node ${name} is not reachable`]),
    ...(verified ? [] : [`nobody had a direct answer from node ${name} yet`]),
    ...[...member.checks, ...checks]
      .filter((check) => check.status === 'critical')
      .map((check) => `check ${check.id} is critical${check.output === '' ? '' : `: ${check.output.slice(0, 200)}`}`),
  ];
}
