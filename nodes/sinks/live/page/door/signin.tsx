/** What stands in the place of the page until somebody has shown a token; and who looks, once somebody has. */
import { useState } from 'preact/hooks';
import icon from '../icon.svg';
import { useCells } from '../parts/cell.ts';
import { inert } from '../parts/inert.ts';
import { signIn, signOut, standing } from './door.ts';
import './door.css';

export function SignIn({ lost }: { lost: boolean }) {
  const [token, setToken] = useState('');
  const [remember, setRemember] = useState(false);
  const [state, setState] = useState<{ busy: boolean; why?: string | undefined }>({ busy: false });

  const submit = async (event: Event) => {
    event.preventDefault();
    if (token.trim() === '' || state.busy) return;
    setState({ busy: true });
    const why = await signIn(token, remember);
    // One that let nobody in is of no use here; one that did is gone with the page.
    setToken('');
    setState({ busy: why === undefined, why });
  };
  const text = state.why ?? (lost ? 'Your token has ended, or was revoked. Sign in with another.' : undefined);

  return (
    <main class="door">
      <form onSubmit={submit}>
        <h1>
          <img src={icon} alt="" width="28" height="28" />
          sluice
        </h1>
        <label for="token">Token</label>
        <input
          id="token"
          type="password"
          autocomplete="current-password"
          autocapitalize="off"
          spellcheck={false}
          placeholder="slk1_…"
          maxLength={512}
          required
          autofocus
          aria-invalid={state.why !== undefined}
          aria-describedby="why"
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <label class="remember">
          <input type="checkbox" checked={remember} onChange={(event) => setRemember(event.currentTarget.checked)} />
          Stay signed in until the token ends
        </label>
        <button type="submit" disabled={state.busy}>
          {state.busy ? 'Signing in…' : 'Sign in'}
        </button>
        <p id="why" class={state.why === undefined ? 'note' : 'wrong'} role="alert">
          {text === undefined ? '' : inert(text.charAt(0).toUpperCase() + text.slice(1))}
        </p>
        <p class="note">
          You have none? Whoever runs the hub makes one: <code>sluice token new --look viewer</code>
        </p>
      </form>
    </main>
  );
}

/** As whom one looks: nothing where nothing had to be shown. */
export function Looker() {
  useCells(standing);
  const { value } = standing;
  if (value.state !== 'in' || value.who.open) return null;
  const { role, part, ends } = value.who;
  const of = part === '' ? 'all of the tree' : inert(part);
  const until = ends === undefined ? '' : `, until ${new Date(ends).toLocaleString()}`;
  return (
    <button
      type="button"
      class="looker"
      onClick={() => void signOut()}
      title={`You look as ${role}${until}. Press to sign out.`}
      aria-label={`${of} · sign out: you look as ${role}`}
    >
      <bdi>{of}</bdi> · sign out
    </button>
  );
}
