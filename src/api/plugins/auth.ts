import type { FastifyReply, FastifyRequest } from 'fastify';
import { StylographError } from '../../core/errors.ts';
import type { Caller, KeyRing, Scope } from '../../platform/keys/index.ts';
import type { App } from '../context.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scope that the API key needs. `public`: no key is needed. Not given: any key will do. */
    scope?: Scope | 'public';
  }
  interface FastifyRequest {
    /** The owner of the key; null on a server without keys and on public routes. */
    caller: Caller | null;
  }
}

interface AuthOptions {
  /** Identifies a caller without a bearer key; undefined if the request does not use it. */
  otherProof?: ((request: FastifyRequest) => Promise<Caller | undefined>) | undefined;
  /** Called for every wrong key before it is rejected; may throw another error. */
  onWrongKey?: ((request: FastifyRequest) => Promise<void>) | undefined;
}

const REALM = 'Bearer realm="stylograph"';

/** Requires bearer keys (RFC 6750) on every route of `app`, if there are any keys. */
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
    throw new StylographError('unauthorized', `This key ${STATES[found]}; ask the operator for another.`);
  }
  throw new StylographError(
    'unauthorized',
    'Send a valid key as "Authorization: Bearer <key>"; "stylograph keys create" creates one.',
  );
}

const STATES = { revoked: 'was revoked', expired: 'has expired' } as const;
