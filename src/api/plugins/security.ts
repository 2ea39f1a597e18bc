import helmet from '@fastify/helmet';
import type { App } from '../context.ts';

/** Answers are data: a browser that opens one must run nothing. The pages under /docs state a policy of their own. */
export async function registerSecurityHeaders(app: App): Promise<void> {
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
