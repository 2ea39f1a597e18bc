import fastify, { type FastifyError } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { type ApiDeps, DEFAULT_API_LIMITS } from './deps.ts';
import { registerAuth } from './plugins/auth.ts';
import { registerClosing } from './plugins/closing.ts';
import { registerDashboard } from './plugins/dashboard.ts';
import { registerErrors, sendProblem, toStylographError } from './plugins/errors.ts';
import { RequestLog } from './plugins/logging.ts';
import { negotiateHook, registerNegotiation } from './plugins/negotiate.ts';
import { registerNotFound } from './plugins/not-found.ts';
import { registerOpenApi } from './plugins/openapi.ts';
import { registerSecurityHeaders } from './plugins/security.ts';
import type { App } from './routes/context.ts';
import { datasetRoutes } from './routes/datasets.ts';
import { encodeRoutes } from './routes/encode.ts';
import { eventRoutes } from './routes/events.ts';
import { filmRoutes } from './routes/films.ts';
import { generateRoutes } from './routes/generate.ts';
import { healthRoutes } from './routes/health.ts';
import { indexRoutes } from './routes/index.ts';
import { latentSpaceRoutes } from './routes/latent-space.ts';
import { modelRoutes } from './routes/models.ts';
import { runResultRoutes } from './routes/run-results.ts';
import { runRoutes } from './routes/runs.ts';

const ROUTES = [
  indexRoutes,
  healthRoutes,
  runRoutes,
  eventRoutes,
  runResultRoutes,
  filmRoutes,
  modelRoutes,
  datasetRoutes,
  generateRoutes,
  encodeRoutes,
  latentSpaceRoutes,
];

/**
 * The HTTP API apart from the process that runs it. The caller listens and closes; closing ends open event streams
 * and waits for requests that are being answered.
 */
export async function buildApp(deps: ApiDeps): Promise<App> {
  const { bodyBytes } = { ...DEFAULT_API_LIMITS, ...deps.limits };
  const app: App = fastify({
    ...(deps.logger ? { loggerInstance: deps.logger } : { logger: false }),
    logController: new RequestLog(),
    bodyLimit: bodyBytes,
    frameworkErrors: (error, request, reply) => {
      sendProblem(request as never, reply as never, toStylographError(error as FastifyError, request.id));
    },
  }).withTypeProvider<ZodTypeProvider>();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  // What is not JSON, and not an image where images are taken, is refused as 415.
  app.removeContentTypeParser('text/plain');
  registerClosing(app as never);
  registerErrors(app as never);
  registerNotFound(app as never);
  await registerSecurityHeaders(app as never);
  await registerOpenApi(app as never, deps.version);
  await registerNegotiation(app as never);
  if (deps.dashboard !== undefined) await registerDashboard(app as never, deps.dashboard);

  await app.register(async (scope) => {
    registerAuth(scope as never, deps.apiKeys);
    negotiateHook(scope as never);
    for (const routes of ROUTES) {
      await scope.register(async (inner) => routes(inner.withTypeProvider<ZodTypeProvider>(), deps));
    }
  });
  return app;
}
