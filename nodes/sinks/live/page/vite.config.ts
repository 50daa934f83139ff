/**
 * Builds the page into dist/, beside the compiled server. Every file is served by sluice itself: nothing is inlined, since the
 * page's security policy admits no inline script or style.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: fileURLToPath(new URL('../../../../dist/nodes/sinks/live/page/', import.meta.url)),
    emptyOutDir: true,
    // The server takes this list for the sign that the build is whole.
    manifest: 'built.json',
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
