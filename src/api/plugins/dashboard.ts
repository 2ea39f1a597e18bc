import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from '../context.ts';
import { matchesEtag, strongEtag } from '../inference/answer.ts';

/** What the dashboard may do: run its own scripts and talk to this server, nothing else. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Serves the bundles. Their names hold a digest of their content, so they may be kept for ever. */
export async function registerDashboard(app: App, directory: string): Promise<void> {
  const assets = join(directory, 'assets');
  if (!existsSync(assets)) return;
  await app.register(fastifyStatic, {
    root: assets,
    prefix: '/assets/',
    decorateReply: false,
    index: false,
    immutable: true,
    maxAge: '365d',
    preCompressed: true,
    schemaHide: true,
  });
}

/** The page that loads the bundles, where it has been built. Read anew each time: a build may have renamed them. */
export async function readPage(directory: string): Promise<Buffer | undefined> {
  return await readFile(join(directory, 'index.html')).catch(() => undefined);
}

/** The page names the newest bundles, so clients ask every time whether theirs is still the one. */
export function sendPage(request: FastifyRequest, reply: FastifyReply, page: Buffer): FastifyReply {
  const etag = strongEtag(page);
  reply
    .header('etag', etag)
    .header('cache-control', 'no-cache')
    .header('content-security-policy', PAGE_POLICY);
  if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();
  return reply.type('text/html; charset=utf-8').send(page);
}
