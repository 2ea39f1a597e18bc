import type { Command } from 'commander';
import { fromBase64, type ImagesOptions, type LabelReference } from '../../../client/index.ts';
import {
  collect,
  int,
  number,
  numbers,
  withCommon,
  withModel,
  withPicture,
  withSources,
} from '../options.ts';
import { deliver, nameFrom, type PictureOptions, readSources, stemOf, writePictures } from '../pictures.ts';
import { UsageProblem } from '../problems.ts';
import type { CommonOptions, Execute, Session } from '../session.ts';
import { percent, short } from '../terminal/words.ts';

interface ModelOptions extends CommonOptions {
  model: string;
}
interface LookOptions extends PictureOptions {
  scale?: number;
  invert?: boolean;
}
interface SourceOptions extends ModelOptions {
  label?: string[];
  normalize?: 'auto' | 'none';
}
interface GenerateOptions extends ModelOptions, LookOptions {
  count?: number;
  seed?: number;
  truncation?: number;
}
interface DecodeOptions extends ModelOptions, LookOptions {
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

const lookOf = ({ scale, invert }: LookOptions) => ({ scale, invert });

function addGenerate(program: Command, execute: Execute): void {
  const command = program
    .command('generate <label>')
    .summary('draw images of a label')
    .description(
      'Draws images of a label from z ~ N(0, I). The same seed, label and model give the same bytes. Several make a sheet, or a file each where --out is a folder.',
    )
    .option('-n, --count <n>', 'how many, 1 to 400', int(1, 400))
    .option('--seed <n>', 'of the first one; drawn when not given', int(0, 2 ** 32 - 1))
    .option('--truncation <x>', 'factor of the standard deviation of z, 0 to 3', number(0, 3));
  withPicture(withCommon(withModel(command))).action((label: string, options: GenerateOptions) =>
    execute(options, (session) => generate(session, label, options)),
  );
}

async function generate(session: Session, label: string, options: GenerateOptions): Promise<void> {
  const { model, count, seed, truncation, out } = options;
  const { client } = await session.backend();
  const query = { label, model, count, seed, truncation, ...lookOf(options), signal: session.signal };
  if (session.output.json) {
    const answer = await client.generate(query);
    session.output.document(answer);
    return;
  }
  if (out?.endsWith('/')) {
    const { images } = await client.generate(query);
    const pictures = images.map((image) => ({
      name: `${nameFrom(image.label)}-${image.seed}.png`,
      bytes: fromBase64(image.png),
    }));
    await writePictures(out, pictures);
    session.output.line(`${session.output.paint.green('wrote')} ${pictures.length} files to ${out}`);
    return;
  }
  const picture = await client.generatePng(query);
  const name = `${nameFrom(label)}-${picture.seed}.png`;
  session.output.notice(`label ${label} · seed ${picture.seed} · ${picture.modelId}`);
  await deliver(session, { name, bytes: picture.bytes }, options);
}

/** Labels of the sources: one for all, or one each. */
function labelsFor(labels: string[] | undefined, count: number): LabelReference[] | undefined {
  if (labels === undefined || labels.length === count) return labels;
  if (labels.length === 1) return new Array<LabelReference>(count).fill(labels[0]!);
  throw new UsageProblem(`--label: give it once for all ${count} images, or ${count} times, one each`);
}

async function sourcesOf(
  session: Session,
  files: string[],
  { model, normalize, label }: SourceOptions,
): Promise<{ images: Uint8Array[]; how: ImagesOptions }> {
  const images = await readSources(files);
  return {
    images,
    how: { model, normalize, labels: labelsFor(label, files.length), signal: session.signal },
  };
}

function addEncode(program: Command, execute: Execute): void {
  const command = program
    .command('encode <image...>')
    .summary('tell the latents of images: their style as numbers')
    .description('Encodes PNG, JPEG or WebP images of any size (- reads standard input).');
  withCommon(withSources(command)).action((files: string[], options: SourceOptions) =>
    execute(options, async (session) => {
      const { client } = await session.backend();
      const { images, how } = await sourcesOf(session, files, options);
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
      'Draws latents in a label: those of --latent, or those that "encode --json" wrote to a file (- reads standard input).',
    )
    .option('--latent <numbers>', 'with commas between them; may be given several times', numbers)
    .option(
      '-l, --label <label>',
      'for all latents, or given once for each; those of the file otherwise',
      collect,
    );
  withPicture(withCommon(withModel(command))).action((file: string | undefined, options: DecodeOptions) =>
    execute(options, async (session) => {
      const latents = await latentsOf(file, options);
      const { client } = await session.backend();
      const how = { model: options.model, signal: session.signal };
      if (session.output.json) {
        session.output.document(await client.decode(latents, how));
        return;
      }
      const { bytes } = await client.decodePng(latents, { ...how, ...lookOf(options) });
      await deliver(session, { name: 'decoded.png', bytes }, options);
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
  let stored: { mean: number[]; label: LabelReference }[] = [];
  if (file !== undefined) {
    const text = Buffer.from((await readSources([file]))[0]!).toString('utf8');
    try {
      stored = (JSON.parse(text) as { latents: typeof stored }).latents.map(({ mean, label }) => ({
        mean,
        label,
      }));
    } catch {
      throw new UsageProblem(`${file} holds no latents; "encode --json" writes such a file`);
    }
  }
  const latents = given ?? stored.map(({ mean }) => mean);
  const chosen = labelsFor(labels, latents.length) ?? stored.map(({ label }) => label);
  if (chosen.length < latents.length) throw new UsageProblem('--label: say in which label to draw --latent');
  return latents.map((latent, i) => ({ latent, label: chosen[i]! }));
}

function addReconstruct(program: Command, execute: Execute): void {
  const command = program
    .command('reconstruct <image...>')
    .summary('show images as the model sees them')
    .description('Encodes images and decodes them again: a sheet with each below its original.');
  withPicture(withCommon(withSources(command))).action(
    (files: string[], options: SourceOptions & LookOptions) =>
      execute(options, async (session) => {
        const { client } = await session.backend();
        const { images, how } = await sourcesOf(session, files, options);
        if (session.output.json) {
          session.output.document(await client.reconstruct(images, how));
          return;
        }
        const { bytes } = await client.reconstructPng(images, { ...how, ...lookOf(options) });
        await deliver(session, { name: `${stemOf(files[0]!)}-reconstructed.png`, bytes }, options);
      }),
  );
}

function addStyleTransfer(program: Command, execute: Execute): void {
  const command = program
    .command('style-transfer <image...>')
    .summary('draw every label in the style of images')
    .description(
      'Takes the style of each image and draws other labels in it: a row an image, a column a label.',
    )
    .option('-t, --target <label>', 'a label to draw; may be given several times; default all', collect)
    .option('--average', 'take all images as samples of one style: a single row from the mean of them');
  withPicture(withCommon(withSources(command))).action(
    (files: string[], options: SourceOptions & LookOptions & { target?: string[]; average?: boolean }) =>
      execute(options, async (session) => {
        const { client } = await session.backend();
        const { images, how } = await sourcesOf(session, files, options);
        const transfer = { ...how, targets: options.target, average: options.average };
        if (session.output.json) {
          session.output.document(await client.styleTransfer(images, transfer));
          return;
        }
        const { bytes } = await client.styleTransferPng(images, { ...transfer, ...lookOf(options) });
        await deliver(session, { name: `${stemOf(files[0]!)}-styles.png`, bytes }, options);
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
    .option('--size <n>', 'images a side, 2 to 40', int(2, 40));
  withPicture(withCommon(withModel(command))).action(
    (label: string, options: ModelOptions & LookOptions & { size?: number }) =>
      execute(options, async (session) => {
        const { client } = await session.backend();
        const { model, size } = options;
        const query = { label, model, size, signal: session.signal };
        if (session.output.json) {
          session.output.document(await client.manifold(query));
          return;
        }
        const { bytes } = await client.manifoldPng({ ...query, ...lookOf(options) });
        await deliver(session, { name: `${nameFrom(label)}-manifold.png`, bytes }, options);
      }),
  );
}
