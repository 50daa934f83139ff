/** Whatever a stranger writes, wherever it may stand, is text: on every tab, and in a terminal. */
import type { Browser, Page } from 'playwright-core';
import { type Event, key } from 'sluice';
import { memoryHistory, testServices } from 'sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock, virtualClock } from '../../core/clock.ts';
import { type LiveServer, openLive } from '../../nodes/sinks/live/server.ts';
import { cli } from '../contract/cli.ts';
import { buildPage, hasBrowser, openBrowser } from './browser.ts';
import { payloads } from './payloads.ts';
import { keepPicture, type Tab, tabs, watch } from './watch.ts';

/** What a page or a terminal would obey. Of what is left out some join letters of scripts. */
const obeyed =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\u2028\u2029\ufeff]|[\u{e0000}-\u{e007f}]/u;

const at = systemClock.now();
let count = 0;

function written(host: string, resource: readonly string[], kind: Event['kind'], data: unknown, more: Partial<Event> = {}): Event[] {
  // A key has room for 255 bytes, and nobody can write a longer one.
  for (let length = 60; length > 0; length -= 6) {
    try {
      const about = key({
        company: 'acme',
        system: 'shop',
        environment: 'prod',
        host: host.slice(0, length),
        resource: resource.map((word) => word.slice(0, length)),
      });
      const source = `/acme/shop/prod/${about.split('.')[3]}/test`;
      return [{ id: `h${count++}`, kind, key: about, source, time: at, data, ...more } as unknown as Event];
    } catch {}
  }
  return [];
}

/** One payload in every place where text may stand. */
function everywhere(text: string, nth: number): Event[] {
  const name = text.slice(0, 255);
  const short = text.slice(0, 63);
  const instant = new Date(at - 60_000).toISOString();
  const alert = {
    ...{ rule: name, status: 'firing', severity: (['info', 'warning', 'critical'] as const)[nth % 3], summary: text, action: text },
    ...{ value: 2, threshold: 1, unit: short, since: instant, evidence: [`h${count}`] },
  };
  const server = {
    ...{
      company: 'acme',
      system: 'shop',
      environment: 'prod',
      host: name,
      status: nth % 4 === 0 ? 'silent' : 'alive',
      since: instant,
      seen: instant,
    },
    ...{
      first: instant,
      interval: 5,
      boot: name,
      reason: text,
      labels: { zone: name, [name]: text.slice(0, 255) },
      versions: { sluice: name, [name]: name },
    },
  };
  const node = {
    ...{ name, use: name, sort: 'filter', doc: text, host: name, process: name, status: 'failing', since: instant, error: text, errors: 1 },
    ...{ in: [{ kind: 'metric', pattern: '#' }], out: ['alert'], events: { in: 1, out: 1, dead: 0, dropped: 0, holes: 0, repeats: 0 } },
  };
  const point = { name, value: nth, unit: short, attributes: { [name]: text, plain: text } };
  const heartbeat = { boot: name, interval: 5, labels: server.labels, versions: server.versions };
  return [
    ...written(text, [name], 'metric', { points: [point] }),
    ...written(text, [name], 'alert', alert, { causationid: `h${count}`, nodeversion: short, confighash: name, policycommit: name }),
    ...written(text, ['alert', name, name], 'state', { of: 'alert', value: alert }),
    ...written(text, ['server'], 'state', { of: 'server', value: server }),
    ...written(text, ['node', name], 'state', { of: 'node', value: node }),
    ...written(text, [], 'heartbeat', heartbeat),
    ...written(text, ['log', name], 'log', { file: text, lines: [{ body: text, severity: 'error', fields: { [name]: text } }] }),
    ...written(text, [name], 'incident', { what: name, who: text, where: text, severity: 'warning', fields: { [name]: text } }),
  ];
}

const events = payloads.flatMap(everywhere);

async function serve(): Promise<LiveServer> {
  const history = memoryHistory(events.map((event) => ({ event, received: at })));
  const services = testServices({ history, clock: virtualClock(at + 60_000) });
  const server = await openLive({ host: '127.0.0.1', port: 0 }, { seconds: 600, bytes: 67_108_864, viewers: 8 }, services);
  server.write(events);
  return server;
}

