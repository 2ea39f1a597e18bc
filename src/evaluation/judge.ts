import type { Dataset, LabelledImages } from '../contracts/dataset.ts';
import { type Between, ImageClassifier } from './classifier.ts';
import { standardise } from './features.ts';
import type { ImageSize } from './metrics/planes.ts';
import { type ScoredSet, type Yardstick, yardstickOf } from './scores.ts';
import { type ShippedClassifier, shippedClassifier } from './shipped.ts';

/** The reference classifier of a dataset, loaded, with the scale of its features. */
export class Judge {
  readonly shipped: ShippedClassifier;
  readonly #classifier: ImageClassifier;

  constructor(shipped: ShippedClassifier) {
    this.shipped = shipped;
    this.#classifier = new ImageClassifier(shipped.shape, shipped.weights);
  }

  /**
   * The judge of a dataset; undefined where no classifier was trained on just this data.
   * @throws classifier_unfit, checkpoint_corrupt
   */
  static of(info: Dataset['info']): Judge | undefined {
    const shipped = shippedClassifier(info);
    return shipped && new Judge(shipped);
  }

  get size(): ImageSize {
    return this.shipped.shape;
  }

  /** @param images n × H × W × C bytes @param labels the label asked of each */
  async see(images: Uint8Array, labels: Uint8Array, between?: Between): Promise<ScoredSet> {
    const seen = await this.#classifier.look(images, between);
    return { images, labels, seen: { ...seen, values: standardise(seen.values, this.shipped.standard) } };
  }

  /** What other images are measured against. */
  async yardstick({ images, labels }: LabelledImages, between?: Between): Promise<Yardstick> {
    return yardstickOf(await this.see(images, labels, between), this.size, this.shipped.shape.labels);
  }

  dispose(): void {
    this.#classifier.dispose();
  }
}
