/**
 * The page's side of the door: a ticket before each line, and who looks. A token passes through here once, on its way to the server,
 * which gives a cookie for it that no script can read.
 */
import { cell } from '../parts/cell.ts';
import { setServerTime } from '../parts/time.ts';

export interface Who {
  /** Nothing has to be shown here. */
  readonly open: boolean;
  readonly name: string;
  readonly role: 'viewer' | 'operator';
  /** '' is all of the tree. */
  readonly part: string;
  /** When the token ends, in ISO 8601. */
  readonly ends?: string;
}

/** `out`: something has to be shown first. `lost`: what was shown is not good any more. */
export type Standing = { readonly state: 'unknown' | 'out' | 'lost' } | { readonly state: 'in'; readonly who: Who };

export const standing = cell<Standing>({ state: 'unknown' });

/** Opens a socket, with a ticket where one is needed. Without one it waits: the page begins anew once somebody has signed in. */
export async function openLine(): Promise<WebSocket> {
  const answer = await fetch('api/ticket', { method: 'POST' });
  setServerTime(answer.headers.get('date'));
  if (answer.status === 401) {
    standing.set({ state: standing.value.state === 'in' ? 'lost' : 'out' });
    return new Promise(() => {});
  }
  if (!answer.ok) throw new Error(await answer.text());
  const { ticket } = (await answer.json()) as { ticket: string | null };
  if (standing.value.state === 'unknown') void learn();
  const url = new URL('api/live', location.href.replace(/^http/, 'ws'));
  return ticket === null ? new WebSocket(url) : new WebSocket(url, ['sluice', `ticket.${ticket}`]);
}

async function learn(): Promise<void> {
  const answer = await fetch('api/session').catch(() => undefined);
  if (answer?.ok) standing.set({ state: 'in', who: (await answer.json()) as Who });
}

/** Why the token lets nobody in; undefined when it does, and the page begins anew. */
export async function signIn(token: string, remember: boolean): Promise<string | undefined> {
  try {
    const answer = await fetch('api/session', {
      method: 'POST',
      headers: { authorization: `Bearer ${token.trim()}`, 'content-type': 'application/json' },
      body: JSON.stringify({ remember }),
    });
    if (!answer.ok) return (await answer.text()).replace(/^sluice: (live: )?/, '').trim();
  } catch (thrown) {
    // What cannot stand in a header is no token.
    return thrown instanceof TypeError && /header|ISO-8859|ByteString/i.test(thrown.message)
      ? 'this is no token; copy the whole line that begins with slk1_'
      : 'sluice does not answer; try again in a moment';
  }
  location.reload();
  return undefined;
}

export async function signOut(): Promise<void> {
  await fetch('api/session', { method: 'DELETE' }).catch(() => undefined);
  location.reload();
}
