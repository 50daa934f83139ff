import { type Answer, type History, Reject } from 'sluice';
import { testServices } from 'sluice/testing';
import { afterEach, expect, it } from 'vitest';
import { type LiveServer, openLive } from './server.ts';

let server: LiveServer | undefined;
afterEach(() => server?.close());

/** A history that says what it was asked, and refuses to drop anything. */
const history: History = {
  async *read() {},
  byId: async () => undefined,
  coverage: async () => [],
  async query(sql, limits): Promise<Answer> {
    if (/drop/i.test(sql)) throw new Reject('query: it does more than read; write one SELECT');
    return { columns: [{ name: 'asked', type: 'VARCHAR' }], rows: [[sql, limits?.rows ?? null]], cut: false };
  },
};

const open = async (kept: History | undefined) => {
  server = await openLive({ host: '127.0.0.1', port: 0 }, { seconds: 60, bytes: 1e6, viewers: 1 }, testServices({ history: kept }));
  const { url } = server;
  return (body: string, headers: Record<string, string> = {}, method = 'POST') =>
    fetch(`${url}/api/query`, { method, headers: { 'content-type': 'application/json', ...headers }, ...(method === 'POST' && { body }) });
};

it('answers SQL that is sent as JSON, with its limits', async () => {
  const ask = await open(history);
  const response = await ask(JSON.stringify({ sql: 'SELECT 1', rows: 5 }));
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ columns: [{ name: 'asked', type: 'VARCHAR' }], rows: [['SELECT 1', 5]], cut: false });
});

it.each([
  ['what the history refuses', JSON.stringify({ sql: 'DROP TABLE points' }), {}, 'POST', 400, /does more than read/],
  ['what is no JSON', 'SELECT 1', {}, 'POST', 400, /is no query; send JSON/],
  ['what it does not know', JSON.stringify({ sql: 'SELECT 1', file: 'x' }), {}, 'POST', 400, /is no query; send JSON/],
  ['what a form could send', JSON.stringify({ sql: 'SELECT 1' }), { 'content-type': 'text/plain' }, 'POST', 415, /a query is JSON/],
  ['what is too long', JSON.stringify({ sql: 'x'.repeat(200_000) }), {}, 'POST', 413, /longer than/],
  ['what comes from another page', JSON.stringify({ sql: 'SELECT 1' }), { origin: 'http://evil.example' }, 'POST', 403, /origin/],
  ['what only looks', '', {}, 'GET', 405, /use POST/],
])('refuses %s', async (_, body, headers, method, status, why) => {
  const ask = await open(history);
  const response = await ask(body, headers, method);
  expect(response.status).toBe(status);
  expect(await response.text()).toMatch(why);
});

it('says so where nothing is kept', async () => {
  const ask = await open(undefined);
  const response = await ask(JSON.stringify({ sql: 'SELECT 1' }));
  expect(response.status).toBe(503);
  expect(await response.text()).toMatch(/keeps no history; run the node store/);
});
