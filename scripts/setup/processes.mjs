import { spawn } from 'node:child_process';

/**
 * Runs a command to its end and returns its output; `show` also passes the output on to standard error.
 *
 * @returns {Promise<{ code: number, output: string }>} code 127 when the command does not exist
 */
export function execute(command, args, { cwd, show = false, env = process.env } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (chunk) => {
      output += chunk;
      if (show) process.stderr.write(chunk);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => resolve({ code: 127, output: String(error) }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
