import { serveFilmChild } from '../../figures/film-child.ts';

serveFilmChild();
