import { createHash } from 'node:crypto';
import { configSection } from './config.ts';
import type { ReportData } from './data.ts';
import { evaluationSection } from './evaluation.ts';
import {
  diagnosesSection,
  environmentSection,
  headSection,
  reproduceSection,
  timingsSection,
} from './facts.ts';
import { Html, html } from './html.ts';
import { curvesSection, pictureSections } from './pictures.ts';
import { STYLE } from './style.ts';

export type { ReportData, ReportFigure, ReportFilm } from './data.ts';

/** Allows only the page's own pictures, fonts and style. */
export const REPORT_POLICY = [
  "default-src 'none'",
  'img-src data:',
  'font-src data:',
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** A run as one self-contained HTML page, to mail, keep or print. The same data gives the same bytes. */
export function renderReport(data: ReportData): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${REPORT_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${data.run.name} – Stylograph</title>
<style>${new Html(STYLE)}</style>
</head>
<body><main>
${headSection(data)}
${diagnosesSection(data)}
${pictureSections(data)}
${curvesSection(data)}
${evaluationSection(data)}
${configSection(data)}
${environmentSection(data)}
${timingsSection(data)}
${reproduceSection(data)}
</main></body>
</html>
`;
  return page.text;
}
