import { encodeFrames } from './film-encoders.ts';
import type { EncodingTask, FromFilmChild } from './films.ts';

/* A process that encodes the one film it is given, answers and ends; it ends without its parent, too. */
process.on('disconnect', () => process.exit(1));
process.once('message', (task: EncodingTask) => {
  encodeFrames(task.film, task.format, task.look).then(
    (bytes) => answer({ bytes }),
    (error: unknown) => answer({ error: error instanceof Error ? error.message : String(error) }),
  );
});

function answer(message: FromFilmChild): void {
  process.send!(message, () => process.exit(0));
}
