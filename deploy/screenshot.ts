/**
 * Takes the README's picture of a sluice that runs, so that it shows what there is and not what once was.
 *
 *     npm start                              (in one terminal; give it two minutes to have something to show)
 *     npx tsx deploy/screenshot.ts [url]     (in another; the default is http://127.0.0.1:7400)
 *
 * → docs/screenshot.png. Needs Chromium: CHROMIUM, or /usr/bin/chromium.
 */
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const url = process.argv[2] ?? `http://127.0.0.1:${process.env.SLUICE_PORT ?? 7400}`;
const file = fileURLToPath(new URL('../docs/screenshot.png', import.meta.url));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  // Root in a container has no sandbox to enter.
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
});
try {
  // Twice the pixels: the picture is looked at on fine screens too.
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, deviceScaleFactor: 2, colorScheme: 'light' });
  await page.goto(url);
  await page.locator('.server.alive').first().waitFor();
  await page.waitForFunction("window.__sluice?.drawn && document.querySelectorAll('.plot canvas').length > 3");
  await page.screenshot({ path: file });
  console.log(`sluice: screenshot: ${file}`);
} finally {
  await browser.close();
}
