import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, RawServerDefault } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { type ApiDeps, type ApiLimits, DEFAULT_API_LIMITS } from './deps.ts';
import { ModelChooser } from './inference/model-chooser.ts';

/** The Fastify application as plugins and routes see it: requests and responses are typed by their Zod schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** The dependencies as routes use them. */
export interface RouteDeps extends Omit<ApiDeps, 'limits'> {
  /** Every limit, given or by default. */
  limits: ApiLimits;
  /** Shared by all routes of an application. */
  chooser: ModelChooser;
}

export const routeDeps = (deps: ApiDeps): RouteDeps => ({
  ...deps,
  limits: { ...DEFAULT_API_LIMITS, ...deps.limits },
  chooser: new ModelChooser(deps),
});

/** Aborts when the client disconnects before the answer was sent. */
export function clientSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.onCallEnd(() => {
    if (!reply.raw.writableEnded) controller.abort(new Error('The client closed the connection'));
  });
  return controller.signal;
}
