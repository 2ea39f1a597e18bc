import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { isResponseSerializationError } from 'fastify-type-provider-zod';
import { type ErrorCode, errorCodeOf, StylographError } from '../../core/errors.ts';
import type { App } from '../context.ts';
import { PROBLEM_TYPE, speaksOpenInference, toProblem } from '../problem.ts';

const UNPARSED_LINGER_MS = 1_000;

/** Fastify's own errors by their code. */
function fromFastify(error: FastifyError): StylographError | undefined {
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new StylographError(
        'unsupported_media_type',
        'This call does not take a body of that Content-Type; /docs says what it takes, mostly application/json.',
      );
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new StylographError(
        'body_too_large',
        'The body is larger than this call takes; send less at a time.',
      );
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new StylographError('malformed_json', 'The body could not be parsed as JSON; check its syntax.');
    case 'FST_ERR_BAD_URL':
      return new StylographError('validation_failed', 'The path is not valid percent-encoding.');
    default:
      if (error.name === 'SyntaxError' && error.statusCode === 400) {
        return new StylographError('malformed_json', `The body is not valid JSON: ${error.message}.`);
      }
      if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
        return new StylographError('validation_failed', error.message);
      }
      return undefined;
  }
}

/** What the client is told: ours as they are, known ones translated, anything else as `internal` without details. */
export function toStylographError(error: FastifyError, requestId: string): StylographError {
  if (error instanceof StylographError) return error;
  const code = errorCodeOf(error);
  if (code) return new StylographError(code, error.message);
  const translated = isResponseSerializationError(error) ? undefined : fromFastify(error);
  return (
    translated ??
    new StylographError(
      'internal',
      `Something went wrong on our side; the log has it under request ${requestId}.`,
    )
  );
}

export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  error: StylographError,
): FastifyReply {
  if (error.retryAfter !== undefined)
    reply.header('retry-after', String(Math.max(1, Math.ceil(error.retryAfter))));
  if (error.code === 'unauthorized' && !reply.hasHeader('www-authenticate'))
    reply.header('www-authenticate', 'Bearer realm="stylograph"');
  // What a successful answer would have carried does not hold for this one.
  for (const header of ['etag', 'content-disposition']) reply.removeHeader(header);
  const path = request.url.split('?')[0]!;
  const [type, body] = speaksOpenInference(path)
    ? ['application/json; charset=utf-8', { error: error.message }]
    : [PROBLEM_TYPE, toProblem(error, path)];
  // As a string, past the serialisers, which know only what a route documents.
  return reply.code(error.status).header('cache-control', 'no-store').type(type).send(JSON.stringify(body));
}

/** What Node's parser refuses, by the code of its error; whatever else it refuses is not HTTP. */
const UNPARSED: Record<string, [ErrorCode, string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', 'Send the whole request sooner.'],
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'The headers have more than 16 KiB; send shorter ones.'],
};

/** Answers what never became a request, in the form of every other error, and closes the connection. */
export function refuseUnparsed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return;
  const [code, detail] = UNPARSED[error.code ?? ''] ?? [
    'validation_failed',
    'This is not a valid HTTP request.',
  ];
  const told = new StylographError(code, detail);
  const body = JSON.stringify(toProblem(told, ''));
  socket.end(
    `HTTP/1.1 ${told.status} ${STATUS_CODES[told.status]}\r\nconnection: close\r\ncontent-type: ${PROBLEM_TYPE}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  // Whoever does not close his side is not waited for.
  socket.setTimeout(UNPARSED_LINGER_MS, () => socket.destroy());
}

/** The one place where an error becomes an answer. */
export function registerErrors(app: App): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const told = toStylographError(error, request.id);
    if (told.status >= 500 && told.status !== 503 && told.status !== 504) {
      request.log.error({ err: error }, 'request failed');
    }
    return sendProblem(request, reply, told);
  });
}
