import { readFile } from 'node:fs/promises';

/** Resident memory of a process of this machine; 0 once it is gone. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB/m.exec(status) ?? [];
  return Number(kibibytes ?? 0) * 1024;
}
