import cors from '@fastify/cors';
import type { App } from '../context.ts';

/** Headers of requests that the API heeds. */
const TAKEN = [
  'Accept',
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-Match',
  'If-None-Match',
  'Inference-Header-Content-Length',
  'Last-Event-ID',
  'Range',
  'X-Request-Id',
  'traceparent',
];
/** Headers of answers that a page may read besides the few that it always may. */
const TOLD = [
  'Content-Disposition',
  'Content-Range',
  'ETag',
  'Idempotency-Replayed',
  'Inference-Header-Content-Length',
  'Location',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'Retry-After',
  'Server-Timing',
  'WWW-Authenticate',
  'X-Model-Id',
  'X-Request-Id',
  'X-Seed',
];
const PREFLIGHT_S = 600;

/**
 * Lets pages of these origins call the API and read what it answers (CORS). They show a key as any program does:
 * cookies are neither asked for nor looked at. Without origins nothing is registered.
 */
export async function registerCors(app: App, origins: readonly string[] = []): Promise<void> {
  if (origins.length === 0) return;
  const allowed = new Set(origins);
  await app.register(cors, {
    // Given as a function, so that a request without an origin is none of its business.
    origin: (origin, tell) => tell(null, origin !== undefined && allowed.has(origin) ? origin : false),
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: TAKEN,
    exposedHeaders: TOLD,
    maxAge: PREFLIGHT_S,
    strictPreflight: false,
  });
}
