import { FIGURE_CAPTIONS, pictureTitle } from '../../core/presentation/labels.ts';
import type { ReportData, ReportFigure } from './data.ts';
import { type Html, html } from './html.ts';

const dataUri = (mediaType: string, bytes: Uint8Array): string =>
  `data:${mediaType};base64,${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')}`;

const picture = ({ mediaType, bytes }: ReportFigure, alt: string): Html =>
  html`<img class="picture" src="${dataUri(mediaType, bytes)}" alt="${alt}">`;

const captioned = (figure: ReportFigure, width: number): Html =>
  html`<figure><img class="picture" width="${width}" src="${dataUri(figure.mediaType, figure.bytes)}" alt="${pictureTitle(figure.kind)}"><figcaption>${FIGURE_CAPTIONS[figure.kind]}</figcaption></figure>`;

const NO_FIGURES = html`<p class="note">No figures yet. Figures and films are drawn after training.</p>`;

/** Generated images, the latent space and films. */
export function pictureSections({ figures, films, dataset }: ReportData): Html {
  const of = (kind: string): ReportFigure[] =>
    figures.filter((figure) => figure.kind === kind && FIGURE_CAPTIONS[kind] !== undefined && isOne(figure));
  const each = (kind: string): ReportFigure[] =>
    figures.filter((figure) => figure.kind === kind && figure.label !== null);
  const name = (label: number | null): string => dataset?.labels[label ?? -1]?.name ?? String(label);
  const gallery = (kind: string, size: string): Html =>
    html`<div class="many ${size}">${each(kind).map((figure) => html`<figure>${picture(figure, `${pictureTitle(kind)} of label ${name(figure.label)}`)}</figure>`)}</div>`;
  if (figures.length === 0) return html`<h2>Figures</h2>${NO_FIGURES}`;
  return html`<h2>Generated images</h2>
${of('labels').map((figure) => captioned(figure, 608))}
${of('style-transfer').map((figure) => captioned(figure, 632))}
${of('reconstructions').map((figure) => captioned(figure, 676))}
<h2>Latent space</h2>
${of('scatter').map((figure) => captioned(figure, 496))}
${each('scatter').length === 0 ? '' : html`<details><summary>One label at a time</summary>${gallery('scatter', 'small')}</details>`}
<h3>Manifolds</h3>
<p class="note">${FIGURE_CAPTIONS.manifold} One sheet per label.</p>
${gallery('manifold', '')}
${filmSection(films)}`;
}

/** Whether a figure shows all labels. The label of a `style-transfer` figure is that of its sources. */
const isOne = ({ kind, label }: ReportFigure): boolean => label === null || kind === 'style-transfer';

function filmSection(films: ReportData['films']): Html {
  if (films.length === 0) return html``;
  const shown = films.filter(({ webp }) => webp !== undefined);
  const left = films.length - shown.length;
  return html`<h2>Films of the manifolds</h2>
<p class="note">Each label’s manifold from before training to its end.${left === 0 ? '' : ` The server has ${left} more, which would make this page too large.`}</p>
<div class="many">${shown.map(({ name, webp }) => html`<figure><img class="picture" src="${dataUri('image/webp', webp!)}" alt="Film of the manifold of label ${name} during training"></figure>`)}</div>`;
}

export function curvesSection({ figures }: ReportData): Html {
  const curves = figures.filter(({ kind }) => kind === 'losses');
  return curves.length === 0
    ? html``
    : html`<h2>Losses</h2>${curves.map((figure) => captioned(figure, 720))}`;
}
