import type { FailureCode } from '../../base/failure.ts';
import type { LocalAnswer } from '../../http/answer.ts';
import type { Client, Peer } from '../../http/conduit.ts';
import type { Edits } from '../../http/edits.ts';
import { FieldList, type Fields } from '../../http/fields.ts';
import type { ResponseHead } from '../../http/head.ts';

/** The client of one request, who writes down what it is told. */
export class NearEnd implements Client {
  status = 0;
  code: FailureCode | null = null;
  fields = new FieldList();
  isOver = false;

  constructor(readonly peer: Peer) {}

  sendInterim(): void {}

  sendHead(head: ResponseHead, edits: Edits): void {
    this.take(head.status, head, edits);
  }

  sendBody(): boolean {
    return true;
  }

  sendEnd(): void {}

  sendLocal(answer: LocalAnswer, edits: Edits): void {
    this.code = answer.code;
    this.take(answer.status, answer.fields, edits);
  }

  sendRefusal(): boolean {
    return false;
  }

  resume(): void {}

  finish(): void {
    this.isOver = true;
  }

  private take(status: number, fields: Fields, edits: Edits): void {
    this.status = status;
    fields.forEach((name, value) => !edits.leavesOut(name) && this.fields.add(name, value));
    for (let i = 0; i < edits.addedCount; i++) this.fields.add(edits.names[i]!, edits.values[i]!);
  }
}
