import { z } from 'zod';
import {
  DecodeRequest,
  GeneratedImages,
  GenerateRequest,
  MAX_GENERATE_COUNT,
  MAX_GENERATE_IMAGES,
} from '../../core/contracts/inference.ts';
import { invalidField } from '../../core/errors.ts';
import { deriveSeeds, drawSeed, latentFromSeed } from '../../serving/latents.ts';
import type { ApiDeps } from '../deps.ts';
import { LookQuery, lookOf, sendAnswer } from '../inference/answer.ts';
import { checkedLatent, labelIndex, ModelQuery } from '../inference/model.ts';
import {
  checkSheet,
  decodeWishes,
  type Picture,
  toJson,
  toPicture,
  type Wish,
} from '../inference/pictures.ts';
import { INFERENCE_HEADERS, INFERENCE_PROBLEMS, JSON_FIRST, PNG_FIRST } from '../inference/route.ts';
import { NOT_MODIFIED, pngOrJson, queryInt, queryNumber, withDefault } from '../schemas.ts';
import { type App, beginCall } from './context.ts';

const GenerateQuery = z.strictObject({
  ...ModelQuery,
  label: z.string().min(1).max(64).meta({ description: 'A label by name, or else by index.', example: '3' }),
  count: withDefault(queryInt(1, MAX_GENERATE_COUNT, 'Images to make; more than one come as a sheet.'), 1),
  seed: queryInt(0, 4_294_967_295, 'The same seed, label and model give the same bytes.').optional(),
  truncation: withDefault(queryNumber(0, 3, 'Factor of the standard deviation of z.'), 1),
  ...LookQuery,
});

const images = (model: Parameters<typeof toJson>[0], pictures: Picture[]) => ({
  modelId: model.id,
  images: pictures.map((picture) => toJson(model, picture)),
});

/** Wishes for one item of POST /generate. @throws invalid_label, invalid_latent, validation_failed */
function itemWishes(
  model: Parameters<typeof toJson>[0],
  item: z.infer<typeof GenerateRequest>['items'][number],
  path: string,
): Wish[] {
  const label = labelIndex(model, item.label);
  const { count = 1, latent: given } = item;
  if (given === undefined) {
    return deriveSeeds(item.seed ?? drawSeed(), count).map((seed) => ({
      label,
      seed,
      latent: latentFromSeed(seed, model.latentDim),
    }));
  }
  if (item.seed !== undefined) {
    throw invalidField(`${path}.seed`, 'cannot be given together with latent');
  }
  const latent = checkedLatent(model, given);
  return Array.from({ length: count }, () => ({ label, seed: null, latent }));
}

export async function generateRoutes(app: App, deps: ApiDeps): Promise<void> {
  app.get(
    '/generate',
    {
      config: { produces: PNG_FIRST, scope: 'infer' },
      schema: {
        operationId: 'generate',
        tags: ['inference'],
        summary: 'Draw images of a label',
        description:
          'With a seed the answer is the same every time and can be cached; without one it never is.',
        querystring: GenerateQuery,
        response: {
          200: pngOrJson(
            GeneratedImages,
            'One image, or a sheet when count is above 1; or all of them as JSON.',
          ),
          304: NOT_MODIFIED,
          ...INFERENCE_PROBLEMS,
        },
        'x-doc': { headers: [...INFERENCE_HEADERS, 'X-Seed', 'ETag'] },
      },
    },
    async (request, reply) => {
      const { query } = request;
      const calling = await beginCall(deps, reply, query.model);
      const { model, stopwatch } = calling;
      const label = labelIndex(model, query.label);
      checkSheet(calling, query, query.count);
      const base = query.seed ?? drawSeed();
      const wishes = deriveSeeds(base, query.count).map((seed) => ({
        label,
        seed,
        truncation: query.truncation,
        latent: latentFromSeed(seed, model.latentDim, query.truncation),
      }));
      const pictures = await decodeWishes(calling, wishes);
      reply.header('x-seed', String(base));
      return sendAnswer(
        request,
        reply,
        { png: () => toPicture(model, pictures, lookOf(query)), json: () => images(model, pictures) },
        stopwatch,
        { deterministic: query.seed !== undefined, reference: query.model },
      );
    },
  );

  app.post(
    '/generate',
    {
      config: { produces: JSON_FIRST, scope: 'infer' },
      schema: {
        operationId: 'generateMany',
        tags: ['inference'],
        summary: 'Draw images of many labels',
        querystring: z.strictObject({ ...ModelQuery, ...LookQuery }),
        body: GenerateRequest,
        response: {
          200: pngOrJson(GeneratedImages, 'The images in the order of the items.'),
          ...INFERENCE_PROBLEMS,
        },
        'x-doc': { headers: INFERENCE_HEADERS },
      },
    },
    async (request, reply) => {
      const { items } = request.body;
      const total = items.reduce((sum, { count = 1 }) => sum + count, 0);
      if (total > MAX_GENERATE_IMAGES) {
        const message = `ask for ${total} images in all; at most ${MAX_GENERATE_IMAGES} are made at a time`;
        throw invalidField('body.items', message);
      }
      const calling = await beginCall(deps, reply, request.query.model);
      const { model, stopwatch } = calling;
      checkSheet(calling, request.query, total);
      const wishes = items.flatMap((item, i) => itemWishes(model, item, `body.items.${i}`));
      const pictures = await decodeWishes(calling, wishes);
      const make = {
        png: () => toPicture(model, pictures, lookOf(request.query)),
        json: () => images(model, pictures),
      };
      return sendAnswer(request, reply, make, stopwatch);
    },
  );

  app.post(
    '/decode',
    {
      config: { produces: JSON_FIRST, scope: 'infer' },
      schema: {
        operationId: 'decode',
        tags: ['inference'],
        summary: 'Images of latents',
        querystring: z.strictObject({ ...ModelQuery, ...LookQuery }),
        body: DecodeRequest,
        response: { 200: pngOrJson(GeneratedImages, 'The images in order.'), ...INFERENCE_PROBLEMS },
        'x-doc': { headers: INFERENCE_HEADERS },
      },
    },
    async (request, reply) => {
      const calling = await beginCall(deps, reply, request.query.model);
      const { model, stopwatch } = calling;
      checkSheet(calling, request.query, request.body.latents.length);
      const wishes = request.body.latents.map(({ latent, label }) => ({
        label: labelIndex(model, label),
        latent: checkedLatent(model, latent),
        seed: null,
      }));
      const pictures = await decodeWishes(calling, wishes);
      const make = {
        png: () => toPicture(model, pictures, lookOf(request.query)),
        json: () => images(model, pictures),
      };
      return sendAnswer(request, reply, make, stopwatch);
    },
  );
}
