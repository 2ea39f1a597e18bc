import { StylographError } from '../../core/errors.ts';
import type { App } from '../context.ts';

const TAKEN = ['application/json', 'application/octet-stream'];

/** Bodies as bytes, whatever is said of their form: Triton's clients say nothing. For the scope of the protocol's routes. */
export function registerBodies(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
    const encoding = request.headers['content-encoding'];
    if (type !== undefined && !TAKEN.includes(type)) {
      done(new StylographError('unsupported_media_type', `Send ${TAKEN.join(' or ')}.`));
    } else if (encoding !== undefined && encoding !== 'identity') {
      done(
        new StylographError(
          'unsupported_media_type',
          'Send the body as it is; compressed ones are not taken.',
        ),
      );
    } else done(null, body);
  });
}
