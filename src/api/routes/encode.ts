import { z } from 'zod';
import { EncodedImages, EncodeRequest, Reconstructions } from '../../core/contracts/inference.ts';
import type { App, RouteDeps } from '../context.ts';
import {
  checkSheet,
  IMAGE_PROBLEMS,
  INFERENCE_HEADERS,
  JSON_FIRST,
  SheetQuery,
  sendAnswer,
  toPng,
  toSheet,
} from '../inference/answer.ts';
import { ModelQuery } from '../inference/call.ts';
import {
  acceptImages,
  IMAGE_TYPES,
  ImageQuery,
  labelOf,
  startImageCall,
} from '../inference/encode-inputs.ts';
import { json, pngOrJson } from '../schemas.ts';

/** Most columns of a sheet of reconstructions. */
const MOST_COLUMNS = 16;

const BODY = { content: { 'application/json': { schema: EncodeRequest } } };

export function encodeRoutes(app: App, deps: RouteDeps): void {
  acceptImages(app, deps.limits);
  encode(app, deps);
  reconstruct(app, deps);
}

function encode(app: App, deps: RouteDeps): void {
  app.post(
    '/encode',
    {
      config: { scope: 'infer' },
      schema: {
        operationId: 'encode',
        tags: ['inference'],
        summary: 'Encode images to latents',
        description: 'Send JSON, or one image as the body. Labels that are not given are inferred.',
        querystring: z.strictObject({ ...ModelQuery, ...ImageQuery }),
        body: BODY,
        response: {
          200: json(EncodedImages, 'One latent per image, in the order of the images.'),
          ...IMAGE_PROBLEMS,
        },
        'x-doc': { headers: INFERENCE_HEADERS, bodyTypes: IMAGE_TYPES },
      },
    },
    async (request, reply) => {
      const { call, inputs } = await startImageCall(deps, reply, request.query);
      const { model } = call;
      const encoded = await call.encode(inputs);
      const latents = encoded.map((image) => ({
        mean: Array.from(image.mean),
        logVar: Array.from(image.logVar),
        ...labelOf(model, image),
        ...(image.scores && {
          labelScores: Object.fromEntries(model.image.labels.map((name, i) => [name, image.scores![i]!])),
        }),
      }));
      const make = { png: () => Buffer.alloc(0), json: () => ({ modelId: model.id, latents }) };
      return await sendAnswer(reply, call, make);
    },
  );
}

function reconstruct(app: App, deps: RouteDeps): void {
  app.post(
    '/reconstruct',
    {
      config: { produces: JSON_FIRST, scope: 'infer' },
      schema: {
        operationId: 'reconstruct',
        tags: ['inference'],
        summary: 'Encode images and decode their latents',
        querystring: z.strictObject({ ...ModelQuery, ...ImageQuery, ...SheetQuery }),
        body: BODY,
        response: {
          200: pngOrJson(
            Reconstructions,
            'Reconstructions with their errors. As a PNG: each below its original.',
          ),
          ...IMAGE_PROBLEMS,
        },
        'x-doc': { headers: INFERENCE_HEADERS, bodyTypes: IMAGE_TYPES },
      },
    },
    async (request, reply) => {
      const { call, inputs } = await startImageCall(deps, reply, request.query);
      const { model } = call;
      const columns = Math.min(MOST_COLUMNS, inputs.length);
      checkSheet(reply, call, request.query, 2 * columns * Math.ceil(inputs.length / columns), columns);
      const encoded = await call.encode(inputs);
      const decoded = await call.decode(
        encoded.map(({ label, mean }) => ({ label, latent: mean, seed: null })),
      );
      const make = {
        png: () => toSheet(model, pairedRows(encoded, decoded, columns), columns, request.query),
        json: () => ({
          modelId: model.id,
          images: encoded.map((image, i) => ({
            ...labelOf(model, image),
            mean: Array.from(image.mean),
            error: meanSquaredError(image.pixels, decoded[i]!.pixels),
            png: toPng(model, decoded[i]!).toString('base64'),
          })),
        }),
      };
      return await sendAnswer(reply, call, make);
    },
  );
}

/** Mean squared error of pixels scaled to 0 to 1. */
function meanSquaredError(a: Uint8Array, b: Uint8Array): number {
  const sum = a.reduce((total, value, i) => total + ((value - b[i]!) / 255) ** 2, 0);
  return sum / a.length;
}

interface Pixels {
  pixels: Uint8Array;
}

/** Rows of originals, each above the row of its reconstructions. */
function pairedRows(originals: Pixels[], reconstructions: Pixels[], columns: number): Uint8Array[] {
  const blank = new Uint8Array(originals[0]!.pixels.length);
  const rows: Uint8Array[] = [];
  for (let from = 0; from < originals.length; from += columns) {
    for (const images of [originals, reconstructions]) {
      for (let i = from; i < from + columns; i++) rows.push(images[i]?.pixels ?? blank);
    }
  }
  return rows;
}
