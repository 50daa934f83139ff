/**
 * What it costs `live` to remember every series second by second: 250 servers with 100 series each, a point a second of each, for
 * as long as it remembers, fresh from JSON as they come; and to tell what 200 of them do to somebody who looks, frame by frame.
 *
 * The yardstick is the least that anyone would do with a point: look its series up by its words in a Map, and push its value onto a list.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Event } from '../../core/event.ts';
import { openWatch } from '../../nodes/sinks/live/channels/watch.ts';
import { anyone } from '../../nodes/sinks/live/looker.ts';
import { createSeriesMemory, type SeriesMemory } from '../../nodes/sinks/live/series/memory.ts';
import { watchRequest } from '../../nodes/sinks/live/series/protocol.ts';
import type { Bench, Figure } from './shared/figure.ts';

const start = Date.UTC(2026, 0, 1);
const eventsEach = 10;
const pointsEach = 10;
const shownSeries = 200;
/** Frames of a second, as viewers get them. */
const frames = 40;

/** What one server says in a second, as text: an event for each of its monitors. */
function texts(server: number): string[] {
  return Array.from({ length: eventsEach }, (_, event) =>
    JSON.stringify({
      key: `acme.shop.prod.web-${server}.monitor-${event}`,
      points: Array.from({ length: pointsEach }, (_, point) => ({
        name: `system.mix.${event}${Math.floor(point / 5)}`,
        type: point % 2 === 0 ? 'gauge' : 'counter',
        unit: 'By',
        value: 0,
        attributes: { 'system.device': `device-${point}`, 'mix.direction': point % 3 === 0 ? 'receive' : 'transmit' },
      })),
    }),
  );
}

interface Said {
  readonly key: string;
  readonly points: { value: number }[];
}

/** Events of one second of some servers, parsed anew, with values that move. */
function secondOf(all: readonly string[], second: number): Event<'metric'>[] {
  return all.map((text, index) => {
    const { key, points } = JSON.parse(text) as Said;
    for (const [place, point] of points.entries()) point.value = second * 100 + ((index + place) % 17) * 3.3;
    return { kind: 'metric', key, time: start + second * 1000, data: { points } } as unknown as Event<'metric'>;
  });
}

export default {
  doc: 'remembering 25,000 series second by second for ten minutes: points/s, bytes a series; 200 of them shown; a flood of attribute values; no bus',
  async run(size) {
    const [servers, seconds] = size === 'short' ? [25, 90] : [250, 600];
    const all = Array.from({ length: servers }, (_, server) => texts(server)).flat();
    const points = all.length * pointsEach;
    let now = start;
    const memory = createSeriesMemory({ seconds: 600, bytes: 134_217_728, each: 5000, names: 2000, now: () => now });

    const before = held();
    let [filling, least] = [0, 0];
    const words = new Map<string, number[]>();
    for (let second = 0; second < seconds; second++) {
      now = start + second * 1000;
      const events = secondOf(all, second);
      const began = cpuMs();
      for (const event of events) memory.take(event);
      memory.tick();
      filling += cpuMs() - began;
      // As much of the yardstick as tells its pace: it keeps all that it is given.
      if (second % 20 === 0) least += plainly(words, events);
    }
    words.clear();
    const after = held();
    const bytes = (after - before) / memory.size;
    const micros = (filling * 1000) / (points * seconds);
    const of = `${servers} servers, ${memory.size.toLocaleString('en')} series, ${pointsEach} points an event, ${seconds} s of each`;
    return [
      {
        what: 'remembered',
        value: 1e6 / micros,
        unit: 'points/s CPU',
        yardstick: { what: 'a Map of words and a list', value: (points * Math.ceil(seconds / 20)) / (least / 1000) },
        of,
      },
      { what: 'a point', value: micros, unit: 'us CPU', budget: { most: 2 }, of: 'with the look at what fell silent, once a second' },
      {
        what: 'a series',
        value: bytes,
        unit: 'bytes',
        yardstick: { what: 'its values alone, in 64 bits', value: 8 * seconds },
        of: 'heap and buffers',
      },
      ...watching(memory, all, seconds, (at) => (now = at)),
      flood(size === 'short' ? 20_000 : 100_000),
    ];
  },
} satisfies Bench;

/** Somebody looks at 200 series: the first frame, and what a second of further ones takes. */
function watching(memory: SeriesMemory, all: readonly string[], from: number, setNow: (at: number) => void): Figure[] {
  const request = watchRequest.parse({ metric: 'system.mix.00', most: shownSeries, seconds: 300 });
  const channel = openWatch(memory, () => undefined, request, anyone);
  const opened = cpuMs();
  const bytes = (channel.snapshot() as Buffer).length;
  const opening = cpuMs() - opened;
  const seconds = 10;
  let [telling, sent] = [0, 0];
  for (let second = from; second < from + seconds; second++) {
    setNow(start + second * 1000);
    const events = secondOf(all, second);
    for (let frame = 0; frame < frames; frame++) {
      for (let index = frame; index < events.length; index += frames) memory.take(events[index] as Event<'metric'>);
      if (!channel.waiting) continue;
      const began = cpuMs();
      sent += channel.next().length;
      telling += cpuMs() - began;
    }
    channel.tick?.();
  }
  channel.close?.();
  return [
    { what: `first frame of ${shownSeries} series, 300 s`, value: opening, unit: 'ms CPU', of: `${(bytes / 1000).toFixed(0)} kB` },
    {
      what: `${shownSeries} series shown, ${frames} frames/s`,
      value: telling / seconds,
      unit: 'ms CPU each s',
      of: `${(sent / seconds / 1000).toFixed(0)} kB/s, for all who look at it`,
    },
  ];
}

/** A metric that has another value of an attribute each time. */
function flood(values: number): Figure {
  const memory = createSeriesMemory({ seconds: 600, bytes: 134_217_728, each: 5000, names: 2000, now: () => start });
  const began = cpuMs();
  for (let value = 0; value < values; value += pointsEach) {
    const points = Array.from({ length: pointsEach }, (_, place) => ({
      name: 'flood',
      value,
      attributes: { request: `r${value + place}` },
    }));
    memory.take({ kind: 'metric', key: 'acme.shop.prod.web-1.app', time: start, data: { points } } as unknown as Event<'metric'>);
  }
  const micros = ((cpuMs() - began) * 1000) / values;
  const of = `${values.toLocaleString('en')} values: ${memory.size.toLocaleString('en')} are remembered, in ${(memory.bytes / 1e6).toFixed(1)} MB`;
  return { what: 'a point of a flood', value: micros, unit: 'us CPU', budget: { most: 10 }, of };
}

function plainly(words: Map<string, number[]>, events: readonly Event<'metric'>[]): number {
  const began = cpuMs();
  for (const { key, data } of events) {
    for (const { name, attributes, value } of data.points) {
      const id = `${key}\n${name}\n${JSON.stringify(attributes)}`;
      const list = words.get(id);
      if (list) list.push(value);
      else words.set(id, [value]);
    }
  }
  return cpuMs() - began;
}

/** CPU of this process, all threads, in milliseconds: what else the machine does is not counted. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Bytes of heap and buffers that are in use. */
function held(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
