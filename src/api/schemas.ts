import { z } from 'zod';
import type { Page } from '../core/contracts/common.ts';

/** Digits only: `z.coerce` would read an empty string as 0. */
const toNumber = (text: unknown): unknown =>
  typeof text === 'string' && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;

const toBoolean = (text: unknown): unknown => (text === 'true' ? true : text === 'false' ? false : text);

/** A whole number in a query string; out of range is refused. */
export const queryInt = (min: number, max: number, description: string) =>
  z.preprocess(toNumber, z.int().min(min).max(max)).meta({ description });

export const queryNumber = (min: number, max: number, description: string) =>
  z.preprocess(toNumber, z.number().min(min).max(max)).meta({ description });

/** With a value for when it is not given. The text says which: JSON Schema's `default` is lost on what is parsed. */
export const withDefault = <T extends z.ZodType>(schema: T, value: z.output<T> & {}) =>
  schema.default(value as never).meta({ description: `${schema.meta()?.description} Default ${value}.` });

/** `true` or `false`, nothing else. */
export const queryBoolean = (description: string) =>
  z.preprocess(toBoolean, z.boolean()).meta({ description });

/** `?limit=&cursor=` of a list whose cursors are of a kind. */
export const pageQuery = <T extends z.ZodType>(cursor: T) => ({
  limit: withDefault(queryInt(1, 200, 'Most items of a page.'), 50),
  cursor: cursor.optional().meta({ description: "A former page's `nextCursor`." }),
});

/** One page of a list that is there in full; its order is that of `keyOf`, ascending. */
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
        .meta({ description: 'The `cursor` of the next page; null on the last.' }),
    })
    .meta({ id });

export const NoQuery = z.strictObject({});

/** A response with a JSON body. */
export const json = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { 'application/json': { schema } },
});

/** Bytes of a media type, as OpenAPI 3.1 describes them. */
export const binary = (mediaType: string) => z.unknown().meta({ contentMediaType: mediaType });

/** A response that is a PNG or JSON, as the client asked. */
export const pngOrJson = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { 'application/json': { schema }, 'image/png': { schema: binary('image/png') } },
});

/** A response without a body. */
export const empty = (description: string) => z.undefined().meta({ description });

export const NOT_MODIFIED = empty('The client has it already: If-None-Match named its ETag.');
