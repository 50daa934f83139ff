/** Whether a media query matches, for what a stylesheet cannot decide. */
import { useEffect, useMemo, useState } from 'preact/hooks';

export function useMedia(query: string): boolean {
  const media = useMemo(() => matchMedia(query), [query]);
  const [matches, setMatches] = useState(media.matches);
  useEffect(() => {
    const changed = () => setMatches(media.matches);
    media.addEventListener('change', changed);
    return () => media.removeEventListener('change', changed);
  }, [media]);
  return matches;
}
