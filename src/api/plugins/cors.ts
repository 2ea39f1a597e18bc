import cors from '@fastify/cors';
import type { App } from '../context.ts';

/** Request headers that the API uses. */
const REQUEST_HEADERS = [
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
/** Response headers that pages may read besides those that CORS always allows. */
const RESPONSE_HEADERS = [
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
 * Lets pages of these origins call the API (CORS). Like programs they send a key; cookies are not used. Without origins
 * nothing is registered.
 */
export async function registerCors(app: App, origins: readonly string[] = []): Promise<void> {
  if (origins.length === 0) return;
  const allowed = new Set(origins);
  await app.register(cors, {
    // A function, since a list would also add headers to answers to requests without an origin.
    origin: (origin, done) => done(null, origin !== undefined && allowed.has(origin) ? origin : false),
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: REQUEST_HEADERS,
    exposedHeaders: RESPONSE_HEADERS,
    maxAge: PREFLIGHT_S,
    strictPreflight: false,
  });
}
