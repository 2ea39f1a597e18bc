import { useRun } from '../../lib/follow-run.ts';
import { ago } from '../../lib/format.ts';
import { useTitle } from '../../lib/hooks.ts';
import { useLabelNames } from '../../lib/labels.ts';
import type { RunView } from '../../lib/run-view.ts';
import { EvaluationPanel } from '../../ui/evaluation.tsx';
import { Loading, Problem, Progress, StateBadge } from '../../ui/parts.tsx';
import { Controls } from './controls.tsx';
import { Curves } from './curves.tsx';
import { Checkpoints, ConfigTable, Facts, Latest, Log } from './facts.tsx';
import { FinalFigures } from './figures.tsx';
import { Films, PublishedModel } from './results.tsx';
import { Samples } from './samples.tsx';

function Diagnoses({ view }: { view: RunView }) {
  const diagnoses = view.run.diagnoses ?? [];
  return (
    <div aria-live="polite">
      {diagnoses.map(({ code, severity, detail, advice, iteration }) => (
        <div key={code} class={`notice ${severity === 'critical' ? 'bad' : 'warn'}`}>
          <h3>{detail}</h3>
          <p>
            {advice} <span class="meta">At iteration {iteration}.</span>
          </p>
        </div>
      ))}
    </div>
  );
}

/** The current step before training. Training the reference classifier may take minutes. */
function Preparation({ view: { run, log } }: { view: RunView }) {
  const last = log.at(-1);
  if (last === undefined || run.state !== 'running' || run.progress.phase !== 'loading') return null;
  return <p class="meta">{last.message}</p>;
}

function RunBody({ view }: { view: RunView }) {
  const { run } = view;
  const labelName = useLabelNames(run.dataset);
  return (
    <>
      <header class="page-head run-head">
        <div>
          <p class="crumb">
            <a href="#/">Runs</a>
          </p>
          <h1>
            {run.name} <StateBadge state={run.state} />
          </h1>
          <p class="meta">Created {ago(run.createdAt)}</p>
        </div>
        <Controls run={run} />
      </header>
      <Progress progress={run.progress} state={run.state} />
      <Preparation view={view} />
      {run.error !== undefined && <Problem text={run.error.message} />}
      <Diagnoses view={view} />
      <PublishedModel view={view} />
      <div class="columns">
        <div class="column-main">
          <Samples view={view} labelName={labelName} />
          <Curves view={view} />
          {run.evaluation && <EvaluationPanel evaluation={run.evaluation} />}
          <Films run={run} />
          <FinalFigures view={view} labelName={labelName} />
        </div>
        <aside class="column-side panel" aria-label="About this run">
          <Facts run={run} />
          <Latest run={run} />
          <Checkpoints iterations={view.checkpoints} />
          <ConfigTable run={run} />
          <Log view={view} />
        </aside>
      </div>
    </>
  );
}

export function RunPage({ id }: { id: string }) {
  const { view, error } = useRun(id);
  useTitle(view?.run.name ?? 'Run');
  if (view !== undefined) {
    return (
      <>
        {error !== undefined && <Problem text={error} />}
        <RunBody view={view} />
      </>
    );
  }
  return error === undefined ? <Loading /> : <Problem text={error} />;
}
