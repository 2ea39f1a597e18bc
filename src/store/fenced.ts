import type { FolderStore, WriteOptions } from './store.ts';

/**
 * A store as the owner of a run sees it: every change first asks whether the run still is its own.
 * @param check throws fence_lost when it is not
 */
export function fencedStore(store: FolderStore, check: () => Promise<void>): FolderStore {
  const guarded =
    <A extends unknown[], R>(change: (...given: A) => Promise<R>) =>
    async (...given: A): Promise<R> => {
      await check();
      return await change(...given);
    };
  return {
    freshMs: store.freshMs,
    write: (path, files, { beforeCommit }: WriteOptions = {}) =>
      store.write(path, files, {
        beforeCommit: async () => {
          await beforeCommit?.();
          await check();
        },
      }),
    writeFile: guarded(store.writeFile.bind(store)),
    swapFile: guarded(store.swapFile.bind(store)),
    remove: guarded(store.remove.bind(store)),
    setAside: guarded(store.setAside.bind(store)),
    tidy: guarded(store.tidy.bind(store)),
    read: store.read.bind(store),
    sizes: store.sizes.bind(store),
    exists: store.exists.bind(store),
    list: store.list.bind(store),
    readFile: store.readFile.bind(store),
    readVersioned: store.readVersioned.bind(store),
  };
}
