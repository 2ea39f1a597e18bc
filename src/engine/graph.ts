import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  attribute,
  type GraphShape,
  type GraphType,
  nodeProto,
  type Port,
  type Signature,
  savedModelProto,
} from './graph-proto.ts';
import type { OpAttributes } from './native.ts';
import { type Tensor, tf } from './tf.ts';

/**
 * Graphs that TensorFlow compiles: a whole network is one call in place of one a layer, its optimiser joins
 * convolutions with bias and activation, and repeated calls find everything prepared. For inference; there are no
 * gradients.
 */

type GraphAttributes = Omit<OpAttributes, 'types'> & { types?: Record<string, GraphType> };

/** A graph under construction. Nodes are named by the order they were made in. */
export class GraphBuilder {
  readonly nodes: Buffer[] = [];

  #add(op: string, inputs: readonly string[], attributes: Record<string, Buffer>): string {
    const name = `${op}_${this.nodes.length}`;
    this.nodes.push(nodeProto(name, op, inputs, attributes));
    return name;
  }

  /** A value given when the graph runs. @param shape −1 where a size is not known before */
  input(type: GraphType, shape: GraphShape): Port {
    const node = this.#add('Placeholder', [], { dtype: attribute.type(type), shape: attribute.shape(shape) });
    return { node, type, shape };
  }

  /** A constant with a tensor's present values. */
  constant(tensor: Tensor): string {
    const type = tensor.dtype === 'int32' ? 'int32' : 'float32';
    const { buffer, byteOffset, byteLength } = tensor.dataSync() as Float32Array | Int32Array;
    const content = new Uint8Array(buffer, byteOffset, byteLength);
    return this.#add('Const', [], {
      dtype: attribute.type(type),
      value: attribute.tensor(type, tensor.shape, content),
    });
  }

  /** A constant vector of whole numbers, for shapes and axes; a lone number is a scalar. */
  integers(values: readonly number[] | number): string {
    const tensor =
      typeof values === 'number' ? tf.scalar(values, 'int32') : tf.tensor1d([...values], 'int32');
    const name = this.constant(tensor);
    tensor.dispose();
    return name;
  }

  /** @returns the node's name, which stands for its first output */
  op(op: string, inputs: readonly string[], { types, ints, floats, strings }: GraphAttributes = {}): string {
    const entries = <T>(values: Record<string, T> | undefined, encode: (value: T) => Buffer) =>
      Object.entries(values ?? {}).map(([key, value]): [string, Buffer] => [key, encode(value)]);
    return this.#add(
      op,
      inputs,
      Object.fromEntries([
        ...entries(types, attribute.type),
        ...entries(ints, (value) => (Array.isArray(value) ? attribute.ints(value) : attribute.int(value))),
        ...entries(floats, attribute.float),
        ...entries(strings, attribute.text),
      ]),
    );
  }
}

/** Values of a port: row-major, in the port's type. */
export interface GraphValues {
  values: Float32Array | Int32Array;
  shape: number[];
}

/** One function of a compiled graph. */
export interface GraphFunction {
  /** Synchronous, as every op. Bytes (uint8) cannot cross: bitcast them from and to int32 inside the graph. */
  run(inputs: Record<string, GraphValues>): Record<string, Float32Array | Int32Array>;
}

export interface CompiledGraph<Name extends string> {
  functions: Record<Name, GraphFunction>;
  dispose(): void;
}

type LoadedFunction = Awaited<ReturnType<typeof tf.node.loadSavedModel>>;

/** Compiles a graph for calls between these inputs and outputs. Each function computes only what it needs. */
export async function compileGraph<Name extends string>(
  { nodes }: GraphBuilder,
  signatures: Record<Name, Signature>,
): Promise<CompiledGraph<Name>> {
  // tfjs-node takes a graph from a folder only; TensorFlow has read it in full once it is loaded.
  const folder = await mkdtemp(join(tmpdir(), 'stylograph-graph-'));
  const loaded: [Name, LoadedFunction][] = [];
  try {
    await writeFile(join(folder, 'saved_model.pb'), savedModelProto(nodes, signatures));
    for (const name of Object.keys(signatures) as Name[]) {
      loaded.push([name, await tf.node.loadSavedModel(folder, ['serve'], name)]);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const functions = loaded.map(([name, call]): [Name, GraphFunction] => [
    name,
    { run: (inputs) => runLoaded(call, signatures[name], inputs) },
  ]);
  return {
    functions: Object.fromEntries(functions) as Record<Name, GraphFunction>,
    dispose: () => {
      for (const [, call] of loaded) call.dispose();
    },
  };
}

function runLoaded(
  call: LoadedFunction,
  { inputs }: Signature,
  given: Record<string, GraphValues>,
): Record<string, Float32Array | Int32Array> {
  // No tidy here: it would look for tensors in every element of the arrays that are returned.
  const tensors: Record<string, Tensor> = {};
  for (const [name, { values, shape }] of Object.entries(given)) {
    tensors[name] = tf.tensor(values, shape, inputs[name]!.type === 'int32' ? 'int32' : 'float32');
  }
  const results = call.predict(tensors) as Record<string, Tensor>;
  const arrays: Record<string, Float32Array | Int32Array> = {};
  for (const [name, tensor] of Object.entries(results)) {
    arrays[name] = tensor.dataSync() as Float32Array | Int32Array;
  }
  tf.dispose([tensors, results]);
  return arrays;
}
