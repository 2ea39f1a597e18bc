import type { DatasetPart } from '../../src/core/contracts/dataset.ts';
import type { ModelRecord } from '../../src/core/contracts/model.ts';
import { loadDataset } from '../../src/data/datasets.ts';
import { type DrawnFont, drawFonts } from '../../src/data/fonts/draw-fonts.ts';
import { splitFonts } from '../../src/data/fonts/split.ts';
import { buildInferenceModel, type InferenceModel } from '../../src/model/inference.ts';
import { ModelRegistry, openFolderStore } from '../../src/store/index.ts';

/** A model of letters, its training fonts and the test fonts that it has not seen. */
export interface FontModel {
  record: ModelRecord;
  model: InferenceModel;
  train: DrawnFont[];
  test: DrawnFont[];
}

/**
 * Opens a stored model and draws the fonts of its dataset.
 * @throws when the drawn fonts differ from the dataset
 */
export async function openFontModel(reference: string, folder: string, dataDir: string): Promise<FontModel> {
  const registry = new ModelRegistry(await openFolderStore(dataDir));
  const record = await registry.record(reference);
  const { labels, width: size } = record.image;
  const options = { characters: labels, size, signal: new AbortController().signal };
  const { fonts } = await drawFonts(folder, options);
  const { parts } = splitFonts(fonts, labels.length);
  const of = (part: DatasetPart) => fonts.filter(({ family }) => parts.get(family) === part);
  const [train, test] = [of('train'), of('test')];
  const dataset = await loadDataset(record.dataset, dataDir);
  for (const [own, stored] of [
    [train, dataset.train],
    [test, dataset.test],
  ] as const) {
    const images = Buffer.concat(own.map((font) => font.images));
    if (!images.equals(stored.images)) {
      throw new Error(
        `The fonts in ${folder} differ from those of the dataset ${record.dataset}. Name the folder that the dataset was made from.`,
      );
    }
  }
  return {
    record,
    model: await buildInferenceModel(record, await registry.readWeights(record.id)),
    train,
    test,
  };
}

/** The images of some characters of a font. */
export function imagesOf(
  { images }: Pick<DrawnFont, 'images'>,
  at: readonly number[],
  pixels: number,
): Uint8Array {
  return Buffer.concat(at.map((label) => images.subarray(label * pixels, (label + 1) * pixels)));
}

/** Every label in the mean style of some characters of a font, as the server's `average` does it. */
export function restyle(
  { record, model }: Pick<FontModel, 'record' | 'model'>,
  font: Pick<DrawnFont, 'images'>,
  sources: readonly number[],
): Uint8Array {
  const { labels, width, height } = record.image;
  const { mean } = model.encode(imagesOf(font, sources, width * height), Int32Array.from(sources));
  const { latentDim } = record.config;
  const style = Float32Array.from({ length: latentDim }, (_, i) => {
    return sources.reduce((sum, _source, row) => sum + mean[row * latentDim + i]!, 0) / sources.length;
  });
  const latents = new Float32Array(labels.length * latentDim);
  for (let label = 0; label < labels.length; label++) latents.set(style, label * latentDim);
  return model.decode(latents, Int32Array.from(labels.keys()));
}
