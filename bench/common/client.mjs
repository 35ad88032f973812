/**
 * A connection for what a benchmark itself asks a server, or stores in it: by Redis's protocol, with replies that are one line or one
 * text. What is measured goes through the load generator instead.
 */

import { once } from 'node:events';
import { connect } from 'node:net';
import { StepError } from '../../scripts/steps/run.mjs';

const LINE_END = '\r\n';

/** A command as the bytes of one request. @param {(string | number)[]} words ASCII */
export function request(...words) {
  const parts = words.map((word) => `$${String(word).length}\r\n${word}\r\n`);
  return `*${words.length}\r\n${parts.join('')}`;
}

export class Client {
  #socket;
  #input = '';
  /** Who waits for replies, in order: for how many, and the last one. */
  #waiting = [];

  constructor(socket) {
    this.#socket = socket;
    socket.setEncoding('latin1').on('data', (text) => this.#receive(text));
    socket.on('error', (error) => this.#fail(error)).on('close', () => this.#fail(new StepError('connection closed')));
  }

  /** @param {number} port on the loopback */
  static async open(port) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new Client(socket);
  }

  /** @returns {Promise<string>} the reply: its text, or its line without the type. @throws {StepError} for an error reply */
  ask(...words) {
    return this.send(request(...words), 1);
  }

  /** @returns {Promise<number>} of a reply that is a number */
  async number(...words) {
    return Number(await this.ask(...words));
  }

  /**
   * Sends requests together.
   * @param {string} requests made by `request`
   * @param {number} count how many they are
   * @returns {Promise<string>} the last reply, when all have come. @throws {StepError} for an error reply among them
   */
  send(requests, count) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ left: count, resolve, reject });
      this.#socket.write(requests, 'latin1');
    });
  }

  close() {
    this.#socket.destroy();
  }

  #receive(text) {
    this.#input += text;
    let at = 0;
    for (let end = this.#replyEnd(at); end > 0; end = this.#replyEnd(at)) {
      this.#settle(this.#input.slice(at, end - 2));
      at = end;
    }
    this.#input = this.#input.slice(at);
  }

  /** Where the reply that begins at `at` ends; 0 when it isn't complete. */
  #replyEnd(at) {
    const lineEnd = this.#input.indexOf(LINE_END, at);
    if (lineEnd < 0) return 0;
    const size = this.#input[at] === '$' ? Number(this.#input.slice(at + 1, lineEnd)) : -1;
    const end = lineEnd + 2 + (size < 0 ? 0 : size + 2);
    return end <= this.#input.length ? end : 0;
  }

  #settle(reply) {
    const first = this.#waiting[0];
    if (reply.startsWith('-')) first.reject(new StepError(`error reply: ${reply}`));
    if (--first.left > 0) return;
    this.#waiting.shift();
    const isText = reply.startsWith('$') && reply !== '$-1';
    first.resolve(isText ? reply.slice(reply.indexOf(LINE_END) + 2) : reply.slice(1));
  }

  #fail(error) {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
