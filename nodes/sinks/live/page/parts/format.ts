/**
 * Numbers as people read them. Units come from OpenTelemetry (UCUM); what a chart shows is worked out once per metric.
 */

export interface Shown {
  readonly as: 'percent' | 'bytes' | 'seconds' | 'number';
  /** `/s` for a counter, which is shown as its rate. */
  readonly per: '' | '/s';
  /** What is counted, if its unit says so: `packet`, `Hz`. */
  readonly noun: string;
}

/** How to show a metric. Unit `1` is a share only where the name says so: a load of 3 is not 300 %. */
export function shownAs(name: string, unit: string | undefined, type: string | undefined): Shown {
  const counter = type === 'counter';
  const per = counter ? '/s' : '';
  const noun = /^\{(.*)\}$/.exec(unit ?? '')?.[1] ?? '';
  if (unit === 'By') return { as: 'bytes', per, noun };
  // Seconds per second are a share of the time: a disk's io_time, a processor's modes.
  if (unit === 's' && counter) return { as: 'percent', per: '', noun };
  if (unit === 's' || unit === 'ms' || unit === 'us' || unit === 'ns') return { as: 'seconds', per, noun };
  if (unit === '1' && /utili[sz]ation|ratio|fraction|share/.test(name)) return { as: 'percent', per, noun };
  return { as: 'number', per, noun: noun || (unit === undefined || unit === '1' ? '' : unit) };
}

/** What a value in this unit is multiplied by before it is kept: durations are kept in seconds. */
export const scaleOf = (unit: string | undefined): number => (unit === 'ms' ? 1e-3 : unit === 'us' ? 1e-6 : unit === 'ns' ? 1e-9 : 1);

export function formatValue(value: number, shown: Shown): string {
  if (!Number.isFinite(value)) return '–';
  switch (shown.as) {
    case 'percent':
      return `${digits(value * 100, 3)} %${shown.per}`;
    case 'bytes':
      return `${scaled(value, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'])}${shown.per}`;
    case 'seconds':
      return `${formatSeconds(value)}${shown.per}`;
    case 'number':
      return `${scaled(
        value,
        1000,
        siPrefixes.map((prefix) => prefix + (isSymbol(shown.noun) ? shown.noun : '')),
      ).trim()}${shown.per}`;
  }
}

/** A value with any unit, as alerts have it. */
export const formatQuantity = (value: number, unit: string | undefined): string =>
  formatValue(
    value * scaleOf(unit),
    unit === '1' && Math.abs(value) <= 1 ? { as: 'percent', per: '', noun: '' } : shownAs('', unit, undefined),
  );

const siPrefixes = ['', 'k', 'M', 'G', 'T'];

/** Units such as Hz stand behind their number; what is merely counted is in the chart's title. */
const isSymbol = (noun: string) => noun !== '' && /^[A-Z%]|^[a-z]{1,2}$/.test(noun);

function scaled(value: number, base: number, prefixes: readonly string[]): string {
  let rest = value;
  let step = 0;
  // What rounds to the next unit is written in it.
  while (Math.abs(rest) >= base * 0.9995 && step < prefixes.length - 1) {
    rest /= base;
    step++;
  }
  const whole = step === 0 && Number.isInteger(rest);
  return `${whole ? rest : digits(rest, 3)} ${prefixes[step] ?? ''}`;
}

/** At most so many significant digits, without an exponent. */
function digits(value: number, count: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  const decimals = size >= 100 ? 0 : size >= 10 ? count - 2 : size >= 0.01 ? count - 1 : count + 1;
  return value.toFixed(decimals);
}

function formatSeconds(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0 s';
  if (size < 1e-3) return `${digits(value * 1e6, 3)} µs`;
  if (size < 1) return `${digits(value * 1e3, 3)} ms`;
  if (size < 120) return `${digits(value, 3)} s`;
  return formatAge(value * 1000);
}

/** How long, in its two largest units: `12 s`, `3 min 4 s`, `2 d 4 h`. */
export function formatAge(ms: number): string {
  let rest = Math.max(0, Math.round(ms / 1000));
  const parts: string[] = [];
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${unit}`);
    else if (parts.length > 0) break;
  }
  return parts.slice(0, 2).join(' ') || '0 s';
}

const two = (value: number) => String(value).padStart(2, '0');

/** Time of day where the reader is: `14:03:07`, with `.250` when asked for. */
export function formatClock(time: number, to: 'seconds' | 'milliseconds' = 'seconds'): string {
  const date = new Date(time);
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return to === 'seconds' ? clock : `${clock}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** The day where the reader is: `2026-01-31`. */
export function formatDay(time: number): string {
  const date = new Date(time);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export const plural = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`;
