export { Metrics } from './metrics.ts';
export { watchService } from './service.ts';
export { type RequestSpan, type RunSpan, startTracing, type Tracing } from './trace.ts';
