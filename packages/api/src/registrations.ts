/** Finds this node's own registrations in a view. */

import type { CheckDefinition, CheckState, Instance, View } from '@skein/core';

export function ownInstances(view: View): readonly Instance[] {
  const found: Instance[] = [];
  for (const registration of view.registrations()) if (registration.type === 'instance') found.push(registration.instance);
  return found;
}

export function ownInstance(view: View, id: string): Instance | undefined {
  const registration = view.registration(`i/${id}`);
  return registration?.type === 'instance' ? registration.instance : undefined;
}

export interface OwnCheck {
  readonly definition: CheckDefinition;
  readonly state: CheckState;
}

export function ownChecks(view: View): readonly OwnCheck[] {
  const found: OwnCheck[] = [];
  for (const registration of view.registrations()) if (registration.type === 'check') found.push(registration);
  return found;
}
