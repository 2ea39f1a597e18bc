import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { isResponseSerializationError } from 'fastify-type-provider-zod';
import { type ErrorCode, errorCodeOf, StylographError } from '../../core/errors.ts';
import type { App } from '../context.ts';
import { PROBLEM_TYPE, speaksOpenInference, toProblem } from '../problem.ts';

/** How long the connection stays open for a client to read the answer and close it. */
const LINGER_MS = 1_000;

/** Translates Fastify's own errors. */
function fromFastify(error: FastifyError): StylographError | undefined {
  switch (error.code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new StylographError(
        'unsupported_media_type',
        'This call does not accept that Content-Type. Most calls accept application/json; /docs lists the media types.',
      );
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new StylographError(
        'body_too_large',
        'The body is larger than this call accepts; split it into several calls.',
      );
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new StylographError('malformed_json', 'The body could not be parsed as JSON; check its syntax.');
    case 'FST_ERR_BAD_URL':
      return new StylographError(
        'validation_failed',
        'The path is not valid percent-encoding; encode a literal "%" as "%25".',
      );
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

/** Our errors unchanged, known ones translated, and all others as `internal` without details. */
export function toStylographError(error: FastifyError, requestId: string): StylographError {
  if (error instanceof StylographError) return error;
  const code = errorCodeOf(error);
  if (code) return new StylographError(code, error.message);
  const translated = isResponseSerializationError(error) ? undefined : fromFastify(error);
  return (
    translated ??
    new StylographError(
      'internal',
      `Something went wrong on our side. Send the operator the request id ${requestId}, under which the log has details.`,
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
  // These describe the successful answer that was not sent.
  for (const header of ['etag', 'content-disposition']) reply.removeHeader(header);
  const path = request.url.split('?')[0]!;
  const [type, body] = speaksOpenInference(path)
    ? ['application/json; charset=utf-8', { error: error.message }]
    : [PROBLEM_TYPE, toProblem(error, path)];
  // As a string, since the serialisers accept only the answers that a route documents.
  return reply.code(error.status).header('cache-control', 'no-store').type(type).send(JSON.stringify(body));
}

/** Errors of Node's HTTP parser by code. Other errors mean that the data is not HTTP. */
const UNPARSED: Record<string, [ErrorCode, string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: [
    'request_timeout',
    'Send the whole request faster, or split it into several requests.',
  ],
  HPE_HEADER_OVERFLOW: ['headers_too_large', 'The headers have more than 16 KiB; shorten them.'],
};

/** Answers data that could not be parsed as a request with a problem, and closes the connection. */
export function refuseUnparsed(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return;
  const [code, detail] = UNPARSED[error.code ?? ''] ?? [
    'validation_failed',
    'This is not a valid HTTP request; check the client.',
  ];
  const problem = toProblem(new StylographError(code, detail), '');
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\nconnection: close\r\ncontent-type: ${PROBLEM_TYPE}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  // The client may keep its side open.
  socket.setTimeout(LINGER_MS, () => socket.destroy());
}

/** Turns every error into an answer. */
export function registerErrors(app: App): void {
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const known = toStylographError(error, request.id);
    if (known.status >= 500 && known.status !== 503 && known.status !== 504) {
      request.log.error({ err: error }, 'request failed');
    }
    return sendProblem(request, reply, known);
  });
}
