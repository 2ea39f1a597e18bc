import { createHash } from 'node:crypto';
import type { FastifyReply } from 'fastify';

const strongEtag = (body: Uint8Array | string): string =>
  `"${createHash('sha256').update(body).digest('base64url').slice(0, 32)}"`;

/** RFC 9110, 13.1.2: weak comparison with a list of tags. */
const matchesEtag = (header: string | undefined, etag: string): boolean =>
  (header ?? '')
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''))
    .some((tag) => tag === etag || tag === '*');

/**
 * Sets the ETag and Cache-Control headers of an answer.
 * @returns whether the client has this body (If-None-Match). Then answer 304 without it.
 */
export function isNotModified(
  reply: FastifyReply,
  body: Uint8Array | string,
  cacheControl = 'no-cache',
): boolean {
  const etag = strongEtag(body);
  reply.header('etag', etag).header('cache-control', cacheControl);
  return matchesEtag(reply.request.headers['if-none-match'], etag);
}
