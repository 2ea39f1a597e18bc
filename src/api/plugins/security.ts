import helmet from '@fastify/helmet';
import type { App } from '../context.ts';

/** Answers are data, so a browser that opens one must run nothing. The pages under /docs have their own policy. */
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
    // The server speaks plain HTTP; a proxy that terminates TLS sets this header.
    strictTransportSecurity: false,
  });
}
