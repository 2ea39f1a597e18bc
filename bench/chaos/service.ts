import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { processTree } from '../lib/processes.ts';

const RESTART_MS = 300;

export interface Program {
  command: string;
  args: string[];
  env?: Record<string, string>;
  /** Log file. */
  log: string;
}

/** How a process ended. */
export interface End {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Milliseconds since the request. */
  ms: number;
}

/** A program that is restarted whenever it ends, as by a process manager. */
export class Service {
  readonly name: string;
  readonly #program: Program;
  #child: ChildProcess | undefined;
  #wanted = false;
  /** When it was last disturbed, started or stopped. */
  changedAt = 0;

  constructor(name: string, program: Program) {
    this.name = name;
    this.#program = program;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    this.#wanted = true;
    if (this.#child) return;
    const { command, args, env, log } = this.#program;
    const output = openSync(log, 'a');
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    this.#child = child;
    this.changedAt = Date.now();
    child.once('exit', () => {
      this.#child = undefined;
      this.changedAt = Date.now();
      if (this.#wanted) setTimeout(() => this.#wanted && this.start(), RESTART_MS);
    });
  }

  /** The process and its descendants whose command line matches. */
  processes(pattern = /./): number[] {
    const { pid } = this;
    return pid === undefined
      ? []
      : processTree(pid).flatMap((info) => (pattern.test(info.command) ? [info.pid] : []));
  }

  /** Kills the process, which is then restarted. @returns its children, which must end by themselves */
  kill(): number[] {
    const [, ...children] = this.processes();
    this.#child?.kill('SIGKILL');
    this.changedAt = Date.now();
    return children;
  }

  /** Sends SIGTERM `times` times and restarts the process when it has ended. Kills it after `limitMs`. */
  async terminate(limitMs: number, times = 1): Promise<End | undefined> {
    const child = this.#child;
    if (!child) return undefined;
    const askedAt = Date.now();
    this.changedAt = askedAt;
    const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
    for (let i = 0; i < times; i++) {
      child.kill('SIGTERM');
      await sleep(100);
    }
    const late = setTimeout(() => child.kill('SIGKILL'), limitMs);
    const [code, signal] = await exited;
    clearTimeout(late);
    return { code, signal, ms: Date.now() - askedAt };
  }

  /** Stops it until it is started again. */
  async stop(signal: 'SIGTERM' | 'SIGKILL', limitMs = 40_000): Promise<void> {
    this.#wanted = false;
    const child = this.#child;
    if (!child) return;
    this.changedAt = Date.now();
    const exited = once(child, 'exit');
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), limitMs);
    await exited;
    clearTimeout(late);
  }
}
