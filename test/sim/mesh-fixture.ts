/** What the tests of simulated meshes ask again and again. */

import type { Instance, MemberStatus } from '@skein/core';
import type { SimNode } from '@skein/sim';
import { instance } from '../core/fixture.ts';

export { instance };

export function register(node: SimNode, id: string, fields: Partial<Instance> = {}): void {
  const result = node.dispatch({ type: 'register', instance: instance(id, fields), checks: [], replaceChecks: true });
  if (!result.ok) throw new Error(result.message);
}

export function apply(node: SimNode, name: string, value: unknown): void {
  const result = node.dispatch({ type: 'apply-config', kind: 'route', name, value });
  if (!result.ok) throw new Error(result.message);
}

export function status(observer: SimNode, subject: SimNode): MemberStatus | undefined {
  return observer.view().member(subject.id)?.status;
}

/** Whether `observer` would send traffic to instances on `subject`. */
export function routes(observer: SimNode, subject: SimNode): boolean {
  return observer.view().member(subject.id)?.reachable === true;
}

/** The ids of the instances of `service` that `node` would send traffic to. */
export function routable(node: SimNode, service = 'web'): string[] {
  const instances = node.view().service(service)?.instances ?? [];
  return instances.filter((each) => each.routable).map((each) => each.instance.id);
}

export function without<T>(items: readonly T[], ...gone: readonly T[]): T[] {
  return items.filter((item) => !gone.includes(item));
}
