import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ModelId } from '../../core/contracts/common.ts';
import { queryBoolean, queryInt, withDefault } from '../schemas.ts';
import type { Stopwatch } from './model.ts';
import type { SheetLook } from './pictures.ts';

export const LookQuery = {
  format: z.enum(['png', 'json']).optional().meta({ description: 'In place of an Accept header.' }),
  invert: withDefault(queryBoolean('Black ink on white, for PNG answers.'), false),
  scale: withDefault(queryInt(1, 16, 'Screen pixels a pixel, for PNG answers.'), 1),
};

export const lookOf = ({ invert, scale }: SheetLook): SheetLook => ({ invert, scale });

/** Whether an answer will be the same every time, and whether its address will always mean the same model. */
export interface Lasting {
  deterministic: boolean;
  /** What the client named the model by. */
  reference: string;
}

/** RFC 9110, 13.1.2: weak comparison over a list. */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  return (header ?? '')
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''))
    .some((tag) => tag === etag || tag === '*');
}

export const strongEtag = (body: Uint8Array | string): string =>
  `"${createHash('sha256').update(body).digest('base64url').slice(0, 32)}"`;

/** Sends a picture or JSON with its caching and timing headers, or 304 when the client has it. */
export async function sendAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  make: { png(): Buffer | Promise<Buffer>; json(): unknown },
  stopwatch: Stopwatch,
  lasting?: Lasting,
): Promise<FastifyReply> {
  const start = performance.now();
  const isPng = request.answerType === 'image/png';
  const body = isPng ? await make.png() : JSON.stringify(make.json());
  reply.header('server-timing', stopwatch.header(performance.now() - start));
  reply.type(isPng ? 'image/png' : 'application/json; charset=utf-8');
  if (!lasting?.deterministic) return reply.header('cache-control', 'no-store').send(body);
  const audience = request.headers.authorization === undefined ? 'public' : 'private';
  const pinned = ModelId.safeParse(lasting.reference).success;
  const etag = strongEtag(body);
  reply.header('etag', etag);
  reply.header(
    'cache-control',
    pinned ? `${audience}, max-age=31536000, immutable` : `${audience}, no-cache`,
  );
  if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();
  return reply.send(body);
}
