/** The tab of alerts: what fires, what is over, and why it came, in a browser over a past that is known. */
import type { Page } from 'playwright-core';
import { type Event, key, type Received, virtualClock } from 'sluice';
import { memoryHistory, testServices } from 'sluice/testing';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { hasBrowser, type Look, setStage } from './browser.ts';

const place = { company: 'acme', system: 'shop', environment: 'prod' };

describe.skipIf(!hasBrowser())('alerts', () => {
  const stage = setStage();
  let page: Page;
  const now = () => systemClock.now();

  const about = (host: string, ...resource: string[]) => key({ ...place, host, resource });
  let count = 0;
  const event = (kind: Event['kind'], about: string, time: number, data: unknown, more: Partial<Event> = {}): Event =>
    ({ id: `e${count++}`, kind, key: about, source: `/acme/shop/prod/hub/threshold`, time, data, ...more }) as Event;
  const point = (value: number) => ({
    points: [{ name: 'system.filesystem.utilization', value, unit: '1', attributes: { mountpoint: '/var' } }],
  });

  /** An alert that fires: its points, its event, its state. */
  function fired(host: string, severity: 'critical' | 'warning', ago: number, summary: string) {
    const at = now() - ago;
    const source = `/acme/shop/prod/${host}/filesystem`;
    const points = [60_000, 0].map((before) => event('metric', about(host, 'filesystem'), at - before, point(0.95), { source }));
    const data = {
      rule: 'filesystem-space',
      status: 'firing',
      severity,
      summary,
      action: 'free space or grow it',
      value: 0.95,
      threshold: 0.9,
      unit: '1',
      since: new Date(at - 60_000).toISOString(),
      evidence: points.map(({ id }) => id),
    };
    const lineage = { causationid: points[1]?.id ?? '', nodeversion: '1.2.3', confighash: 'c0ffee', policycommit: '9c02f31ab0d4' };
    const alert = event('alert', about(host, 'filesystem', '/var'), at, data, lineage);
    const state = event('state', about(host, 'alert', 'filesystem-space', 'filesystem', '/var'), at, { of: 'alert', value: data });
    const over = [
      event('alert', alert.key, now(), { ...data, status: 'resolved', summary: '/var is 40 % full', value: 0.4 }),
      event('state', state.key, now(), { of: 'alert', value: null }),
    ];
    return { points, alert, state, over };
  }

  const kept = (events: readonly Event[]): Received[] => events.map((each) => ({ event: each, received: each.time }));
  const serve = (history?: readonly Event[]) =>
    stage.serve(testServices({ clock: virtualClock(now() + 60_000), ...(history && { history: memoryHistory(kept(history)) }) }));
  const look = async (hash: string, options?: Look) => {
    page = await stage.open(hash, options);
  };
  const rows = () => page.locator('.alert .alert-said > bdi').allTextContents();

  it('lists the worst and newest first, filtered and grouped, and keeps what is over', async () => {
    const [disk, slow, other] = [
      fired('web-10', 'warning', 300_000, '/var of web-10 is full'),
      fired('web-9', 'critical', 400_000, '/var of web-9 is full'),
      fired('web-2', 'critical', 200_000, '/var of web-2 is full'),
    ];
    await serve();
    stage.server.write([disk, slow, other].flatMap(({ alert, state }) => [alert, state]));
    await look('#/alerts');
    await expect.poll(rows).toEqual(['/var of web-2 is full', '/var of web-9 is full', '/var of web-10 is full']);
    for (const text of ['95.0 %', 'limit 90.0 %', 'free space or grow it', 'acme.shop.prod'])
      await page.locator('.alert').first().getByText(text).waitFor();
    await expect
      .poll(() =>
        page
          .getByRole('link', { name: /Alerts/ })
          .first()
          .textContent(),
      )
      .toContain('3');
    stage.server.write(other.over);
    await expect.poll(rows).toEqual(['/var of web-9 is full', '/var of web-10 is full', '/var of web-2 is full']);
    await page.getByRole('button', { name: /^firing 2/ }).click();
    await expect.poll(rows).toHaveLength(2);
    await page.keyboard.press('/');
    await page.keyboard.type('web-10');
    await expect.poll(rows).toEqual(['/var of web-10 is full']);
    await expect.poll(() => page.url()).toMatch(/state=firing.*q=web-10|q=web-10.*state=firing/);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: /^firing 2/ }).click();
    await page.getByLabel('Group by').selectOption('severity');
    await expect
      .poll(() => page.locator('.alert-list h3').allTextContents())
      .toEqual([expect.stringMatching(/^critical .*1 of 2 alerts not over/), expect.stringMatching(/^warning/)]);
  });

  it('says why, as a chain down to the source, by keyboard and by address', async () => {
    const { points, alert, state } = fired('web-3', 'critical', 120_000, '/var is 95 % full');
    await serve([...points, alert]);
    stage.server.write([alert, state]);
    await look('#/alerts');
    await page.locator('.alert').waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    const why = page.getByRole('region', { name: 'Why it came' });
    for (const text of ['filesystem-space fired', 'threshold on hub', 'config c0ffee', 'policy commit 9c02f31ab0d4', 'filesystem on web-3'])
      await why.getByText(text).first().waitFor();
    await why.getByRole('img', { name: /system.filesystem.utilization.*limit 90.0 %/ }).waitFor();
    await why.getByText(`sluice why ${alert.id}`).waitFor();
    expect(await why.getByRole('link', { name: /Charts/ }).getAttribute('href')).toMatch(
      /^#\/charts\?.*server=acme.shop.prod.web-3.*q=system/,
    );
    await expect.poll(() => page.url()).toContain(`alert=${alert.id}`);
    const address = page.url();
    await page.keyboard.press('Escape');
    await why.waitFor({ state: 'detached' });
    expect(await page.evaluate('document.activeElement.className')).toContain('alert');
    await page.goto(address);
    await page.reload();
    await why.getByText('threshold on hub').waitFor();
  });

  it('goes back into the store, and says where nothing is kept', async () => {
    const old = fired('web-4', 'warning', 26 * 3_600_000, 'an old alert');
    await serve([...old.points, old.alert]);
    await look('#/alerts', { width: 390, height: 844 });
    await page.getByText('Nothing fires, and nothing did').waitFor();
    await page.getByRole('button', { name: 'Older' }).click();
    await expect.poll(rows).toEqual(['an old alert']);
    await page.getByText('That is all that is kept.').waitFor();
    await page.locator('.alert').click();
    await page.getByRole('region', { name: 'Why it came' }).getByText('threshold on hub').waitFor();
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    await page.getByRole('button', { name: 'Close' }).click();
    await page.close();
    await serve();
    await look('#/alerts');
    await page.getByRole('button', { name: 'Older' }).click();
    await page.getByText(/no history is kept by this process; run the store/).waitFor();
  });
});
