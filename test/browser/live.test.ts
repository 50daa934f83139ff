import type { Page } from 'playwright-core';
import type { Event } from 'sluice';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { hasBrowser, type Look, setStage } from './browser.ts';
import { createFleet, createWriter, firing, statesOf } from './imitate.ts';
import { barriers } from './watch.ts';

const write = createWriter();

describe.skipIf(!hasBrowser())('the page', () => {
  const stage = setStage();
  let page: Page;
  const now = () => systemClock.now();

  const look = async ({ hash = '', ...options }: Look & { hash?: string } = {}) => {
    page = await stage.open(hash, options);
  };

  /** A minute of a fleet, as if it had been watched for that long. */
  function remember(hosts: string[]): void {
    const fleet = createFleet(hosts);
    const end = now();
    for (let time = end - 60_000; time <= end; time += 1000) stage.server.write(fleet(time));
    stage.server.write(statesOf(hosts, end));
  }

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
    await page.getByRole('link', { name: /web-1.*alive/ }).waitFor();
    await page.getByRole('link', { name: /web-2.*silent/ }).waitFor();
    await page.getByRole('link', { name: 'Charts' }).click();
    for (const name of ['system.cpu.utilization', 'system.memory.usage'])
      await expect.poll(() => inked(name), { message: name }).toBeGreaterThan(50);
    expect(stage.complaints).toEqual([]);
  });

  it('waits with words when there is nothing', async () => {
    await look();
    await page.getByText('Waiting for the first heartbeat…').waitFor();
    await page.getByText('Waiting for the first metric…').waitFor();
    await page.getByText('Waiting for the first line…').waitFor();
  });

  it('stands still when asked, and goes on', async () => {
    remember(['web-1']);
    await look();
    await page.locator('main').click({ position: { x: 2, y: 2 } });
    await page.keyboard.press(' ');
    await page.getByText(/^until/).waitFor();
    stage.server.write([log('while it stood still')]);
    await page.keyboard.press(' ');
    await page.getByText('while it stood still').waitFor();
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
    stage.server.write([
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
    stage.server.write([
      {
        ...fired,
        data: { of: 'alert', value: { ...(fired.data.value as object), summary: payloads.join(' '), action: payloads.join(' ') } as never },
      },
    ]);
    await page.locator('.row').getByText('user⟪U+202E⟫gpj.exe').waitFor();
    await page.locator('.row').getByText('␛]0;owned␇␛[2J').waitFor();
    await page.getByRole('region', { name: 'Firing alerts' }).getByText('onerror').first().waitFor();
    await chart(payloads[0]?.replaceAll('"', '\\"') ?? '').waitFor();
    const harm =
      "({ hit: 'hit' in window, images: document.querySelectorAll('img:not(h1 img)').length, scripts: document.scripts.length })";
    expect(await page.evaluate(harm)).toEqual({
      hit: false,
      images: 0,
      scripts: 1,
    });
    expect(stage.complaints).toEqual([]);
  });

  it('comes back by itself, and marks what it may have missed', async () => {
    stage.server.write([{ ...log('a minute ago'), time: now() - 60_000 }]);
    await look();
    await page.getByText('a minute ago').waitFor();
    const { port } = new URL(stage.server.url);
    await stage.server.close();
    await page.getByText(/no connection for/).waitFor();
    await stage.serve(undefined, Number(port));
    await page.getByRole('status').getByText('live').waitFor();
    stage.server.write([log('after the break')]);
    await page.getByText('after the break').waitFor();
    expect(await page.locator('.row.gap').allTextContents()).toEqual([
      expect.stringMatching(/^[\d.]+ \w+ may be missing: there was no connection/),
    ]);
  });

  it.each([
    ['', 'light'],
    ['#logs', 'dark'],
    ['#alerts', 'dark'],
  ] as const)('can be used by everyone: axe finds nothing serious on "%s" in %s', async (hash, colorScheme) => {
    remember(['web-1', 'web-2']);
    stage.server.write(firing('web-1', now()));
    await look({ colorScheme, hash });
    await page
      .locator(hash === '#alerts' ? '.alert' : '.row')
      .first()
      .waitFor();
    expect(await barriers(page)).toEqual([]);
  });

  it('fits a phone', async () => {
    remember(['web-1', 'web-2']);
    stage.server.write(firing('web-1', now()));
    for (const hash of ['', '#logs', '#alerts']) {
      await page?.close();
      await look({ width: 390, height: 844, hash });
      await page
        .locator({ '': '.chart', '#logs': '.row', '#alerts': '.alert' }[hash] ?? 'main')
        .first()
        .waitFor();
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    }
  });
});
