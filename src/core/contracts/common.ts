import { ulid } from 'ulid';
import { z } from 'zod';

const ULID = '[0-9A-HJKMNP-TV-Z]{26}';

export const RunId = z
  .string()
  .regex(new RegExp(`^run_${ULID}$`), 'must look like run_ followed by 26 characters')
  .meta({
    description: 'Identifier of a run; sorts by creation time.',
    example: 'run_01JD9YQ7M2T4V6X8Z0B2D4F6H8',
  });
export const ModelId = z
  .string()
  .regex(new RegExp(`^mdl_${ULID}$`), 'must look like mdl_ followed by 26 characters')
  .meta({
    description: 'Identifier of a model; sorts by creation time.',
    example: 'mdl_01JD9YQ7M2T4V6X8Z0B2D4F6H8',
  });
export const Alias = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{0,62}$/,
    'must start with a letter and contain only a-z, 0-9 and - (at most 63 characters)',
  )
  .meta({ description: 'A name that points to a model.', example: 'latest' });
/** An alias that clients may set. Aliases that start with `latest` follow the newest model automatically. */
export const SettableAlias = z
  .string()
  .regex(/^(?!latest)[a-z][a-z0-9-]{0,62}$/, {
    error:
      'must start with a letter, contain only a-z, 0-9 and - (at most 63 characters), and not start with "latest": such aliases follow the newest model automatically',
  })
  .meta({ description: 'A name of your choice that points to a model.', example: 'studio' });
export const ModelReference = z
  .union([ModelId, Alias])
  .meta({ description: 'A model id, or an alias such as `latest`.', example: 'latest' });
export const Timestamp = z.iso
  .datetime()
  .meta({ description: 'ISO 8601, UTC.', example: '2026-11-24T12:00:00.000Z' });
export const Digest = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .meta({
    description: 'SHA-256, hexadecimal.',
    example: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  });

export const newRunId = (): string => `run_${ulid()}`;
export const newModelId = (): string => `mdl_${ulid()}`;

export interface Page<T> {
  items: T[];
  /** `cursor` for the next page; null on the last page. */
  nextCursor: string | null;
}
