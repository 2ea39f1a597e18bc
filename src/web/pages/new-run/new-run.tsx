import { useState } from 'preact/hooks';
import { getJson, sendJson } from '../../lib/api.ts';
import type { DatasetInfo, Page, Preset, Run } from '../../lib/contract.ts';
import { useLoad, useTitle } from '../../lib/hooks.ts';
import { href, navigate, route } from '../../lib/router.ts';
import { MAIN_SETTINGS, MORE_SETTINGS, type RunForm, type Setting, toRequest } from '../../lib/run-form.ts';
import { Field, Loading, Problem } from '../../ui/parts.tsx';
import { type Answer, Estimate, failure, useDryRun } from './dry-run.tsx';

interface SettingInputProps extends Setting {
  value: string | undefined;
  preset: Preset | undefined;
  error: string | undefined;
  onInput(text: string): void;
}

function SettingInput({ name, label, hint, value, preset, error, onInput }: SettingInputProps) {
  const standard = preset?.config[name];
  return (
    <Field id={name} label={label} hint={hint} error={error}>
      <input
        id={name}
        inputMode="decimal"
        autocomplete="off"
        value={value ?? ''}
        placeholder={standard === undefined ? '' : String(standard)}
        aria-invalid={error !== undefined}
        aria-describedby={`${name}-hint${error === undefined ? '' : ` ${name}-error`}`}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </Field>
  );
}

/** The one that takes least time comes first. */
const inOrder = (presets: readonly Preset[]): Preset[] =>
  [...presets].sort((a, b) => a.config.iterations - b.config.iterations);

/** The one asked for, else the service's own default. */
const firstDataset = (datasets: readonly DatasetInfo[], wanted: string | null): string =>
  [wanted, 'mnist'].find((id) => datasets.some((dataset) => dataset.id === id)) ?? datasets[0]?.id ?? 'mnist';

interface FormProps {
  presets: Preset[];
  datasets: DatasetInfo[];
}

function RunFormView({ presets, datasets }: FormProps) {
  const { query } = route.value;
  const [form, setForm] = useState<RunForm>({
    preset: presets.some(({ name }) => name === query.get('preset')) ? query.get('preset')! : 'modern',
    dataset: firstDataset(datasets, query.get('dataset')),
    name: '',
    seed: '',
    settings: {},
  });
  const [sending, setSending] = useState(false);
  const [refusal, setRefusal] = useState<Answer | null>(null);
  const preset = presets.find(({ name }) => name === form.preset);
  const body = toRequest(form, preset);
  const answer = useDryRun(body);
  const { errors, problem } = refusal ?? answer;
  const change = (part: Partial<RunForm>): void => {
    setRefusal(null);
    setForm((before) => ({ ...before, ...part }));
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setSending(true);
    try {
      const run = await sendJson<Run>('/runs', body);
      navigate(href(`/runs/${run.id}`));
    } catch (error) {
      setRefusal(failure(error));
      setSending(false);
    }
  };
  const settings = (list: Setting[]) =>
    list.map((setting) => (
      <SettingInput
        {...setting}
        key={setting.name}
        preset={preset}
        value={form.settings[setting.name]}
        error={errors[setting.name]}
        onInput={(text) => change({ settings: { ...form.settings, [setting.name]: text } })}
      />
    ));
  return (
    <form class="run-form" onSubmit={submit} noValidate>
      <div class="form-main">
        <fieldset class="cards">
          <legend>Preset</legend>
          {inOrder(presets).map(({ name, description }) => (
            <label key={name} class={`card-choice ${name === form.preset ? 'on' : ''}`}>
              <input
                type="radio"
                name="preset"
                value={name}
                checked={name === form.preset}
                onChange={() => change({ preset: name })}
              />
              <span>
                <strong>{name}</strong>
                <span class="meta">{description}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <div class="field-row">
          <Field id="name" label="Name" error={errors.name}>
            <input
              id="name"
              value={form.name}
              placeholder={`${form.preset} on ${form.dataset}`}
              onInput={(event) => change({ name: event.currentTarget.value })}
            />
          </Field>
          <Field id="dataset" label="Dataset" error={errors.dataset}>
            <select
              id="dataset"
              value={form.dataset}
              onChange={(event) => change({ dataset: event.currentTarget.value })}
            >
              {datasets.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </select>
          </Field>
          <Field id="seed" label="Seed" error={errors.seed}>
            <input
              id="seed"
              inputMode="numeric"
              placeholder="drawn"
              value={form.seed}
              onInput={(event) => change({ seed: event.currentTarget.value })}
            />
          </Field>
        </div>
        <div class="field-grid">{settings(MAIN_SETTINGS)}</div>
        <details class="more">
          <summary>More settings</summary>
          <div class="field-grid">{settings(MORE_SETTINGS)}</div>
        </details>
      </div>
      <aside class="panel sticky" aria-label="What it will take">
        <h2>What it will take</h2>
        <Estimate resolved={answer.resolved} />
        {problem !== undefined && <Problem text={problem} />}
        <button
          type="submit"
          class="button primary wide"
          disabled={sending || Object.keys(errors).length > 0}
        >
          {sending ? 'Starting…' : 'Start the run'}
        </button>
      </aside>
    </form>
  );
}

export function NewRun() {
  useTitle('New run');
  const presets = useLoad((signal) => getJson<Page<Preset>>('/presets', signal), []);
  const datasets = useLoad((signal) => getJson<Page<DatasetInfo>>('/datasets?limit=200', signal), []);
  const error = presets.error ?? datasets.error;
  return (
    <>
      <header class="page-head">
        <h1>New run</h1>
      </header>
      {error !== undefined && <Problem text={error} />}
      {presets.data && datasets.data ? (
        <RunFormView presets={presets.data.items} datasets={datasets.data.items} />
      ) : (
        error === undefined && <Loading />
      )}
    </>
  );
}
