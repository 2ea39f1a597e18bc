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
import type { App, RouteDeps } from '../context.ts';
import {
  checkSheet,
  INFERENCE_HEADERS,
  INFERENCE_PROBLEMS,
  JSON_FIRST,
  PNG_FIRST,
  SheetQuery,
  sendImages,
} from '../inference/answer.ts';
import {
  type DecodeInput,
  type InferenceCall,
  LabelQuery,
  ModelQuery,
  startCall,
} from '../inference/call.ts';
import { NOT_MODIFIED, pngOrJson, queryInt, queryNumber, withDefault } from '../schemas.ts';

export function generateRoutes(app: App, deps: RouteDeps): void {
  generate(app, deps);
  generateMany(app, deps);
  decode(app, deps);
}

function generate(app: App, deps: RouteDeps): void {
  const GenerateQuery = z.strictObject({
    ...ModelQuery,
    ...LabelQuery,
    count: withDefault(
      queryInt(1, MAX_GENERATE_COUNT, 'Number of images. Several images are sent as one sheet.'),
      1,
    ),
    seed: queryInt(0, 4_294_967_295, 'The same seed, label and model give the same bytes.').optional(),
    truncation: withDefault(queryNumber(0, 3, 'Factor of the standard deviation of the latent.'), 1),
    ...SheetQuery,
  });
  app.get(
    '/generate',
    {
      config: { produces: PNG_FIRST, scope: 'infer' },
      schema: {
        operationId: 'generate',
        tags: ['inference'],
        summary: 'Generate images of a label',
        description:
          'With a seed, the same request always gets the same answer, which can be cached. Without a seed, each answer is different.',
        querystring: GenerateQuery,
        response: {
          200: pngOrJson(
            GeneratedImages,
            'One image, or a sheet when `count` is above 1. As JSON: every image.',
          ),
          304: NOT_MODIFIED,
          ...INFERENCE_PROBLEMS,
        },
        'x-doc': { headers: [...INFERENCE_HEADERS, 'X-Seed', 'ETag'] },
      },
    },
    async ({ query }, reply) => {
      const call = await startCall(deps, reply, query.model);
      const label = call.labelIndex(query.label);
      checkSheet(reply, call, query, query.count);
      const firstSeed = query.seed ?? drawSeed();
      const inputs = deriveSeeds(firstSeed, query.count).map((seed) => ({
        label,
        seed,
        truncation: query.truncation,
        latent: latentFromSeed(seed, call.model.latentDim, query.truncation),
      }));
      const images = await call.decode(inputs);
      reply.header('x-seed', String(firstSeed));
      return await sendImages(reply, call, images, { ...query, repeatable: query.seed !== undefined });
    },
  );
}

function generateMany(app: App, deps: RouteDeps): void {
  app.post(
    '/generate',
    {
      config: { produces: JSON_FIRST, scope: 'infer' },
      schema: {
        operationId: 'generateMany',
        tags: ['inference'],
        summary: 'Generate images of several labels',
        querystring: z.strictObject({ ...ModelQuery, ...SheetQuery }),
        body: GenerateRequest,
        response: {
          200: pngOrJson(GeneratedImages, 'The images in the order of the items.'),
          ...INFERENCE_PROBLEMS,
        },
        'x-doc': { headers: INFERENCE_HEADERS },
      },
    },
    async ({ body: { items }, query }, reply) => {
      const total = items.reduce((sum, { count = 1 }) => sum + count, 0);
      if (total > MAX_GENERATE_IMAGES) {
        throw invalidField(
          'body.items',
          `ask for ${total} images in all; the most per call is ${MAX_GENERATE_IMAGES}`,
        );
      }
      const call = await startCall(deps, reply, query.model);
      checkSheet(reply, call, query, total);
      const inputs = items.flatMap((item, i) => itemInputs(call, item, `body.items.${i}`));
      return await sendImages(reply, call, await call.decode(inputs), query);
    },
  );
}

/** The latents of one item: given, or drawn from seeds. @throws invalid_label, invalid_latent, validation_failed */
function itemInputs(
  call: InferenceCall,
  item: z.infer<typeof GenerateRequest>['items'][number],
  path: string,
): DecodeInput[] {
  const label = call.labelIndex(item.label);
  const { count = 1, latent: given } = item;
  if (given === undefined) {
    return deriveSeeds(item.seed ?? drawSeed(), count).map((seed) => ({
      label,
      seed,
      latent: latentFromSeed(seed, call.model.latentDim),
    }));
  }
  if (item.seed !== undefined) {
    throw invalidField(`${path}.seed`, 'cannot be given together with "latent"; remove one of them');
  }
  const latent = call.checkedLatent(given);
  return Array.from({ length: count }, () => ({ label, seed: null, latent }));
}

function decode(app: App, deps: RouteDeps): void {
  app.post(
    '/decode',
    {
      config: { produces: JSON_FIRST, scope: 'infer' },
      schema: {
        operationId: 'decode',
        tags: ['inference'],
        summary: 'Decode latents to images',
        querystring: z.strictObject({ ...ModelQuery, ...SheetQuery }),
        body: DecodeRequest,
        response: {
          200: pngOrJson(GeneratedImages, 'The images in the order of the latents.'),
          ...INFERENCE_PROBLEMS,
        },
        'x-doc': { headers: INFERENCE_HEADERS },
      },
    },
    async ({ body: { latents }, query }, reply) => {
      const call = await startCall(deps, reply, query.model);
      checkSheet(reply, call, query, latents.length);
      const inputs = latents.map(({ latent, label }) => ({
        label: call.labelIndex(label),
        latent: call.checkedLatent(latent),
        seed: null,
      }));
      return await sendImages(reply, call, await call.decode(inputs), query);
    },
  );
}
