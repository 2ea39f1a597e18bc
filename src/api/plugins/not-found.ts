import type { FastifyReply, FastifyRequest } from 'fastify';
import { StylographError } from '../../core/errors.ts';
import type { App } from '../context.ts';
import { sendProblem } from './errors.ts';

/**
 * Answers unknown paths with 404, and other methods of known paths with 405 and Allow (RFC 9110, 15.5.6). OPTIONS gets the
 * allowed methods. Register before any route.
 */
export function registerNotFound(app: App): void {
  const methods = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const known = methods.get(url) ?? new Set();
    for (const name of [method].flat()) known.add(name);
    methods.set(url, known);
  });

  const allowed = (path: string): string[] => {
    const names = new Set<string>();
    for (const [pattern, known] of methods) {
      // A wildcard serves files under a prefix; it does not decide which methods other paths there allow.
      if (!pattern.includes('*') && matches(pattern, path)) for (const name of known) names.add(name);
    }
    return [...names].sort();
  };

  const refuse = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const path = request.url.split('?')[0]!;
    const allow = allowed(path);
    if (allow.length === 0) {
      const detail = `There is nothing at ${path}; GET / lists the resources of this server.`;
      return sendProblem(request, reply, new StylographError('not_found', detail));
    }
    reply.header('allow', [...allow, 'OPTIONS'].join(', '));
    if (request.method === 'OPTIONS') return reply.code(204).send();
    const detail = `${request.method} is not allowed on ${path}; use ${allow.join(' or ')}.`;
    return sendProblem(request, reply, new StylographError('method_not_allowed', detail));
  };

  app.setNotFoundHandler(refuse);
  // Fastify reads the body of a QUERY before it notices that no route accepts the method.
  app.addHook('onRequest', async (request, reply) =>
    request.is404 && request.method === 'QUERY' ? refuse(request, reply) : undefined,
  );
}

function matches(pattern: string, path: string): boolean {
  const expected = pattern.split('/');
  const given = path.split('/');
  return (
    expected.length === given.length &&
    expected.every((part, i) => (part.startsWith(':') ? given[i] !== '' : part === given[i]))
  );
}
