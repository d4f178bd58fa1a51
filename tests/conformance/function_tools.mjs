// A lane over the real Codex whose model calls one function twice, for the released clients of a kit.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { after, before } from 'node:test';
import { chatConfig, startCodexLane, startMock } from '../e2e/lib/codex.mjs';
import { ROOT } from '../e2e/lib/process.mjs';

/** The answers of the function, by city, in the order of the calls. */
export const SKIES = { Oslo: 'rain', Rome: 'sun' };
export const PROMPT = `scenario:calls;calls=${encodeURIComponent(JSON.stringify(Object.keys(SKIES).map((city) => ['weather', { city }])))}`;
export const PARAMETERS = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], additionalProperties: false };

/** Imports a package as the kit in that folder has it. */
export function packagesOf(kit) {
  const kept = createRequire(path.join(ROOT, 'tests/conformance', kit, 'package.json'));
  return (name) => import(pathToFileURL(kept.resolve(name)).href);
}

/** The lane of a test file, from its first test to its last: `base` is where it listens. */
export function laneOfFile(args = []) {
  const file = {};
  let mock, lane;
  before(async () => {
    mock = await startMock();
    lane = await startCodexLane({ config: chatConfig, port: mock.port, args });
    file.base = lane.base;
  });
  after(async () => {
    assert.equal((await lane.stop()).code, 0);
    await mock.stop();
  });
  return file;
}
