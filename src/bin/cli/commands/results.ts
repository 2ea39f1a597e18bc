import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Command, Option } from 'commander';
import type { FilmFormat, Picture } from '../../../client/index.ts';
import { withCommon } from '../options.ts';
import { nameFrom } from '../pictures.ts';
import type { CommonOptions, Execute, Session } from '../session.ts';
import { bytes } from '../terminal/format.ts';

interface OutOptions extends CommonOptions {
  out?: string;
}

const FILM_CHOICES = ['mp4', 'webp', 'gif', 'none'] as const satisfies (FilmFormat | 'none')[];
/** Files that are downloaded at a time. */
const CONCURRENCY = 4;

interface FiguresOptions extends OutOptions {
  films: FilmFormat | 'none';
}

interface Fetched {
  file: string;
  path: string;
  bytes: number;
}

export function addFigures(program: Command, execute: Execute): void {
  withCommon(program.command('figures <run>'))
    .summary('download all figures and films of a run')
    .description('Writes all figures of a run, and the film of each label, to a folder.')
    .option('-o, --out <dir>', 'the folder; default: figures-RUN')
    .addOption(
      new Option('--films <format>', 'format of the films, or none').choices(FILM_CHOICES).default('mp4'),
    )
    .action((id: string, options: FiguresOptions) =>
      execute(options, (session) => figures(session, id, options)),
    );
}

async function figures(
  { output, backend, signal }: Session,
  id: string,
  options: FiguresOptions,
): Promise<void> {
  const { client } = await backend();
  const folder = options.out ?? `figures-${id}`;
  const todo: { file: string; read: () => Promise<Picture> }[] = [];
  for await (const { file } of client.runs.allFigures(id, { signal })) {
    todo.push({ file, read: () => client.runs.figure(id, file, { signal }) });
  }
  const { films: format } = options;
  if (format !== 'none') {
    const { items } = await client.runs.films(id, { limit: 200, signal });
    for (const { label, name } of items) {
      const read = () => client.runs.film(id, label, format, { signal });
      todo.push({ file: `film-${nameFrom(name)}.${format}`, read });
    }
  }
  const films = todo.filter(({ file }) => file.startsWith('film-')).length;
  const wait = films === 0 ? '' : `, ${films} of them films, which are encoded on the first request`;
  output.notice(`Downloading ${todo.length} files${wait} ...`);
  await mkdir(folder, { recursive: true });
  const files: Fetched[] = [];
  const queue = todo.values();
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (const { file, read } of queue) {
        const { bytes: content } = await read();
        await writeFile(join(folder, file), content);
        files.push({ file, path: join(folder, file), bytes: content.length });
      }
    }),
  );
  files.sort((x, y) => (x.file < y.file ? -1 : 1));
  output.document({ run: id, folder, files });
  const total = files.reduce((sum, each) => sum + each.bytes, 0);
  output.line(`${output.paint.green('wrote')} ${files.length} files, ${bytes(total)}, to ${folder}`);
}

export function addReport(program: Command, execute: Execute): void {
  withCommon(program.command('report <run>'))
    .summary('download the report of a run, one HTML page')
    .description('Writes the report of a run as one self-contained HTML page.')
    .option('-o, --out <file>', 'the file, or - for standard output; default: report-RUN.html')
    .action((id: string, options: OutOptions) =>
      execute(options, async ({ output, backend, signal }) => {
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
