/** The keys that do something here. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { allKeys, layered, useKeys } from './keys.ts';
import { useCells } from './parts/cell.ts';

export function Help() {
  useCells(layered);
  const [open, setOpen] = useState(false);
  const dialog = useRef<HTMLDialogElement>(null);
  useKeys([{ key: '?', does: 'shows and hides these keys', press: () => setOpen(!open) }]);
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  return (
    <>
      <button type="button" class="icon keyboard" onClick={() => setOpen(true)} aria-label="Keys" title="Keys  ?">
        ?
      </button>
      <dialog ref={dialog} class="keys" aria-label="Keys" onClose={() => setOpen(false)}>
        <h2>Keys</h2>
        <dl>
          {allKeys().map(({ key, does }) => (
            <div key={key}>
              <dt>
                <kbd>{names[key] ?? key}</kbd>
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
        <button type="button" onClick={() => setOpen(false)}>
          Close
        </button>
      </dialog>
    </>
  );
}

const names: Readonly<Record<string, string>> = {
  ' ': 'Space',
  ArrowLeft: '←',
  ArrowRight: '→',
  ArrowUp: '↑',
  ArrowDown: '↓',
  Escape: 'Esc',
};
