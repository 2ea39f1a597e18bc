import { serveUploadChild } from '../../data/upload/child.ts';

serveUploadChild();
