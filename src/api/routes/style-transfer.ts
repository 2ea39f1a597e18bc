import { z } from 'zod';
import { StyleTransferRequest, StyleTransfers } from '../../core/contracts/inference.ts';
import type { ModelRecord } from '../../core/contracts/model.ts';
import { type ApiDeps, limitsOf } from '../deps.ts';
import { LookQuery, lookOf, sendAnswer } from '../inference/answer.ts';
import { ModelQuery } from '../inference/model.ts';
import { checkSheet, decodeWishes, plainPng, toSheet } from '../inference/pictures.ts';
import {
  acceptImages,
  type Encoded,
  encodeSources,
  IMAGE_TYPES,
  labelOf,
  ReceiveQuery,
  receiveImages,
} from '../inference/received.ts';
import { IMAGE_PROBLEMS, INFERENCE_HEADERS, JSON_FIRST } from '../inference/route.ts';
import { chosenTargets } from '../inference/targets.ts';
import { pngOrJson } from '../schemas.ts';
import { type App, beginCall } from './context.ts';

/** A style that labels are drawn in, and the images it was read from. */
interface Style {
  mean: Float32Array;
  sources: Encoded[];
}

const isAverage = (body: unknown): boolean => (body as { average?: boolean } | null)?.average === true;

/** A style an image, or one of all of them. */
function stylesOf(encoded: Encoded[], average: boolean): Style[] {
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

function describe(model: ModelRecord, { mean, sources }: Style, average: boolean) {
  const [first] = sources;
  return {
    source: { ...labelOf(model, first!), mean: Array.from(mean) },
    ...(average && {
      sources: sources.map((source) => ({ ...labelOf(model, source), mean: Array.from(source.mean) })),
    }),
  };
}

export async function styleTransferRoutes(app: App, deps: ApiDeps): Promise<void> {
  const limits = limitsOf(deps);
  acceptImages(app, limits);
  app.post(
    '/style-transfer',
    {
      config: { produces: JSON_FIRST, scope: 'infer' },
      schema: {
        operationId: 'styleTransfer',
        tags: ['inference'],
        summary: 'Other labels in the style of images',
        description:
          'Each image is encoded under its own label and decoded under each target. With `average` all images are samples of one style.',
        querystring: z.strictObject({ ...ModelQuery, ...ReceiveQuery, ...LookQuery }),
        body: { content: { 'application/json': { schema: StyleTransferRequest } } },
        response: {
          200: pngOrJson(StyleTransfers, 'As a PNG, a row a style and a column a target.'),
          ...IMAGE_PROBLEMS,
        },
        'x-doc': { headers: INFERENCE_HEADERS, bodyTypes: IMAGE_TYPES },
      },
    },
    async (request, reply) => {
      const calling = await beginCall(deps, reply, request.query.model);
      const { model, stopwatch } = calling;
      const average = isAverage(request.body);
      const sources = await receiveImages(calling, request, request.query, limits);
      const targets = chosenTargets(model, request.body, average ? 1 : sources.length);
      const columns = Math.max(...targets.map(({ length }) => length));
      checkSheet(calling, request.query, targets.length * columns, columns);
      const styles = stylesOf(await encodeSources(calling, sources), average);
      const wishes = styles.flatMap(({ mean }, i) =>
        targets[i]!.map((label) => ({ label, latent: mean, seed: null })),
      );
      const pictures = await decodeWishes(calling, wishes);
      const rows = targets.map((row) => pictures.splice(0, row.length));
      const make = {
        png: () => {
          const blank = new Uint8Array(sources[0]!.pixels.length);
          const images = rows.flatMap((row) =>
            Array.from({ length: columns }, (_, i) => row[i]?.pixels ?? blank),
          );
          return toSheet(model, images, columns, lookOf(request.query));
        },
        json: () => ({
          modelId: model.id,
          results: styles.map((style, i) => ({
            ...describe(model, style, average),
            images: rows[i]!.map((picture) => ({
              label: model.image.labels[picture.label]!,
              png: plainPng(model, picture.pixels).toString('base64'),
            })),
          })),
        }),
      };
      return sendAnswer(request, reply, make, stopwatch);
    },
  );
}
