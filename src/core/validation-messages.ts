import { z } from 'zod';
import { type FieldError, invalidFields } from './errors.ts';

const TYPES: Record<string, string> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
  tuple: 'a list',
};

const FORMATS: Record<string, string> = {
  base64: 'base64',
  url: 'a URL',
  datetime: 'a time in ISO 8601, such as 2026-11-24T12:00:00.000Z',
};

/** What sizes count, by the type of the value; a number is compared itself. */
const UNITS: Record<string, string> = { string: 'characters', array: 'items', set: 'items', map: 'entries' };

/** Known fields that a message lists at most. */
const MOST_LISTED = 24;

/**
 * Describes one Zod issue for the person who sent the value, to be read after the field's path. A message that the
 * schema states itself is used instead. Pass it as `error` when parsing: `schema.safeParse(value, { error: plainMessage })`.
 */
export const plainMessage: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      return typeMessage(issue.inst instanceof z.core.$ZodNumberFormat ? 'int' : issue.expected, issue.input);
    case 'invalid_value':
      return `must be ${oneOf(issue.values.map((value) => JSON.stringify(value)))}`;
    case 'too_small':
      return sizeMessage('at least', 'above', issue.minimum, issue);
    case 'too_big':
      return sizeMessage('at most', 'below', issue.maximum, issue);
    case 'invalid_format':
      return issue.format === 'regex'
        ? `must match ${issue.pattern}`
        : `must be ${FORMATS[issue.format] ?? `valid (${issue.format})`}`;
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'unrecognized_keys':
      return `is not known here${knownFields(issue.inst)}`;
    case 'invalid_union':
      return 'has none of the allowed forms';
    case 'invalid_key':
      return 'has a name that is not allowed';
    default:
      return 'is not valid';
  }
};

function typeMessage(expected: string, input: unknown): string {
  if (expected === 'undefined' || expected === 'never') return 'must not be given';
  if (input === undefined) return 'is required';
  const isNumber = expected === 'number' || expected === 'int';
  if (isNumber && typeof input === 'number' && !Number.isFinite(input)) return 'must be a finite number';
  return `must be ${TYPES[expected] ?? expected}`;
}

function sizeMessage(
  inclusive: string,
  exclusive: string,
  bound: number | bigint,
  issue: { origin: string; inclusive?: boolean; exact?: boolean },
): string {
  const unit = UNITS[issue.origin];
  if (unit === undefined) return `must be ${issue.inclusive === false ? exclusive : inclusive} ${bound}`;
  if (issue.exact) return `must have exactly ${bound} ${unit}`;
  if (inclusive === 'at least' && Number(bound) === 1) return 'must not be empty';
  return `must have ${inclusive} ${bound} ${unit}`;
}

const oneOf = (values: (string | undefined)[]): string =>
  values.length > 2 ? `one of ${values.join(', ')}` : values.join(' or ');

/** Lists the fields of an object schema, so that a misspelt name can be corrected. */
function knownFields(schema: unknown): string {
  const names = schema instanceof z.core.$ZodObject ? Object.keys(schema._zod.def.shape) : [];
  return names.length === 0 || names.length > MOST_LISTED ? '' : `; the known fields are ${names.join(', ')}`;
}

/**
 * One entry per mistake: unknown fields one by one, and for a union the mistakes in the form that fits best.
 * @param prefix the part of the request that the issues belong to, as clients know it: `body`, `query`
 */
export const fieldErrorsOf = (issues: readonly z.core.$ZodIssue[], prefix: string): FieldError[] =>
  issues.flatMap((issue) => flatten(issue, prefix));

function flatten(issue: z.core.$ZodIssue, prefix: string): FieldError[] {
  const path = [prefix, ...issue.path].map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: `${path}.${key}`, message: issue.message }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const depth = (issues: z.core.$ZodIssue[]): number =>
      Math.max(0, ...issues.map((inner) => inner.path.length));
    const best = issue.errors.reduce((a, b) => (depth(b) > depth(a) ? b : a));
    if (depth(best) > 0) return best.flatMap((inner) => flatten(inner, path));
    return [{ path, message: eitherOf(issue.errors.flat().map(({ message }) => message)) }];
  }
  return [{ path, message: issue.message }];
}

/** "must be a string" and "must be a number" as one sentence. */
function eitherOf(messages: string[]): string {
  const [first = '', ...others] = new Set(messages);
  const rest = others.map((message) => message.replace(/^must be /, ''));
  return [first, ...(first.startsWith('must be ') ? rest : others)].join(' or ');
}

/** Parses a part of a request. @throws validation_failed naming every field that is wrong, with its path under `prefix` */
export function parsePart<T extends z.core.$ZodType>(
  schema: T,
  value: unknown,
  prefix: string,
): z.core.output<T> {
  const parsed = z.core.safeParse(schema, value, { error: plainMessage });
  if (parsed.success) return parsed.data;
  throw invalidFields(fieldErrorsOf(parsed.error.issues, prefix));
}
