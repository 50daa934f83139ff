/**
 * How late the picture is: from an event at its monitor to the frame after it was drawn, in Chromium, with all default nodes running
 * beside a monitor that writes 1,000 events a second into a chart that can be seen. A real `sluice run`, its own page.
 *
 * Ten events come each 10 ms, so between two pictures the times of those that the later one is first to show are known: each
 * of these is a sample, not only the newest. The yardstick is what the same browser takes from frame to frame of an empty page.
 */
import type { Browser } from 'playwright-core';
import { hasBrowser, openBrowser } from '../browser/browser.ts';
import { type Bench, type Figure, quantile } from './shared/figure.ts';
import { withSluice } from './shared/running.ts';

/** Between two ticks of the monitor, in milliseconds. */
const every = 10;

/** `time` of the newest event in a picture, and when the frame after it began. */
type Mark = readonly [time: number, at: number];

async function watched(browser: Browser, port: number, marks: number): Promise<Mark[]> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`http://127.0.0.1:${port}`);
  const chart = page.locator('[data-metric="bench.pulse"]');
  await chart.waitFor();
  await chart.scrollIntoViewIfNeeded();
  // The first second builds the page.
  await page.evaluate('new Promise((resolve) => setTimeout(resolve, 1000))');
  // A string, since it runs in the page: this file knows no window.
  const found = await page.evaluate<Mark[]>(`new Promise((resolve) => {
    const marks = [];
    window.__sluice.watch(({ metric, time, at }) => {
      if (metric === 'bench.pulse' && marks.push([time, at]) === ${marks}) resolve(marks);
    });
  })`);
  await page.close();
  return found;
}

/** How late each event was that a picture is the first to show. */
function latencies(marks: readonly Mark[]): number[] {
  return marks.slice(1).flatMap(([time, at], index) => {
    const shown = marks[index]?.[0] ?? time;
    return Array.from({ length: Math.max(0, Math.ceil((time - shown) / every)) }, (_, older) => at - (time - older * every));
  });
}

async function emptyFrames(browser: Browser, frames: number): Promise<number[]> {
  const page = await browser.newPage();
  const intervals = await page.evaluate<number[]>(`new Promise((resolve) => {
    const intervals = [];
    let before = performance.now();
    const next = () => {
      const now = performance.now();
      if (intervals.push(now - before) === ${frames}) return resolve(intervals);
      before = now;
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  })`);
  await page.close();
  return intervals.sort((one, other) => one - other);
}

async function measure(browser: Browser, frames: number): Promise<Figure[]> {
  return withSluice('pulse.ts', async (port) => {
    const empty = await emptyFrames(browser, frames);
    const late = latencies(await watched(browser, port, frames)).sort((one, other) => one - other);
    const yardstick = (share: number) => ({ what: 'from frame to frame of an empty page', value: quantile(empty, share) });
    return [
      {
        what: 'median',
        value: quantile(late, 0.5),
        unit: 'ms',
        yardstick: yardstick(0.5),
        of: `1,000 events/s; ${late.length} samples of ticks`,
      },
      { what: 'p99', value: quantile(late, 0.99), unit: 'ms', budget: { most: 100 }, yardstick: yardstick(0.99), of: `${frames} pictures` },
    ];
  });
}

export default {
  doc: 'from an event at its monitor to the frame after it is drawn, in Chromium',
  async run(size) {
    if (!hasBrowser()) return [];
    const browser = await openBrowser();
    try {
      return await measure(browser, size === 'short' ? 60 : 1200);
    } finally {
      await browser.close();
    }
  },
} satisfies Bench;
