/**
 * What browser tests share: a built page, a Chromium, and a live server that knows nothing but what the test says. Without
 * Chromium the tests are skipped, visibly; in CI they fail.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import type { Services } from 'sluice';
import { build } from 'vite';
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
  await build({ configFile: join(sources, 'vite.config.ts'), logLevel: 'error' });
}

/** @param services what the process offers beside: a history, filters */
export function openServer(port = 0, services?: Services): Promise<LiveServer> {
  return openLive({ host: '127.0.0.1', port }, { seconds: 600, bytes: 67_108_864, viewers: 8 }, services);
}
