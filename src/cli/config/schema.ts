import { type DocumentKind, documentSchema } from '../../config/document-schema.ts';
import { keyTable } from '../../config/key-table.ts';

/** `remora schema`: what a document may say, for editors or for readers. */
export function schemaText(kind: DocumentKind, isMarkdown: boolean): string {
  return isMarkdown ? `${keyTable()}\n` : `${JSON.stringify(documentSchema(kind), null, 2)}\n`;
}
