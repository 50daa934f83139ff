import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import type { Event } from 'sluice';
import { testServices } from 'sluice/testing';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { openArchive } from '../../nodes/sinks/store/archive.ts';
import { keepAll } from '../../nodes/sinks/store/tiers.ts';
import { hasBrowser, type Look, setStage } from './browser.ts';
import { createFleet, createWriter, firing, statesOf } from './imitate.ts';
import { keepPicture } from './watch.ts';

const write = createWriter();
type Points = Extract<Event, { kind: 'metric' }>['data']['points'];

describe.skipIf(!hasBrowser())('charts', () => {
  const stage = setStage();
  let page: Page;
  const now = () => systemClock.now();
  const look = async (hash: string, options?: Look) => {
    page = await stage.open(`#/charts${hash}`, options);
  };
  const metric = (host: string, time: number, points: Points): Event =>
    write({ kind: 'metric', host, resource: ['own'], time, data: { points } });
  function remember(hosts: string[]): void {
    const fleet = createFleet(hosts);
    const end = now();
    for (let time = end - 60_000; time <= end; time += 1000) stage.server.write(fleet(time));
    stage.server.write(statesOf(hosts, end));
  }
  const chart = (name: string) => page.locator(`.chart[data-metric="${name}"]:not(.large)`);
  const large = () => page.locator('.chart.large');
  const params = () => new URLSearchParams(new URL(page.url()).hash.split('?')[1] ?? '');

  /** Of a chart's picture from left to right: whether there is a series' colour above each place. Axes and ground are grey. */
  const inked = (name: string) =>
    page.evaluate<boolean[]>(`(() => {
      const canvas = document.querySelector('.chart[data-metric="${name}"] canvas');
      if (!canvas) return [];
      const { data, width, height } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      const coloured = (at) => data[at + 3] > 100 && Math.max(data[at], data[at + 1], data[at + 2]) - Math.min(data[at], data[at + 1], data[at + 2]) > 60;
      return Array.from({ length: width }, (_, x) => Array.from({ length: height }, (_, y) => coloured(4 * (y * width + x))).some(Boolean));
    })()`);
  const strokes = async (name: string) => (await inked(name)).reduce((count, ink, x, all) => count + (ink && !all[x - 1] ? 1 : 0), 0);

  it('come by themselves with a metric that nobody knew, and are found by its attributes', async () => {
    remember(['web-1', 'web-2']);
    await look('');
    await expect.poll(() => page.locator('.chart').count()).toBeGreaterThan(5);
    expect(await chart('my.queue.length').count()).toBe(0);
    const event = metric('web-1', now(), [{ name: 'my.queue.length', value: 42, attributes: { queue: 'mail' } }]);
    stage.server.write([event]);
    await chart('my.queue.length').locator('.figure').getByText('42').waitFor();
    const drawn = "new Promise((resolve) => window.__sluice.watch((drawn) => drawn.metric === 'my.queue.length' && resolve(drawn.time)))";
    const next = metric('web-1', event.time + 1500, [{ name: 'my.queue.length', value: 43, attributes: { queue: 'mail' } }]);
    const seen = page.evaluate(drawn);
    stage.server.write([next]);
    await chart('my.queue.length').locator('.figure').getByText('43').waitFor();
    expect([event.time, next.time]).toContain(await seen);
    await page.keyboard.press('/');
    await page.keyboard.type('mail');
    await expect
      .poll(() => page.locator('.chart').evaluateAll((all) => all.map((each) => each.getAttribute('data-metric'))))
      .toEqual(['my.queue.length']);
    expect(stage.complaints).toEqual([]);
  });

  it('bound a metric with 100,000 attribute values, and say so', async () => {
    remember(['web-1']);
    const began = now();
    for (let first = 0; first < 100_000; first += 1000) {
      const values = Array.from({ length: 1000 }, (_, nth) => ({
        name: 'my.flood',
        value: nth,
        attributes: { request: String(first + nth) },
      }));
      stage.server.write([metric('web-1', began, values)]);
    }
    await look('');
    await chart('my.flood').scrollIntoViewIfNeeded();
    await chart('my.flood').getByText('more series than are held').waitFor();
    await chart('my.flood')
      .getByRole('button', { name: /^Enlarge/ })
      .click();
    await large()
      .getByText(/5,000 of more than 5,000 series are held: points of others came and were left out/)
      .waitFor();
    await large()
      .getByRole('button', { name: /^Close/ })
      .click();
    // The others are drawn as ever.
    await chart('system.cpu.utilization').locator('canvas').waitFor();
    await keepPicture(page, 'charts-flood');
    expect(stage.complaints).toEqual([]);
  });

  it('are grouped and folded as chosen, and the address shows the same to whoever gets it', async () => {
    remember(['web-1', 'web-2', 'web-3']);
    await look('');
    await chart('system.cpu.utilization').getByRole('button', { name: 'Enlarge' }).click();
    const names = () => large().locator('tbody th').allTextContents();
    await expect.poll(async () => (await names()).sort()).toEqual(['web-1', 'web-2', 'web-3']);
    await large().getByRole('button', { name: 'server', exact: true }).click();
    await large().getByRole('button', { name: 'cpu.mode', exact: true }).click();
    await large().getByLabel('How values come together').selectOption('mean');
    const modes = ['idle', 'iowait', 'steal', 'system', 'user'];
    await expect.poll(async () => (await names()).sort()).toEqual(modes);
    await expect.poll(() => params().get('look')).toBe('system.cpu.utilization(by~cpu.mode)(fold~mean)');
    await page.reload();
    await expect.poll(async () => (await names()).sort()).toEqual(modes);
    await expect.poll(() => large().locator('tbody td').first().textContent()).toMatch(/%/);
    expect(stage.complaints).toEqual([]);
  });

  it('zoom together, say so in the address, and go back', async () => {
    remember(['web-1']);
    await look('');
    await expect.poll(() => strokes('system.cpu.utilization')).toBeGreaterThan(0);
    const box = await chart('system.cpu.utilization').locator('.u-over').boundingBox();
    if (!box) throw new Error('the chart has no picture');
    const y = box.y + box.height / 2;
    await page.mouse.move(box.x + box.width * 0.85, y);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.95, y, { steps: 5 });
    await page.mouse.up();
    await expect.poll(() => Number(params().get('span'))).toBeGreaterThan(20);
    expect(Number(params().get('span'))).toBeLessThan(40);
    expect(Math.abs(Number(params().get('at')) - now())).toBeLessThan(120_000);
    // All stand still over the same seconds, which are full of values.
    for (const name of ['system.cpu.utilization', 'system.memory.usage'])
      await expect.poll(async () => (await inked(name)).filter(Boolean).length).toBeGreaterThan(box.width * 0.8);
    await page.keyboard.press('Escape');
    await expect.poll(() => [params().get('span'), params().get('at')]).toEqual([null, null]);
    expect(stage.complaints).toEqual([]);
  });

  it('leave a hole where nothing was measured', async () => {
    const end = now();
    for (let ago = 120; ago >= 0; ago--) {
      if (ago > 40 && ago < 70) continue;
      stage.server.write([metric('web-1', end - ago * 1000, [{ name: 'my.temperature', value: 20 + Math.sin(ago / 5) }])]);
    }
    await look('');
    await expect.poll(() => strokes('my.temperature')).toBe(2);
  });

  it('reach back past what live remembers, with what lay between where values are rolled up', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-charts-'));
    const archive = await openArchive({ folder, keep: keepAll, say: () => {}, now });
    try {
      const end = now();
      const kept = Array.from({ length: 2 * 360 }, (_, index) => end - 7_200_000 + index * 10_000)
        .filter((time) => Math.abs(time - (end - 3_600_000)) > 900_000)
        .map((time, index) => metric('web-1', time, [{ name: 'my.temperature', value: 20 + (index % 7) }]));
      await archive.write(kept);
      await stage.serve({ ...testServices({ history: archive.history }), clock: systemClock });
      stage.server.write([metric('web-1', now(), [{ name: 'my.temperature', value: 23 }])]);
      await look('');
      await chart('my.temperature').locator('.figure').getByText('23').waitFor();
      await page.getByLabel('Span', { exact: true }).selectOption({ label: '6 hours' });
      await chart('my.temperature').getByText('means of 1 min, min–max').waitFor();
      // Two hours of six, half an hour missing in their middle.
      await expect.poll(() => strokes('my.temperature')).toBe(2);
      const places = await inked('my.temperature');
      const share = (places.lastIndexOf(true) - places.indexOf(true)) / places.length;
      expect(share).toBeGreaterThan(0.2);
      expect(share).toBeLessThan(0.4);
      expect(stage.complaints).toEqual([]);
    } finally {
      await archive.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('say what happened where, and open the alert', async () => {
    remember(['web-1']);
    const [alert] = firing('web-1', now() + 192_000);
    if (!alert) throw new Error('an alert is an event');
    stage.server.write([alert]);
    await look('');
    await page.getByText('Marks: 1', { exact: true }).click();
    await page.locator('.happened').getByText('The filesystem /var is nearly full').waitFor();
    await page.keyboard.press('Escape');
    const over = chart('system.cpu.utilization').locator('.u-over');
    await over.waitFor();
    const box = await over.boundingBox();
    if (!box) throw new Error('the chart has no picture');
    // Time goes on meanwhile: the sign is sought where it is by now.
    await expect
      .poll(async () => {
        const at = box.x + box.width * (1 - (now() - alert.time) / 300_000);
        await page.mouse.move(at - 2, box.y + box.height - 5);
        await page.mouse.move(at, box.y + box.height - 4);
        return page.getByRole('tooltip').count();
      })
      .toBe(1);
    await page.getByRole('tooltip').getByText('The filesystem /var is nearly full').waitFor();
    await page.mouse.down();
    await page.mouse.up();
    await expect.poll(() => page.url()).toContain('#/alerts?');
    expect(params().get('alert')).toBe(alert.id);
  });

  it('stay smooth with 200 series that move each second, and ask for nothing that is out of view', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `own.metric.${String(index).padStart(2, '0')}`);
    const second = (time: number) =>
      stage.server.write(
        names.map((name, nth) =>
          metric(
            'web-1',
            time,
            ['a', 'b', 'c', 'd', 'e'].map((line, index) => ({ name, value: Math.sin(time / 9_000 + nth + index), attributes: { line } })),
          ),
        ),
      );
    const end = now();
    for (let time = end - 300_000; time <= end; time += 1000) second(time);
    const frames = `new Promise((resolve) => {
      let count = 0;
      const began = performance.now();
      const next = () => {
        const seconds = (performance.now() - began) / 1000;
        if (seconds > 3) return resolve(count / seconds);
        count++;
        requestAnimationFrame(next);
      };
      requestAnimationFrame(next);
    })`;
    // 5 in a row, 8 rows: 40 charts with 5 series each; the last 10 are below.
    await look('', { width: 1600, height: 1840 });
    await expect.poll(() => page.locator('.chart canvas').count(), { timeout: 20_000 }).toBeGreaterThanOrEqual(40);
    expect(await page.locator('.chart:not(:has(canvas))').count()).toBeGreaterThan(0);
    const writing = setInterval(() => second(now()), 1000);
    const tools = await page.context().newCDPSession(page);
    // What the page itself computes, since others share the machine.
    await tools.send('Performance.setTimeDomain', { timeDomain: 'threadTicks' });
    await tools.send('Performance.enable');
    const busy = async () => (await tools.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0;
    const before = await busy();
    const began = systemClock.monotonic();
    await page.evaluate('window.drawings = []; window.__sluice.watch(({ metric }) => window.drawings.push(metric))');
    const drawn = await page.evaluate<number>(frames);
    const share = ((await busy()) - before) / ((systemClock.monotonic() - began) / 1000);
    const drawings = await page.evaluate<string[]>('window.drawings');
    clearInterval(writing);
    const blank = await page.context().newPage();
    const empty = await blank.evaluate<number>(frames);
    await blank.close();
    console.info(
      `200 series: ${(share * 100).toFixed(0)} % of a core, ${drawn.toFixed(1)} frames/s; an empty page: ${empty.toFixed(1)} frames/s`,
    );
    // All that can be seen moved, and nothing else did.
    expect(new Set(drawings).size).toBeGreaterThanOrEqual(40);
    expect(new Set(drawings).size).toBeLessThan(50);
    // How smooth is a matter for a machine that nobody else fills; here others do.
    expect(drawn / empty).toBeGreaterThan(0.1);
    expect(stage.complaints).toEqual([]);
  });
});
