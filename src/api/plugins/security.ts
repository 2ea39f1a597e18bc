import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';

/** Answers are data: a browser that opens one must run nothing. The pages under /docs state a policy of their own. */
export async function registerSecurityHeaders(app: FastifyInstance): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // The server speaks plain HTTP; whoever ends TLS before it sets this.
    strictTransportSecurity: false,
  });
}
