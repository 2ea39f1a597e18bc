import type { Tracing } from './tracing.ts';

export type { Tracing } from './tracing.ts';

/** Starts tracing in this process. OpenTelemetry is loaded here and nowhere else: where it is not wanted it costs nothing. */
export async function startTracing(service: string, version: string): Promise<Tracing> {
  const loaded = await import('./tracing.ts');
  return new loaded.Tracing(service, version);
}
