import type { FieldError, Preset, TrainingConfig } from './contract.ts';

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
  { name: 'iterations', label: 'Iterations', hint: 'How long it trains.' },
  { name: 'batchSize', label: 'Batch size', hint: 'Images a step.' },
  { name: 'latentDim', label: 'Latent dimension', hint: 'Numbers that describe a style.' },
  { name: 'gamma', label: 'Gamma', hint: 'Likeness against realism in the decoder.' },
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
  /** What was typed, by setting; what is not here is the preset's. */
  settings: Partial<Record<NumberKey, string>>;
}

/** A number where it is one; anything else goes to the server as it is, whose message is then shown. */
const toValue = (text: string): unknown => {
  const value = Number(text.trim());
  return text.trim() === '' || Number.isNaN(value) ? text : value;
};

/** The request's body: only what differs from the preset. */
export function toRequest(form: RunForm, preset: Preset | undefined): object {
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
  };
}

/** Messages by the field they belong to: `body.config.batchSize` is of `batchSize`. */
export function byField(errors: readonly FieldError[]): Record<string, string> {
  return Object.fromEntries(errors.map(({ path, message }) => [path.split('.').at(-1)!, message]));
}
