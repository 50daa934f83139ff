/** A command for a terminal, and a button that copies it. */
import { useState } from 'preact/hooks';

export function Copy({ text }: { text: string }) {
  const [said, setSaid] = useState('Copy');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid('Copied');
    } catch {
      // Without TLS a browser gives pages no clipboard: the text can be marked.
      setSaid('Mark it');
    }
    setTimeout(() => setSaid('Copy'), 2_000);
  };
  return (
    <span class="copy">
      <code>{text}</code>
      <button type="button" onClick={copy} aria-label={`Copy the command ${text}`}>
        {said}
      </button>
    </span>
  );
}
