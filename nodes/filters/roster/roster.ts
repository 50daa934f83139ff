/**
 * Knows the servers by their heartbeats alone, and tells which are alive, silent or retired: a server that says nothing is
 * the one failure that no monitor on it can report.
 *
 *     beats  │ │ │ │ │           │ │        ╎ = the limit: `missed` beats, at least `atLeast`
 *     status alive────────╎silent╎alive──
 *
 * heartbeat → state of each server, on change; alerts `silent` and `twins`.
 *
 * Judged on the receiving clock only. While the watcher is cut off, or its queue is not drained, or this process stood
 * still, there is no verdict; after it each server has its whole limit anew. So it never takes its own deafness for
 * another's silence, and is up to one limit late after it. Without an earlier state it learns servers only as they beat.
 */
import { type Data, defineFilter, duration, type Event, key, parse, z } from 'sluice';
import { dueQueue } from './due.ts';
import { examples } from './examples.ts';
import { goneOf, type Spoken, silence, silenceOver, stateOf, twins } from './speak.ts';
import { type Beat, type Known, type Rival, tables, type Watcher } from './tables.ts';

const tickEvery = 500;
/** A watcher that did not look for longer was not watching. */
const pauseMs = 3000;
/** How long it may be blind before that is worth telling of every server: a restart is none. */
const blindMs = 5000;
/** A clock that moves by less, compared with ours, is no news. */
const skewStep = 2;

const span = z.string().refine((text) => duration(text) !== undefined, 'is no duration; write it as 30s, 5m or 1h30m');

export const config = z.strictObject({
  /** How many beats must be missed. */
  missed: z.int().min(1).max(1000).default(3),
  /** The least silence that counts, whatever the interval. */
  atLeast: span.default('30s'),
  /** How long a retired server is remembered. */
  forget: span.default('30d'),
});

export default defineFilter({
  name: 'roster',
  doc: 'Knows the servers by their heartbeats alone, and tells which are alive, silent or retired.',
  config,
  in: [{ kind: 'heartbeat' }],
  out: ['state', 'alert'],
  tables,
  tickEvery,
  shard: 'each',
  examples,
  create({ missed, atLeast, forget }, { servers, beats, rivals, watcher: own }) {
    const [least, keep] = [duration(atLeast) ?? 0, duration(forget) ?? 0];
    const due = dueQueue();
    const watcher = (): Watcher => own.get('self') ?? { blind: 0, told: false, reason: 'not connected yet', clear: 0, looked: 0 };
    const limitOf = ({ interval }: Known) => Math.max(missed * interval * 1000, least);
    /** When the server must be looked at next: its limit, or the end of its time in the book. */
    const deadline = (known: Known, beat: Beat): number =>
      known.status === 'retired' ? known.since + keep : Math.max(beat.seen, watcher().clear) + limitOf(known);
    const wait = (server: string, known: Known, beat: Beat) => {
      if (known.status !== 'silent') due.by(server, deadline(known, beat));
    };
    const waitAll = () => {
      for (const [server, known] of servers.entries()) wait(server, known, beats.get(server) ?? { seen: known.since, id: '' });
    };
    waitAll();

    const heard = (event: Event<'heartbeat'>, server: string, at: number): Spoken[] => {
      const { boot, goodbye } = event.data;
      const [was, before] = [servers.get(server), beats.get(server)];
      if (!was) checkSpeakable(server);
      const said = was && rivalry(server, was, event, at);
      // The old run's farewell, when the new one beats already, is none of the server's.
      if (goodbye && was?.status === 'alive' && boot !== was.boot) return said ?? [];
      const beat = { seen: at, id: event.id };
      beats.set(server, beat);
      // Of two that share a name the first stays the one that is shown, or its state would change with each beat.
      const twin = rivals.get(server);
      if (was && twin?.told !== undefined && twin.boot === boot) {
        wait(server, was, beat);
        return said ?? [];
      }
      // While beats wait in a queue, their age would look like a clock that is behind.
      const skew = watcher().blind === undefined ? skewOf(event.time - at, was?.skew) : was?.skew;
      if (was && isNoNews(event.data, was, skew)) {
        wait(server, was, beat);
        return said ?? [];
      }
      const known = knownFrom(event.data, was, at, skew);
      wait(server, known, beat);
      servers.set(server, known);
      const over =
        was?.status === 'silent' && before ? silenceOver(server, before, goodbye ? 'said goodbye' : 'is heard again', at, event.id) : [];
      return [...(said ?? []), ...over, stateOf(server, known, beat, watcher())];
    };

    /** Which of two boots beats under one name, if there are two: once, it is a restart; to and fro, they both live. */
    const rivalry = (server: string, was: Known, event: Event<'heartbeat'>, at: number): Spoken[] => {
      const { boot, goodbye } = event.data;
      const rival = rivals.get(server);
      const over = (): Spoken[] => {
        rivals.delete(server);
        return rival?.told === undefined ? [] : twins(server, rival, was.boot, 'resolved', at, event.id);
      };
      if (boot === was.boot) {
        if (!rival) return [];
        if (goodbye || at - rival.seen > limitOf(was)) return over();
        rivals.set(server, { ...rival, own: at });
        return [];
      }
      if (goodbye) return rival?.boot === boot ? over() : [];
      if (was.status === 'retired') return [];
      if (rival?.told !== undefined) {
        if (at - rival.own > limitOf(was)) return over();
        rivals.set(server, { ...rival, boot, seen: at });
        return [];
      }
      // A beat that comes late makes two turns; only a run that lives makes a third.
      const turns = rival?.boot === boot ? rival.turns + 1 : 0;
      const isTwin = turns >= 3;
      const next: Rival = { boot: isTwin ? boot : was.boot, seen: at, own: at, turns, ...(isTwin && { told: at }) };
      rivals.set(server, next);
      return isTwin ? twins(server, next, was.boot, 'firing', at, event.id) : [];
    };

    const judge = (server: string, at: number): Spoken[] => {
      const [known, beat] = [servers.get(server), beats.get(server)];
      if (!known || !beat || known.status === 'silent') return [];
      if (deadline(known, beat) > at) {
        wait(server, known, beat);
        return [];
      }
      if (known.status === 'retired') {
        for (const one of [servers, beats, rivals]) one.delete(server);
        return [goneOf(server)];
      }
      const silent: Known = { ...known, status: 'silent', since: at, reason: 'no heartbeat, and no goodbye' };
      servers.set(server, silent);
      return [...silence(server, beat, limitOf(known), at), stateOf(server, silent, beat, watcher())];
    };

    /** All that are alive, when it becomes true or untrue that nobody can tell. */
    const alive = (): Spoken[] =>
      [...servers.entries()]
        .filter(([, known]) => known.status === 'alive')
        .map(([server, known]) => stateOf(server, known, beats.get(server) ?? { seen: known.since, id: '' }, watcher()));

    return {
      event(event, at) {
        const about = parse(event.key);
        // A process that is no agent speaks for itself, not for its server.
        if (about.resource.length > 0) return [];
        return heard(event, key({ ...about, resource: [] }), at);
      },
      tick(at) {
        const known = watcher();
        const stoodStill = at - known.looked > pauseMs || at < known.looked - pauseMs;
        if (known.blind !== undefined) {
          if (known.told || at - known.blind < blindMs || servers.size === 0) return [];
          own.set('self', { ...known, told: true, looked: at });
          return alive();
        }
        if (servers.size === 0) return [];
        if (stoodStill) {
          // A clock that was set back leaves beats in the future, which would be waited for.
          for (const [server, beat] of beats.entries()) if (beat.seen > at) beats.set(server, { ...beat, seen: at });
          own.set('self', { ...known, clear: at, looked: at });
          waitAll();
          return [];
        }
        // Not each tick is worth a write.
        if (at - known.looked >= 1000) own.set('self', { ...known, looked: at });
        return due.take(at).flatMap((server) => judge(server, at));
      },
      pipe({ connected, caughtUp }, at) {
        const known = watcher();
        const reason = connected ? 'the roster is behind: its queue is not drained' : 'the roster is cut off from the pipe';
        if (!connected || !caughtUp) {
          own.set('self', { ...known, blind: known.blind === undefined || known.looked === 0 ? at : known.blind, reason });
          return [];
        }
        if (known.blind === undefined) return [];
        own.set('self', { told: false, reason, clear: at, looked: at });
        waitAll();
        return known.told ? alive() : [];
      },
    };
  },
});

