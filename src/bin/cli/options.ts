import { type Command, InvalidArgumentError, Option } from 'commander';
import { IMAGE_MODES } from './terminal/images.ts';

const WHERE = 'Where:';
const OUTPUT = 'Output:';

/** Options of every command that works on runs, models or datasets. */
export function withCommon(command: Command): Command {
  return withOutput(
    command
      .addOption(
        new Option('--url <url>', 'a server, such as http://127.0.0.1:8080 (or STYLOGRAPH_URL)').helpGroup(
          WHERE,
        ),
      )
      .addOption(new Option('--data <dir>', 'a data folder, without a server').helpGroup(WHERE))
      .addOption(
        new Option(
          '--api-key-file <file>',
          "a file that contains the server's key (or set STYLOGRAPH_API_KEY to the key)",
        ).helpGroup(WHERE),
      ),
  );
}

export function withOutput(command: Command): Command {
  return command
    .addOption(new Option('--json', 'print JSON, and nothing else, on standard output').helpGroup(OUTPUT))
    .addOption(new Option('-q, --quiet', 'print no progress bars, pictures or remarks').helpGroup(OUTPUT));
}

/** Options of commands that draw pictures. */
export function withPicture(command: Command): Command {
  return withShown(
    command
      .addOption(
        new Option('-o, --out <path>', 'a file, a folder (ending in /), or - for standard output').helpGroup(
          OUTPUT,
        ),
      )
      .addOption(
        new Option('--scale <n>', 'enlarge each pixel n times, 1 to 16')
          .argParser(int(1, 16))
          .helpGroup(OUTPUT),
      )
      .addOption(new Option('--invert', 'draw black ink on white').helpGroup(OUTPUT)),
  );
}

export function withShown(command: Command): Command {
  return command.addOption(
    new Option('--images <how>', 'how this terminal shows pictures')
      .choices(IMAGE_MODES)
      .default('auto')
      .helpGroup(OUTPUT),
  );
}

export const withModel = (command: Command): Command =>
  command.option('-m, --model <ref>', 'a model by id or alias', 'latest');

/** Options of commands that read images. */
export const withInputs = (command: Command): Command =>
  withModel(command)
    .option(
      '-l, --label <label>',
      'the label of the images: once for all, or once per image; inferred by default',
      collect,
    )
    .addOption(
      new Option(
        '--normalize <how>',
        "auto adapts any picture to the dataset's images, none only resizes it",
      ).choices(['auto', 'none']),
    );

/** Collects the values of an option that may be given several times. */
export const collect = (value: string, previous: string[] = []): string[] => [...previous, value];

/** Parses a whole number within bounds. */
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

/** Parses comma-separated numbers. */
export function numbers(text: string, previous: number[][] = []): number[][] {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (values.every(Number.isFinite)) return [...previous, values];
  throw new InvalidArgumentError('It must be comma-separated numbers.');
}
