import type { Call } from '../http.ts';
import type { Page, PageOptions } from '../types.ts';

/** The call for a page of a list. */
export const pageCall = (path: string, { limit, cursor, ...options }: PageOptions): Call => ({
  ...options,
  path,
  query: { limit, cursor },
});

/** Every item of a list, read page by page. */
export async function* everyItem<T>(
  read: (cursor: string | undefined) => Promise<Page<T>>,
): AsyncGenerator<T, void> {
  let cursor: string | undefined;
  do {
    const page = await read(cursor);
    yield* page.items;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}
