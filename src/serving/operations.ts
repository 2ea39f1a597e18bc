import type { FromInferenceChild, ToInferenceChild } from '../core/contracts/inference.ts';
import type { ModelRecord } from '../core/contracts/model.ts';

type Numbers = Float32Array | Int32Array | Uint8Array;

/** A flat array that holds `stride` values an image. */
interface Column<T extends Numbers = Numbers> {
  values: T;
  stride: number;
}

/** One call on its way to the child: its inputs, and room for its outputs. */
export interface Work {
  operation: 'decode' | 'encode' | 'explain';
  model: ModelRecord;
  count: number;
  inputs: Record<string, Column>;
  outputs: Record<string, Column>;
}

export type Call = Extract<ToInferenceChild, { id: number }>;
export type Answer = Exclude<Extract<FromInferenceChild, { id: number }>, { type: 'failed' }>;

const pixelsOf = ({ image }: ModelRecord): number => image.width * image.height * image.channels;
const column = <T extends Numbers>(values: T, stride: number): Column<T> => ({ values, stride });

export function decodeWork(model: ModelRecord, latents: Float32Array, labels: Int32Array) {
  const count = labels.length;
  return {
    operation: 'decode',
    model,
    count,
    inputs: { latents: column(latents, model.latentDim), labels: column(labels, 1) },
    outputs: { pixels: column(new Uint8Array(count * pixelsOf(model)), pixelsOf(model)) },
  } satisfies Work;
}

export function encodeWork(model: ModelRecord, images: Uint8Array, labels: Int32Array) {
  const count = labels.length;
  return {
    operation: 'encode',
    model,
    count,
    inputs: { images: column(images, pixelsOf(model)), labels: column(labels, 1) },
    outputs: {
      mean: column(new Float32Array(count * model.latentDim), model.latentDim),
      logVar: column(new Float32Array(count * model.latentDim), model.latentDim),
    },
  } satisfies Work;
}

export function explainWork(model: ModelRecord, images: Uint8Array) {
  const count = images.length / pixelsOf(model);
  const labels = model.image.labels.length;
  return {
    operation: 'explain',
    model,
    count,
    inputs: { images: column(images, pixelsOf(model)) },
    outputs: { scores: column(new Float32Array(count * labels), labels) },
  } satisfies Work;
}

interface WorkSlice {
  payload: Work;
  from: number;
  count: number;
}

/** Joins slices of the same operation and model into one call. */
export function joinSlices(id: number, slices: WorkSlice[]): Call {
  const { operation, model, inputs } = slices[0]!.payload;
  const joined = Object.fromEntries(
    Object.keys(inputs).map((name) => {
      const parts = slices.map(({ payload, from, count }) => {
        const { values, stride } = payload.inputs[name]!;
        return values.subarray(from * stride, (from + count) * stride);
      });
      return [name, concat(parts)];
    }),
  );
  return { type: operation, id, modelId: model.id, ...joined } as Call;
}

/** Gives each slice its part of the answer. */
export function scatterAnswer(answer: Answer, slices: WorkSlice[]): void {
  let done = 0;
  for (const { payload, from, count } of slices) {
    for (const [name, { values, stride }] of Object.entries(payload.outputs)) {
      const all = (answer as unknown as Record<string, Numbers>)[name]!;
      values.set(all.subarray(done * stride, (done + count) * stride), from * stride);
    }
    done += count;
  }
}

function concat(parts: Numbers[]): Numbers {
  if (parts.length === 1) return parts[0]!;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const whole = new (parts[0]!.constructor as new (length: number) => Numbers)(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
