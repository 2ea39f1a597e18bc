import { useState } from 'preact/hooks';
import { everyItem, type Run, type StoredEvent } from '../../../client/index.ts';
import { amount, count } from '../../../core/presentation/format.ts';
import { labelOf } from '../../../core/presentation/labels.ts';
import { client } from '../../lib/client.ts';
import { moment } from '../../lib/format.ts';
import type { LogLine, RunView } from '../../lib/run-view.ts';
import { FactList } from '../../ui/parts.tsx';

const PAGE = 200;

export function Facts({ run }: { run: Run }) {
  const rows: [string, string | null][] = [
    ['Preset', run.preset],
    ['Dataset', run.dataset],
    ['Seed', String(run.seed)],
    ['Device', run.device],
    [
      'Best checkpoint',
      run.best === undefined
        ? null
        : `${count(run.best.iteration)}, ${(100 * run.best.conditionalAccuracy).toFixed(1)} % conditional accuracy`,
    ],
    ['Started', run.startedAt && moment(run.startedAt)],
    ['Finished', run.finishedAt && moment(run.finishedAt)],
    [
      'Speed',
      run.progress.imagesPerSecond > 0 ? `${count(Math.round(run.progress.imagesPerSecond))} images/s` : null,
    ],
  ];
  return <FactList rows={rows} />;
}

/** A configuration as names and texts; a nested setting is `group.name`. */
export function flattenConfig(config: object, prefix = ''): [name: string, text: string][] {
  return Object.entries(config).flatMap(([key, value]: [string, unknown]): [string, string][] => {
    const name = prefix + key;
    if (Array.isArray(value)) return [[name, value.join(' · ')]];
    if (typeof value === 'object' && value !== null) return flattenConfig(value, `${name}.`);
    return [[name, String(value)]];
  });
}

export function ConfigTable({ run }: { run: Run }) {
  return (
    <details>
      <summary>Configuration</summary>
      <FactList
        look="small"
        rows={flattenConfig(run.config).map(([name, text]) => [
          name.split('.').map(labelOf).join(', '),
          text,
        ])}
      />
    </details>
  );
}

export function Latest({ run }: { run: Run }) {
  const values = Object.entries(run.metrics).filter(([name]) => name !== 'iteration');
  if (values.length === 0) return null;
  return (
    <details>
      <summary>Latest values</summary>
      <FactList look="small" rows={values.map(([name, value]) => [labelOf(name), amount(value)])} />
    </details>
  );
}

export function Checkpoints({ iterations }: { iterations: number[] }) {
  if (iterations.length === 0) return null;
  return (
    <details>
      <summary>Checkpoints ({iterations.length})</summary>
      <ul class="chips">
        {iterations.map((iteration) => (
          <li key={iteration}>{count(iteration)}</li>
        ))}
      </ul>
    </details>
  );
}

const momentOf = (id: string): string => moment(new Date(Number(id.split('-')[0])).toISOString());

const toLines = (event: StoredEvent): LogLine[] => {
  if (event.type === 'log') return [{ id: event.id, ...event.data }];
  if (event.type === 'state')
    return [{ id: event.id, level: 'info', message: `The run is ${event.data.state}.` }];
  return [];
};

/** Log lines from before this page followed the run. */
async function readLog(run: string): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  const events = everyItem((after) => client.runs.events(run, { after, limit: PAGE }));
  for await (const event of events) lines.push(...toLines(event));
  return lines;
}

export function Log({ view }: { view: RunView }) {
  const [past, setPast] = useState<LogLine[] | null>(null);
  const open = (): void => {
    if (past === null) readLog(view.run.id).then(setPast, () => setPast([]));
  };
  const known = new Set(past?.map(({ id }) => id));
  const lines = [...(past ?? []), ...view.log.filter(({ id }) => !known.has(id))];
  return (
    <details onToggle={(event) => event.currentTarget.open && open()}>
      <summary>Log</summary>
      <ol class="log">
        {lines.map(({ id, level, message }) => (
          <li key={id} class={level}>
            <time>{momentOf(id)}</time> {message}
          </li>
        ))}
      </ol>
    </details>
  );
}
