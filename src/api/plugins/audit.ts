import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AuditEntry } from '../../platform/keys/index.ts';
import type { App } from '../context.ts';

const MINUTE_MS = 60_000;
/** Kinds of refusals remembered, to recognise repeated ones; the oldest are dropped. */
const MOST_REMEMBERED = 1_000;

const subjectOf = (request: FastifyRequest, reply: FastifyReply): string =>
  String(reply.getHeader('location') ?? request.url.split('?')[0]);

/**
 * Writes every call that changes something to the audit log, and every call refused for its key, scope or site.
 * Refusals of one kind from one address get one entry per minute, so that nobody can fill the disk with them.
 */
export function registerAudit(app: App, add: ((entry: AuditEntry) => void) | undefined): void {
  if (add === undefined) return;
  const refusals = new Map<string, { until: number; repeated: number }>();

  /** How many refusals were not logged since the last entry; undefined when this one is not logged either. */
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

  const log = (request: FastifyRequest, reply: FastifyReply, status: number | undefined): void => {
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

  onEveryEnd(app, log);
}

function outcomeOf(status: number | undefined): AuditEntry['outcome'] {
  if (status === undefined) return 'unknown';
  if (status === 401 || status === 403) return 'refused';
  return status < 400 ? 'done' : 'failed';
}

/**
 * Calls the listener once per call, when the call has ended and its status is known. A call continues after its client
 * disconnects; its status is then known when the answer is about to be sent.
 */
function onEveryEnd(
  app: App,
  listener: (request: FastifyRequest, reply: FastifyReply, status: number | undefined) => void,
): void {
  const decided = new WeakSet<FastifyRequest>();
  const left = new WeakSet<FastifyRequest>();
  app.addHook('onRequest', async (request, reply) => {
    reply.onCallEnd((status) => {
      if (status !== undefined) listener(request, reply, status);
      else if (decided.has(request)) listener(request, reply, reply.statusCode);
      // The board has taken over the call: its answer passes no hook of this application.
      else if (reply.sent) listener(request, reply, undefined);
      else left.add(request);
    });
  });
  app.addHook('onSend', async (request, reply) => {
    decided.add(request);
    if (left.delete(request)) listener(request, reply, reply.statusCode);
  });
}
