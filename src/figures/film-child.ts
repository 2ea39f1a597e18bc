import type { EncodingTask, FromFilmChild } from './encode-film.ts';
import { encodeFrames } from './film-encoders.ts';

/** Makes this process encode the one film that its parent sends, answer and end. It also ends when its parent does. */
export function serveFilmChild(): void {
  const answer = (message: FromFilmChild): void => {
    process.send!(message, () => process.exit(0));
  };
  process.on('disconnect', () => process.exit(1));
  process.once('message', (task: EncodingTask) => {
    encodeFrames(task.film, task.format, task.look).then(
      (bytes) => answer({ bytes }),
      (error: unknown) => answer({ error: error instanceof Error ? error.message : String(error) }),
    );
  });
}
