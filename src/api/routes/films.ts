import type { FastifyReply, FastifyRequest } from 'fastify';
import { parse as parseRange } from 'range-parser';
import { z } from 'zod';
import { FILM_TYPES, Film } from '../../core/contracts/films.ts';
import { StylographError } from '../../core/errors.ts';
import { REPORT_POLICY, renderReport } from '../../figures/report/index.ts';
import { listFilms } from '../../store/run-files.ts';
import type { ApiDeps } from '../deps.ts';
import { matchesEtag, strongEtag } from '../inference/answer.ts';
import { problems } from '../problem.ts';
import { describeFilm, FilmCabinet, parseFilmFile } from '../runs/films.ts';
import { withLinks } from '../runs/links.ts';
import { gatherReport } from '../runs/report.ts';
import { binary, json, NOT_MODIFIED, NoQuery, page, pageQuery, slicePage } from '../schemas.ts';
import type { App } from './context.ts';
import { RunParams } from './runs.ts';

const HTML = 'text/html';
const TYPES = Object.values(FILM_TYPES);
const content = Object.fromEntries(TYPES.map((type) => [type, { schema: binary(type) }]));

/** What the parser says when all that is asked for lies beyond the end. */
const UNSATISFIABLE = 2;

/** So that names sort as their numbers do. */
const keyOf = ({ label }: Film): string => String(label).padStart(3, '0');

/**
 * Sends bytes whole or in part (RFC 9110, 14: one range; several are answered whole), since Safari plays no video from
 * a server that cannot do so.
 * @throws range_not_satisfiable
 */
function sendInParts(request: FastifyRequest, reply: FastifyReply, bytes: Uint8Array): FastifyReply {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  reply.header('accept-ranges', 'bytes');
  const { range, 'if-range': onlyIf } = request.headers;
  if (range === undefined || (onlyIf !== undefined && onlyIf !== reply.getHeader('etag'))) {
    return reply.send(body);
  }
  const { code, type, ranges } = parseRange(body.length, range);
  if (code === UNSATISFIABLE && ranges.length === 0) {
    reply.header('content-range', `bytes */${body.length}`);
    throw new StylographError(
      'range_not_satisfiable',
      `The film has ${body.length} bytes; ask for a range within them, or for all without the Range header.`,
    );
  }
  if (code !== 0 || type !== 'bytes' || ranges.length !== 1) return reply.send(body);
  const { start, end } = ranges[0]!;
  return reply
    .code(206)
    .header('content-range', `bytes ${start}-${end}/${body.length}`)
    .send(body.subarray(start, end + 1));
}

export async function filmRoutes(app: App, deps: ApiDeps): Promise<void> {
  const cabinet = new FilmCabinet(deps);

  app.get(
    '/runs/:run/films',
    {
      schema: {
        operationId: 'listFilms',
        tags: ['runs'],
        summary: "Each label's manifold over training",
        description: 'Empty until training is over.',
        params: RunParams,
        querystring: z.strictObject(pageQuery(z.string().regex(/^\d{1,9}$/))),
        response: {
          200: json(page(Film, 'FilmPage'), 'A page of films, by label.'),
          ...problems('run_not_found', 'redis_unavailable'),
        },
      },
    },
    async ({ params, query }) => {
      const { id } = await deps.runs.get(params.run);
      const films = (await listFilms(deps.store, id)).map((record) => describeFilm(id, record));
      return slicePage(films, query, keyOf);
    },
  );

  app.get(
    '/runs/:run/films/:file',
    {
      config: { produces: TYPES },
      schema: {
        operationId: 'getFilm',
        tags: ['runs'],
        summary: 'The film of one label, as MP4, animated WebP or GIF',
        description:
          'Named by label, which is an index or a name, and format. The first call for a format encodes it, which takes a few seconds.',
        params: RunParams.extend({ file: z.string().meta({ example: '3.mp4' }) }),
        querystring: NoQuery,
        response: {
          200: { description: 'The film.', content },
          206: { description: 'The part that a Range header asked for.', content },
          304: NOT_MODIFIED,
          ...problems(
            'run_not_found',
            'film_not_found',
            'range_not_satisfiable',
            'redis_unavailable',
            'child_died',
          ),
        },
        'x-doc': { headers: ['ETag', 'Cache-Control', 'Accept-Ranges', 'Content-Range'] },
      },
    },
    async (request, reply) => {
      const { id } = await deps.runs.get(request.params.run);
      const { label, format } = parseFilmFile(id, request.params.file);
      const film = await cabinet.find(id, label);
      const bytes = await cabinet.bytes(id, film.label, format);
      const etag = strongEtag(bytes);
      reply.header('etag', etag).header('cache-control', 'no-cache').type(FILM_TYPES[format]);
      if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();
      return sendInParts(request, reply, bytes);
    },
  );

  app.get(
    '/runs/:run/report',
    {
      config: { produces: [HTML] },
      schema: {
        operationId: 'getReport',
        tags: ['runs'],
        summary: 'A run as one HTML page that needs nothing else',
        description:
          'Configuration, environment, digests, curves, figures, films, evaluation and how to do it again; under ten megabytes, to be mailed or printed. There at any time, with what the run has so far. The first call encodes its films, which takes some seconds.',
        params: RunParams,
        querystring: NoQuery,
        response: {
          200: { description: 'The page.', content: { [HTML]: { schema: z.string() } } },
          304: NOT_MODIFIED,
          ...problems('run_not_found', 'redis_unavailable', 'child_died'),
        },
        'x-doc': { headers: ['ETag', 'Cache-Control'] },
      },
    },
    async (request, reply) => {
      const run = withLinks(await deps.runs.get(request.params.run));
      const page = renderReport(await gatherReport(deps, cabinet, run));
      const etag = strongEtag(page);
      reply.header('etag', etag).header('cache-control', 'no-cache');
      if (matchesEtag(request.headers['if-none-match'], etag)) return reply.code(304).send();
      reply.header('content-security-policy', REPORT_POLICY);
      return reply.type(`${HTML}; charset=utf-8`).send(page);
    },
  );
}
