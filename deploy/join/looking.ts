/** Makes, lists and revokes tokens that let people and scripts look at the page: files in the state of the process that shows it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SluiceError, UsageError } from 'sluice';
import { configOf } from '../../core/cli/options.ts';
import { pageOf } from '../../core/cli/reach.ts';
import type { Clock } from '../../core/clock.ts';
import { isCheckout } from '../../core/installation.ts';
import { readPart } from '../../core/part.ts';
import { type LookToken, newLookToken, readTokens, statusOf, tokensIn, writeToken } from '../../nodes/sinks/live/door/tokens.ts';
import { placeAt } from './system.ts';

/** Where the process is that shows the page. */
export interface AtState {
  readonly config?: string;
  readonly state?: string;
}

export interface Look {
  readonly role: string;
  /** A part of the tree, or `*`; default: the process's own place. */
  readonly scope?: string | undefined;
  /** Milliseconds until it ends. */
  readonly for: number;
}

/** On a hub of the package the page is the hub's, whose config is not where an agent's is. */
function configFile({ config, state }: AtState): string | undefined {
  const hub = join(placeAt().etc, 'hub/config.yaml');
  const isTheirs = config === undefined && state === undefined && !process.env.SLUICE_CONFIG && !isCheckout && existsSync(hub);
  return isTheirs ? hub : config;
}

const configAt = (at: AtState) => configOf(configFile(at), { state: at.state });

const roles = ['viewer', 'operator'] as const;

/** @returns its record, where the page is, and the token: never to be seen again */
export async function makeLook(wanted: Look, at: AtState, clock: Clock): Promise<{ record: LookToken; token: string; url: string }> {
  const { place, state, settings } = await configAt(at);
  const role = roles.find((one) => one === wanted.role);
  if (!role) throw new UsageError(`--look "${wanted.role}" is no role; write viewer, or operator for one who may also emit`);
  const scope = wanted.scope ?? Object.values(place).join('.');
  if (scope !== '*' && (!readPart(scope) || scope.includes('*')))
    throw new UsageError(
      `"${scope}" is no part of the tree; write acme, acme.shop, acme.shop.prod or acme.shop.prod.web-1, or "*" for all of it`,
    );
  const { text, id, hash } = newLookToken();
  const now = clock.now();
  const record: LookToken = {
    ...{ id, hash, role, scope },
    made: new Date(now).toISOString(),
    ends: new Date(now + wanted.for).toISOString(),
    by: who(),
  };
  writeToken(tokensIn(state), record);
  return { record, token: text, url: pageOf(settings.live) };
}

/** Those of a folder, with what became of them; without anything of their secrets. */
export async function listLooks(at: AtState, now: number) {
  const { state } = await configAt(at);
  const flaws: string[] = [];
  const tokens = readTokens(tokensIn(state), (flaw) => flaws.push(flaw));
  return { flaws, tokens: tokens.map(({ hash: _, ...token }) => ({ ...token, status: statusOf(token as LookToken, now) })) };
}

/** Ends one now; whoever looks with it is sent away within seconds. False when it is none of these. */
export async function revokeLook(id: string, at: AtState, clock: Clock): Promise<boolean> {
  const { state } = await configAt(at);
  const folder = tokensIn(state);
  const flaws: string[] = [];
  const token = readTokens(folder, (flaw) => flaws.push(flaw)).find((one) => one.id === id);
  if (!token && flaws.length > 0) throw new SluiceError(flaws.join('\n'));
  if (!token) return false;
  if (!token.revoked) writeToken(folder, { ...token, revoked: { at: new Date(clock.now()).toISOString(), by: who() } });
  return true;
}

const who = (): string => process.env.SUDO_USER ?? process.env.USER ?? `user ${process.getuid?.()}`;
