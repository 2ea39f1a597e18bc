import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { isBuiltIn } from '../../core/contracts/built-in.ts';
import type { EncodeRequest, ImageInput, LabelReference } from '../../core/contracts/inference.ts';
import type { ModelRecord } from '../../core/contracts/model.ts';
import { type FieldError, invalidField, StylographError } from '../../core/errors.ts';
import { decodeImage } from '../../data/images/decode.ts';
import { imageFromPixels } from '../../data/images/json-pixels.ts';
import { type NormalizeMode, normalizeImage } from '../../data/images/normalize.ts';
import type { ApiLimits } from '../deps.ts';
import { labelIndex } from './model.ts';
import type { Calling } from './pictures.ts';

export const IMAGE_TYPES = ['image/png', 'image/jpeg', 'image/webp'];

export const ReceiveQuery = {
  normalize: z.enum(['auto', 'none']).default('auto').meta({
    description:
      "`auto` brings any picture to the dataset's form (size, position, polarity): for MNIST and Fashion-MNIST the ink is cropped and centred as theirs, for your own datasets the whole picture is fitted, inverted where it is dark ink on paper. `none` only resizes.",
  }),
  label: z.string().min(1).max(64).optional().meta({
    description: 'Label of an image sent as the body; inferred when not given.',
  }),
};

/** Lets the routes of a plugin take the bytes of one image as the body. */
export function acceptImages(app: Pick<FastifyInstance, 'addContentTypeParser'>, limits: ApiLimits): void {
  app.addContentTypeParser(
    IMAGE_TYPES,
    { parseAs: 'buffer', bodyLimit: limits.imageBytes },
    (_request: unknown, body: Buffer, done: (error: null, body: Buffer) => void) => done(null, body),
  );
}

/** An image of the request in the model's form. */
export interface Source {
  pixels: Uint8Array;
  /** Index. */
  label: number;
  labelInferred: boolean;
  /** Share of belief a label index, when it was inferred. */
  scores?: Float64Array;
}

interface Body {
  images: ImageInput[] | [Buffer];
  labels?: (LabelReference | null)[] | undefined;
}

/** The body of a request, bytes of an image or JSON, in one form. */
function bodyOf(request: FastifyRequest, label: string | undefined): Body {
  const { body } = request;
  if (Buffer.isBuffer(body)) {
    if (body.length === 0) throw invalidField('body', 'is empty; send the bytes of an image');
    return { images: [body], labels: [label ?? null] };
  }
  if (body === undefined || body === null) {
    throw invalidField('body', `is missing; send JSON or ${IMAGE_TYPES.join(', ')}`);
  }
  if (label !== undefined)
    throw invalidField('query.label', 'goes with an image as the body; in JSON use labels');
  const { images, labels } = body as z.infer<typeof EncodeRequest>;
  if (labels && labels.length !== images.length) {
    throw invalidField('body.labels', `must have one entry an image: ${images.length}, not ${labels.length}`);
  }
  return { images, labels };
}

async function readImage(image: ImageInput | Buffer, limits: ApiLimits, budget: { pixels: number }) {
  if ('pixels' in image) return imageFromPixels(image.pixels, limits.imagePixels);
  const bytes = Buffer.isBuffer(image) ? image : Buffer.from(image.png, 'base64');
  return await decodeImage(bytes, { maxBytes: limits.imageBytes, maxPixels: limits.imagePixels, budget });
}

/** Belief in each label: softmax of the log-evidences. */
export function softmax(scores: Float32Array): Float64Array {
  const highest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const shares = Float64Array.from(scores, (score) => Math.exp(score - highest));
  const sum = shares.reduce((a, b) => a + b, 0);
  return shares.map((share) => share / sum);
}

/**
 * Decodes and normalises the images of a request, and infers the labels that were not given.
 * @throws invalid_image naming which, invalid_label, validation_failed
 */
export async function receiveImages(
  calling: Calling,
  request: FastifyRequest,
  query: { normalize: NormalizeMode; label?: string | undefined },
  limits: ApiLimits,
): Promise<Source[]> {
  const { model } = calling;
  const { images, labels } = bodyOf(request, query.label);
  const given = images.map((_, i) => (labels?.[i] == null ? null : labelIndex(model, labels[i])));
  const framing = isBuiltIn(model.dataset) ? 'boxed' : 'whole';
  const sources: Source[] = [];
  const budget = { pixels: limits.callPixels };
  for (const [i, image] of images.entries()) {
    try {
      calling.signal.throwIfAborted();
      const raster = await readImage(image, limits, budget);
      const pixels = await normalizeImage(raster, model.image, query.normalize, framing);
      sources.push({ pixels, label: given[i] ?? 0, labelInferred: given[i] === null });
    } catch (error) {
      throw named(error, images.length, i);
    }
  }
  await inferLabels(calling, sources);
  return sources;
}

/** Says which of several images is meant. */
function named(error: unknown, count: number, i: number): unknown {
  if (!(error instanceof StylographError) || count === 1) return error;
  const errors: FieldError[] = [{ path: `body.images.${i}`, message: error.message }];
  return new StylographError(error.code, `Image ${i}: ${error.message}`, { errors, cause: error });
}

/** Gives every source without a label the one under which the model explains it best. */
export async function inferLabels(
  { model, inference, stopwatch, signal }: Calling,
  sources: Source[],
): Promise<void> {
  const unknown = sources.filter(({ labelInferred }) => labelInferred);
  if (unknown.length === 0) return;
  const { scores, timings } = await inference.explain(model, joinPixels(unknown), { signal });
  stopwatch.add(timings);
  const labels = model.image.labels.length;
  for (const [i, source] of unknown.entries()) {
    source.scores = softmax(scores.subarray(i * labels, (i + 1) * labels));
    source.label = source.scores.indexOf(Math.max(...source.scores));
  }
}

const joinPixels = (sources: readonly Source[]): Uint8Array =>
  Buffer.concat(sources.map(({ pixels }) => pixels));

/** A source with its place in the latent space. */
export interface Encoded extends Source {
  mean: Float32Array;
  logVar: Float32Array;
}

/** Encodes each source under its label. */
export async function encodeSources(
  { model, inference, stopwatch, signal }: Calling,
  sources: readonly Source[],
): Promise<Encoded[]> {
  const labels = Int32Array.from(sources, ({ label }) => label);
  const { mean, logVar, timings } = await inference.encode(model, joinPixels(sources), labels, { signal });
  stopwatch.add(timings);
  const at = (values: Float32Array, i: number): Float32Array =>
    values.subarray(i * model.latentDim, (i + 1) * model.latentDim);
  return sources.map((source, i) => ({ ...source, mean: at(mean, i), logVar: at(logVar, i) }));
}

/** What an answer says of an image's label. */
export const labelOf = (model: ModelRecord, { label, labelInferred }: Source) => ({
  label: model.image.labels[label]!,
  labelInferred,
});
