import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createGround } from './ground.ts';

it('lies ahead of what is in use, grows with it, and touches nothing of it', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'sluice-ground-')), 'state.mdb');
  const used = Buffer.alloc(8192, 'x');
  writeFileSync(path, used);
  const ground = createGround(path);
  ground.hold(used.length);
  const { size } = statSync(path);
  expect(size).toBeGreaterThanOrEqual(used.length + 65_536);
  // Half of it is used up, and no more: nothing to do.
  ground.hold(used.length + (size - used.length) / 2);
  expect(statSync(path).size).toBe(size);
  ground.hold(size);
  expect(statSync(path).size).toBeGreaterThan(size);
  ground.close();
  expect(readFileSync(path).subarray(0, used.length).equals(used)).toBe(true);
});
