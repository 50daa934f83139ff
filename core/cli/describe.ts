/**
 * An event as a person reads it: one line, or one for each point or log line. Everything in it is a stranger's and comes out inert.
 */
import type { Event } from '../event.ts';
import { parse } from '../key.ts';
import type { Point } from '../kinds.ts';
import { inert, json, type Paint } from './screen.ts';

/** Whole lines, each with its newline. */
export function describeEvent(event: Event, paint: Paint): string {
  const { host, resource } = parse(event.key);
  const time = paint.dim(new Date(event.time).toISOString().slice(11, 23));
  const about = `${paint.cyan(inert(host))} ${inert(resource.join(' '))}`.trimEnd();
  return whatOf(event, paint)
    .map((text) => `${time} ${about}  ${text}\n`)
    .join('');
}

function whatOf(event: Event, paint: Paint): string[] {
  switch (event.kind) {
    case 'metric':
      return event.data.points.map((point) => describePoint(point, paint));
    case 'log':
      return event.data.lines.map(({ severity, body }) => `${colourOf(severity, paint)(severity)} ${inert(body)}`);
    case 'alert': {
      const { rule, status, severity, summary, action } = event.data;
      const head = status === 'firing' ? colourOf(severity, paint)(`${severity} ${inert(rule)}`) : paint.green(`resolved ${inert(rule)}`);
      return [`${head}: ${inert(summary)}${action && status === 'firing' ? ` ${paint.dim(`→ ${inert(action)}`)}` : ''}`];
    }
    case 'dead':
      return [`${paint.red(inert(event.data.reason))}${event.data.node ? ` (${inert(event.data.node)})` : ''}`];
    case 'incident':
      return [`${colourOf(event.data.severity, paint)(event.data.severity)} ${json(event.data)}`];
    default:
      return [json(event.data)];
  }
}

function describePoint({ name, value, unit, attributes }: Point, paint: Paint): string {
  const given = Object.entries(attributes ?? {}).map(([attribute, is]) => `${attribute}=${is}`);
  const label = given.length > 0 ? paint.dim(inert(`{${given.join(',')}}`)) : '';
  return `${inert(name)}${label} ${paint.bold(formatValue(value))}${unit && unit !== '1' ? ` ${inert(unit)}` : ''}`;
}

/** Six significant digits say all that a person compares. */
const formatValue = (value: number): string => (Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6))));

function colourOf(severity: string, paint: Paint): (text: string) => string {
  if (['critical', 'error', 'fatal'].includes(severity)) return paint.red;
  if (['warning', 'warn'].includes(severity)) return paint.yellow;
  return severity === 'info' ? paint.green : paint.dim;
}
