import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { isBuiltIn } from '../../core/contracts/built-in.ts';
import type { EncodeRequest, ImageInput, LabelReference } from '../../core/contracts/inference.ts';
import type { ModelRecord } from '../../core/contracts/model.ts';
import { type FieldError, invalidField, StylographError } from '../../core/errors.ts';
import { decodeImage } from '../../data/images/decode.ts';
import { imageFromPixels } from '../../data/images/json-pixels.ts';
import { type NormalizeMode, normalizeImage } from '../../data/images/normalize.ts';
import type { App, RouteDeps } from '../context.ts';
import type { ApiLimits } from '../deps.ts';
import { type EncodeInput, type InferenceCall, startCall } from './call.ts';

export const IMAGE_TYPES = ['image/png', 'image/jpeg', 'image/webp'];

export const ImageQuery = {
  normalize: z.enum(['auto', 'none']).default('auto').meta({
    description:
      "`auto` brings any picture to the dataset's size, position and polarity. For MNIST and Fashion-MNIST it crops and centres the ink; for your own datasets it fits the whole picture. Dark ink on paper is inverted. `none` only resizes.",
  }),
  label: z.string().min(1).max(64).optional().meta({
    description: 'Label of an image sent as the body; inferred when not given.',
  }),
};

/** Lets the routes of `app` take the bytes of one image as the body. */
export function acceptImages(app: App, limits: ApiLimits): void {
  app.addContentTypeParser<Buffer>(
    IMAGE_TYPES,
    { parseAs: 'buffer', bodyLimit: limits.imageBytes },
    (_request, body, done) => done(null, body),
  );
}

interface Query {
  model: string;
  normalize: NormalizeMode;
  label?: string | undefined;
}

/**
 * Starts a call with the images of its body in the model's form. Labels that were not given are inferred.
 * @throws invalid_image naming the image, invalid_label, validation_failed, and what startCall throws
 */
export async function startImageCall(deps: RouteDeps, reply: FastifyReply, query: Query) {
  const call = await startCall(deps, reply, query.model);
  return { call, inputs: await encodeInputs(call, reply.request.body, query) };
}

async function encodeInputs(call: InferenceCall, body: unknown, query: Query): Promise<EncodeInput[]> {
  const { model, limits } = call;
  const { images, labels } = readBody(body, query.label);
  const given = images.map((_, i) => (labels?.[i] == null ? null : call.labelIndex(labels[i])));
  const framing = isBuiltIn(model.dataset) ? 'boxed' : 'whole';
  const inputs: EncodeInput[] = [];
  const budget = { pixels: limits.callPixels };
  for (const [i, image] of images.entries()) {
    try {
      call.signal.throwIfAborted();
      const raster = await readImage(image, limits, budget);
      const pixels = await normalizeImage(raster, model.image, query.normalize, framing);
      inputs.push({ pixels, label: given[i] ?? 0, labelInferred: given[i] === null });
    } catch (error) {
      throw namingImage(error, images.length, i);
    }
  }
  await call.inferLabels(inputs);
  return inputs;
}

interface Body {
  images: ImageInput[] | [Buffer];
  labels?: (LabelReference | null)[] | undefined;
}

/** A body of JSON or of image bytes in one form. */
function readBody(body: unknown, label: string | undefined): Body {
  if (Buffer.isBuffer(body)) {
    if (body.length === 0) throw invalidField('body', 'is empty; send the bytes of an image');
    return { images: [body], labels: [label ?? null] };
  }
  if (body === undefined || body === null) {
    throw invalidField('body', `is missing; send JSON or ${IMAGE_TYPES.join(', ')}`);
  }
  if (label !== undefined) {
    throw invalidField('query.label', 'applies only to an image sent as the body; in JSON use "labels"');
  }
  const { images, labels } = body as z.infer<typeof EncodeRequest>;
  if (labels && labels.length !== images.length) {
    throw invalidField(
      'body.labels',
      `must have one entry per image: ${images.length}, but has ${labels.length}`,
    );
  }
  return { images, labels };
}

async function readImage(image: ImageInput | Buffer, limits: ApiLimits, budget: { pixels: number }) {
  if ('pixels' in image) return imageFromPixels(image.pixels, limits.imagePixels);
  const bytes = Buffer.isBuffer(image) ? image : Buffer.from(image.png, 'base64');
  return await decodeImage(bytes, { maxBytes: limits.imageBytes, maxPixels: limits.imagePixels, budget });
}

/** The same error, naming which of several images is wrong. */
function namingImage(error: unknown, count: number, i: number): unknown {
  if (!(error instanceof StylographError) || count === 1) return error;
  const errors: FieldError[] = [{ path: `body.images.${i}`, message: error.message }];
  return new StylographError(error.code, `Image ${i}: ${error.message}`, { errors, cause: error });
}

/** An image's label as answers state it. */
export const labelOf = (model: ModelRecord, { label, labelInferred }: EncodeInput) => ({
  label: model.image.labels[label]!,
  labelInferred,
});
