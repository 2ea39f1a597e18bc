import { useState } from 'preact/hooks';
import { getJson } from '../../lib/api.ts';
import type { Page, Run, RunEvent } from '../../lib/contract.ts';
import { amount, count, moment, sentence } from '../../lib/format.ts';
import type { LogLine, RunView } from '../../lib/run-view.ts';

const PAGE = 200;

export function Facts({ run }: { run: Run }) {
  const rows: [string, string | null][] = [
    ['Preset', run.preset],
    ['Dataset', run.dataset],
    ['Seed', String(run.seed)],
    ['Computed on', run.device],
    [
      'Best checkpoint',
      run.best === undefined
        ? null
        : `${count(run.best.iteration)}, ${(100 * run.best.conditionalAccuracy).toFixed(1)} % of samples as asked`,
    ],
    ['Started', run.startedAt && moment(run.startedAt)],
    ['Finished', run.finishedAt && moment(run.finishedAt)],
    [
      'Speed',
      run.progress.imagesPerSecond > 0 ? `${count(Math.round(run.progress.imagesPerSecond))} images/s` : null,
    ],
  ];
  return (
    <dl class="facts">
      {rows
        .filter(([, value]) => value !== null)
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** A configuration as name and text, nested groups as `group.name`. */
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
      <dl class="facts small">
        {flattenConfig(run.config).map(([name, text]) => (
          <div key={name}>
            <dt>{name.split('.').map(sentence).join(', ')}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

export function Latest({ run }: { run: Run }) {
  const values = Object.entries(run.metrics).filter(([name]) => name !== 'iteration');
  if (values.length === 0) return null;
  return (
    <details>
      <summary>Latest values</summary>
      <dl class="facts small">
        {values.map(([name, value]) => (
          <div key={name}>
            <dt>{sentence(name)}</dt>
            <dd>{amount(value)}</dd>
          </div>
        ))}
      </dl>
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

const toLine = ({ id, type, data }: RunEvent): LogLine[] => {
  if (type === 'log') return [{ id, level: data.level as string, message: data.message as string }];
  if (type === 'state') return [{ id, level: 'info', message: `The run is ${data.state}.` }];
  return [];
};

/** What was told before this page followed the run; read only when it is asked for. */
async function readLog(run: string): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  let after: string | null = '';
  while (after !== null) {
    const page: Page<RunEvent> = await getJson(
      `/runs/${run}/events?limit=${PAGE}${after && `&after=${after}`}`,
    );
    lines.push(...page.items.flatMap(toLine));
    after = page.nextCursor;
  }
  return lines;
}

export function Log({ view }: { view: RunView }) {
  const [former, setFormer] = useState<LogLine[] | null>(null);
  const open = (): void => {
    if (former === null) readLog(view.run.id).then(setFormer, () => setFormer([]));
  };
  const known = new Set(former?.map(({ id }) => id));
  const lines = [...(former ?? []), ...view.log.filter(({ id }) => !known.has(id))];
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
