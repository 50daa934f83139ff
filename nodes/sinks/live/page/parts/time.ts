/**
 * The page's only clock. A browser's may be wrong, and ages are counted from times that servers wrote: so it is set by what
 * sluice's own server says when the page connects.
 */
let skew = 0;

/** Milliseconds since 1970, as the server counts them. */
export const now = (): number => Date.now() + skew;

/** Takes the server's `Date` header, which has whole seconds: smaller differences are noise. */
export function setServerTime(date: string | null): void {
  const difference = date === null ? Number.NaN : Date.parse(date) - Date.now();
  skew = Math.abs(difference) > 2_000 ? difference : 0;
}
