import type { Model } from '../../client/index.ts';
import { isBuiltIn } from '../../core/contracts/built-in.ts';
import { client, listAll } from './client.ts';
import { type Loaded, useLoad } from './hooks.ts';

/** All models, newest first. */
export const useModels = (): Loaded<Model[]> =>
  useLoad((signal) => listAll((page) => client.models.list(page), signal), []);

/** The model that answers calls without one; undefined if there is no model. */
export const latestOf = (models: readonly Model[] | undefined): Model | undefined =>
  models?.find(({ aliases }) => aliases.includes('latest')) ?? models?.[0];

/** The class for a model's pictures: colour images keep their colours, grey ones take those of the theme. */
export const tintOf = ({ image }: Model): string => (image.channels === 3 ? 'in-colour' : '');

/** Whether the position of a drawing matters: the server crops and centres only drawings for the built-in datasets. */
export const positionMatters = ({ dataset }: Model): boolean => !isBuiltIn(dataset);
