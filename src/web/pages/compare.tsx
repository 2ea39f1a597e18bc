import { useMemo } from 'preact/hooks';
import { labelOf } from '../../core/presentation/labels.ts';
import { client } from '../lib/client.ts';
import type { Curve } from '../lib/curves.ts';
import { loadHistory } from '../lib/follow-run.ts';
import { useLoad, useTitle } from '../lib/hooks.ts';
import { href, route } from '../lib/router.ts';
import { emptyView, type RunView, withHistory } from '../lib/run-view.ts';
import { MEASURE_ROWS } from '../ui/evaluation.tsx';
import { Empty, isOver, Loading, Problem, StateBadge } from '../ui/parts.tsx';
import { Picture } from '../ui/picture.tsx';
import { ChartsPanel, groupsOf, sortedPoints } from './run/curves.tsx';
import { flattenConfig } from './run/facts.tsx';

const RELOAD_MS = 3_000;

async function loadView(id: string, signal: AbortSignal): Promise<RunView> {
  const [run, history] = await Promise.all([client.runs.get(id, { signal }), loadHistory(id, signal)]);
  return withHistory(emptyView(run), history);
}

interface Row {
  label: string;
  cells: string[];
}

const differs = ({ cells }: Row): boolean => new Set(cells).size > 1;

/** Settings that differ between the runs, including dataset and seed. */
function configRows(views: readonly RunView[]): Row[] {
  const flat = views.map(
    ({ run }) =>
      new Map([
        ['preset', run.preset],
        ['dataset', run.dataset],
        ['seed', String(run.seed)],
        ...flattenConfig(run.config),
      ]),
  );
  const names = [...new Set(flat.flatMap((config) => [...config.keys()]))];
  return names
    .map((name) => ({
      label: name.split('.').map(labelOf).join(', '),
      cells: flat.map((config) => config.get(name) ?? '–'),
    }))
    .filter(differs);
}

interface TableProps {
  caption: string;
  views: readonly RunView[];
  rows: Row[];
}

function Table({ caption, views, rows }: TableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard
    <section class="table-box" tabIndex={0} aria-label={caption}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            <td />
            {views.map(({ run }, i) => (
              <th key={run.id} scope="col">
                <span class={`swatch curve-${i % 6}`} aria-hidden="true" /> {run.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ label, cells }) => (
            <tr key={label}>
              <th scope="row">{label}</th>
              {cells.map((cell, i) => (
                <td key={views[i]!.run.id}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Overlay({ views }: { views: readonly RunView[] }) {
  const charts = useMemo(() => {
    const names = [...new Set(views.flatMap(({ series }) => [...series.keys()]))];
    const inOrder = groupsOf(names).flatMap((group) => group.names);
    return inOrder.map((name) => ({
      title: labelOf(name),
      curves: views.flatMap(({ run, series }, i): Curve[] => {
        const points = series.get(name);
        return points ? [{ label: run.name, colour: i, points: sortedPoints(points) }] : [];
      }),
    }));
  }, [views]);
  return <ChartsPanel charts={charts} smoothing={0.6} />;
}

function Sheets({ views }: { views: readonly RunView[] }) {
  return (
    <section class="side-by-side" aria-label="Newest samples of the runs">
      {views.map(({ run, samples }, i) => {
        const newest = samples.get('labels')?.at(-1);
        return (
          <article key={run.id} class="panel">
            <h2>
              <span class={`swatch curve-${i % 6}`} aria-hidden="true" />{' '}
              <a href={href(`/runs/${run.id}`)}>{run.name}</a> <StateBadge state={run.state} />
            </h2>
            {newest && (
              <Picture
                kind="sheet"
                path={`/runs/${run.id}/figures/${newest.file}`}
                alt={`Generated images of ${run.name} at iteration ${newest.iteration}`}
              />
            )}
          </article>
        );
      })}
    </section>
  );
}

export function Compare() {
  useTitle('Compare runs');
  const ids = [...new Set((route.value.query.get('runs') ?? '').split(',').filter(Boolean))];
  const { data, error } = useLoad(
    (signal) => Promise.all(ids.map((id) => loadView(id, signal))),
    [ids.join(',')],
    { every: (views) => (views?.every(({ run }) => isOver(run.state)) ? undefined : RELOAD_MS) },
  );
  if (ids.length < 2) {
    return (
      <Empty title="Select two runs">
        <a href="#/">All runs</a>
      </Empty>
    );
  }
  const evaluated = data?.some(({ run }) => run.evaluation) ?? false;
  return (
    <>
      <header class="page-head">
        <div>
          <p class="crumb">
            <a href="#/">Runs</a>
          </p>
          <h1>Compare {ids.length} runs</h1>
        </div>
      </header>
      {error !== undefined && <Problem text={error} />}
      {data === undefined && error === undefined && <Loading />}
      {data !== undefined && (
        <>
          <Sheets views={data} />
          {evaluated && (
            <Table
              caption="Evaluation"
              views={data}
              rows={MEASURE_ROWS.map(({ label, of }) => ({
                label,
                cells: data.map(({ run }) => of(run.evaluation)),
              }))}
            />
          )}
          <Overlay views={data} />
          <Table caption="Different settings" views={data} rows={configRows(data)} />
        </>
      )}
    </>
  );
}
