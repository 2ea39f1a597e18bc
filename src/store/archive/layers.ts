import type { ModelRecord, NamedWeights } from '../../core/contracts/model.ts';
import { StylographError } from '../../core/errors.ts';

/** Keras's alpha of every LeakyReLU and the epsilon in every batch normalisation, as the networks are trained. */
const SLOPE = 0.3;
const EPSILON = 1e-3;

interface Layer {
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
 * Collects Keras layers and their weights. Each method adds a layer after `from` and gives its name back; a layer of the
 * article is a convolution or dense layer, batch normalisation where it is on, and LeakyReLU.
 */
class LayersBuilder {
  readonly #layers: Layer[] = [];
  readonly #weights: NamedWeights[] = [];
  readonly #stored: Map<string, NamedWeights>;
  readonly #batchNorm: boolean;
  readonly #network: string;

  constructor(network: string, stored: readonly NamedWeights[], batchNorm: boolean) {
    this.#network = network;
    this.#batchNorm = batchNorm;
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

  /** Moves a stored weight to where the layer looks for it. */
  #take(stored: string, layer: string, as: string): NamedWeights {
    const name = `${this.#network}/${stored}`;
    const weight = this.#stored.get(name);
    if (!weight) throw unlike(`the weight ${name} is missing`);
    this.#stored.delete(name);
    this.#weights.push({ ...weight, name: `${layer}/${as}` });
    return weight;
  }

  input(name: string, shape: number[]): string {
    return this.#add('InputLayer', name, { batch_input_shape: [null, ...shape], dtype: 'float32' }, []);
  }

  conv(
    from: string,
    name: string,
    { stride = 1, activation = 'linear' }: { stride?: number; activation?: string } = {},
  ): string {
    const { shape } = this.#take(`${name}/kernel`, name, 'kernel');
    this.#take(`${name}/bias`, name, 'bias');
    const config = {
      filters: shape[3],
      kernel_size: shape.slice(0, 2),
      strides: [stride, stride],
      padding: 'same',
      data_format: 'channels_last',
      dilation_rate: [1, 1],
      activation,
      use_bias: true,
    };
    return this.#add('Conv2D', name, config, [from]);
  }

  dense(from: string, name: string): string {
    const { shape } = this.#take(`${name}/kernel`, name, 'kernel');
    this.#take(`${name}/bias`, name, 'bias');
    return this.#add('Dense', name, { units: shape[1], activation: 'linear', use_bias: true }, [from]);
  }

  /** Batch normalisation of a layer, where it is on, and LeakyReLU. */
  activate(layer: string): string {
    return this.#add('LeakyReLU', `${layer}-activation`, { alpha: SLOPE }, [this.#normalize(layer)]);
  }

  #normalize(layer: string): string {
    if (!this.#batchNorm) return layer;
    const name = `${layer}-normalization`;
    this.#take(`${layer}/beta`, name, 'beta');
    this.#take(`${layer}/moving-mean`, name, 'moving_mean');
    this.#take(`${layer}/moving-variance`, name, 'moving_variance');
    const config = { axis: -1, momentum: 0.99, epsilon: EPSILON, center: true, scale: false };
    return this.#add('BatchNormalization', name, config, [layer]);
  }

  maxPool(from: string, name: string): string {
    const config = { pool_size: [2, 2], strides: [2, 2], padding: 'same', data_format: 'channels_last' };
    return this.#add('MaxPooling2D', name, config, [from]);
  }

  upsample(from: string, name: string): string {
    const config = { size: [2, 2], data_format: 'channels_last', interpolation: 'nearest' };
    return this.#add('UpSampling2D', name, config, [from]);
  }

  flatten(from: string, name: string): string {
    return this.#add('Flatten', name, {}, [from]);
  }

  reshape(from: string, name: string, shape: number[]): string {
    return this.#add('Reshape', name, { target_shape: shape }, [from]);
  }

  concatenate(from: string[], name: string): string {
    return this.#add('Concatenate', name, { axis: -1 }, from);
  }

  finish(inputs: string[], outputs: string[]): LayersModel {
    const [left] = this.#stored.keys();
    if (left !== undefined) throw unlike(`the weight ${left} belongs to no layer`);
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

function unlike(what: string): StylographError {
  return new StylographError(
    'export_unsupported',
    `The model cannot be written in the form of plain tfjs: ${what}. Export it with the version that trained it.`,
  );
}

type Exported = Pick<ModelRecord, 'image' | 'config' | 'latentDim'>;

/**
 * Enc(x, y). Inputs `x`: n × H × W × C in [0, 1], and `y`: n × labels, one-hot; outputs `mean` and `log-var`, each
 * n × latentDim.
 * @throws export_unsupported when the weights are not those of the network this version knows
 */
export function encoderLayers({ image, config }: Exported, stored: readonly NamedWeights[]): LayersModel {
  const net = new LayersBuilder('encoder', stored, config.batchNorm);
  const x = net.input('x', [image.height, image.width, image.channels]);
  const y = net.input('y', [image.labels.length]);
  const small = net.maxPool(net.activate(net.conv(x, 'conv1', { stride: 2 })), 'pool');
  const flat = net.flatten(net.activate(net.conv(small, 'conv2')), 'flat');
  const hidden = net.activate(net.dense(net.concatenate([flat, y], 'with-label'), 'hidden'));
  return net.finish([x, y], [net.dense(hidden, 'mean'), net.dense(hidden, 'log-var')]);
}

/**
 * Dec(z, y). Inputs `z`: n × latentDim, and `y`: n × labels, one-hot; output: n × H × W × C in (0, 1).
 * @throws export_unsupported when the weights are not those of the network this version knows
 */
export function decoderLayers(
  { image, config, latentDim }: Exported,
  stored: readonly NamedWeights[],
): LayersModel {
  const net = new LayersBuilder('decoder', stored, config.batchNorm);
  const z = net.input('z', [latentDim]);
  const y = net.input('y', [image.labels.length]);
  const units = net.activate(net.dense(net.concatenate([z, y], 'with-label'), 'hidden'));
  const planes = net.reshape(units, 'planes', [
    image.height / 4,
    image.width / 4,
    config.networks.decoder[0],
  ]);
  const half = net.activate(net.conv(net.upsample(planes, 'upsample1'), 'conv1'));
  const features = net.activate(net.conv(half, 'conv2'));
  const image_ = net.conv(net.upsample(features, 'upsample2'), 'image', { activation: 'sigmoid' });
  return net.finish([z, y], [image_]);
}
