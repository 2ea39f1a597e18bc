import type { TrainingConfig, TrainingConfigOverrides } from '../../core/contracts/config.ts';
import { labelOf } from '../../core/presentation/labels.ts';
import type { ReportData } from './data.ts';
import { type Html, html } from './html.ts';

type Group = Record<string, unknown>;

const isGroup = (value: unknown): value is Group =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The overrides that turn a preset into a configuration; groups hold only the differing settings. */
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

/** Every setting as `group.name` and value. */
function settingsOf(value: Group, prefix = ''): [key: string, value: unknown][] {
  return Object.entries(value).flatMap(([key, inner]) =>
    isGroup(inner)
      ? settingsOf(inner, `${prefix}${key}.`)
      : [[`${prefix}${key}`, inner] as [string, unknown]],
  );
}

const show = (value: unknown): string => (Array.isArray(value) ? value.join(' · ') : String(value ?? '–'));

export function configSection({ run, presetConfig }: ReportData): Html {
  const theirs = new Map(settingsOf(presetConfig));
  const rows = settingsOf(run.config).map(([key, value]) => {
    const differs = !same(value, theirs.get(key));
    const preset = differs ? show(theirs.get(key)) : '';
    return html`<tr class="${differs ? 'differs' : 'same'}"><th scope="row">${key.split('.').map(labelOf).join(', ')} <code>${key}</code></th><td>${show(value)}</td><td>${preset}</td></tr>`;
  });
  const count = settingsOf(run.config).filter(([key, value]) => !same(value, theirs.get(key))).length;
  const summary =
    count === 0
      ? html`All settings are those of the preset.`
      : html`${count} of ${rows.length} settings differ from the preset (highlighted).`;
  return html`<h2>Configuration</h2>
<p>Preset <code>${run.preset}</code>, dataset <code>${run.dataset}</code>, seed <code>${run.seed}</code>${run.from === undefined ? '' : html`, starting from the weights of <code>${run.from}</code>`}. ${summary}</p>
<div class="scroll"><table><thead><tr><th scope="col">Setting</th><th scope="col">Value</th><th scope="col">Preset</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}
