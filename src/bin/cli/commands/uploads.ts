import { openAsBlob } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { ownName } from '../names.ts';
import { collect, int, withCommon } from '../options.ts';
import { UsageProblem } from '../problems.ts';
import type { CommonOptions, Execute, Session } from '../session.ts';
import { packFolder } from '../zip.ts';
import { datasetFacts } from './dataset-facts.ts';

interface AddOptions extends CommonOptions {
  name?: string;
  size?: number;
  channels?: '1' | '3';
  polarity?: 'auto' | 'keep' | 'invert';
  label?: string[];
}

/** `dataset add` and `dataset remove`. */
export function addUploads(datasets: Command, execute: Execute): void {
  withCommon(datasets.command('add <files...>'))
    .summary('take in your own labelled images')
    .description(
      'Takes a folder or a zip file with a folder of pictures a label (A/1.png), an NPZ file with x and y, or two IDX ' +
        'files. Everything is checked; what cannot be taken is named, and then nothing is kept.',
    )
    .option('-n, --name <name>', 'what it is called; the name of the folder or file otherwise')
    .option('--size <n>', 'side that all images are fitted to: 16 to 64, a multiple of 4', int(16, 64))
    .addOption(new Option('--channels <n>', '1: grey, 3: colour').choices(['1', '3']))
    .addOption(
      new Option('--polarity <how>', 'what happens to drawings that are dark on light').choices([
        'auto',
        'keep',
        'invert',
      ]),
    )
    .option('--label <name>', 'names of labels 0, 1, … of arrays, one at a time', collect)
    .action((files: string[], options: AddOptions) =>
      execute(options, (session) => add(session, files, options)),
    );
  withCommon(datasets.command('remove <dataset>'))
    .description('Remove an uploaded dataset that no run uses; models that learned from it stay.')
    .action((id: string, options: CommonOptions) =>
      execute(options, async ({ output, backend, signal }) => {
        const { client } = await backend();
        await client.datasets.delete(id, { signal });
        output.document({ id, deleted: true });
        output.line(`${output.paint.green('removed')} ${id}`);
      }),
    );
}

async function add(
  { output, backend, signal }: Session,
  paths: string[],
  options: AddOptions,
): Promise<void> {
  const files: { name: string; bytes: Blob }[] = [];
  const clean: (() => Promise<void>)[] = [];
  try {
    for (const path of paths) {
      const { file, done } = await packed(path);
      clean.push(done);
      files.push({ name: basename(file), bytes: await openAsBlob(file) });
    }
    const { client, flags } = await backend({ creates: true });
    const { name = nameOf(paths[0]!), size, channels, polarity, label: labels } = options;
    const form = {
      name,
      files,
      size,
      polarity,
      labels,
      ...(channels && ({ channels: channels === '1' ? 1 : 3 } as const)),
    };
    const dataset = await client.datasets.add(form, { signal });
    output.document(dataset);
    for (const line of datasetFacts(dataset, output)) output.line(line);
    output.notice(`Train on it: ${ownName()} train${flags} --dataset ${dataset.id}`);
  } finally {
    for (const done of clean) await done();
  }
}

/** A file to send: the one that is named, or a folder as a zip file that is removed afterwards. */
async function packed(path: string): Promise<{ file: string; done(): Promise<void> }> {
  const info = await stat(path).catch((error: Error) => {
    throw new UsageProblem(`${path} cannot be read: ${error.message}`);
  });
  return info.isDirectory() ? await packFolder(path) : { file: path, done: async () => undefined };
}

const nameOf = (path: string): string => basename(resolve(path)).replace(/\.(zip|npz|gz)$/i, '');
