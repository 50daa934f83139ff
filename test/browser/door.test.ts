/** Signing in with a token, over TLS, as a colleague does it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { virtualClock } from 'sluice';
import { testServices } from 'sluice/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { type LookToken, newLookToken, writeToken } from '../../nodes/sinks/live/door/tokens.ts';
import { type LiveServer, openLive } from '../../nodes/sinks/live/server.ts';
import { certified } from '../fixtures/certificate.ts';
import { buildPage, hasBrowser, openBrowser } from './browser.ts';
import { createFleet, statesOf } from './imitate.ts';
import { barriers, keepPicture } from './watch.ts';

describe.skipIf(!hasBrowser())('the door', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-door-'));
  const tokens = join(folder, 'lookers');
  const services = testServices({ clock: virtualClock(systemClock.now()) });
  let browser: Browser;
  let context: BrowserContext;
  let server: LiveServer;

  const make = (more: Partial<LookToken> = {}): { text: string; token: LookToken } => {
    const { text, id, hash } = newLookToken();
    const now = services.clock.now();
    const token: LookToken = {
      ...{ id, hash, role: 'viewer', scope: 'acme.shop', by: 'root' },
      made: new Date(now).toISOString(),
      ends: new Date(now + 86_400_000).toISOString(),
      ...more,
    };
    writeToken(tokens, token);
    return { text, token };
  };
  const remember = () => {
    const now = systemClock.now();
    server.write(createFleet(['web-1', 'web-2'])(now));
    server.write(statesOf(['web-1', 'web-2'], now));
  };
  const field = (page: Page) => page.getByLabel('Token', { exact: true });
  const live = (page: Page) => page.getByRole('status').getByText('live', { exact: true }).waitFor();
  const signIn = async (page: Page, text: string): Promise<void> => {
    await field(page).fill(text);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };

  beforeAll(async () => {
    await buildPage();
    const tls = certified(folder, ['DNS:localhost', 'IP:127.0.0.1']);
    server = await openLive({ host: '127.0.0.1', port: 0, tls, tokens }, { seconds: 600, bytes: 8_388_608, viewers: 8 }, services);
    browser = await openBrowser();
    context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 } });
    remember();
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('lets nobody look without a token, says what is wrong with another, and shows the page for the right one', async () => {
    const { text, token } = make();
    const page = await context.newPage();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(`${server.url}/`);
    await field(page).waitFor();
    expect(await page.getByText('web-1').count()).toBe(0);
    await signIn(page, `slk1_${token.id}_${'A'.repeat(43)}`);
    await page.getByRole('alert').getByText('none of ours').waitFor();
    expect(await field(page).inputValue()).toBe('');

    expect(await barriers(page)).toEqual([]);
    await keepPicture(page, 'sign-in');

    await signIn(page, text);
    await live(page);
    await page.getByText('web-1').first().waitFor();

    // It is in no address, and nowhere that a script could read it.
    expect(asked.filter((url) => url.includes('slk1_'))).toEqual([]);
    const kept = await page.evaluate<string>(
      'JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }, location.href])',
    );
    expect(kept).not.toContain('slk1_');
    expect(await page.evaluate('document.cookie')).toBe('');
    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ name: '__Host-sluice', httpOnly: true, secure: true, sameSite: 'Strict', path: '/', expires: -1 });
    expect(cookie?.value).not.toContain(text.slice(18));

    // Still so when it is opened again; and another part of the tree is not to be had.
    await page.reload();
    await live(page);
    const status = await page.evaluate<number>(
      "fetch('api/history?kind=log&pattern=acme.office.%23&from=0&to=1').then(({ status }) => status)",
    );
    expect([403, 503]).toContain(status);

    // Revoked, it shows nothing any more, without anybody pressing anything.
    writeToken(tokens, { ...token, revoked: { at: token.made, by: 'ann' } });
    await page.getByRole('alert').getByText('was revoked').waitFor();
    expect(await page.getByText('web-1').count()).toBe(0);
    await page.close();
  }, 40_000);

  it('stays signed in where that was asked for, and signs out', async () => {
    const { text } = make({ scope: '*' });
    const page = await context.newPage();
    await page.goto(`${server.url}/`);
    await field(page).fill(text);
    await page.getByLabel('Stay signed in').check();
    await page.getByRole('button', { name: 'Sign in' }).click();
    await live(page);
    expect((await context.cookies())[0]?.expires).toBeGreaterThan(systemClock.now() / 1000 + 80_000);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await field(page).waitFor();
    expect(await context.cookies()).toEqual([]);
    expect(services.audited.map(({ did }) => did)).toEqual(expect.arrayContaining(['signed in', 'signed out']));
    await page.close();
  }, 30_000);
});
