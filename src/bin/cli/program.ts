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

/** Reads a command line, does what it says and gives the exit code: 0, 1 (it failed), 2 (it was wrong), 130 (Ctrl-C). */
export async function runProgram(words: readonly string[]): Promise<number> {
  let exitCode = 0;
  const execute: Execute = async (options, command) => {
    exitCode = await runCommand(options, command);
  };
  const program = new Command('stylograph')
    .description(
      'Trains a conditional VAE+GAN on labelled images, and draws, encodes and restyles with it: on a server, or in a folder of this machine.',
    )
    .version(ownVersion(), '-V, --version', 'the version')
    .helpOption('-h, --help', 'this help')
    .helpCommand('help [command]', 'help on a command')
    .showSuggestionAfterError()
    .showHelpAfterError(`(${ownName()} --help lists what there is)`)
    .configureHelp({ showGlobalOptions: false })
    .exitOverride()
    .addHelpText(
      'after',
      `
Where a command works: on the server of --url (or STYLOGRAPH_URL); in the folder of --data, without a server; otherwise on a
server at http://127.0.0.1:8080 if one answers, else in the folder ./data.

Exit codes: 0 done; 1 it failed; 2 the command line was wrong; 130 interrupted.`,
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
    // Help and version are told in this way too; commander has written what there is to say.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage;
    throw error;
  }
}
