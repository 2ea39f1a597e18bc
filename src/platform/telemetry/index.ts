export { Metrics } from './metrics.ts';
export { watchService } from './service-metrics.ts';
export { type RunSpan, startTracing, type Tracing } from './trace.ts';
