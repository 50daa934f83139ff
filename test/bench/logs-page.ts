/**
 * How smooth the log stays while 10,000 lines a second come: frames a second in Chromium on the page of a real `sluice run`, with all
 * default nodes, beside an empty page of the same browser; and what a tail costs of live's process, by itself.
 */
import type { Browser, Page } from 'playwright-core';
import { systemClock } from '../../core/clock.ts';
import type { Event } from '../../core/event.ts';
import { createTail } from '../../nodes/sinks/live/channels/tail.ts';
import { anyone } from '../../nodes/sinks/live/looker.ts';
import { createMemory } from '../../nodes/sinks/live/memory.ts';
import { hasBrowser, openBrowser } from '../browser/browser.ts';
import { type Bench, cpuOf, type Figure, quantile } from './shared/figure.ts';
import { withSluice } from './shared/running.ts';

/** Lines a second that the flood makes; the page has to have heard of nearly all. */
const flood = 10_000;

/** Milliseconds from frame to frame, for so long. A string, since it runs in the page. */
const frames = (page: Page, seconds: number): Promise<number[]> =>
  page.evaluate<number[]>(`new Promise((resolve) => {
    const intervals = [];
    const began = performance.now();
    let before = began;
    const next = () => {
      const now = performance.now();
      intervals.push(now - before);
      before = now;
      if (now - began > ${seconds * 1000}) resolve(intervals);
      else requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  })`);

async function emptyPage(browser: Browser, seconds: number): Promise<number[]> {
  const page = await browser.newPage();
  const intervals = await frames(page, seconds);
  await page.close();
  return intervals;
}

async function floodedPage(
  browser: Browser,
  port: number,
  seconds: number,
): Promise<{ intervals: number[]; came: number; hidden: number }> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.goto(`http://127.0.0.1:${port}/#/logs`);
  // Until the flood is in full spate: the first seconds build the page, and read what is remembered.
  await page.locator('.rates .sampled').waitFor();
  await page.evaluate('new Promise((resolve) => setTimeout(resolve, 3000))');
  const told = async (what: RegExp) =>
    Number(what.exec((await page.locator('.rates').textContent()) ?? '')?.[1]?.replaceAll(',', '') ?? Number.NaN);
  const intervals = await frames(page, seconds);
  const [came, hidden] = [await told(/ of ([\d,]+) lines\/s not shown/), await told(/([\d,]+) of [\d,]+ lines\/s not shown/)];
  await page.close();
  return { intervals, came, hidden };
}

async function measure(browser: Browser, seconds: number): Promise<Figure[]> {
  return withSluice('flood.ts', async (port) => {
    const empty = summaryOf(await emptyPage(browser, seconds));
    const { intervals, came, hidden } = await floodedPage(browser, port, seconds);
    const own = summaryOf(intervals);
    const of = `${came.toLocaleString('en')} lines/s came, ${hidden.toLocaleString('en')} of them not shown; ${intervals.length} frames`;
    const beside = (value: number) => ({ what: 'an empty page', value });
    return [
      { what: 'frames/s, all of the time', value: own.mean, unit: '/s', budget: { least: 50 }, yardstick: beside(empty.mean), of },
      { what: 'frames/s, median', value: own.median, unit: '/s', yardstick: beside(empty.median) },
      { what: 'frames/s, p1: the slowest frame of a hundred', value: own.slow, unit: '/s', yardstick: beside(empty.slow) },
      { what: 'lines/s that came', value: came, unit: 'lines/s', budget: { least: 0.95 * flood } },
    ];
  });
}

function summaryOf(intervals: readonly number[]): { mean: number; median: number; slow: number } {
  const ascending = [...intervals].sort((one, other) => one - other);
  const mean = intervals.reduce((sum, each) => sum + each, 0) / intervals.length;
  return { mean: 1000 / mean, median: 1000 / quantile(ascending, 0.5), slow: 1000 / quantile(ascending, 0.99) };
}

/** What one tail takes of a core, for so many seconds of the flood. */
async function tailCost(request: Parameters<ReturnType<typeof createTail>['open']>[0], seconds: number): Promise<number> {
  const memory = createMemory({ ticks: 600, bytes: 64 * 1024 * 1024 });
  const sort = createTail({ memory, present: { server: () => undefined }, services: { clock: systemClock } });
  const channel = sort.open(request, anyone);
  const events = Array.from({ length: flood / 100 }, (_, index) => eventOf(index));
  const entries = events.map((event) => memory.add(event));
  const second = () => {
    for (const [index, event] of events.entries()) {
      const entry = entries[index];
      if (entry) channel.take?.(event, entry);
      if (index % 3 === 2) channel.next();
    }
    channel.tick?.();
  };
  for (let warm = 0; warm < 3; warm++) second();
  const spent = await cpuOf(() => {
    for (let round = 0; round < seconds; round++) second();
  });
  channel.close?.();
  return spent / seconds;
}

const eventOf = (index: number): Event<'log'> => ({
  id: `event-${index}`,
  kind: 'log',
  key: `acme.shop.prod.web-${index % 10}.log.app`,
  source: '/acme/shop/prod/web/log',
  time: 1_700_000_000_000 + index * 10,
  data: {
    lines: Array.from({ length: 100 }, (_, line) => ({
      body: `203.0.113.${line} - - "GET /orders/${index * 100 + line} HTTP/1.1" 200 5316 "-" "Mozilla/5.0 (X11; Linux x86_64)"`,
      severity: 'info' as const,
      time: new Date(1_700_000_000_000 + index * 10).toISOString(),
    })),
  },
});

async function costs(seconds: number): Promise<Figure[]> {
  const all = await tailCost({}, seconds);
  const cost = async (what: string, request: Parameters<typeof tailCost>[0]): Promise<Figure> => ({
    what: `a tail of 10,000 lines/s, ${what}`,
    value: 100 * (await tailCost(request, seconds)),
    unit: '% of a core',
    yardstick: { what: 'a tail without a filter', value: 100 * all },
  });
  return [
    await cost('by text', { text: 'Timed out' }),
    await cost('by severity and field', { severity: 'warn', field: { status: ['500'] } }),
    await cost('by regular expression', { regex: '(?i)orders/\\d+7 .*(chrome|safari)' }),
  ];
}

export default {
  doc: 'frames/s of the page while 10,000 log lines/s come, and what their tail costs live',
  async run(size) {
    const seconds = size === 'short' ? 5 : 60;
    const cost = await costs(seconds);
    if (!hasBrowser()) return cost;
    const browser = await openBrowser();
    try {
      return [...(await measure(browser, seconds)), ...cost];
    } finally {
      await browser.close();
    }
  },
} satisfies Bench;
