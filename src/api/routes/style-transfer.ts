import { z } from 'zod';
import { type LabelReference, StyleTransferRequest, StyleTransfers } from '../../core/contracts/inference.ts';
import type { ModelRecord } from '../../core/contracts/model.ts';
import { invalidField, type StylographError } from '../../core/errors.ts';
import type { App, RouteDeps } from '../context.ts';
import {
  checkSheet,
  IMAGE_PROBLEMS,
  INFERENCE_HEADERS,
  JSON_FIRST,
  plainPng,
  SheetQuery,
  sendAnswer,
  toSheet,
} from '../inference/answer.ts';
import { type EncodedImage, type InferenceCall, ModelQuery } from '../inference/call.ts';
import {
  acceptImages,
  IMAGE_TYPES,
  ImageQuery,
  labelOf,
  startImageCall,
} from '../inference/encode-inputs.ts';
import { pngOrJson } from '../schemas.ts';

/** Most images that one style transfer makes. */
const MAX_TRANSFERS = 4_096;

export function styleTransferRoutes(app: App, deps: RouteDeps): void {
  acceptImages(app, deps.limits);
  app.post(
    '/style-transfer',
    {
      config: { produces: JSON_FIRST, scope: 'infer' },
      schema: {
        operationId: 'styleTransfer',
        tags: ['inference'],
        summary: 'Generate other labels in the style of images',
        description:
          'Each image is encoded under its own label and decoded under each target label. With `average`, all images are samples of one style.',
        querystring: z.strictObject({ ...ModelQuery, ...ImageQuery, ...SheetQuery }),
        body: { content: { 'application/json': { schema: StyleTransferRequest } } },
        response: {
          200: pngOrJson(StyleTransfers, 'As a PNG: a row per style and a column per target.'),
          ...IMAGE_PROBLEMS,
        },
        'x-doc': { headers: INFERENCE_HEADERS, bodyTypes: IMAGE_TYPES },
      },
    },
    async (request, reply) => {
      const { call, inputs } = await startImageCall(deps, reply, request.query);
      const { model } = call;
      const { average = false, targets } = fieldsOf(request.body);
      const rows = targetLabels(call, targets, average ? 1 : inputs.length);
      const columns = Math.max(...rows.map(({ length }) => length));
      checkSheet(reply, call, request.query, rows.length * columns, columns);
      const styles = stylesOf(await call.encode(inputs), average);
      const results = await transfer(call, styles, rows);
      const make = {
        png: () => {
          const blank = new Uint8Array(inputs[0]!.pixels.length);
          const images = results.flatMap((row) =>
            Array.from({ length: columns }, (_, i) => row[i]?.pixels ?? blank),
          );
          return toSheet(model, images, columns, request.query);
        },
        json: () => ({
          modelId: model.id,
          results: styles.map((style, i) => ({
            ...describeStyle(model, style, average),
            images: results[i]!.map(({ label, pixels }) => ({
              label: model.image.labels[label]!,
              png: plainPng(model, pixels).toString('base64'),
            })),
          })),
        }),
      };
      return await sendAnswer(reply, call, make);
    },
  );
}

type Fields = Pick<z.infer<typeof StyleTransferRequest>, 'average' | 'targets'>;

/** The fields of a JSON body; the bytes of an image have none. */
const fieldsOf = (body: unknown): Fields => (Buffer.isBuffer(body) ? {} : (body as Fields));

/**
 * Indices of the labels to generate in each of `count` styles; every label without `targets`.
 * @throws invalid_label, validation_failed
 */
function targetLabels(call: InferenceCall, targets: Fields['targets'], count: number): number[][] {
  const every = call.model.image.labels.map((_, index) => index);
  const indices = (references: LabelReference[]): number[] =>
    references.map((reference) => call.labelIndex(reference));

  let rows: number[][];
  if (targets === undefined) rows = Array.from({ length: count }, () => every);
  else if (isPerStyle(targets)) {
    if (targets.length !== count) {
      throw invalidTargets(`must be one list, or one list per result: ${count}, but has ${targets.length}`);
    }
    rows = targets.map(indices);
  } else {
    const row = indices(targets);
    rows = Array.from({ length: count }, () => row);
  }
  const total = rows.reduce((sum, { length }) => sum + length, 0);
  if (total > MAX_TRANSFERS) {
    throw invalidTargets(`ask for ${total} images; the most per call is ${MAX_TRANSFERS}`);
  }
  return rows;
}

const isPerStyle = (targets: LabelReference[] | LabelReference[][]): targets is LabelReference[][] =>
  Array.isArray(targets[0]);

const invalidTargets = (message: string): StylographError => invalidField('body.targets', message);

/** A style: the mean of one or several encoded images. */
interface Style {
  mean: Float32Array;
  sources: EncodedImage[];
}

/** One style per image, or one style for all of them. */
function stylesOf(encoded: EncodedImage[], average: boolean): Style[] {
  return average
    ? [{ mean: meanOf(encoded.map(({ mean }) => mean)), sources: encoded }]
    : encoded.map((source) => ({ mean: source.mean, sources: [source] }));
}

function meanOf(vectors: readonly Float32Array[]): Float32Array {
  const length = vectors[0]?.length ?? 0;
  return Float32Array.from({ length }, (_, i) => {
    return vectors.reduce((sum, vector) => sum + vector[i]!, 0) / vectors.length;
  });
}

/** Decodes each style under its row of labels. */
async function transfer(call: InferenceCall, styles: Style[], rows: number[][]) {
  const inputs = styles.flatMap(({ mean }, i) =>
    rows[i]!.map((label) => ({ label, latent: mean, seed: null })),
  );
  const images = await call.decode(inputs);
  return rows.map((row) => images.splice(0, row.length));
}

function describeStyle(model: ModelRecord, { mean, sources }: Style, average: boolean) {
  const [first] = sources;
  return {
    source: { ...labelOf(model, first!), mean: Array.from(mean) },
    ...(average && {
      sources: sources.map((source) => ({ ...labelOf(model, source), mean: Array.from(source.mean) })),
    }),
  };
}
