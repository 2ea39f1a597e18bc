import type { Dataset, LabelledImages } from '../../core/contracts/dataset.ts';
import type { FolderStore } from '../../store/index.ts';
import { type Between, ImageClassifier } from './classifier.ts';
import { standardise } from './features.ts';
import type { ImageSize } from './metrics/planes.ts';
import { findClassifier } from './reference.ts';
import { type ScoredSet, type Yardstick, yardstickOf } from './scores.ts';
import type { ShippedClassifier } from './shipped.ts';

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
   * @param store where classifiers are kept that were trained here
   * @throws classifier_unfit, checkpoint_corrupt
   */
  static async of(info: Dataset['info'], store?: FolderStore): Promise<Judge | undefined> {
    const classifier = await findClassifier(info, store);
    return classifier && new Judge(classifier);
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
