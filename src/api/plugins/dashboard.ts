import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyReply } from 'fastify';
import type { App } from '../context.ts';
import { isNotModified } from '../etag.ts';

/** Content security policy: the dashboard may run its own scripts and call this server. */
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

/** Serves the bundles. Their names contain a digest of their content, so browsers may cache them forever. */
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

/** The page that loads the bundles; undefined if it was not built. It is read each time, since a build may rename them. */
export async function readPage(directory: string): Promise<Buffer | undefined> {
  return await readFile(join(directory, 'index.html')).catch(() => undefined);
}

/** Clients revalidate the page each time, since it names the newest bundles. */
export function sendPage(reply: FastifyReply, page: Buffer): FastifyReply {
  reply.header('content-security-policy', PAGE_POLICY);
  if (isNotModified(reply, page)) return reply.code(304).send();
  return reply.type('text/html; charset=utf-8').send(page);
}