describe.skipIf(!hasBrowser())('hostile words on the page', () => {
  let browser: Browser;
  let server: LiveServer;
  beforeAll(async () => {
    await buildPage();
    browser = await openBrowser();
    server = await serve();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  /** What can be opened on a tab, and shows more of what strangers wrote. */
  const openings: Record<Tab, readonly string[]> = {
    servers: ['main .server', 'main [data-n]'],
    charts: ['main .chart header', 'main .legend button'],
    logs: ['main .row'],
    alerts: ['main .alert'],
    pipes: ['main .picture .box.node', 'main .picture .box.pipe'],
  };

  it.each(tabs)('stays text on %s', async (tab) => {
    const watched = await watch(browser, `${server.url}/#/${tab}`, { viewport: { width: 1280, height: 800 } });
    const { page, complaints } = watched;
    await page.getByRole('status').getByText('live').waitFor();
    await expect.poll(() => page.locator('main').innerText()).toMatch(/onerror|script|evil/);
    await inspect(page, tab);
    await keepPicture(page, `hostile-${tab}`);
    for (const selector of openings[tab]) {
      const found = page.locator(selector).first();
      if ((await found.count()) === 0) continue;
      await found.click({ timeout: 5_000, force: true }).catch(() => {});
      await inspect(page, `${tab} after ${selector}`);
    }
    await watched.close();
    expect(complaints).toEqual([]);
  });

  async function inspect(page: Page, where: string): Promise<void> {
    const found = await page.evaluate<{ texts: string[]; [what: string]: unknown }>(`(() => {
      const texts = [];
      const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
      for (let node = walk.nextNode(); node; node = walk.nextNode()) {
        if (node.nodeType === 3) texts.push(node.data);
        else for (const name of ['title', 'aria-label', 'placeholder', 'label', 'alt']) if (node.hasAttribute(name)) texts.push(node.getAttribute(name));
      }
      return {
        texts,
        hit: 'hit' in window,
        polluted: Object.keys(Object.prototype).length > 0 || 'zone' in {},
        scripts: document.scripts.length,
        foreign: document.querySelectorAll('iframe, object, embed, base, form[action], meta[http-equiv], body link, body style').length,
        handlers: [...document.querySelectorAll('*')].filter((each) => [...each.attributes].some(({ name }) => name.startsWith('on'))).length,
        links: [...document.querySelectorAll('[href], [src]')].map((each) => new URL(each.getAttribute('href') ?? each.getAttribute('src'), location.href))
          .filter(({ origin, protocol }) => origin !== location.origin && protocol !== 'data:').map(String),
        wide: document.documentElement.scrollWidth > innerWidth,
        hidden: document.querySelector('main').offsetHeight < 100,
      };
    })()`);
    const { texts, ...harm } = found;
    expect([where, texts.filter((text) => obeyed.test(text)).slice(0, 3)]).toEqual([where, []]);
    expect({ where, ...harm }).toEqual({
      ...{ where, hit: false, polluted: false, scripts: 1, foreign: 0, handlers: 0, links: [], wide: false, hidden: false },
    });
  }
});

describe('hostile words in a terminal', () => {
  it('stay text in all that the command line prints of them', async () => {
    const server = await serve();
    const asked = [['servers'], ['nodes'], ['graph'], ['why', 'h1'], ['servers', '--json'], ['nodes', '--json']];
    try {
      const { port } = new URL(server.url);
      const answers = await Promise.all(asked.map(async (words) => ({ words, ...(await cli([...words, '--port', port])) })));
      for (const { words, code, out, err } of answers) {
        expect({ words, code, err }).toEqual({ words, code: 0, err: '' });
        expect(out).toMatch(/evil|script|onerror/);
        expect([words, out.split('\n').filter((line) => obeyed.test(line))]).toEqual([words, []]);
      }
    } finally {
      await server.close();
    }
  }, 60_000);
});
