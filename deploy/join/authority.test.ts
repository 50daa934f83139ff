import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer as createPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type Server } from 'node:tls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { virtualClock } from '../../core/clock.ts';
import { authorityIn, certify, fetchAuthority, fingerprintOf } from './authority.ts';

let folder: string;
const at = (name: string) => join(folder, name);
const servers: { close(): unknown }[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-authority-'));
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  rmSync(folder, { recursive: true });
});

/** Something that speaks TLS as a broker does: its certificate, and the authority's after it. */
async function listen(ca: string, from: string): Promise<{ server: Server; to: Parameters<typeof fetchAuthority>[0] }> {
  const cert = `${readFileSync(join(from, 'server.pem'), 'utf8')}${ca}`;
  const server = createServer({ cert, key: readFileSync(join(from, 'server.key')) }, (socket) => socket.on('error', () => {}));
  server.on('tlsClientError', () => {});
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, to: { protocol: 'amqps', hostname: '127.0.0.1', port: (server.address() as AddressInfo).port, vhost: 'sluice' } };
}

it('finds the authority by its fingerprint, also after the certificate was made anew, and refuses every other', async () => {
  const clock = virtualClock(Date.now());
  const ca = await authorityIn(at('ca'), 'acme.shop.prod');
  const pin = fingerprintOf(ca);
  expect(await certify(at('ca'), at('one'), ['127.0.0.1', 'mq1.example'], clock.now())).toBe(true);
  const { to } = await listen(ca, at('one'));
  expect(fingerprintOf(await fetchAuthority(to, pin))).toBe(pin);

  // Kept while it is good; made anew for another name, and a month before it ends.
  expect(await certify(at('ca'), at('one'), ['127.0.0.1'], clock.now())).toBe(false);
  expect(await certify(at('ca'), at('one'), ['127.0.0.1', 'mq2.example'], clock.now())).toBe(true);
  clock.jump(800 * 86_400_000);
  expect(await certify(at('ca'), at('one'), ['127.0.0.1'], clock.now())).toBe(true);
  const renewed = await listen(await authorityIn(at('ca'), 'acme.shop.prod'), at('one'));
  expect(fingerprintOf(await fetchAuthority(renewed.to, pin))).toBe(pin);

  const other = await authorityIn(at('other'), 'acme.shop.prod');
  await certify(at('other'), at('two'), ['127.0.0.1'], clock.now());
  await expect(fetchAuthority((await listen(other, at('two'))).to, pin)).rejects.toThrow(/not the one that the token is for.*in between/);
});

it('lets nobody in between who only repeats the authority: the connection that follows is checked against it', async () => {
  const ca = await authorityIn(at('ca'), 'acme.shop.prod');
  await authorityIn(at('other'), 'acme.shop.prod');
  await certify(at('other'), at('two'), ['127.0.0.1'], Date.now());
  const { to } = await listen(ca, at('two'));
  // Whichever step notices it.
  const refused = await fetchAuthority(to, fingerprintOf(ca)).then(
    (found) =>
      new Promise<string>((resolve) => {
        const socket = connect({ host: to.hostname, port: to.port, ca: found }, () => resolve('connected'));
        socket.once('error', (error) => resolve(error.message));
      }),
    (thrown: Error) => thrown.message,
  );
  expect(refused).toMatch(/signature|verify|self-signed|unable|in between/i);
});

it('says so when there is no TLS', async () => {
  const server = createPlain((socket) => socket.end('AMQP\0\0\x09\x01'));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const to = { protocol: 'amqps', hostname: '127.0.0.1', port: (server.address() as AddressInfo).port, vhost: '' } as const;
  await expect(fetchAuthority(to, '00')).rejects.toThrow(/does not speak TLS with us/);
});
