import { z } from 'zod';
import { StylographError } from '../../core/errors.ts';
import { HALVES, type Half } from './models.ts';

const name = z.string().min(1).max(64).meta({ description: '`encoder` or `decoder`.', example: 'decoder' });
const version = z
  .string()
  .min(1)
  .max(64)
  .meta({ description: 'A model by its id or an alias.', example: 'latest' });

export interface Form {
  path: string;
  /** Part of its operations' ids. */
  id: string;
  params: z.ZodType<{ name: string; version?: string }>;
}
/** The protocol has each path with and without a version. */
export const FORMS: Form[] = [
  { path: '/v2/models/:name', id: '', params: z.strictObject({ name }) },
  { path: '/v2/models/:name/versions/:version', id: 'Version', params: z.strictObject({ name, version }) },
];
export const DEFAULT_VERSION = 'latest';

/** @throws model_not_found naming those there are */
export function halfOf(name: string): Half {
  if (Object.hasOwn(HALVES, name)) return HALVES[name as keyof typeof HALVES];
  throw new StylographError(
    'model_not_found',
    `There is no model "${name}" here; there are ${Object.keys(HALVES).join(' and ')}, and GET /models lists their versions.`,
  );
}
