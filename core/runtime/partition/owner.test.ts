/**
 * Owning a partition, whatever the bus does in between: records that come late, come twice, or come after their writer was given up;
 * owners that are paused, replaced and wake up.
 */
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Changelog } from '../../bus/bus.ts';
import { type VirtualClock, virtualClock } from '../../clock.ts';
import { Fenced, type Owned, own } from './owner.ts';
import { type Kept, noRows, type Rows, replay } from './records.ts';

/** A changelog whose every delivery, both ways, waits to be let through. */
function slowChangelog() {
  const records: Buffer[] = [];
  const writers: { open: boolean; readonly waiting: Buffer[]; readonly unconfirmed: Buffer[] }[] = [];
  const readers: { open: boolean; next: number; readonly taken: (place: number, record: Buffer) => void }[] = [];
  return {
    records,
    open(): Changelog {
      const writer = { open: true, waiting: [] as Buffer[], unconfirmed: [] as Buffer[] };
      const own: typeof readers = [];
      writers.push(writer);
      return {
        append: (record) => void (writer.open && writer.waiting.push(record)),
        async read(from, taken) {
          const next = from === 'first' ? 0 : from === 'next' ? records.length : from === 'last' ? Math.max(0, records.length - 1) : from;
          const reader = { open: writer.open, next, taken };
          readers.push(reader);
          own.push(reader);
          return {
            close: async () => {
              reader.open = false;
            },
          };
        },
        async close() {
          writer.open = false;
          writer.waiting.length = 0;
          for (const reader of own) reader.open = false;
        },
      };
    },
    /** Lets one record of a writer through. */
    write(which: number): void {
      const writer = writers[which % Math.max(1, writers.length)];
      const record = writer?.waiting.shift();
      if (!writer || !record) return;
      records.push(record);
      writer.unconfirmed.push(record);
    },
    /** As when a connection ends before its confirms: all that a writer wrote lately stands there again, also after it was closed. */
    repeat(which: number): void {
      const writer = writers[which % Math.max(1, writers.length)];
      records.push(...(writer?.unconfirmed.splice(0, 3) ?? []));
    },
    read(which: number): void {
      const reader = readers[which % Math.max(1, readers.length)];
      const record = reader?.open ? records[reader.next] : undefined;
      if (reader && record) reader.taken(reader.next++, record);
    },
    /** Lets everything through, also what that leads to. */
    async drain(clock: VirtualClock, most = 200): Promise<void> {
      for (let left = most; left > 0; left--) {
        writers.forEach((writer, which) => {
          while (writer.waiting.length > 0) this.write(which);
        });
        readers.forEach((reader, which) => {
          while (reader.open && reader.next < records.length) this.read(which);
        });
        await clock.advance(100);
        await turn();
      }
    },
  };
}

const rows = (name: string): Rows => ({ ...noRows, at: 1, tables: [['steps', name, { value: name, at: 1, order: 1 }]] });
const stepsIn = (kept: Kept): string[] => [...(kept.tables.get('steps')?.keys() ?? [])].sort();
const readAll = (records: readonly Buffer[], from = 0): Kept => {
  const all = replay();
  records.forEach((record, place) => {
    if (place >= from) all.feed(place, record);
  });
  return all.kept;
};

