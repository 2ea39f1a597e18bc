import type { ModelRecord, NamedWeights } from '../../core/contracts/model.ts';
import { StylographError } from '../../core/errors.ts';
import {
  architectureOf,
  type Layer,
  type Layers,
  LEAKY_RELU_SLOPE,
  NORM_EPSILON,
  NORM_MOMENTUM,
  type Shape,
} from '../../model/architecture.ts';

/** A layer as Keras writes it. */
interface KerasLayer {
  class_name: string;
  name: string;
  config: Record<string, unknown>;
  inbound_nodes: [string, number, number, Record<string, never>][][];
}

/** A network as the file format of `tf.loadLayersModel`: `model.json` and `weights.bin`. */
export interface LayersModel {
  topology: string;
  weights: Uint8Array;
}

/**
 * Collects a network's Keras layers and their weights. Methods add layers after the one called `from` and return the name of
 * the last one added.
 */
class KerasNetwork {
  readonly #layers: KerasLayer[] = [];
  readonly #weights: NamedWeights[] = [];
  /** Weights that no layer has taken yet. */
  readonly #stored: Map<string, NamedWeights>;
  readonly #network: 'encoder' | 'decoder';
  #upsamplings = 0;

  constructor(network: 'encoder' | 'decoder', stored: readonly NamedWeights[]) {
    this.#network = network;
    this.#stored = new Map(
      stored.filter(({ name }) => name.startsWith(`${network}/`)).map((weight) => [weight.name, weight]),
    );
  }

  #add(kind: string, name: string, config: Record<string, unknown>, from: string[]): string {
    const inbound = from.map((each): [string, number, number, Record<string, never>] => [each, 0, 0, {}]);
    this.#layers.push({
      class_name: kind,
      name,
      config: { name, trainable: true, ...config },
      inbound_nodes: from.length > 0 ? [inbound] : [],
    });
    return name;
  }

  /** Moves a stored weight to the name under which the Keras layer looks for it. */
  #take(stored: string, shape: Shape, layer: string, as: string): void {
    const weight = this.#stored.get(stored);
    if (!weight) throw unsupported(`the weight ${stored} is missing`);
    if (weight.shape.join() !== shape.join()) {
      throw unsupported(`the weight ${stored} has shape [${weight.shape}] instead of [${shape}]`);
    }
    this.#stored.delete(stored);
    this.#weights.push({ ...weight, name: `${layer}/${as}` });
  }

  input(name: string, shape: number[]): string {
    return this.#add('InputLayer', name, { batch_input_shape: [null, ...shape], dtype: 'float32' }, []);
  }

  /** Layers of the architecture, each on the output of the one before. @param labels name of the one-hot labels' input */
  chain(layers: Layers, from: string, labels: string): string {
    let last = from;
    let previous: Layer | undefined;
    for (const layer of Object.values(layers)) {
      last = this.layer(layer, last, labels, previous);
      previous = layer;
    }
    return last;
  }

  /** One layer of the architecture with what surrounds it. @param previous the layer whose output it takes */
  layer(layer: Layer, from: string, labels: string, previous?: Layer): string {
    const [, name] = layer.name.split('/') as [string, string];
    let last = from;
    if (layer.kind === 'dense' && layer.input.length > 1) last = this.#add('Flatten', 'flat', {}, [last]);
    if (layer.kind === 'conv' && previous?.kind === 'dense') {
      last = this.#add('Reshape', 'planes', { target_shape: layer.input }, [last]);
    }
    if (layer.labels > 0) last = this.#add('Concatenate', 'with-label', { axis: -1 }, [last, labels]);
    if (layer.upsample) last = this.#upsample(last);
    last = layer.kind === 'dense' ? this.#dense(layer, name, last) : this.#conv(layer, name, last);
    if (layer.normalized) last = this.#normalize(layer, name, last);
    if (layer.activation === 'leaky-relu') {
      last = this.#add('LeakyReLU', `${name}-activation`, { alpha: LEAKY_RELU_SLOPE }, [last]);
    }
    return layer.pool === 'after-activation' ? this.#maxPool(last) : last;
  }

  #takeKernelAndBias(layer: Layer, name: string): void {
    this.#take(`${layer.name}/kernel`, layer.kernel, name, 'kernel');
    this.#take(`${layer.name}/bias`, layer.kernel.slice(-1), name, 'bias');
  }

  #conv(layer: Layer, name: string, from: string): string {
    this.#takeKernelAndBias(layer, name);
    const config = {
      filters: layer.kernel[3],
      kernel_size: layer.kernel.slice(0, 2),
      strides: [layer.stride, layer.stride],
      padding: 'same',
      data_format: 'channels_last',
      dilation_rate: [1, 1],
      activation: layer.activation === 'sigmoid' ? 'sigmoid' : 'linear',
      use_bias: true,
    };
    return this.#add('Conv2D', name, config, [from]);
  }

  #dense(layer: Layer, name: string, from: string): string {
    this.#takeKernelAndBias(layer, name);
    return this.#add('Dense', name, { units: layer.kernel[1], activation: 'linear', use_bias: true }, [from]);
  }

  #normalize(layer: Layer, name: string, from: string): string {
    const added = `${name}-normalization`;
    const channels = layer.output.slice(-1);
    this.#take(`${layer.name}/beta`, channels, added, 'beta');
    this.#take(`${layer.name}/moving-mean`, channels, added, 'moving_mean');
    this.#take(`${layer.name}/moving-variance`, channels, added, 'moving_variance');
    const config = { axis: -1, momentum: NORM_MOMENTUM, epsilon: NORM_EPSILON, center: true, scale: false };
    return this.#add('BatchNormalization', added, config, [from]);
  }

  #maxPool(from: string): string {
    const config = { pool_size: [2, 2], strides: [2, 2], padding: 'same', data_format: 'channels_last' };
    return this.#add('MaxPooling2D', 'pool', config, [from]);
  }

  #upsample(from: string): string {
    this.#upsamplings += 1;
    const config = { size: [2, 2], data_format: 'channels_last', interpolation: 'nearest' };
    return this.#add('UpSampling2D', `upsample${this.#upsamplings}`, config, [from]);
  }

  finish(inputs: string[], outputs: string[]): LayersModel {
    const [left] = this.#stored.keys();
    if (left !== undefined) throw unsupported(`the weight ${left} belongs to no layer`);
    const ends = (names: string[]) => names.map((name) => [name, 0, 0]);
    const topology = {
      format: 'layers-model',
      generatedBy: 'Stylograph',
      convertedBy: null,
      modelTopology: {
        keras_version: '2.15.0',
        backend: 'tensorflow',
        model_config: {
          class_name: 'Functional',
          config: {
            name: this.#network,
            layers: this.#layers,
            input_layers: ends(inputs),
            output_layers: ends(outputs),
          },
        },
      },
      weightsManifest: [
        {
          paths: ['weights.bin'],
          weights: this.#weights.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })),
        },
      ],
    };
    return {
      topology: `${JSON.stringify(topology, null, 1)}\n`,
      weights: Buffer.concat(
        this.#weights.map(({ values }) => Buffer.from(values.buffer, values.byteOffset, values.byteLength)),
      ),
    };
  }
}

