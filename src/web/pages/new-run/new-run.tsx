import { useState } from 'preact/hooks';
import type { Dataset, Preset } from '../../../client/index.ts';
import { client } from '../../lib/client.ts';
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

/** Presets, shortest first. */
const inOrder = (presets: readonly Preset[]): Preset[] =>
  [...presets].sort((a, b) => a.config.iterations - b.config.iterations);

/** The requested dataset, or the server's default. */
const firstDataset = (datasets: readonly Dataset[], wanted: string | null): string =>
  [wanted, 'mnist'].find((id) => datasets.some((dataset) => dataset.id === id)) ?? datasets[0]?.id ?? 'mnist';

interface FormProps {
  presets: Preset[];
  datasets: Dataset[];
}

interface FormState {
  form: RunForm;
  preset: Preset | undefined;
  answer: Answer;
  errors: Record<string, string>;
  problem: string | undefined;
  sending: boolean;
  change(part: Partial<RunForm>): void;
  submit(event: Event): Promise<void>;
}

/** The form's values, the server's dry run of them, and the call that starts the run. */
function useRunForm({ presets, datasets }: FormProps): FormState {
  const { query } = route.value;
  const [form, setForm] = useState<RunForm>({
    preset: presets.some(({ name }) => name === query.get('preset')) ? query.get('preset')! : 'modern',
    dataset: firstDataset(datasets, query.get('dataset')),
    name: '',
    seed: '',
    settings: {},
  });
  const [sending, setSending] = useState(false);
  const [rejection, setRejection] = useState<Answer | null>(null);
  const preset = presets.find(({ name }) => name === form.preset);
  const request = toRequest(form, preset);
  const answer = useDryRun(request);
  const { errors, problem } = rejection ?? answer;
  const change = (part: Partial<RunForm>): void => {
    setRejection(null);
    setForm((before) => ({ ...before, ...part }));
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setSending(true);
    try {
      const run = await client.runs.create(request);
      navigate(href(`/runs/${run.id}`));
    } catch (error) {
      setRejection(failure(error));
      setSending(false);
    }
  };
  return { form, preset, answer, errors, problem, sending, change, submit };
}

function PresetCards({ presets, form, change }: Pick<FormState, 'form' | 'change'> & { presets: Preset[] }) {
  return (
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
  );
}

/** Name, dataset and seed. */
function RunFields({ datasets, state }: { datasets: Dataset[]; state: FormState }) {
  const { form, errors, change } = state;
  return (
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
          placeholder="random"
          value={form.seed}
          onInput={(event) => change({ seed: event.currentTarget.value })}
        />
      </Field>
    </div>
  );
}

function SettingInputs({ settings, state }: { settings: readonly Setting[]; state: FormState }) {
  const { form, preset, errors, change } = state;
  return (
    <div class="field-grid">
      {settings.map((setting) => (
        <SettingInput
          {...setting}
          key={setting.name}
          preset={preset}
          value={form.settings[setting.name]}
          error={errors[setting.name]}
          onInput={(text) => change({ settings: { ...form.settings, [setting.name]: text } })}
        />
      ))}
    </div>
  );
}

function RunFormView({ presets, datasets }: FormProps) {
  const state = useRunForm({ presets, datasets });
  const { form, answer, errors, problem, sending, change, submit } = state;
  return (
    <form class="run-form" onSubmit={submit} noValidate>
      <div class="form-main">
        <PresetCards presets={presets} form={form} change={change} />
        <RunFields datasets={datasets} state={state} />
        <SettingInputs settings={MAIN_SETTINGS} state={state} />
        <details class="more">
          <summary>More settings</summary>
          <SettingInputs settings={MORE_SETTINGS} state={state} />
        </details>
      </div>
      <aside class="panel sticky" aria-label="Estimate">
        <h2>Estimate</h2>
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
  const presets = useLoad((signal) => client.presets({ signal }), []);
  const datasets = useLoad((signal) => client.datasets.list({ limit: 200, signal }), []);
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
