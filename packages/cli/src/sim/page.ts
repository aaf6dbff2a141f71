/** The HTML page where the user asked for it: whether it can be there is looked at before anything runs. */

import { CliFailure, reasonOf, usageFailure } from '../failure.ts';
import type { Io } from '../io.ts';

const folder = 'give --html a file in a folder that exists';
const allowed = 'give --html a file that you may write';
const room = 'make room there, or give --html a file on another disk';
const hints: Readonly<Record<string, string>> = {
  ENOENT: folder,
  ENOTDIR: folder,
  EISDIR: 'give --html a file, not a folder',
  EACCES: allowed,
  EPERM: allowed,
  EROFS: allowed,
  ENOSPC: room,
  EDQUOT: room,
};

/** Wrong usage where no page could be written to `path`: told before a long run is done in vain. */
export async function checkPage(io: Io, path: string): Promise<void> {
  try {
    await io.checkWritable(path);
  } catch (error) {
    throw usageFailure(...pageText(path, error, ', so that nothing was run'));
  }
}

export async function writePage(io: Io, path: string, html: string): Promise<void> {
  try {
    await io.write(path, html);
  } catch (error) {
    const [message, hint] = pageText(path, error, '');
    throw new CliFailure(message, { hint: [hint] });
  }
}

/** What went wrong, and what to do about it. */
function pageText(path: string, error: unknown, so: string): readonly [message: string, hint: string] {
  const hint = hints[(error as NodeJS.ErrnoException).code ?? ''] ?? 'give --html another file';
  return [`the page cannot be written to ${path}${so}: ${reasonOf(error)}`, hint];
}
