import { type Command, InvalidArgumentError, Option } from 'commander';
import { IMAGE_MODES } from './terminal/images.ts';

const PLACE = 'Where:';
const FORM = 'Output:';

/** Options of every command that works on runs, models or datasets. */
export function withCommon(command: Command): Command {
  return withForm(
    command
      .addOption(
        new Option('--url <url>', 'a server, such as http://127.0.0.1:8080 (or STYLOGRAPH_URL)').helpGroup(
          PLACE,
        ),
      )
      .addOption(new Option('--data <dir>', 'a data folder, without a server').helpGroup(PLACE))
      .addOption(
        new Option(
          '--api-key-file <file>',
          "a file that holds the server's key (or STYLOGRAPH_API_KEY holds the key itself)",
        ).helpGroup(PLACE),
      ),
  );
}

export function withForm(command: Command): Command {
  return command
    .addOption(new Option('--json', 'JSON for programs, and nothing else on standard output').helpGroup(FORM))
    .addOption(new Option('-q, --quiet', 'no bars, pictures or remarks').helpGroup(FORM));
}

/** Options of commands that make pictures. */
export function withPicture(command: Command): Command {
  return withShown(
    command
      .addOption(
        new Option('-o, --out <path>', 'a file, a folder (ending in /), or - for standard output').helpGroup(
          FORM,
        ),
      )
      .addOption(
        new Option('--scale <n>', 'screen pixels a pixel, 1 to 16').argParser(int(1, 16)).helpGroup(FORM),
      )
      .addOption(new Option('--invert', 'black ink on white').helpGroup(FORM)),
  );
}

export function withShown(command: Command): Command {
  return command.addOption(
    new Option('--images <how>', 'how this terminal shows pictures')
      .choices(IMAGE_MODES)
      .default('auto')
      .helpGroup(FORM),
  );
}

export const withModel = (command: Command): Command =>
  command.option('-m, --model <ref>', 'a model by id or alias', 'latest');

/** Options of commands that take pictures. */
export const withSources = (command: Command): Command =>
  withModel(command)
    .option(
      '-l, --label <label>',
      'the label of the image, or given once for each; inferred when not given',
      collect,
    )
    .addOption(
      new Option(
        '--normalize <how>',
        "auto brings any picture to the dataset's form, none only resizes",
      ).choices(['auto', 'none']),
    );

/** Gathers the values of an option that may be given several times. */
export const collect = (value: string, previous: string[] = []): string[] => [...previous, value];

/** Reads a whole number within bounds. */
export const int =
  (min: number, max: number) =>
  (text: string): number => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };

export const number =
  (min: number, max: number) =>
  (text: string): number => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a number from ${min} to ${max}.`);
  };

/** Numbers with commas between them. */
export function numbers(text: string, previous: number[][] = []): number[][] {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (values.every(Number.isFinite)) return [...previous, values];
  throw new InvalidArgumentError('It must be numbers with commas between them.');
}
