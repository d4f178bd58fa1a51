// All nine pinned AI SDK clients over the bytes one live answer really had.
import assert from 'node:assert/strict';
import { runClients } from './client_thread.mjs';
import { CLIENTS, makeChat, sketch } from './ui-message-stream/lib.mjs';
import { assertLegal } from '../e2e/lib/contract.mjs';

export { CLIENTS };

/** Contract and clients, as check.mjs --url does: no must violation, every client accepts. */
export async function assertAccepted(exchange, { messages, warnings = [], outcome = 'ready' } = {}) {
  assertLegal(exchange, { messages, warnings });
  const http = { status: exchange.status, headers: exchange.headers };
  const seen = await runClients(new Uint8Array(exchange.body), { http, messages });
  assert.deepEqual(Object.keys(seen), Object.keys(CLIENTS));
  for (const name of Object.keys(CLIENTS)) {
    assert.equal(seen[name].verdict, 'accept', `${name}: ${seen[name].reason}`);
    assert.equal(seen[name].outcome, outcome, `${name}\n${exchange.text.slice(0, 4000)}`);
  }
  const sketches = new Set(Object.values(seen).map((c) => sketch(c.message)));
  assert.equal(sketches.size, 1, `the clients show different messages: ${[...sketches].join(' | ')}`);
  return { message: Object.values(seen)[0].message, sketch: [...sketches][0], clients: seen };
}

/** One turn by a client over its own connection, as a page does it. */
export async function liveTurn(name, base, text, { id } = {}) {
  const { chat, state } = await makeChat(name, { api: `${base}/api/chat`, id, fetch: globalThis.fetch });
  await chat.sendMessage({ text });
  return { status: state.status, error: chat.error, messages: state.messages };
}

/** Waits until `what()` holds of a page whose changes call the functions in `looks`; `why()` tells of it otherwise. */
export function seen(looks, what, why) {
  return new Promise((done, fail) => {
    const timer = setTimeout(() => fail(new Error(why())), 20000);
    const look = () => {
      if (!what()) return;
      clearTimeout(timer);
      clearInterval(often);
      looks.delete(look);
      done();
    };
    const often = setInterval(look, 10); // not every version tells of a status alone
    looks.add(look);
    look();
  });
}
