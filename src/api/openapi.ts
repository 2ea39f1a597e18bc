/** What a route says in the OpenAPI document beyond its schemas. plugins/openapi.ts writes the document. */

/** Response headers by the name under `components.headers`. */
export const HEADERS = {
  Location: { description: 'Address of the created resource.', schema: { type: 'string' } },
  'X-Model-Id': { description: 'Id of the model that answered.', schema: { type: 'string' } },
  'X-Seed': {
    description: 'Seed of the first image; the seeds of the others derive from it.',
    schema: { type: 'integer' },
  },
  ETag: {
    description: 'Strong entity tag, sent only when the same request always gets the same answer.',
    schema: { type: 'string' },
  },
  'Cache-Control': {
    description: '`no-store` for random results; `immutable` for a given seed and model id.',
    schema: { type: 'string' },
  },
  'Server-Timing': {
    description:
      'Milliseconds spent waiting (`queue`), computing (`compute`) and writing the answer (`encode`).',
    schema: { type: 'string' },
  },
  'Inference-Header-Content-Length': {
    description: 'Length in bytes of the JSON at the start of the answer, when binary tensors follow it.',
    schema: { type: 'integer' },
  },
  'Idempotency-Replayed': {
    description: '`true` when an earlier call with this key created the run.',
    schema: { type: 'string', enum: ['true'] },
  },
  'Retry-After': { description: 'Seconds to wait before a retry.', schema: { type: 'integer' } },
  'Accept-Ranges': { description: '`bytes`: range requests are supported.', schema: { type: 'string' } },
  'Content-Range': {
    description: 'Position of this part in the whole, for a partial answer.',
    schema: { type: 'string' },
  },
  'Set-Cookie': { description: 'The session cookie, when a session was opened.', schema: { type: 'string' } },
  'WWW-Authenticate': { description: 'How to authenticate.', schema: { type: 'string' } },
} as const;

/** Parts of the OpenAPI document that a route's schemas cannot express. They have no effect on requests. */
export interface RouteDoc {
  /** Headers of successful answers. */
  headers?: (keyof typeof HEADERS)[];
  /** Media types of bodies that are read as bytes. */
  bodyTypes?: string[];
  /** The body is never JSON. */
  bodyIsBytes?: boolean;
  /** The body is multipart/form-data with this JSON schema. */
  form?: Record<string, unknown>;
  /** Follow-up operations by id, each with the parameter that a successful answer provides, as a runtime expression. */
  links?: Record<string, { parameter: string; from: string }>;
  /** The request may have no body. */
  bodyOptional?: boolean;
}

declare module 'fastify' {
  interface FastifySchema {
    'x-doc'?: RouteDoc;
  }
}

/** Links to every operation that takes the id in an answer as this parameter. */
export const linksTo = (
  parameter: string,
  from: string,
  ...operationIds: string[]
): NonNullable<RouteDoc['links']> => Object.fromEntries(operationIds.map((id) => [id, { parameter, from }]));
