import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { ApiDeps } from '../deps.ts';
import { chosenModel, Stopwatch } from '../inference/model.ts';
import type { Calling } from '../inference/pictures.ts';

/** The application as routes see it: requests and responses are typed by their zod schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** Aborts when the client goes away before it has its answer. */
export function clientSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableEnded) controller.abort(new Error('The client closed the connection'));
  });
  return controller.signal;
}

/** What an inference call works with. @throws no_model, model_not_found */
export async function beginCall(deps: ApiDeps, reply: FastifyReply, reference: string): Promise<Calling> {
  const signal = clientSignal(reply);
  const model = await chosenModel(deps, reference, reply);
  return { model, inference: deps.inference, stopwatch: new Stopwatch(), signal };
}
