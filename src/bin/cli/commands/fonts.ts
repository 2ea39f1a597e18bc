import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { DatasetPart } from '../../../core/contracts/dataset.ts';
import type { DrawnFont, DrawnFonts } from '../../../data/fonts/draw-fonts.ts';
import type { Design } from '../../../data/fonts/split.ts';
import { ownName } from '../names.ts';
import { packNpz } from '../npz.ts';
import { int, withCommon } from '../options.ts';
import type { Output } from '../output.ts';
import { UsageProblem } from '../problems.ts';
import type { CommonOptions, Execute, Session } from '../session.ts';
import { whole } from '../terminal/format.ts';
import { datasetFacts } from './dataset-facts.ts';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
/** Progress is printed after this many fonts. */
const PROGRESS_EVERY = 50;
const LISTED = 20;
const PARTS: readonly DatasetPart[] = ['train', 'validation', 'test'];

interface FontsOptions extends CommonOptions {
  name?: string;
  characters: string[];
  size: number;
}

/** `dataset fonts`. */
export function addFonts(datasets: Command, execute: Execute): void {
  withCommon(datasets.command('fonts <folder>'))
    .summary('make a dataset from the letters of fonts')
    .description(
      'Draws the characters of all TTF, OTF and WOFF files in a folder and its subfolders. Each character is a label. All ' +
        'characters of a font share one scale and baseline. Fonts are split by family, so that test families are unseen.',
    )
    .option('-n, --name <name>', 'name of the dataset; default: the name of the folder')
    .option('--characters <text>', 'characters to draw, in this order', characters, [...LETTERS])
    .option('--size <n>', 'side of the images: 16 to 64, a multiple of 4', int(16, 64), 32)
    .action((folder: string, options: FontsOptions) =>
      execute(options, (session) => add(session, folder, options)),
    );
}

/** @throws InvalidArgumentError for a character that cannot be drawn or is given twice */
function characters(text: string): string[] {
  const given = Array.from(text.normalize('NFC'));
  const bad = given.find((character) => /[\p{C}\p{Z}\p{M}]/u.test(character));
  if (bad !== undefined)
    throw new InvalidArgumentError(`It contains ${JSON.stringify(bad)}, which draws nothing by itself.`);
  const twice = given.find((character, at) => given.indexOf(character) !== at);
  if (twice !== undefined) throw new InvalidArgumentError(`It contains ${twice} twice.`);
  if (given.length < 2 || given.length > 128)
    throw new InvalidArgumentError('It must be 2 to 128 characters.');
  return given;
}

async function add(session: Session, folder: string, options: FontsOptions): Promise<void> {
  const { output, backend, signal } = session;
  const { name = basename(resolve(folder)), characters: labels, size } = options;
  if (size % 4 !== 0) throw new UsageProblem(`--size: it must be a multiple of 4, not ${size}`);
  const { drawn, designs, parts } = await draw(session, folder, labels, size);
  const partOf = ({ family }: DrawnFont): DatasetPart => parts.get(family)!;

  const { client, flags } = await backend({ creates: true });
  const bytes = packNpz(arraysOf(drawn.fonts, partOf, labels.length, size));
  const files = [{ name: 'fonts.npz', bytes: new Blob([bytes]) }];
  const upload = { name, files, size, channels: 1, polarity: 'keep', labels } as const;
  const dataset = await client.datasets.add({ ...upload, labels: [...labels] }, { signal });

  const fonts = drawn.fonts.map((font) => ({
    file: font.file,
    family: font.family,
    style: font.style,
    part: partOf(font),
  }));
  output.document({ dataset, fonts, leftOut: drawn.leftOut, remarks: drawn.remarks });
  for (const line of datasetFacts(dataset, output)) output.line(line);
  const test = designs.filter(({ part }) => part === 'test').flatMap(({ families }) => families);
  output.line(`fonts     ${whole(parts.size)} families; unseen test families: ${test.sort().join(', ')}`);
  output.notice(
    `Train on it: ${ownName()} train${flags} --dataset ${dataset.id} (docs/fonts.md has settings)`,
  );
}

/** Draws a folder's fonts and divides them. @throws UsageProblem when there are too few to train and test */
async function draw({ output, signal }: Session, folder: string, labels: string[], size: number) {
  // Imported here because only this command needs the renderer.
  const [{ drawFonts }, { LEAST_DESIGNS, splitFonts }] = await Promise.all([
    import('../../../data/fonts/draw-fonts.ts'),
    import('../../../data/fonts/split.ts'),
  ]);
  const info = await stat(folder).catch((error: Error) => {
    throw new UsageProblem(`${folder} cannot be read: ${error.message}`);
  });
  if (!info.isDirectory())
    throw new UsageProblem(`${folder} is not a folder; name the folder that contains the fonts`);
  const onProgress = (done: number, all: number): void => {
    if (done % PROGRESS_EVERY === 0) output.notice(`${done} of ${all} fonts drawn`);
  };
  const drawn = await drawFonts(folder, { characters: labels, size, signal, onProgress });
  const { designs, parts } = splitFonts(drawn.fonts, labels.length);
  reportFonts(output, drawn, designs);
  if (designs.length < LEAST_DESIGNS) {
    throw new UsageProblem(
      `${folder} contains usable fonts of ${designs.length} families; at least ${LEAST_DESIGNS} are needed (TTF, OTF, WOFF), and several hundred are better`,
    );
  }
  return { drawn, designs, parts };
}

/** Lists fonts that were left out or look doubtful. */
function reportFonts(
  output: Output,
  { fonts, leftOut, remarks }: DrawnFonts,
  designs: readonly Design[],
): void {
  output.notice(`${fonts.length} fonts drawn`);
  for (const { file, text } of leftOut) output.warn(`left out ${file}: it ${text}`);
  for (const { file, text } of remarks.slice(0, LISTED)) output.notice(`${file} ${text}`);
  for (const { families } of designs.filter((design) => design.families.length > 1)) {
    output.notice(`${families.join(' and ')} draw some characters alike and are kept together`);
  }
  if (remarks.length > LISTED)
    output.notice(`and ${remarks.length - LISTED} more that draw some characters alike`);
}

/** The arrays of an upload, x and y for each part of the split: all characters of the first font, then of the next. */
function arraysOf(
  fonts: readonly DrawnFont[],
  partOf: (font: DrawnFont) => DatasetPart,
  labels: number,
  size: number,
) {
  return Object.fromEntries(
    PARTS.flatMap((part) => {
      const own = fonts.filter((font) => partOf(font) === part);
      const count = own.length * labels;
      const answers = Uint8Array.from({ length: count }, (_, at) => at % labels);
      return [
        [`x_${part}`, { shape: [count, size, size], bytes: Buffer.concat(own.map(({ images }) => images)) }],
        [`y_${part}`, { shape: [count], bytes: answers }],
      ];
    }),
  );
}
