import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { withOutput } from '../options.ts';
import type { OutputOptions } from '../output.ts';
import { Ended } from '../problems.ts';
import type { Execute } from '../session.ts';

const DOCTOR = fileURLToPath(new URL('../../../../scripts/doctor.mjs', import.meta.url));

export function addDoctor(program: Command, execute: Execute): void {
  withOutput(program.command('doctor'))
    .summary('check what this machine has and lacks')
    .description(
      'Checks everything that Stylograph needs on this machine, and prints how to get what is missing.',
    )
    .action((options: OutputOptions) =>
      execute(options, async () => {
        if (!existsSync(DOCTOR)) {
          throw Object.assign(new Error('The doctor is part of a clone of Stylograph; run it there.'), {
            code: 'not_a_clone',
          });
        }
        const child = spawn(process.execPath, [DOCTOR, ...(options.json ? ['--json'] : [])], {
          stdio: 'inherit',
        });
        const [code] = (await once(child, 'exit')) as [number | null];
        if (code !== 0) throw new Ended(code ?? 1);
      }),
    );
}
