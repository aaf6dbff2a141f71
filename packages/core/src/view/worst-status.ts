/** One status for several checks. */

import type { Check, CheckStatus } from '../catalog/record.ts';

/** The status of what these checks are about: passing where there is none. */
export function worstStatus(checks: readonly Check[]): CheckStatus {
  if (checks.some((check) => check.status === 'critical')) return 'critical';
  return checks.some((check) => check.status === 'warning') ? 'warning' : 'passing';
}
