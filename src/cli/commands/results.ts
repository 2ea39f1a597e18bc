import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { withCommon } from '../options.ts';
import type { RunAction } from '../program.ts';
import type { CommonOptions } from '../session.ts';
import { bytes } from '../terminal/words.ts';

interface OutOptions extends CommonOptions {
  out?: string;
}

/** How many figures are fetched at a time. */
const AT_A_TIME = 4;

export function addFigures(program: Command, run: RunAction): void {
  withCommon(program.command('figures <run>'))
    .summary('fetch all figures of a run')
    .description('Writes every figure and film of a run to a folder.')
    .option('-o, --out <dir>', 'the folder; figures-RUN otherwise')
    .action((id: string, options: OutOptions) =>
      run(options, async ({ output, backend, signal }) => {
        const { client } = await backend();
        const folder = options.out ?? `figures-${id}`;
        const files: { file: string; path: string; bytes: number }[] = [];
        const fetchOne = async (file: string): Promise<void> => {
          const figure = await client.runs.figure(id, file, { signal });
          const path = join(folder, file);
          await writeFile(path, figure.bytes);
          files.push({ file, path, bytes: figure.bytes.length });
        };
        const names: string[] = [];
        for await (const { file } of client.runs.allFigures(id, { signal })) names.push(file);
        await mkdir(folder, { recursive: true });
        const queue = names.values();
        await Promise.all(
          Array.from({ length: AT_A_TIME }, async () => {
            for (const file of queue) await fetchOne(file);
          }),
        );
        files.sort((a, b) => (a.file < b.file ? -1 : 1));
        output.document({ run: id, folder, files });
        const total = files.reduce((sum, each) => sum + each.bytes, 0);
        output.line(`${output.paint.green('wrote')} ${files.length} figures, ${bytes(total)}, to ${folder}`);
      }),
    );
}

export function addReport(program: Command, run: RunAction): void {
  withCommon(program.command('report <run>'))
    .summary('fetch the report of a run: one HTML page')
    .description('Writes the report of a run: one self-contained HTML page that can be mailed.')
    .option('-o, --out <file>', 'the file, or - for standard output; report-RUN.html otherwise')
    .action((id: string, options: OutOptions) =>
      run(options, async ({ output, backend, signal }) => {
        const { client } = await backend();
        const html = await client.runs.report(id, { signal });
        if (options.out === '-') {
          process.stdout.write(html);
          return;
        }
        const file = options.out ?? `report-${id}.html`;
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, html);
        output.document({ run: id, file, bytes: Buffer.byteLength(html) });
        output.line(`${output.paint.green('wrote')} ${file}, ${bytes(Buffer.byteLength(html))}`);
      }),
    );
}
