import { describe, expect, it } from 'vitest';
import { formatAge, formatQuantity, formatValue, shownAs } from './parts/format.ts';
import { inert } from './parts/inert.ts';

describe('inert', () => {
  it('shows what would act, and leaves what is text', () => {
    expect(inert('\u001b[31mred\u001b[0m\u0007')).toBe('␛[31mred␛[0m␇');
    expect(inert('exe\u202Egpj.\u2066x\u2069')).toBe('exe⟪U+202E⟫gpj.⟪U+2066⟫x⟪U+2069⟫');
    expect(inert('a\u200Bb\uFEFFc\u0085\u{E0041}')).toBe('a⟪U+200B⟫b⟪U+FEFF⟫c⟪U+0085⟫⟪U+E0041⟫');
    expect(inert('half \uD800 a pair')).toBe('half ⟪U+D800⟫ a pair');
    expect(inert('one\ntwo\tthree')).toBe('one␊two␉three');
    expect(inert('one\ntwo\tthree\r', 'lines')).toBe('one\ntwo\tthree␍');
    expect(inert('<img src=x onerror=alert(1)> Ünï 日本 👩‍💻 עברית')).toBe('<img src=x onerror=alert(1)> Ünï 日本 👩‍💻 עברית');
  });
});

describe('format', () => {
  it.each([
    ['system.memory.usage', 'By', 'updown', 6_871_947_674, '6.40 GiB'],
    ['system.network.io', 'By', 'counter', 1536, '1.50 KiB/s'],
    ['system.network.io', 'By', 'counter', 0, '0 B/s'],
    ['system.memory.usage', 'By', 'gauge', 1023.9, '1.00 KiB'],
    ['system.cpu.utilization', '1', 'gauge', 0.4234, '42.3 %'],
    ['system.cpu.load_average.1m', '1', 'gauge', 3, '3'],
    ['system.cpu.time', 's', 'counter', 0.25, '25.0 %'],
    ['http.duration', 's', 'gauge', 0.00123, '1.23 ms'],
    ['system.uptime', 's', 'gauge', 187_200, '2 d 4 h'],
    ['system.process.count', '{process}', 'updown', 212, '212'],
    ['system.network.packet.count', '{packet}', 'counter', 12_345, '12.3 k/s'],
    ['system.cpu.frequency', 'Hz', 'gauge', 2.4e9, '2.40 GHz'],
    ['x', undefined, undefined, -0.5, '-0.50'],
  ] as const)('%s in %s as a %s: %d is %s', (name, unit, type, value, text) => {
    expect(formatValue(value, shownAs(name, unit, type))).toBe(text);
  });

  it('formats what alerts say, and ages', () => {
    expect([formatQuantity(0.913, '1'), formatQuantity(90, 'By'), formatQuantity(1500, 'ms'), formatQuantity(4.2, '1')]).toEqual([
      '91.3 %',
      '90 B',
      '1.50 s',
      '4.20',
    ]);
    expect([0, 59_400, 60_000, 184_000, 3_600_000, 90_061_000].map(formatAge)).toEqual([
      '0 s',
      '59 s',
      '1 min',
      '3 min 4 s',
      '1 h',
      '1 d 1 h',
    ]);
  });
});
