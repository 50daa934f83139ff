import { expect, test } from 'vitest';
import { lineCutter, lineReader, maxLineBytes } from './lines.ts';

test('hostile lines are refused: prototypes, depth, length, empty keys', () => {
  const hostile = [
    '{"__proto__":{"name":"a","value":1}}',
    '{"name":"a","value":1,"attributes":{"__proto__":{"polluted":1}}}',
    '{"name":"a","value":1,"attributes":{"\\u005f_proto__":"x"}}',
    '{"kind":"log","__proto__":{"data":1}}',
    `{"kind":"log","data":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
    '{"kind":"log","key":"a..b","data":{"lines":[{"body":"x"}]}}',
    `{"kind":"log","key":"${'k'.repeat(300)}","data":{"lines":[{"body":"x"}]}}`,
    '{"name":"a","value":1e999}',
    'null',
    undefined,
  ];
  const reader = lineReader(['here']);
  expect(reader.read(hostile)).toEqual([]);
  expect(reader.refused).toBe(hostile.length);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

test('a line may come in pieces, and one that is too long costs no memory and no other line', () => {
  const cutter = lineCutter();
  expect(cutter.push(Buffer.from('ab\ncd'))).toEqual(['ab']);
  expect(cutter.push(Buffer.from('é\n').subarray(0, 1))).toEqual([]);
  expect(cutter.push(Buffer.from('é\n').subarray(1))).toEqual(['cdé']);
  for (let chunk = 0; chunk < 4; chunk++) expect(cutter.push(Buffer.alloc(maxLineBytes - 1, 'x'))).toEqual([]);
  expect(cutter.push(Buffer.from('x\nlast'))).toEqual([undefined]);
  expect(cutter.end()).toEqual(['last']);
});
