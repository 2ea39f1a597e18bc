import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AuditEntry } from '../../platform/keys/index.ts';
import type { App } from '../context.ts';
import { onceOver } from './over.ts';

const MINUTE_MS = 60_000;
/** Refusals remembered to tell a repeated one; beyond that the oldest are forgotten. */
const MOST_REMEMBERED = 1_000;

const subjectOf = (request: FastifyRequest, reply: FastifyReply): string =>
  String(reply.getHeader('location') ?? request.url.split('?')[0]);

/**
 * Tells the audit log every call that changes something, and every refusal for want of a key, a scope or a site that
 * is let in. Refusals of one kind from one address get one entry a minute, so that nobody can fill the disk with them.
 */
export function registerAudit(app: App, add: ((entry: AuditEntry) => void) | undefined): void {
  if (add === undefined) return;
  const refusals = new Map<string, { until: number; repeated: number }>();

  /** How many went untold since the last entry; undefined when this one goes untold too. */
  const countRefusal = (kind: string): number | undefined => {
    const now = performance.now();
    const known = refusals.get(kind);
    if (known && now < known.until) {
      known.repeated++;
      return undefined;
    }
    refusals.delete(kind);
    if (refusals.size >= MOST_REMEMBERED) refusals.delete(refusals.keys().next().value!);
    refusals.set(kind, { until: now + MINUTE_MS, repeated: 0 });
    return known?.repeated ?? 0;
  };

  const tell = (request: FastifyRequest, reply: FastifyReply, status: number | undefined): void => {
    const { config, schema } = request.routeOptions;
    const isRefusal = status === 401 || status === 403;
    const changes = !['GET', 'HEAD'].includes(request.method) && config.scope !== 'infer';
    if (!isRefusal && !changes) return;
    const action = (schema as { operationId?: string } | undefined)?.operationId ?? request.method;
    const repeated = isRefusal ? countRefusal(`${status} ${action} ${request.ip}`) : 0;
    if (repeated === undefined) return;
    const { caller } = request;
    add({
      action,
      key: caller && { id: caller.id, name: caller.name },
      from: request.ip,
      outcome: outcomeOf(status),
      ...(status !== undefined && { status }),
      subject: subjectOf(request, reply),
      requestId: request.id,
      ...(repeated > 0 && { repeated }),
    });
  };

  hookEnds(app, tell);
}

function outcomeOf(status: number | undefined): AuditEntry['outcome'] {
  if (status === undefined) return 'unknown';
  if (status === 401 || status === 403) return 'refused';
  return status < 400 ? 'done' : 'failed';
}

/**
 * Tells each call once, when it is over and its status is known. A call goes on when its client leaves, and how it ends is
 * known when its answer is about to be sent, to nobody.
 */
function hookEnds(
  app: App,
  tell: (request: FastifyRequest, reply: FastifyReply, status: number | undefined) => void,
): void {
  const decided = new WeakSet<FastifyRequest>();
  const left = new WeakSet<FastifyRequest>();
  app.addHook('onRequest', async (request, reply) => {
    onceOver(reply, (status) => {
      if (status !== undefined) tell(request, reply, status);
      else if (decided.has(request)) tell(request, reply, reply.statusCode);
      // Another application has taken the call over: its answer passes no hook of this one.
      else if (reply.sent) tell(request, reply, undefined);
      else left.add(request);
    });
  });
  app.addHook('onSend', async (request, reply) => {
    decided.add(request);
    if (left.delete(request)) tell(request, reply, reply.statusCode);
  });
}
