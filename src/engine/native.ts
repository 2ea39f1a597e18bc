import type { OpAttribute } from './load.ts';
import { backend, type Tensor } from './tf.ts';

const TYPES = { float32: 'TF_FLOAT', int32: 'TF_INT32', uint8: 'TF_UINT8', bool: 'TF_BOOL' } as const;
type NativeType = keyof typeof TYPES;

/** Attributes by kind, in the form of TensorFlow's op definitions. */
export interface OpAttributes {
  types?: Record<string, NativeType>;
  ints?: Record<string, number | number[]>;
  floats?: Record<string, number>;
  bools?: Record<string, boolean>;
  strings?: Record<string, string>;
}

/** Runs one native TensorFlow op by name. The current `tf.tidy` tracks the result; gradient tapes do not record it. */
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
  const { binding } = backend;
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
  return backend.executeMultipleOutputs(name, list, inputs, count);
}
