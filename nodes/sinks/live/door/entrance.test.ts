/** The page's entrance as a config says it: behind a proxy, and over TLS with a certificate that is renewed. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { ConfigError } from 'sluice';
import { testServices } from 'sluice/testing';
import { afterEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { certified } from '../../../../test/fixtures/certificate.ts';
import type { Address } from '../listen.ts';
import { openLive } from '../server.ts';
import { readPair } from './certificate.ts';
import { newLookToken, writeToken } from './tokens.ts';

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'sluice-entrance-'));
  undo.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function open(address: Partial<Address>) {
  const tokens = join(folder(), 'lookers');
  const services = testServices();
  const server = await openLive({ host: '127.0.0.1', port: 0, tokens, ...address }, { seconds: 60, bytes: 1e6, viewers: 64 }, services);
  undo.push(() => server.close());
  const { text, id, hash } = newLookToken();
  const [made, ends] = [0, 3_600_000].map((more) => new Date(services.clock.now() + more).toISOString());
  writeToken(tokens, { id, hash, role: 'viewer', scope: '*', made: made ?? '', ends: ends ?? '', by: 'test' });
  return { server, services, text };
}

it('shows itself behind a proxy as what the proxy shows it as, and believes nothing that comes through it', async () => {
  const { server, services, text } = await open({ behind: 'https://sluice.example.com' });
  expect(server.url).toBe('https://sluice.example.com');
  const { port } = server;
  const ask = (headers: Record<string, string>): Promise<number> =>
    new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port, path: '/api/servers', headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });
  const host = 'sluice.example.com';
  const authorization = `Bearer ${text}`;
  expect(await ask({ host, authorization })).toBe(200);
  expect(await ask({ host: `${host}:443`, authorization, origin: 'https://sluice.example.com' })).toBe(200);
  // The proxy is on this machine: that somebody comes from here proves nothing.
  expect(await ask({ host })).toBe(401);
  expect(await ask({ host, 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1', 'x-real-ip': '127.0.0.1' })).toBe(401);
  expect(await ask({ host: `localhost:${port}`, authorization })).toBe(403);
  expect(await ask({ host: 'evil.example', 'x-forwarded-host': host, authorization })).toBe(403);
  expect(await ask({ host, authorization, origin: 'http://sluice.example.com' })).toBe(403);
  expect(await ask({ host, authorization, origin: 'https://sluice.example.com.evil.example' })).toBe(403);
  expect(services.audited.filter(({ did }) => did.startsWith('was refused')).map(({ who }) => who)).toEqual(
    Array(6).fill('address 127.0.0.1'),
  );
});

it('takes a renewed certificate without a restart, and keeps the one that it has for one that does not fit', {
  timeout: 60_000,
}, async () => {
  const at = folder();
  const tls = certified(at, ['DNS:localhost', 'DNS:*.example.com', 'IP:127.0.0.1']);
  expect(readPair(tls).names).toEqual(['localhost', '127.0.0.1']);
  const { server, services } = await open({ tls });
  const shown = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: server.port, servername: 'localhost', rejectUnauthorized: false }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      });
      socket.on('error', reject);
    });
  expect(await shown()).toBe('page');
  const next = certified(at, ['DNS:localhost'], 'next');
  copyFileSync(next.key, tls.key);
  await expect
    .poll(() => services.said.map(({ text }) => text), { timeout: 30_000 })
    .toContainEqual(expect.stringMatching(/is not the key of .*the page goes on with the one before/));
  expect(await shown()).toBe('page');
  copyFileSync(next.cert, tls.cert);
  await expect.poll(shown, { timeout: 30_000 }).toBe('next');
});

it('says what is wrong with a certificate, and nothing of its key', () => {
  const at = folder();
  const tls = certified(at);
  const other = certified(at, ['DNS:localhost'], 'other');
  const empty = join(at, 'empty.pem');
  writeFileSync(empty, '');
  for (const [pair, why] of [
    [{ ...tls, key: other.key }, /is not the key of/],
    [{ ...tls, key: empty }, /is no private key in PEM/],
    [{ ...tls, cert: empty }, /is no certificate in PEM/],
    [{ ...tls, cert: join(at, 'none.pem') }, /cannot be read \(ENOENT/],
  ] as const) {
    expect(() => readPair(pair)).toThrow(ConfigError);
    expect(() => readPair(pair)).toThrow(why);
  }
  const secret = readFileSync(tls.key, 'utf8').split('\n')[1] ?? '-';
  expect(() => readPair({ ...tls, cert: tls.key })).not.toThrow(secret);
});

it('lets so many look with one token, and no more', { timeout: 30_000 }, async () => {
  const { server, text } = await open({});
  const look = () =>
    new Promise<boolean>((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${server.port}/api/live`, { headers: { authorization: `Bearer ${text}` } });
      undo.push(() => socket.terminate());
      socket.on('open', () => resolve(true)).on('error', () => resolve(false));
    });
  const opened: boolean[] = [];
  for (let count = 0; count < 34; count++) opened.push(await look());
  expect(opened.filter(Boolean).length).toBe(32);
});
