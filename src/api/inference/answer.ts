import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { ModelId } from '../../core/contracts/common.ts';
import type { GeneratedImage } from '../../core/contracts/inference.ts';
import type { ModelRecord } from '../../core/contracts/model.ts';
import { StylographError } from '../../core/errors.ts';
import { encodePng, encodePngAsync } from '../../data/images/png.ts';
import { sheetSize, tileImages } from '../../data/images/tiling.ts';
import { isNotModified } from '../etag.ts';
import type { RouteDoc } from '../openapi.ts';
import { problems } from '../problem.ts';
import { queryBoolean, queryInt, withDefault } from '../schemas.ts';
import { CALL_CODES, type DecodedImage, type DecodeInput, type InferenceCall } from './call.ts';

/** Media types of an answer, the default first. */
export const PNG_FIRST = ['image/png', 'application/json'];
export const JSON_FIRST = ['application/json', 'image/png'];

/** Headers of every inference answer. */
export const INFERENCE_HEADERS: NonNullable<RouteDoc['headers']> = [
  'X-Model-Id',
  'Cache-Control',
  'Server-Timing',
];

/** Error responses of calls that take labels, seeds or latents. */
export const INFERENCE_PROBLEMS = problems(
  'no_model',
  'model_not_found',
  'invalid_label',
  'invalid_latent',
  'too_many_images',
  'sheet_too_large',
  ...CALL_CODES,
);

/** Error responses of calls that take images. */
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

export const SheetQuery = {
  format: z
    .enum(['png', 'json'])
    .optional()
    .meta({ description: 'Media type of the answer, instead of an Accept header.' }),
  invert: withDefault(queryBoolean('Black ink on white, for PNG answers.'), false),
  scale: withDefault(queryInt(1, 16, 'Screen pixels per image pixel, for PNG answers.'), 1),
};

export interface SheetOptions {
  invert: boolean;
  scale: number;
}

const squareColumns = (count: number): number => Math.ceil(Math.sqrt(count));

/** Call it before the images are computed. JSON answers have no sheet. @throws sheet_too_large */
export function checkSheet(
  reply: FastifyReply,
  { model, limits }: InferenceCall,
  { scale }: SheetOptions,
  count: number,
  columns = squareColumns(count),
): void {
  if (reply.request.answerType !== 'image/png') return;
  const { width, height } = sheetSize(count, { ...shapeOf(model), columns, scale });
  if (width * height <= limits.sheetPixels) return;
  throw new StylographError(
    'sheet_too_large',
    `The sheet would have ${width}×${height} pixels, but SHEET_PIXELS allows ${limits.sheetPixels}. ` +
      'Ask for a smaller "scale", for fewer images ("size" or "count"), or for JSON.',
  );
}

/**
 * Sends PNG or JSON, as negotiated, with timing and caching headers.
 * @param repeatable the same request always gets the same answer
 */
export async function sendAnswer(
  reply: FastifyReply,
  call: InferenceCall,
  make: { png(): Buffer | Promise<Buffer>; json(): unknown },
  { repeatable = false } = {},
): Promise<FastifyReply> {
  const start = performance.now();
  const isPng = reply.request.answerType === 'image/png';
  const body = isPng ? await make.png() : JSON.stringify(make.json());
  reply.header('server-timing', call.serverTiming(performance.now() - start));
  reply.type(isPng ? 'image/png' : 'application/json; charset=utf-8');
  if (!repeatable) return reply.header('cache-control', 'no-store').send(body);
  const audience = reply.request.headers.authorization === undefined ? 'public' : 'private';
  // An alias may move; an id always means the same weights.
  const isPinned = ModelId.safeParse(call.reference).success;
  const cacheControl = isPinned ? `${audience}, max-age=31536000, immutable` : `${audience}, no-cache`;
  return isNotModified(reply, body, cacheControl) ? reply.code(304).send() : reply.send(body);
}

/** Sends decoded images as one PNG, or as JSON with a PNG each. @param columns of the sheet; default: a square */
export async function sendImages(
  reply: FastifyReply,
  call: InferenceCall,
  images: DecodedImage[],
  options: SheetOptions & { columns?: number; repeatable?: boolean },
): Promise<FastifyReply> {
  const { model } = call;
  const make = {
    png: () => toSinglePng(model, images, options, options.columns),
    json: () => ({ modelId: model.id, images: images.map((image) => toJson(model, image)) }),
  };
  return await sendAnswer(reply, call, make, options);
}

/** One image as a PNG. Its text chunks say how to make it again. */
export const toPng = (model: ModelRecord, image: DecodedImage): Buffer =>
  encodePng(image.pixels, { ...shapeOf(model), text: recipe(model, image) });

/** A PNG without text chunks, for an image that has no latent of its own. */
export const plainPng = (model: ModelRecord, pixels: Uint8Array): Buffer => encodePng(pixels, shapeOf(model));

const toJson = (model: ModelRecord, image: DecodedImage): GeneratedImage => ({
  label: model.image.labels[image.label]!,
  seed: image.seed,
  latent: Array.from(image.latent),
  png: toPng(model, image).toString('base64'),
});

/** Images side by side, row by row. @param text text chunks of the sheet */
export async function toSheet(
  model: ModelRecord,
  images: Uint8Array[],
  columns: number,
  { invert, scale }: SheetOptions,
  text: Record<string, string> = {},
): Promise<Buffer> {
  const sheet = tileImages(images, { ...shapeOf(model), columns, invert, scale });
  return await encodePngAsync(sheet.pixels, {
    ...sheet,
    text: { Software: 'Stylograph', digest: model.digest, ...text },
  });
}

/** One image at its own size, or a sheet of several or scaled images. */
async function toSinglePng(
  model: ModelRecord,
  decoded: DecodedImage[],
  options: SheetOptions,
  columns = squareColumns(decoded.length),
): Promise<Buffer> {
  const [first] = decoded;
  const images = decoded.map(({ pixels }) => pixels);
  if (decoded.length === 1) {
    const isPlain = options.scale === 1 && !options.invert;
    return isPlain ? toPng(model, first!) : await toSheet(model, images, 1, options, recipe(model, first!));
  }
  const list = (values: unknown[]): string => [...new Set(values)].join(' ');
  return await toSheet(model, images, columns, options, {
    label: list(decoded.map(({ label }) => model.image.labels[label])),
    ...(decoded.every(({ seed }) => seed !== null) ? { seed: list(decoded.map(({ seed }) => seed)) } : {}),
    ...truncationText(first?.truncation),
  });
}

/** Text chunks that say how to make the image again. */
function recipe(
  model: ModelRecord,
  { label, seed, truncation, latent }: DecodeInput,
): Record<string, string> {
  return {
    Software: 'Stylograph',
    digest: model.digest,
    label: model.image.labels[label]!,
    ...(seed === null ? { latent: JSON.stringify(Array.from(latent)) } : { seed: String(seed) }),
    ...truncationText(truncation),
  };
}

const truncationText = (truncation = 1): Record<string, string> =>
  truncation === 1 ? {} : { truncation: String(truncation) };

const shapeOf = ({ image: { width, height, channels } }: ModelRecord) => ({ width, height, channels });
