/**
 * The testing kit, `sluice/testing`: what the author of a plugin uses, under any test runner. Its filters run here on the
 * very code that runs them live.
 *
 *     import { test } from 'node:test';
 *     import { checkFilter } from 'sluice/testing';
 *     import hot from './hot.ts';
 *     test('hot keeps its examples and its contract', () => { checkFilter(hot); });
 */
export { type VirtualClock, virtualClock } from '../clock.ts';
export { aHeartbeat, aLog, aMetric, anEvent, each, examplePlace, keyOn } from './build.ts';
export { type CheckOptions, checkFilter, type ExampleReport, type FilterReport, runExample, sameBytes } from './check.ts';
export { readFixture } from './fixture.ts';
export { memoryHistory } from './history.ts';
export { mismatch, showCame } from './match.ts';
export { type Came, type Played, type PlayOptions, play, type Saved } from './play.ts';
export { type TestServices, testServices } from './services.ts';
export { playStart } from './steps.ts';
