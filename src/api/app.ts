import fastify, { type FastifyError } from 'fastify';
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { App } from './context.ts';
import { type ApiDeps, type ApiLimits, limitsOf } from './deps.ts';
import { registerArrival } from './plugins/arrival.ts';
import { registerAudit } from './plugins/audit.ts';
import { registerAuth } from './plugins/auth.ts';
import { registerClosing } from './plugins/closing.ts';
import { registerCors } from './plugins/cors.ts';
import { registerDashboard } from './plugins/dashboard.ts';
import { refuseUnparsed, registerErrors, sendProblem, toStylographError } from './plugins/errors.ts';
import { RequestLog, requestId } from './plugins/logging.ts';
import { registerMetering } from './plugins/metering.ts';
import { negotiateHook, registerNegotiation } from './plugins/negotiate.ts';
import { registerNotFound } from './plugins/not-found.ts';
import { registerOpenApi } from './plugins/openapi.ts';
import { registerRateLimits } from './plugins/rate-limits.ts';
import { registerSecurityHeaders } from './plugins/security.ts';
import { registerSiteGuard } from './plugins/site.ts';
import { registerTracing } from './plugins/tracing.ts';
import { aliasRoutes } from './routes/aliases.ts';
import { archiveRoutes } from './routes/archives.ts';
import { datasetRoutes } from './routes/datasets.ts';
import { encodeRoutes } from './routes/encode.ts';
import { eventRoutes } from './routes/events.ts';
import { filmRoutes } from './routes/films.ts';
import { generateRoutes } from './routes/generate.ts';
import { healthRoutes } from './routes/health.ts';
import { indexRoutes } from './routes/index.ts';
import { latentSpaceRoutes } from './routes/latent-space.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { modelRoutes } from './routes/models.ts';
import { openInferenceRoutes } from './routes/open-inference.ts';
import { queueRoutes, sessionCaller } from './routes/queues.ts';
import { runResultRoutes } from './routes/run-results.ts';
import { runRoutes } from './routes/runs.ts';
import { styleTransferRoutes } from './routes/style-transfer.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import { validateRequest } from './validation.ts';

const ROUTES = [
  indexRoutes,
  healthRoutes,
  metricsRoutes,
  runRoutes,
  eventRoutes,
  webhookRoutes,
  runResultRoutes,
  filmRoutes,
  modelRoutes,
  aliasRoutes,
  archiveRoutes,
  datasetRoutes,
  queueRoutes,
  generateRoutes,
  encodeRoutes,
  styleTransferRoutes,
  latentSpaceRoutes,
  openInferenceRoutes,
];

/** How long an answered connection waits for its next request: longer than proxies keep theirs, so that these close first. */
const KEEP_ALIVE_MS = 72_000;
/** How often Node looks for requests that are too slow. */
const CHECK_MS = 1_000;

/**
 * The HTTP API apart from the process that runs it. The caller listens and closes; closing ends open event streams
 * and waits for requests that are being answered.
 */
export async function buildApp(deps: ApiDeps): Promise<App> {
  const limits = limitsOf(deps);
  const { trustedProxies = [] } = deps;
  const app: App = fastify({
    ...(deps.logger ? { loggerInstance: deps.logger } : { logger: false }),
    logController: new RequestLog(),
    genReqId: requestId,
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    bodyLimit: limits.bodyBytes,
    // registerClosing tells clients in the API's own words.
    return503OnClosing: false,
    ...timeouts(limits),
    clientErrorHandler: (error, socket) => refuseUnparsed(error, socket),
    frameworkErrors: (error, request, reply) => {
      sendProblem(request, reply, toStylographError(error as FastifyError, request.id));
    },
  }).withTypeProvider<ZodTypeProvider>();
  app.server.maxConnections = limits.connections;
  app.setValidatorCompiler(validateRequest);
  app.setSerializerCompiler(serializerCompiler);
  // What is not JSON, and not an image where images are taken, is refused as 415.
  app.removeContentTypeParser('text/plain');
  registerArrival(app, limits);
  registerTracing(app, deps.tracing);
  registerClosing(app);
  registerErrors(app);
  registerMetering(app, deps.meter);
  registerNotFound(app);
  await registerSecurityHeaders(app);
  await registerCors(app, deps.allowedOrigins);
  await registerOpenApi(app, deps.version);
  await registerNegotiation(app);
  if (deps.dashboard !== undefined) await registerDashboard(app, deps.dashboard);

  await app.register(async (scope) => {
    const { keys } = deps;
    registerAudit(scope, deps.audit);
    registerSiteGuard(scope, keys, deps);
    const onWrongKey = await registerRateLimits(scope, limits);
    registerAuth(scope, keys, {
      onWrongKey,
      otherProof: (request) => sessionCaller(deps, request),
    });
    negotiateHook(scope);
    for (const routes of ROUTES) {
      await scope.register(async (inner) => routes(inner.withTypeProvider<ZodTypeProvider>(), deps));
    }
  });
  return app;
}

/** Against clients that keep connections busy by sending or reading next to nothing. */
function timeouts({ headersTimeoutMs, requestTimeoutMs, filesTimeoutMs, idleTimeoutMs }: ApiLimits) {
  // registerArrival holds all but files to a shorter one.
  const requestTimeout = Math.max(requestTimeoutMs, filesTimeoutMs);
  return {
    requestTimeout,
    connectionTimeout: idleTimeoutMs,
    keepAliveTimeout: Math.min(KEEP_ALIVE_MS, idleTimeoutMs),
    http: {
      // Here too, since Node compares it with the one for headers before Fastify sets it.
      requestTimeout,
      headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
      connectionsCheckingInterval: Math.min(headersTimeoutMs, CHECK_MS),
    },
  };
}