type Words = Record<string, string>;
/** What a heartbeat says of its server. */
type Said = Data<'heartbeat'>;

/** Refuses a name that leaves no room for what would have to be said of it: better now than when it falls silent. */
function checkSpeakable(server: string): void {
  key({ ...parse(server), resource: ['alert', 'silent', 'server'] });
}

/** Whether a beat says what was known before, as almost all do. */
function isNoNews({ boot, interval, labels, versions, goodbye }: Said, was: Known, skew: number | undefined): boolean {
  return (
    was.status === (goodbye ? 'retired' : 'alive') &&
    boot === was.boot &&
    interval === was.interval &&
    skew === was.skew &&
    sameWords(few(labels), was.labels) &&
    sameWords(few(versions), was.versions)
  );
}

function sameWords(one: Words, other: Words): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

/** What is known of a server after a beat of its own. */
function knownFrom(data: Said, was: Known | undefined, at: number, skew: number | undefined): Known {
  const { boot, interval, labels, versions, goodbye } = data;
  const status = goodbye ? 'retired' : 'alive';
  const reason = reasonOf(data, was);
  return {
    status,
    since: was?.status === status && was.boot === boot ? was.since : at,
    first: was?.first ?? at,
    interval,
    boot,
    labels: few(labels),
    versions: few(versions),
    ...(skew !== undefined && { skew }),
    ...(reason !== undefined && { reason }),
  };
}

/** A server may call itself many things, but not so many that its state would be too large to send. */
function few(words: Words): Words {
  if (Object.keys(words).length <= 64) return words;
  return Object.fromEntries(Object.entries(words).slice(0, 64));
}

/** How far the server's clock is ahead of ours, in seconds: kept until it has moved by a step, and none when it is small. */
function skewOf(ahead: number, was: number | undefined): number | undefined {
  const skew = Math.round(ahead / 100) / 10;
  if (was !== undefined && Math.abs(skew - was) < skewStep) return was;
  return Math.abs(skew) < skewStep ? undefined : skew;
}

function reasonOf({ goodbye, boot }: Said, was: Known | undefined): string | undefined {
  if (goodbye) return goodbye.reason;
  if (was === undefined) return undefined;
  if (was.boot === boot) return was.status === 'alive' ? was.reason : 'heard again';
  return was.status === 'retired' ? 'started again' : 'restarted without a goodbye';
}
