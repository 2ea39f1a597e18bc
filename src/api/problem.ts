import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { InferenceError } from '../core/contracts/open-inference.ts';
import { ERRORS, type ErrorCode, type StylographError } from '../core/errors.ts';

export const PROBLEM_TYPE = 'application/problem+json';

export const Problem = z
  .strictObject({
    type: z.string().meta({ description: 'A URI of the kind of error, ending in its code.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'What happened, and how to fix it.' }),
    instance: z.string().meta({ description: 'The path of the request.' }),
    code: z.string().meta({ description: 'Stable identifier for programs to branch on.' }),
    errors: z
      .array(z.strictObject({ path: z.string(), message: z.string() }))
      .optional()
      .meta({ description: 'The fields that are wrong, for `validation_failed`.' }),
  })
  .meta({
    id: 'Problem',
    description: 'An error, as RFC 9457 defines it.',
    example: {
      type: 'urn:stylograph:problem:run_not_found',
      title: 'There is no such run',
      status: 404,
      detail: 'There is no run "run_01JD9YQ7M2T4V6X8Z0B2D4F6H8"; GET /runs lists them all.',
      instance: '/runs/run_01JD9YQ7M2T4V6X8Z0B2D4F6H8',
      code: 'run_not_found',
    },
  });
export type Problem = z.infer<typeof Problem>;

/** The body of an error response. */
export function toProblem(error: StylographError, instance: string): Problem {
  return {
    type: `urn:stylograph:problem:${error.code}`,
    title: error.title,
    status: error.status,
    detail: error.message,
    instance,
    code: error.code,
    ...(error.errors && { errors: error.errors }),
  };
}

/** Whether errors of a path have the form of the Open Inference Protocol, as its clients expect. */
export const speaksOpenInference = (path: string): boolean => path === '/v2' || path.startsWith('/v2/');

interface ErrorResponse<T extends z.ZodType> {
  description: string;
  content: Record<string, { schema: T }>;
}

/** Errors of every route. */
const ALWAYS: ErrorCode[] = [
  'validation_failed',
  'unauthorized',
  'forbidden',
  'cross_site',
  'not_acceptable',
  'rate_limited',
  'store_unavailable',
  'internal',
];

type ErrorResponses<T extends z.ZodType> = Record<`${4 | 5}${number}`, ErrorResponse<T>>;

/** Error responses of a route by status: these errors, and those of every route. */
export const problems = (...codes: ErrorCode[]): ErrorResponses<typeof Problem> =>
  byStatus(codes, PROBLEM_TYPE, Problem);

/** Error responses of a route of the Open Inference Protocol. */
export const inferenceErrors = (...codes: ErrorCode[]): ErrorResponses<typeof InferenceError> =>
  byStatus(codes, 'application/json', InferenceError);

function byStatus<T extends z.ZodType>(codes: ErrorCode[], type: string, schema: T): ErrorResponses<T> {
  const responses: Record<string, ErrorResponse<T>> = {};
  for (const status of [...new Set([...ALWAYS, ...codes].map((code) => ERRORS[code][0]))].sort()) {
    const here = [...ALWAYS, ...codes].filter((code) => ERRORS[code][0] === status);
    responses[status] = {
      description: `${STATUS_CODES[status]}: ${here.map((code) => `\`${code}\` (${ERRORS[code][1].toLowerCase()})`).join(', ')}`,
      content: { [type]: { schema } },
    };
  }
  return responses;
}
