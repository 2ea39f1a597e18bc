import type { ModelRecord } from '../../core/contracts/model.ts';
import {
  type InferRequest,
  InferRequest as InferRequestSchema,
} from '../../core/contracts/open-inference.ts';
import { StylographError } from '../../core/errors.ts';
import { parsePart } from '../../core/validation-messages.ts';
import type { Half } from './models.ts';
import { readTensor, refuse, splitTail, type Tensor, toBytes } from './tensors.ts';

/** A body of which the first bytes are JSON and the rest belongs to tensors. */
interface Body {
  request: InferRequest;
  tail: Buffer;
}

/**
 * Takes a body apart. Without the header it is JSON as a whole.
 * @throws malformed_json, validation_failed
 */
export function readBody(bytes: unknown, headerLength: string | undefined): Body {
  if (!Buffer.isBuffer(bytes)) return refuse('body', 'is missing; send JSON');
  const length = headerLength === undefined ? bytes.length : Number(headerLength);
  if (length > bytes.length) {
    refuse('headers.inference-header-content-length', `is ${length}, but the body has ${bytes.length} bytes`);
  }
  const request = parsePart(InferRequestSchema, parseJson(bytes.toString('utf8', 0, length)), 'body');
  return { request, tail: bytes.subarray(length) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new StylographError(
      'malformed_json',
      `The body is not valid JSON: ${(error as Error).message}. Where bytes follow the JSON, send Inference-Header-Content-Length.`,
    );
  }
}

const names = (tensors: { name: string }[]): string => tensors.map(({ name }) => name).join(', ');

/** The inputs of a request as a half of a model takes them. @throws validation_failed */
export function readInputs(half: Half, model: ModelRecord, { request, tail }: Body): Map<string, Tensor> {
  const places = half.inputs(model);
  const parts = splitTail(request.inputs, tail);
  const read = new Map<string, Tensor>();
  for (const [i, input] of request.inputs.entries()) {
    const place = places.find(({ name }) => name === input.name);
    if (!place) refuse(`inputs.${input.name}`, `is not known here; there are ${names(places)}`);
    if (read.has(input.name)) refuse(`inputs.${input.name}`, 'is there twice');
    const tensor = readTensor(input, parts[i], place.also ? [place.datatype, place.also] : [place.datatype]);
    const fits =
      tensor.shape.length === place.shape.length &&
      tensor.shape.every((side, k) => place.shape[k] === -1 || side === place.shape[k]);
    if (!fits)
      refuse(`inputs.${input.name}.shape`, `is [${tensor.shape}]; ${model.id} takes [${place.shape}]`);
    read.set(input.name, tensor);
  }
  for (const { name, optional } of places) {
    if (!optional && !read.has(name)) refuse(`inputs.${name}`, 'is missing');
  }
  const counts = new Set([...read.values()].map(({ shape }) => shape[0]));
  if (counts.size > 1)
    refuse('inputs', `must agree in their first side; they have ${[...counts].join(' and ')}`);
  return read;
}

/** The outputs that are wanted, each with whether it comes as bytes. @throws validation_failed */
export function wantedOutputs(half: Half, model: ModelRecord, request: InferRequest) {
  const there = half.outputs(model);
  const asBytes = request.parameters?.binary_data_output ?? false;
  const wanted = request.outputs ?? there.map(({ name }) => ({ name, parameters: undefined }));
  return wanted.map(({ name, parameters }) => {
    if (!there.some((output) => output.name === name)) {
      refuse(`outputs.${name}`, `is not known here; there are ${names(there)}`);
    }
    return { name, binary: parameters?.binary_data ?? asBytes };
  });
}

/** An answer: JSON, and after it the bytes of the outputs that come so. */
export function writeAnswer(
  head: { model_name: string; model_version: string; id?: string },
  tensors: readonly Tensor[],
  wanted: readonly { name: string; binary: boolean }[],
): { json: Buffer; tail: Buffer[] } {
  const tail: Buffer[] = [];
  const outputs = wanted.map(({ name, binary }) => {
    const tensor = tensors.find((one) => one.name === name)!;
    const { datatype, shape, values } = tensor;
    if (!binary) return { name, datatype, shape, data: Array.from(values) };
    const bytes = toBytes(tensor);
    tail.push(bytes);
    return { name, datatype, shape, parameters: { binary_data_size: bytes.length } };
  });
  return { json: Buffer.from(JSON.stringify({ ...head, outputs })), tail };
}
