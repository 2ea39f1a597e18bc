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
    .summary('upload your own labelled images')
    .description(
      'Uploads a folder or zip file with one folder of pictures per label (A/1.png), an NPZ file with x and y, or two IDX ' +
        'files. All files are checked. If one is unusable, it is named and nothing is stored.',
    )
    .option('-n, --name <name>', 'name of the dataset; default: the name of the folder or file')
    .option('--size <n>', 'side to which all images are resized: 16 to 64, a multiple of 4', int(16, 64))
    .addOption(new Option('--channels <n>', '1: grey, 3: colour').choices(['1', '3']))
    .addOption(
      new Option('--polarity <how>', 'how drawings that are dark on light are treated').choices([
        'auto',
        'keep',
        'invert',
      ]),
    )
    .option(
      '--label <name>',
      'name of the next label (0, 1, …) of arrays; may be given several times',
      collect,
    )
    .action((files: string[], options: AddOptions) =>
      execute(options, (session) => add(session, files, options)),
    );
  withCommon(datasets.command('remove <dataset>'))
    .description('Remove an uploaded dataset that no run uses. Models trained on it stay.')
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

/** The file to upload: the given one, or a temporary zip file of a folder. */
async function packed(path: string): Promise<{ file: string; done(): Promise<void> }> {
  const info = await stat(path).catch((error: Error) => {
    throw new UsageProblem(`${path} cannot be read: ${error.message}`);
  });
  return info.isDirectory() ? await packFolder(path) : { file: path, done: async () => undefined };
}

const nameOf = (path: string): string => basename(resolve(path)).replace(/\.(zip|npz|gz)$/i, '');
