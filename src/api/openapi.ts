import type { SwaggerTransform, SwaggerTransformObject } from '@fastify/swagger';
import type { RouteOptions } from 'fastify';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';

/** Response headers by the name under `components.headers`. */
const HEADERS = {
  Location: { description: 'Where what was created is found.', schema: { type: 'string' } },
  'X-Model-Id': { description: 'The model that answered.', schema: { type: 'string' } },
  'X-Seed': {
    description: 'The seed of the first image; the others derive from it.',
    schema: { type: 'integer' },
  },
  ETag: { description: 'Strong; only where the answer is the same every time.', schema: { type: 'string' } },
  'Cache-Control': {
    description: '`no-store` for what was drawn afresh; `immutable` for a seed and a model id.',
    schema: { type: 'string' },
  },
  'Server-Timing': {
    description:
      'Milliseconds of waiting (`queue`), computing (`compute`) and writing the answer (`encode`).',
    schema: { type: 'string' },
  },
  'Inference-Header-Content-Length': {
    description: 'Bytes of JSON that the answer begins with, where those of tensors follow.',
    schema: { type: 'integer' },
  },
  'Idempotency-Replayed': {
    description: '`true` when the key had created this run before.',
    schema: { type: 'string', enum: ['true'] },
  },
  'Retry-After': {
    description: 'Seconds after which trying again makes sense.',
    schema: { type: 'integer' },
  },
  'Accept-Ranges': { description: '`bytes`: parts may be asked for.', schema: { type: 'string' } },
  'Content-Range': { description: 'Which part this is, where it is one.', schema: { type: 'string' } },
  'Set-Cookie': { description: 'A session, where one was needed.', schema: { type: 'string' } },
  'WWW-Authenticate': { description: 'How to authenticate.', schema: { type: 'string' } },
} as const;

/** What a route's schema cannot say: it becomes part of the OpenAPI document and has no effect on requests. */
export interface RouteDoc {
  /** Headers of successful answers. */
  headers?: (keyof typeof HEADERS)[];
  /** Media types of bodies that are taken as bytes. */
  bodyTypes?: string[];
  /** The body is never JSON. */
  bodyIsBytes?: boolean;
  /** The body is multipart/form-data of this JSON schema. */
  form?: Record<string, unknown>;
  /** Operations to go on with, and which of their parameters a successful answer gives, as runtime expressions. */
  links?: Record<string, { parameter: string; from: string }>;
  /** The request may come without a body. */
  bodyOptional?: boolean;
}

declare module 'fastify' {
  interface FastifySchema {
    'x-doc'?: RouteDoc;
  }
}

const TAGS = [
  { name: 'runs', description: 'Training runs: start, follow, pause, cancel, and what they leave behind.' },
  { name: 'models', description: 'Published models and the aliases that point at them.' },
  { name: 'datasets', description: 'Labelled images to train on.' },
  { name: 'inference', description: 'Generate, encode, decode, reconstruct, transfer styles.' },
  {
    name: 'open inference',
    description: 'The Open Inference Protocol (v2), for clients of KServe and Triton. Errors have its form.',
  },
  { name: 'operations', description: 'Health and documentation.' },
];

