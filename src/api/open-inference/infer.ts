import { validatorCompiler } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { InferRequest, InferResponse } from '../../core/contracts/open-inference.ts';
import type { ApiDeps } from '../deps.ts';
import { CALL_CODES } from '../inference/route.ts';
import { inferenceErrors } from '../problem.ts';
import { type App, beginCall } from '../routes/context.ts';
import { binary, NoQuery } from '../schemas.ts';
import { readBody, readInputs, wantedOutputs, writeAnswer } from './call.ts';
import { DEFAULT_VERSION, type Form, halfOf } from './forms.ts';

const BYTES = 'application/octet-stream';
const HEADER = 'inference-header-content-length';

const Headers = z.looseObject({
  [HEADER]: z
    .string()
    .regex(/^\d{1,9}$/, 'must be a number of bytes')
    .optional()
    .meta({ description: 'Bytes of JSON that the body begins with; those of tensors follow.' }),
});

/** The call that computes. */
export function inferRoute(app: App, deps: ApiDeps, { path, id, params }: Form): void {
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
        ...(body.request.id !== undefined && { id: body.request.id }),
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
