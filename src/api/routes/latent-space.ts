import { z } from 'zod';
import { GeneratedImages, InterpolateRequest, Manifold } from '../../core/contracts/inference.ts';
import { manifoldAxis, manifoldGrid } from '../../core/contracts/manifold.ts';
import { drawSeed, interpolate as interpolateLatents, latentFromSeed } from '../../serving/latents.ts';
import type { App, RouteDeps } from '../context.ts';
import {
  checkSheet,
  INFERENCE_HEADERS,
  INFERENCE_PROBLEMS,
  JSON_FIRST,
  PNG_FIRST,
  SheetQuery,
  sendAnswer,
  sendImages,
  toPng,
  toSheet,
} from '../inference/answer.ts';
import {
  type DecodeInput,
  type InferenceCall,
  LabelQuery,
  ModelQuery,
  startCall,
} from '../inference/call.ts';
import { NOT_MODIFIED, pngOrJson, queryInt, withDefault } from '../schemas.ts';

const DEFAULT_STEPS = 10;

export function latentSpaceRoutes(app: App, deps: RouteDeps): void {
  manifold(app, deps);
  interpolate(app, deps);
}

function manifold(app: App, deps: RouteDeps): void {
  app.get(
    '/manifold',
    {
      config: { produces: PNG_FIRST, scope: 'infer' },
      schema: {
        operationId: 'manifold',
        tags: ['inference'],
        summary: 'A grid over the first two latent dimensions of a label',
        description:
          'Columns follow the first dimension and rows the second, at quantiles of N(0, 1) from 5 % to 95 %. All other dimensions are 0.',
        querystring: z.strictObject({
          ...ModelQuery,
          ...LabelQuery,
          size: withDefault(queryInt(2, 40, 'Images per side.'), 15),
          ...SheetQuery,
        }),
        response: {
          200: pngOrJson(Manifold, 'The grid as one sheet, or as JSON.'),
          304: NOT_MODIFIED,
          ...INFERENCE_PROBLEMS,
        },
        'x-doc': { headers: [...INFERENCE_HEADERS, 'ETag'] },
      },
    },
    async ({ query }, reply) => {
      const { size } = query;
      const call = await startCall(deps, reply, query.model);
      const label = call.labelIndex(query.label);
      checkSheet(reply, call, query, size * size, size);
      const images = await call.decode(gridInputs(call, label, size));
      const { model } = call;
      const name = model.image.labels[label]!;
      const make = {
        png: () => {
          const pixels = images.map((image) => image.pixels);
          return toSheet(model, pixels, size, query, { label: name });
        },
        json: () => {
          const pngs = images.map((image) => toPng(model, image).toString('base64'));
          const rows = Array.from({ length: size }, (_, row) => pngs.slice(row * size, (row + 1) * size));
          return { modelId: model.id, label: name, size, grid: manifoldAxis(size), images: rows };
        },
      };
      return await sendAnswer(reply, call, make, { repeatable: true });
    },
  );
}

/** The latents of a manifold, row by row. */
function gridInputs({ model: { latentDim } }: InferenceCall, label: number, size: number): DecodeInput[] {
  const grid = manifoldGrid(size, latentDim);
  return Array.from({ length: size * size }, (_, i) => ({
    label,
    latent: grid.subarray(i * latentDim, (i + 1) * latentDim),
    seed: null,
  }));
}

function interpolate(app: App, deps: RouteDeps): void {
  app.post(
    '/interpolate',
    {
      config: { produces: JSON_FIRST, scope: 'infer' },
      schema: {
        operationId: 'interpolate',
        tags: ['inference'],
        summary: 'Interpolate between two latents',
        description:
          'An end is a latent, or a seed; without both, its latent is drawn at random. When the labels differ, the label changes half-way.',
        querystring: z.strictObject({
          ...ModelQuery,
          method: z.enum(['spherical', 'linear']).default('spherical').meta({
            description: '`spherical` keeps latents at the norm that samples of the prior have.',
          }),
          ...SheetQuery,
        }),
        body: InterpolateRequest,
        response: {
          200: pngOrJson(GeneratedImages, 'The images in order, both ends included.'),
          ...INFERENCE_PROBLEMS,
        },
        'x-doc': { headers: INFERENCE_HEADERS },
      },
    },
    async ({ body: { from, to, steps = DEFAULT_STEPS }, query }, reply) => {
      const call = await startCall(deps, reply, query.model);
      checkSheet(reply, call, query, steps, steps);
      const inputs = inputsBetween(endInput(call, from), endInput(call, to), steps, query.method);
      return await sendImages(reply, call, await call.decode(inputs), { ...query, columns: steps });
    },
  );
}

type End = z.infer<typeof InterpolateRequest>['from'];

/** One end of an interpolation. @throws invalid_label, invalid_latent */
function endInput(call: InferenceCall, { label: reference, latent, seed: given }: End): DecodeInput {
  const label = call.labelIndex(reference);
  if (latent !== undefined) return { label, seed: null, latent: call.checkedLatent(latent) };
  const seed = given ?? drawSeed();
  return { label, seed, latent: latentFromSeed(seed, call.model.latentDim) };
}

/** From one end to the other. When their labels differ, the label changes half-way. */
function inputsBetween(
  from: DecodeInput,
  to: DecodeInput,
  steps: number,
  method: 'spherical' | 'linear',
): DecodeInput[] {
  return interpolateLatents(from.latent, to.latent, steps, method).map((latent, i) => {
    if (i === 0) return from;
    if (i === steps - 1) return to;
    return { latent, label: i < steps / 2 ? from.label : to.label, seed: null };
  });
}
