/**
 * The names at the door. Any web page that a person opens can send requests to loopback, and to what listens in its network, so being
 * asked proves nothing: the name that was asked for must be one of this page's (else a hostile name was made to point here), and a
 * browser's Origin must be this very page. Pages of other origins get no answer that they could read, and no socket.
 */
import type { IncomingHttpHeaders } from 'node:http';

/** The names by which the page may be asked for. */
export interface Welcome {
  readonly scheme: 'http' | 'https';
  /** Whether a name is one of them; its port may be any, since a tunnel may end on another. */
  readonly name: (name: string) => boolean;
  /** Behind a proxy: the one host, with its port where it has one, that it shows the page as. */
  readonly only?: string;
  /** The name to call it by, where it is not the address that it listens on. */
  readonly called?: string | undefined;
  /** What to do instead, for a person. */
  readonly advice: string;
}

const loopbackNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
const bare = (name: string) => name.replace(/^\[|\]$/g, '').toLowerCase();

/** Without TLS and without a proxy: this machine, and nothing else. */
export const loopback = (listenHost: string): Welcome => ({
  scheme: 'http',
  name: (name) => loopbackNames.has(name) || bare(name) === listenHost,
  advice: 'open http://localhost:<port>, through an SSH tunnel from elsewhere',
});

export const ofNames = (names: readonly string[]): Welcome => {
  const ours = new Set(names.map(bare));
  return {
    scheme: 'https',
    name: (name) => ours.has(bare(name)),
    called: names[0],
    advice: 'open it by a name of its certificate, or add yours to live.names',
  };
};

export const behindProxy = (origin: string): Welcome => {
  const { host } = new URL(origin);
  return {
    scheme: 'https',
    name: () => false,
    only: host,
    advice: `open ${origin}; the proxy must pass on the Host that it was asked for`,
  };
};

/** Why a request is refused, for the person who reads it; undefined when it is welcome. */
export function refusal(headers: IncomingHttpHeaders, { scheme, name: isOurs, only, advice }: Welcome): string | undefined {
  const host = headers.host?.toLowerCase() ?? '';
  const name = /^(\[[^\]]*\]|[^:]*)(?::\d{1,5})?$/.exec(host)?.[1];
  if (!name || !(only === undefined ? isOurs(name) : host === only || host === `${only}:443`)) {
    return `sluice: live: the host "${host.slice(0, 255)}" is not this page's; ${advice}`;
  }
  // A tunnel may end on another port, so Origin is compared with what was asked for, not with where this listens.
  const { origin } = headers;
  if (origin !== undefined && origin.toLowerCase() !== `${scheme}://${only ?? host}`) {
    return `sluice: live: the origin "${origin.slice(0, 255)}" may not ask here; open the page at ${scheme}://${only ?? host} itself, or send no Origin header`;
  }
  return undefined;
}

/** What is written down of those who are refused. */
export const told = {
  foreign: 'was refused: a foreign Host or Origin',
  outside: 'was refused: another part of the tree',
} as const;

/** The two names of a request that its sender chose: for that record. */
export const strangeNames = ({ host = '', origin }: IncomingHttpHeaders) => ({
  to: host.slice(0, 255),
  ...(origin !== undefined && { detail: { origin: origin.slice(0, 255) } }),
});

/** On every answer. Scripts and styles are files of this server; nothing is inline, framed, sniffed or fetched elsewhere. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** Once seen over TLS, a browser asks for this name over nothing else for a year. */
export const strictTransport = { 'strict-transport-security': 'max-age=31536000' };
