import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { DatasetUpload } from '../../src/core/contracts/dataset.ts';
import { parsePart } from '../../src/core/validation-messages.ts';

const CASES: [string, z.ZodType, unknown, string][] = [
  ['a missing field', z.object({ a: z.string() }), {}, 'q.a: is required'],
  ['a number in place of a string', z.string(), 1, 'q: must be a string'],
  ['a string in place of a number', z.number(), 'x', 'q: must be a number'],
  ['an infinite number', z.number(), Number.POSITIVE_INFINITY, 'q: must be a finite number'],
  ['a fraction', z.int(), 1.5, 'q: must be a whole number'],
  ['a word in place of a boolean', z.boolean(), 'maybe', 'q: must be true or false'],
  ['a list in place of an object', z.object({}), [], 'q: must be an object'],
  ['a string in place of a record', z.record(z.string(), z.int()), 'x', 'q: must be an object'],
  ['an object in place of a list', z.array(z.int()), {}, 'q: must be a list'],
  ['an object in place of a tuple', z.tuple([z.int()]), {}, 'q: must be a list'],
  ['a value that must be absent', z.undefined(), 1, 'q: must not be given'],
  ['a number below its minimum', z.int().min(1), 0, 'q: must be at least 1'],
  ['a number above its maximum', z.int().max(9), 10, 'q: must be at most 9'],
  ['a number at an exclusive minimum', z.number().gt(0), 0, 'q: must be above 0'],
  ['a number at an exclusive maximum', z.number().lt(1), 1, 'q: must be below 1'],
  ['a number off its step', z.int().multipleOf(4), 6, 'q: must be a multiple of 4'],
  ['an empty string', z.string().min(1), '', 'q: must not be empty'],
  ['a short string', z.string().min(3), 'ab', 'q: must have at least 3 characters'],
  ['a long string', z.string().max(3), 'abcd', 'q: must have at most 3 characters'],
  ['an empty list', z.array(z.int()).min(1), [], 'q: must not be empty'],
  ['a short list', z.array(z.int()).min(2), [1], 'q: must have at least 2 items'],
  ['a long list', z.array(z.int()).max(1), [1, 2], 'q: must have at most 1 items'],
  ['a list of the wrong length', z.array(z.int()).length(3), [1], 'q: must have exactly 3 items'],
  ['a string off its pattern', z.string().regex(/^a$/), 'b', 'q: must match /^a$/'],
  ['a pattern with a message of its own', z.string().regex(/^a$/, 'must be a'), 'b', 'q: must be a'],
  ['text that is not base64', z.base64(), '?', 'q: must be base64'],
  ['text that is not a URL', z.url(), '?', 'q: must be a URL'],
  ['an unknown option of two', z.enum(['png', 'json']), 'gif', 'q: must be "png" or "json"'],
  ['an unknown option of three', z.enum(['a', 'b', 'c']), 'd', 'q: must be one of "a", "b", "c"'],
  ['another literal', z.literal(1), 2, 'q: must be 1'],
  [
    'an unknown field',
    z.strictObject({ a: z.int().optional() }),
    { b: 1 },
    'q.b: is not known here; the known fields are a',
  ],
  ['a field where none is known', z.strictObject({}), { b: 1 }, 'q.b: is not known here'],
  ['no form of a union', z.union([z.int(), z.string()]), {}, 'q: must be a whole number or a string'],
  [
    'the best form of a union',
    z.union([z.object({ a: z.int() }), z.string()]),
    { a: 'x' },
    'q.a: must be a whole number',
  ],
  [
    'a form without a match',
    z.discriminatedUnion('t', [z.object({ t: z.literal('a') })]),
    { t: 'b' },
    'q.t: has none of the allowed forms',
  ],
  [
    'a wrong name in a record',
    z.record(z.string().max(1), z.int()),
    { ab: 1 },
    'q.ab: has a name that is not allowed',
  ],
  ['a refinement without a message', z.int().refine(() => false), 1, 'q: is not valid'],
];

for (const [what, schema, value, message] of CASES) {
  test(`${what} is explained in plain words`, () => {
    assert.throws(() => parsePart(schema, value, 'q'), { code: 'validation_failed', message });
  });
}

test('every mistake is listed with its path', () => {
  assert.throws(() => parsePart(DatasetUpload, { name: '', size: 15, channels: 2, colour: 'red' }, 'body'), {
    errors: [
      { path: 'body.name', message: 'must not be empty' },
      { path: 'body.size', message: 'must be at least 16' },
      { path: 'body.size', message: 'must be a multiple of 4' },
      { path: 'body.channels', message: 'must be 1 or 3' },
      {
        path: 'body.colour',
        message: 'is not known here; the known fields are name, size, channels, polarity, labels',
      },
    ],
  });
});
