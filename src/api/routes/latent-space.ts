import { z } from 'zod';
import { GeneratedImages, InterpolateRequest, Manifold } from '../../core/contracts/inference.ts';
import { manifoldAxis, manifoldGrid } from '../../core/contracts/manifold.ts';
import type { ModelRecord } from '../../core/contracts/model.ts';
import { drawSeed, interpolate, latentFromSeed } from '../../serving/latents.ts';
import type { ApiDeps } from '../deps.ts';
import { LookQuery, lookOf, sendAnswer } from '../inference/answer.ts';
import { checkedLatent, labelIndex, ModelQuery } from '../inference/model.ts';
import {
  checkSheet,
  decodeWishes,
  toJson,
  toPicture,
  toPng,
  toSheet,
  type Wish,
} from '../inference/pictures.ts';
import { INFERENCE_HEADERS, INFERENCE_PROBLEMS, JSON_FIRST, PNG_FIRST } from '../inference/route.ts';
import { NOT_MODIFIED, pngOrJson, queryInt, withDefault } from '../schemas.ts';
import { type App, beginCall } from './context.ts';

const DEFAULT_STEPS = 10;

type End = z.infer<typeof InterpolateRequest>['from'];

/** One end of a way through the latent space. @throws invalid_label, invalid_latent */
function endOf(model: ModelRecord, { label, latent, seed: given }: End): Wish {
  const seed = latent === undefined ? (given ?? drawSeed()) : null;
  return {
    label: labelIndex(model, label),
    seed,
    latent: latent === undefined ? latentFromSeed(seed!, model.latentDim) : checkedLatent(model, latent),
  };
}

/** From one end to the other; where their labels differ, the label changes half-way. */
function wayBetween(from: Wish, to: Wish, steps: number, method: 'spherical' | 'linear'): Wish[] {
  return interpolate(from.latent, to.latent, steps, method).map((latent, i) => {
    if (i === 0) return from;
    if (i === steps - 1) return to;
    return { latent, label: i < steps / 2 ? from.label : to.label, seed: null };
  });
}

export async function latentSpaceRoutes(app: App, deps: ApiDeps): Promise<void> {
  app.get(
    '/manifold',
    {
      config: { produces: PNG_FIRST, scope: 'infer' },
      schema: {
        operationId: 'manifold',
        tags: ['inference'],
        summary: 'The first two latent dimensions of a label as a grid',
        description:
          'Columns follow the first dimension, rows the second, on quantiles of N(0, 1) from 5 % to 95 %; all others are 0.',
        querystring: z.strictObject({
          ...ModelQuery,
          label: z
            .string()
            .min(1)
            .max(64)
            .meta({ description: 'A label by name, or else by index.', example: '3' }),
          size: withDefault(queryInt(2, 40, 'Images a side.'), 15),
          ...LookQuery,
        }),
        response: {
          200: pngOrJson(Manifold, 'The grid as one sheet, or as JSON.'),
          304: NOT_MODIFIED,
          ...INFERENCE_PROBLEMS,
        },
        'x-doc': { headers: [...INFERENCE_HEADERS, 'ETag'] },
      },
    },
    async (request, reply) => {
      const { query } = request;
      const { size } = query;
      const calling = await beginCall(deps, reply, query.model);
      const { model, stopwatch } = calling;
      const label = labelIndex(model, query.label);
      checkSheet(calling, query, size * size, size);
      const grid = manifoldGrid(size, model.latentDim);
      const wishes = Array.from({ length: size * size }, (_, i) => ({
        label,
        latent: grid.subarray(i * model.latentDim, (i + 1) * model.latentDim),
        seed: null,
      }));
      const pictures = await decodeWishes(calling, wishes);
      const name = model.image.labels[label]!;
      const make = {
        png: () => {
          const images = pictures.map(({ pixels }) => pixels);
          return toSheet(model, images, size, lookOf(query), { label: name });
        },
        json: () => {
          const pngs = pictures.map((picture) => toPng(model, picture).toString('base64'));
          const rows = Array.from({ length: size }, (_, row) => pngs.slice(row * size, (row + 1) * size));
          return { modelId: model.id, label: name, size, grid: manifoldAxis(size), images: rows };
        },
      };
      return sendAnswer(request, reply, make, stopwatch, { deterministic: true, reference: query.model });
    },
  );

  app.post(
    '/interpolate',
    {
      config: { produces: JSON_FIRST, scope: 'infer' },
      schema: {
        operationId: 'interpolate',
        tags: ['inference'],
        summary: 'Images on the way between two latents',
        description:
          'An end is a latent, a seed, or drawn afresh. Where the labels differ, the label changes half-way.',
        querystring: z.strictObject({
          ...ModelQuery,
          method: z.enum(['spherical', 'linear']).default('spherical').meta({
            description: '`spherical` keeps to the lengths that prior samples have.',
          }),
          ...LookQuery,
        }),
        body: InterpolateRequest,
        response: {
          200: pngOrJson(GeneratedImages, 'The images in order, ends included.'),
          ...INFERENCE_PROBLEMS,
        },
        'x-doc': { headers: INFERENCE_HEADERS },
      },
    },
    async (request, reply) => {
      const { from, to, steps = DEFAULT_STEPS } = request.body;
      const calling = await beginCall(deps, reply, request.query.model);
      const { model, stopwatch } = calling;
      checkSheet(calling, request.query, steps, steps);
      const way = wayBetween(endOf(model, from), endOf(model, to), steps, request.query.method);
      const pictures = await decodeWishes(calling, way);
      const make = {
        png: () => toPicture(model, pictures, lookOf(request.query), steps),
        json: () => ({ modelId: model.id, images: pictures.map((picture) => toJson(model, picture)) }),
      };
      return sendAnswer(request, reply, make, stopwatch);
    },
  );
}
