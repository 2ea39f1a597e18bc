import type { Command } from 'commander';
import type { Dataset, Preset } from '../../../client/index.ts';
import { withCommon } from '../options.ts';
import type { CommonOptions, Execute, Session } from '../session.ts';
import { whole } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';
import { datasetFacts } from './dataset-facts.ts';
import { addFonts } from './fonts.ts';
import { addUploads } from './uploads.ts';

export function addDatasets(program: Command, execute: Execute): void {
  const datasets = program
    .command('dataset')
    .alias('datasets')
    .description('Built-in and uploaded datasets.');
  withCommon(datasets.command('list', { isDefault: true }))
    .description('List all datasets.')
    .action((options: CommonOptions) => execute(options, list));
  withCommon(datasets.command('show <dataset>'))
    .description('Show a dataset.')
    .action((id: string, options: CommonOptions) => execute(options, (session) => show(session, id)));
  addUploads(datasets, execute);
  addFonts(datasets, execute);
}

async function list({ output, backend, signal }: Session): Promise<void> {
  const { client } = await backend({ creates: true });
  const page = await client.datasets.list({ limit: 200, signal });
  output.document(page);
  const lines = table<Dataset>(
    page.items,
    [
      { title: 'dataset', value: ({ id }) => id },
      { title: 'name', value: ({ name }) => name },
      { title: 'size', value: ({ width, height }) => `${width} × ${height}` },
      { title: 'labels', value: ({ labels }) => String(labels.length), align: 'right' },
      { title: 'train', value: ({ split }) => whole(split.train), align: 'right' },
      { title: 'validation', value: ({ split }) => whole(split.validation), align: 'right' },
      { title: 'test', value: ({ split }) => whole(split.test), align: 'right' },
    ],
    output.paint.dim,
  );
  for (const line of lines) output.line(line);
}

async function show({ output, backend, signal }: Session, id: string): Promise<void> {
  const { client } = await backend({ creates: true });
  const dataset = await client.datasets.get(id, { signal });
  output.document(dataset);
  for (const line of datasetFacts(dataset, output)) output.line(line);
}

export function addPresets(program: Command, execute: Execute): void {
  withCommon(program.command('presets [name]'))
    .summary('list the presets: sets of training parameters')
    .description(
      'Lists the presets, or the parameters of one preset with the keys that "train --set" accepts.',
    )
    .action((name: string | undefined, options: CommonOptions) =>
      execute(options, async ({ output, backend, signal }) => {
        const { client } = await backend({ creates: true });
        const { items } = await client.presets({ signal });
        if (name !== undefined) {
          const found = items.find((preset) => preset.name === name);
          if (found === undefined) {
            const names = items.map((preset) => preset.name).join(', ');
            throw Object.assign(new Error(`There is no preset "${name}"; there are ${names}.`), {
              code: 'preset_not_found',
            });
          }
          output.document(found);
          for (const line of keyLines(found.config)) output.line(line);
          return;
        }
        output.document(items);
        const lines = table<Preset>(
          items,
          [
            { title: 'preset', value: (preset) => output.paint.bold(preset.name) },
            { title: 'iterations', value: ({ config }) => whole(config.iterations), align: 'right' },
            { title: 'latent', value: ({ config }) => String(config.latentDim), align: 'right' },
            { title: 'description', value: ({ description }) => description },
          ],
          output.paint.dim,
        );
        for (const line of lines) output.line(line);
      }),
    );
}

/** Parameters as `train --set` accepts them. */
function keyLines(config: object, prefix = ''): string[] {
  return Object.entries(config).flatMap(([key, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? keyLines(value as object, `${prefix}${key}.`)
      : [`${prefix}${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`],
  );
}
