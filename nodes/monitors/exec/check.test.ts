import { expect, test } from 'vitest';
import { parsePerformance, parsePlugin } from './check.ts';

test('performance data in base units, over many lines, with odd labels', () => {
  const output = [
    "DISK OK - free space | '/'=2643MB;5948;5958;0;5968 'it''s a'=0.5%;1:5;@2:3 rta=1.5ms;;;;",
    'long text',
    '/home is fine | in=17c none=U bad=x =3 =',
    'temp=-4.5C;;; time=.25us dup=1 dup=2',
  ].join('\n');
  const { text, points } = parsePlugin(output);
  expect(text).toBe('DISK OK - free space\nlong text\n/home is fine');
  expect(points).toEqual([
    { name: 'check./', value: 2643 * 1024 ** 2, unit: 'By' },
    { name: "check.it's_a", value: 0.005, unit: '1' },
    { name: 'check.rta', value: 0.0015, unit: 's' },
    { name: 'check.in', value: 17, type: 'counter' },
    { name: 'check.temp', value: -4.5, unit: 'C' },
    { name: 'check.time', value: 0.25e-6, unit: 's' },
    { name: 'check.dup', value: 2 },
  ]);
});

test('no performance data is slow to read', () => {
  for (const part of ["'", "''", "'a ", 'a', 'a=', '= ', ' ', "' '"]) parsePerformance(part.repeat(1_000_000 / part.length));
}, 5000);
