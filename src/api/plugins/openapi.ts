import swagger, { type SwaggerTransform, type SwaggerTransformObject } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import type { App } from '../context.ts';
import { HEADERS, type RouteDoc } from '../openapi.ts';

/** Content security policy for Swagger UI: scripts from this server only. */
const PAGE_POLICY = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data: blob:",
  'font-src': "'self' data:",
  'connect-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
};

const TAGS = [
  {
    name: 'runs',
    description: 'Training runs: start, follow, pause and cancel them, and get their results.',
  },
  { name: 'models', description: 'Published models and the aliases that point to them.' },
  { name: 'datasets', description: 'Labelled images to train on.' },
  { name: 'inference', description: 'Generate, encode, decode and reconstruct images; transfer styles.' },
  {
    name: 'open inference',
    description:
      'The Open Inference Protocol (v2), for KServe and Triton clients. Errors have the form that the protocol defines.',
  },
  { name: 'operations', description: 'Health, metrics, queues and documentation.' },
];

/** Serves the OpenAPI document at /openapi.json and Swagger UI at /docs. Register before the routes. */
export async function registerOpenApi(app: App, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: documentBase(version),
    transform: describeRoute,
    transformObject: describeDocument,
  });
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: PAGE_POLICY });
}

/** The parts of the document that do not come from a route. */
function documentBase(version: string) {
  return {
    openapi: '3.1.1' as const,
    info: {
      title: 'Stylograph',
      version,
      description:
        'Trains a conditional VAE+GAN on labelled images and serves it. Every error is an RFC 9457 problem with a ' +
        'stable `code`. Out-of-range values and unknown fields are rejected.',
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
            'A key from API_KEYS or from the file that `stylograph keys` writes. A server without keys needs none.',
        },
      },
    },
  };
}

/** Describes one route to @fastify/swagger: its JSON body, and the scope that it needs. */
const describeRoute: SwaggerTransform = (input) => {
  const { schema, route } = input;
  // @fastify/swagger passes undefined for routes without a schema.
  if (!schema || schema.hide) return jsonSchemaTransform(input);
  const { scope } = route.config ?? {};
  const security = scope === 'public' ? [] : [{ apiKey: scope ? [scope] : [] }, {}];
  return jsonSchemaTransform({ ...input, schema: { ...schema, body: firstContent(schema.body), security } });
};

/** A body with several media types is described by its first; completeOperation adds the others. */
function firstContent(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || !('content' in body)) return body;
  return Object.values(body.content as Record<string, { schema: unknown }>)[0]!.schema;
}

type Schemas = Record<string, unknown>;
interface Operation {
  'x-doc'?: RouteDoc;
  responses: Record<string, { headers?: object; links?: object }>;
  requestBody?: { required?: boolean; content: Record<string, { schema: unknown }> };
}
/** The document as far as it is changed here. */
interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Schemas; headers?: object };
}

/** Completes the document: request bodies, response headers and links, and each component schema under one name. */
const describeDocument: SwaggerTransformObject = (input) => {
  const { paths, components, ...rest } = copyRefs(jsonSchemaTransformObject(input), (ref) => ref) as Document;
  for (const operations of Object.values(paths)) {
    for (const operation of Object.values(operations)) completeOperation(operation);
  }
  const whole = { ...rest, components: { ...components, headers: HEADERS }, paths };
  const document = mergeInputs(whole) as Document;
  document.components.schemas = usedSchemas(document);
  return document as ReturnType<SwaggerTransformObject>;
};

function completeOperation(operation: Operation): void {
  const doc = operation['x-doc'] ?? {};
  delete operation['x-doc'];
  for (const [status, response] of Object.entries(operation.responses)) {
    const names = headersOf(status, doc);
    if (names.length > 0) response.headers = headerRefs(names);
    // The 200 of a dry run creates nothing that links could refer to.
    const created = !('202' in operation.responses) || status === '202';
    if (doc.links && status.startsWith('2') && created) response.links = linkObjects(doc.links);
  }
  const { requestBody } = operation;
  if (!requestBody) return;
  if (doc.form) requestBody.content = { 'multipart/form-data': { schema: doc.form } };
  if (doc.bodyIsBytes) requestBody.content = {};
  if (doc.bodyOptional) requestBody.required = false;
  for (const type of doc.bodyTypes ?? []) requestBody.content[type] = { schema: { contentMediaType: type } };
}

function headersOf(status: string, { headers = [] }: RouteDoc): readonly string[] {
  if (status.startsWith('2')) return headers;
  if (status === '429' || status === '503') return ['Retry-After'];
  return status === '401' ? ['WWW-Authenticate'] : [];
}

const headerRefs = (names: readonly string[]): object =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

const linkObjects = (links: NonNullable<RouteDoc['links']>): object =>
  Object.fromEntries(
    Object.entries(links).map(([operationId, { parameter, from }]) => [
      operationId,
      { operationId, parameters: { [parameter]: from } },
    ]),
  );

const SCHEMAS = '#/components/schemas/';
/** z.json() refers to itself under a name that the document does not define. It means any JSON. */
const ANY_JSON = `${SCHEMAS}__shared#`;

/** `XInput` differs from `X` only when a schema has defaults. Otherwise references to `XInput` become references to `X`. */
function mergeInputs(document: Document): unknown {
  const { schemas } = document.components;
  const merged = new Set(
    Object.keys(schemas).filter((name) => {
      const input = copyRefs(schemas[`${name}Input`], (ref) => ref.replace(/Input$/, ''));
      return input !== undefined && JSON.stringify(input) === JSON.stringify(schemas[name]);
    }),
  );
  return copyRefs(document, (ref) => {
    if (ref.startsWith(ANY_JSON)) return undefined;
    const name = ref.replace(SCHEMAS, '').replace(/Input$/, '');
    return ref.endsWith('Input') && merged.has(name) ? `${SCHEMAS}${name}` : ref;
  });
}

/** Copies JSON with every `$ref` replaced by the result of `map`; undefined removes it. */
function copyRefs(node: unknown, map: (ref: string) => string | undefined): unknown {
  if (Array.isArray(node)) return node.map((item) => copyRefs(item, map));
  if (typeof node !== 'object' || node === null) return node;
  const entries = Object.entries(node).map(([key, value]): [string, unknown] => [
    key,
    key === '$ref' && typeof value === 'string' ? map(value) : copyRefs(value, map),
  ]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** The component schemas that the rest of the document refers to, directly or through others. */
function usedSchemas({ components, ...rest }: Document): Schemas {
  const used = new Set<string>();
  const collect = (node: unknown): void => {
    copyRefs(node, (ref) => {
      const name = ref.replace(SCHEMAS, '');
      if (ref.startsWith(SCHEMAS) && !used.has(name)) {
        used.add(name);
        collect(components.schemas[name]);
      }
      return ref;
    });
  };
  collect(rest);
  return Object.fromEntries(Object.entries(components.schemas).filter(([name]) => used.has(name)));
}
