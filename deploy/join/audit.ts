/**
 * The record of who let whom in: `audit` events, on disk before anything follows from them, and there until a broker has them and
 * somebody reads them. Whoever decides writes; `sluice hub enrol` alone publishes.
 */
import { randomBytes } from 'node:crypto';
import { type DataInput, fromWire, messageOf, toWire } from 'sluice';
import type { Bus } from '../../core/bus/bus.ts';
import type { Clock } from '../../core/clock.ts';
import { author } from '../../core/runtime/author.ts';
import { enrolHost } from './judge.ts';
import type { Records } from './records.ts';

/** Writes one down. @throws SluiceError when it cannot be */
export function auditor(records: Records, place: string, clock: Clock): (data: DataInput<'audit'>) => void {
  const [company = '', system = '', environment = ''] = place.split('.');
  const bootid = `${clock.now().toString(36)}-${randomBytes(5).toString('hex')}`;
  const writer = author({ place: { company, system, environment }, host: enrolHost, bootid }, 'enrol');
  let count = 0;
  return (data) => {
    const event = writer.original({ kind: 'audit', key: ['enrolment'], data }, clock.now());
    count += 1;
    records.putAudit(`${bootid}-${String(count).padStart(9, '0')}`, toWire(event));
  };
}

/** Publishes what waits, one after the other. Each goes again until the broker has confirmed it and a queue has it. */
export function publisher(records: Records, bus: Bus, clock: Clock, report: (text: string) => void): () => void {
  const underway = new Set<string>();
  let said = false;
  return () => {
    for (const { name, text } of records.audits()) {
      if (underway.has(name)) continue;
      underway.add(name);
      void publish(bus, clock, text)
        .then(() => {
          records.dropAudit(name);
          said = false;
        })
        .catch((thrown: unknown) => {
          // At first the hub may not run yet: what it reads waits here until it does.
          if (!said) report(`a record waits: ${messageOf(thrown).replace(/^sluice: /, '')}`);
          said = true;
        })
        .finally(() => underway.delete(name));
    }
  };
}

async function publish(bus: Bus, clock: Clock, text: string): Promise<void> {
  const at = clock.now();
  const { key } = fromWire(JSON.parse(text), { kind: 'audit', at });
  await bus.publish({ kind: 'audit', keys: [key], body: Buffer.from(text), batch: false });
}
