import { setTimeout as sleep } from 'node:timers/promises';
import { validatorCompiler } from 'fastify-type-provider-zod';
import { z } from 'zod';
import {
  InferenceServer,
  InferRequest,
  InferResponse,
  ModelReady,
  ServedModel,
  ServerLive,
  ServerReady,
} from '../../contracts/open-inference.ts';
import { StylographError } from '../../errors.ts';
import type { ApiDeps } from '../deps.ts';
import { registerBodies } from '../open-inference/bodies.ts';
import { readBody, readInputs, wantedOutputs, writeAnswer } from '../open-inference/call.ts';
import { HALVES, type Half } from '../open-inference/models.ts';
import { inferenceErrors } from '../problem.ts';
import { readinessOf } from '../readiness.ts';
import { binary, json, NoQuery } from '../schemas.ts';
import { type App, beginCall, chooserOf } from './context.ts';

const BYTES = 'application/octet-stream';
const HEADER = 'inference-header-content-length';
/** How long a question for readiness waits to see a load end. */
const LOAD_MS = 100;
/** Most model ids that metadata list. */
const LISTED = 100;

const Headers = z.looseObject({
  [HEADER]: z
    .string()
    .regex(/^\d{1,9}$/, 'must be a number of bytes')
    .optional()
    .meta({ description: 'Bytes of JSON that the body begins with; those of tensors follow.' }),
});
const name = z.string().min(1).max(64).meta({ description: '`encoder` or `decoder`.', example: 'decoder' });
const version = z
  .string()
  .min(1)
  .max(64)
  .meta({ description: 'A model by its id or an alias.', example: 'latest' });

interface Form {
  path: string;
  /** Part of its operations' ids. */
  id: string;
  params: z.ZodType<{ name: string; version?: string }>;
}
/** The protocol has each path with and without a version. */
const FORMS: Form[] = [
  { path: '/v2/models/:name', id: '', params: z.strictObject({ name }) },
  { path: '/v2/models/:name/versions/:version', id: 'Version', params: z.strictObject({ name, version }) },
];
const DEFAULT_VERSION = 'latest';

function halfOf(name: string): Half {
  if (Object.hasOwn(HALVES, name)) return HALVES[name as keyof typeof HALVES];
  throw new StylographError(
    'model_not_found',
    `There is no model "${name}" here; there are ${Object.keys(HALVES).join(' and ')}, and GET /models lists their versions.`,
  );
}

/** The Open Inference Protocol over HTTP, with Triton's extension for binary tensors. docs/open-inference.md tells what is what. */
export async function openInferenceRoutes(app: App, deps: ApiDeps): Promise<void> {
  registerBodies(app as never);
  serverRoutes(app, deps);
  for (const form of FORMS) {
    modelRoutes(app, deps, form);
    inferRoute(app, deps, form);
  }
}

function serverRoutes(app: App, deps: ApiDeps): void {
  const schema = { tags: ['open inference'], querystring: NoQuery };
  const config = { scope: 'public' as const };
  app.get(
    '/v2',
    {
      config,
      schema: {
        ...schema,
        operationId: 'getInferenceServer',
        summary: 'The server, and which extensions of the protocol it has',
        response: { 200: json(InferenceServer, 'The server.'), ...inferenceErrors() },
      },
    },
    async () => ({ name: 'stylograph', version: deps.version, extensions: ['binary_tensor_data'] }),
  );
  app.get(
    '/v2/health/live',
    {
      config,
      schema: {
        ...schema,
        operationId: 'isInferenceLive',
        summary: 'Whether the process answers',
        response: { 200: json(ServerLive, 'It does.'), ...inferenceErrors() },
      },
    },
    async () => ({ live: true }),
  );
  app.get(
    '/v2/health/ready',
    {
      config,
      schema: {
        ...schema,
        operationId: 'isInferenceReady',
        summary: 'Whether everything a request may need is there, as /health/ready has it',
        response: {
          200: json(ServerReady, 'Ready.'),
          ...inferenceErrors(),
          503: json(ServerReady, 'Not ready; /health/ready tells why.'),
        },
      },
    },
    async (_request, reply) => {
      const ready = (await readinessOf(deps)).status === 'ready';
      return reply
        .header('cache-control', 'no-store')
        .code(ready ? 200 : 503)
        .send({ ready });
    },
  );
}

