/** The published protocol is the one that the code validates with. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { packageRoot } from '../installation.ts';
import { kindNames } from '../kinds.ts';
import { generate } from './generate.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-protocol-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('is in step with the schemas', () => {
  expect(generate(join(packageRoot, 'docs', 'protocol'), 'check')).toEqual([]);
});

it('is told from one that is not', () => {
  expect(generate(folder, 'check')).toEqual(['config.schema.json', 'events.schema.json', 'asyncapi.json']);
  generate(folder, 'write');
  expect(generate(folder, 'check')).toEqual([]);
  writeFileSync(join(folder, 'asyncapi.json'), '{}');
  expect(generate(folder, 'check')).toEqual(['asyncapi.json']);
});

it('has a channel for each kind, and every reference leads somewhere', () => {
  generate(folder, 'write');
  const documents = Object.fromEntries(
    ['asyncapi.json', 'events.schema.json'].map((file) => [file, JSON.parse(readFileSync(join(folder, file), 'utf8')) as object]),
  );
  expect(Object.keys(Reflect.get(documents['asyncapi.json'] ?? {}, 'channels'))).toEqual(kindNames);
  for (const [file, document] of Object.entries(documents)) {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference = '']) => reference);
    expect(references.length).toBeGreaterThanOrEqual(kindNames.length);
    for (const reference of references) {
      const [target = '', path = ''] = reference.split('#');
      const found = path
        .split('/')
        .slice(1)
        .reduce<unknown>((inner, name) => Reflect.get(Object(inner), name), documents[target.replace('./', '') || file]);
      expect(found, reference).toBeTypeOf('object');
    }
  }
});
