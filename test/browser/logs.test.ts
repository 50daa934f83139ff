/** The log on the page, as a reader meets it: live and sampled, searched, gone back in, and each line with what is around it. */
import type { Page } from 'playwright-core';
import type { Event, LogLine } from 'sluice';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { hasBrowser, type Look, setStage } from './browser.ts';
import { createWriter } from './imitate.ts';
import { barriers } from './watch.ts';

const write = createWriter();
/** Pages of the past come one after the other. */
const patient = { timeout: 15_000 };
const now = () => systemClock.now();

describe.skipIf(!hasBrowser())('the log', () => {
  const stage = setStage();
  let page: Page;
  const look = async (hash = '#/logs', colorScheme: Look['colorScheme'] = 'light') => {
    page = await stage.open(hash, { colorScheme });
  };
  const log = (lines: readonly (string | (Partial<LogLine> & { body: string }))[], host = 'web-1', time = now()): Event =>
    write({
      kind: 'log',
      host,
      resource: ['log', 'app'],
      time,
      data: {
        file: '/var/log/app.log',
        lines: lines.map((line) => ({ severity: 'info', ...(typeof line === 'string' ? { body: line } : line) })),
      },
    });
  const many = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `line ${from + index} of many`);
  const bodies = () => page.locator('.row .body > bdi').allTextContents();
  const search = () => page.getByRole('searchbox', { name: /^Only lines/ });
  const address = () => new URLSearchParams(new URL(page.url()).hash.split('?')[1]);

  it('follows, keeps few rows of many, stands still, and goes back to the first line', async () => {
    stage.server.write([log(many(3000), 'web-1', now() - 60_000)]);
    await look();
    await page.getByText('line 2999 of many').waitFor();
    expect(await page.locator('.row').count()).toBeLessThan(100);
    await page.locator('.rows').focus();
    await page.keyboard.press(' ');
    await page.getByRole('button', { name: 'Go live' }).waitFor();
    stage.server.write([log(['while it stood still'])]);
    await page.getByText('1 came since it stands still').waitFor();
    await page.keyboard.press(' ');
    await page.getByText('while it stood still').waitFor();
    await expect
      .poll(async () => {
        await page.evaluate("document.querySelector('.rows').scrollTop = 0");
        return (await bodies())[0];
      }, patient)
      .toBe('line 0 of many');
    // Who reads the past is left where he is.
    stage.server.write([log(['the newest'])]);
    await page.getByText(/begins at/).waitFor();
    await page.getByRole('button', { name: /To the newest/ }).click();
    await page.getByText('the newest', { exact: true }).waitFor();
    expect(stage.complaints).toEqual([]);
  });

  it('is searched by text, expression, severity and field, and says what is wrong with an expression', async () => {
    stage.server.write([
      log([
        'GET /orders/1 timed out',
        { body: 'GET /orders/2 <img src=x onerror="window.hit=1">', severity: 'warn', fields: { status: 500, '<b>agent': '\u202Ecurl' } },
        { body: 'GET /orders/3 was fine', fields: { status: 200 } },
      ]),
    ]);
    await look();
    await page.keyboard.press('/');
    await page.keyboard.type('ORDERS/2 <IMG');
    await expect.poll(bodies).toEqual(['GET /orders/2 <img src=x onerror="window.hit=1">']);
    expect(await page.locator('mark').allTextContents()).toEqual(['orders/2 <img']);
    await page.getByRole('button', { name: 'Regular expression' }).click();
    await search().fill('orders/(\\d');
    await page
      .getByRole('alert')
      .getByText(/missing closing \)/)
      .waitFor();
    await search().fill('orders/[13]');
    await expect.poll(bodies).toEqual(['GET /orders/1 timed out', 'GET /orders/3 was fine']);
    await expect.poll(() => page.locator('mark').allTextContents()).toEqual(['orders/1', 'orders/3']);
    await search().fill('');
    await page.getByLabel('Least severity').selectOption('warn');
    await expect.poll(bodies).toHaveLength(1);
    await page.locator('.row .field').filter({ hasText: 'status' }).click();
    await page.getByRole('button', { name: 'status: 500; take it away' }).waitFor();
    expect(await barriers(page)).toEqual([]);
    await page.getByLabel('Least severity').selectOption('trace');
    await expect.poll(bodies).toHaveLength(1);
    await expect.poll(() => address().get('only')).toBe(encodeURIComponent('field:status=500'));
    expect(await page.evaluate("'hit' in window")).toBe(false);
    expect(stage.complaints).toEqual([]);
  });

  it('shows a line whole with what is around it, leads to its charts, and is found again by its address', async () => {
    const at = now() - 2_000;
    const after = log(['after'], 'web-1', at + 1000);
    stage.server.write([log(['before'], 'web-1', at - 1000), log(['elsewhere'], 'web-2', at - 500)]);
    stage.server.write([log([{ body: 'the line\nand its rest', fields: { user: 'root' } }], 'web-1', at), after]);
    await look();
    await page.locator('.row').getByText('the line').click();
    const whole = page.getByLabel('The chosen line');
    await whole.getByText('and its rest').first().waitFor();
    await expect.poll(() => whole.locator('.around li bdi').allTextContents()).toEqual(['before', 'the line␊and its rest', 'after']);
    expect(await barriers(page)).toEqual([]);
    await page.keyboard.press('ArrowDown');
    await whole.locator('pre').getByText('after').waitFor();
    await expect.poll(() => address().get('line')).toContain(after.id);
    const shared = new URL(page.url()).hash;
    await page.close();
    await look(shared);
    await page.getByLabel('The chosen line').locator('pre').getByText('after').waitFor();
    await page.getByRole('button', { name: 'Charts of this moment' }).click();
    await expect.poll(() => new URL(page.url()).hash).toMatch(/^#\/charts\?.*server=acme\.shop\.prod\.web-1/);
    expect(Number(address().get('at'))).toBeCloseTo(at + 1000 + 150_000, -3);
  });

  it('says how many lines of a flood are not shown, and keeps what is bad', async () => {
    await look();
    await page.getByText('Waiting for the first line…').waitFor();
    let count = 0;
    const flood = () => {
      stage.server.write([log(many(2000, count)), log([{ body: `bad ${count}`, severity: 'error' }])]);
      count += 2000;
    };
    // What was left out is told once a second.
    await expect
      .poll(
        async () => {
          flood();
          return page.locator('.rates .sampled').allTextContents();
        },
        { interval: 200, ...patient },
      )
      .toEqual([expect.stringMatching(/^[\d,]+ of [\d,]+ lines\/s not shown$/)]);
    await page.locator('.row.error').last().waitFor();
  });

  it('goes to a time that is chosen in the histogram', async () => {
    for (let second = 120; second >= 0; second--) stage.server.write([log([`${second} s ago`], 'web-1', now() - second * 1000)]);
    await look();
    await page.getByText('0 s ago', { exact: true }).waitFor();
    const box = await page.locator('.histogram').boundingBox();
    if (!box) throw new Error('there is no histogram');
    // Of five minutes the last but one is chosen.
    await page.mouse.move(box.x + box.width * 0.6, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.8, box.y + 20, { steps: 4 });
    await page.mouse.up();
    await page.getByText(/^lines until/).waitFor();
    await expect.poll(async () => Number.parseInt((await bodies()).at(-1) ?? '', 10)).toBeGreaterThan(45);
    expect(Number((await bodies()).at(-1)?.split(' ')[0])).toBeLessThan(80);
    await page.getByRole('button', { name: 'Go live' }).click();
    await page.getByText('0 s ago', { exact: true }).waitFor();
    expect(stage.complaints).toEqual([]);
  });
});
