import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import {
  InferenceServer,
  ModelReady,
  ServedModel,
  ServerLive,
  ServerReady,
} from '../../core/contracts/open-inference.ts';
import type { ApiDeps } from '../deps.ts';
import { registerBodies } from '../open-inference/bodies.ts';
import { DEFAULT_VERSION, FORMS, type Form, halfOf } from '../open-inference/forms.ts';
import { inferRoute } from '../open-inference/infer.ts';
import { inferenceErrors } from '../problem.ts';
import { readinessOf } from '../readiness.ts';
import { json, NoQuery } from '../schemas.ts';
import { type App, chooserOf } from './context.ts';

/** How long a question for readiness waits to see a load end. */
const LOAD_MS = 100;
/** Most model ids that metadata list. */
const LISTED = 100;

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
