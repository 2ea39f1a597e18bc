import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { announcement } from '../lib/announce.ts';
import { client, messageOf } from '../lib/client.ts';
import { route } from '../lib/router.ts';
import { apiKey, connection, keyWanted, setKey, watchConnection } from '../lib/session.ts';
import { theme, toggleTheme } from '../lib/theme.ts';
import { Dialog } from './dialog.tsx';
import { Field } from './parts.tsx';

const PLACES = [
  ['', 'Runs'],
  ['models', 'Models'],
  ['playground', 'Playground'],
  ['datasets', 'Datasets'],
] as const;

function currentPlace(): string {
  const [first = ''] = route.value.path;
  return first === 'runs' || first === 'compare' ? '' : first;
}

/** Asks for an API key, which is sent with requests and stored for this tab only. */
function KeyDialog({ reason }: { reason: string }) {
  const [key, setDraft] = useState('');
  const submit = (event: Event): void => {
    event.preventDefault();
    if (key.trim() !== '') setKey(key.trim());
  };
  return (
    <Dialog title="API key" onClose={() => undefined}>
      <form onSubmit={submit}>
        <p id="key-reason" role="status">
          {reason}
        </p>
        <Field id="key" label="Key" hint="Kept until you close this tab.">
          <input
            id="key"
            type="password"
            autocomplete="off"
            spellcheck={false}
            aria-describedby="key-reason key-hint"
            value={key}
            onInput={(event) => setDraft(event.currentTarget.value)}
          />
        </Field>
        <div class="actions end">
          <button type="submit" class="button primary">
            Use this key
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** The queues' page cannot send the key, so the server sets a cookie first. */
const QUEUES = '/queues';

function QueuesLink() {
  const [problem, setProblem] = useState('');
  const open = async (event: Event): Promise<void> => {
    if (apiKey.value === null) return;
    event.preventDefault();
    try {
      await client.openQueues();
      location.assign(QUEUES);
    } catch (error) {
      setProblem(messageOf(error));
    }
  };
  return (
    <>
      <a href={QUEUES} onClick={open}>
        Queues
      </a>
      <span role="status">{problem}</span>
    </>
  );
}

function forgetKey(): void {
  client.closeQueues().catch(() => undefined);
  setKey(null);
}

function Header() {
  const here = currentPlace();
  const other = theme.value === 'dark' ? 'light' : 'dark';
  return (
    <header class="masthead">
      <div class="masthead-row">
        <a class="wordmark" href="#/">
          Stylograph
        </a>
        <nav aria-label="Main">
          {PLACES.map(([place, text]) => (
            <a key={place} href={`#/${place}`} aria-current={place === here ? 'page' : undefined}>
              {text}
            </a>
          ))}
        </nav>
        <div class="masthead-end">
          {apiKey.value !== null && (
            <button type="button" class="button bare small" onClick={forgetKey}>
              Forget key
            </button>
          )}
          <button
            type="button"
            class="button bare icon"
            aria-label={`Use the ${other} theme`}
            title={`Use the ${other} theme`}
            onClick={toggleTheme}
          >
            <svg viewBox="0 0 20 20" aria-hidden="true">
              {other === 'dark' ? (
                <path d="M16.5 12.2A7 7 0 0 1 7.8 3.5a7 7 0 1 0 8.7 8.7Z" />
              ) : (
                <path d="M10 6.2a3.8 3.8 0 1 0 0 7.6 3.8 3.8 0 0 0 0-7.6ZM10 1.5v2M10 16.5v2M1.5 10h2M16.5 10h2M4 4l1.4 1.4M14.6 14.6 16 16M16 4l-1.4 1.4M5.4 14.6 4 16" />
              )}
            </svg>
          </button>
        </div>
      </div>
    </header>
  );
}

export function Shell({ children }: { children: ComponentChildren }) {
  useEffect(watchConnection, []);
  return (
    <>
      <button type="button" class="skip" onClick={skipToMain}>
        Skip to content
      </button>
      <Header />
      <div role="status" class="connection">
        {connection.value === 'lost' && (
          <p class="banner">Connection lost. Reconnecting; no event will be missed.</p>
        )}
      </div>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <footer class="foot">
        <a href="/docs">API</a>
        <span aria-hidden="true">·</span>
        <a href="/openapi.json">OpenAPI</a>
        <span aria-hidden="true">·</span>
        <QueuesLink />
      </footer>
      <div class="sr-only" role="status" aria-live="polite">
        {announcement.value}
      </div>
      {keyWanted.value !== null && <KeyDialog reason={keyWanted.value} />}
    </>
  );
}

function skipToMain(): void {
  document.getElementById('main')!.focus();
}
