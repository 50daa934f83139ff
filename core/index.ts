/** The public entry: all that a node, wherever it lives, may import. */
export { type Clock, duration, formatDuration, type VirtualClock, virtualClock } from './clock.ts';
export { ConfigError, messageOf, Reject, SluiceError, UsageError } from './errors.ts';
export { type Event, encode, fromWire, originalId, type Topic, toWire } from './event.ts';
export { mergeReceived } from './history/merge.ts';
export { mergeSeries, wantsSeries } from './history/series.ts';
export { linesOf } from './history/split.ts';
export { latestAlert, targetOf } from './history/target.ts';
export { timeOf } from './history/when.ts';
export { lookBackMs, type Why, type WhyCause, why } from './history/why.ts';
export { type WhyNot, whyNot } from './history/why-not.ts';
export { historyWithin, isWithin, narrowed, Outside } from './history/within.ts';
export type { Answer, Coverage, History, KeptSeries, QueryLimits, Received, SeriesAnswer, SeriesRequest } from './history.ts';
export { readIdentity } from './identity.ts';
export { inert, inertJson } from './inert.ts';
export { type Json, unfit } from './json.ts';
export { type About, escapeWord, type Fields, key, matcher, meet, parse, patternOf, unescapeWord } from './key.ts';
export {
  type Data,
  type DataInput,
  isKind,
  type Kind,
  kindNames,
  kinds,
  type LogLine,
  type LogSeverity,
  type Point,
  type Severity,
} from './kinds.ts';
export * from './node.ts';
export {
  type Condition,
  conditionOf,
  conditions,
  groupNodes,
  groupProcesses,
  type Keyed,
  meeting,
  type NodeGroup,
  type ProcessGroup,
  processKinds,
  processName,
  reachOf,
  serverOf,
  silentOf,
  type Way,
  waysOf,
} from './pipes.ts';
export { type Counted, type Frequent, frequent } from './shape/frequent.ts';
export { type ProbeReport, type ProbeWish, type Probing, probeSeconds, probing, type Reading } from './shape/probing.ts';
export { type Field, type Scalar, type Shape, type ShapeSeen, shape, wherePath } from './shape/shape.ts';
export { decodeSketch, encodeSketch, mergeSketches, quantile, type Sketch, sketchOf } from './sketch.ts';
export {
  type AlertState,
  alertState,
  holderOf,
  holds,
  type LedgerState,
  type Loss,
  ledgerState,
  type NodeState,
  nodeState,
  type ProcessState,
  processState,
  type ServerState,
  serverState,
} from './states.ts';
export { compileGlance, compilePath, compileWhere, fieldPath, type Keep, keepOf, type Where, where } from './where.ts';
