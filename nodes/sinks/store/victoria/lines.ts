/**
 * Metric events as lines of the Influx line protocol, with millisecond times. The measurement is empty, so that a field's name is
 * the metric's:
 *
 *     ,company=acme,…,unit=By system.memory.usage=8123400192 1790000000000
 *     ,company=acme,…,boot=b1 sluice.event.sequence=17,sluice.event.delay=340 1790000000000
 *
 * The second line is the event's record: source, boot, key and sequence make its id, and its time and delay tell when it was
 * received. With it an event comes back as it was. An event that says more than that, or that its record could not tell apart
 * from another, is to be kept whole elsewhere; its points go to VictoriaMetrics all the same, as series of their own.
 */
import { type Event, originalId, Reject } from 'sluice';
import { apart, delayName, type Labels, labelsOfEvent, labelsOfPoint, sequenceName } from './series.ts';

/** How long before, and after, its receipt an event may be dated for a record to find it: what a reader of the past looks through. */
export const latestMs = 600_000;
export const aheadMs = 5000;

/** Series whose labels are spelt already; a fleet of 10,000 servers has some 200 each. */
const mostSpelt = 500_000;

const told = new Set(['id', 'kind', 'key', 'source', 'time', 'bootid', 'sequence', 'data']);

export interface Lines {
  /** Lines of an event, each ending in a newline, and whether they are all of it. @throws Reject for a value that is no number */
  of(event: Event<'metric'>, received: number): { readonly text: string; readonly whole: boolean };
  /** The events since the last call are safe, or are to be tried again. */
  settle(written: boolean): void;
}

export function createLines(): Lines {
  const spelt = new Map<string, string | undefined>();
  /** The time of the last event of each writer's stream: only what is later has a moment of its own. */
  const latest = new Map<string, number>();
  const coming = new Map<string, number>();

  const recall = (id: string, spell: () => string | undefined): string | undefined => {
    if (spelt.has(id)) return spelt.get(id);
    if (spelt.size >= mostSpelt) spelt.clear();
    const text = spell();
    spelt.set(id, text);
    return text;
  };

  return {
    of(event, received) {
      const { key, source, time, data, bootid = '', sequence = 0 } = event;
      const stream = `e${source} ${key}`;
      const about = recall(stream, () => spellAll(labelsOfEvent(key, source)));
      if (about === undefined) return { text: '', whole: false };
      const before = coming.get(stream) ?? latest.get(stream) ?? Number.NEGATIVE_INFINITY;
      let whole = isTold(event) && time > before && time >= received - latestMs && time <= received + aheadMs;
      const series = new Set<string>();
      const spelling: string[] = [];
      for (const point of data.points) {
        if (!Number.isFinite(point.value)) throw new Reject(`store: the value of ${point.name} is no number; leave such points out`);
        const { name, unit, type, attributes } = point;
        const words = `p${unit === undefined ? '' : `u${unit}`}\n${type ?? ''}\n${name}\n${attributes ? JSON.stringify(attributes) : ''}`;
        const labels = recall(words, () => {
          const own = labelsOfPoint(point);
          return own && `${spellAll(own)} ${escapeName(name)}=`;
        });
        whole &&= labels !== undefined && point.time === undefined && !series.has(words);
        series.add(words);
        const taken = point.time === undefined ? time : Date.parse(point.time);
        if (labels !== undefined) spelling.push(`${labels}${point.value} ${taken}\n`);
      }
      const start = whole ? about : `${about},${apart}=none`;
      let text = '';
      for (const rest of spelling) text += start + rest;
      if (!whole) return { text, whole };
      coming.set(stream, time);
      const record = `${sequenceName}=${sequence},${delayName}=${received - time}`;
      return { text: `${text}${about}${spellAll({ boot: bootid })} ${record} ${time}\n`, whole };
    },
    settle(written) {
      if (written) for (const [stream, time] of coming) latest.set(stream, time);
      coming.clear();
    },
  };
}

/** Whether a record tells all of its envelope. */
function isTold(event: Event<'metric'>): boolean {
  const { id, key, source, time, bootid, sequence } = event;
  if (bootid === undefined || !/^[\w-]+$/.test(bootid) || sequence === undefined || !Number.isSafeInteger(time)) return false;
  // VictoriaMetrics holds numbers to 15 digits.
  if (!Number.isInteger(sequence) || sequence > 1e15) return false;
  return Object.keys(event).every((name) => told.has(name)) && id === originalId(source, bootid, 'metric', key, sequence);
}

const spellAll = (labels: Labels | undefined): string | undefined =>
  labels &&
  Object.entries(labels)
    .map(([label, value]) => `,${escapeName(label)}=${escapeName(value)}`)
    .join('');

/** Names and label values: a backslash before what would end them, and before itself. */
export const escapeName = (text: string): string => text.replace(/[\\,= ]/g, '\\$&');
