/** The keywords of a JSON schema from which this file makes values. */
export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  const?: unknown;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: unknown;
  items?: JsonSchema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  minimum?: number;
  maximum?: number;
  example?: unknown;
  examples?: unknown[];
}

type Resolve = (schema: JsonSchema) => JsonSchema;

/** Follows references to the component schemas of an OpenAPI document. */
export const resolver =
  (schemas: Record<string, JsonSchema>): Resolve =>
  (schema) =>
    schema.$ref === undefined ? schema : schemas[schema.$ref.split('/').at(-1)!]!;

/** The smallest value that a schema accepts. */
export function validValue(given: JsonSchema, resolve: Resolve): unknown {
  const schema = resolve(given);
  const { example = schema.examples?.[0] } = schema;
  if (example !== undefined) return example;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return validValue(options[0]!, resolve);
  switch (schema.type) {
    case 'object':
      return Object.fromEntries(
        (schema.required ?? []).map((name) => [name, validValue(schema.properties![name]!, resolve)]),
      );
    case 'array':
      return Array.from({ length: schema.minItems ?? 0 }, () => validValue(schema.items!, resolve));
    case 'boolean':
      return true;
    case 'integer':
    case 'number':
      return schema.minimum ?? 1;
    default:
      return schema.format === 'uri' ? 'https://example.org' : 'abcd'.slice(0, schema.maxLength);
  }
}

/** Values that break one constraint of a schema each, at any depth. */
export function* invalidValues(given: JsonSchema, resolve: Resolve): Generator<unknown> {
  const schema = resolve(given);
  const options = schema.anyOf ?? schema.oneOf;
  if (options) {
    yield { neither: true };
    for (const option of options) {
      const others = options.filter((other) => other !== option).map((other) => resolve(other).type);
      // A value of another option's type might be valid there.
      for (const value of invalidValues(option, resolve)) {
        if (!typesOf(value).some((type) => others.includes(type))) yield value;
      }
    }
    return;
  }
  if (schema.enum || schema.const !== undefined) yield 'none of these';
  else if (schema.type === 'object') yield* invalidObjects(schema, resolve);
  else if (schema.type === 'array') yield* invalidArrays(schema, resolve);
  else if (schema.type === 'boolean') yield 'maybe';
  else if (schema.type === 'integer' || schema.type === 'number') yield* invalidNumbers(schema);
  else if (schema.type === 'string') yield* invalidStrings(schema);
}

function typesOf(value: unknown): string[] {
  if (Array.isArray(value)) return ['array'];
  return typeof value === 'number' ? ['integer', 'number'] : [typeof value];
}

function* invalidNumbers({ type, minimum, maximum }: JsonSchema): Generator<unknown> {
  yield 'many';
  if (type === 'integer') yield 1.5;
  if (minimum !== undefined) yield minimum - 1;
  if (maximum !== undefined) yield maximum + 1;
}

function* invalidStrings({ minLength, maxLength, pattern, format }: JsonSchema): Generator<unknown> {
  yield { not: 'a string' };
  if (minLength) yield '';
  if (maxLength !== undefined) yield 'x'.repeat(maxLength + 1);
  const misfit = ['?', 'two words', 'ß'].find(
    (text) => pattern === undefined || !new RegExp(pattern).test(text),
  );
  if ((pattern !== undefined || format !== undefined) && misfit !== undefined) yield misfit;
}

function* invalidArrays({ items, minItems, maxItems }: JsonSchema, resolve: Resolve): Generator<unknown> {
  yield 'a list';
  if (minItems) yield [];
  if (maxItems !== undefined) yield Array.from({ length: maxItems + 1 }, () => validValue(items!, resolve));
  for (const item of invalidValues(items ?? {}, resolve)) yield [item];
}

function* invalidObjects(schema: JsonSchema, resolve: Resolve): Generator<unknown> {
  yield [];
  const valid = validValue(schema, resolve) as object;
  if (schema.additionalProperties === false) yield { ...valid, unknown: 1 };
  for (const name of schema.required ?? []) yield { ...valid, [name]: undefined };
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    for (const value of invalidValues(property, resolve)) yield { ...valid, [name]: value };
  }
}