function modelRoutes(app: App, deps: ApiDeps, { path, id, params }: Form): void {
  const schema = { tags: ['open inference'], querystring: NoQuery, params };
  const find = async ({ name, version = DEFAULT_VERSION }: z.infer<Form['params']>) => {
    const half = halfOf(name);
    return { name, half, model: await chooserOf(deps).choose(version) };
  };
  app.get(
    path,
    {
      schema: {
        ...schema,
        operationId: `getServedModel${id}`,
        summary: 'What a half of a model takes and gives',
        response: {
          200: json(ServedModel, 'Its tensors.'),
          ...inferenceErrors('no_model', 'model_not_found'),
        },
      },
    },
    async (request) => {
      const { name, half, model } = await find(request.params);
      const { items } = await deps.models.list({ limit: LISTED });
      const aliases = [...new Set(items.flatMap((item) => item.aliases))].sort();
      return {
        name,
        versions: [...aliases, ...items.map((item) => item.id)],
        platform: 'tensorflow',
        inputs: half.inputs(model).map(({ name, datatype, shape }) => ({ name, datatype, shape })),
        outputs: half.outputs(model),
      };
    },
  );
  app.get(
    `${path}/ready`,
    {
      schema: {
        ...schema,
        operationId: `isServedModel${id}Ready`,
        summary: 'Whether a model is loaded; asking loads it',
        response: {
          200: json(ModelReady, 'It is.'),
          ...inferenceErrors('no_model', 'model_not_found'),
          503: json(ModelReady, 'Not yet, or not any more.'),
        },
      },
    },
    async (request, reply) => {
      const { name, model } = await find(request.params);
      const loads = deps.inference.ensure(model).then(
        () => true,
        () => false,
      );
      const ready = await Promise.race([loads, sleep(LOAD_MS, false, { ref: false })]);
      return reply
        .header('cache-control', 'no-store')
        .code(ready ? 200 : 503)
        .send({ name, ready });
    },
  );
}

function inferRoute(app: App, deps: ApiDeps, { path, id, params }: Form): void {
  app.post(
    `${path}/infer`,
    {
      config: { produces: ['application/json', BYTES], scope: 'infer' },
      // readBody checks the body, whose first bytes alone may be JSON.
      validatorCompiler: (route) =>
        route.httpPart === 'body' ? (value) => ({ value }) : validatorCompiler(route as never),
      schema: {
        operationId: `infer${id}`,
        tags: ['open inference'],
        summary: 'Images of latents (`decoder`), or latents of images (`encoder`)',
        headers: Headers,
        querystring: NoQuery,
        params,
        body: InferRequest,
        response: {
          200: {
            description: 'JSON, followed by the bytes of the outputs that were wanted so.',
            content: {
              'application/json': { schema: InferResponse },
              [BYTES]: { schema: binary(BYTES) },
            },
          },
          ...inferenceErrors(
            'malformed_json',
            'no_model',
            'model_not_found',
            'invalid_label',
            'too_many_images',
            'body_too_large',
            'unsupported_media_type',
            'queue_full',
            'model_loading',
            'inference_unavailable',
            'shutting_down',
            'deadline_exceeded',
            'inference_failed',
          ),
        },
        'x-doc': {
          headers: ['X-Model-Id', 'Server-Timing', 'Inference-Header-Content-Length'],
          bodyTypes: [BYTES],
        },
      },
    },
    async (request, reply) => {
      const { name, version = DEFAULT_VERSION } = request.params;
      const half = halfOf(name);
      const body = readBody(request.body, request.headers[HEADER] as string | undefined);
      const calling = await beginCall(deps, reply, version);
      const { model, stopwatch } = calling;
      const wanted = wantedOutputs(half, model, body.request);
      const tensors = await half.run(calling, readInputs(half, model, body));
      const start = performance.now();
      const head = {
        model_name: name,
        model_version: model.id,
        ...(body.request.id && { id: body.request.id }),
      };
      const { json: head_, tail } = writeAnswer(head, tensors, wanted);
      reply.header('server-timing', stopwatch.header(performance.now() - start));
      if (tail.length === 0) return reply.type('application/json; charset=utf-8').send(head_);
      return reply
        .header(HEADER, String(head_.length))
        .type(BYTES)
        .send(Buffer.concat([head_, ...tail]));
    },
  );
}
