export {
  type GenerateOptions,
  type ImagesOptions,
  type LatentsOptions,
  type ManifoldOptions,
  StylographClient,
  type TransferOptions,
} from './client.ts';
export { StylographProblem } from './errors.ts';
export type { FollowOptions } from './events.ts';
export type { ClientOptions } from './http.ts';
export { fromBase64, type ImageSource, type Picture, toBase64 } from './pictures.ts';
export { everyItem } from './resources/pages.ts';
export type { CreateOptions, MetricsOptions } from './resources/runs.ts';
export type * from './types.ts';
