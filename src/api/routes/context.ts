import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ModelReference } from '../../core/contracts/common.ts';
import { type ApiDeps, limitsOf } from '../deps.ts';
import { ModelChooser, Stopwatch } from '../inference/model.ts';
import type { Calling } from '../inference/pictures.ts';
import { onceOver } from '../plugins/over.ts';

/** The application as routes see it: requests and responses are typed by their zod schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** A model in a path, by id or alias. */
export const ModelParams = z.strictObject({
  model: z.string().meta({ description: ModelReference.meta()?.description ?? '', example: 'latest' }),
});

/** Aborts when the client goes away before it has its answer. */
export function clientSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  onceOver(reply, () => {
    if (!reply.raw.writableEnded) controller.abort(new Error('The client closed the connection'));
  });
  return controller.signal;
}

/** One a set of dependencies, whichever route asks. */
const choosers = new WeakMap<ApiDeps, ModelChooser>();

export function chooserOf(deps: ApiDeps): ModelChooser {
  const chooser = choosers.get(deps) ?? new ModelChooser(deps);
  choosers.set(deps, chooser);
  return chooser;
}

/** What an inference call works with; the model is named in the answer. @throws no_model, model_not_found */
export async function beginCall(deps: ApiDeps, reply: FastifyReply, reference: string): Promise<Calling> {
  const signal = clientSignal(reply);
  const model = await chooserOf(deps).choose(reference);
  reply.header('x-model-id', model.id);
  const { callImages: maxImages, sheetPixels } = limitsOf(deps);
  const maxSheetPixels = reply.request.answerType === 'image/png' ? sheetPixels : Number.POSITIVE_INFINITY;
  const { inference } = deps;
  return { model, inference, stopwatch: new Stopwatch(), signal, maxImages, maxSheetPixels };
}
