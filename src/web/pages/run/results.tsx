import { useEffect, useState } from 'preact/hooks';
import { call } from '../../lib/api.ts';
import type { Film, Run } from '../../lib/contract.ts';
import { getAll } from '../../lib/follow-run.ts';
import { useLoad } from '../../lib/hooks.ts';
import { href } from '../../lib/router.ts';
import type { RunView } from '../../lib/run-view.ts';
import { apiKey } from '../../lib/session.ts';
import { isOver } from '../../ui/parts.tsx';
import { useMedia } from '../../ui/picture.tsx';

/** The report opens in a tab; with an API key, which a link cannot send, it is fetched and saved. */
function ReportLink({ run }: { run: Run }) {
  const path = run.links.report;
  const save = async (event: Event): Promise<void> => {
    if (apiKey.value === null) return;
    event.preventDefault();
    const blob = await (await call(path, { headers: { accept: 'text/html' } })).blob();
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
      <h2 id="published-title">Its model is ready</h2>
      <div class="actions">
        <a class="button primary" href={href('/playground/draw', { model: run.modelId })}>
          Write in your own hand
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

const prefersStill = matchMedia('(prefers-reduced-motion: reduce)');

interface FilmProps {
  film: Film;
  onMissing(): void;
}

/** The manifold of a label over the run. It plays by itself unless the reader prefers less motion. */
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
      autoplay={!prefersStill.matches}
      onError={onMissing}
      aria-label={`The manifold of ${film.name} over training`}
    />
  );
}

export function Films({ run }: { run: Run }) {
  const [label, setLabel] = useState(0);
  const [missing, setMissing] = useState(false);
  const { data } = useLoad(
    async (signal) => (isOver(run.state) ? await getAll<Film>(run.links.films, signal) : []),
    [run.id, run.state],
  );
  const film = data?.find((other) => other.label === label) ?? data?.[0];
  if (missing || data === undefined || film === undefined) return null;
  return (
    <section class="panel" aria-labelledby="films-title">
      <div class="section-head">
        <h2 id="films-title">How each label formed</h2>
        <label class="inline-range">
          Label
          <select value={label} onChange={(event) => setLabel(Number(event.currentTarget.value))}>
            {data.map(({ label: index, name }) => (
              <option key={index} value={index}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </div>
      <FilmPlayer key={film.label} film={film} onMissing={() => setMissing(true)} />
    </section>
  );
}
