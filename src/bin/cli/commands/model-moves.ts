import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import type { Promotion } from '../../../client/index.ts';
import { withCommon } from '../options.ts';
import { readInputs } from '../pictures.ts';
import type { CommonOptions, Execute } from '../session.ts';
import { bytes } from '../terminal/format.ts';
import { table } from '../terminal/table.ts';

interface PromoteOptions extends CommonOptions {
  alias: string;
  force?: boolean;
}

/** `models promote` and `models rollback`. */
export function addPromotion(models: Command, execute: Execute): void {
  withCommon(models.command('promote <model>'))
    .summary('point champion at a model if it is better')
    .description(
      'Points champion, or another alias, at a model if its stored evaluation is better than that of the present one: the ' +
        'Fréchet distance must be lower, and no other metric may become much worse.',
    )
    .option('--alias <alias>', 'the alias to change', 'champion')
    .option('--force', 'change it regardless of the evaluations')
    .action((reference: string, { alias, force, ...options }: PromoteOptions) =>
      execute(options, async ({ output, backend, signal }) => {
        const { client } = await backend();
        const promotion = await client.models.promote(reference, { alias, force: force ?? false, signal });
        output.document(promotion);
        for (const line of comparisonTable(promotion, output.paint.dim)) output.line(line);
        const { model, previousModelId } = promotion;
        const before = previousModelId === null ? '' : output.paint.dim(` (was ${previousModelId})`);
        output.line(`${output.paint.bold(alias)} is ${model.id}${before}`);
      }),
    );
  withCommon(models.command('rollback <alias>'))
    .description('Point an alias at its previous model. Each further call goes back one more.')
    .action((alias: string, options: CommonOptions) =>
      execute(options, async ({ output, backend, signal }) => {
        const { client } = await backend();
        const model = await client.models.rollBack(alias, { signal });
        output.document(model);
        output.line(`${output.paint.bold(alias)} is ${model.id}`);
      }),
    );
}

const number = (value: number): string => value.toFixed(4);

function comparisonTable({ comparison }: Promotion, dim: (text: string) => string): string[] {
  if (comparison.length === 0) return [];
  return table(
    comparison,
    [
      { title: 'metric', value: ({ metric }) => metric },
      { title: 'before', value: ({ champion }) => number(champion), align: 'right' },
      { title: 'now', value: ({ challenger }) => number(challenger), align: 'right' },
      { title: 'better is', value: ({ better }) => better },
    ],
    dim,
  );
}

/** `models export` and `models import`. */
export function addArchives(models: Command, execute: Execute): void {
  withCommon(models.command('export <model>'))
    .summary('download a model as an archive')
    .description(
      'Writes a zip file for "models import". Its folder tfjs contains the model for TensorFlow.js (tf.loadLayersModel).',
    )
    .option(
      '-o, --out <path>',
      'a file, a folder (ending in /), or - for standard output; default: MODEL.zip',
    )
    .action((reference: string, { out, ...options }: CommonOptions & { out?: string }) =>
      execute(options, async ({ output, backend, signal }) => {
        const { client } = await backend();
        const archive = await client.models.download(reference, { signal });
        if (out === '-') return output.bytes(archive.bytes);
        const name = `${archive.modelId}.zip`;
        const path = out === undefined ? name : out.endsWith('/') ? join(out, name) : out;
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, archive.bytes);
        output.document({ modelId: archive.modelId, path, bytes: archive.bytes.length });
        output.line(`${output.paint.green('wrote')} ${path} (${bytes(archive.bytes.length)})`);
      }),
    );
  withCommon(models.command('import <archive>'))
    .summary('import a model from an archive')
    .description(
      'Imports an archive that "models export" wrote. All digests are checked. The model keeps its id.',
    )
    .action((file: string, options: CommonOptions) =>
      execute(options, async ({ output, backend, signal }) => {
        const [archive] = await readInputs([file]);
        const { client } = await backend({ creates: true });
        const model = await client.models.import(new Blob([new Uint8Array(archive!)]), { signal });
        output.document(model);
        output.line(`${output.paint.green('imported')} ${model.id}`);
      }),
    );
}
