/** Which series are meant, and which of them belong together: what a request says, compiled once. */
import { parse, unescapeWord } from 'sluice';
import { serverOf } from './identity.ts';
import type { Attributes, Named, Where } from './protocol.ts';

/** A series as far as it can be asked for. */
export interface Describable {
  readonly key: string;
  readonly attributes: Attributes;
}

export type LabelsOf = (server: string) => Readonly<Record<string, string>> | undefined;

const label = 'label:';

export const usesLabels = (where: Where | undefined, by: readonly string[] | undefined): boolean =>
  where?.label !== undefined || by?.some((name) => name.startsWith(label)) === true;

/** A test for series. */
export function compileWhere(
  where: Where | undefined,
  sees: (key: string) => boolean,
  labelsOf: LabelsOf,
): (series: Describable) => boolean {
  const hosts = where?.host && new Set(where.host);
  const servers = where?.server && new Set(where.server);
  const attributes = Object.entries(where?.attributes ?? {}).map(([name, values]) => [name, new Set(values)] as const);
  const labels = Object.entries(where?.label ?? {}).map(([name, values]) => [name, new Set(values)] as const);
  return (series) => {
    const server = serverOf(series.key);
    if (servers && !servers.has(server)) return false;
    if (hosts && !hosts.has(hostOf(server))) return false;
    for (const [name, values] of attributes) {
      const value = ownOf(series.attributes, name);
      if (value === undefined || !values.has(String(value))) return false;
    }
    if (labels.length > 0) {
      const said = labelsOf(server);
      for (const [name, values] of labels) {
        const value = said && ownOf(said, name);
        if (value === undefined || !values.has(value)) return false;
      }
    }
    return sees(series.key);
  };
}

/** What a series belongs to: an id, and how it is named. Without `by` each stands alone. */
export function compileBy(by: readonly string[] | undefined, labelsOf: LabelsOf): (series: Describable) => { id: string; named: Named } {
  if (!by) {
    return (series) => {
      const { key, attributes } = series;
      const server = serverOf(key);
      return { id: `${key}\n${JSON.stringify(attributes)}`, named: { key, server, host: hostOf(server), ...resourceOf(key), attributes } };
    };
  }
  return ({ key, attributes }) => {
    const server = serverOf(key);
    const named: { server?: string; host?: string; resource?: string } = {};
    const own: Record<string, string | number | boolean> = {};
    const labels: Record<string, string> = {};
    for (const name of by) {
      if (name === 'server') {
        named.server = server;
        named.host = hostOf(server);
      } else if (name === 'host') named.host = hostOf(server);
      else if (name === 'resource') Object.assign(named, resourceOf(key));
      else if (name.startsWith(label)) {
        const of = name.slice(label.length);
        const value = ownOf(labelsOf(server) ?? {}, of);
        if (value !== undefined) define(labels, of, value);
      } else {
        const value = ownOf(attributes, name);
        if (value !== undefined) define(own, name, value);
      }
    }
    const all = { ...named, attributes: own, ...(Object.keys(labels).length > 0 && { labels }) };
    return { id: JSON.stringify(all), named: all };
  };
}

/** The words behind the host, as a person reads them. */
function resourceOf(key: string): { resource?: string } {
  const { resource } = parse(key);
  return resource.length > 0 ? { resource: resource.join(' ') } : {};
}

const hosts = new Map<string, string>();
/** The host of a server, spelt as it is. Asked of each series: the last few thousand are known. */
export function hostOf(server: string): string {
  const known = hosts.get(server);
  if (known !== undefined) return known;
  if (hosts.size > 5000) hosts.clear();
  const host = unescapeWord(server.slice(server.lastIndexOf('.') + 1));
  hosts.set(server, host);
  return host;
}

/** Names are a stranger's: `constructor` is one too. */
const ownOf = <Value>(object: Readonly<Record<string, Value>>, name: string): Value | undefined =>
  Object.hasOwn(object, name) ? object[name] : undefined;

const define = <Value>(object: Record<string, Value>, name: string, value: Value): void => {
  Object.defineProperty(object, name, { value, enumerable: true });
};
