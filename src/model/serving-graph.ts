import { foldUpsampling, type GraphBuilder, type Tensor, type Tensor4D, tf } from '../engine/index.ts';
import {
  type Architecture,
  type Layer,
  type Layers,
  LEAKY_RELU_SLOPE,
  NORM_EPSILON,
  type Shape,
  sizeOf,
} from './architecture.ts';
import { weight } from './layers.ts';
import type { Weights } from './weights.ts';

/*
 * The networks as they are served, one graph each: without dropout, batch normalisation folded into the layer before it,
 * upsampling folded into the kernel after it, and LeakyReLU next to the bias, where TensorFlow fuses it with the convolution.
 */

const FLOAT = { T: 'float32' } as const;
const NHWC = { data_format: 'NHWC' };

/** Kernel and bias of a layer with the moving statistics of its normalisation multiplied in. */
interface Folded {
  kernel: Tensor;
  bias: Tensor;
}

/** ((x ∗ k + b) − m) / √(v + ε) + β = x ∗ (k / √(v + ε)) + (b − m) / √(v + ε) + β, per output channel. */
function fold(weights: Weights, { name, normalized }: Layer): Folded {
  const kernel = weight(weights, `${name}/kernel`);
  const bias = weight(weights, `${name}/bias`);
  if (!normalized) return { kernel, bias };
  const deviation = weight(weights, `${name}/moving-variance`).add(NORM_EPSILON).sqrt();
  return {
    kernel: kernel.div(deviation),
    bias: bias
      .sub(weight(weights, `${name}/moving-mean`))
      .div(deviation)
      .add(weight(weights, `${name}/beta`)),
  };
}

/** A node's name, and the shape of its values per image. */
interface Value {
  node: string;
  shape: Shape;
}

/** Adds the nodes of one network. Call within `tf.tidy`: folded weights are temporary. */
class NetworkGraph {
  readonly graph: GraphBuilder;
  readonly #weights: Weights;
  /** Node of the label indices, n int32. */
  readonly #labels: string;

  constructor(graph: GraphBuilder, weights: Weights, labels: string) {
    this.graph = graph;
    this.#weights = weights;
    this.#labels = labels;
  }

  /** A chain of layers, each on the output of the one before. */
  chain(layers: Layers, input: Value): Value {
    return Object.values(layers).reduce((value, layer) => this.layer(layer, value), input);
  }

  /** One layer of the architecture up to its LeakyReLU and pooling. A last sigmoid is the caller's. */
  layer(layer: Layer, { node, shape }: Value): Value {
    const { graph } = this;
    const { kernel, bias } = fold(this.#weights, layer);
    let x = node;
    if (layer.kind === 'dense' && shape.length > 1) x = this.reshape(x, [-1, sizeOf(shape)]);
    if (layer.kind === 'conv' && shape.length === 1) x = this.reshape(x, [-1, ...layer.input]);
    if (layer.labels > 0) x = this.#withLabels(x, layer.labels);
    if (layer.kind === 'dense') {
      x = this.#addBias(graph.op('MatMul', [x, graph.constant(kernel)], { types: FLOAT }), bias);
    } else if (layer.upsample) {
      // On the small grid; the four fine pixels of each of its pixels are channels until they are spread below.
      const folded = { kernel: foldUpsampling(kernel as Tensor4D), bias: tf.tile(bias, [4]) };
      x = this.#convolve(x, folded, layer.stride);
    } else {
      x = this.#convolve(x, { kernel, bias }, layer.stride);
    }
    if (layer.activation === 'leaky-relu') {
      x = graph.op('LeakyRelu', [x], { types: FLOAT, floats: { alpha: LEAKY_RELU_SLOPE } });
    }
    if (layer.upsample) {
      x = graph.op('DepthToSpace', [x], { types: FLOAT, ints: { block_size: 2 }, strings: NHWC });
    }
    if (layer.pool !== 'none') x = this.#maxPool2x2(x);
    return { node: x, shape: layer.output };
  }

  #addBias(x: string, bias: Tensor): string {
    return this.graph.op('BiasAdd', [x, this.graph.constant(bias)], { types: FLOAT, strings: NHWC });
  }

