import { describe, expect, it } from 'vitest';
import { RequestReader, ResponseReader } from '../support/http1-reader.ts';
import { readTranscripts, type Transcript } from '../support/transcripts.ts';

for (const transcript of readTranscripts()) {
  describe(`${transcript.file}: ${transcript.name}`, () => {
    const { bytes, events } = transcript;

    it('reads it whole', () => {
      expect(eventsOf(transcript, [bytes])).toEqual(events);
    });

    it('reads it split at every byte', () => {
      for (let at = 1; at < bytes.length; at++) {
        const seen = eventsOf(transcript, [bytes.subarray(0, at), bytes.subarray(at)]);
        expect(seen, `split at ${at}`).toEqual(events);
      }
    });

    it('reads it byte by byte', () => {
      expect(
        eventsOf(
          transcript,
          Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)),
        ),
      ).toEqual(events);
    });
  });
}

function eventsOf({ kind, asked }: Transcript, pieces: readonly Buffer[]): readonly string[] {
  const reader = kind === 'request' ? new RequestReader() : new ResponseReader(asked[0] ?? 'GET', asked[1] ?? null);
  for (const piece of pieces) reader.feed(piece);
  reader.finish();
  return reader.events;
}
