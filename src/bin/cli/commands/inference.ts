import type { Command } from 'commander';
import { fromBase64, type ImagesOptions, type LabelReference } from '../../../client/index.ts';
import { collect, int, number, numbers, withCommon, withInputs, withModel, withPicture } from '../options.ts';
import {
  nameFrom,
  outputPicture,
  type PictureOptions,
  readInputs,
  stemOf,
  writePictures,
} from '../pictures.ts';
import { UsageProblem } from '../problems.ts';
import type { CommonOptions, Execute, Session } from '../session.ts';
import { percent, short } from '../terminal/format.ts';

interface ModelOptions extends CommonOptions {
  model: string;
}
interface SheetOptions extends PictureOptions {
  scale?: number;
  invert?: boolean;
}
interface InputOptions extends ModelOptions {
  label?: string[];
  normalize?: 'auto' | 'none';
}
interface GenerateOptions extends ModelOptions, SheetOptions {
  count?: number;
  seed?: number;
  truncation?: number;
}
interface DecodeOptions extends ModelOptions, SheetOptions {
  label?: string[];
  latent?: number[][];
}

export function addInference(program: Command, execute: Execute): void {
  addGenerate(program, execute);
  addStyleTransfer(program, execute);
  addEncode(program, execute);
  addDecode(program, execute);
  addReconstruct(program, execute);
  addManifold(program, execute);
}

const sheetOptionsOf = ({ scale, invert }: SheetOptions) => ({ scale, invert });

/** Prints an answer as JSON with `--json`, otherwise outputs it as a picture. */
async function outputAnswer(
  session: Session,
  options: PictureOptions,
  answer: { name: string; json(): Promise<object>; png(): Promise<{ bytes: Uint8Array }> },
): Promise<void> {
  if (session.output.json) return session.output.document(await answer.json());
  const { bytes } = await answer.png();
  await outputPicture(session, { name: answer.name, bytes }, options);
}

function addGenerate(program: Command, execute: Execute): void {
  const command = program
    .command('generate <label>')
    .summary('draw images of a label')
    .description(
      'Draws images of a label from z ~ N(0, I). The same seed, label and model give the same bytes. Several images make a sheet, or one file each if --out is a folder.',
    )
    .option('-n, --count <n>', 'number of images, 1 to 400', int(1, 400))
    .option('--seed <n>', 'seed of the first image; drawn by default', int(0, 2 ** 32 - 1))
    .option('--truncation <x>', 'factor of the standard deviation of z, 0 to 3', number(0, 3));
  withPicture(withCommon(withModel(command))).action((label: string, options: GenerateOptions) =>
    execute(options, (session) => generate(session, label, options)),
  );
}

async function generate(session: Session, label: string, options: GenerateOptions): Promise<void> {
  const { output, signal } = session;
  const { model, count, seed, truncation, out } = options;
  const { client } = await session.backend();
  const query = { label, model, count, seed, truncation, ...sheetOptionsOf(options), signal };
  if (output.json) return output.document(await client.generate(query));
  if (out?.endsWith('/')) {
    const { images } = await client.generate(query);
    const pictures = images.map((image) => ({
      name: `${nameFrom(image.label)}-${image.seed}.png`,
      bytes: fromBase64(image.png),
    }));
    await writePictures(out, pictures);
    output.line(`${output.paint.green('wrote')} ${pictures.length} files to ${out}`);
    return;
  }
  const picture = await client.generatePng(query);
  const name = `${nameFrom(label)}-${picture.seed}.png`;
  output.notice(`label ${label} · seed ${picture.seed} · ${picture.modelId}`);
  await outputPicture(session, { name, bytes: picture.bytes }, options);
}

/** Labels of the inputs: one for all, or one each. */
function labelsFor(labels: string[] | undefined, count: number): LabelReference[] | undefined {
  if (labels === undefined || labels.length === count) return labels;
  if (labels.length === 1) return new Array<LabelReference>(count).fill(labels[0]!);
  throw new UsageProblem(`--label: give it once for all ${count} images, or ${count} times, one each`);
}

async function imagesOf(
  session: Session,
  files: string[],
  { model, normalize, label }: InputOptions,
): Promise<{ images: Uint8Array[]; how: ImagesOptions }> {
  const images = await readInputs(files);
  const labels = labelsFor(label, files.length);
  return { images, how: { model, normalize, labels, signal: session.signal } };
}

function addEncode(program: Command, execute: Execute): void {
  const command = program
    .command('encode <image...>')
    .summary('print the latents of images: their style as numbers')
    .description('Encodes PNG, JPEG or WebP images of any size (- reads standard input).');
  withCommon(withInputs(command)).action((files: string[], options: InputOptions) =>
    execute(options, async (session) => {
      const { client } = await session.backend();
      const { images, how } = await imagesOf(session, files, options);
      const { output } = session;
      const answer = await client.encode(images, how);
      output.document(answer);
      for (const [i, { label, labelInferred, labelScores, mean }] of answer.latents.entries()) {
        const belief = labelInferred ? ` (inferred, ${percent(labelScores?.[label] ?? 0)})` : '';
        output.line(`${output.paint.bold(files[i]!)}  label ${label}${belief}`);
        output.line(`  ${mean.map(short).join('  ')}`);
      }
    }),
  );
}

