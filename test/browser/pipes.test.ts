/** The tab of pipes: the running graph as a picture and as a list, and a probe on it, in a browser over events that are known. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import type { Event } from 'sluice';
import { readFixture } from 'sluice/testing';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { hasBrowser, type Look, setStage } from './browser.ts';
import { createFleet, createWriter, statesOf } from './imitate.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const write = createWriter();

describe.skipIf(!hasBrowser())('the pipes', () => {
  const stage = setStage({ width: 1440, height: 900 });
  let page: Page;
  const now = () => systemClock.now();

  const look = async (hash: string, options?: Look) => {
    page = await stage.open(hash, options);
  };

  /** What the monitor `cpu` tells in a second, on each host. */
  const measured = (hosts: string[], time: number): Event[] =>
    createFleet(hosts)(time)
      .filter(({ kind }) => kind === 'metric')
      .map((event) => ({ ...event, id: `${event.key} ${time}`, source: event.source.replace(/test$/, 'cpu') }));
  function remember(hosts: string[]): void {
    const end = now();
    stage.server.write(statesOf(hosts, end));
    for (let time = end - 20_000; time <= end; time += 1000) stage.server.write(measured(hosts, time));
  }

  const box = (id: string) => page.locator(`.box[data-id="${id}"]`);

  it('draws what runs, once for each name, and is walked through with the keyboard', async () => {
    remember(['web-1', 'web-2', 'web-3']);
    stage.server.write([
      write({
        kind: 'incident',
        host: 'web-1',
        resource: ['door'],
        time: now(),
        node: '<img src=x onerror=hit()>',
        data: { what: 'opened', severity: 'info' },
      }),
    ]);
    await look('#/pipes');
    await box('node cpu').getByText('×3').waitFor();
    await page.getByRole('button', { name: /^metric [\d.,]+\/(s|min)$/ }).waitFor();
    await page.getByRole('button', { name: /^cpu ×3 [\d.,]+\/(s|min) 1 of 3 silent$/ }).waitFor();
    await page.locator('.box .name').getByText('<img src=x').waitFor();
    // From monitors into the pipe, and on to its readers.
    expect(await page.locator('.wire.flows').count()).toBeGreaterThanOrEqual(3);
    await box('node cpu').focus();
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => page.evaluate<string>('document.activeElement.dataset.id')).toMatch(/^kind /);
    await box('node cpu').focus();
    await page.keyboard.press('Enter');
    const panel = page.getByRole('complementary', { name: 'Node cpu' });
    await panel.getByRole('row', { name: /web-3 silent/ }).waitFor();
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
    expect(await page.evaluate('document.images.length')).toBe(1);
    expect(stage.complaints).toEqual([]);
  });

  it('probes a pipe from the past on, filters by what it sees, follows a number, and saves what it caught', async () => {
    remember(['web-1', 'web-2']);
    await look('#/pipes');
    await box('kind metric').click();
    const probe = page.getByRole('complementary', { name: 'Probe of metric' });
    const field = (path: string) => probe.locator('.fields > li').filter({ hasText: path });
    await probe.getByRole('button', { name: /^system\.cpu\.utilization/ }).click();
    await expect.poll(() => page.url()).toContain('where=points.name');
    await field('points[].name').getByRole('button', { pressed: true }).waitFor();
    // Of all points only those that are asked for.
    await expect.poll(() => field('points[].name').getByRole('button').count()).toBe(1);
    await field('points[].value').getByRole('button', { name: 'follow' }).click();
    await probe.locator('.follows output').waitFor();
    const seen = async () => Number((await probe.locator('.sum').textContent())?.match(/([\d,]+) events/)?.[1]?.replaceAll(',', '') ?? 0);
    await expect.poll(seen).toBeGreaterThanOrEqual(42);
    const before = await seen();
    stage.server.write(measured(['web-1', 'web-2'], now()));
    await expect.poll(seen).toBe(before + 2);
    await probe
      .getByRole('button', { name: /^web-1 cpu/ })
      .first()
      .click();
    await expect.poll(seen).toBeLessThan(before);
    const [saved] = await Promise.all([page.waitForEvent('download'), probe.getByRole('button', { name: /^Save/ }).click()]);
    expect(saved.suggestedFilename()).toMatch(/^caught-metric-.*\.jsonl$/);
    const caught = readFixture(await saved.path());
    expect(new Set(caught.map(({ event }) => event.source))).toEqual(new Set(['/acme/shop/prod/web-1/cpu']));
    expect(caught.every(({ event }) => JSON.stringify(event.data).includes('system.cpu.utilization'))).toBe(true);
    expect(stage.complaints).toEqual([]);
  });

  it('can be used by everyone: axe finds nothing serious, nor on a phone', async () => {
    remember(['web-1', 'web-2']);
    for (const [hash, shown, width, colorScheme] of [
      ['#/pipes?node=cpu', '.hosts', 1440, 'light'],
      ['#/pipes?pipe=metric', '.fields li', 1440, 'light'],
      ['#/pipes?pipe=metric', '.fields li', 1440, 'dark'],
      ['#/pipes', '.graph-list', 390, 'light'],
    ] as const) {
      await page?.close();
      await look(hash, { width, colorScheme });
      await page.locator(shown).first().waitFor();
      expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
      await page.evaluate(axe);
      const found = await page.evaluate(`axe.run().then(({ violations }) =>
        violations
          .filter(({ impact }) => impact === 'serious' || impact === 'critical')
          .map(({ id, nodes }) => [id, nodes[0].html, nodes[0].failureSummary]))`);
      expect([hash, width, found]).toEqual([hash, width, []]);
    }
  });
});
