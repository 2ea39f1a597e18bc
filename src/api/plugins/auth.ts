import type { FastifyReply, FastifyRequest } from 'fastify';
import { StylographError } from '../../core/errors.ts';
import type { Caller, KeyRing, Scope } from '../../platform/keys/index.ts';
import type { App } from '../context.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the call needs of an API key; `public` needs none, absent any. */
    scope?: Scope | 'public';
  }
  interface FastifyRequest {
    /** Who showed a key; null on a server without keys and where none is needed. */
    caller: Caller | null;
  }
}

interface AuthOptions {
  /** Another way to show who is calling than a bearer key; undefined where it was not used. */
  otherProof?: ((request: FastifyRequest) => Promise<Caller | undefined>) | undefined;
  /** Told of every wrong key before it is refused; may throw another refusal. */
  onWrongKey?: ((request: FastifyRequest) => Promise<void>) | undefined;
}

const REALM = 'Bearer realm="stylograph"';

/** Bearer keys (RFC 6750) on every route of `app`, once the ring holds any. */
export function registerAuth(
  app: App,
  keys: KeyRing | undefined,
  { otherProof, onWrongKey }: AuthOptions = {},
): void {
  app.decorateRequest('caller', null);
  if (keys === undefined) return;
  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    const { scope } = request.routeOptions.config;
    if (scope === 'public' || !(await keys.required())) return;
    const caller = (await otherProof?.(request)) ?? (await callerOf(keys, request, reply, onWrongKey));
    request.caller = caller;
    request.log = request.log.child({ key: caller.id });
    reply.log = request.log;
    if (scope !== undefined && !caller.scopes.has(scope) && !caller.scopes.has('admin')) {
      reply.header('www-authenticate', `${REALM}, error="insufficient_scope", scope="${scope}"`);
      throw new StylographError('forbidden', `This call needs a key with the scope "${scope}" or "admin".`);
    }
  });
}

/** @throws unauthorized */
async function callerOf(
  keys: KeyRing,
  request: FastifyRequest,
  reply: FastifyReply,
  onWrongKey: AuthOptions['onWrongKey'],
): Promise<Caller> {
  const { authorization } = request.headers;
  const [, shown] = /^Bearer +(\S+) *$/i.exec(authorization ?? '') ?? [];
  const found = shown === undefined ? undefined : await keys.find(shown);
  if (typeof found === 'object') return found;
  if (shown !== undefined) await onWrongKey?.(request);
  reply.header('www-authenticate', shown === undefined ? REALM : `${REALM}, error="invalid_token"`);
  if (found !== undefined) {
    throw new StylographError('unauthorized', `This key was ${STATES[found]}; ask the operator for another.`);
  }
  throw new StylographError(
    'unauthorized',
    'Send a valid key as "Authorization: Bearer <key>"; "stylograph keys create" makes one.',
  );
}

const STATES = { revoked: 'revoked', expired: 'valid until a time that is over' } as const;
