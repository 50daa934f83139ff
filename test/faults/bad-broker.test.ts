/** A broker that is absent or says no: the process keeps trying, says so once, and what its monitors saw arrives afterwards. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { startBroker } from '../fixtures/rabbitmq.ts';
import { folder, type Running, site, throughout, until } from '../scenarios/run.ts';

const numbers = fileURLToPath(new URL('../fixtures/scenarios/numbers.ts', import.meta.url));
const broker = await startBroker();
if (!broker && process.env.CI) throw new Error('CI without RabbitMQ: install rabbitmq-server');
const title = broker ? 'a broker' : 'a broker: skipped, since RabbitMQ is missing; to run these: apt-get install rabbitmq-server';

describe.skipIf(!broker)(title, { timeout: 120_000 }, () => {
  afterAll(() => broker?.remove(), 30_000);

  it('that is absent, and later refuses the password, is waited for, and all that was seen meanwhile arrives', async () => {
    if (!broker) return;
    const at = folder();
    const [source, ledger] = [join(at, 'source'), join(at, 'ledger')];
    writeFileSync(source, '');
    let last = 0;
    const count = (more: number) => {
      for (const end = last + more; last < end; ) appendFileSync(source, `{"name":"n","value":${++last}}\n`);
    };
    const seen = () => (existsSync(ledger) ? new Set(readFileSync(ledger, 'utf8').split('\n').slice(0, -1).map(Number)) : new Set());

    // What is published before anyone has ever asked for it is nobody's: so the hub has been here once, and has its queue.
    const before = await site({ config: { bus: broker.url, run: ['numbers'], nodes: [{ use: numbers, file: ledger }] } });
    await until('its queue', async () => (await broker.control('list_bindings', 'source_name')).includes('sluice.metric'), 30_000);
    await before.stop();
    await broker.kill();

    const hub = await before.again();
    const follow = { use: 'exec', name: 'counting', mode: 'follow', command: ['tail', '-n', '+1', '-f', source], resource: 'number' };
    const agent = await site({ config: { bus: broker.url, host: 'web-1', run: ['counting'], nodes: [follow] } });
    for (const one of [hub, agent]) await until('it to say that the broker is absent', () => complaints(one).length > 0);
    count(100);
    // Once, however often it tries.
    await throughout(3000, () => expect([complaints(hub), complaints(agent)].map(({ length }) => length)).toEqual([1, 1]));
    expect(complaints(agent)[0]).toMatch(
      /^sluice: bus: amqp:\/\/127\.0\.0\.1:\d+\/ does not answer \(.*ECONNREFUSED.*\); trying until it does/,
    );

    await broker.start();
    await until('the numbers of its absence', () => seen().size === 100, 30_000);
    for (const one of [hub, agent]) await until('it to say that the broker is back', () => /bus: .* is back/.test(one.err()));

    // Whoever connects from now on is refused; the reader is connected, and stays so.
    await broker.control('change_password', 'guest', 'not-guest');
    await agent.stop('SIGKILL');
    count(100);
    const refused = await agent.again();
    await until('it to say that it is refused', () => complaints(refused).length > 0);
    count(100);
    await throughout(2000, () => expect(complaints(refused)).toHaveLength(1));
    expect(complaints(refused)[0]).toMatch(/refuses us: .*ACCESS.REFUSED.*; correct the user, password/);
    expect(refused.err()).not.toMatch(/^\s+at /m);

    // It ends as cleanly as it would connected, and what it saw stays for the next.
    expect(await refused.stop('SIGTERM')).toMatchObject({ code: 0 });
    // Only its spool knows of them now.
    writeFileSync(source, '');
    await broker.control('change_password', 'guest', 'guest');
    const welcome = await refused.again();
    await until('all numbers', () => seen().size === last, 30_000);
    expect([...seen()].sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
    await Promise.all([hub.stop(), welcome.stop()]);
  });
});

/** What a process has to say of a broker that is not as it should be. */
const complaints = (running: Running): string[] =>
  running
    .err()
    .split('\n')
    .filter((line) => /does not answer|refuses us/.test(line));
