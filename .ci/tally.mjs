/** Adds up vitest's JSON reports and ends with the one line that says how it went. Fails on no test, a failure or a skip. */

import { readFileSync } from 'node:fs';

const sum = { passed: 0, failed: 0, skipped: 0 };
for (const path of process.argv.slice(2)) {
  const report = read(path);
  const before = sum.passed;
  for (const file of report.testResults) {
    const count = (...states) => file.assertionResults.filter((test) => states.includes(test.status)).length;
    const failed = count('failed');
    sum.passed += count('passed');
    sum.skipped += count('skipped', 'pending', 'todo', 'disabled');
    // A file that could not be loaded has no tests and still failed.
    sum.failed += failed === 0 && file.status === 'failed' ? 1 : failed;
    for (const test of file.assertionResults)
      if (!['passed', 'failed'].includes(test.status)) console.error(`skipped: ${test.fullName}`);
  }
  if (sum.passed === before) {
    console.error(`no test passed according to ${path}`);
    sum.failed += 1;
  }
}
const skipped = sum.skipped === 0 ? '' : `, ${sum.skipped} skipped`;
console.log(`${sum.passed} passed, ${sum.failed} failed${skipped}`);
process.exitCode = sum.failed === 0 && sum.skipped === 0 ? 0 : 1;

/** A run that died before its report counts as one that ran nothing. */
function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    console.error(`no report: ${String(error)}`);
    return { testResults: [] };
  }
}
