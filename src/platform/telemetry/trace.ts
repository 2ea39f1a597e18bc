import type { Tracing } from './tracing.ts';

export type { Tracing } from './tracing.ts';

/** Starts tracing in this process. OpenTelemetry is loaded only here, so it costs nothing without tracing. */
export async function startTracing(service: string, version: string): Promise<Tracing> {
  const loaded = await import('./tracing.ts');
  return new loaded.Tracing(service, version);
}