/** The parts of the document that no route gives. */
export function documentBase(version: string) {
  return {
    openapi: '3.1.1' as const,
    info: {
      title: 'Stylograph',
      version,
      description:
        'Trains a conditional VAE+GAN on labelled images and serves it. Every error is an RFC 9457 problem with a ' +
        'stable `code`. Values out of range and unknown fields are refused.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'This server' }],
    tags: TAGS,
    components: {
      securitySchemes: {
        apiKey: {
          type: 'http' as const,
          scheme: 'bearer',
          description:
            'A key of API_KEYS or of the file that `stylograph keys` writes. A server without keys needs none.',
        },
      },
    },
  };
}

/** One route: bodies of several media types, and what the call needs of a key. */
export const describeRoute: SwaggerTransform = (input) => {
  const { schema, route } = input as unknown as {
    schema: Record<string, unknown> | undefined;
    route: RouteOptions;
  };
  if (!schema || schema.hide) return jsonSchemaTransform(input as never);
  const { content } = (schema.body ?? {}) as { content?: Record<string, { schema: unknown }> };
  const single = content ? { ...schema, body: Object.values(content)[0]!.schema } : schema;
  const { scope } = route.config ?? {};
  const security = scope === 'public' ? [] : [{ apiKey: scope ? [scope] : [] }, {}];
  return jsonSchemaTransform({ ...input, schema: { ...single, security } } as never);
};

type Json = Record<string, unknown>;
interface Operation {
  'x-doc'?: RouteDoc;
  responses: Record<string, { headers?: Json; links?: Json }>;
  requestBody?: { required?: boolean; content: Json };
}

const headerRefs = (names: readonly string[]): Json =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

const linkObjects = (links: NonNullable<RouteDoc['links']>): Json =>
  Object.fromEntries(
    Object.entries(links).map(([operationId, { parameter, from }]) => [
      operationId,
      { operationId, parameters: { [parameter]: from } },
    ]),
  );

/** What may be done with a thing whose id an answer tells. */
export const linksTo = (
  parameter: string,
  from: string,
  ...operationIds: string[]
): NonNullable<RouteDoc['links']> => Object.fromEntries(operationIds.map((id) => [id, { parameter, from }]));

function completeOperation(operation: Operation): void {
  const doc = operation['x-doc'] ?? {};
  delete operation['x-doc'];
  for (const [status, response] of Object.entries(operation.responses)) {
    const names = status.startsWith('2')
      ? (doc.headers ?? [])
      : status === '429' || status === '503'
        ? ['Retry-After']
        : status === '401'
          ? ['WWW-Authenticate']
          : [];
    if (names.length > 0) response.headers = headerRefs(names);
    // A dry run creates nothing to go on with.
    const created = !('202' in operation.responses) || status === '202';
    if (doc.links && status.startsWith('2') && created) response.links = linkObjects(doc.links);
  }
  if (!operation.requestBody) return;
  if (doc.form) operation.requestBody.content = { 'multipart/form-data': { schema: doc.form } };
  if (doc.bodyIsBytes) operation.requestBody.content = {};
  if (doc.bodyOptional) operation.requestBody.required = false;
  for (const type of doc.bodyTypes ?? []) {
    operation.requestBody.content[type] = { schema: { contentMediaType: type } };
  }
}

/** `XInput` differs from `X` only where a schema has defaults; where it does not, one name is enough. */
function mergeInputs(document: Json, schemas: Record<string, unknown>): Json {
  let text = JSON.stringify({ ...document, components: { ...(document.components as Json), schemas } });
  for (const name of Object.keys(schemas)) {
    const input = JSON.stringify(schemas[`${name}Input`]);
    if (input === undefined || withoutInput(input) !== JSON.stringify(schemas[name])) continue;
    text = text.replaceAll(`"#/components/schemas/${name}Input"`, `"#/components/schemas/${name}"`);
  }
  // z.json() refers to itself under a name that the document does not have; what it says is: any JSON.
  return JSON.parse(text.replace(/\{"\$ref":"#\/components\/schemas\/__shared#[^"]*"\}/g, '{}')) as Json;
}

/** Within an input schema every reference is to an input schema. */
const withoutInput = (text: string): string => text.replace(/(#\/components\/schemas\/\w+)Input"/g, '$1"');

/** Drops schemas that nothing refers to any more, until none is left. */
function prune(document: Json): void {
  const { schemas } = document.components as { schemas: Record<string, unknown> };
  for (let removed = true; removed; ) {
    removed = false;
    const text = JSON.stringify(document);
    for (const name of Object.keys(schemas)) {
      if (text.includes(`"#/components/schemas/${name}"`)) continue;
      delete schemas[name];
      removed = true;
    }
  }
}

/** The whole document: component schemas, response headers, other bodies. */
export const describeDocument: SwaggerTransformObject = (input) => {
  const complete = jsonSchemaTransformObject(input) as unknown as Json;
  for (const path of Object.values(complete.paths as Record<string, Record<string, Operation>>)) {
    for (const operation of Object.values(path)) completeOperation(operation);
  }
  const components = complete.components as { schemas: Record<string, unknown> };
  const document = mergeInputs(
    { ...complete, components: { ...components, headers: HEADERS } },
    components.schemas,
  );
  prune(document);
  return document as never;
};
