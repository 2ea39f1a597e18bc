import type { ErrorCode } from '../../core/errors.ts';
import type { RouteDoc } from '../openapi.ts';
import { problems } from '../problem.ts';

export const PNG_FIRST = ['image/png', 'application/json'];
export const JSON_FIRST = ['application/json', 'image/png'];

/** Headers of every inference answer. */
export const INFERENCE_HEADERS: NonNullable<RouteDoc['headers']> = [
  'X-Model-Id',
  'Cache-Control',
  'Server-Timing',
];

/** What whoever has to wait for the inference process may hear, through whatever door. */
export const CALL_CODES = [
  'queue_full',
  'model_loading',
  'inference_unavailable',
  'shutting_down',
  'deadline_exceeded',
  'inference_failed',
] as const satisfies ErrorCode[];

/** What every inference call may answer besides its result. */
export const INFERENCE_PROBLEMS = problems(
  'no_model',
  'model_not_found',
  'invalid_label',
  'invalid_latent',
  'too_many_images',
  'sheet_too_large',
  ...CALL_CODES,
);

/** The same for calls that take images. */
export const IMAGE_PROBLEMS = problems(
  'malformed_json',
  'no_model',
  'model_not_found',
  'invalid_label',
  'invalid_image',
  'too_many_images',
  'sheet_too_large',
  'body_too_large',
  'unsupported_media_type',
  ...CALL_CODES,
);
