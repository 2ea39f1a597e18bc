import { isBuiltIn } from '../../core/contracts/built-in.ts';
import type { Model } from './contract.ts';
import { getAll } from './follow-run.ts';
import { type Loaded, useLoad } from './hooks.ts';

/** All models, newest first. */
export const useModels = (): Loaded<Model[]> => useLoad((signal) => getAll<Model>('/models', signal), []);

/** What calls without a model are answered by; undefined while there is none. */
export const latestOf = (models: readonly Model[] | undefined): Model | undefined =>
  models?.find(({ aliases }) => aliases.includes('latest')) ?? models?.[0];

/** Colour pictures keep their colours; grey ones are ink in the colours of the theme. */
export const tintOf = ({ image }: Model): string => (image.channels === 3 ? 'in-colour' : '');

/** Whether a drawing's place in its frame counts: only drawings for MNIST's models are cropped and centred by the server. */
export const placeCounts = ({ dataset }: Model): boolean => !isBuiltIn(dataset);
