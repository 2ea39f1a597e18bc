import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import {
  InferenceServer,
  InferRequest,
  InferResponse,
  ModelReady,
  ServedModel,
  ServerLive,
  ServerReady,
} from '../../core/contracts/open-inference.ts';
import type { App, RouteDeps } from '../context.ts';
import { CALL_CODES, startCall } from '../inference/call.ts';
import { acceptBytes, readBody, readInputs, wantedOutputs, writeAnswer } from '../open-inference/body.ts';
import { networkNamed } from '../open-inference/networks.ts';
import { inferenceErrors } from '../problem.ts';
import { readinessOf } from '../readiness.ts';
import { binary, json, NoQuery } from '../schemas.ts';
import { validateRequest } from '../validation.ts';

/** How long a readiness check waits for a model to load. */
const LOAD_MS = 100;
/** Model ids that metadata list at most. */
const MOST_LISTED = 100;

const BYTES = 'application/octet-stream';
const JSON_LENGTH = 'inference-header-content-length';
const DEFAULT_VERSION = 'latest';

const name = z.string().min(1).max(64).meta({ description: '`encoder` or `decoder`.', example: 'decoder' });
const version = z
  .string()
  .min(1)
  .max(64)
  .meta({ description: 'A model by its id or an alias.', example: 'latest' });

/** A path of a model. The protocol has each with and without a version. */
interface ModelPath {
  path: string;
  /** Part of its operation ids. */
  id: string;
  params: z.ZodType<{ name: string; version?: string }>;
}
const MODEL_PATHS: ModelPath[] = [
  { path: '/v2/models/:name', id: '', params: z.strictObject({ name }) },
  { path: '/v2/models/:name/versions/:version', id: 'Version', params: z.strictObject({ name, version }) },
];

const SHARED = { tags: ['open inference'], querystring: NoQuery };

/** The Open Inference Protocol over HTTP with Triton's extension for binary tensors; see docs/open-inference.md. */
export function openInferenceRoutes(app: App, deps: RouteDeps): void {
  acceptBytes(app);
  // readBody parses the body, since only its first bytes may be JSON.
  app.setValidatorCompiler<z.core.$ZodType>((route) =>
    route.httpPart === 'body' ? (value) => ({ value }) : validateRequest(route),
  );
  getInferenceServer(app, deps);
  isInferenceLive(app);
  isInferenceReady(app, deps);
  for (const path of MODEL_PATHS) {
    getServedModel(app, deps, path);
    isServedModelReady(app, deps, path);
    infer(app, deps, path);
  }
}

function getInferenceServer(app: App, deps: RouteDeps): void {
  app.get(
    '/v2',
    {
      config: { scope: 'public' },
      schema: {
        ...SHARED,
        operationId: 'getInferenceServer',
        summary: 'The server and the protocol extensions that it supports',
        response: { 200: json(InferenceServer, 'The server.'), ...inferenceErrors() },
      },
    },
    async () => ({ name: 'stylograph', version: deps.version, extensions: ['binary_tensor_data'] }),
  );
}

function isInferenceLive(app: App): void {
  app.get(
    '/v2/health/live',
    {
      config: { scope: 'public' },
      schema: {
        ...SHARED,
        operationId: 'isInferenceLive',
        summary: 'Whether the process answers',
        response: { 200: json(ServerLive, 'It answers.'), ...inferenceErrors() },
      },
    },
    async () => ({ live: true }),
  );
}

function isInferenceReady(app: App, deps: RouteDeps): void {
  app.get(
    '/v2/health/ready',
    {
      config: { scope: 'public' },
      schema: {
        ...SHARED,
        operationId: 'isInferenceReady',
        summary: 'Whether the server is ready, as in /health/ready',
        response: {
          200: json(ServerReady, 'Ready.'),
          ...inferenceErrors(),
          503: json(ServerReady, 'Not ready; /health/ready gives the reasons.'),
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

function getServedModel(app: App, deps: RouteDeps, { path, id, params }: ModelPath): void {
  app.get(
    path,
    {
      schema: {
        ...SHARED,
        params,
        operationId: `getServedModel${id}`,
        summary: 'Inputs and outputs of the encoder or decoder',
        response: {
          200: json(ServedModel, 'Its tensors.'),
          ...inferenceErrors('no_model', 'model_not_found'),
        },
      },
    },
    async (request) => {
      const { name, version = DEFAULT_VERSION } = request.params;
      const network = networkNamed(name);
      const model = await deps.chooser.choose(version);
      const { items } = await deps.models.list({ limit: MOST_LISTED });
      const aliases = [...new Set(items.flatMap((item) => item.aliases))].sort();
      return {
        name,
        versions: [...aliases, ...items.map((item) => item.id)],
        platform: 'tensorflow',
        inputs: network.inputs(model).map(({ name, datatype, shape }) => ({ name, datatype, shape })),
        outputs: network.outputs(model),
      };
    },
  );
}

function isServedModelReady(app: App, deps: RouteDeps, { path, id, params }: ModelPath): void {
  app.get(
    `${path}/ready`,
    {
      schema: {
        ...SHARED,
        params,
        operationId: `isServedModel${id}Ready`,
        summary: 'Whether a model is loaded; the request loads it',
        response: {
          200: json(ModelReady, 'It is loaded.'),
          ...inferenceErrors('no_model', 'model_not_found'),
          503: json(ModelReady, 'It is not loaded.'),
        },
      },
    },
    async (request, reply) => {
      const { name, version = DEFAULT_VERSION } = request.params;
      networkNamed(name);
      const model = await deps.chooser.choose(version);
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

const InferHeaders = z.looseObject({
  [JSON_LENGTH]: z
    .string()
    .regex(/^\d{1,9}$/, 'must be a number of bytes')
    .optional()
    .meta({ description: 'Length in bytes of the JSON at the start of the body; binary tensors follow it.' }),
});

function infer(app: App, deps: RouteDeps, { path, id, params }: ModelPath): void {
  app.post(
    `${path}/infer`,
    {
      config: { produces: ['application/json', BYTES], scope: 'infer' },
      schema: {
        ...SHARED,
        operationId: `infer${id}`,
        summary: 'Decode latents to images (`decoder`), or encode images to latents (`encoder`)',
        headers: InferHeaders,
        params,
        body: InferRequest,
        response: {
          200: {
            description: 'JSON, followed by the bytes of the outputs that were requested as binary.',
            content: { 'application/json': { schema: InferResponse }, [BYTES]: { schema: binary(BYTES) } },
          },
          ...inferenceErrors(
            'malformed_json',
            'no_model',
            'model_not_found',
            'invalid_label',
            'too_many_images',
            'body_too_large',
            'unsupported_media_type',
            ...CALL_CODES,
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
      const network = networkNamed(name);
      const body = readBody(request.body, request.headers[JSON_LENGTH] as string | undefined);
      const call = await startCall(deps, reply, version);
      const wanted = wantedOutputs(network, call.model, body.request);
      const tensors = await network.run(call, readInputs(network, call.model, body));
      const start = performance.now();
      const { id: requestId } = body.request;
      const head = {
        model_name: name,
        model_version: call.model.id,
        ...(requestId !== undefined && { id: requestId }),
      };
      const answer = writeAnswer(head, tensors, wanted);
      reply.header('server-timing', call.serverTiming(performance.now() - start));
      if (answer.tail.length === 0) return reply.type('application/json; charset=utf-8').send(answer.json);
      return reply
        .header(JSON_LENGTH, String(answer.json.length))
        .type(BYTES)
        .send(Buffer.concat([answer.json, ...answer.tail]));
    },
  );
}
