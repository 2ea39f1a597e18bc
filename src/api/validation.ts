import type { FastifySchemaCompiler } from 'fastify';
import { z } from 'zod';
import { invalidFields } from '../core/errors.ts';
import { fieldErrorsOf, plainMessage } from '../core/validation-messages.ts';

/** What clients call the parts of a request, by Fastify's names. */
const PARTS: Record<string, string> = { querystring: 'query', params: 'path' };

/** Parses each part of a request by its Zod schema; a part that does not fit becomes validation_failed. */
export const validateRequest: FastifySchemaCompiler<z.core.$ZodType> =
  ({ schema, httpPart = 'request' }) =>
  (value) => {
    const parsed = z.core.safeParse(schema, value, { error: plainMessage });
    if (parsed.success) return { value: parsed.data };
    return { error: invalidFields(fieldErrorsOf(parsed.error.issues, PARTS[httpPart] ?? httpPart)) };
  };
