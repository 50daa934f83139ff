/** The page, opened beyond loopback: who may look, by what they show; and that all who may not are refused and written down. */
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { certified } from '../fixtures/certificate.ts';
import { afterwards, folder, type Site, site, sluice, until } from './run.ts';

interface Audit {
  readonly who: string;
  readonly did: string;
  readonly to?: string;
  readonly detail?: unknown;
}

it('listens nowhere but on loopback without TLS, and says what to write', async () => {
  const refused = async (live: object, more: object = {}): Promise<string> => {
    const running = await site({ config: { run: ['live'], live, ...more } });
    const { code, err } = await running.ended;
    expect(code).toBe(1);
    return err;
  };
  expect(await refused({ listen: '0.0.0.0:7400' })).toMatch(/write tls: \{cert: page\.pem, key: page\.key\}.*or behind: https:.*ssh -L/);
  expect(await refused({ listen: '127.0.0.1:7400', behind: 'http://sluice.example.com' })).toMatch(
    /live\.behind .*write where the proxy shows the page/,
  );
  expect(await refused({ listen: '0.0.0.0:7400', tls: { cert: 'none.pem', key: 'none.key' } })).toMatch(
    /tls: cert: \/.*none\.pem cannot be read/,
  );
}, 60_000);

it('opens to tokens over TLS, refuses all others, and writes down whom it refused', { timeout: 120_000 }, async () => {
  const at = folder();
  const { cert, key, ca } = certified(at);
  const trusted = readFileSync(ca, 'utf8');
  const config = {
    ...{ place: 'acme.shop.prod', host: 'web-1', labels: { role: 'web' }, run: ['memory', 'roster', 'store', 'live'], logs: [] },
    live: { listen: '0.0.0.0:7400', tls: { cert, key } },
  };
  const running = await site({ folder: at, config });
  const url = `https://localhost:${running.port}`;
  const token = async (...words: string[]): Promise<{ id: string; text: string }> => {
    const made = await sluice(['token', 'new', '--config', running.config, '--state', running.state, '--json', ...words]);
    expect(made, made.err).toMatchObject({ code: 0 });
    const { id, token: text } = JSON.parse(made.out) as { id: string; token: string };
    return { id, text };
  };
  const ask = asking(running, trusted);
  const [operator, viewer, other] = [
    await token('--look', 'operator', '--scope', '*', '--for', '1h'),
    await token('--look', 'viewer', '--scope', 'acme.shop.prod'),
    await token('--look', 'operator', '--scope', 'acme.office'),
  ];
  await until('its own state', async () => (await ask('/api/servers', operator.text)).body.includes('"web-1"'), 60_000);

  // What is refused, and why.
  const post = {
    method: 'POST',
    body: JSON.stringify({ kind: 'metric', key: 'acme.shop.prod.web-1.queue', data: { points: [{ name: 'queue.length', value: 7 }] } }),
  };
  const json = { 'content-type': 'application/json' };
  expect(await ask('/api/servers', viewer.text, { host: 'evil.example' })).toMatchObject({
    status: 403,
    body: expect.stringContaining('not this page'),
  });
  expect(await ask('/api/servers', viewer.text, { origin: 'https://evil.example' })).toMatchObject({ status: 403 });
  expect(await ask('/api/servers')).toMatchObject({ status: 401, body: expect.stringContaining('needs a token') });
  expect(await ask('/api/servers', `slk1_${viewer.id}_${'A'.repeat(43)}`)).toMatchObject({ status: 401 });
  expect(await ask('/api/emit', viewer.text, json, post)).toMatchObject({ status: 403, body: expect.stringContaining('only an operator') });
  expect(await ask('/api/emit', other.text, json, post)).toMatchObject({ status: 403, body: expect.stringContaining('outside your part') });
  expect(await ask('/api/history?kind=metric&pattern=acme.shop.%23&from=0&to=1', other.text)).toMatchObject({ status: 403 });
  expect(JSON.parse((await ask('/api/servers', other.text)).body)).toEqual([]);
  const command = {
    method: 'POST',
    body: JSON.stringify({ kind: 'command', key: 'acme.shop.prod.web-1.x', data: { action: 'x', to: 'x' } }),
  };
  expect(await ask('/api/emit', operator.text, json, command)).toMatchObject({
    status: 403,
    body: expect.stringContaining('not for here'),
  });
  expect(await ask('/healthz')).toMatchObject({ status: 200, body: '{"status":"ok"}' });
  const { status, headers } = await ask('/');
  expect([status, headers['strict-transport-security']]).toEqual([200, 'max-age=31536000']);
  // A page elsewhere, a socket without anything, one with a ticket from a guess.
  for (const [protocols, origin] of [
    [[], url],
    [['sluice', `ticket.${'A'.repeat(43)}`], url],
    [[], 'https://evil.example'],
  ] as const)
    await expect(open(url, trusted, [...protocols], { origin })).rejects.toThrow(/40[13]/);

  // What is done.
  expect(await ask('/api/emit', operator.text, json, post)).toMatchObject({ status: 200, body: expect.stringContaining('"id"') });
  const { ticket } = JSON.parse((await ask('/api/ticket', viewer.text, {}, { method: 'POST' })).body) as { ticket: string };
  const socket = await open(url, trusted, ['sluice', `ticket.${ticket}`], { origin: url });
  await expect(open(url, trusted, ['sluice', `ticket.${ticket}`], { origin: url })).rejects.toThrow(/401/);
  const frames: string[] = [];
  socket.on('message', (data: Buffer) => frames.push(data.toString()));
  socket.send(JSON.stringify({ id: 'mine', subscribe: { kind: 'state' } }));
  socket.send(JSON.stringify({ id: 'other', subscribe: { kind: 'log', pattern: 'acme.office.#' } }));
  await until(
    'its part, and not the other',
    () => frames.some((text) => text.includes('"mine"')) && frames.some((text) => /outside your part/.test(text)),
  );

  // From the command line of another machine.
  const elsewhere = { env: { SLUICE_URL: url, SLUICE_TOKEN: viewer.text }, cwd: folder() };
  const servers = await sluice(['servers', '--json', '--ca', ca], elsewhere);
  expect(servers, servers.err).toMatchObject({ code: 0, out: expect.stringContaining('"web-1"') });
  const file = join(at, 'token');
  writeFileSync(file, `${other.text}\n`, { mode: 0o600 });
  const none = await sluice(['query', 'SELECT count(*) AS n FROM points', '--json', '--url', url, '--ca', ca, '--token-file', file], {
    cwd: folder(),
  });
  expect(none, none.err).toMatchObject({ code: 0 });
  expect((JSON.parse(none.out) as { rows: unknown[][] }).rows).toEqual([[0]]);
  expect(await sluice(['servers', '--url', url, '--ca', ca], { cwd: folder() })).toMatchObject({
    code: 1,
    err: expect.stringContaining('SLUICE_TOKEN'),
  });
  expect(await sluice(['servers'], elsewhere)).toMatchObject({ code: 1, err: expect.stringContaining('name its authority with --ca') });
  expect(await sluice(['emit', 'metric', '--name', 'x', '--value', '1', '--ca', ca], elsewhere)).toMatchObject({
    code: 1,
    err: expect.stringContaining('only an operator may emit'),
  });

  // Revoked: the open socket ends, and nothing else opens.
  const closed = new Promise((resolve) => socket.once('close', resolve));
  expect(await sluice(['token', 'revoke', viewer.id, '--config', running.config, '--state', running.state])).toMatchObject({ code: 0 });
  await closed;
  expect(await ask('/api/servers', viewer.text)).toMatchObject({ status: 401, body: expect.stringContaining('was revoked') });
  const list = await sluice(['token', 'list', '--config', running.config, '--state', running.state]);
  expect(list.out).toMatch(new RegExp(`${viewer.id}\\s+look: viewer\\s+acme\\.shop\\.prod\\s+revoked`));

  // All of it is on the bus, and kept.
  const audits = await until(
    'the record of all of it',
    async () => {
      const { body } = await ask(`/api/history?kind=audit&pattern=%23&from=0&to=8e15`, operator.text);
      const all = body
        .split('\n')
        .flatMap((line): Audit[] => (line.includes('"event"') ? [(JSON.parse(line) as { event: { data: Audit } }).event.data] : []));
      const did = (word: string, who: string) => all.some((one) => one.did.includes(word) && one.who.includes(who));
      const missing = [
        ['foreign Host or Origin', 'address 127.0.0.1'],
        ['no token', 'address 127.0.0.1'],
        ['unknown token', 'address 127.0.0.1'],
        ['a viewer who emits', `token ${viewer.id}`],
        ['another part of the tree', `token ${other.id}`],
        ['another part of the tree', `token ${viewer.id}`],
        ['emits a kind', `token ${operator.id}`],
        ['emitted', `token ${operator.id}`],
        ['a ticket that is not good', 'address'],
        ['revoked a token', 'on the hub'],
        ['token that was revoked', 'address'],
      ].filter(([word = '', who = '']) => !did(word, who));
      if (missing.length > 0) throw new Error(JSON.stringify(missing));
      return JSON.stringify(all);
    },
    30_000,
  );

  // No secret is in the record, in what is kept of tokens, or in what it said.
  const listed = await sluice(['token', 'list', '--json', '--config', running.config, '--state', running.state]);
  for (const { text } of [operator, viewer, other])
    for (const place of [audits, running.said(), list.out, listed.out, ...frames]) expect(place).not.toContain(text.slice(18));
  expect(running.out()).toContain(`sluice: open ${url}`);
  await running.stop();
});

interface Answered {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** Asks as a stranger would who may send any header. */
const asking =
  ({ port }: Site, ca: string) =>
  (path: string, token?: string, headers: Record<string, string> = {}, { method = 'GET', body = '' } = {}): Promise<Answered> =>
    new Promise((resolve, reject) => {
      const shown = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const options = { host: '127.0.0.1', port, servername: 'localhost', path, method, ca, agent: false };
      const sent = request({ ...options, headers: { host: `localhost:${port}`, ...shown, ...headers } }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text, headers: answer.headers }));
      });
      sent.on('error', reject).end(body);
    });

async function open(url: string, ca: string, protocols: string[], headers: Record<string, string>): Promise<WebSocket> {
  const socket = new WebSocket(`${url.replace('https', 'wss')}/api/live`, protocols, { ca, headers });
  afterwards(() => socket.terminate());
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return socket;
}
