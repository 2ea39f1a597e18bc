import type { ModelRecord } from '../../core/contracts/model.ts';
import {
  type InferRequest,
  InferRequest as InferRequestSchema,
} from '../../core/contracts/open-inference.ts';
import { StylographError } from '../../core/errors.ts';
import { parsePart } from '../../core/validation-messages.ts';
import type { App } from '../context.ts';
import type { Network } from './networks.ts';
import { readTensor, refuse, splitTail, type Tensor, toBytes } from './tensors.ts';

const MEDIA_TYPES = ['application/json', 'application/octet-stream'];

/** Reads bodies as bytes for the routes of `app`. Triton's clients send no Content-Type. */
export function acceptBytes(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('*', { parseAs: 'buffer' }, (request, body, done) => {
    const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
    const encoding = request.headers['content-encoding'];
    if (type !== undefined && !MEDIA_TYPES.includes(type)) {
      done(new StylographError('unsupported_media_type', `Send ${MEDIA_TYPES.join(' or ')}.`));
    } else if (encoding !== undefined && encoding !== 'identity') {
      const detail = 'Compressed bodies are not supported; send the body without Content-Encoding.';
      done(new StylographError('unsupported_media_type', detail));
    } else done(null, body);
  });
}

/** A request, and the bytes of binary tensors that followed its JSON. */
interface Body {
  request: InferRequest;
  tail: Buffer;
}

/**
 * Separates the JSON of a body from the binary tensors after it.
 * @param headerLength length of the JSON in bytes; without it the whole body is JSON
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
      `The body is not valid JSON: ${(error as Error).message}. If binary tensors follow the JSON, send Inference-Header-Content-Length.`,
    );
  }
}

const names = (tensors: { name: string }[]): string => tensors.map(({ name }) => name).join(', ');

/** The inputs of a request, checked against those of the network. @throws validation_failed */
export function readInputs(
  network: Network,
  model: ModelRecord,
  { request, tail }: Body,
): Map<string, Tensor> {
  const known = network.inputs(model);
  const parts = splitTail(request.inputs, tail);
  const read = new Map<string, Tensor>();
  for (const [i, input] of request.inputs.entries()) {
    const path = `inputs.${input.name}`;
    const expected = known.find(({ name }) => name === input.name);
    if (!expected) refuse(path, `is not known here; there are ${names(known)}`);
    if (read.has(input.name)) refuse(path, 'is given twice');
    const { datatype, also } = expected;
    const tensor = readTensor(input, parts[i], also ? [datatype, also] : [datatype]);
    if (!hasShape(tensor, expected.shape)) {
      refuse(`${path}.shape`, `is [${tensor.shape}], but ${model.id} takes [${expected.shape}]`);
    }
    read.set(input.name, tensor);
  }
  for (const { name, optional } of known) {
    if (!optional && !read.has(name)) refuse(`inputs.${name}`, 'is missing');
  }
  const counts = new Set([...read.values()].map(({ shape }) => shape[0]));
  if (counts.size > 1) {
    refuse('inputs', `must have the same first dimension; they have ${[...counts].join(' and ')}`);
  }
  return read;
}

/** Whether a tensor has the expected shape, in which -1 is any size. */
const hasShape = ({ shape }: Tensor, expected: readonly number[]): boolean =>
  shape.length === expected.length && shape.every((side, i) => expected[i] === -1 || side === expected[i]);

/** The requested outputs, each with whether it is sent as bytes. @throws validation_failed */
export function wantedOutputs(network: Network, model: ModelRecord, request: InferRequest) {
  const known = network.outputs(model);
  const asBytes = request.parameters?.binary_data_output ?? false;
  const wanted = request.outputs ?? known.map(({ name }) => ({ name, parameters: undefined }));
  return wanted.map(({ name, parameters }) => {
    if (!known.some((output) => output.name === name)) {
      refuse(`outputs.${name}`, `is not known here; there are ${names(known)}`);
    }
    return { name, binary: parameters?.binary_data ?? asBytes };
  });
}

/** The JSON of an answer, and the bytes of its binary outputs, which follow it. */
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
