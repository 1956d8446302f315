// Server-sent events from a byte stream (WHATWG HTML 9.2.6), whatever the pieces it comes in.

export interface SseEvent {
  event: string;
  data: string;
  id: string;
}

const MAX_BUFFERED = 16 << 20; // of one event; a server that sends more is broken

export class SseParser {
  private decoder = new TextDecoder();
  private buffer = '';
  private data: string[] = [];
  private dataSize = 0;
  private event = '';
  private id = '';
  private started = false;
  private scanned = 0; // of the buffer: holds no line end up to here

  feed(bytes: Uint8Array): SseEvent[] {
    return this.take(this.decoder.decode(bytes, { stream: true }));
  }

  // What ends without a blank line is not an event.
  private take(text: string): SseEvent[] {
    this.buffer += text;
    if (!this.started && this.buffer.length > 0) {
      this.started = true;
      if (this.buffer.charCodeAt(0) === 0xfeff) this.buffer = this.buffer.slice(1);
    }
    const events: SseEvent[] = [];
    let from = 0;
    for (;;) {
      const end = this.lineEnd(from);
      if (end < 0) break;
      const done = this.line(this.buffer.slice(from, end));
      if (done) events.push(done);
      const crlf = this.buffer[end] === '\r' && this.buffer[end + 1] === '\n';
      from = end + (crlf ? 2 : 1);
    }
    this.buffer = this.buffer.slice(from);
    this.scanned = Math.max(0, this.buffer.length - 1); // the last may be a CR
    if (this.buffer.length + this.dataSize > MAX_BUFFERED) throw new Error('An event of the stream is too large.');
    return events;
  }

  // A trailing CR may be half of a CRLF: wait for the next piece.
  private lineEnd(from: number): number {
    for (let i = Math.max(from, from === 0 ? this.scanned : 0); i < this.buffer.length; i++) {
      const c = this.buffer[i];
      if (c === '\n') return i;
      if (c === '\r') return i + 1 < this.buffer.length ? i : -1;
    }
    return -1;
  }

  private line(line: string): SseEvent | null {
    if (line === '') return this.dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return null; // a comment
    const name = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (value.startsWith(' ')) value = value.slice(1);
    if (name === 'data') {
      this.data.push(value);
      this.dataSize += value.length;
    } else if (name === 'event') {
      this.event = value;
    } else if (name === 'id' && !value.includes('\0')) {
      this.id = value;
    }
    return null;
  }

  private dispatch(): SseEvent | null {
    const done = this.data.length > 0 ? { event: this.event || 'message', data: this.data.join('\n'), id: this.id } : null;
    this.data = [];
    this.dataSize = 0;
    this.event = '';
    return done;
  }
}
