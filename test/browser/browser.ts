/**
 * What browser tests share: a built page, a Chromium, and a live server that knows nothing but what the test says. Without
 * Chromium the tests are skipped, visibly; in CI they fail.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { Services } from 'sluice';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { type LiveServer, openLive } from '../../nodes/sinks/live/server.ts';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Whether browser tests can run here. @throws in CI when they cannot. */
export function hasBrowser(): boolean {
  const found = existsSync(executablePath);
  if (!found && process.env.CI) throw new Error(`there is no Chromium at ${executablePath}; apt-get install chromium`);
  if (!found) console.warn(`skipped: browser tests, since there is no ${executablePath}; apt-get install chromium`);
  return found;
}

export function openBrowser(): Promise<Browser> {
  // Root in a container has no sandbox to enter, and /dev/shm may be tiny.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] });
}

const sources = fileURLToPath(new URL('../../nodes/sinks/live/page/', import.meta.url));
const built = fileURLToPath(new URL('../../dist/nodes/sinks/live/page/built.json', import.meta.url));

/** Builds the page unless what stands in dist/ is newer than its sources. */
export async function buildPage(): Promise<void> {
  const newest = Math.max(
    ...readdirSync(sources, { recursive: true, encoding: 'utf8' }).map((name) => statSync(join(sources, name)).mtimeMs),
  );
  if (existsSync(built) && statSync(built).mtimeMs > newest) return;
  // Only here: the tool takes longer to load than most tests take.
  const { build } = await import('vite');
  await build({ configFile: join(sources, 'vite.config.ts'), logLevel: 'error' });
}

/** @param services what the process offers beside: a history, filters */
export function openServer(port = 0, services?: Services): Promise<LiveServer> {
  return openLive({ host: '127.0.0.1', port }, { seconds: 600, bytes: 67_108_864, viewers: 8 }, services);
}

export interface Stage {
  /** What a test writes into, and its page shows: a new one for each test. */
  readonly server: LiveServer;
  /** What the page that was opened last complained of: errors, and what the browser refused. */
  readonly complaints: readonly string[];
  /** The page at `#/…`, once it says that it is live. */
  open(hash: string, options?: Look): Promise<Page>;
  /** Another server in place of it, on that port if one is named, over what its process offers beside. */
  serve(services?: Services, port?: number): Promise<void>;
}

export interface Look {
  width?: number;
  height?: number;
  colorScheme?: 'light' | 'dark';
}

/** For the suite around it: one browser, and a server and a page for each test, gone with it. */
export function setStage(size = { width: 1280, height: 800 }): Stage {
  let browser: Browser;
  let server: LiveServer;
  let complaints: string[] = [];
  beforeAll(async () => {
    await buildPage();
    browser = await openBrowser();
  }, 60_000);
  afterAll(() => browser?.close());
  beforeEach(async () => {
    server = await openServer();
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    await server.close();
  });
  return {
    get server() {
      return server;
    },
    get complaints() {
      return complaints;
    },
    async open(hash, { width = size.width, height = size.height, colorScheme = 'light' } = {}) {
      const said: string[] = [];
      complaints = said;
      const context = await browser.newContext({ viewport: { width, height }, colorScheme });
      const page = await context.newPage();
      // What was kept is asked for too, and most tests keep nothing.
      const isRefusal = (text: string) => /^Failed to load resource.* 503 /.test(text);
      page.on('console', (message) => message.type() === 'error' && !isRefusal(message.text()) && said.push(message.text()));
      page.on('pageerror', (error) => said.push(error.message));
      await page.goto(`${server.url}/${hash}`);
      await page.getByRole('status').getByText('live').waitFor();
      return page;
    },
    async serve(services, port) {
      await server.close();
      server = await openServer(port, services);
    },
  };
}
