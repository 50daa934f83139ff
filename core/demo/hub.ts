/** The hub that a demo starts beside its fleet: a hub as anyone's, with one rule more. */
import { resolve } from 'node:path';
import { type Config, type Flags, loadConfig, type NodeEntry } from '../config.ts';

/** What the services of the fleet say of themselves, nobody else does: so the rule that judges it is the demo's own. */
const rule = {
  'requests-failing': {
    metric: 'http.server.error.ratio',
    by: [],
    summary: '{value} of the requests fail (limit {limit})',
    action: 'read the log of the service: the lines with ERROR say what it waits for',
    critical: { above: 0.1, clear: 0.05, for: '5s' },
  },
};

export interface HubWish {
  /** The least silence that is told, as a duration; without it, the roster's own. */
  readonly silentAfter?: string;
  /** A file with credentials for the broker. */
  readonly identity?: string;
}

export function hubConfig(flags: Flags, state: string, { silentAfter, identity }: HubWish): Config {
  const config = loadConfig({
    flags: { ...flags, only: 'hub', place: 'acme.demo.hub' },
    env: process.env,
    defaults: { state, host: 'hub' },
  });
  const entry = (use: string, more: Partial<NodeEntry>): NodeEntry => ({
    ...{ use, name: use, enabled: true, config: {}, where: () => 'sluice demo' },
    ...more,
  });
  // Hundreds of servers that are found and retire would hide on the terminal what happens to one.
  const nodes = [
    ...(silentAfter === undefined ? [] : [entry('roster', { config: { atLeast: silentAfter } })]),
    entry('threshold', { config: { rules: rule } }),
    entry('console', { read: { kind: 'alert' } }),
  ];
  return { ...config, host: 'hub', nodes, ...(identity !== undefined && { identity: resolve(identity) }) };
}
