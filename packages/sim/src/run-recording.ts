/** Runs a scenario with a recorder beside it, and puts what the report knows into the recording. */

import { faultBands } from './fault-text.ts';
import type { Mark, Recorder, Recording } from './recording.ts';
import type { RunReport } from './run-plan.ts';

/** The recording of a run that `recorder` has seen, with its faults, phases and promises. */
export function recordingOf(
  recorder: Recorder,
  report: RunReport,
  about: { readonly title: string; readonly summary?: string; readonly command?: string },
): Recording {
  const bare = recorder.recording(about);
  const names = bare.nodes.map(({ name }) => name);
  return { ...bare, faults: faultBands(report.faults, names, report.figures.virtualMs), marks: marksOf(report) };
}

function marksOf({ outcomes, failures, phases, figures }: RunReport): Mark[] {
  const marks: Mark[] = phases.slice(1).map(({ phase, fromMs }) => mark('phase', phase, fromMs, fromMs));
  const chaosMs = phases.find(({ phase }) => phase === 'chaos')?.fromMs;
  if (figures.formedMs !== undefined && chaosMs !== undefined) marks.push(mark('held', 'the mesh forms', 0, chaosMs));
  for (const { property, kind, state, sinceMs, atMs } of outcomes) {
    if (state === 'held' && kind !== 'sometimes') marks.push(mark('held', property, sinceMs, atMs));
  }
  for (const { property, atMs, node, found } of failures) {
    const sinceMs = outcomes.find((each) => each.property === property && each.kind === 'eventually')?.sinceMs ?? atMs;
    marks.push({ ...mark('failed', property, sinceMs, atMs), found: [node === '' ? found : `${node}: ${found}`] });
  }
  const order = { phase: 0, held: 1, failed: 1 };
  return marks.sort((a, b) => a.atUs - b.atUs || order[a.kind] - order[b.kind]);
}

function mark(kind: Mark['kind'], what: string, sinceMs: number, atMs: number): Mark {
  return { kind, what, sinceUs: sinceMs * 1000, atUs: atMs * 1000, found: [] };
}
