/** The README's example is a file that works: the same text, and a filter that keeps its examples. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { loadConfig } from '../../core/config.ts';
import { checkFilter } from '../../core/testing/index.ts';
import knock from '../../deploy/examples/knock.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const blocks = (language: string) =>
  [...read('README.md').matchAll(new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, code = '']) => code);

it('shows the very code of the example', () => {
  const [code = ''] = blocks('ts');
  expect(code.length).toBeGreaterThan(500);
  expect(read('deploy/examples/knock.ts').startsWith(code)).toBe(true);
});

it('shows an example that keeps its contract', () => {
  checkFilter(knock);
});

it('shows the very config of the example, and it is valid', () => {
  const file = new URL('../../deploy/examples/config.yaml', import.meta.url).pathname;
  expect(blocks('yaml')[0]).toBe(read('deploy/examples/config.yaml'));
  expect(loadConfig({ file, env: {}, defaults: { state: '/tmp', host: 'web-1' } }).nodes[0]).toMatchObject({
    name: 'knock',
    config: { limit: 3 },
  });
});

it('names only files that exist', () => {
  const links = [...read('README.md').matchAll(/\]\(([^)#]+)\)/g)].map(([, path = '']) => path).filter((path) => !path.startsWith('http'));
  expect(links.length).toBeGreaterThan(8);
  for (const path of links.filter((link) => !link.endsWith('decisions')))
    expect(read(path === 'docs/protocol/README.md' ? path : path).length, path).toBeGreaterThan(0);
});
