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

/*
 * Graphs that TensorFlow compiles for inference, without gradients. A whole network is one call instead of one per layer,
 * TensorFlow fuses convolutions with bias and activation, and later calls reuse the prepared graph.
 */

type GraphAttributes = Omit<OpAttributes, 'types'> & { types?: Record<string, GraphType> };

/** A graph under construction. Node names end in their position. */
export class GraphBuilder {
  readonly nodes: Buffer[] = [];

  #add(op: string, inputs: readonly string[], attributes: Record<string, Buffer>): string {
    const name = `${op}_${this.nodes.length}`;
    this.nodes.push(nodeProto(name, op, inputs, attributes));
    return name;
  }

  /** An input, given when the graph runs. */
  input(type: GraphType, shape: GraphShape): Port {
    const node = this.#add('Placeholder', [], { dtype: attribute.type(type), shape: attribute.shape(shape) });
    return { node, type, shape };
  }

  /** A constant with a tensor's current values. */
  constant(tensor: Tensor): string {
    const type = tensor.dtype === 'int32' ? 'int32' : 'float32';
    const { buffer, byteOffset, byteLength } = tensor.dataSync() as Float32Array | Int32Array;
    const content = new Uint8Array(buffer, byteOffset, byteLength);
    return this.#add('Const', [], {
      dtype: attribute.type(type),
      value: attribute.tensor(type, tensor.shape, content),
    });
  }

  /** A constant vector of integers, for shapes and axes; a single number becomes a scalar. */
  integers(values: readonly number[] | number): string {
    const tensor =
      typeof values === 'number' ? tf.scalar(values, 'int32') : tf.tensor1d([...values], 'int32');
    const name = this.constant(tensor);
    tensor.dispose();
    return name;
  }

  /** @returns the node's name, which refers to its first output */
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
  /** Synchronous, as every op. Inputs and outputs cannot be uint8: bitcast them from and to int32 inside the graph. */
  run(inputs: Record<string, GraphValues>): Record<string, Float32Array | Int32Array>;
}

export interface CompiledGraph<Name extends string> {
  functions: Record<Name, GraphFunction>;
  dispose(): void;
}

type LoadedFunction = Awaited<ReturnType<typeof tf.node.loadSavedModel>>;

/** Compiles a graph, one function per signature. Each computes only the nodes that its outputs need. */
export async function compileGraph<Name extends string>(
  { nodes }: GraphBuilder,
  signatures: Record<Name, Signature>,
): Promise<CompiledGraph<Name>> {
  // tfjs-node loads a graph only from a folder. Once it is loaded, TensorFlow no longer needs the folder.
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
  // No `tf.tidy` here: it would search every element of the returned arrays for tensors.
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
