export { Metrics } from './metrics.ts';
export { watchService } from './service.ts';
export { type RunSpan, startTracing, type Tracing } from './trace.ts';
