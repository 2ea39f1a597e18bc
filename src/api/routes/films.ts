import type { FastifyReply } from 'fastify';
import { parse as parseRange } from 'range-parser';
import { z } from 'zod';
import { FILM_TYPES, Film } from '../../core/contracts/films.ts';
import { StylographError } from '../../core/errors.ts';
import { REPORT_POLICY, renderReport } from '../../figures/report/index.ts';
import { listFilms as storedFilms } from '../../store/run-files.ts';
import type { App, RouteDeps } from '../context.ts';
import { isNotModified } from '../etag.ts';
import { problems } from '../problem.ts';
import { describeFilm, EncodedFilms, parseFilmFile } from '../runs/films.ts';
import { withLinks } from '../runs/links.ts';
import { gatherReport } from '../runs/report.ts';
import {
  binary,
  json,
  NOT_MODIFIED,
  NoQuery,
  NumberCursor,
  page,
  pageQuery,
  RunParams,
  slicePage,
} from '../schemas.ts';

const HTML = 'text/html';
const TYPES = Object.values(FILM_TYPES);

export function filmRoutes(app: App, deps: RouteDeps): void {
  const encodedFilms = new EncodedFilms(deps);
  listFilms(app, deps);
  getFilm(app, deps, encodedFilms);
  getReport(app, deps, encodedFilms);
}

function listFilms(app: App, { runs, store }: RouteDeps): void {
  // Padded, so that keys sort as numbers do.
  const keyOf = ({ label }: Film): string => String(label).padStart(3, '0');
  app.get(
    '/runs/:run/films',
    {
      schema: {
        operationId: 'listFilms',
        tags: ['runs'],
        summary: "Films of each label's manifold over training",
        description: 'Empty until training ends.',
        params: RunParams,
        querystring: z.strictObject(pageQuery(NumberCursor)),
        response: {
          200: json(page(Film, 'FilmPage'), 'A page of films, by label.'),
          ...problems('run_not_found', 'redis_unavailable'),
        },
      },
    },
    async ({ params, query }) => {
      const { id } = await runs.get(params.run);
      const films = (await storedFilms(store, id)).map((record) => describeFilm(id, record));
      return slicePage(films, query, keyOf);
    },
  );
}

function getFilm(app: App, { runs }: RouteDeps, encodedFilms: EncodedFilms): void {
  const content = Object.fromEntries(TYPES.map((type) => [type, { schema: binary(type) }]));
  app.get(
    '/runs/:run/films/:file',
    {
      config: { produces: TYPES },
      schema: {
        operationId: 'getFilm',
        tags: ['runs'],
        summary: 'The film of one label, as MP4, animated WebP or GIF',
        description:
          'The file name is a label (index or name) and a format. The first request for a format encodes the film, which takes a few seconds.',
        params: RunParams.extend({ file: z.string().meta({ example: '3.mp4' }) }),
        querystring: NoQuery,
        response: {
          200: { description: 'The film.', content },
          206: { description: 'The part that the Range header requests.', content },
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
      const { id } = await runs.get(request.params.run);
      const { label, format } = parseFilmFile(id, request.params.file);
      const film = await encodedFilms.find(id, label);
      const bytes = await encodedFilms.bytes(id, film.label, format);
      reply.type(FILM_TYPES[format]);
      return isNotModified(reply, bytes) ? reply.code(304).send() : sendRange(reply, bytes);
    },
  );
}

/** The code that range-parser returns when every range lies beyond the end. */
const UNSATISFIABLE = 2;

/**
 * Sends bytes, or the one range that the client requests (RFC 9110, 14). Several ranges are answered with the whole.
 * Safari plays no video from a server without range requests.
 * @throws range_not_satisfiable
 */
function sendRange(reply: FastifyReply, bytes: Uint8Array): FastifyReply {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  reply.header('accept-ranges', 'bytes');
  const { range, 'if-range': ifRange } = reply.request.headers;
  if (range === undefined || (ifRange !== undefined && ifRange !== reply.getHeader('etag'))) {
    return reply.send(body);
  }
  const { code, type, ranges } = parseRange(body.length, range);
  if (code === UNSATISFIABLE && ranges.length === 0) {
    reply.header('content-range', `bytes */${body.length}`);
    throw new StylographError(
      'range_not_satisfiable',
      `The film has ${body.length} bytes. Request a range within them, or omit the Range header.`,
    );
  }
  if (code !== 0 || type !== 'bytes' || ranges.length !== 1) return reply.send(body);
  const { start, end } = ranges[0]!;
  return reply
    .code(206)
    .header('content-range', `bytes ${start}-${end}/${body.length}`)
    .send(body.subarray(start, end + 1));
}

function getReport(app: App, deps: RouteDeps, encodedFilms: EncodedFilms): void {
  app.get(
    '/runs/:run/report',
    {
      config: { produces: [HTML] },
      schema: {
        operationId: 'getReport',
        tags: ['runs'],
        summary: 'A report on a run as one self-contained HTML page',
        description:
          'Configuration, environment, digests, curves, figures, films, evaluation, and how to reproduce the run. ' +
          'Under ten megabytes, to mail or print. Available at any time, with the results so far. The first request encodes the films, which takes some seconds.',
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
      const html = renderReport(await gatherReport(deps, encodedFilms, run));
      if (isNotModified(reply, html)) return reply.code(304).send();
      reply.header('content-security-policy', REPORT_POLICY);
      return reply.type(`${HTML}; charset=utf-8`).send(html);
    },
  );
}
