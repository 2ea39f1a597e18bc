import fastify, { type FastifyError } from 'fastify';
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { type App, type RouteDeps, routeDeps } from './context.ts';
import type { ApiDeps, ApiLimits } from './deps.ts';
import { registerArrival } from './plugins/arrival.ts';
import { registerAudit } from './plugins/audit.ts';
import { registerAuth } from './plugins/auth.ts';
import { registerCallEnd } from './plugins/call-end.ts';
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
import { latentSpaceRoutes } from './routes/latent-space.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { modelRoutes } from './routes/models.ts';
import { openInferenceRoutes } from './routes/open-inference.ts';
import { queueRoutes, sessionCaller } from './routes/queues.ts';
import { rootRoutes } from './routes/root.ts';
import { runResultRoutes } from './routes/run-results.ts';
import { runRoutes } from './routes/runs.ts';
import { styleTransferRoutes } from './routes/style-transfer.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import { validateRequest } from './validation.ts';

/** A file per resource in routes/, a function per operation in each, with the route's parameters and answers. */
const ROUTES = [
  rootRoutes,
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

/** How long an idle connection stays open. Longer than proxies keep theirs, so that the proxies close first. */
const KEEP_ALIVE_MS = 72_000;
/** How often Node looks for requests that are too slow. */
const CHECK_MS = 1_000;

/**
 * Builds the HTTP API; the caller listens and closes. Closing ends open event streams and waits for requests in
 * progress.
 */
export async function buildApp(dependencies: ApiDeps): Promise<App> {
  const deps = routeDeps(dependencies);
  const app = createApp(deps);
  registerCallEnd(app);
  registerArrival(app, deps.limits);
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
  await app.register(async (scope) => registerRoutes(scope.withTypeProvider<ZodTypeProvider>(), deps));
  return app;
}

function createApp({ logger, limits, trustedProxies = [] }: RouteDeps): App {
  const app: App = fastify({
    ...(logger ? { loggerInstance: logger } : { logger: false }),
    logController: new RequestLog(),
    genReqId: requestId,
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    bodyLimit: limits.bodyBytes,
    // registerClosing rejects requests with a problem instead.
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
  // A text body is answered with 415, like every media type without a parser.
  app.removeContentTypeParser('text/plain');
  return app;
}

/** Every route, behind the checks of site, rate and key. Each group of routes has a scope of its own. */
async function registerRoutes(app: App, deps: RouteDeps): Promise<void> {
  const { keys } = deps;
  registerAudit(app, deps.audit);
  registerSiteGuard(app, keys, deps);
  const onWrongKey = await registerRateLimits(app, deps.limits);
  registerAuth(app, keys, { onWrongKey, otherProof: (request) => sessionCaller(deps, request) });
  negotiateHook(app);
  for (const routes of ROUTES) {
    await app.register(async (scope) => routes(scope.withTypeProvider<ZodTypeProvider>(), deps));
  }
}

/** Protects against clients that keep connections busy by sending or reading almost nothing. */
function timeouts({ headersTimeoutMs, requestTimeoutMs, filesTimeoutMs, idleTimeoutMs }: ApiLimits) {
  // registerArrival applies the shorter limit to requests without files.
  const requestTimeout = Math.max(requestTimeoutMs, filesTimeoutMs);
  return {
    requestTimeout,
    connectionTimeout: idleTimeoutMs,
    keepAliveTimeout: Math.min(KEEP_ALIVE_MS, idleTimeoutMs),
    http: {
      // Repeated here, since Node compares it with headersTimeout before Fastify sets it.
      requestTimeout,
      headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
      connectionsCheckingInterval: Math.min(headersTimeoutMs, CHECK_MS),
    },
  };
}
