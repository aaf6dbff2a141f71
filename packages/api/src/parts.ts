/** The parts the API is made of that are usable by themselves: for tests, and for whoever measures them. */

export { AnswerCache, answerCacheLimits } from './dns/answer-cache.ts';
export type { Found } from './dns/answers.ts';
export { AnswerTurns, answeringMs } from './answer-turns.ts';
export { BlockingQueries, clientGone } from './blocking.ts';
export { jsonDiff } from './shape/json-diff.ts';
export { ViewFeed } from './view-feed/view-feed.ts';
export type { Cursor, ViewFeedOptions } from './view-feed/view-feed.ts';
export { UnderWay } from './under-way.ts';
export type { EventLoop } from './timers.ts';
