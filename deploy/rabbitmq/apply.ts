/** Brings a broker to what is wanted, as far as that goes without a restart, and tells what it changed and what it left. */
import { compare, type Difference } from './compare.ts';
import { type Control, importDefinitions } from './ctl.ts';
import { lookAt } from './found.ts';
import { rightsOf } from './rights.ts';
import { definitionsFor, type Wanted } from './wanted.ts';

/** What the definitions mend; the rest is up to a person. */
const mended = new Set(['vhost', 'user', 'policy', 'upstream']);

export async function applyWanted(wanted: Wanted, ask: Control): Promise<{ changed: string[]; left: Difference[] }> {
  const before = await lookAt(ask, wanted.vhost);
  const wrong = compare(wanted, before);
  if (wrong.some(({ what }) => mended.has(what))) {
    const present = new Set(before.definitions.users.map(({ name }) => name));
    // Also users that are in no file and whose rights are not those of their name: servers that joined.
    const strayed = wrong.flatMap(({ what, text }) =>
      what === 'user' && / has other rights /.test(text) ? [text.split(' ')[0] ?? ''] : [],
    );
    const users = [...new Set([...wanted.users, ...strayed.filter((name) => present.has(name))])];
    await importDefinitions(ask, definitionsFor({ ...wanted, users }, present));
    for (const name of users) {
      const { limits } = rightsOf(name);
      const has = before.definitions.users.find((user) => user.name === name);
      // Limits come with a user's secret, which is not ours to set again.
      if (limits && has) await ask('set_user_limits', name, JSON.stringify(limits));
    }
  }
  const left = compare(wanted, await lookAt(ask, wanted.vhost));
  const still = new Set(left.map(({ text }) => text));
  return { changed: wrong.filter(({ text }) => !still.has(text)).map(({ text }) => text), left };
}
