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

/**
 * Traces by OpenTelemetry: from an HTTP call through the queue to the training that it started. This module is heavy;
 * `startTracing` of `trace.ts` imports it where traces are wanted.
 */

const NAME = 'stylograph';
const EXPORT_LIMIT_MS = 3_000;

/** What BullMQ does every few seconds whether there is work or not: traces of their own that nobody asked for. */
const HOUSEKEEPING = /^(extendLocks|moveStalledJobsToWait|startStalledCheckTimer)\b/;

class WithoutHousekeeping extends BatchSpanProcessor {
  override onEnd(span: ReadableSpan): void {
    if (!HOUSEKEEPING.test(span.name)) super.onEnd(span);
  }
}

/** A call that is being answered. */
export interface RequestSpan {
  /** Runs what follows as a part of the call. */
  enter(next: () => void): void;
  /** @param route its pattern, if any was found @param status undefined when the client left before there was one */
  end(route: string | undefined, status: number | undefined): void;
}

/** A run in training, phase by phase. */
export interface RunSpan {
  phase(name: string): void;
  end(outcome: string, error?: string): void;
}

export class Tracing {
  readonly #provider: NodeTracerProvider;
  readonly #tracer: Tracer;
  /** What has BullMQ pass traces on with its jobs. */
  readonly telemetry: BullMQOtel;

  /** @param service what this process is in the traces. Where they go, the variables OTEL_EXPORTER_OTLP_… say. */
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

  /** Begins the span of a call, as a part of the caller's trace if it tells one (W3C `traceparent`). */
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

  /** The `traceparent` of what is going on; undefined outside of any span. */
  current(): string | undefined {
    const carrier: { traceparent?: string } = {};
    propagation.inject(context.active(), carrier);
    return carrier.traceparent;
  }

  /** @param traceparent what the run is a part of */
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

  /** Sends what is left, in a moment or not at all. */
  async close(): Promise<void> {
    await this.#provider.shutdown().catch(() => undefined);
  }
}
