/**
 * The door. Any web page that a person opens can send requests to loopback, so being asked from here proves nothing: the name
 * that was asked for must be one of loopback's (else a hostile name was made to point here), and a browser's Origin must be
 * this very page. Pages of other origins get no answer that they could read, and no socket.
 */
import type { IncomingHttpHeaders } from 'node:http';

/** Why a request is refused, for the person who reads it; undefined when it is welcome. */
export function refusal(headers: IncomingHttpHeaders, listenHost: string): string | undefined {
  const host = headers.host ?? '';
  const name = /^(\[[^\]]*\]|[^:]*)(?::\d{1,5})?$/.exec(host)?.[1]?.toLowerCase();
  if (!name || !(loopbackNames.has(name) || unbracket(name) === listenHost)) {
    return `sluice: live: the host "${host.slice(0, 255)}" is not this machine's; open http://localhost:<port>, through an SSH tunnel from elsewhere`;
  }
  // A tunnel may end on another port, so Origin is compared with what was asked for, not with where this listens.
  const { origin } = headers;
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
    return `sluice: live: the origin "${origin.slice(0, 255)}" may not ask here; open the page at http://${host} itself, or send no Origin header`;
  }
  return undefined;
}

const loopbackNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
const unbracket = (name: string) => name.replace(/^\[|\]$/g, '');

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
