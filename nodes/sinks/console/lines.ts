/**
 * One line of text per event that matters to a person at a terminal.
 *
 * event → a line, or undefined when it is no news: a state that was told before, or one of no interest here.
 *
 *     12:00:07 FIRING   critical web-1 /var is 97 % full (limit 95 %)
 *                                → free space or grow it: …
 *     12:00:09 SERVER   alive    web-2 found
 */
import { styleText } from 'node:util';
import { type Event, holderOf, holds, inert, nodeState, parse, type ServerState, serverState } from 'sluice';

type Shown = Event<'alert' | 'incident' | 'state'>;
type Style = Parameters<typeof styleText>[0];

export interface LineOptions {
  readonly colours: 'on' | 'off';
}

/** States are announced each minute and to each latecomer: only what changed is news. A fleet's worth is remembered. */
const remembered = 50_000;
/** Alerts of one silent server that are held. */
const mostHeld = 100;

const severityStyle: Record<string, Style> = { critical: ['red', 'bold'], warning: 'yellow', info: 'cyan' };
const statusStyle: Record<string, Style> = { alive: 'green', silent: ['red', 'bold'], blind: 'yellow', retired: 'dim' };

/** Makes the function that turns events into lines. It remembers what it told of each state. */
export function lines({ colours }: LineOptions): (event: Shown) => string | undefined {
  const told = new Map<string, string>();
  const paint = (style: Style | undefined, text: string): string => {
    const safe = inert(text);
    // The caller has looked at the stream; styleText would look at another.
    return colours === 'off' || style === undefined ? safe : styleText(style, safe);
  };
  const isNews = (key: string, what: string): boolean => {
    if (told.get(key) === what) return false;
    told.delete(key);
    told.set(key, what);
    const oldest = told.size > remembered ? told.keys().next() : undefined;
    if (oldest && !oldest.done) told.delete(oldest.value);
    return true;
  };
  const line = (time: number, word: string, style: Style | undefined, level: string, host: string, text: string): string => {
    const clock = new Date(time).toTimeString().slice(0, 8);
    return `${paint('dim', clock)} ${paint(style, word.padEnd(8))} ${paint(style, level.padEnd(8))} ${paint('bold', host)} ${inert(text)}`;
  };

  /** The servers that are silent, and what came about them since: shown when they are heard again, if it still fires. */
  const silent = new Map<string, Map<string, Event<'alert'>>>();
  const isHeld = (event: Event<'alert'>): boolean => {
    const held = silent.get(holderOf(event.key) ?? '');
    if (!held) return false;
    const condition = `${event.key} ${event.data.rule}`;
    if (event.data.status === 'resolved') return held.delete(condition);
    if (held.size < mostHeld) held.set(condition, event);
    return true;
  };
  /** Takes note of a server's state; the lines that it sets free. */
  const hold = (key: string, isSilent: boolean): string[] => {
    const server = key.split('.', 4).join('.');
    if (key !== `${server}.server`) return [];
    if (isSilent) {
      if (!silent.has(server)) silent.set(server, new Map());
      return [];
    }
    const held = silent.get(server);
    silent.delete(server);
    return [...(held?.values() ?? [])].map(alert);
  };

  const alert = (event: Event<'alert'>): string => {
    const { status, severity, summary, action } = event.data;
    const style = status === 'resolved' ? 'green' : severityStyle[severity];
    const first = line(event.time, status.toUpperCase(), style, severity, parse(event.key).host, summary);
    return status === 'firing' && action ? `${first}\n${' '.repeat(9)}${paint('dim', `→ ${action}`)}` : first;
  };
  const incident = (event: Event<'incident'>): string => {
    const { what, who, where, severity } = event.data;
    const text = [what, who && `by ${who}`, where && `at ${where}`].filter(Boolean).join(' ');
    return line(event.time, 'INCIDENT', severityStyle[severity], severity, parse(event.key).host, text);
  };
  const server = (event: Event<'state'>): string | undefined => {
    const { value } = event.data;
    if (value === null) {
      hold(event.key, false);
      return isNews(event.key, 'gone') ? line(event.time, 'SERVER', 'dim', 'gone', parse(event.key).host, 'forgotten') : undefined;
    }
    const state = serverState.safeParse(value);
    if (!state.success) return undefined;
    const free = hold(event.key, holds(state.data));
    const lines = [serverLine(event, state.data) ?? [], free].flat();
    return lines.length > 0 ? lines.join('\n') : undefined;
  };
  const serverLine = (event: Event<'state'>, { status, reason, boot, ...state }: ServerState): string | undefined => {
    const host = state.process === undefined ? state.host : `${state.host} ${state.process}`;
    const isNew = !told.has(event.key);
    if (!isNews(event.key, `${status} ${boot}`)) return undefined;
    // Said again and not anew, as after a restart: only what is wrong is worth a line.
    if (event.causationid === undefined && status !== 'silent' && status !== 'blind') return undefined;
    const text = [isNew && status === 'alive' && !reason && 'found', reason].filter(Boolean).join(', ');
    return line(event.time, 'SERVER', statusStyle[status], status, host, text);
  };
  const node = (event: Event<'state'>): string | undefined => {
    const state = nodeState.safeParse(event.data.value);
    if (!state.success) return undefined;
    const { status, name, host, error } = state.data;
    const isKnown = told.has(event.key);
    const isWell = status !== 'failing';
    if (!isNews(event.key, isWell ? 'well' : `failing ${error}`)) return undefined;
    // That a node runs is news only after it failed.
    if (isWell) return isKnown ? line(event.time, 'NODE', 'green', status, host, `${name} is well again`) : undefined;
    return line(event.time, 'NODE', 'red', status, host, error ? `${name}: ${error}` : name);
  };

  return (event) => {
    if (event.kind === 'alert') return isHeld(event) ? undefined : alert(event);
    if (event.kind === 'incident') return incident(event);
    if (event.data.of === 'server') return server(event);
    return event.data.of === 'node' ? node(event) : undefined;
  };
}