function addDecode(program: Command, execute: Execute): void {
  const command = program
    .command('decode [file]')
    .summary('draw latents')
    .description(
      'Draws latents: those of --latent, or those that "encode --json" wrote to a file (- reads standard input).',
    )
    .option('--latent <numbers>', 'comma-separated numbers; may be given several times', numbers)
    .option(
      '-l, --label <label>',
      'label of the latents: once for all, or once per latent; default: the labels in the file',
      collect,
    );
  withPicture(withCommon(withModel(command))).action((file: string | undefined, options: DecodeOptions) =>
    execute(options, async (session) => {
      const latents = await latentsOf(file, options);
      const { client } = await session.backend();
      const how = { model: options.model, signal: session.signal };
      await outputAnswer(session, options, {
        name: 'decoded.png',
        json: () => client.decode(latents, how),
        png: () => client.decodePng(latents, { ...how, ...sheetOptionsOf(options) }),
      });
    }),
  );
}

async function latentsOf(
  file: string | undefined,
  { latent: given, label: labels }: DecodeOptions,
): Promise<{ latent: number[]; label: LabelReference }[]> {
  if ((file === undefined) === (given === undefined)) {
    throw new UsageProblem('decode: give --latent, or a file that "encode --json" wrote');
  }
  const stored = file === undefined ? [] : await readLatents(file);
  const latents = given ?? stored.map(({ mean }) => mean);
  const chosen = labelsFor(labels, latents.length) ?? stored.map(({ label }) => label);
  if (chosen.length < latents.length) throw new UsageProblem('--label: give the label for --latent');
  return latents.map((latent, i) => ({ latent, label: chosen[i]! }));
}

async function readLatents(file: string): Promise<{ mean: number[]; label: LabelReference }[]> {
  const text = Buffer.from((await readInputs([file]))[0]!).toString('utf8');
  try {
    const { latents } = JSON.parse(text) as { latents: { mean: number[]; label: LabelReference }[] };
    return latents.map(({ mean, label }) => ({ mean, label }));
  } catch {
    throw new UsageProblem(`${file} contains no latents; "encode --json" writes such a file`);
  }
}

function addReconstruct(program: Command, execute: Execute): void {
  const command = program
    .command('reconstruct <image...>')
    .summary('encode images and decode them again')
    .description('Encodes images and decodes them again: a sheet with each below its original.');
  withPicture(withCommon(withInputs(command))).action(
    (files: string[], options: InputOptions & SheetOptions) =>
      execute(options, async (session) => {
        const { client } = await session.backend();
        const { images, how } = await imagesOf(session, files, options);
        await outputAnswer(session, options, {
          name: `${stemOf(files[0]!)}-reconstructed.png`,
          json: () => client.reconstruct(images, how),
          png: () => client.reconstructPng(images, { ...how, ...sheetOptionsOf(options) }),
        });
      }),
  );
}

function addStyleTransfer(program: Command, execute: Execute): void {
  const command = program
    .command('style-transfer <image...>')
    .summary('draw every label in the style of images')
    .description('Draws labels in the style of each image: one row per image, one column per label.')
    .option('-t, --target <label>', 'a label to draw; may be given several times; default: all', collect)
    .option('--average', 'take all images as samples of one style: one row from the mean of their latents');
  withPicture(withCommon(withInputs(command))).action(
    (files: string[], options: InputOptions & SheetOptions & { target?: string[]; average?: boolean }) =>
      execute(options, async (session) => {
        const { client } = await session.backend();
        const { images, how } = await imagesOf(session, files, options);
        const transfer = { ...how, targets: options.target, average: options.average };
        await outputAnswer(session, options, {
          name: `${stemOf(files[0]!)}-styles.png`,
          json: () => client.styleTransfer(images, transfer),
          png: () => client.styleTransferPng(images, { ...transfer, ...sheetOptionsOf(options) }),
        });
      }),
  );
}

function addManifold(program: Command, execute: Execute): void {
  const command = program
    .command('manifold <label>')
    .summary('draw the first two latent dimensions of a label as a grid')
    .description(
      'Columns follow the first latent dimension, rows the second, from their 5 % to their 95 % quantile.',
    )
    .option('--size <n>', 'images per side, 2 to 40', int(2, 40));
  withPicture(withCommon(withModel(command))).action(
    (label: string, options: ModelOptions & SheetOptions & { size?: number }) =>
      execute(options, async (session) => {
        const { client } = await session.backend();
        const query = { label, model: options.model, size: options.size, signal: session.signal };
        await outputAnswer(session, options, {
          name: `${nameFrom(label)}-manifold.png`,
          json: () => client.manifold(query),
          png: () => client.manifoldPng({ ...query, ...sheetOptionsOf(options) }),
        });
      }),
  );
}