function unsupported(what: string): StylographError {
  return new StylographError(
    'export_unsupported',
    `The model cannot be exported for plain TensorFlow.js: ${what}. Export it with the version that trained it.`,
  );
}

type Exported = Pick<ModelRecord, 'image' | 'config'>;

/**
 * Enc(x, y). Inputs `x`: n × H × W × C in [0, 1], and `y`: n × labels, one-hot; outputs `mean` and `log-var`, each
 * n × latentDim.
 * @throws export_unsupported when the weights do not fit the architecture
 */
export function encoderLayersModel(
  { image, config }: Exported,
  stored: readonly NamedWeights[],
): LayersModel {
  const { mean, logVar, ...trunk } = architectureOf(image, config).encoder;
  const net = new KerasNetwork('encoder', stored);
  const x = net.input('x', [...trunk.conv1.input]);
  const y = net.input('y', [image.labels.length]);
  const hidden = net.chain(trunk, x, y);
  return net.finish([x, y], [net.layer(mean, hidden, y), net.layer(logVar, hidden, y)]);
}

/**
 * Dec(z, y). Inputs `z`: n × latentDim, and `y`: n × labels, one-hot; output: n × H × W × C in (0, 1).
 * @throws export_unsupported when the weights do not fit the architecture
 */
export function decoderLayersModel(
  { image, config }: Exported,
  stored: readonly NamedWeights[],
): LayersModel {
  const { decoder } = architectureOf(image, config);
  const net = new KerasNetwork('decoder', stored);
  const z = net.input('z', [...decoder.hidden.input]);
  const y = net.input('y', [image.labels.length]);
  return net.finish([z, y], [net.chain(decoder, z, y)]);
}
