import { describe, expect, it } from 'vitest';
import { type Chart, createCharts, sumOf } from './charts.ts';
import { formatAge, formatQuantity, formatValue, shownAs } from './format.ts';
import { inert } from './inert.ts';
import { createLines } from './lines.ts';
import { alertsOf, type Model } from './model.ts';
import { createSeries } from './series.ts';
import { createTail } from './tail.ts';
import { type Heard, unpack } from './wire.ts';

const start = 1_767_225_600_000;

function metric(host: string, points: Extract<Heard, { kind: 'metric' }>['data']['points'], time = start, resource = 'x') {
  return {
    kind: 'metric',
    id: '',
    key: `a.b.c.${host}.${resource}`,
    server: `a.b.c.${host}`,
    host,
    resource,
    time,
    data: { points },
  } as const;
}

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

describe('a series', () => {
  it('turns a counter into a rate, also over its restart', () => {
    const series = createSeries('counter', 1);
    for (const [second, value] of [5, 9, 2, 4].entries()) series.add(value, start + second * 1000);
    expect([0, 1, 2, 3].map((second) => series.at(start / 1000 + second))).toEqual([null, 4, 2, 2]);
  });

  it('takes repetitions once, forgets what the ring no longer holds, and believes a clock that was set back', () => {
    const series = createSeries('gauge', 1);
    series.add(1, start);
    series.add(2, start - 1000);
    expect(series.at(start / 1000 - 1)).toBeNull();
    series.add(3, start + 1_200_000);
    expect(series.at(start / 1000)).toBeNull();
    expect(series.at(start / 1000 + 1200)).toBe(3);
    series.add(4, start);
    expect(series.last).toEqual({ value: 4, time: start });
  });
});

describe('charts', () => {
  const mode = (name: string, value: number) => ({ name: 'system.cpu.utilization', unit: '1', value, attributes: { 'cpu.mode': name } });
  const io = (device: string, direction: string) => ({
    name: 'system.network.io',
    unit: 'By',
    type: 'counter' as const,
    value: 1,
    attributes: { 'network.interface.name': device, 'network.io.direction': direction },
  });
  const labels = (chart: Chart | undefined) => chart?.series.map((each) => each.label);

  it('groups by name, labels by what differs, and puts first what is asked first', () => {
    const charts = createCharts();
    charts.take(metric('one', [{ name: 'my.own', value: 1 }]));
    charts.take(metric('one', [io('eth0', 'receive'), io('eth0', 'transmit')]));
    charts.take(metric('one', [mode('user', 0.2), mode('idle', 0.8)]));
    charts.take(
      metric(
        'one',
        ['1m', '5m'].map((span) => ({ name: `system.cpu.load_average.${span}`, value: 1 })),
      ),
    );
    expect(charts.all.map((chart) => chart.title)).toEqual(['cpu utilization', 'cpu load average', 'network io', 'my own']);
    expect(charts.all.map((chart) => chart.stackable)).toEqual([true, false, false, false]);
    expect(labels(charts.all[1])).toEqual(['1m', '5m']);
    expect(labels(charts.all[2])).toEqual(['↓', '↑']);
    charts.take(metric('one', [io('lo', 'receive')]));
    expect(labels(charts.all[2])).toEqual(['eth0 ↓', 'eth0 ↑', 'lo ↓']);
  });

  it('sums of a host what is at work', () => {
    const charts = createCharts();
    charts.take(metric('one', [mode('user', 0.2), mode('system', 0.1), mode('iowait', 0.3), mode('idle', 0.4)]));
    const sum = sumOf('a.b.c.one', charts.all[0]?.series ?? []);
    expect(sum.at(start / 1000)).toBeCloseTo(0.3);
    expect(sum.at(start / 1000 + 1)).toBeNull();
  });

  it('forgets series that went, and holds only so many', () => {
    const charts = createCharts();
    charts.take(metric('one', [{ name: 'old', value: 1 }]));
    charts.take(metric('one', [{ name: 'new', value: 1 }], start + 60_000));
    expect(charts.forget(start + 1)).toBe(true);
    expect(charts.all.map((chart) => chart.metric)).toEqual(['new']);
    for (let index = 0; index < 5_010; index++) charts.take(metric('one', [{ name: 'many', value: 1, attributes: { index } }], start));
    expect([charts.seriesCount, charts.refused]).toEqual([5_000, 11]);
  });
});

