/** The skein command as a function, for programs and tests that drive it in process. */

export { run } from './run.ts';
export type { FetchAnswer, FetchInit, Io, PieceReader } from './io.ts';
export type { Library } from './sim/library.ts';