describe('own', () => {
  test('finds what the former owner left, and fences it', async () => {
    const clock = virtualClock();
    const bus = slowChangelog();
    const first = own({ changelog: bus.open(), clock, by: 'a' });
    await bus.drain(clock, 20);
    const a = await first;
    const steps = ['1', '2', '3'].map((name) => a.step(rows(name), -1));
    await bus.drain(clock, 10);
    expect(await Promise.all(steps)).toEqual([1, 2, 3]);
    const second = own({ changelog: bus.open(), clock, by: 'b' });
    const late = a.step(rows('in time'), -1);
    await bus.drain(clock, 20);
    const b = await second;
    await late;
    expect(stepsIn(b.kept)).toEqual(['1', '2', '3', 'in time']);
    await a.ended;
    await expect(a.step(rows('too late'), -1)).rejects.toThrow(Fenced);
    expect(stepsIn(b.kept)).toEqual(['1', '2', '3', 'in time']);
  });

  test('keeps what was not sent until a step says that it was', async () => {
    const clock = virtualClock();
    const bus = slowChangelog();
    const opening = own({ changelog: bus.open(), clock, by: 'a' });
    await bus.drain(clock, 20);
    const a = await opening;
    const told = (name: string): Rows => ({ ...rows(name), events: [{ id: name }] });
    for (const [name, sent] of [
      ['one', -1],
      ['two', -1],
      ['three', 1],
    ] as const) {
      const step = a.step(told(name), sent);
      await bus.drain(clock, 8);
      await step;
    }
    expect([...readAll(bus.records).unsent.values()]).toEqual([[{ id: 'two' }], [{ id: 'three' }]]);
  });

  test('sums up, so that the next owner need not read everything, and reads the same', async () => {
    const clock = virtualClock();
    const bus = slowChangelog();
    const opening = own({ changelog: bus.open(), clock, by: 'a', summaryBytes: 2000 });
    await bus.drain(clock, 20);
    const a = await opening;
    for (let index = 0; index < 60; index++) {
      const step = a.step(
        {
          ...rows(`s${index % 20}`),
          events: [{ id: String(index) }],
          marks: [['stream', 1, { high: index, start: 1, holes: [1, 2], given: 0, repeats: 3 }]],
          reading: { metric: index },
          ids: [[`id${index}`, 1]],
        },
        -1,
      );
      await bus.drain(clock, 8);
      await step;
    }
    const whole = replay();
    bus.records.forEach((record, place) => void whole.feed(place, record));
    expect(whole.base).toBeGreaterThan(20);
    expect(readAll(bus.records, whole.base)).toEqual(whole.kept);
    expect([...whole.kept.unsent.values()].flat()).toHaveLength(60);
    // From anywhere before a summary, as when the stream let go of its beginning.
    const cut = (whole.base ?? 0) - 3;
    expect(readAll(bus.records, cut)).toEqual(whole.kept);
    const heir = own({ changelog: bus.open(), clock, by: 'b' });
    await bus.drain(clock, 20);
    expect((await heir).kept).toEqual(whole.kept);
  });

  test('whatever the order of things: what an owner was told counts, counts once, and nobody else disagrees', async () => {
    const action = fc.record({
      do: fc.constantFrom('write', 'write', 'write', 'read', 'read', 'read', 'read', 'repeat', 'step', 'step', 'take', 'close', 'wait'),
      which: fc.nat(50),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 250 }), async (actions) => {
        const clock = virtualClock();
        const bus = slowChangelog();
        const owners: Owned[] = [];
        const done = new Set<string>();
        let made = 0;
        let steps = 0;
        const take = () =>
          void own({ changelog: bus.open(), clock, by: `owner${++made}`, summaryBytes: 1500 }).then(
            (owned) => owners.push(owned),
            (thrown) => expect(thrown).toBeInstanceOf(Fenced),
          );
        take();
        await bus.drain(clock, 15);
        for (const { do: what, which } of actions) {
          if (what === 'write') bus.write(which);
          else if (what === 'read') bus.read(which);
          else if (what === 'repeat') bus.repeat(which);
          else if (what === 'wait') await clock.advance(300);
          else if (what === 'take' && made < 5) take();
          else if (what === 'close' && owners.length > 1) void owners[which % owners.length]?.close();
          else if (what === 'step') {
            const owner = owners[which % Math.max(1, owners.length)];
            const name = `step${++steps}`;
            void owner?.step(rows(name), -1).then(
              () => done.add(name),
              (thrown) => expect(thrown).toBeInstanceOf(Fenced),
            );
          }
          await turn();
        }
        await bus.drain(clock, 40);
        const whole = replay();
        const counted: string[] = [];
        bus.records.forEach((record, place) => {
          const found = whole.feed(place, record);
          if (found && 'rows' in found && found.part === undefined) counted.push(...found.rows.tables.map(([, name]) => name));
        });
        expect(new Set(counted).size).toBe(counted.length);
        for (const name of done) expect(counted).toContain(name);
        expect(stepsIn(whole.kept)).toEqual([...counted].sort());
        // Who comes last finds the same, though it reads from the latest summary on.
        const heir = own({ changelog: bus.open(), clock, by: 'heir' });
        await bus.drain(clock, 40);
        const last = await heir;
        expect(stepsIn(last.kept)).toEqual([...counted].sort());
        await last.close();
      }),
      { numRuns: 300 },
    );
  }, 60_000);
});
