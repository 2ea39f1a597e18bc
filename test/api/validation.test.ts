import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { buildApp } from '../../src/api/app.ts';
import type { ApiDeps } from '../../src/api/deps.ts';
import { invalidValues, type JsonSchema, resolver, validValue } from './schema-values.ts';

/** Phrases of Zod's own messages. */
const RAW = /^(Too|Invalid|Expected|Unrecognized)|received|expected \w+ to/;

interface Parameter {
  name: string;
  in: 'query' | 'path' | 'header';
  required?: boolean;
  schema: JsonSchema;
}
interface Operation {
  operationId: string;
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: JsonSchema }> };
}
interface Request {
  operationId: string;
  method: 'GET';
  url: string;
  headers: Record<string, string>;
  payload?: string;
}

// Invalid requests reach no service. The optional parts must be present, since their routes exist only with them.
const parts = { models: {}, queues: () => [], sessions: {}, webhooks: {} } as unknown as Partial<ApiDeps>;
const app = await buildApp({ version: 'test', ...parts } as ApiDeps);
await app.ready();
after(() => app.close());

const document = app.swagger() as unknown as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, JsonSchema> };
};
const resolve = resolver(document.components.schemas);

/** A request with valid values except for one parameter or the body. */
function requestWith(
  [path, method, operation]: [string, string, Operation],
  wrong: { parameter?: string; value: unknown },
): Request {
  let url = path;
  const query = new URLSearchParams();
  const headers: Record<string, string> = {};
  for (const { name, in: place, required, schema } of operation.parameters ?? []) {
    const isWrong = name === wrong.parameter;
    if (!isWrong && !required) continue;
    const text = String(isWrong ? wrong.value : validValue(schema, resolve));
    if (place === 'path') url = url.replace(`{${name}}`, encodeURIComponent(text));
    else if (place === 'query') query.set(name, text);
    else headers[name] = text;
  }
  const body = operation.requestBody?.content['application/json'];
  const value = wrong.parameter === undefined ? wrong.value : body && validValue(body.schema, resolve);
  if (value !== undefined) headers['content-type'] = 'application/json';
  return {
    operationId: operation.operationId,
    method: method.toUpperCase() as 'GET',
    url: `${url}?${query}`,
    headers,
    ...(value !== undefined && { payload: JSON.stringify(value) }),
  };
}

function* invalidRequests(): Generator<Request> {
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const route: [string, string, Operation] = [path, method, operation];
      for (const { name, schema } of operation.parameters ?? []) {
        for (const value of invalidValues(schema, resolve)) {
          // Parameters are text, so values of other types cannot be sent.
          if (typeof value !== 'object') yield requestWith(route, { parameter: name, value });
        }
      }
      const body = operation.requestBody?.content['application/json'];
      for (const value of body ? invalidValues(body.schema, resolve) : [])
        yield requestWith(route, { value });
    }
  }
}

test('the answer to every kind of invalid request explains the mistake in plain words', async () => {
  const operations = new Set<string>();
  let count = 0;
  for (const { operationId, ...request } of invalidRequests()) {
    const what = `${request.method} ${request.url} ${request.payload?.slice(0, 300)}`;
    const answer = await app.inject(request);
    assert.equal(answer.statusCode, 400, `${what}: ${answer.body}`);
    const { code, errors, error } = answer.json() as {
      code?: string;
      errors?: { path: string; message: string }[];
      error?: string;
    };
    // The Open Inference Protocol has a form of its own.
    if (error === undefined) assert.equal(code, 'validation_failed', what);
    for (const message of errors?.map((one) => one.message) ?? error!.split(/: |; /)) {
      assert.doesNotMatch(message, RAW, what);
    }
    operations.add(operationId);
    count++;
  }
  for (const id of [
    'createRun',
    'generate',
    'encode',
    'interpolate',
    'promoteModel',
    'infer',
    'getRunMetrics',
  ]) {
    assert.ok(operations.has(id), `no invalid request was made for ${id}`);
  }
  assert.ok(count > 300, `only ${count} invalid requests were made`);
});
