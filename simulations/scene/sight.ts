/** What several scenarios ask of a scene. */

import type { MemberStatus } from '@skein/core';
import type { Scene, SceneNode } from '@skein/sim';

/** What a node believes of another. */
export function statusOf(observer: SceneNode, subject: SceneNode): MemberStatus | undefined {
  return observer.view().member(subject.id)?.status;
}

export function running(scene: Scene, selection: readonly number[]): readonly SceneNode[] {
  return scene.nodes.filter((node) => selection.includes(node.index) && node.isRunning);
}

/** Whether each running node of `some` would send traffic to exactly the instances of `service` on `hosts`. */
export function routeOnlyTo(scene: Scene, some: readonly number[], service: string, hosts: readonly number[]): boolean {
  const wanted = hosts
    .map((host) => `${service}-${host}`)
    .sort()
    .join();
  return running(scene, some).every((node) => [...scene.routable(node, service)].sort().join() === wanted);
}

/** Whether every running node of `some` holds every one of `others` to be in `status`. */
export function allSee(scene: Scene, some: readonly number[], others: readonly number[], status: MemberStatus): boolean {
  return running(scene, some).every((observer) =>
    others.every((index) => {
      const subject = scene.nodes[index];
      return subject === undefined || subject === observer || statusOf(observer, subject) === status;
    }),
  );
}

/** Whether some running node of `some` holds one of `others`, which it is not, to be in `status`. */
export function anySees(scene: Scene, some: readonly number[], others: readonly number[], status: MemberStatus): boolean {
  return running(scene, some).some((observer) =>
    others.some((index) => {
      const subject = scene.nodes[index];
      return subject !== undefined && subject !== observer && statusOf(observer, subject) === status;
    }),
  );
}
