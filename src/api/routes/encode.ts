import { z } from 'zod';
import { EncodedImages, EncodeRequest, Reconstructions } from '../../core/contracts/inference.ts';
import { type ApiDeps, limitsOf } from '../deps.ts';
import { LookQuery, lookOf, sendAnswer } from '../inference/answer.ts';
import { ModelQuery } from '../inference/model.ts';
import { checkSheet, decodeWishes, toPng, toSheet } from '../inference/pictures.ts';
import {
  acceptImages,
  encodeSources,
  IMAGE_TYPES,
  labelOf,
  ReceiveQuery,
  receiveImages,
} from '../inference/received.ts';
import { IMAGE_PROBLEMS, INFERENCE_HEADERS, JSON_FIRST } from '../inference/route.ts';
import { json, pngOrJson } from '../schemas.ts';
import { type App, beginCall } from './context.ts';

/** Most columns of a sheet of reconstructions. */
const COLUMNS = 16;

const jsonOr = <T extends z.ZodType>(schema: T) => ({ content: { 'application/json': { schema } } });
const doc = { headers: INFERENCE_HEADERS, bodyTypes: IMAGE_TYPES };

/** Mean squared error on a scale of 0 to 1. */
function meanSquaredError(a: Uint8Array, b: Uint8Array): number {
  const sum = a.reduce((total, value, i) => total + ((value - b[i]!) / 255) ** 2, 0);
  return sum / a.length;
}

/** Originals above their reconstructions, as many pairs of rows as it takes. */
function pairedRows(originals: Uint8Array[], made: Uint8Array[], columns: number): Uint8Array[] {
  const blank = new Uint8Array(originals[0]!.length);
  const rows: Uint8Array[] = [];
  for (let from = 0; from < originals.length; from += columns) {
    for (const images of [originals, made]) {
      for (let i = from; i < from + columns; i++) rows.push(images[i] ?? blank);
    }
  }
  return rows;
}

export async function encodeRoutes(app: App, deps: ApiDeps): Promise<void> {
  const limits = limitsOf(deps);
  acceptImages(app, limits);

  app.post(
    '/encode',
    {
      config: { scope: 'infer' },
      schema: {
        operationId: 'encode',
        tags: ['inference'],
        summary: 'Latents of images',
        description: 'Send JSON, or one image as the body. A label that is not given is inferred.',
        querystring: z.strictObject({ ...ModelQuery, ...ReceiveQuery }),
        body: jsonOr(EncodeRequest),
        response: { 200: json(EncodedImages, 'One latent an image, in order.'), ...IMAGE_PROBLEMS },
        'x-doc': doc,
      },
    },
    async (request, reply) => {
      const calling = await beginCall(deps, reply, request.query.model);
      const { model, stopwatch } = calling;
      const sources = await receiveImages(calling, request, request.query, limits);
      const encoded = await encodeSources(calling, sources);
      const latents = encoded.map((source) => ({
        mean: Array.from(source.mean),
        logVar: Array.from(source.logVar),
        ...labelOf(model, source),
        ...(source.scores && {
          labelScores: Object.fromEntries(model.image.labels.map((name, i) => [name, source.scores![i]!])),
        }),
      }));
      const make = { png: () => Buffer.alloc(0), json: () => ({ modelId: model.id, latents }) };
      return sendAnswer(request, reply, make, stopwatch);
    },
  );

  app.post(
    '/reconstruct',
    {
      config: { produces: JSON_FIRST, scope: 'infer' },
      schema: {
        operationId: 'reconstruct',
        tags: ['inference'],
        summary: 'Images encoded and decoded again',
        querystring: z.strictObject({ ...ModelQuery, ...ReceiveQuery, ...LookQuery }),
        body: jsonOr(EncodeRequest),
        response: {
          200: pngOrJson(
            Reconstructions,
            'Reconstructions with their errors; as a PNG, each below its original.',
          ),
          ...IMAGE_PROBLEMS,
        },
        'x-doc': doc,
      },
    },
    async (request, reply) => {
      const calling = await beginCall(deps, reply, request.query.model);
      const { model, stopwatch } = calling;
      const sources = await receiveImages(calling, request, request.query, limits);
      const columns = Math.min(COLUMNS, sources.length);
      checkSheet(calling, request.query, 2 * columns * Math.ceil(sources.length / columns), columns);
      const encoded = await encodeSources(calling, sources);
      const wishes = encoded.map(({ label, mean }) => ({ label, latent: mean, seed: null }));
      const pictures = await decodeWishes(calling, wishes);
      const make = {
        png: () => {
          const originals = encoded.map(({ pixels }) => pixels);
          const rows = pairedRows(
            originals,
            pictures.map(({ pixels }) => pixels),
            columns,
          );
          return toSheet(model, rows, columns, lookOf(request.query));
        },
        json: () => ({
          modelId: model.id,
          images: encoded.map((source, i) => ({
            ...labelOf(model, source),
            mean: Array.from(source.mean),
            error: meanSquaredError(source.pixels, pictures[i]!.pixels),
            png: toPng(model, pictures[i]!).toString('base64'),
          })),
        }),
      };
      return sendAnswer(request, reply, make, stopwatch);
    },
  );
}
