/** What a simulated server writes to its logs: an access log as nginx has it, a program's own, and sshd's. */
import type { DataInput } from '../kinds.ts';
import type { Chance } from './chance.ts';
import type { Reading } from './life.ts';
import type { Server } from './server.ts';

type Line = DataInput<'log'>['lines'][number];

/** What is asked of each role, the most frequent first. */
export const routes = {
  web: ['/', '/cart', '/search', '/items/{id}', '/login', '/checkout', '/assets/app.js', '/healthz'],
  api: ['/v1/orders', '/v1/prices', '/v1/stock/{id}', '/v1/customers/{id}', '/v1/sessions', '/healthz'],
  worker: ['/jobs/invoice', '/jobs/thumbnail', '/jobs/mail', '/jobs/export', '/healthz'],
  cache: ['/get', '/set', '/evict', '/healthz'],
  db: ['/select', '/insert', '/update', '/vacuum', '/healthz'],
} as const;

const browsers = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36',
  'curl/8.5.0',
] as const;
const probes = [
  '/wp-login.php',
  '/.env',
  '/phpmyadmin/index.php',
  '/.git/config',
  '/admin.php',
  '/vendor/phpunit/phpunit/phpunit.xsd',
] as const;
const names = ['root', 'admin', 'oracle', 'test', 'ubuntu', 'git'] as const;
const failures = [
  'upstream timed out after 5003 ms while reading the response',
  'could not get a connection from the pool in 2000 ms: 64 of 64 in use',
  'deadlock detected; the transaction is rolled back',
  'payment provider answered 503',
] as const;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Addresses that RFC 5737 sets aside for documents: they belong to nobody. */
export const visitor = (luck: Chance): string => `${luck.pick(['192.0.2', '198.51.100'])}.${1 + luck.below(254)}`;

const two = (value: number): string => String(value).padStart(2, '0');
function stamp(now: number): string {
  const at = new Date(now);
  const day = `${two(at.getUTCDate())}/${months[at.getUTCMonth()]}/${at.getUTCFullYear()}`;
  return `${day}:${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0000`;
}

/** So many lines of an access log, of which as many are failures as the reading says. */
export function accessLines(server: Server, reading: Reading, count: number, luck: Chance, now: number, intruder?: string): Line[] {
  const time = new Date(now).toISOString();
  const at = stamp(now);
  return Array.from({ length: count }, () => {
    const probing = intruder !== undefined && luck.next() < 0.6;
    const path = probing
      ? luck.pick(probes)
      : routes[server.role][luck.below(routes[server.role].length)]?.replace('{id}', String(luck.below(90_000)));
    const status = probing ? 404 : luck.next() < reading.errorShare ? luck.pick([500, 502, 503, 504]) : luck.next() < 0.04 ? 304 : 200;
    const bytes = status === 200 ? 400 + luck.below(48_000) : 162;
    const who = probing ? intruder : visitor(luck);
    const agent = probing ? 'Mozilla/5.0 zgrab/0.x' : luck.pick(browsers);
    const method = path === '/checkout' || path === '/login' ? 'POST' : 'GET';
    return { body: `${who} - - [${at}] "${method} ${path} HTTP/1.1" ${status} ${bytes} "-" "${agent}"`, time };
  });
}

/** What the program itself complains of. */
export function programLines(reading: Reading, count: number, luck: Chance, now: number): Line[] {
  const time = new Date(now).toISOString();
  return Array.from({ length: count }, () =>
    luck.next() < 0.2 + reading.errorShare
      ? { body: `ERROR order ${10_000 + luck.below(90_000)}: ${luck.pick(failures)}`, severity: 'error' as const, time }
      : { body: `slow answer: ${Math.round(reading.latency * 1000 * (2 + 4 * luck.next()))} ms`, severity: 'warn' as const, time },
  );
}

/** Somebody guesses passwords. */
export function intruderLines(intruder: string, count: number, luck: Chance, now: number): Line[] {
  const time = new Date(now).toISOString();
  return Array.from({ length: count }, () => ({
    body: `Failed password for ${luck.next() < 0.5 ? 'invalid user ' : ''}${luck.pick(names)} from ${intruder} port ${20_000 + luck.below(40_000)} ssh2`,
    severity: 'warn' as const,
    time,
    fields: { program: 'sshd', pid: 900 + luck.below(30_000) },
  }));
}
