/** Writes an HTML page to where the user asked for it. */

import { CliFailure, reasonOf } from '../failure.ts';
import type { Io } from '../io.ts';

export async function writePage(io: Io, path: string, html: string): Promise<void> {
  try {
    await io.write(path, html);
  } catch (error) {
    throw new CliFailure(`the page cannot be written to ${path}: ${reasonOf(error)}`, {
      hint: ['give --html a file in a folder that exists'],
    });
  }
}
