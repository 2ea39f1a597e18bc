import { useState } from 'preact/hooks';
import type { Run, RunState } from '../../client/index.ts';
import { client } from '../lib/client.ts';
import { ago } from '../lib/format.ts';
import { useLoad, useTitle } from '../lib/hooks.ts';
import { href, navigate } from '../lib/router.ts';
import { Hand } from '../ui/hand.tsx';
import { Empty, Loading, Problem, Progress, StateBadge } from '../ui/parts.tsx';
import { RunThumbnail } from '../ui/thumbnail.tsx';

const ACTIVE: RunState[] = ['queued', 'running', 'pausing', 'cancelling'];
const ACTIVE_MS = 1_500;
const IDLE_MS = 10_000;

const isActive = (run: Run): boolean => ACTIVE.includes(run.state);

interface RowProps {
  run: Run;
  chosen: boolean;
  onChoose(chosen: boolean): void;
}

function RunRow({ run, chosen, onChoose }: RowProps) {
  return (
    <li class={`run-row ${chosen ? 'chosen' : ''}`}>
      <a class="run-link" href={href(`/runs/${run.id}`)}>
        <RunThumbnail run={run} />
        <div class="run-text">
          <h3>{run.name}</h3>
          <p class="meta">
            {run.preset} · {run.dataset} · seed {run.seed} · {ago(run.createdAt)}
          </p>
          <Progress progress={run.progress} state={run.state} />
        </div>
      </a>
      <div class="run-side">
        <StateBadge state={run.state} />
        <label class="compare-box">
          <input
            type="checkbox"
            checked={chosen}
            onChange={(event) => onChoose(event.currentTarget.checked)}
            aria-label={`Compare ${run.name}`}
          />
          Compare
        </label>
      </div>
    </li>
  );
}

function RunList({ runs }: { runs: Run[] }) {
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const choose = (id: string, on: boolean): void =>
    setChosen((ids) => (on ? [...ids, id] : ids.filter((other) => other !== id)));
  return (
    <section aria-labelledby="runs-title">
      <div class="section-head">
        <h2 id="runs-title">Runs</h2>
        <button
          type="button"
          class="button"
          disabled={chosen.length < 2}
          onClick={() => navigate(href('/compare', { runs: chosen.join(',') }))}
        >
          {chosen.length < 2 ? 'Select runs to compare' : `Compare ${chosen.length} runs`}
        </button>
      </div>
      <ul class="run-list">
        {runs.map((run) => (
          <RunRow
            key={run.id}
            run={run}
            chosen={chosen.includes(run.id)}
            onChoose={(on) => choose(run.id, on)}
          />
        ))}
      </ul>
    </section>
  );
}

export function Overview() {
  useTitle('');
  const { data, error } = useLoad((signal) => client.runs.list({ limit: 100, signal }), [], {
    every: (page) => (page?.items.some(isActive) ? ACTIVE_MS : IDLE_MS),
  });
  return (
    <>
      <section class="hero">
        <div>
          <h1>Handwriting, learned.</h1>
          <p class="lead">
            Train a network on handwritten digits, watch it learn, then generate every digit in your own
            handwriting.
          </p>
          <div class="actions">
            <a class="button primary" href="#/runs/new">
              Start a run
            </a>
            <a class="button" href="#/playground">
              Open the playground
            </a>
          </div>
        </div>
        <Hand />
      </section>
      {error !== undefined && <Problem text={error} />}
      {data === undefined && error === undefined && <Loading />}
      {data?.items.length === 0 && (
        <Empty title="No runs yet">
          <p>A quick run takes about two minutes on two processor cores and publishes a model.</p>
        </Empty>
      )}
      {data !== undefined && data.items.length > 0 && <RunList runs={data.items} />}
    </>
  );
}
