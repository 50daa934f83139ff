/**
 * What a browser notices of a page that it shows: what it refused, what was asked of another host, how much jumped, when the first thing
 * with data was there; and pictures of it, kept in test/screenshots/.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

export const tabs = ['servers', 'charts', 'logs', 'alerts', 'pipes'] as const;
export type Tab = (typeof tabs)[number];

export interface Watched {
  readonly page: Page;
  /** Errors, policy violations, dialogs, and requests to anyone but the page's own server. */
  readonly complaints: string[];
  /** How much has jumped without anyone having done something, as browsers sum it. */
  shifted(): Promise<number>;
  /** What moved, for a person who has to find it. */
  jumps(): Promise<unknown>;
  /** Milliseconds from when the page was asked for to the frame after the first thing with data was there. */
  first(): Promise<number>;
  /** Resolves so many ms after it: some data came in meanwhile. */
  some(ms: number): Promise<void>;
  close(): Promise<void>;
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const pictures = fileURLToPath(new URL('../screenshots/', import.meta.url));

/** What stands on each tab as soon as anything with data does. */
export const firstData: Readonly<Record<Tab, string>> = {
  servers: 'main .server, main [data-n]',
  charts: 'main .chart canvas',
  logs: 'main .row',
  alerts: 'main .alert, main .empty',
  pipes: 'main .picture .box, main .graph-list .entry',
};

/** Runs in the page, before anything of it. */
const observer = `
  window.__watch = { violations: [], jumps: [], shifted: 0, first: undefined };
  document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
    window.__watch.violations.push(violatedDirective + ' ' + blockedURI));
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput) continue;
      window.__watch.shifted += entry.value;
      window.__watch.jumps.push([Number(entry.value.toFixed(4)), Math.round(entry.startTime), ...entry.sources.slice(0, 3).map(({ node, previousRect, currentRect }) =>
        (node?.className?.baseVal ?? node?.className ?? node?.nodeName) + ' ' + [previousRect, currentRect].map(({ x, y, width, height }) => [x, y, width, height].map(Math.round)).join(' -> '))]);
    }
  }).observe({ type: 'layout-shift', buffered: true });
  (function look() {
    const tab = /^#\\/?([a-z]+)/.exec(location.hash)?.[1] ?? 'servers';
    const selector = ${JSON.stringify(firstData)}[tab];
    if (document.querySelector(selector)) requestAnimationFrame(() => { window.__watch.first = performance.now(); });
    else requestAnimationFrame(look);
  })();
`;

/** The page's own policy admits no text that becomes code, so what waits for it is one that asks again. */
const atLeast = (ms: number): string => `new Promise((resolve) => (function look() {
  const { first } = window.__watch;
  if (first !== undefined && performance.now() >= first + ${ms}) resolve(first);
  else requestAnimationFrame(look);
})())`;

/** Opens the page and begins to watch. */
export async function watch(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  const { host } = new URL(url);
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    const asked = new URL(request.url());
    if (asked.host !== host && asked.protocol !== 'data:') complaints.push(`asked ${request.url()}`);
  });
  await page.addInitScript(observer);
  await page.goto(url);
  const told = <Value>(what: string) => page.evaluate<Value>(`window.__watch.${what}`);
  return {
    page,
    complaints,
    shifted: () => told<number>('shifted'),
    jumps: () => told('jumps'),
    first: () => page.evaluate<number>(atLeast(0)),
    some: async (ms) => void (await page.evaluate(atLeast(ms))),
    async close() {
      complaints.push(...(await told<string[]>('violations')));
      await context.close();
    },
  };
}

/** What axe finds that keeps somebody from using the page. The page's own policy would refuse the tool: it comes in beside it. */
export async function barriers(page: Page): Promise<unknown[]> {
  await page.evaluate(axe);
  return page.evaluate(`axe.run().then(({ violations }) =>
    violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => [id, nodes.length, nodes[0].html.slice(0, 300), nodes[0].failureSummary]))`);
}

/** Keeps a picture: test/screenshots/<name>.png */
export async function keepPicture(page: Page, name: string): Promise<void> {
  mkdirSync(pictures, { recursive: true });
  await page.screenshot({ path: `${pictures}${name}.png` });
}

/** How many want each processor of this machine. Where others do, a limit of time is that much longer, or it would speak of them. */
export const crowd = (): number => Math.max(1, (loadavg()[0] ?? 0) / cpus().length);

export const median = (values: readonly number[]): number =>
  [...values].sort((one, other) => one - other)[values.length >> 1] ?? Number.NaN;
