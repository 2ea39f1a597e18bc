import type { ReportData, ReportFigure } from './data.ts';
import { type Html, html } from './html.ts';

const CAPTIONS: Record<string, string> = {
  reconstructions:
    'The first test images above what the model makes of them: encoded, sampled around the mean, decoded.',
  labels: 'One column a label; every image has a latent of its own, drawn from N(0, I).',
  'style-transfer':
    'Each column is one style: the framed image is encoded, its latent decoded with every label.',
  scatter:
    'Means of the first two latent dimensions, test images of all labels. The circles are one and two standard deviations of the prior. Style without label mixes the colours.',
  losses: 'What was told while training, faintly, and its running mean.',
};

const dataUri = (mediaType: string, bytes: Uint8Array): string =>
  `data:${mediaType};base64,${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')}`;

const picture = ({ mediaType, bytes }: ReportFigure, alt: string): Html =>
  html`<img class="picture" src="${dataUri(mediaType, bytes)}" alt="${alt}">`;

const captioned = (figure: ReportFigure, width: number): Html =>
  html`<figure><img class="picture" width="${width}" src="${dataUri(figure.mediaType, figure.bytes)}" alt="${CAPTIONS[figure.kind]}"><figcaption>${CAPTIONS[figure.kind]}</figcaption></figure>`;

const NOTHING_YET = html`<p class="note">Nothing has been drawn yet; figures and films follow when training is over.</p>`;

/** What the model makes, its latent space and its films. */
export function pictureSections({ figures, films, dataset }: ReportData): Html {
  const of = (kind: string): ReportFigure[] =>
    figures.filter((figure) => figure.kind === kind && CAPTIONS[kind] !== undefined && isOne(figure));
  const each = (kind: string): ReportFigure[] =>
    figures.filter((figure) => figure.kind === kind && figure.label !== null);
  const name = (label: number | null): string => dataset?.labels[label ?? -1]?.name ?? String(label);
  const gallery = (kind: string, what: string, size: string): Html =>
    html`<div class="many ${size}">${each(kind).map((figure) => html`<figure>${picture(figure, `${what} of label ${name(figure.label)}`)}</figure>`)}</div>`;
  if (figures.length === 0) return html`<h2>Pictures</h2>${NOTHING_YET}`;
  return html`<h2>What it makes</h2>
${of('labels').map((figure) => captioned(figure, 608))}
${of('style-transfer').map((figure) => captioned(figure, 632))}
${of('reconstructions').map((figure) => captioned(figure, 676))}
<h2>Latent space</h2>
${of('scatter').map((figure) => captioned(figure, 496))}
${each('scatter').length === 0 ? '' : html`<details><summary>One label at a time</summary>${gallery('scatter', 'z means', 'small')}</details>`}
<h3>Manifolds</h3>
<p class="note">The first two latent dimensions over the quantiles of the prior, the others 0; one sheet a label.</p>
${gallery('manifold', 'Manifold', '')}
${filmSection(films)}`;
}

/** `style-transfer` names the label of its sources; of other kinds only what shows all labels. */
const isOne = ({ kind, label }: ReportFigure): boolean => label === null || kind === 'style-transfer';

function filmSection(films: ReportData['films']): Html {
  if (films.length === 0) return html``;
  const shown = films.filter(({ webp }) => webp !== undefined);
  const left = films.length - shown.length;
  return html`<h2>Films</h2>
<p class="note">Each label’s manifold while the decoder learns, from before training to its end.${left === 0 ? '' : ` ${left} more are at the service; they would make this page too large.`}</p>
<div class="many">${shown.map(({ name, webp }) => html`<figure><img class="picture" src="${dataUri('image/webp', webp!)}" alt="Film of the manifold of label ${name} over training"></figure>`)}</div>`;
}

export function curvesSection({ figures }: ReportData): Html {
  const curves = figures.filter(({ kind }) => kind === 'losses');
  return curves.length === 0
    ? html``
    : html`<h2>Curves</h2>${curves.map((figure) => captioned(figure, 720))}`;
}
