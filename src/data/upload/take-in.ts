import { createHash } from 'node:crypto';
import {
  type Dataset,
  type DatasetInfo,
  type DatasetLimits,
  LABELS,
  type LabelledImages,
  type ReceivedDataset,
} from '../../core/contracts/dataset.ts';
import { infoOf } from '../info.ts';
import { divide, type Unit } from './divide.ts';
import { doubts } from './doubts.ts';
import { fit } from './fit.ts';
import { formOf, look } from './look.ts';
import { openUpload } from './open.ts';
import { PARTS, type Part, type Pictures } from './pictures.ts';
import { refuse, some } from './refusals.ts';

/**
 * Turns an upload into a dataset: everything is checked, fitted to one form and split.
 * @throws invalid_dataset naming what cannot be taken
 */
export async function takeIn(
  received: ReceivedDataset,
  limits: DatasetLimits,
  signal: AbortSignal,
): Promise<Dataset> {
  const pictures = await openUpload(received, limits);
  try {
    requireLabels(pictures, limits);
    const { items, labels, warnings } = pictures;
    const seen = await look(items, signal);
    const form = formOf(items, seen, received.fields);
    const size = form.side ** 2 * form.channels;
    if (items.length * size > limits.unpackedBytes) {
      refuse(
        `${items.length} images of ${form.side}×${form.side}×${form.channels} have more than ${limits.unpackedBytes} bytes (DATASET_UNPACKED_MIB). Choose a smaller \`size\`, or send fewer.`,
      );
    }
    const images = await fit(items, seen, form, signal);
    const units = unitsOf(pictures, images, size);
    warnings.push(...form.warnings);
    const parts = divide(units, labels, warnings);
    warnings.push(
      ...doubts(
        units,
        items.map(({ file }) => file),
        labels,
        parts,
      ),
    );
    return assemble(received.fields.name, { labels, warnings, units, parts, images, form });
  } finally {
    pictures.close();
  }
}

function requireLabels({ items, labels }: Pictures, limits: DatasetLimits): void {
  if (items.length > limits.images)
    refuse(`There are ${items.length} images; at most ${limits.images} are taken (DATASET_IMAGES).`);
  if (labels.length < LABELS.least) {
    refuse(
      `There is but one label${labels[0] === undefined ? '' : `, ${labels[0]}`}; at least ${LABELS.least} are needed: a folder each, such as A/1.png and B/1.png.`,
    );
  }
  if (labels.length > LABELS.most) {
    refuse(`There are ${labels.length} labels (${some(labels)}); at most ${LABELS.most} are taken.`);
  }
}

function unitsOf({ items, labels }: Pictures, images: Uint8Array, size: number): Unit[] {
  const index = new Map(labels.map((name, at) => [name, at]));
  return items.map(({ label, part, group }, at) => ({
    label: index.get(label)!,
    content: createHash('sha256')
      .update(images.subarray(at * size, (at + 1) * size))
      .digest('base64'),
    part,
    group,
  }));
}

interface Divided {
  labels: string[];
  warnings: string[];
  units: Unit[];
  parts: Part[];
  images: Uint8Array;
  form: { side: number; channels: 1 | 3 };
}

function assemble(name: string, { labels, warnings, units, parts, images, form }: Divided): Dataset {
  const { side, channels } = form;
  const size = side * side * channels;
  const pick = (wanted: Part): LabelledImages => {
    const chosen = [...parts.keys()].filter((at) => parts[at] === wanted);
    const picked = new Uint8Array(chosen.length * size);
    for (const [row, at] of chosen.entries())
      picked.set(images.subarray(at * size, (at + 1) * size), row * size);
    return {
      count: chosen.length,
      images: picked,
      labels: Uint8Array.from(chosen, (at) => units[at]!.label),
    };
  };
  const [train, validation, test] = PARTS.map(pick) as [LabelledImages, LabelledImages, LabelledImages];
  const split = { train, validation, test };
  const info = infoOf(
    { id: 'unnamed', name, labelNames: labels, width: side, height: side, channels },
    split,
  );
  return { info: { ...info, id: idOf(info), warnings, createdAt: new Date().toISOString() }, ...split };
}

/** Told by name and content: the same upload again has the same id, and no other has it. */
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
