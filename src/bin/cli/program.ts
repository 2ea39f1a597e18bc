import { Command, CommanderError } from 'commander';
import { ownVersion } from '../../platform/version.ts';
import { addDatasets, addPresets } from './commands/datasets.ts';
import { addDoctor } from './commands/doctor.ts';
import { addInference } from './commands/inference.ts';
import { addKeys } from './commands/keys.ts';
import { addModels } from './commands/models.ts';
import { addFigures, addReport } from './commands/results.ts';
import { addRuns } from './commands/runs.ts';
import { addTrain } from './commands/train.ts';
import { ownName } from './names.ts';
import { EXIT } from './problems.ts';
import { type Execute, runCommand } from './session.ts';

/** Runs a command line. @returns the exit code: 0, 1 (failed), 2 (wrong command line), 130 (Ctrl-C) */
export async function runProgram(words: readonly string[]): Promise<number> {
  let exitCode = 0;
  const execute: Execute = async (options, command) => {
    exitCode = await runCommand(options, command);
  };
  const program = new Command('stylograph')
    .description(
      'Trains a conditional VAE+GAN on labelled images, and draws, encodes and restyles images with it, on a server or in a local folder.',
    )
    .version(ownVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .showSuggestionAfterError()
    .showHelpAfterError(`(${ownName()} --help lists all commands)`)
    .configureHelp({ showGlobalOptions: false })
    .exitOverride()
    .addHelpText(
      'after',
      `
A command uses the server given by --url (or STYLOGRAPH_URL), or the folder given by --data without a server. By default it
uses a server at http://127.0.0.1:8080 if one answers, else the folder ./data.

Exit codes: 0 success; 1 failure; 2 wrong command line; 130 interrupted.`,
    );
  program.commandsGroup('Train and watch:');
  addTrain(program, execute);
  addRuns(program, execute);
  addFigures(program, execute);
  addReport(program, execute);
  program.commandsGroup('Use models:');
  addInference(program, execute);
  addModels(program, execute);
  program.commandsGroup('Look around:');
  addDatasets(program, execute);
  addPresets(program, execute);
  addDoctor(program, execute);
  program.commandsGroup('Operate a server:');
  addKeys(program, execute);
  try {
    await program.parseAsync(words, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander also throws after it has printed help, the version or a wrong command line.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage;
    throw error;
  }
}
