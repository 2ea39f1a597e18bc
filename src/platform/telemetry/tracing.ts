import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider, type ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { BullMQOtel } from 'bullmq-otel';

/*
 * OpenTelemetry traces, from an HTTP call through the queue to the training that it started. This module loads slowly, so
 * `startTracing` in trace.ts imports it only when traces are enabled.
 */

const NAME = 'stylograph';
const EXPORT_LIMIT_MS = 3_000;

/** Periodic operations of BullMQ, which would fill the collector with traces. */
const HOUSEKEEPING = /^(extendLocks|moveStalledJobsToWait|startStalledCheckTimer)\b/;

class WithoutHousekeeping extends BatchSpanProcessor {
  override onEnd(span: ReadableSpan): void {
    if (!HOUSEKEEPING.test(span.name)) super.onEnd(span);
  }
}

/** The span of a request. */
export interface RequestSpan {
  /** Runs `next` inside the span. */
  enter(next: () => void): void;
  /** @param route pattern of the route, if any @param status undefined when the client disconnected before the answer */
  end(route: string | undefined, status: number | undefined): void;
}

/** The span of a run, with one child span per phase. */
export interface RunSpan {
  phase(name: string): void;
  end(outcome: string, error?: string): void;
}

export class Tracing {
  readonly #provider: NodeTracerProvider;
  readonly #tracer: Tracer;
  /** Passes traces on with BullMQ's jobs. */
  readonly telemetry: BullMQOtel;

  /** Exports to the endpoint in OTEL_EXPORTER_OTLP_…. @param service name of this process in traces */
  constructor(service: string, version: string) {
    this.#provider = new NodeTracerProvider({
      resource: resourceFromAttributes({ 'service.name': service, 'service.version': version }),
      spanProcessors: [
        new WithoutHousekeeping(new OTLPTraceExporter({ timeoutMillis: EXPORT_LIMIT_MS }), {
          exportTimeoutMillis: EXPORT_LIMIT_MS,
        }),
      ],
    });
    this.#provider.register();
    this.#tracer = trace.getTracer(NAME, version);
    this.telemetry = new BullMQOtel({ tracerName: NAME, version });
  }

  /** Starts the span of a request, as part of the caller's trace if it has one (W3C `traceparent`). */
  startRequest(method: string, headers: Record<string, unknown>): RequestSpan {
    const parent = propagation.extract(ROOT_CONTEXT, headers);
    const attributes = { 'http.request.method': method };
    const span = this.#tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, parent);
    return {
      enter: (next) => context.with(trace.setSpan(parent, span), next),
      end: (route, status) => {
        if (route !== undefined) span.updateName(`${method} ${route}`).setAttribute('http.route', route);
        if (status === undefined) span.setAttribute('error.type', 'client_left');
        else span.setAttribute('http.response.status_code', status);
        if (status !== undefined && status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      },
    };
  }

  /** The `traceparent` of the active span; undefined outside of spans. */
  current(): string | undefined {
    const carrier: { traceparent?: string } = {};
    propagation.inject(context.active(), carrier);
    return carrier.traceparent;
  }

  /** @param traceparent the parent of the run's span */
  startRun(runId: string, traceparent: string): RunSpan {
    const parent = propagation.extract(ROOT_CONTEXT, { traceparent });
    const span = this.#tracer.startSpan('run', { attributes: { 'stylograph.run.id': runId } }, parent);
    const within = trace.setSpan(parent, span);
    let current: { name: string; span: Span } | undefined;
    return {
      phase: (name) => {
        if (current?.name === name) return;
        current?.span.end();
        current = { name, span: this.#startPhase(name, within) };
      },
      end: (outcome, error) => {
        current?.span.end();
        span.setAttribute('stylograph.run.outcome', outcome);
        if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
        span.end();
      },
    };
  }

  #startPhase(name: string, within: Context): Span {
    return this.#tracer.startSpan(name, {}, within);
  }

  /** Exports the remaining spans if the collector answers in time. */
  async close(): Promise<void> {
    await this.#provider.shutdown().catch(() => undefined);
  }
}
