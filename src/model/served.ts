import { foldUpsampling, type GraphBuilder, type Tensor, type Tensor4D, tf } from '../engine/index.ts';
import { LEAKY_RELU_SLOPE, NORM_EPSILON, weight } from './layers.ts';
import type { ModelShape } from './shape.ts';
import type { Weights } from './weights.ts';

/**
 * The networks as they are served: one graph each, dropout gone, batch normalisation folded into the layer before it,
 * upsampling into the kernel after it, LeakyReLU next to the bias where TensorFlow joins it with the convolution.
 */

const FLOAT = { T: 'float32' } as const;
const NHWC = { data_format: 'NHWC' };

/** Kernel and bias of a layer with the moving statistics of its normalisation multiplied in. */
interface Folded {
  kernel: Tensor;
  bias: Tensor;
}

/** ((x ∗ k + b) − m) / √(v + ε) + β = x ∗ (k / √(v + ε)) + (b − m) / √(v + ε) + β, an output channel. */
function fold(weights: Weights, layer: string, shape: ModelShape): Folded {
  const kernel = weight(weights, `${layer}/kernel`);
  const bias = weight(weights, `${layer}/bias`);
  if (!shape.batchNorm || !weights.has(`${layer}/moving-mean`)) return { kernel, bias };
  const deviation = weight(weights, `${layer}/moving-variance`).add(NORM_EPSILON).sqrt();
  return {
    kernel: kernel.div(deviation),
    bias: bias
      .sub(weight(weights, `${layer}/moving-mean`))
      .div(deviation)
      .add(weight(weights, `${layer}/beta`)),
  };
}

/** Makes nodes for the layers of one network. Call within a tidy: what is folded on the way is not needed after. */
class LayerGraph {
  readonly graph: GraphBuilder;
  readonly #weights: Weights;
  readonly #shape: ModelShape;

  constructor(graph: GraphBuilder, weights: Weights, shape: ModelShape) {
    this.graph = graph;
    this.#weights = weights;
    this.#shape = shape;
  }

  leakyRelu(x: string): string {
    return this.graph.op('LeakyRelu', [x], { types: FLOAT, floats: { alpha: LEAKY_RELU_SLOPE } });
  }

  #addBias(x: string, bias: Tensor): string {
    return this.graph.op('BiasAdd', [x, this.graph.constant(bias)], { types: FLOAT, strings: NHWC });
  }

  dense(x: string, layer: string): string {
    const { kernel, bias } = fold(this.#weights, layer, this.#shape);
    return this.#addBias(this.graph.op('MatMul', [x, this.graph.constant(kernel)], { types: FLOAT }), bias);
  }

  #convolve(x: string, { kernel, bias }: Folded, stride: number): string {
    const filtered = this.graph.op('Conv2D', [x, this.graph.constant(kernel)], {
      types: FLOAT,
      ints: { strides: [1, stride, stride, 1] },
      strings: { padding: 'SAME', ...NHWC },
    });
    return this.#addBias(filtered, bias);
  }

  conv(x: string, layer: string, stride = 1): string {
    return this.#convolve(x, fold(this.#weights, layer, this.#shape), stride);
  }

  /** A 5×5 convolution of the upsampled `x`, on the small grid: its four outputs a pixel are channels still. */
  subpixelConv(x: string, layer: string): string {
    const { kernel, bias } = fold(this.#weights, layer, this.#shape);
    return this.#convolve(x, { kernel: foldUpsampling(kernel as Tensor4D), bias: tf.tile(bias, [4]) }, 1);
  }

  depthToSpace(x: string): string {
    return this.graph.op('DepthToSpace', [x], { types: FLOAT, ints: { block_size: 2 }, strings: NHWC });
  }

  maxPool2x2(x: string): string {
    return this.graph.op('MaxPool', [x], {
      types: FLOAT,
      ints: { ksize: [1, 2, 2, 1], strides: [1, 2, 2, 1] },
      strings: { padding: 'SAME', ...NHWC },
    });
  }

  reshape(x: string, shape: number[], type: 'float32' | 'uint8' = 'float32'): string {
    return this.graph.op('Reshape', [x, this.graph.integers(shape)], { types: { T: type, Tshape: 'int32' } });
  }

  /** Rows side by side with their labels as one-hot rows. */
  withLabels(x: string, labels: string): string {
    const { graph } = this;
    const [on, off] = [graph.constant(tf.scalar(1)), graph.constant(tf.scalar(0))];
    const oneHot = graph.op('OneHot', [labels, graph.integers(this.#shape.labels), on, off], {
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
  shape: ModelShape,
  z: string,
  labels: string,
): { logits: string; packed: string } {
  const net = new LayerGraph(graph, weights, shape);
  const units = net.leakyRelu(net.dense(net.withLabels(z, labels), 'decoder/hidden'));
  const planes = net.reshape(units, [-1, shape.height / 4, shape.width / 4, shape.widths.decoder[0]]);
  const h = net.depthToSpace(net.leakyRelu(net.subpixelConv(planes, 'decoder/conv1')));
  const small = net.leakyRelu(net.conv(h, 'decoder/conv2'));
  const logits = net.depthToSpace(net.subpixelConv(small, 'decoder/image'));
  const levels = graph.op(
    'Mul',
    [graph.op('Sigmoid', [logits], { types: FLOAT }), graph.constant(tf.scalar(255))],
    { types: FLOAT },
  );
  const bytes = graph.op('Cast', [graph.op('Round', [levels], { types: FLOAT })], {
    types: { SrcT: 'float32', DstT: 'uint8' },
  });
  const fours = net.reshape(bytes, [-1, (shape.height * shape.width * shape.channels) / 4, 4], 'uint8');
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
  shape: ModelShape,
  packed: string,
  labels: string,
): { mean: string; logVar: string } {
  const net = new LayerGraph(graph, weights, shape);
  const bytes = graph.op('Bitcast', [packed], { types: { T: 'int32', type: 'uint8' } });
  const images = net.reshape(bytes, [-1, shape.height, shape.width, shape.channels], 'uint8');
  const levels = graph.op('Cast', [images], { types: { SrcT: 'uint8', DstT: 'float32' } });
  const x = graph.op('RealDiv', [levels, graph.constant(tf.scalar(255))], { types: FLOAT });
  const c1 = net.maxPool2x2(net.leakyRelu(net.conv(x, 'encoder/conv1', 2)));
  const c2 = net.leakyRelu(net.conv(c1, 'encoder/conv2'));
  const flat = net.reshape(c2, [-1, (shape.height / 4) * (shape.width / 4) * shape.widths.encoder[1]]);
  const hidden = net.leakyRelu(net.dense(net.withLabels(flat, labels), 'encoder/hidden'));
  return { mean: net.dense(hidden, 'encoder/mean'), logVar: net.dense(hidden, 'encoder/log-var') };
}
