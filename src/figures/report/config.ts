import type { TrainingConfig, TrainingConfigOverrides } from '../../core/contracts/config.ts';
import type { ReportData } from './data.ts';
import { type Html, html } from './html.ts';

type Group = Record<string, unknown>;

const isGroup = (value: unknown): value is Group =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** What a request must override to get from a preset to a configuration; groups in part. */
export function overridesOf(config: TrainingConfig, preset: TrainingConfig): TrainingConfigOverrides {
  const different = (ours: Group, theirs: Group): Group =>
    Object.fromEntries(
      Object.entries(ours)
        .filter(([key, value]) => !same(value, theirs[key]))
        .map(([key, value]) => {
          const other = theirs[key];
          return [key, isGroup(value) && isGroup(other) ? different(value, other) : value];
        }),
    );
  return different(config, preset) as TrainingConfigOverrides;
}

/** Every number as a line, groups taken apart. */
function lines(value: Group, prefix = ''): [key: string, value: unknown][] {
  return Object.entries(value).flatMap(([key, inner]) =>
    isGroup(inner) ? lines(inner, `${prefix}${key}.`) : [[`${prefix}${key}`, inner] as [string, unknown]],
  );
}

const show = (value: unknown): string => (Array.isArray(value) ? value.join(' – ') : String(value ?? '—'));

export function configSection({ run, presetConfig }: ReportData): Html {
  const theirs = new Map(lines(presetConfig));
  const rows = lines(run.config).map(([key, value]) => {
    const differs = !same(value, theirs.get(key));
    const was = differs ? show(theirs.get(key)) : '';
    return html`<tr class="${differs ? 'differs' : 'same'}"><th scope="row"><code>${key}</code></th><td>${show(value)}</td><td>${was}</td></tr>`;
  });
  const count = lines(run.config).filter(([key, value]) => !same(value, theirs.get(key))).length;
  const told =
    count === 0
      ? html`Every number is the preset’s.`
      : html`${count} of ${rows.length} numbers differ from the preset; they are marked.`;
  return html`<h2>Configuration</h2>
<p>Preset <code>${run.preset}</code>, dataset <code>${run.dataset}</code>, seed <code>${run.seed}</code>${run.from === undefined ? '' : html`, starting from the weights of <code>${run.from}</code>`}. ${told}</p>
<div class="scroll"><table><thead><tr><th scope="col">setting</th><th scope="col">value</th><th scope="col">in the preset</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}
