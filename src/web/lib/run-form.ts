import type { Preset, Problem, RunRequest, TrainingConfig } from '../../client/index.ts';

type NumberKey = {
  [K in keyof TrainingConfig]: TrainingConfig[K] extends number ? K : never;
}[keyof TrainingConfig];

export interface Setting {
  name: NumberKey;
  label: string;
  hint: string;
}

/** The settings that change most about a run. */
export const MAIN_SETTINGS: Setting[] = [
  { name: 'iterations', label: 'Iterations', hint: 'Length of the training.' },
  { name: 'batchSize', label: 'Batch size', hint: 'Images per step.' },
  { name: 'latentDim', label: 'Latent dimension', hint: 'Numbers that describe a style.' },
  { name: 'gamma', label: 'Gamma', hint: 'Weight of likeness against realism in the decoder.' },
];

export const MORE_SETTINGS: Setting[] = [
  { name: 'priorWeight', label: 'Prior weight', hint: 'Pull of latents towards N(0, 1).' },
  { name: 'pixelWeight', label: 'Pixel weight', hint: 'Weight of a plain pixel loss.' },
  { name: 'ganWeight', label: 'GAN weight', hint: 'Weight of the adversarial loss.' },
  { name: 'dropout', label: 'Dropout', hint: 'Rate after every activation.' },
  { name: 'warmupIterations', label: 'Warm-up', hint: 'Iterations before the discriminator joins.' },
  { name: 'checkpointEvery', label: 'Checkpoint every', hint: 'Iterations between checkpoints.' },
  { name: 'metricsEvery', label: 'Metrics every', hint: 'Iterations between points of the curves.' },
  { name: 'sampleEvery', label: 'Samples every', hint: 'Iterations between pictures.' },
];

export interface RunForm {
  preset: string;
  dataset: string;
  name: string;
  seed: string;
  /** Typed texts by setting; other settings are the preset's. */
  settings: Partial<Record<NumberKey, string>>;
}

/** A number if the text is one; otherwise the text, which the server rejects with the message to show. */
const toValue = (text: string): unknown => {
  const value = Number(text.trim());
  return text.trim() === '' || Number.isNaN(value) ? text : value;
};

/** The request, with only the settings that differ from the preset. Its values are as typed: the server checks them. */
export function toRequest(form: RunForm, preset: Pick<Preset, 'config'> | undefined): RunRequest {
  const config = Object.fromEntries(
    Object.entries(form.settings)
      .filter(([key, text]) => text !== '' && toValue(text) !== preset?.config[key as NumberKey])
      .map(([key, text]) => [key, toValue(text)]),
  );
  return {
    preset: form.preset,
    dataset: form.dataset,
    ...(form.name.trim() !== '' && { name: form.name.trim() }),
    ...(form.seed.trim() !== '' && { seed: toValue(form.seed) }),
    ...(Object.keys(config).length > 0 && { config }),
  } as RunRequest;
}

/** Messages by field: `body.config.batchSize` belongs to `batchSize`. */
export function byField(errors: NonNullable<Problem['errors']>): Record<string, string> {
  return Object.fromEntries(errors.map(({ path, message }) => [path.split('.').at(-1)!, message]));
}
