import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { processStat, startTimeOf } from '../processes/proc.ts';

/*
 * One process at a time owns the Redis of a data folder. Only the owner starts and stops it, since two Redis processes
 * would damage each other's files. The file `owner` contains the owner's process id, start time and kind.
 */

/** A `server` also takes runs from the queue. A `command` is a command line program that uses the folder. */
export type OwnerKind = 'server' | 'command';

export interface FolderOwner {
  pid: number;
  kind: OwnerKind;
}

/** Identifies this process by its id and its start time, since process ids are reused. */
export const thisProcess = (): string => `${process.pid} ${startTimeOf(process.pid) ?? ''}`;

/** Whether the process with this name, as returned by `thisProcess`, is alive. */
export function isProcessAlive(name: string): boolean {
  const [pid, start] = name.split(' ');
  const stat = processStat(Number(pid));
  return stat !== undefined && stat.state !== 'Z' && stat.startTime === start;
}

const fileOf = (folder: string): string => join(folder, 'owner');

function read(file: string): { text: string; owner: FolderOwner | undefined } | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  // Earlier versions wrote no kind, and only servers owned a folder.
  const [pid, , kind = 'server'] = text.trim().split(' ');
  return {
    text,
    owner: isProcessAlive(text.trim()) ? { pid: Number(pid), kind: kind as OwnerKind } : undefined,
  };
}

/** The process that owns the folder, if it is alive. */
export const ownerOf = (folder: string): FolderOwner | undefined => read(fileOf(folder))?.owner;

/** Makes this process the owner. @returns the current owner if another process owns the folder */
export function claimFolder(folder: string, kind: OwnerKind): FolderOwner | undefined {
  const file = fileOf(folder);
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, `${thisProcess()} ${kind}`);
  try {
    for (;;) {
      const found = read(file);
      if (found?.owner && found.owner.pid !== process.pid) return found.owner;
      if (found) removeStale(file, found.text);
      // Linking creates the file with its content in one step, and fails if another process was faster.
      try {
        linkSync(mine, file);
        return undefined;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Removes the file of an owner that ended, unless another process has just replaced it. */
function removeStale(file: string, text: string): void {
  const aside = `${file}.${process.pid}.stale`;
  try {
    renameSync(file, aside);
    if (readFileSync(aside, 'utf8') !== text) linkSync(aside, file);
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

/** Releases the folder if this process owns it. */
export function releaseFolder(folder: string): void {
  if (ownerOf(folder)?.pid === process.pid) rmSync(fileOf(folder), { force: true });
}
