import { z } from 'zod';
import { ModelReference, type Page } from '../core/contracts/common.ts';

export const NoQuery = z.strictObject({});

/** A run in a path. */
export const RunParams = z.strictObject({
  run: z.string().meta({ description: 'The id of a run.', example: 'run_01JD9YQ7M2T4V6X8Z0B2D4F6H8' }),
});

/** A model in a path, by id or alias. */
export const ModelParams = z.strictObject({
  model: z.string().meta({ description: ModelReference.meta()?.description ?? '', example: 'latest' }),
});

/** Only digits: `z.coerce` would read an empty string as 0. */
const toNumber = (text: unknown): unknown =>
  typeof text === 'string' && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;

const toBoolean = (text: unknown): unknown => (text === 'true' ? true : text === 'false' ? false : text);

export const queryInt = (min: number, max: number, description: string) =>
  z.preprocess(toNumber, z.int().min(min).max(max)).meta({ description });

export const queryNumber = (min: number, max: number, description: string) =>
  z.preprocess(toNumber, z.number().min(min).max(max)).meta({ description });

/** Adds a default value, and states it in the description: preprocessed schemas lose JSON Schema's `default`. */
export const withDefault = <T extends z.ZodType>(schema: T, value: z.core.util.NoUndefined<z.output<T>>) =>
  z._default(schema, value).meta({ description: `${schema.meta()?.description} Default ${value}.` });

/** `true` or `false`, nothing else. */
export const queryBoolean = (description: string) =>
  z.preprocess(toBoolean, z.boolean()).meta({ description });

/** `?limit=&cursor=` of a list. @param cursor schema of its cursors */
export const pageQuery = <T extends z.ZodType>(cursor: T) => ({
  limit: withDefault(queryInt(1, 200, 'Most items per page.'), 50),
  cursor: cursor.optional().meta({ description: '`nextCursor` of the previous page.' }),
});

/** Cursor of a list in the order of whole numbers. */
export const NumberCursor = z.string().regex(/^\d{1,9}$/, 'must be the nextCursor of the previous page');

/** One page of a complete list. @param all items in ascending order of `keyOf` */
export function slicePage<T>(
  all: readonly T[],
  { limit, cursor }: { limit: number; cursor?: string | undefined },
  keyOf: (item: T) => string,
): Page<T> {
  const rest = cursor === undefined ? all : all.filter((item) => keyOf(item) > cursor);
  const items = rest.slice(0, limit);
  return { items, nextCursor: rest.length > limit ? keyOf(items.at(-1)!) : null };
}

export const page = <T extends z.ZodType>(item: T, id: string) =>
  z
    .strictObject({
      items: z.array(item),
      nextCursor: z
        .string()
        .nullable()
        .meta({ description: '`cursor` for the next page; null on the last page.' }),
    })
    .meta({ id });

/** A response with a JSON body. */
export const json = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});

/** Bytes of a media type, as OpenAPI 3.1 describes them. */
export const binary = (mediaType: string) => z.unknown().meta({ contentMediaType: mediaType });

/** A response that is a PNG or JSON, as negotiated. */
export const pngOrJson = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { 'application/json': { schema }, 'image/png': { schema: binary('image/png') } },
});

/** A response without a body. */
export const empty = (description: string) => z.undefined().meta({ description });

export const NOT_MODIFIED = empty('The client has the current version: If-None-Match named its ETag.');
