/** The sorts of channel that a viewer may ask for, a file each: what each makes its frames of, it is given here. */
import type { Services } from 'sluice';
import type { ChannelSort } from '../channel.ts';
import type { Episodes } from '../episodes.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Memory } from '../memory.ts';
import type { Meter } from '../meter.ts';
import type { Present } from '../present.ts';
import type { SeriesMemory } from '../series/memory.ts';
import { alertsSort } from './alerts.ts';
import { catalogSort } from './catalog.ts';
import { fleetSort } from './fleet.ts';
import { createGraph } from './graph.ts';
import { createProbe } from './probe.ts';
import { createSubscribe } from './subscribe.ts';
import { createTail } from './tail.ts';
import { watchSort } from './watch.ts';

/** What `live` knows. A sort names what it needs of it. */
export interface Sources {
  readonly memory: Memory;
  readonly present: Present;
  readonly meter: Meter;
  readonly fleet: Fleet;
  readonly episodes: Episodes;
  readonly series: SeriesMemory;
  /** What the process offers; absent in tests. */
  readonly services?: Services | undefined;
}

export const createChannels = (sources: Sources): readonly ChannelSort[] => [
  createSubscribe(sources),
  createGraph(sources),
  fleetSort(sources.fleet),
  alertsSort(sources.episodes),
  createTail(sources),
  watchSort(sources.series, (server) => sources.present.server(server)?.labels),
  catalogSort(sources.series),
  createProbe(sources),
];
