// What a lane says in its own words about a turn, because Codex keeps nothing of it, the next lane says as well: when it
// goes on with the turn of a killed lane, and when Codex has ended that turn meanwhile.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { askingConfig } from '../lib/approvals.mjs';
import { assertLegal, read } from '../lib/contract.mjs';
import { chat, send } from '../lib/http.mjs';
import { again } from '../lib/replicas/pair.mjs';
import { metric, resume, startWorld, whole } from '../lib/replicas/world.mjs';

let world;
before(async () => {
  world = await startWorld({ codex: (port) => askingConfig(port).replace('"workspace-write"', '"read-only"'), lease: '1500ms', args: ['--approvals', 'ask'] });
});
after(() => world.end());

const SILENT = 'model_empty_response';
const requests = async (key) => (await world.mock.requests()).filter((one) => one.items?.some((item) => item.text?.includes(`key=${key}`))).length;
/** Codex has stored the end of a turn whose question has this key. */
function ended(key) {
  const sessions = path.join(world.server.home, 'sessions');
  const all = fs.readdirSync(sessions, { recursive: true }).filter((name) => /rollout-.*\.jsonl$/.test(name)).map((name) => fs.readFileSync(path.join(sessions, name), 'utf8'));
  return all.some((text) => text.includes(`key=${key}`) && text.lastIndexOf('"task_complete"') > text.indexOf(`key=${key}`));
}
let number = 0;

/** A turn whose lane is killed once `ready`; the whole of it by another lane, which has it before (`joins`) or after its end. */
async function takenOver(joins, id, first, dying, ready) {
  let next = joins ? await world.lane(`next-${id}`) : null;
  await ready(first);
  await dying.until(async () => (await metric(dying, 'store_unacked_bytes')) === 0, 'the store to have the words');
  await dying.kill();
  await first.done;
  if (joins) await next.until(async () => (await metric(next, 'adopted_total')) === 1, 'the takeover');
  await world.release(id);
  await world.server.until(() => ended(id), 'the end of the turn');
  next ??= await world.lane(`next-${id}`);
  const x = await again(() => resume(next, id).done, (one) => one.status === 200 && one.complete);
  assertLegal(x);
  await next.until(async () => (await metric(next, joins ? 'adopted_total' : 'reaped_total')) === 1, 'its count'); // follows the end
  return { next, x };
}

for (const joins of [true, false]) {
  for (const [what, kind, asks] of [
    ['a refusal', 'refusal;hold=2', 1],
    ['a refusal behind reasoning', 'reasoning;parts=2;refuse=1;hold=2', 1],
    ['a refusal behind a call', 'mcp;tool=structured;arg=x;refuse=1;hold=2', 2],
  ]) {
    test(`${what}, ${joins ? 'which the next lane joins' : 'which ended while no lane had it'}: the sentence and its notice`, async () => {
      const id = `silent-${++number}`;
      const dying = await world.lane(`dying-${number}`);
      const first = chat(dying.base, `scenario:${kind};key=${id}`, { id });
      const { next, x } = await takenOver(joins, id, first, dying, () => dying.until(async () => (await requests(id)) === asks, 'the refusal'));
      const seen = read(x);
      assert.equal(seen.texts.length, 1, x.text);
      assert.match(seen.texts[0], /ended its answer without a word/);
      assert.deepEqual([seen.finish.messageMetadata.status, seen.finish.messageMetadata.notice], ['completed', SILENT]);
      const messages = await again(() => send(next.base, { path: `/api/chats/${id}/messages` }), (one) => one.text.includes(SILENT));
      assert.ok(messages.text.includes(SILENT), messages.text);
      assert.equal((await next.stop()).code, 0);
    });
  }

  test(`a summary comes first, in a turn ${joins ? 'that the next lane joins' : 'that ended while no lane had it'}: that it is done is said, too`, async () => {
    const id = `summed-${++number}`;
    const dying = await world.lane(`dying-${number}`);
    assertLegal(await chat(dying.base, 'scenario:compact;sum=400', { id }).done);
    const notices = (x) => x.chunks.filter((c) => c?.type === 'data-notice').map((c) => c.data.kind);
    const first = chat(dying.base, `scenario:text;words=10;hold=5;key=${id}`, { id });
    const { next, x } = await takenOver(joins, id, first, dying, (one) => one.wait(() => notices(one).includes('compacting'), 'the summary'));
    assert.deepEqual([notices(x), read(x).texts], [['compacting', 'compacted'], [whole(10)]]);
    assert.equal((await next.stop()).code, 0);
  });
}
