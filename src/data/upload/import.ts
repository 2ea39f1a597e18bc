import { createHash } from 'node:crypto';
import {
  type Dataset,
  type DatasetInfo,
  type DatasetLimits,
  type DatasetPart,
  LABELS,
  type LabelledImages,
  type ReceivedDataset,
} from '../../core/contracts/dataset.ts';
import { abbreviate } from '../abbreviate.ts';
import { pick } from '../batches.ts';
import { summarize } from '../summary.ts';
import { assignParts, type SplitItem } from './assign-parts.ts';
import { chooseForm, convertPictures, inspectPictures } from './common-form.ts';
import type { Pictures } from './pictures.ts';
import { openPictures } from './read-upload.ts';
import { refuse } from './refusals.ts';
import { warningsOf } from './warnings.ts';

/**
 * Turns an upload into a dataset: checks every image, converts it to the common form and splits the set.
 * @throws invalid_dataset naming what cannot be used
 */
export async function importDataset(
  received: ReceivedDataset,
  limits: DatasetLimits,
  signal: AbortSignal,
): Promise<Dataset> {
  const { fields } = received;
  const pictures = await openPictures(received, limits);
  try {
    checkCounts(pictures, limits);
    const { items: pictureItems, labels } = pictures;
    const inspected = await inspectPictures(pictureItems, signal);
    const { form, warnings: formWarnings } = chooseForm(pictureItems, inspected, fields);
    const { side, channels } = form;
    const size = side * side * channels;
    if (pictureItems.length * size > limits.unpackedBytes) {
      refuse(
        `${pictureItems.length} images of ${side}×${side}×${channels} have more than ${limits.unpackedBytes} bytes (DATASET_UNPACKED_MIB). Choose a smaller \`size\`, or send fewer images.`,
      );
    }
    const pixels = await convertPictures(pictureItems, inspected, form, signal);
    const items = splitItems(pictures, pixels, size);
    const { parts, warnings: splitWarnings } = assignParts(items, labels);
    const files = pictureItems.map(({ file }) => file);
    const split = splitImages(items, pixels, parts, size);
    const info = summarize(
      { id: 'unnamed', name: fields.name, labelNames: labels, width: side, height: side, channels },
      split,
    );
    const warnings = [
      ...pictures.warnings,
      ...formWarnings,
      ...splitWarnings,
      ...warningsOf({ items, files, parts, labels }),
    ];
    return { info: { ...info, id: idOf(info), warnings, createdAt: new Date().toISOString() }, ...split };
  } finally {
    pictures.close();
  }
}

function checkCounts({ items, labels }: Pictures, limits: DatasetLimits): void {
  if (items.length > limits.images) {
    refuse(`There are ${items.length} images; at most ${limits.images} are accepted (DATASET_IMAGES).`);
  }
  if (labels.length < LABELS.least) {
    const only = labels[0] === undefined ? '' : `, ${labels[0]}`;
    refuse(
      `There is only one label${only}; at least ${LABELS.least} are needed. Use one folder per label, such as A/1.png and B/1.png.`,
    );
  }
  if (labels.length > LABELS.most) {
    refuse(
      `There are ${labels.length} labels (${abbreviate(labels, 3)}); at most ${LABELS.most} are accepted.`,
    );
  }
}

function splitItems({ items, labels }: Pictures, pixels: Uint8Array, size: number): SplitItem[] {
  const indexOf = new Map(labels.map((name, at) => [name, at]));
  return items.map(({ label, part, group }, at) => ({
    label: indexOf.get(label)!,
    content: createHash('sha256')
      .update(pixels.subarray(at * size, (at + 1) * size))
      .digest('base64'),
    part,
    group,
  }));
}

function splitImages(
  items: readonly SplitItem[],
  images: Uint8Array,
  parts: readonly DatasetPart[],
  size: number,
): Omit<Dataset, 'info'> {
  const all = { count: items.length, images, labels: Uint8Array.from(items, ({ label }) => label) };
  const imagesOf = (part: DatasetPart): LabelledImages => {
    const positions = [...parts.keys()].filter((at) => parts[at] === part);
    return { count: positions.length, ...pick(all, positions, size) };
  };
  return { train: imagesOf('train'), validation: imagesOf('validation'), test: imagesOf('test') };
}

/** Depends on name and content only: the same upload always has the same id, another one does not. */
function idOf({ name, labels, digest }: DatasetInfo): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40)
    .replace(/-$/, '');
  const names = labels.map((label) => label.name);
  const hash = createHash('sha256')
    .update(JSON.stringify([name, names, digest]))
    .digest('hex');
  return `${slug || 'images'}-${hash.slice(0, 8)}`;
}
