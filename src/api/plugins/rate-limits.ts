import rateLimit, { normalizeIP } from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import { StylographError } from '../../core/errors.ts';
import type { App } from '../context.ts';
import type { ApiLimits } from '../deps.ts';

const MINUTE_MS = 60_000;

/**
 * Requests a minute for each key, counted in this process, with the RateLimit headers of the IETF's draft. They are
 * counted after authentication, since they belong to a route; whoever needs no key is not counted.
 *
 * @returns counts a wrong key against the address it came from; throws rate_limited when there were too many
 */
export async function registerRateLimits(
  app: App,
  { requestsPerMinute, wrongKeysPerMinute }: ApiLimits,
): Promise<(request: FastifyRequest) => Promise<void>> {
  await app.register(rateLimit, {
    global: requestsPerMinute > 0,
    max: requestsPerMinute,
    timeWindow: MINUTE_MS,
    keyGenerator: ({ caller }) => caller?.id ?? '',
    allowList: ({ caller }) => caller === null,
    enableDraftSpec: true,
    errorResponseBuilder: (_request, { ttl, max }) =>
      new StylographError(
        'rate_limited',
        `This key has made ${max} requests within a minute, the most it may; go on after the time in Retry-After.`,
        { retryAfter: ttl / 1000 },
      ),
  });
  const count = app.createRateLimit({
    max: wrongKeysPerMinute,
    timeWindow: MINUTE_MS,
    allowList: [],
    keyGenerator: ({ ip }) => `wrong key from ${normalizeIP(ip)}`,
  });
  return async (request) => {
    const limit = await count(request);
    if (limit.isAllowed || !limit.isExceeded) return;
    throw new StylographError(
      'rate_limited',
      'Too many wrong keys came from this address; go on after the time in Retry-After.',
      { retryAfter: limit.ttl / 1000 },
    );
  };
}
