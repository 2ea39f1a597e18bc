import type { buildApp } from '../../api/app.ts';
import { type Settings, SettingsProblem } from '../../platform/settings/settings.ts';
import type { Shutdown } from './shutdown.ts';

/** Opens the port. @returns the server's URL @throws SettingsProblem when another program uses the port */
export async function listen(
  app: Awaited<ReturnType<typeof buildApp>>,
  { HOST, PORT }: Settings,
  shutdown: Shutdown,
): Promise<string> {
  try {
    await shutdown.unlessBegun(app.listen({ host: HOST, port: PORT }));
    const { port } = app.server.address() as { port: number };
    return `http://${HOST.includes(':') ? `[${HOST}]` : HOST}:${port}`;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
    throw new SettingsProblem([
      `PORT: another program uses ${PORT} on ${HOST}; end it or choose another PORT.`,
    ]);
  }
}

/** Prints where the server is and what to try. @param demo id of the first run, if one was started */
export function announceServer(url: string, version: string, demo: string | undefined): void {
  announce([
    `Stylograph ${version} is at ${url}/ - its API is described at ${url}/docs`,
    ...(demo
      ? [
          `There is no model yet, so a quick run on MNIST has started: ${demo} (DEMO=0 prevents this).`,
          `Watch it: curl -N -H 'accept: text/event-stream' ${url}/runs/${demo}/events`,
          `In two to three minutes: curl '${url}/generate?label=3' > 3.png`,
        ]
      : [`Try it: curl '${url}/generate?label=3' > 3.png`]),
  ]);
}

export function announce(lines: string[]): void {
  process.stdout.write(`\n${lines.map((line) => `  ${line}`).join('\n')}\n\n`);
}
