import rateLimit, { normalizeIP } from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import { StylographError } from '../../core/errors.ts';
import type { App } from '../context.ts';
import type { ApiLimits } from '../deps.ts';

const MINUTE_MS = 60_000;

/**
 * Limits requests per minute and key, counted in this process, and sends the RateLimit headers of the IETF draft. Requests
 * are counted after authentication; requests without a key are not counted.
 *
 * @returns a function that counts a wrong key against its address, and throws rate_limited when there were too many
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
        `This key has made ${max} requests within a minute, the most allowed. Continue after the time in Retry-After.`,
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
      'Too many wrong keys came from this address. Continue after the time in Retry-After.',
      { retryAfter: limit.ttl / 1000 },
    );
  };
}
