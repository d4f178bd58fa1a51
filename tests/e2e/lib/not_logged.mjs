// Nothing that was said, and no secret, may stand in what a process logs: plant words that stand
// nowhere else, let things go well and wrong, then search every log.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import { formsOf } from './leaks.mjs';

/** A sentence to plant: long, and unlike anything else. */
export const planted = (what) => `planted ${what} ${crypto.randomBytes(6).toString('hex')} heron ${crypto.randomBytes(4).toString('hex')}`;
/** The same in the form of a key. */
export const plantedKey = () => `sk-planted${crypto.randomBytes(16).toString('hex')}`;

/** How a text may look in a log. Pieces of it count too: a cut or wrapped text is still told. */
function shapes(mark) {
  const pieces = mark.split(/\s+/).filter((word) => word.length >= 8);
  return [...new Set([...formsOf(mark).map(([, needle]) => needle.toString()), ...pieces])];
}

/**
 * Fails when a mark stands in the output of a process, in one of its files or in a text.
 * `marks`: {what: text}; `logs`: Running objects, file names or {name, text}.
 */
export function assertNotLogged(marks, logs) {
  for (const log of logs) {
    const [name, text] = typeof log === 'string' ? [log, fs.readFileSync(log, 'utf8')] : 'text' in log ? [log.name, log.text] : [log.name, log.stdout + log.stderr];
    assert.ok(text.length > 0, `nothing was logged at all: ${name}`);
    for (const [what, mark] of Object.entries(marks)) {
      for (const shape of shapes(mark)) {
        const at = text.indexOf(shape);
        assert.ok(at < 0, `${name} tells ${what} (${shape}): …${text.slice(Math.max(0, at - 200), at + 200)}…`);
      }
    }
  }
}
