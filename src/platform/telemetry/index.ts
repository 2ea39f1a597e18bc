export { Metrics } from './metrics.ts';
export { watchService } from './service-metrics.ts';
export { startTracing, type Tracing } from './trace.ts';
