import { useEffect, useState } from 'preact/hooks';
import type { Film, Run } from '../../../client/index.ts';
import { client, listAll } from '../../lib/client.ts';
import { useLoad } from '../../lib/hooks.ts';
import { href } from '../../lib/router.ts';
import type { RunView } from '../../lib/run-view.ts';
import { apiKey } from '../../lib/session.ts';
import { isOver } from '../../ui/parts.tsx';
import { useMedia } from '../../ui/picture.tsx';

/** The report opens in a tab. With an API key, which a link cannot send, it is downloaded instead. */
function ReportLink({ run }: { run: Run }) {
  const path = run.links.report;
  const save = async (event: Event): Promise<void> => {
    if (apiKey.value === null) return;
    event.preventDefault();
    const blob = new Blob([await client.runs.report(run.id)], { type: 'text/html' });
    const link = Object.assign(document.createElement('a'), {
      href: URL.createObjectURL(blob),
      download: `${run.id}.html`,
    });
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <a class="button" href={path} target="_blank" rel="noreferrer" onClick={save}>
      Report
    </a>
  );
}

export function PublishedModel({ view }: { view: RunView }) {
  const { run } = view;
  if (run.modelId === undefined) return null;
  return (
    <section class="panel published" aria-labelledby="published-title">
      <h2 id="published-title">The model is ready</h2>
      <div class="actions">
        <a class="button primary" href={href('/playground/draw', { model: run.modelId })}>
          Draw with it
        </a>
        <a class="button" href={href('/playground/generate', { model: run.modelId })}>
          Generate
        </a>
        <a class="button" href={href('/models')}>
          Models
        </a>
        <ReportLink run={run} />
      </div>
    </section>
  );
}

const prefersReducedMotion = matchMedia('(prefers-reduced-motion: reduce)');

interface FilmProps {
  film: Film;
  onMissing(): void;
}

/** The film of a label's manifold. It plays automatically unless the user prefers reduced motion. */
function FilmPlayer({ film, onMissing }: FilmProps) {
  const url = useMedia(film.href.mp4);
  useEffect(() => {
    if (url === null) onMissing();
  }, [url]);
  if (url == null) return null;
  return (
    <video
      key={url}
      class="film"
      src={url}
      controls
      loop
      muted
      playsInline
      autoplay={!prefersReducedMotion.matches}
      onError={onMissing}
      aria-label={`The manifold of label ${film.name} during training`}
    />
  );
}

export function Films({ run }: { run: Run }) {
  const [label, setLabel] = useState(0);
  const [missing, setMissing] = useState<ReadonlySet<number>>(new Set());
  const { data } = useLoad(
    async (signal) =>
      isOver(run.state) ? await listAll((page) => client.runs.films(run.id, page), signal) : [],
    [run.id, run.state],
  );
  const films = (data ?? []).filter((film) => !missing.has(film.label));
  const film = films.find((other) => other.label === label) ?? films[0];
  if (film === undefined) return null;
  return (
    <section class="panel" aria-labelledby="films-title">
      <div class="section-head">
        <h2 id="films-title">Films of the manifolds</h2>
        <label class="inline-range">
          Label
          <select value={film.label} onChange={(event) => setLabel(Number(event.currentTarget.value))}>
            {films.map(({ label: index, name }) => (
              <option key={index} value={index}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </div>
      <FilmPlayer
        key={film.label}
        film={film}
        onMissing={() => setMissing((labels) => new Set([...labels, film.label]))}
      />
    </section>
  );
}
