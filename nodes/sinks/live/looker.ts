/**
 * Who looks, and what of the tree they may see. Whatever leaves `live`, over HTTP or a socket, is asked of a looker first.
 */
import type { HttpBindings } from '@hono/node-server';
import { type History, isWithin } from 'sluice';

export interface Looker {
  /** `loopback`, or the id of a token: what an audit names. */
  readonly name: string;
  readonly role: 'viewer' | 'operator';
  /** The part of the tree, as `acme.shop`; '' is all of it. Those who see the same part may share what is made for them. */
  readonly part: string;
  /** Whether what is about this key, `company.system.environment.host…`, may be seen. */
  sees(key: string): boolean;
}

/** What every HTTP request carries, once the door has let it in: `context.get('looker')`. */
export interface LiveEnv {
  Bindings: HttpBindings;
  Variables: {
    looker: Looker;
    /** The past as this looker may see it; undefined where none is kept. Never ask the process's own. */
    history: History | undefined;
  };
}

export const lookerOf = (name: string, role: Looker['role'], part: string): Looker => ({ name, role, part, sees: isWithin(part) });

/** Who has shown nothing where something has to be shown: sees nothing of the tree. */
export const nobody: Looker = { name: 'nobody', role: 'viewer', part: '-', sees: () => false };

/** Who sits at this machine sees everything, and may do nothing here: what acts goes through the control socket. */
export const anyone: Looker = lookerOf('loopback', 'viewer', '');