  #convolve(x: string, { kernel, bias }: Folded, stride: number): string {
    const filtered = this.graph.op('Conv2D', [x, this.graph.constant(kernel)], {
      types: FLOAT,
      ints: { strides: [1, stride, stride, 1] },
      strings: { padding: 'SAME', ...NHWC },
    });
    return this.#addBias(filtered, bias);
  }

  #maxPool2x2(x: string): string {
    return this.graph.op('MaxPool', [x], {
      types: FLOAT,
      ints: { ksize: [1, 2, 2, 1], strides: [1, 2, 2, 1] },
      strings: { padding: 'SAME', ...NHWC },
    });
  }

  reshape(x: string, shape: number[], type: 'float32' | 'uint8' = 'float32'): string {
    return this.graph.op('Reshape', [x, this.graph.integers(shape)], { types: { T: type, Tshape: 'int32' } });
  }

  /** Rows followed by their labels as one-hot values. */
  #withLabels(x: string, labels: number): string {
    const { graph } = this;
    const [on, off] = [graph.constant(tf.scalar(1)), graph.constant(tf.scalar(0))];
    const oneHot = graph.op('OneHot', [this.#labels, graph.integers(labels), on, off], {
      types: { T: 'float32', TI: 'int32' },
    });
    return graph.op('ConcatV2', [x, oneHot, graph.integers(1)], {
      types: { T: 'float32', Tidx: 'int32' },
      ints: { N: 2 },
    });
  }
}

/**
 * Dec(z, y). `z`: n × latentDim floats, `labels`: n indices.
 *
 * @returns the nodes of the logits, n × H × W × C, and of the images as bytes, packed four to an int32, n × HWC/4
 */
export function decoderGraph(
  graph: GraphBuilder,
  weights: Weights,
  { decoder, height, width, channels, latentDim }: Architecture,
  z: string,
  labels: string,
): { logits: string; packed: string } {
  const net = new NetworkGraph(graph, weights, labels);
  const logits = net.chain(decoder, { node: z, shape: [latentDim] }).node;
  const levels = graph.op(
    'Mul',
    [graph.op('Sigmoid', [logits], { types: FLOAT }), graph.constant(tf.scalar(255))],
    { types: FLOAT },
  );
  const bytes = graph.op('Cast', [graph.op('Round', [levels], { types: FLOAT })], {
    types: { SrcT: 'float32', DstT: 'uint8' },
  });
  const fours = net.reshape(bytes, [-1, (height * width * channels) / 4, 4], 'uint8');
  return { logits, packed: graph.op('Bitcast', [fours], { types: { T: 'uint8', type: 'int32' } }) };
}

/**
 * Enc(x, y). `packed`: n images as bytes, packed four to an int32, n × HWC/4; `labels`: n indices.
 *
 * @returns the nodes of μ and log σ², n × latentDim
 */
export function encoderGraph(
  graph: GraphBuilder,
  weights: Weights,
  { encoder: { mean, logVar, ...trunk }, height, width, channels }: Architecture,
  packed: string,
  labels: string,
): { mean: string; logVar: string } {
  const net = new NetworkGraph(graph, weights, labels);
  const bytes = graph.op('Bitcast', [packed], { types: { T: 'int32', type: 'uint8' } });
  const shape = [height, width, channels];
  const images = net.reshape(bytes, [-1, ...shape], 'uint8');
  const levels = graph.op('Cast', [images], { types: { SrcT: 'uint8', DstT: 'float32' } });
  const x = graph.op('RealDiv', [levels, graph.constant(tf.scalar(255))], { types: FLOAT });
  const hidden = net.chain(trunk, { node: x, shape });
  return { mean: net.layer(mean, hidden).node, logVar: net.layer(logVar, hidden).node };
}
