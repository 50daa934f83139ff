/** What a person points at in the past: `web-3/filesystem./var`, or a rule on a host, `web-3/filesystem-space`. */
import { UsageError } from '../errors.ts';
import { type Event, topic } from '../event.ts';
import type { History } from '../history.ts';
import { type Matcher, matcher, parse, patternOf } from '../key.ts';

export interface Target {
  readonly host: string;
  /** Empty where only a host was named. */
  readonly resource: string;
  /** The topic pattern of all that is about the host. */
  readonly ofHost: string;
  /** Whether a key is about it. */
  readonly about: Matcher;
}

/** @throws UsageError when no host is named */
export function targetOf(text: string): Target {
  const slash = text.indexOf('/');
  const [host, resource] = slash < 0 ? [text, ''] : [text.slice(0, slash), text.slice(slash + 1)];
  if (host === '') throw new UsageError(`"${text}" names no host; write host/resource, as in web-3/filesystem`);
  const about = matcher(patternOf({ host, ...(resource !== '' && { resource }) }));
  return { host, resource, ofHost: patternOf({ host }), about };
}

/** Whether an alert is of what was pointed at: by what it is about, or by its rule. */
export const isOf = ({ about, resource }: Target, key: string, rule: string): boolean => about(key) || rule === resource;

/** The alerts of a target, in the order received. */
export async function alertsOf(history: History, target: Target, from: number, to: number): Promise<Event<'alert'>[]> {
  const alerts: Event<'alert'>[] = [];
  for await (const { event } of history.read(topic('alert', target.ofHost), from, to))
    if (event.kind === 'alert' && isOf(target, event.key, event.data.rule)) alerts.push(event);
  return alerts;
}

/** The alert that a person means who names what it is about: the latest that fired there, else the latest of any sort. */
export async function latestAlert(history: History, target: Target, from: number, to: number): Promise<Event<'alert'> | undefined> {
  const alerts = await alertsOf(history, target, from, to);
  return alerts.findLast(({ data }) => data.status === 'firing') ?? alerts.at(-1);
}

/** `web-3/filesystem./var`, of a key. */
export function targetText(key: string): string {
  const { host, resource } = parse(key);
  return resource.length === 0 ? host : `${host}/${resource.map((word) => word.replaceAll('.', '%2E')).join('.')}`;
}