describe('log lines', () => {
  const log = (id: string, ...bodies: string[]) =>
    unpack({
      id,
      type: 'sluice.log.v1',
      subject: 'a.b.c.web%2E1.log.app',
      source: '',
      time: new Date(start).toISOString(),
      data: { lines: bodies.map((body) => ({ body, severity: body.startsWith('E') ? 'error' : 'info' })) },
    }) as Extract<Heard, { kind: 'log' }>;
  const all = { text: '', severity: 'trace', server: undefined } as const;

  it('follows what fits, and looks at a line once', () => {
    const lines = createLines();
    const tail = createTail();
    const bodies = (filter: Parameters<typeof tail.look>[1]) => tail.look(lines, filter).rows.map((row) => row.body);
    lines.take(log('1', 'one', 'Error two'));
    lines.take(log('1', 'one', 'Error two'));
    expect(bodies(all)).toEqual(['one', 'Error two']);
    lines.take(log('2', 'three\u001b[2J'));
    expect(bodies(all)).toEqual(['one', 'Error two', 'three␛[2J']);
    expect(bodies({ ...all, severity: 'error' })).toEqual(['Error two']);
    expect(bodies({ ...all, text: 'WEB.1 thr' })).toEqual(['three␛[2J']);
    lines.mark({ from: start, to: start + 42_000, why: 'because' });
    expect(bodies({ ...all, text: 'nothing has this' })).toEqual(['42 s may be missing: because']);
  });

  it('keeps 20,000, and says how many went', () => {
    const lines = createLines();
    const tail = createTail();
    lines.take(log('1', ...Array.from({ length: 1000 }, (_, index) => `first ${index}`)));
    expect(tail.look(lines, all).rows).toHaveLength(1000);
    for (let index = 0; index < 25; index++) lines.take(log(`n${index}`, ...Array.from({ length: 1000 }, () => 'later')));
    const { rows, forgotten } = tail.look(lines, all);
    expect(forgotten).toBe(1000);
    expect(rows.length).toBeGreaterThanOrEqual(20_000);
    expect(rows.length).toBeLessThan(21_000);
    expect(rows[0]?.number).toBe(lines.oldest);
  });
});

describe('alerts', () => {
  it('are held while their server is silent or retired, but for what the roster says of it', () => {
    const model = {
      servers: {
        value: new Map(
          [
            ['silent', 'a.b.c.dead'],
            ['alive', 'a.b.c.well'],
            ['retired', 'a.b.c.sold'],
          ].map(([status, id]) => [id, { status }]),
        ),
      },
      firing: {
        value: new Map(
          [
            'dead.alert.silent.server',
            'dead.alert.disk.filesystem',
            'well.alert.disk.filesystem',
            'sold.alert.cpu.cpu',
            'new.alert.cpu.cpu',
          ].map((key) => [`a.b.c.${key}`, { host: key }]),
        ),
      },
    } as unknown as Pick<Model, 'firing' | 'servers'>;
    const { firing, held } = alertsOf(model);
    expect(firing.map(([key]) => key)).toEqual([
      'a.b.c.dead.alert.silent.server',
      'a.b.c.well.alert.disk.filesystem',
      'a.b.c.new.alert.cpu.cpu',
    ]);
    expect(held.map(({ host }) => host)).toEqual(['dead.alert.disk.filesystem', 'sold.alert.cpu.cpu']);
  });
});
