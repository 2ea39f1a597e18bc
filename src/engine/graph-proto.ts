/*
 * The protocol buffers of a SavedModel that a graph with constants needs. Field numbers are those of
 * tensorflow/core/protobuf/{saved_model,meta_graph}.proto and tensorflow/core/framework/{graph,node_def,attr_value,
 * tensor,tensor_shape,types,versions}.proto.
 */

/** tensorflow.DataType */
const TYPE_NUMBERS = { float32: 1, int32: 3, uint8: 4 } as const;
export type GraphType = keyof typeof TYPE_NUMBERS;

/** The GraphDef version since which the ops used here mean what they mean in TensorFlow 2.x. */
const PRODUCER = 1882;

/** −1 is a size that is known only when the graph runs. */
export type GraphShape = readonly number[];

function varint(value: number): number[] {
  // Negative numbers are 64-bit two's complement.
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

const integer = (field: number, value: number): Buffer =>
  Buffer.from([...varint(field << 3), ...varint(value)]);

function bytes(field: number, content: Uint8Array | string): Buffer {
  const data = typeof content === 'string' ? Buffer.from(content) : content;
  return Buffer.concat([Buffer.from([...varint((field << 3) | 2), ...varint(data.length)]), data]);
}

function float(field: number, value: number): Buffer {
  const out = Buffer.alloc(5);
  out[0] = (field << 3) | 5;
  out.writeFloatLE(value, 1);
  return out;
}

const message = (...fields: Uint8Array[]): Buffer => Buffer.concat(fields);
const mapEntry = (field: number, key: string, value: Uint8Array): Buffer =>
  bytes(field, message(bytes(1, key), bytes(2, value)));

const shapeProto = (shape: GraphShape): Buffer => message(...shape.map((size) => bytes(2, integer(1, size))));

/** AttrValue by the type of its content. */
export const attribute = {
  type: (type: GraphType): Buffer => integer(6, TYPE_NUMBERS[type]),
  int: (value: number): Buffer => integer(3, value),
  ints: (values: readonly number[]): Buffer => bytes(1, bytes(3, Buffer.from(values.flatMap(varint)))),
  float: (value: number): Buffer => float(4, value),
  text: (value: string): Buffer => bytes(2, value),
  shape: (shape: GraphShape): Buffer => bytes(7, shapeProto(shape)),
  tensor: (type: GraphType, shape: GraphShape, content: Uint8Array): Buffer =>
    bytes(8, message(integer(1, TYPE_NUMBERS[type]), bytes(2, shapeProto(shape)), bytes(4, content))),
};

export const nodeProto = (
  name: string,
  op: string,
  inputs: readonly string[],
  attributes: Record<string, Buffer>,
): Buffer =>
  message(
    bytes(1, name),
    bytes(2, op),
    ...inputs.map((input) => bytes(3, input)),
    ...Object.entries(attributes).map(([key, value]) => mapEntry(5, key, value)),
  );

/** An input or output of a graph. */
export interface Port {
  node: string;
  type: GraphType;
  shape: GraphShape;
}

export interface Signature {
  inputs: Record<string, Port>;
  outputs: Record<string, Port>;
}

function signatureProto({ inputs, outputs }: Signature): Buffer {
  const ports = (field: number, all: Record<string, Port>): Buffer[] =>
    Object.entries(all).map(([name, { node, type, shape }]) => {
      const info = [bytes(1, `${node}:0`), integer(2, TYPE_NUMBERS[type]), bytes(3, shapeProto(shape))];
      return mapEntry(field, name, message(...info));
    });
  return message(...ports(1, inputs), ...ports(2, outputs), bytes(3, 'tensorflow/serving/predict'));
}

/** A saved_model.pb with one graph under the tag `serve`. */
export function savedModelProto(nodes: readonly Buffer[], signatures: Record<string, Signature>): Buffer {
  const graph = message(...nodes.map((node) => bytes(1, node)), bytes(4, integer(1, PRODUCER)));
  const metaGraph = message(
    bytes(1, bytes(4, 'serve')),
    bytes(2, graph),
    ...Object.entries(signatures).map(([name, signature]) => mapEntry(5, name, signatureProto(signature))),
  );
  return message(integer(1, 1), bytes(2, metaGraph));
}
