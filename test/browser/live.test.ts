import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import type { Event } from 'sluice';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import type { LiveServer } from '../../nodes/sinks/live/server.ts';
import { buildPage, hasBrowser, openBrowser, openServer } from './browser.ts';
import { createFleet, createWriter, firing, statesOf } from './imitate.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const write = createWriter();

describe.skipIf(!hasBrowser())('the page', () => {
  let browser: Browser;
  let server: LiveServer;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    await buildPage();
    browser = await openBrowser();
  }, 60_000);
  afterAll(() => browser?.close());
  beforeEach(async () => {
    server = await openServer();
  });
  afterEach(async () => {
    await page?.close();
    await server.close();
  });

  const now = () => systemClock.now();

  /** The page, looked at; what the browser complains of (a refused script, an error) is kept. */
  async function look({ width = 1280, height = 800, colorScheme = 'light' as 'light' | 'dark', hash = '' } = {}): Promise<void> {
    complaints = [];
    page = await browser.newPage({ viewport: { width, height }, colorScheme });
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`${server.url}/${hash}`);
    await page.getByRole('status').getByText('live').waitFor();
  }

  /** A minute of a fleet, as if it had been watched for that long. */
  function remember(hosts: string[]): void {
    const fleet = createFleet(hosts);
    const end = now();
    for (let time = end - 60_000; time <= end; time += 1000) server.write(fleet(time));
    server.write(statesOf(hosts, end));
  }

  const metric = (name: string, value: number): Event =>
    write({ kind: 'metric', host: 'web-1', resource: ['own'], time: now(), data: { points: [{ name, value }] } });
  const log = (...bodies: string[]): Event =>
    write({
      kind: 'log',
      host: 'web-1',
      resource: ['log'],
      time: now(),
      data: { lines: bodies.map((body) => ({ body, severity: 'info' as const })) },
    });
  const chart = (name: string) => page.locator(`.chart[data-metric="${name}"]`);
  /** Pixels of a chart that have a series' colour: its axes and ground are grey. */
  const inked = (name: string) =>
    page.evaluate<number>(`(() => {
      const canvas = document.querySelector('.chart[data-metric="${name}"] canvas');
      if (!canvas) return 0;
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) {
        const colours = [data[at], data[at + 1], data[at + 2]];
        if (data[at + 3] > 100 && Math.max(...colours) - Math.min(...colours) > 60) count++;
      }
      return count;
    })()`);

  it('draws what is remembered, names the servers, and complains of nothing', async () => {
    remember(['web-1', 'web-2']);
    await look();
    for (const name of ['system.cpu.utilization', 'system.memory.usage', 'system.network.io', 'system.filesystem.utilization'])
      await expect.poll(() => inked(name), { message: name }).toBeGreaterThan(50);
    await page.getByRole('button', { name: /web-1.*alive/ }).waitFor();
    await page.getByRole('button', { name: /web-2.*silent/ }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('waits with words when there is nothing', async () => {
    await look();
    await page.getByText('Waiting for the first heartbeat…').waitFor();
    await page.getByText('Waiting for the first metric…').waitFor();
    await page.getByText('Waiting for the first line…').waitFor();
  });

  it('gives a metric that did not exist a chart, and says when it was drawn', async () => {
    remember(['web-1']);
    await look();
    expect(await chart('my.queue.length').count()).toBe(0);
    const event = metric('my.queue.length', 42);
    server.write([event]);
    await chart('my.queue.length').locator('.figure').getByText('42').waitFor();
    const drawn = "new Promise((resolve) => window.__sluice.watch((drawn) => drawn.metric === 'my.queue.length' && resolve(drawn.time)))";
    await expect.poll(() => page.evaluate(drawn)).toBe(event.time);
  });

  it('searches by attribute, opens a server alone, and stands still when asked', async () => {
    remember(['web-1', 'web-2']);
    await look();
    await chart('system.disk.io').waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('eth0');
    await expect.poll(() => page.locator('.chart').count()).toBe(1);
    await page.keyboard.press('Escape');
    await expect.poll(() => page.locator('.chart').count()).toBeGreaterThan(5);
    await expect.poll(() => chart('system.cpu.utilization').locator('.legend li').count()).toBe(2);
    await page.getByRole('button', { name: /web-1/ }).click();
    await chart('system.cpu.utilization').getByText('user').waitFor();
    await page.locator('main').click({ position: { x: 2, y: 2 } });
    await page.keyboard.press(' ');
    await page.getByText(/paused at/).waitFor();
    server.write([log('while it stood still')]);
    await page.keyboard.press(' ');
    await page.getByText('while it stood still').waitFor();
  });

  it('follows log lines, filters them, and keeps few rows of many', async () => {
    server.write([log(...Array.from({ length: 5000 }, (_, index) => `line ${index} of many`))]);
    await look({ hash: '#logs' });
    await page.getByText('line 4999 of many').waitFor();
    server.write([log('the newest')]);
    await page.getByText('the newest').waitFor();
    expect(await page.locator('.row').count()).toBeLessThan(100);
    await page.getByLabel('Filter log lines by text').fill('line 1234');
    await expect.poll(() => page.locator('.row .body').allTextContents()).toEqual(['line 1234 of many']);
    await page.locator('.row').click();
    await page.getByLabel('The chosen line').getByText('line 1234 of many').waitFor();
  });

  it('shows what fires, with value, limit and what to do, until it is resolved', async () => {
    remember(['web-1']);
    const [event, state] = firing('web-1', now());
    if (!event || state?.kind !== 'state') throw new Error('an alert is an event and a state');
    server.write([event, state]);
    await look();
    const alert = page.getByRole('list', { name: 'Firing alerts' });
    for (const text of ['The filesystem /var is nearly full', '91.3 %', 'limit 90.0 %', 'Delete old logs'])
      await alert.getByText(text).waitFor();
    server.write([
      { ...state, data: { of: 'alert', value: null } },
      { ...event, time: now(), data: { ...(event.data as object), status: 'resolved' } } as Event,
    ]);
    await alert.waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Alerts' }).click();
    await page.getByRole('row', { name: /resolved The filesystem/ }).waitFor();
  });

  it('lets nothing act that is only text', async () => {
    const payloads = [
      '<img src=x onerror="window.hit=1">',
      '<script>window.hit=1</script>',
      '\u001b]0;owned\u0007\u001b[2J',
      'user\u202Egpj.exe',
      'javascript:window.hit=1',
    ];
    remember(['web-1']);
    await look();
    server.write([
      log(...payloads),
      ...payloads.map((payload) =>
        write({
          kind: 'metric',
          host: payload.slice(0, 60),
          resource: [payload],
          time: now(),
          data: { points: [{ name: payload, value: 1, unit: payload.slice(0, 60), attributes: { [payload]: payload } }] },
        }),
      ),
    ]);
    const [fired] = firing('web-1', now()).slice(1);
    if (fired?.kind !== 'state') throw new Error('an alert has a state');
    server.write([
      {
        ...fired,
        data: { of: 'alert', value: { ...(fired.data.value as object), summary: payloads.join(' '), action: payloads.join(' ') } as never },
      },
    ]);
    await page.locator('.row').getByText('user⟪U+202E⟫gpj.exe').waitFor();
    await page.locator('.row').getByText('␛]0;owned␇␛[2J').waitFor();
    await page.getByRole('list', { name: 'Firing alerts' }).getByText('onerror').first().waitFor();
    await chart(payloads[0]?.replaceAll('"', '\\"') ?? '').waitFor();
    const harm =
      "({ hit: 'hit' in window, images: document.querySelectorAll('img:not(h1 img)').length, scripts: document.scripts.length })";
    expect(await page.evaluate(harm)).toEqual({
      hit: false,
      images: 0,
      scripts: 1,
    });
    expect(complaints).toEqual([]);
  });

  it('comes back by itself, and marks what it may have missed', async () => {
    server.write([{ ...log('a minute ago'), time: now() - 60_000 }]);
    await look();
    await page.getByText('a minute ago').waitFor();
    const { port } = new URL(server.url);
    await server.close();
    await page.getByText(/no connection for/).waitFor();
    server = await openServer(Number(port));
    await page.getByRole('status').getByText('live').waitFor();
    server.write([log('after the break')]);
    await page.getByText('after the break').waitFor();
    expect(await page.locator('.row.gap').allTextContents()).toEqual([
      expect.stringMatching(/^6\d s may be missing: there was no connection/),
    ]);
  });

  it.each(['light', 'dark'] as const)('can be used by everyone: axe finds nothing serious in %s', async (colorScheme) => {
    remember(['web-1', 'web-2']);
    server.write(firing('web-1', now()));
    for (const hash of ['', '#logs', '#alerts']) {
      await page?.close();
      await look({ colorScheme, hash });
      await page
        .locator(hash === '#alerts' ? 'table' : '.row')
        .first()
        .waitFor();
      // The page's own policy would refuse the tool: it comes in beside it.
      await page.evaluate(axe);
      const found = await page.evaluate(`axe.run().then(({ violations }) =>
        violations
          .filter(({ impact }) => impact === 'serious' || impact === 'critical')
          .map(({ id, nodes }) => [id, nodes[0].html, nodes[0].failureSummary]))`);
      expect([hash, found]).toEqual([hash, []]);
    }
  });

  it('fits a phone', async () => {
    remember(['web-1', 'web-2']);
    server.write(firing('web-1', now()));
    for (const hash of ['', '#logs', '#alerts']) {
      await page?.close();
      await look({ width: 390, height: 844, hash });
      await page
        .locator({ '': '.chart', '#logs': '.row', '#alerts': 'table' }[hash] ?? 'main')
        .first()
        .waitFor();
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    }
  });
});
