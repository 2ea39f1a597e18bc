import type { Tensor } from './tf.ts';
import { tf } from './tf.ts';

/** The part of tfjs-node's backend that runs a TensorFlow op by name. */
interface NativeBackend {
  binding: Record<
    | 'TF_ATTR_INT'
    | 'TF_ATTR_FLOAT'
    | 'TF_ATTR_BOOL'
    | 'TF_ATTR_STRING'
    | 'TF_ATTR_TYPE'
    | (typeof TYPES)[NativeType],
    number
  >;
  executeMultipleOutputs(name: string, attributes: OpAttribute[], inputs: Tensor[], count: number): Tensor[];
}

const TYPES = { float32: 'TF_FLOAT', int32: 'TF_INT32', uint8: 'TF_UINT8', bool: 'TF_BOOL' } as const;
type NativeType = keyof typeof TYPES;

interface OpAttribute {
  name: string;
  type: number;
  value: number | string | boolean | number[];
}

const backend = (): NativeBackend => tf.backend() as unknown as NativeBackend;

/** Attributes by kind, in the form of TensorFlow's op definitions. */
export interface OpAttributes {
  types?: Record<string, NativeType>;
  ints?: Record<string, number | number[]>;
  floats?: Record<string, number>;
  bools?: Record<string, boolean>;
  strings?: Record<string, string>;
}

/**
 * Runs one native TensorFlow op that tfjs has no name for. The result is tracked by the current `tf.tidy`,
 * and is not on the gradient tape.
 */
export function runNativeOp(name: string, inputs: Tensor[], attributes: OpAttributes = {}): Tensor {
  return runNativeOutputs(name, inputs, attributes, 1)[0]!;
}

/** The same for an op with several outputs. */
export function runNativeOutputs(
  name: string,
  inputs: Tensor[],
  attributes: OpAttributes,
  count: number,
): Tensor[] {
  const { binding } = backend();
  const list: OpAttribute[] = [];
  for (const [key, type] of Object.entries(attributes.types ?? {})) {
    list.push({ name: key, type: binding.TF_ATTR_TYPE, value: binding[TYPES[type]] });
  }
  for (const [key, value] of Object.entries(attributes.ints ?? {})) {
    list.push({ name: key, type: binding.TF_ATTR_INT, value });
  }
  for (const [key, value] of Object.entries(attributes.floats ?? {})) {
    list.push({ name: key, type: binding.TF_ATTR_FLOAT, value });
  }
  for (const [key, value] of Object.entries(attributes.bools ?? {})) {
    list.push({ name: key, type: binding.TF_ATTR_BOOL, value });
  }
  for (const [key, value] of Object.entries(attributes.strings ?? {})) {
    list.push({ name: key, type: binding.TF_ATTR_STRING, value });
  }
  return backend().executeMultipleOutputs(name, list, inputs, count);
}
